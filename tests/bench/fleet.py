# SPDX-License-Identifier: LGPL-2.1-or-later
"""fleet: a key server and akma-lab with many subscribers, for the program fleet beside this file.

    with fleet.Stack(terminals=1000) as stack:
        stack.run("--terminals=1000", "--concurrent=32")["per_s"]
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import harness  # noqa: E402

# The limits of the server are not what is measured.
NO_LIMITS = ("[limits]\naddress=1000000/s\nkid=1000000/s\ntotal=1000000/s\n"
             "handshakes=20000\nconnections=20000\n")


class Stack(harness.Stack):
    def __init__(self, terminals, workers=1, limits=NO_LIMITS, **more):
        super().__init__(**more)
        self.workers, self.limits = workers, limits
        self.subscribers = "".join(
            "[subscriber 00101%010d]\nmnc-length=2\nk=%s\nopc=%s\namf=8000\nsqn=000000000000\n"
            "routing-indicator=0\nakma=true\n" % (n, harness.K, harness.OPC)
            for n in range(terminals))

    def __enter__(self):
        """The lab and the server are up; the application mqtt is for everybody."""
        super().__enter__()
        self.start_lab(self.subscribers)
        self.init_keyserver(application=None, **self.settings)
        self.server("application", "add", "mqtt", "--source", "local", "--allow", "*", "--grace", "1h")
        self.start_keyserver()
        self.keyserver_config(**self.settings)  # from now on always the same port
        return self

    @property
    def settings(self):
        return {"workers": self.workers, "extra": self.limits}

    def command(self, *options):
        """What runs the terminals: fleet with @options."""
        port = self.ready["akma-keyserver"]["listen"].rsplit(":", 1)[1]
        return [os.path.join(harness.BUILD, "tests/bench/fleet"), "--core=" + self.core,
                "--server=https://%s:%s" % (harness.FQDN, port), "--fqdn=" + harness.FQDN,
                "--ca=" + self.path("ca.pem"), *options]

    def run(self, *options, check=True):
        """Its figures. @check: each terminal has a key, and no kid has two values."""
        done = subprocess.run(self.command(*options), check=check, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    def lacking(self, path):
        """How many of the keys that fleet --keys wrote to @path the store does not have."""
        have = {(row["kid"], row["sha256"]) for row in self.server_keys()}
        with open(path) as f:
            seen = {tuple(line.split()) for line in f}
        assert seen, "no key was delivered"
        return len(seen - have)
