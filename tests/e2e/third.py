# SPDX-License-Identifier: LGPL-2.1-or-later
"""third: a real akma-keyserver as the third server, an AAnF and a provider that a test rules.

    with third.Third() as s:
        s.fifth.keys["broker"] = bytes; s.fifth.answer = lambda request: ...; s.outcome("mqtt")
"""
import signal

import provider
from keyserver import RATES, Server

KEY = bytes.fromhex("8f3a1d5c07e2b94640c8f1259e6bd7a3113870bce4925df60a4ec7791b25d8f2")
OTHER_KEY = bytes.fromhex("15d0c68e7fa93b24e1970d5ab8f36c42de0491a77c5be83f2619d4c0a2875eb3")
TOKEN = "c0ffee" * 10 + "abcd"


class Third(Server):
    """A key server whose application mqtt is "broker" of a provider that a test rules."""

    def __init__(self, timeout="10s", limits="", token=None, certificate=True, trusted="ca.pem",
                 name="localhost", ca="ca", **more):
        def extra(stack):
            if ca != "ca":
                provider.make_authority(stack, ca)
            self.fifth = provider.Fifth(stack, name, stack.path("ca.pem") if certificate else None,
                                        ca)
            self.fifth.start()
            self.fifth.keys["broker"] = KEY
            text = RATES + limits + "[provider fifth]\nurl=https://localhost:%d\ntimeout=%s\n" % (
                self.fifth.port, timeout)
            text += "ca-file=%s\n" % stack.path(trusted)
            if certificate:
                text += "certificate-file=%s\nkey-file=%s\n" % provider.make_client(stack, "third")
            if token:
                text += "token-file=%s\n" % stack.write("token", token + "\n")
            return text
        super().__init__(extra=extra, add=("local",), **more)
        if not more.get("beside"):
            self.add_upstream("mqtt")

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.fifth.stop()

    def add_upstream(self, name, upstream_id="broker", to="fifth"):
        self.verb("application", "add", name, "--source", "upstream", "--provider", to,
                  "--upstream-id", upstream_id, "--allow", "*")

    def outcome(self, *ids):
        """The kids and causes of one exchange, by identifier."""
        keys = self.exchange(*(ids or ("mqtt",)))
        return {**{i: k["kid"] for i, k in keys.by_id.items()}, **keys.errors}

    def fresh(self):
        """The provider is taken for a new one: its failures so far are forgotten."""
        self.process.signal(signal.SIGHUP)
