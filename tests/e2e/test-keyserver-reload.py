# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGHUP: what is read again, what waits for a restart in every process, and that nothing which is
under way is dropped by it."""
import os
import shutil
import signal
import socket
import ssl
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))
if not shutil.which("openssl"):
    tap.skip_all("openssl is not installed")

import aanf  # noqa: E402
import digest_client  # noqa: E402
import harness  # noqa: E402
import provider  # noqa: E402
from keyserver import KID, RATES, Server  # noqa: E402
from third import Third  # noqa: E402

REALM = KID.split("@")[1]


def keys(s, n=16):
    """What @n exchanges deliver: connections of their own, which workers share out."""
    return {(k.by_id["mqtt"]["kid"], k.raw("mqtt")) for k in (s.exchange() for _ in range(n))}


# --- what waits for a restart -----------------------------------------------------------------

@tap.test
def a_worker_that_is_started_later_has_the_store_that_the_others_have():
    """One kid, one value, though the file names another store that is there and in order."""
    with Server(workers=2) as s:
        before = keys(s)
        assert len(before) == 1
        store, other = s.stack.path("keys.db"), s.stack.path("other.db")
        s.edit("path=" + store, "path=" + other)
        s.verb("init")
        s.verb("application", "add", "mqtt", "--source", "local", "--allow", "*")
        s.reload()
        log = s.process.read_log()
        assert "[store] path: a change of this needs a restart" in log, log

        old = s.workers()
        assert len(old) == 2
        os.kill(old[0], signal.SIGKILL)
        harness.wait_until("there is another one", lambda: set(s.having(s.audit)) - set(old))
        assert not s.having(other) and len(s.having(store)) == 2
        assert keys(s) == before
        # with a restart it is the other one
        s.stack.stop("akma-keyserver")
        s.process = s.stack.start_keyserver()
        assert s.having(other) and not s.having(store)
        assert not keys(s) & before


# --- what is read again -----------------------------------------------------------------------

def shown(s, port):
    """The certificate that is shown at a port, verified by the CA that terminals know now."""
    context = ssl.create_default_context(cafile=s.stack.path("ca.pem"))
    context.set_alpn_protocols(["h2"])
    host, number = s.stack.ready["akma-keyserver"][port].rsplit(":", 1)
    with socket.create_connection((host, int(number)), 60) as raw, \
            context.wrap_socket(raw, server_hostname=harness.FQDN) as tls:
        return tls.getpeercert()["serialNumber"]


@tap.test
def a_renewed_certificate_is_shown_at_every_port_that_has_one():
    with Server(extra=RATES + "[digest]\nlisten=127.0.0.1:0\n") as s:
        before = shown(s, "listen")
        assert shown(s, "digest") == before
        s.stack.make_certificates()
        s.reload()
        assert shown(s, "listen") == shown(s, "digest") != before
        # and it serves there
        with digest_client.Http1(s) as c:
            assert c.get("/v1/keys/mqtt").status == 401


class TlsOperator(provider.Fifth):
    """An AAnF that wants to see a certificate."""

    usual = aanf.Aanf.usual


@tap.test
def a_renewed_certificate_is_shown_to_anchors():
    """At the same path, as renewal tools have it."""
    def extra(stack):
        s_operator.append(TlsOperator(stack, "localhost", stack.path("ca.pem")))
        s_operator[0].start()
        files = provider.make_client(stack, "towards.example.com")
        return RATES + ("[anchor tls]\ntype=akma\noperator=00101\nrealms=%s\nurl=https://localhost:%d\n"
                        "ca-file=%s\ncertificate-file=%s\nkey-file=%s\n" % (
                            REALM, s_operator[0].port, stack.path("ca.pem"), *files))
    s_operator = []
    with Server(extra=extra) as s:
        operator = s_operator[0]
        operator.first_keys, operator.supis = s.operator.first_keys, s.operator.supis

        def serials():
            return [c["serialNumber"] for c in operator.certificates]
        s.exchange()
        first = serials()
        provider.make_client(s.stack, "towards.example.com")
        s.exchange()
        assert serials() == first and len(first) == 1
        s.reload()
        s.exchange()
        assert len(serials()) == 2 and serials()[1] != first[0]
        # nothing changed: another connection, and the same certificate
        s.reload()
        s.exchange()
        assert serials()[2:] == serials()[1:2]
        assert not s.operator.requests
        operator.stop()


# --- what is under way ------------------------------------------------------------------------

class Under:
    """An exchange that is held up at @peer until go_on()."""

    def __init__(self, s, peer, *ids):
        self.ready, self.told = threading.Event(), []
        asked = len(peer.requests)
        peer.answer = lambda request: (self.ready.wait(60), peer.usual(request))[1]
        self.thread = threading.Thread(target=lambda: self.told.append(s.outcome(*ids)))
        self.thread.start()
        harness.wait_until("it is asked", lambda: len(peer.requests) > asked)
        self.peer = peer

    def go_on(self):
        self.ready.set()
        self.thread.join(60)
        self.peer.answer = None
        return self.told


@tap.test
def an_exchange_whose_anchor_or_provider_answers_after_a_reload_goes_on():
    with Third() as s:
        # the connection ahead of the request may not be the one that is held up
        assert s.outcome("mqtt", "local") == {"mqtt": "mqtt:1", "local": "local:1"}
        pids = s.workers()
        for peer in (s.operator, s.fifth):
            under = Under(s, peer, "mqtt", "local")
            s.reload()
            # the ones that come meanwhile have connections of the new configuration
            assert under.thread.is_alive()
            assert under.go_on() == [{"mqtt": "mqtt:1", "local": "local:1"}], peer
            assert s.outcome("mqtt", "local") == {"mqtt": "mqtt:1", "local": "local:1"}
        assert s.workers() == pids


tap.main()
