# SPDX-License-Identifier: LGPL-2.1-or-later
"""fleet: a key server and akma-lab with many subscribers, for the program fleet beside this file.

    with fleet.Stack(terminals=1000) as stack:
        stack.run("--terminals=1000", "--concurrent=32")["per_s"]
"""
import json
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import derive  # noqa: E402
import harness  # noqa: E402

# The limits of the server are not what is measured.
NO_LIMITS = ("[limits]\naddress=1000000/s\nkid=1000000/s\ntotal=1000000/s\n"
             "handshakes=20000\nconnections=20000\n")


def has_keys(pid):
    """Only a worker has locked memory."""
    try:
        with open("/proc/%d/status" % pid) as f:
            return int(re.search(r"^VmLck:\s+(\d+) kB", f.read(), re.M).group(1)) > 0
    except (OSError, AttributeError):
        return False


class Stack(harness.Stack):
    """@conninfo: the store is this PostgreSQL; else an SQLite file. @more_config: groups."""

    def __init__(self, terminals, workers=1, limits=NO_LIMITS, conninfo=None, anchor_timeout="5s",
                 more_config="", **more):
        super().__init__(**more)
        self.workers, self.limits, self.more_config = workers, limits, more_config
        self.conninfo, self.anchor_timeout = conninfo, anchor_timeout
        self.subscribers = "".join(
            "[subscriber 00101%010d]\nmnc-length=2\nk=%s\nopc=%s\namf=8000\nsqn=000000000000\n"
            "routing-indicator=0\nakma=true\n" % (n, harness.K, harness.OPC)
            for n in range(terminals))

    def __enter__(self):
        """The lab and the server are up; the application mqtt is for everybody."""
        super().__enter__()
        self.start_lab(self.subscribers)
        self.init_keyserver(application=None)
        self.server("application", "add", "mqtt", "--source", "local", "--allow", "*", "--grace", "1h")
        self.start_keyserver()
        self.keyserver_config()  # from now on always the same ports
        return self

    def keyserver_config(self, **_):
        ready = self.ready.get("akma-keyserver", {})
        extra = "%s[psk]\nlisten=%s\n[admin]\nlisten=unix:%s\n%s" % (
            self.limits, ready.get("psk", "127.0.0.1:0"), self.path("admin"), self.more_config)
        path = super().keyserver_config(workers=self.workers, extra=extra)
        with open(path) as f:
            text = f.read()
        text = text.replace("realms=*\n", "realms=*\ntimeout=%s\n" % self.anchor_timeout)
        if self.conninfo:
            text = text.replace("backend=sqlite\npath=" + self.path("keys.db"),
                                "backend=postgresql\nconninfo=" + self.conninfo)
        return self.write("akma-keyserver.conf", text)

    def address(self, profile="message"):
        listener = "psk" if profile == "psk" else "listen"
        host, port = self.ready["akma-keyserver"][listener].rsplit(":", 1)
        return host, int(port)

    def command(self, *options):
        """What runs the terminals: fleet with @options."""
        port = self.address("psk" if "--psk" in options else "message")[1]
        return [os.path.join(harness.BUILD, "tests/bench/fleet"), "--core=" + self.core,
                "--server=https://%s:%d" % (harness.FQDN, port), "--fqdn=" + harness.FQDN,
                "--ca=" + self.path("ca.pem"), *options]

    def register(self, imsi, k_ausf):
        """As an AUSF would: what a terminal of its own has in the core. The A-KID."""
        kid = derive.a_kid(k_ausf, imsi)
        body = json.dumps({"supi": "imsi-" + imsi, "aKId": kid,
                           "kAkma": derive.k_akma(k_ausf, imsi).hex()})
        subprocess.run(["curl", "-sSf", "--http2-prior-knowledge", "-H",
                        "Content-Type: application/json", "-d", body,
                        self.core + "/naanf-akma/v1/register-anchorkey"], check=True,
                       stdout=subprocess.DEVNULL)
        return kid

    def run(self, *options, check=True):
        """Its figures. @check: each terminal has a key, and no kid has two values."""
        done = subprocess.run(self.command(*options), check=check, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    def begin_both(self, terminals, *options):
        """Half of @terminals of each profile, at the same time, for end_both()."""
        runs = []
        for first, profile in ((0, []), (terminals // 2, ["--psk"])):
            seen = self.path("seen%d" % first)
            words = self.command("--first=%d" % first, "--terminals=%d" % (terminals // 2),
                                 "--keys=" + seen, *profile, *options)
            runs.append((subprocess.Popen(words, stdout=subprocess.PIPE, text=True), seen))
        return runs

    @staticmethod
    def end_both(runs):
        """The figures of each, and the file with what it was given."""
        return [(json.loads(run.communicate()[0]), seen) for run, seen in runs]

    def worker_pids(self):
        parent = self.processes["akma-keyserver"].pid
        return [pid for pid in harness.worker_pids(parent) if pid != parent and has_keys(pid)]

    def metrics(self):
        """/metrics: name with labels -> number."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.path("admin"))
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        rows = (line.rsplit(" ", 1) for line in text.split("\r\n\r\n", 1)[1].splitlines()
                if line and not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def stored(self):
        """{(terminal, kid, SHA-256)}: the two newest versions of each terminal."""
        return {(row["terminal"], row["kid"], row["sha256"]) for row in self.server_keys()}

    def lacking(self, path, had=frozenset()):
        """How many of the keys that fleet --keys wrote to @path, all that were delivered, the store
        does not have. @had: what it had before older versions were deleted, of stored()."""
        have = {(kid, digest) for _, kid, digest in self.stored() | had}
        with open(path) as f:
            seen = {tuple(line.split()) for line in f}
        assert seen, "no key was delivered"
        return len(seen - have)

    def two_values(self, had):
        """How many kids of a terminal the store had with one value, of @had, and has with another."""
        all_of_them = self.stored() | had
        return len(all_of_them) - len({(terminal, kid) for terminal, kid, _ in all_of_them})
