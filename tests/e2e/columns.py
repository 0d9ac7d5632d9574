# SPDX-License-Identifier: LGPL-2.1-or-later
"""columns: the ways from the agent's side to a simulated card, for test-conformance.py.

A column is a simulator with one face and dialect, and card-tool on it: directly, through the real
mbim-proxy or qmi-proxy, or through akmad-port and the proxy. Proxies listen on abstract sockets,
which belong to a network namespace: each column that needs one gets its own.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("top_builddir", ".")
SIM = os.path.join(BUILD, "modem/simulator/akma-modemsim")
TOOL = os.path.join(BUILD, "tests/e2e/card-tool")
HELPER = os.path.join(BUILD, "modem/port/akmad-port")
PROXIES = "/usr/libexec"
ROOT = os.getuid() == 0
# Brings up the loopback interface and hands its parent, on descriptor 0, a socket that listens there.
LISTEN = """
import fcntl, socket, struct
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
listener = socket.create_server(("127.0.0.1", 0))
socket.send_fds(socket.socket(fileno=0), [b"1"], [listener.fileno()])
"""


def wait_until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("%s: not within %s s" % (what, seconds))


class Column:
    """@face: at, mbim or qmi, the option of the simulator. @protocol: that the agent is told."""

    def __init__(self, name, face, protocol, dialect=None, proxy=None, helper=False):
        self.name, self.face, self.protocol, self.dialect = name, face, protocol, dialect
        self.proxy, self.helper = proxy, helper
        self.reads_without_channel = face != "at"
        self.processes = []

    def why_not(self):
        """Why this column cannot run here; None: it can."""
        if not self.proxy:
            return None
        if not os.path.exists(os.path.join(PROXIES, self.proxy)):
            return self.proxy + " is not installed"
        if not shutil.which("unshare") or not shutil.which("nsenter"):
            return "unshare and nsenter are not installed"
        if subprocess.run([*self.unshare(), "true"], stderr=subprocess.DEVNULL).returncode:
            return "user namespaces are off"
        return None

    @staticmethod
    def unshare():
        """Another network namespace, in which the proxy and its clients are uid 0."""
        return ["unshare", "-n"] if ROOT else ["unshare", "-rn"]

    def enter(self):
        if not self.proxy:
            return []
        pid = str(self.processes[1].pid)
        return ["nsenter", "-t", pid, "-n"] + ([] if ROOT else ["-U", "--preserve-credentials"])

    def listener(self):
        """A socket that listens on the loopback interface of wherever card-tool runs."""
        if self.helper or not self.proxy:
            return socket.create_server(("127.0.0.1", 0))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            subprocess.run([*self.enter(), sys.executable, "-c", LISTEN], stdin=theirs, check=True)
            _, (fd,), _, _ = socket.recv_fds(ours, 1, 1)
        return socket.socket(fileno=fd)

    def spawn(self, *argv):
        process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def start(self, card):
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o711)
        self.port, ready = self.path("port"), self.path("ready")
        self.write("card", card)
        self.spawn(SIM, "--card", self.path("card"), "--" + self.face, self.port,
                   "--control", self.path("control"), "--ready", ready,
                   *(["--dialect", self.dialect] if self.dialect else []))
        wait_until("the simulator is ready", lambda: os.path.exists(ready))
        if self.proxy:
            self.start_proxy()
        if self.helper:
            self.start_helper()

    def start_proxy(self):
        proxy = self.spawn(*self.unshare(), os.path.join(PROXIES, self.proxy), "--no-exit")

        def listens():
            assert proxy.poll() is None, "%s ended" % self.proxy
            with open("/proc/%d/net/unix" % proxy.pid) as file:
                return "@%s" % self.proxy in file.read()
        wait_until(self.proxy + " listens", listens)

    def start_helper(self):
        """akmad-port beside the proxy; it serves whoever card-tool runs as."""
        user = "nobody" if ROOT else pwd.getpwuid(os.getuid()).pw_name
        ready = self.path("helper.ready")
        self.spawn(*self.enter(), HELPER, "--socket", self.path("helper.sock"), "--user", user,
                   "--device", "/dev/pts/*", "--ready", ready)
        wait_until("akmad-port is ready", lambda: os.path.exists(ready))

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.folder.cleanup()

    # -- the card ----------------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def control(self, line, may_fail=False):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.path("control"))
            s.sendall(line.encode() + b"\n")
            answer = s.makefile().readline().strip()
        assert may_fail or answer.startswith("ok"), "%s: %s" % (line, answer)
        return dict(p.split("=", 1) for p in answer.split()[1:] if "=" in p)

    def insert(self, card):
        """Another card, or the same one anew; faults, delay and channels as at the start."""
        self.control("sim out", may_fail=True)  # the row before may have taken it out
        self.control("sim in " + self.write("card", card))
        self.control("reset")

    def channels(self):
        """Logical channels that are open, without the basic one."""
        return int(self.control("status")["open"]) - 1

    # -- the agent's side ----------------------------------------------------------------------

    def tool(self, *actions, timeout_ms=20000):
        """card-tool with these actions; its lines."""
        argv = [] if self.helper else self.enter()
        if self.helper and ROOT:
            argv += ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        proxy = "always" if self.proxy else "never"
        argv += [TOOL, "--protocol=" + self.protocol, "--proxy=" + proxy]
        if self.helper:
            argv += ["--helper=" + self.path("helper.sock")]
        done = subprocess.run([*argv, self.port, str(timeout_ms), *actions], text=True, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr and \
            "CRITICAL" not in done.stderr, done.stderr
        self.output = done.stdout + done.stderr
        return done.stdout.splitlines()


def every_column():
    at = [Column("at_" + d.replace("-", "_"), "at", "at", d) for d in
          "plain no-test session-257 no-space inline no-cchc busy csim-only".split()]
    mbim = [Column(d.replace("-", "_"), "mbim", "mbim", d) for d in
            "mbim-p2-0c mbim-class-inter mbim-no-le mbim-sw-be mbim-no-auth mbim-no-uicc-files".split()]
    qmi = [Column("qmi", "qmi", "qmi"),
           Column("qmi_over_mbim", "mbim", "qmi", "mbim-qmi"),
           Column("qmi_by_proxy", "qmi", "qmi", proxy="qmi-proxy"),
           Column("qmi_by_akmad_port", "qmi", "qmi", proxy="qmi-proxy", helper=True)]
    return (at + [Column("mbim", "mbim", "mbim")] + mbim +
            [Column("mbim_by_proxy", "mbim", "mbim", proxy="mbim-proxy"),
             Column("mbim_by_akmad_port", "mbim", "mbim", proxy="mbim-proxy", helper=True)] + qmi)
