# SPDX-License-Identifier: LGPL-2.1-or-later
"""demo: the main job on one machine without hardware, told as a short story with real times.

    ./dev demo [--keep] [--protocol at|mbim|qmi] [--anchor akma|gba] [--third-server]

Exit 0 only if the key that a process got over D-Bus is the one that the key server holds; with
--third-server the one that a fifth server holds, which the key server fetched it from.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import derive  # noqa: E402
import fifth  # noqa: E402
import harness  # noqa: E402
from harness import IMSI  # noqa: E402

STOP = """#!/bin/sh
# ends what ./dev demo --keep left running, and removes this folder
pids='%(pids)s'
kill $pids 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 $pids 2>/dev/null || break
    sleep 0.2
done
rm -rf '%(dir)s'
"""

CONTROL = """#!%(python)s
# one command to the control socket of the modem, and its answer
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.connect("%(dir)s/control.sock")
    s.sendall(" ".join(sys.argv[1:] or ["status"]).encode() + b"\\n")
    print(s.makefile().readline(), end="")
"""

ENV = """# . this file, then look around
export DBUS_SYSTEM_BUS_ADDRESS='%(bus)s'
export PATH='%(path)s':"$PATH"
AKMA_DIR='%(dir)s'
AKMA_BUS='%(bus)s'
AKMA_SERVER='%(server)s'
AKMA_CORE='%(core)s'
AKMA_CA='%(dir)s/ca.pem'
AKMA_CONTROL='%(dir)s/control.sock'
"""

LOOK_AROUND = """
Everything is still running. To look around:

  . %(dir)s/env.sh
  akmactl status
  akmactl watch mqtt &              tells of each event of the next two lines
  akma-keyserver --config $AKMA_DIR/%(config)s key rotate --application %(application)s
  akmactl renew mqtt
  busctl --address=$AKMA_BUS tree org.akmad1
  gdbus introspect --address $AKMA_BUS --dest org.akmad1 --object-path /org/akmad1/application/mqtt
  curl --http2 --cacert $AKMA_CA --connect-to keys.example.com:%(port)s:127.0.0.1:%(port)s \\
       -H 'Content-Type: application/json' -d '{}' https://keys.example.com:%(port)s/v1/sessions
  $AKMA_DIR/control status          the modem; also: register, sim out, sim in, unplug, plug
  printf 'status\\n' | nc -UN $AKMA_CONTROL        the same, with netcat-openbsd
  less $AKMA_DIR/akmad.log

  %(dir)s/stop        ends it all and removes the folder
