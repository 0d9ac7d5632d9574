# SPDX-License-Identifier: LGPL-2.1-or-later
"""keyserver: a key server with an AAnF of ours, and what its tests have in common.

    with keyserver.Server() as s:
        keys = s.exchange("mqtt"); s.rows("key", "list"); s.operator.answer = ...
    with keyserver.GbaServer() as s:      # and a BSF of the same operator
        keys = s.exchange("mqtt", anchor="gba"); s.bsf.answer = ...
"""
import hashlib
import itertools
import json
import os
import shutil
import signal

import aanf
import bsf
import harness
import reference
from harness import FQDN

KID = "0.pHY_9qVCfFj6UfYuA2wqozyINDzdpfF9uGzxq3tWYbY@5gc.mnc001.mcc001.3gppnetwork.org"
FIRST_KEY = hashlib.sha256(b"first key of a test").digest()
SUPI = "imsi-001010000000001"
DOMAIN = "bsf.mnc001.mcc001.pub.3gppnetwork.org"
B_TID = "I1U8vpY3qJ0hiuZNrke/NQ==@" + DOMAIN
RAND = bytes.fromhex("23553cbe9637a89d218ae64dae47bf35")
# CK || IK of TS 35.208 test set 1
KS = bytes.fromhex("b40ba9a3c58b2a05bbf0d987b21bf8cbf769bcd751044604127672711c6d3441")
IMPI = SUPI.removeprefix("imsi-") + "@ims.mnc001.mcc001.3gppnetwork.org"
KS_NAF = reference.ks_naf(KS, RAND, IMPI, FQDN)
# what a terminal has for each anchor, in the message profile
FIRST = {"akma": (KID, FIRST_KEY), "gba": (B_TID, KS_NAF)}
STORE = None  # a postgres.Postgres, for every Server from here on; else an SQLite file each
RATES = "[limits]\naddress=10000/s\nkid=10000/s\n"


class Server:
    """A key server with one application and an AAnF of ours, or with the one at @core. @extra: more of
    the configuration, where %DIR% is the folder of the stack, or a function of the stack. @conninfo:
    of a PostgreSQL; @beside: a Server whose store it shares."""

    schemas = itertools.count(1)
    audit_files = itertools.count(1)

    def __init__(self, workers=1, extra=RATES, add=("mqtt",), init=(), realms=None,
                 core=None, conninfo=None, beside=None):
        self.stack = harness.Stack()
        self.operator = aanf.Aanf()
        self.operator.start()
        self.operator.first_keys[KID] = FIRST_KEY
        self.operator.supis[KID] = SUPI
        s = self.stack
        s.make_certificates()
        s.keyserver_config(core=core or self.operator.url, workers=workers,
                           extra=extra(s) if callable(extra) else extra.replace("%DIR%", s.dir))
        if realms:
            self.edit("realms=*", "realms=" + realms)
        self.audit = s.path("audit.jsonl")
        self.edit("workers=", "audit-file=%s\nworkers=" % self.audit)
        if STORE and not conninfo:
            conninfo = STORE.conninfo("store_%d" % next(self.schemas))
        if conninfo:
            self.edit("backend=sqlite\npath=%s" % s.path("keys.db"),
                      "backend=postgresql\nconninfo=" + conninfo.replace("%DIR%", s.dir))
        if beside:
            shutil.copy(beside.stack.path("store.key"), s.path("store.key"))
        else:
            s.server("init", *init)
            for name in add:
                s.server("application", "add", name, "--source", "local", "--allow", "*")
        self.process = s.start_keyserver()

    def edit(self, old, new):
        path = self.stack.path("akma-keyserver.conf")
        with open(path) as f:
            text = f.read()
        assert old in text
        self.stack.write("akma-keyserver.conf", text.replace(old, new))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stack.__exit__(kind, value, trace)
        self.operator.stop()

    @property
    def address(self):
        host, port = self.stack.ready["akma-keyserver"]["listen"].rsplit(":", 1)
        return host, int(port)

    def client(self, timeout=60):
        return reference.Client("https://%s:8443" % FQDN, self.stack.path("ca.pem"), self.address,
                                timeout)

    def exchange(self, *key_ids, anchor="akma", kid=None, first_key=None, **more):
        return reference.exchange("https://%s:8443" % FQDN, anchor, kid or FIRST[anchor][0],
                                  first_key or FIRST[anchor][1], list(key_ids or ("mqtt",)),
                                  self.stack.path("ca.pem"), self.address, **more)

    def verb(self, *words, **more):
        return self.stack.server(*words, **more)

    def rows(self, *words):
        return [json.loads(line) for line in self.verb(*words, "--json").splitlines()]

    def audits(self, event):
        with open(self.audit) as f:
            # the last line may be half written
            rows = [json.loads(line) for line in f if line.endswith("\n")]
        return [row for row in rows if row["event"] == event]

    def reload(self):
        """SIGHUP, until every worker has the configuration as it is now: they open the audit file
        anew, and leave the one before last."""
        before, done = self.audit, "configuration read again"
        told = self.process.read_log().count(done)
        self.audit = self.stack.path("audit-%d.jsonl" % next(self.audit_files))
        self.edit("audit-file=" + before, "audit-file=" + self.audit)
        self.process.signal(signal.SIGHUP)
        harness.wait_until("reloaded", lambda: self.process.read_log().count(done) > told)
        harness.wait_until("each worker has read it", lambda: not self.having(before) and
                           self.having(self.audit))

    def having(self, path):
        """The processes of the server that have this file open."""
        return [pid for pid in self.workers() if path in open_files(pid)]

    def workers(self):
        return [p for p in harness.worker_pids(self.process.pid) if p != self.process.pid]


def open_files(pid):
    folder, files = "/proc/%d/fd" % pid, []
    try:
        for fd in os.listdir(folder):
            try:
                files.append(os.readlink(os.path.join(folder, fd)))
            except OSError:
                pass  # closed meanwhile
    except OSError:
        pass  # the process has ended
    return files


class GbaServer(Server):
    """Both anchors of one operator; s.bsf is the second. @group: further lines of its group."""

    def __init__(self, more="", group="", realms=DOMAIN, **config):
        self.bsf = bsf.Bsf()
        self.bsf.start()
        self.bsf.bootstrap(B_TID, KS, RAND, IMPI)
        text = "[anchor bsf]\ntype=gba\noperator=00101\nrealms=%s\nurl=%s\ntimeout=4s\n%s" % (
            realms, self.bsf.url, group)
        super().__init__(extra=RATES + more + text.replace("TOKEN_URL", self.bsf.token_url),
                         **config)

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.bsf.stop()
        assert kind or not self.bsf.faults, self.bsf.faults

    def gba(self, *key_ids, **more):
        return self.exchange(*key_ids, anchor="gba", **more)

    def log(self):
        return self.process.read_log()


def cause_of(function, *args, **more):
    try:
        function(*args, **more)
    except reference.Refused as refused:
        assert refused.headers["cache-control"] == "no-store", refused.headers
        return refused.status, refused.cause
    raise AssertionError("not refused")


def problem(answer, status, cause):
    body = json.loads(answer.body)
    assert answer.status == status, (answer.status, body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert (body["status"], body.get("cause"), body["type"]) == (status, cause, "about:blank"), body


def first_body(kid=KID, anchor="akma", **more):
    return json.dumps({"anchor": anchor, "kid": kid,
                       "nonce": reference.b64(os.urandom(32)), **more}).encode()
