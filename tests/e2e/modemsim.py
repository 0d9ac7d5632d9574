# SPDX-License-Identifier: LGPL-2.1-or-later
"""modemsim: a running akma-modemsim with the faces that a test asks for, and its control socket."""
import os
import signal
import socket
import subprocess
import tempfile
import time

BUILD = os.environ.get("top_builddir", ".")
PROGRAM = os.path.join(BUILD, "modem/simulator/akma-modemsim")

# TS 35.208 test set 1
IMSI = "001010123456789"
ICCID = "8900101234567890123"
AID = "A0000000871002FFFFFFFF8907090000"
K = "465b5ce8b199b49faa5f0a2ee238a6bc"
OPC = "cd63cb71954a9f4e48a5994e37a02baf"


def card(extra="", usim="sqn=ff9bb4d0b5e7", rest=""):
    return (f"[card]\niccid={ICCID}\n{extra}\n[usim]\nimsi={IMSI}\nk={K}\nopc={OPC}\n{usim}\n{rest}")


class Sim:
    """@faces: names of options whose value is a symlink in the folder of the test."""

    def __init__(self, *options, text=None, faces=("mbim",), secrets=()):
        self.dir = tempfile.TemporaryDirectory(prefix="modemsim-")
        self.secrets = (K, OPC, *secrets)
        self.faces = faces
        self.write("card", text or card())
        command = [PROGRAM, "--card", self.path("card"), "--control", self.path("control"),
                   "--ready", self.path("ready")]
        for face in faces:
            command += ["--" + face, self.path(face)]
        with open(self.path("log"), "w") as log:
            self.process = subprocess.Popen([*command, *options], stderr=log)
        self.wait_until(lambda: os.path.exists(self.path("ready")), "ready")

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def log(self):
        with open(self.path("log")) as file:
            return file.read()

    def wait_until(self, condition, what, timeout=60):
        limit = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, "it ended: " + self.log()
            assert time.monotonic() < limit, "never " + what + ": " + self.log()
            time.sleep(0.01)

    def control(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.path("control"))
            s.sendall(line.encode() + b"\n")
            return s.makefile().readline().rstrip("\n")

    def ok(self, line):
        reply = self.control(line)
        assert reply == "ok" or reply.startswith("ok "), (line, reply)
        return dict(word.split("=", 1) for word in reply.split()[1:])

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        log = self.log()
        left = [n for n in (*self.faces, "control", "ready") if os.path.lexists(self.path(n))]
        self.dir.cleanup()
        if kind is None:
            assert status == 0, (status, log)
            assert not left, left
            for secret in (IMSI, *self.secrets):
                assert secret.lower() not in log.lower(), "a secret in the log"
