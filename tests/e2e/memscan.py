# SPDX-License-Identifier: LGPL-2.1-or-later
"""memscan: looks for secrets in the memory of running processes.

    memscan.scan([pid, ...], {"K_AF": bytes}) -> {"K_AF": [(pid, encoding, region), ...]}

Each process is stopped and every map that it may read is read through /proc/PID/mem, the secure
heap of OpenSSL too (gcore leaves it out). A secret is searched as raw bytes, hex in both cases,
base64 and base64url, with or without padding. Our programs are not dumpable, so an ordinary user
calls need_access() first, before it starts them.

As a program: memscan.py PID... <SECRETS, a line "NAME HEX" each; a line for each place, status 1
if there is one. Secrets are never arguments: those are in memory themselves.
"""

import base64
import os
import signal
import subprocess
import sys
import time

CHUNK = 16 * 1024 * 1024
REGION_MAX = 64 * 1024 ** 3  # a shadow of AddressSanitizer cannot be read in a lifetime
SHORTEST = 8                 # bytes; less would be found by chance
NOT_MEMORY = ("[vvar]", "[vvar_vclock]", "[vsyscall]")


def encodings(secret):
    """{encoding: pattern}; a pattern without padding is found with it as well."""
    plain = base64.b64encode(secret).rstrip(b"=")
    url = base64.urlsafe_b64encode(secret).rstrip(b"=")
    found = {"raw": secret, "hex": secret.hex().encode(), "HEX": secret.hex().upper().encode(),
             "base64": plain}
    if url != plain:
        found["base64url"] = url
    return found


def _threads_are_stopped(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as f:
            if f.read().rpartition(")")[2].split()[0] not in "Tt":
                return False
    return True


def _stop(pid):
    """True if it ran before."""
    if _threads_are_stopped(pid):
        return False
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + 60
    while not _threads_are_stopped(pid):
        if time.monotonic() > end:
            raise RuntimeError(f"process {pid} does not stop")
        time.sleep(0.001)
    return True


def _regions(pid):
    with open(f"/proc/{pid}/maps") as f:
        for line in f:
            span, rights, _, _, _, *name = line.split(maxsplit=5)
            start, end = (int(x, 16) for x in span.split("-"))
            name = name[0].strip() if name else ""
            if rights[0] == "r" and name not in NOT_MEMORY:
                yield start, end, f"{name or 'anonymous'} {rights} {start:x}-{end:x}"


def _find(data, patterns, longest_before):
    """Names and encodings whose pattern stands in @data, not wholly in what was seen before."""
    return [key for key, pattern in patterns.items()
            if data.find(pattern, max(0, longest_before - len(pattern) + 1)) >= 0]


def _scan_region(memory, start, end, patterns, longest):
    found = set()
    tail = b""
    place = start
    while place < end:
        try:
            data = os.pread(memory, min(CHUNK, end - place), place)
        except OSError:
            break  # a device, or beyond the end of a mapped file: not memory of the process
        if not data:
            break
        found.update(_find(tail + data, patterns, len(tail)))
        place += len(data)
        tail = (tail + data)[-(longest - 1):]
    return found


def _scan_process(pid, patterns, longest):
    found = []
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for start, end, region in _regions(pid):
            if end - start > REGION_MAX:
                raise RuntimeError(f"process {pid} has a map of {end - start} bytes: "
                                   "is it built with AddressSanitizer?")
            for name, encoding in sorted(_scan_region(memory, start, end, patterns, longest)):
                found.append((name, (pid, encoding, region)))
    finally:
        os.close(memory)
    return found


def scan(pids, secrets):
    patterns = {}
    for name, secret in secrets.items():
        if len(secret) < SHORTEST:
            raise ValueError(f"{name} is too short to be searched")
        for encoding, pattern in encodings(bytes(secret)).items():
            patterns[name, encoding] = pattern
    longest = max(map(len, patterns.values()))

    result = {name: [] for name in secrets}
    ran = []
    try:
        # all stand still before the first is read: nothing moves from one to the other
        ran = [pid for pid in pids if _stop(pid)]
        for pid in pids:
            for name, place in _scan_process(pid, patterns, longest):
                result[name].append(place)
    finally:
        for pid in ran:
            os.kill(pid, signal.SIGCONT)
    return result


def left(pids, secrets, seconds=60):
    """What scan() finds in the end, {} if nothing: whoever answers wipes at once after that, and the
    other end may have its answer before. Ends with the first scan that finds nothing."""
    end = time.monotonic() + seconds
    pause = 0.05  # longer each time: each scan stops the processes, and they must get to run
    while True:
        hits = {name: where for name, where in scan(pids, secrets).items() if where}
        if not hits or time.monotonic() > end:
            return hits
        time.sleep(pause)
        pause = min(2 * pause, 2)


def need_access():
    """Runs the calling script again inside `unshare -r` if it needs that; a reason if it cannot."""
    if os.environ.get("AKMA_SANITIZERS"):
        return "the shadow memory of AddressSanitizer cannot be searched; the plain build is"
    if os.geteuid() == 0:
        return None
    if subprocess.run(["unshare", "-r", "true"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode != 0:
        return "needs root or user namespaces (unshare -r) to read /proc/PID/mem"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "-r", sys.executable, *sys.argv])


def main():
    secrets = {}
    for line in sys.stdin:
        name, text = line.split()
        secrets[name] = bytes.fromhex(text)
    found = scan([int(pid) for pid in sys.argv[1:]], secrets)
    for name, places in found.items():
        for pid, encoding, region in places:
            print(name, pid, encoding, region)
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
