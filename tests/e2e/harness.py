# SPDX-License-Identifier: LGPL-2.1-or-later
"""harness: the whole system on one machine, for tests, demo and bench.

    with harness.Stack() as s:          # a private folder; nothing runs yet
        s.start_lab(); s.start_modem(); s.start_keyserver(); s.start_bus(); s.start_agent()
        s.ctl("get", "mqtt", "--format", "fingerprint")

Every program is real: akma-lab, akma-modemsim, akma-keyserver, akmad, dbus-daemon. Ports are
free ones of 127.0.0.1; files stand in s.dir. Programs are ended when the with block ends.
"""
import contextlib
import json
import os
import re
import signal
import shutil
import socket
import subprocess
import tempfile
import time

BUILD = os.environ.get("top_builddir", os.path.join(os.path.dirname(__file__), "../../build/gcc"))
SOURCE = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../.."))
FQDN = "keys.example.com"
IMSI = "001010123456789"
# TS 35.208 test set 1
K = "465b5ce8b199b49faa5f0a2ee238a6bc"
BSF = "bsf.mnc001.mcc001.pub.3gppnetwork.org"
OPC = "cd63cb71954a9f4e48a5994e37a02baf"

PROGRAMS = {
    "akma-lab": "src/lab/akma-lab",
    "akma-modemsim": "modem/simulator/akma-modemsim",
    "akma-keyserver": "src/keyserver/akma-keyserver",
    "akmad": "src/agent/akmad",
    "akmactl": "src/cli/akmactl",
}

BUS_CONF = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_type="method_call"/>
    <allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
  </policy>
