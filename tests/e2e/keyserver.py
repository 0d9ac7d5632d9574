# SPDX-License-Identifier: LGPL-2.1-or-later
"""keyserver: a key server with an AAnF of ours, and what its tests have in common.

    with keyserver.Server() as s:
        keys = s.exchange("mqtt"); s.rows("key", "list"); s.operator.answer = ...
"""
import json
import os

import aanf
import harness
import reference
from harness import FQDN

KID = "0.pHY_9qVCfFj6UfYuA2wqozyINDzdpfF9uGzxq3tWYbY@5gc.mnc001.mcc001.3gppnetwork.org"
FIRST_KEY = bytes(range(32))
SUPI = "imsi-001010000000001"
RATES = "[limits]\naddress=10000/s\nkid=10000/s\n"


class Server:
    """A key server with one application and an AAnF of ours, or with the one at @core. @extra: more of
    the configuration, where %DIR% is the folder of the stack, or a function of the stack."""

    def __init__(self, workers=1, extra=RATES, add=("mqtt",), init=(), realms=None,
                 core=None):
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

    def client(self, timeout=15):
        return reference.Client("https://%s:8443" % FQDN, self.stack.path("ca.pem"), self.address,
                                timeout)

    def exchange(self, *key_ids, kid=KID, first_key=FIRST_KEY, **more):
        return reference.exchange("https://%s:8443" % FQDN, "akma", kid, first_key,
                                  list(key_ids or ("mqtt",)), self.stack.path("ca.pem"),
                                  self.address, **more)

    def verb(self, *words, **more):
        return self.stack.server(*words, **more)

    def rows(self, *words):
        return [json.loads(line) for line in self.verb(*words, "--json").splitlines()]

    def audits(self, event):
        with open(self.audit) as f:
            return [row for row in map(json.loads, f) if row["event"] == event]

    def workers(self):
        return [p for p in harness.worker_pids(self.process.pid) if p != self.process.pid]


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
