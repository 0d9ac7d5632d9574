# SPDX-License-Identifier: LGPL-2.1-or-later
"""swtpm: a real TPM 2.0 in software on a Unix socket, and a wire to it that can be listened to.

    with swtpm.Swtpm(folder) as tpm:    # raises tap.Skip where swtpm(8) is not installed
        tpm.tcti                        # for tpm-tcti=
        tpm.extend(7)                   # another boot
"""
import hashlib
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import tap

# TPM 2.0 library specification, part 2: tags, commands and the handle of an empty password
NO_SESSIONS, SESSIONS, RS_PW = 0x8001, 0x8002, 0x40000009
PCR_EXTEND, CHANGE_AUTH, FLUSH_CONTEXT = 0x182, 0x129, 0x165
NO_PASSWORD = struct.pack(">IIHBH", 9, RS_PW, 0, 0, 0)
OWNER, SHA256 = 0x40000001, 0x000B


class Swtpm:
    def __init__(self, folder, name="tpm"):
        if not shutil.which("swtpm"):
            raise tap.Skip("swtpm is not installed")
        self.folder = os.path.join(folder, name)
        self.path = os.path.join(folder, name + ".sock")
        os.makedirs(self.folder, exist_ok=True)
        self.popen = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def tcti(self):
        return "swtpm:path=" + self.path

    def start(self):
        """A boot: PCRs begin anew, what is sealed stays."""
        for path in (self.path, self.path + ".ctrl"):
            if os.path.exists(path):
                os.unlink(path)
        self.popen = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + self.folder, "--server",
             "type=unixio,path=" + self.path, "--ctrl", "type=unixio,path=%s.ctrl" % self.path,
             "--flags", "not-need-init,startup-clear"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not (os.path.exists(self.path) and os.path.exists(self.path + ".ctrl")):
            assert self.popen.poll() is None and time.monotonic() < end, "swtpm does not start"
            time.sleep(0.01)

    def stop(self):
        if self.popen:
            self.popen.send_signal(signal.SIGCONT)
            self.popen.kill()
            self.popen.wait()
            self.popen = None

    def freeze(self):
        """It is there and takes commands, and never answers."""
        self.popen.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.popen.send_signal(signal.SIGCONT)

    def command(self, code, body):
        answer = self.ask(struct.pack(">HII", SESSIONS, 10 + len(body), code) + body)
        assert struct.unpack(">HII", answer[:10])[2] == 0, answer.hex()

    def ask(self, message):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(self.path)
            s.sendall(message)
            return s.recv(4096)

    def extend(self, pcr, what=b"another firmware"):
        self.command(PCR_EXTEND, struct.pack(">I", pcr) + NO_PASSWORD +
                     struct.pack(">IH", 1, SHA256) + hashlib.sha256(what).digest())

    def flush_sessions(self):
        """systemd 252 leaves its own behind; on a gateway the kernel does this for each process."""
        for handle in range(0x02000000, 0x02000003):
            for kind in (0, 0x01000000):
                self.ask(struct.pack(">HIII", NO_SESSIONS, 14, FLUSH_CONTEXT, handle + kind))

    def set_owner_password(self, password):
        self.command(CHANGE_AUTH, struct.pack(">I", OWNER) + NO_PASSWORD +
                     struct.pack(">H", len(password)) + password)


class Wire:
    """Stands before a Swtpm, hears each byte, and can pull the TPM out at the nth command."""

    def __init__(self, tpm, path, kill_at=None):
        self.tpm, self.path, self.kill_at = tpm, path, kill_at
        self.heard = b""
        self.commands = 0
        self.listeners = []
        for end in ("", ".ctrl"):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path + end)
            listener.listen(4)
            self.listeners.append(listener)
            threading.Thread(target=self.accept, args=(listener, end), daemon=True).start()

    @property
    def tcti(self):
        return "swtpm:path=" + self.path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for listener in self.listeners:
            listener.close()

    def accept(self, listener, end):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client, end), daemon=True).start()

    def carry(self, client, end):
        with client, socket.socket(socket.AF_UNIX) as there:
            try:
                there.connect(self.tpm.path + end)
                while True:
                    for ready in select.select([client, there], [], [])[0]:
                        data = ready.recv(8192)
                        if not data:
                            return
                        self.heard += data
                        if ready is client and end == "":
                            self.commands += 1
                            if self.commands == self.kill_at:
                                self.tpm.stop()
                                return
                        (there if ready is client else client).sendall(data)
            except OSError:
                return