"""


class Failed(Exception):
    def __init__(self, step, error="Internal"):
        super().__init__(step)
        self.step, self.error = step, error


class Story:
    def __init__(self):
        self.start = time.time()

    def tell(self, what, text, at=None):
        seconds = (at or time.time()) - self.start
        print("%8.3f s  %-22s %s" % (seconds, what, text), flush=True)

    def head(self, text):
        print("\n" + text, flush=True)


def log_time(line, now):
    """The Unix time of a log line "HH:MM:SS.mmm level domain: text" of today (UTC)."""
    hours, minutes, seconds = line[:12].split(":")
    midnight = now - now % 86400
    return midnight + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def find_line(process, pattern, step, seconds=60):
    """(time, match) of the first log line with @pattern."""
    def look():
        for line in process.read_log().splitlines():
            match = re.search(pattern, line)
            if match and re.match(r"\d\d:\d\d:\d\d\.\d{3} ", line):
                return log_time(line, time.time()), match
        return None
    try:
        return harness.wait_until(pattern, look, seconds)
    except AssertionError:
        raise Failed(step) from None


def a_kid(stack):
    """The identifier that the agent shows to the server, from what is on the card."""
    content = bytes.fromhex(stack.control("dump 4F05").split("=")[-1].split()[-1])
    return derive.a_kid(content[2:34], IMSI)


def start_everything(stack, story):
    story.head("The parts, each a real program")
    stack.start_lab()
    story.tell("operator's core", "akma-lab: AUSF, UDM, AuC and %s, HTTP/2 on %s" % (
        "BSF" if stack.uses_gba else "AAnF", stack.ready["akma-lab"]["core"]))
    stack.start_modem()
    story.tell("modem with its SIM", "akma-modemsim: %s port %s" % (stack.protocol.upper(),
                                                                 stack.modem_port()))
    story.tell("", "LTE only: the card holds no key of 5G" if stack.uses_gba else
               "registered with 5G AKA; the modem left K_AUSF in EF_5GAUTHKEYS of the card")
    if stack.third_server:
        fifth.start_third(stack)
        story.tell("fifth server", "akma-keyserver: makes the keys of \"broker\", on " +
                   stack.ready["fifth"]["listen"])
        story.tell("third server", "akma-keyserver: its mqtt is that \"broker\", on " +
                   stack.ready["akma-keyserver"]["listen"])
        story.tell("fourth server", "the operator's core, which the third server asks")
    else:
        stack.init_keyserver(application=None)
        stack.server("application", "add", "mqtt", "--source", "local", "--length", "32",
                     "--grace", "1h", "--allow", "*")
        stack.start_keyserver()
        story.tell("key server", "akma-keyserver: TLS 1.3, HTTP/2, SQLite, on " +
                   stack.ready["akma-keyserver"]["listen"])
    stack.start_bus()
    stack.start_agent()
    story.tell("gateway", "akmad on a private D-Bus; its configuration names the application mqtt")


def tell_exchange(stack, story):
    agent, lab = stack.processes["akmad"], stack.processes["akma-lab"]
    server = stack.processes["akma-keyserver"]
    gba = stack.uses_gba
    key, name = ("Ks_NAF", "B-TID") if gba else ("K_AF", "A-KID")
    anchor = [
        (lab, r"GET Ub / \S+: 401", "BSF challenges", lambda m: "RAND and AUTN, over Ub (HTTP Digest)"),
        (lab, r"GET Ub / \S+: 200", "BSF answered", lambda m: "RES of the card; it gave the B-TID"),
        (agent, r"card read,", "card read", lambda m: "CK and IK are Ks; Ks_NAF for this server"),
        (lab, r"bootstrapping-info-retrieval", "BSF asked", lambda m: "by the key server, for Ks_NAF"),
    ] if gba else [
        (agent, r"card read,", "card read", lambda m: "A-KID " + a_kid(stack)),
        (lab, r"retrieve-applicationkey", "AAnF asked", lambda m: "by the key server, for K_AF"),
    ]
    steps = [
        (agent, r"modem .*: found, (.*) \(", "modem found", lambda m: m.group(1)),
        *anchor,
        (agent, r"first request sent", "first request  ->",
         lambda m: "the %s and a fresh nonce" % name),
        (agent, r"first response", "first response <-",
         lambda m: "opens under %s: the key server has it too" % key),
        (agent, r"second request sent", "second request ->",
         lambda m: '"mqtt", encrypted under %s' % key),
        *([(stack.processes["fifth"], r"consumer third: 1 keys", "fifth server asked",
            lambda m: "by the third, only now; mutual TLS")] if stack.third_server else []),
        (agent, r"second response", "second response <-",
         lambda m: "the key, encrypted under %s" % key),
        (server, r"first key deleted", "first key deleted", lambda m: "by the key server"),
        (agent, r"first key deleted", "first key deleted", lambda m: "by the agent"),
        (agent, r"application mqtt: key (\S+) is new", "key sealed to disk", lambda m: m.group(1)),
    ]
    story.head("The exchange, as the programs logged it")
    lines = []
    for order, (process, pattern, what, text) in enumerate(steps):
        at, match = find_line(process, pattern, "exchange")
        lines.append((at, order, what, text(match)))
    for at, _, what, text in sorted(lines):
        story.tell(what, text, at)


class Watcher:
    """A process that watches the application from before the rotation on."""

    def __init__(self, stack):
        self.path = stack.path("watch.json")
        with open(self.path, "w") as out:
            self.popen = subprocess.Popen([harness.program("akmactl"), "--bus", stack.bus, "--json",
                                           "watch", "mqtt"], stdout=out, env=stack.env)
        harness.wait_until("the watcher watches", self.events)

    def events(self):
        with open(self.path) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def wait(self, kid):
        return harness.wait_until("KeyChanged " + kid, lambda: [
            e for e in self.events() if e["event"] == "key-changed" and e["kid"] == kid])

    def stop(self):
        self.popen.send_signal(signal.SIGTERM)
        self.popen.wait()


def get_key(stack, *words):
    """SHA-256 of the key that a separate process got through D-Bus."""
    return stack.ctl("get", "mqtt", "--format", "fingerprint", *words).strip()


def server_sha256(stack, kid):
    """Of the server that makes the key. The third one keeps nothing of it."""
    rows = stack.server_keys()
    if stack.third_server:
        if rows:
            raise Failed("third-server-keeps-a-key")
        rows = fifth.rows(stack, "key", "list", "--application", fifth.BROKER)
    rows = [row for row in rows if row["kid"].split(":")[1] == kid.split(":")[1]]
    if not rows:
        raise Failed("server-key", "KeyUnknown")
    return rows[0]["sha256"], rows[0]["length"]


def compare(stack, story, kid):
    agent = get_key(stack)
    server, length = server_sha256(stack, kid)
    story.tell("GetKey over D-Bus", "%s, %d bytes, SHA-256 %s" % (kid, length, agent))
    owner = "the fifth server's" if stack.third_server else "the server's copy"
    story.tell(owner, "%s, %d bytes, SHA-256 %s" % (kid, length, server))
    if agent != server:
        raise Failed("compare")
    return agent, server, length


def run(stack, story):
    try:
        start_everything(stack, story)
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        raise Failed("start") from None
    try:
        stack.wait_key()
    except AssertionError:
        row = stack.application() or {}
        name = ((row.get("last_error") or {}).get("name") or "org.akmad1.Error.NotReady")
        raise Failed("enrol", name.rsplit(".", 1)[1]) from None
    tell_exchange(stack, story)

    story.head("The key, fetched by another process (akmactl)")
    first, _, _ = compare(stack, story, "mqtt:1")

    story.head("Rotation at the %sserver" % ("fifth " if stack.third_server else ""))
    watcher = Watcher(stack)
    try:
        if stack.third_server:
            fifth.verb(stack, "key", "rotate", "--application", fifth.BROKER)
        else:
            stack.server("key", "rotate", "--application", "mqtt")
        story.tell("key rotate", "%s made mqtt:2 due" % (
            "the fifth server" if stack.third_server else "akma-keyserver"))
        stack.ctl("renew", "mqtt")
        story.tell("akmactl renew mqtt", "a new exchange, with the bootstrapping that is there"
                   if stack.uses_gba else
                   "a new exchange, with a first key read from the card again")
        watcher.wait("mqtt:2")
        story.tell("KeyChanged mqtt:2", "arrived in process %d, which was watching" % watcher.popen.pid)
    except AssertionError:
        raise Failed("rotate") from None
    finally:
        watcher.stop()
    agent, server, length = compare(stack, story, "mqtt:2")
    if agent == first:
        raise Failed("rotate")
    if get_key(stack, "--kid", "mqtt:1") != first:
        raise Failed("previous", "KeyUnknown")
    story.tell("GetKeyVersion mqtt:1", "the version before is still there, for peers that lag behind")
    return agent, server, length


def keep(stack):
    values = {"dir": stack.dir, "bus": stack.bus, "server": stack.ready["akma-keyserver"]["listen"],
              "core": stack.core, "port": stack.ready["akma-keyserver"]["listen"].rsplit(":", 1)[1],
              "config": "fifth.conf" if stack.third_server else "akma-keyserver.conf",
              "application": fifth.BROKER if stack.third_server else "mqtt",
              "python": sys.executable, "pids": " ".join(str(p.pid) for p in stack.processes.values()),
              "path": ":".join(os.path.dirname(os.path.abspath(harness.program(p)))
                               for p in harness.PROGRAMS)}
    stack.write("env.sh", ENV % values)
    stack.write("stop", STOP % values, 0o700)
    stack.write("control", CONTROL % values, 0o700)
    print(LOOK_AROUND % values)
    print("DEMO keep dir=" + stack.dir)


def give_up(stack, failure):
    """Shows what the programs said last; the last line names the step."""
    sys.stdout.flush()
    for process in stack.processes.values():
        for line in process.read_log().splitlines()[-15:]:
            print("  %s: %s" % (process.name, line), file=sys.stderr)
    if not isinstance(failure, Failed):
        print("demo: %s" % failure, file=sys.stderr)
        failure = Failed("fetch")
    stack.keep = False
    sys.stderr.flush()
    print("\nDEMO failed step=%s error=%s" % (failure.step, failure.error), flush=True)
    return 1


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev demo", description="The main job, without hardware.")
    parser.add_argument("--keep", action="store_true", help="leave it all running")
    parser.add_argument("--protocol", choices=["at", "mbim", "qmi"], default="at", help="what the modem speaks")
    parser.add_argument("--anchor", choices=["akma", "gba"], default="akma", help="how the first key is made")
    parser.add_argument("--third-server", action="store_true",
                        help="the key server fetches the key from a fifth server")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    story = Story()
    print("akmad: from a SIM to an application's key, on this machine alone.")
    with harness.Stack(tempfile.mkdtemp(prefix="akma-demo-"), keep=options.keep,
                       protocol=options.protocol, anchor=options.anchor) as stack:
        stack.third_server = options.third_server
        try:
            agent, server, length = run(stack, story)
        except (Failed, AssertionError, OSError, ValueError) as failure:
            return give_up(stack, failure)
        seconds = time.time() - story.start
        if options.keep:
            keep(stack)
            stack.processes.clear()
        else:
            print()
        print("DEMO ok anchor=%s protocol=%s application=mqtt kid=mqtt:2 length=%d agent=%s server=%s "
              "rotated=yes seconds=%.2f" % (options.anchor, options.protocol, length, agent, server,
                                           seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