</busconfig>
"""


def program(name):
    return os.path.join(BUILD, PROGRAMS[name])


def wait_until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("%s: not within %s s" % (what, seconds))


def accepts(path):
    """Is somebody listening at the Unix socket @path?"""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


@contextlib.contextmanager
def refusing_address(address="127.0.0.1:0"):
    """HOST:PORT where nobody listens, and that no other program is given meanwhile."""
    host, port = address.rsplit(":", 1)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((host, int(port)))
        yield "%s:%d" % s.getsockname()


class Process:
    """One program in the foreground, its log in a file."""

    def __init__(self, name, argv, log, env=None, **popen):
        self.name, self.log = name, log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                          env=env, **popen)
        self.pid = self.popen.pid

    def wait_ready(self, path, seconds=60):
        def there():
            if self.popen.poll() is not None:
                raise AssertionError("%s ended with %s:\n%s" % (self.name, self.popen.returncode,
                                                              self.read_log()))
            return os.path.exists(path)
        wait_until(self.name + " is ready", there, seconds)
        with open(path) as f:
            return dict(line.rstrip("\n").split("=", 1) for line in f)

    def read_log(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def signal(self, number):
        self.popen.send_signal(number)

    def stop(self, seconds=60):
        """SIGTERM; the exit status. Kills and raises after that many seconds."""
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError("%s did not stop within %s s of SIGTERM" % (self.name, seconds))


class Stack:
    def __init__(self, directory=None, keep=False, log_level="info", protocol="at", anchor="akma"):
        """@protocol: what the modem speaks and the agent is told: at, mbim or qmi.
        @anchor: akma, gba, gba-u or auto: as the servers of akmad.conf have it. The SIM of gba is
        one without service 123, in a modem that registers on nothing."""
        self.protocol = protocol
        self.anchor = anchor
        self.dir = directory or tempfile.mkdtemp(prefix="akma-")
        self.keep = keep
        self.log_level = log_level
        self.processes = {}
        self.ready = {}
        self.bus = None
        self.env = dict(os.environ)
        self.env.pop("DBUS_SESSION_BUS_ADDRESS", None)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            for p in self.processes.values():
                for line in p.read_log().splitlines()[-40:]:
                    print("# %s: %s" % (p.name, line))
        self.stop_all()
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    # -- programs --------------------------------------------------------------------------

    def spawn(self, name, argv, ready=True, **popen):
        argv = list(argv)
        path = self.path(name + ".ready")
        if ready:
            if os.path.exists(path):
                os.unlink(path)
            argv += ["--ready", path]
        end = time.monotonic() + 90
        while True:
            p = Process(name, argv, self.path(name + ".log"), env=self.env, **popen)
            self.processes[name] = p
            try:
                if ready:
                    self.ready[name] = p.wait_ready(path)
                return p
            except AssertionError:
                # at the port it had: another program may have been given it for a moment
                if "ddress already in use" not in p.read_log() or time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def stop(self, name):
        return self.processes.pop(name).stop()

    def stop_all(self):
        for name in reversed(list(self.processes)):
            try:
                self.processes.pop(name).stop()
            except AssertionError as error:
                print("# %s" % error)

    # -- the operator: AUSF, UDM, AAnF -----------------------------------------------------

    def start_lab(self, subscribers=None, extra=()):
        if subscribers is None:
            subscribers = ("[subscriber %s]\nmnc-length=2\nk=%s\nopc=%s\namf=8000\n"
                           "sqn=000000000000\nrouting-indicator=0\nakma=true\ngba=%s\n" % (
                               IMSI, K, OPC, "u" if self.anchor == "gba-u" else "me"))
        path = self.write("subscribers.conf", subscribers)
        return self.spawn("akma-lab", [program("akma-lab"), "--subscribers", path,
                                       "--listen", self.ready.get("akma-lab", {}).get("core", "127.0.0.1:0"),
                                       *(["--bsf-listen", "127.0.0.1:0"] if self.uses_gba else []),
                                       *extra])

    @property
    def core(self):
        return "http://" + self.ready["akma-lab"]["core"]

    def anchors_asked(self):
        """What key servers asked the core for, as its log tells it: (resource, status)."""
        return re.findall(r"(retrieve-applicationkey|bootstrapping-info-retrieval) \S+: (\d+)",
                          self.processes["akma-lab"].read_log())

    @property
    def uses_gba(self):
        return self.anchor != "akma"

    @property
    def bsf(self):
        return "http://" + self.ready["akma-lab"]["bsf"]

    # -- the modem -------------------------------------------------------------------------

    def start_modem(self, card=None, core=None, dialect=None, name="modem"):
        services = {"akma": "123;124", "auto": "68;123;124"}.get(self.anchor, "68")
        if card is None:
            card = ("[card]\niccid=8988211000000000017\n[usim]\nimsi=%s\nmnc-length=2\nk=%s\nopc=%s\n"
                    "sqn=000000000000\nservices=%s\nrouting-indicator=0\nplmn=00101\n" % (
                        IMSI, K, OPC, services))
        if core is None:
            core = "123" in services
        path = self.write(name + ".card", card)
        argv = [program("akma-modemsim"), "--card", path, "--" + self.protocol, self.modem_port(name),
                "--control", self.control_path(name)]
        if core:
            argv += ["--core", self.core]
        if dialect:
            argv += ["--dialect", dialect]
        return self.spawn("akma-modemsim" if name == "modem" else name, argv)

    def modem_port(self, name="modem"):
        return self.path(name + (".tty" if self.protocol == "at" else "." + self.protocol))

    def control_path(self, name="modem"):
        return self.path("control.sock" if name == "modem" else name + ".sock")

    def control(self, line, name="modem"):
        """One command to the modem's control socket; the answer without its newline."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.control_path(name))
            s.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                more = s.recv(4096)
                if not more:
                    break
                answer += more
        return answer.decode().rstrip("\n")

    # -- the key server --------------------------------------------------------------------

    def make_certificates(self, fqdn=FQDN):
        """ca.pem, server.pem and server.key: P-256, made by openssl(1)."""
        def run(*argv):
            subprocess.run(["openssl", *argv], check=True, cwd=self.dir,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=akmad test CA", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")  # python 3.13 trusts no other
        run("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=" + fqdn)
        self.write("server.ext", "subjectAltName=DNS:%s\nauthorityKeyIdentifier=keyid\n" % fqdn)
        run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "server.ext")
        os.chmod(self.path("server.key"), 0o600)

    def keyserver_config(self, core=None, workers=1, extra=""):
        if self.uses_gba:
            extra += ("[anchor bsf]\ntype=gba\noperator=00101\nrealms=%s\nurl=%s\n" % (
                BSF, core or self.core))
        if "idle=" not in extra:  # a busy machine is no silent terminal
            extra = extra.replace("[limits]\n", "[limits]\nidle=10m\nexchange=10m\n")
        return self.write("akma-keyserver.conf", (
            "[server]\nname=%s\nlisten=%s\ncertificate-file=%s\nkey-file=%s\nworkers=%d\n"
            "[store]\nbackend=sqlite\npath=%s\nstore-key-file=%s\n"
            "[anchor operator]\ntype=akma\noperator=00101\nrealms=*\nurl=%s\n%s") % (
                FQDN, self.ready.get("akma-keyserver", {}).get("listen", "127.0.0.1:0"),
                self.path("server.pem"), self.path("server.key"), workers,
                self.path("keys.db"), self.path("store.key"), core or self.core, extra))

    def server(self, *verb, check=True, input=None):
        """akma-keyserver VERB ...; stdout as text."""
        result = subprocess.run([program("akma-keyserver"), "--config",
                                 self.path("akma-keyserver.conf"), *verb], env=self.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, input=input)
        if check and result.returncode:
            raise AssertionError("akma-keyserver %s: %d\n%s" % (" ".join(verb), result.returncode,
                                                                result.stderr))
        return result.stdout if check else result

    def init_keyserver(self, application="mqtt", **config):
        """Certificates, configuration, store and one application that everybody may have."""
        if not os.path.exists(self.path("ca.pem")):
            self.make_certificates()
        self.keyserver_config(**config)
        self.server("init")
        if application:
            self.server("application", "add", application, "--source", "local", "--allow", "*")

    def start_keyserver(self, **config):
        if not os.path.exists(self.path("store.key")):
            self.init_keyserver(**config)
        return self.spawn("akma-keyserver", [program("akma-keyserver"), "--config",
                                             self.path("akma-keyserver.conf"), "serve"])

    def server_keys(self, application="mqtt"):
        """The rows of akma-keyserver key list, newest first."""
        rows = [json.loads(line) for line in
                self.server("key", "list", "--application", application, "--json").splitlines()]
        return sorted(rows, key=lambda row: -int(row["kid"].rsplit(":", 1)[1]))

    # -- the gateway -----------------------------------------------------------------------

    def start_bus(self):
        """A private system-like bus; s.bus is its address."""
        address = self.path("bus.sock")
        conf = self.write("bus.conf", BUS_CONF % address)
        os.chmod(self.dir, 0o711)
        self.bus = "unix:path=" + address
        self.env["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus
        self.processes["dbus-daemon"] = Process("dbus-daemon", [
            "dbus-daemon", "--nofork", "--nopidfile", "--config-file", conf],
            self.path("dbus-daemon.log"))
        wait_until("the bus is there", lambda: accepts(address))

    def agent_config(self, applications="[application mqtt]\nserver=keys\nusers=%u\n",
                     server=None, device=None, extra="", bsf=None, profile="message", agent=""):
        server = server or self.ready["akma-keyserver"]["listen"]
        if self.uses_gba:
            extra = "[gba]\nbsf=%s\n%s" % (bsf or self.bsf, extra)
        return self.write("akmad.conf", (
            "[agent]\nstate-dir=%s\n%s[modem sim]\ndevice=%s\nprotocol=%s\n"
            "[server keys]\nurl=https://%s:%s\nconnect=%s\n%sanchor=%s\nprofile=%s\n%s%s") % (
                self.path("state"), agent, device or self.modem_port(), self.protocol, FQDN,
                server.rsplit(":", 1)[1], server, "" if profile == "psk" else
                "ca-file=%s\n" % self.path("ca.pem"), self.anchor, profile,
                applications.replace("%u", str(os.getuid())), extra))

    def start_agent(self, config=True, **settings):
        if config:
            self.agent_config(**settings)
        os.makedirs(self.path("state"), mode=0o700, exist_ok=True)
        return self.spawn("akmad", [program("akmad"), "--config", self.path("akmad.conf"),
                                    "--bus", self.bus, "--log-level", self.log_level])

    def ctl(self, *words, check=True, binary=False, **run):
        """akmactl ...; stdout, or the finished process with check=False."""
        result = subprocess.run([program("akmactl"), "--bus", self.bus, *words], env=self.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=not binary, **run)
        if check and result.returncode:
            raise AssertionError("akmactl %s: %d\n%s" % (" ".join(words), result.returncode, result.stderr))
        return result.stdout if check else result

    def renew_once_cured(self, name="mqtt", verb="renew"):
        """The cause of a failure is gone. What akmad began by itself before that may fail still, and
        a call that comes meanwhile shares it; the next one does not."""
        if self.ctl(verb, name, check=False).returncode:
            self.ctl(verb, name)

    def application(self, name="mqtt"):
        for line in self.ctl("list", "--json").splitlines():
            row = json.loads(line)
            if row["id"] == name:
                return row
        return None

    def wait_key(self, name="mqtt", seconds=60, kid=None):
        def have():
            row = self.application(name)
            return row and row["state"] == "ready" and (not kid or row["key_id"] == kid) and row
        return wait_until("%s has its key" % name, have, seconds)

    def check_two_versions(self):
        """The key on the bus is the one that the server holds; after a rotation it is the next one.
        Each exchange deleted its first key, and no log of the agent names the subscriber."""
        assert self.wait_key()["key_id"] == "mqtt:1"
        fingerprint = self.ctl("get", "mqtt", "--format", "fingerprint").strip()
        assert [row["sha256"] for row in self.server_keys()] == [fingerprint]
        self.server("key", "rotate", "--application", "mqtt")
        self.ctl("renew", "mqtt")
        assert self.application()["key_id"] == "mqtt:2"
        log = self.processes["akmad"].read_log()
        assert log.count("first key deleted") == 2 and IMSI not in log

    def start_all(self):
        self.start_lab()
        self.start_modem()
        self.start_keyserver()
        self.start_bus()
        self.start_agent()


def worker_pids(pid):
    """@pid and all processes below it."""
    pids = [pid]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == pid:
                pids += worker_pids(int(entry))
    return pids


__all__ = ["Stack", "Process", "program", "wait_until", "refusing_address", "worker_pids", "signal",
           "FQDN", "IMSI", "K", "OPC", "BUILD", "SOURCE"]
