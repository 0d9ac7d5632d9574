# SPDX-License-Identifier: LGPL-2.1-or-later
"""The third server and a provider that is slow, gone, wrong or hostile: each terminal is told
whether it was refused or unavailable, and nobody else waits."""
import os
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
    import prometheus_client  # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import figures  # noqa: E402
import harness  # noqa: E402
import provider  # noqa: E402
from keyserver import FIRST_KEY, KID  # noqa: E402
from third import OTHER_KEY, Third  # noqa: E402

# --- a provider that is slow, gone or wrong ------------------------------------------------------

@tap.test
def a_slow_provider_blocks_nobody_else():
    with Third() as s:
        release, told = threading.Event(), []

        def answer(request):
            release.wait(60)
            return 503, b""
        s.fifth.answer = answer
        waiting = [threading.Thread(target=lambda: told.append(s.outcome("mqtt", "local")))
                   for _ in range(4)]
        for thread in waiting:
            thread.start()
        harness.wait_until("the provider was asked", lambda: len(s.fifth.requests) == 4)
        for _ in range(8):
            assert s.outcome("local") == {"local": "local:1"}
        assert told == []
        release.set()
        for thread in waiting:
            thread.join()
        assert told == [{"mqtt": "upstream_unavailable", "local": "local:1"}] * 4, told


@tap.test
def a_silent_provider_is_unavailable_at_its_timeout():
    with Third(timeout="3s") as s:
        s.fifth.answer = lambda request: None
        assert s.outcome("mqtt", "local") == {"mqtt": "upstream_unavailable", "local": "local:1"}
        s.fifth.answer = None
        assert s.outcome() == {"mqtt": "mqtt:1"}


@tap.test
def requests_to_providers_are_counted_and_a_broken_one_is_told():
    with Third(limits="[admin]\nlisten=127.0.0.1:0\n") as s:
        def told(result):
            return figures.value(s, "akma_provider_requests_total", provider="fifth", result=result)

        assert s.outcome() == {"mqtt": "mqtt:1"} and told("ok") == 1
        s.fifth.answer = lambda request: (403, b"")
        assert s.outcome() == {"mqtt": "upstream_refused"} and told("upstream_refused") == 1
        assert figures.value(s, "akma_provider_broken", provider="fifth") == 0
        s.fifth.answer = lambda request: (503, b"")
        for _ in range(10):
            assert s.outcome() == {"mqtt": "upstream_unavailable"}
        # while it is left alone nobody asks it, so nothing is counted either
        assert figures.value(s, "akma_provider_broken", provider="fifth") == 1
        assert told("upstream_unavailable") == len(s.fifth.requests) - 2 >= 10
        health = figures.health(s)
        assert health["healthy"] and health["providers"] == [{"name": "fifth", "state": "failing"}]
        s.fifth.answer = None
        harness.wait_until("it is asked again", lambda: s.outcome() == {"mqtt": "mqtt:1"})
        assert figures.value(s, "akma_provider_broken", provider="fifth") == 0


@tap.test
def what_is_read_again_counts_as_well_until_it_is_tried():
    with Third(limits="[admin]\nlisten=127.0.0.1:0\n") as s:
        s.fifth.answer = lambda request: (503, b"")
        for _ in range(10):
            s.outcome()
        assert figures.value(s, "akma_provider_broken", provider="fifth") == 1
        s.fresh()
        harness.wait_until("its failures are forgotten", lambda: figures.value(
            s, "akma_provider_broken", provider="fifth") == 0)


@tap.test
def a_connection_that_was_only_opened_ahead_is_given_up_in_time():
    with Third(timeout="3s") as s:
        ended = threading.Event()

        def say_nothing(sock):
            while sock.recv(4096):
                pass
            ended.set()
        s.fifth.after_hello = say_nothing
        with s.client() as c:
            c.open_session("akma", KID, FIRST_KEY, ["mqtt"])
            assert ended.wait(60)
        s.fifth.after_hello = None
        assert s.outcome() == {"mqtt": "mqtt:1"}


@tap.test
def silence_is_told_within_the_time_of_the_exchange():
    with Third(limits="exchange=6s\n") as s:
        s.fifth.answer = lambda request: None
        assert s.outcome("mqtt", "local") == {"mqtt": "upstream_unavailable", "local": "local:1"}


@tap.test
def a_terminal_that_goes_away_meanwhile_ends_the_question():
    with Third() as s:
        release = threading.Event()

        def answer(request):
            release.wait(60)
            return s.fifth.usual(request)
        s.fifth.answer = answer
        with s.client() as c:
            session = c.open_session("akma", KID, FIRST_KEY)
            c.begin("POST", "/v1/sessions/%s/keys" % session.id, session.seal(b'{"key_ids":["mqtt"]}'),
                    "application/jose")
            harness.wait_until("the provider was asked", lambda: s.fifth.requests)
        release.set()
        s.fifth.answer = None
        assert s.outcome() == {"mqtt": "mqtt:1"}
        assert [e["kid"] for e in s.audits("delivered")] == ["mqtt:1"]


@tap.test
def a_provider_that_comes_back_is_asked_again():
    with Third() as s:
        s.fifth.stop()
        assert s.outcome() == {"mqtt": "upstream_unavailable"}
        s.fifth.start()
        assert s.outcome() == {"mqtt": "mqtt:1"}


@tap.test
def a_provider_that_keeps_failing_is_left_alone_for_a_while():
    with Third() as s:
        s.fifth.answer = lambda request: (503, b"")
        for _ in range(10):
            assert s.outcome() == {"mqtt": "upstream_unavailable"}
        begun = time.monotonic()
        for _ in range(2):
            assert s.outcome() == {"mqtt": "upstream_unavailable"}
        # for 2 s nobody is let through
        asked = len(s.fifth.requests)
        assert asked == 10 or time.monotonic() - begun > 1.5, asked

        # one finds out whether it is well again; the others do not wait for that
        release = threading.Event()

        def hang(request):
            release.wait(60)
            return 503, b""

        def try_until_asked():
            while len(s.fifth.requests) == asked:
                s.outcome()
        s.fifth.answer = hang
        trial = threading.Thread(target=try_until_asked)
        trial.start()
        harness.wait_until("it is tried", lambda: len(s.fifth.requests) == asked + 1)
        for _ in range(3):
            assert s.outcome() == {"mqtt": "upstream_unavailable"}
        assert len(s.fifth.requests) == asked + 1, len(s.fifth.requests)
        release.set()
        trial.join()
        s.fifth.answer = None
        harness.wait_until("it is asked again", lambda: s.outcome() == {"mqtt": "mqtt:1"})


@tap.test
def statuses_of_a_provider_tell_refused_from_unavailable():
    with Third() as s:
        for status, cause in ((400, "refused"), (401, "refused"), (403, "refused"), (404, "refused"),
                              (301, "refused"), (307, "refused"), (204, "refused"), (201, "refused"),
                              (421, "refused"), (429, "unavailable"), (500, "unavailable"),
                              (503, "unavailable")):
            s.fifth.answer = lambda request: (status, s.fifth.usual(request)[1] if status != 204
                                              else b"", provider.JWKS)
            assert s.outcome() == {"mqtt": "upstream_" + cause}, (status, s.outcome())
        log = s.process.read_log()
        assert "does not let this server in: status 401" in log, log
        refused = {(r["application"], r["cause"]) for r in s.audits("refused")}
        assert refused == {("mqtt", "upstream_refused"), ("mqtt", "upstream_unavailable")}


@tap.test
def causes_of_a_provider_tell_what_is_revoked():
    with Third() as s:
        for there, here in (("revoked", "revoked"), ("not_entitled", "upstream_refused"),
                            ("upstream_refused", "upstream_refused"),
                            ("upstream_unavailable", "upstream_unavailable")):
            s.fifth.causes["broker"] = there
            assert s.outcome() == {"mqtt": here}
        s.fifth.causes.clear()
        assert s.outcome() == {"mqtt": "mqtt:1"}


@tap.test
def reject_answers_that_a_terminal_would_not_take():
    with Third() as s:
        fifth, now = s.fifth, int(time.time())
        fifth.keys["vpn"] = OTHER_KEY
        good = fifth.jwk("broker")
        short = {**good, "k": "AAECAwQFBgc"}
        for what, body, *kind in (
                ("not JSON", b"<html></html>"), ("empty", b""), ("another type", fifth.jwks([good]),
                                                                 "text/plain"),
                ("truncated", b'{"now":1,"keys":[{"kty":"oct"'), ("no answer", fifth.jwks([])),
                ("another key", fifth.jwks([fifth.jwk("vpn")])),
                ("one more", fifth.jwks([good, fifth.jwk("vpn")])),
                ("twice", fifth.jwks([good, good])),
                ("both", fifth.jwks([good], [{"key_id": "broker", "cause": "revoked"}])),
                ("another kid", fifth.jwks([{**good, "kid": "vpn:1"}])),
                ("version 0", fifth.jwks([{**good, "kid": "broker:0"}])),
                ("short", fifth.jwks([short])),
                ("long", fifth.jwks([{**good, "k": "A" * 87 + "A"}])),
                ("unknown type", fifth.jwks([{**good, "kty": "XXX"}])),
                ("ended", fifth.jwks([{**good, "exp": now - 5}])),
                ("cause", fifth.jwks([], [{"key_id": "broker", "cause": "session_unknown"}])),
                ("oversized", fifth.jwks([good, " " * 70000])),
                ("deep", b'{"now":1,"keys":' + b"[" * 20 + b"]" * 20 + b"}")):
            fifth.answer = lambda request: (200, body, *(kind or (provider.JWKS,)))
            outcome = s.outcome("mqtt", "local")
            assert outcome == {"mqtt": "upstream_refused", "local": "local:1"}, (what, outcome)
        fifth.answer = None
        assert s.outcome() == {"mqtt": "mqtt:1"}


@tap.test
def times_of_a_provider_whose_clock_is_wrong_become_ours():
    with Third() as s:
        then = int(time.time()) - 5000
        s.fifth.answer = lambda request: (200, {"now": then, "keys": [
            {**s.fifth.jwk("broker"), "iat": then - 10, "exp": then + 100}], "errors": []})
        keys = s.exchange()
        assert 90 < keys.by_id["mqtt"]["exp"] - keys.now <= 101, keys.by_id
        assert abs(keys.now - time.time()) < 60


# --- TLS -----------------------------------------------------------------------------------------

@tap.test
def reject_providers_that_are_not_who_they_should_be():
    for what in ({"ca": "evil"}, {"name": "other.example.com"}):
        with Third(**what) as s:
            assert s.outcome("mqtt", "local") == {"mqtt": "upstream_unavailable", "local": "local:1"}
            assert s.fifth.connections >= 1 and s.fifth.requests == []


@tap.test
def reject_providers_that_speak_something_else():
    with Third(timeout="3s") as s:
        s.fifth.after_hello = lambda sock: (sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}"), sock.close())
        assert s.outcome() == {"mqtt": "upstream_unavailable"}
        s.fifth.after_hello = lambda sock: sock.close()
        assert s.outcome() == {"mqtt": "upstream_unavailable"}
        held = []
        s.fifth.after_hello = held.append  # a handshake that never ends
        assert s.outcome("mqtt", "local") == {"mqtt": "upstream_unavailable", "local": "local:1"}
        s.fifth.after_hello = None
        for sock in held:
            sock.shutdown(socket.SHUT_RDWR)
        s.fifth.context.set_alpn_protocols(["http/1.1"])
        assert s.outcome()["mqtt"] in ("upstream_unavailable", "upstream_refused")
        s.fifth.context.set_alpn_protocols(["h2"])
        assert s.outcome() == {"mqtt": "mqtt:1"}
        assert len(s.fifth.requests) == 1


@tap.test
def reject_providers_that_do_not_take_our_certificate():
    with Third() as s:
        provider.make_authority(s.stack, "stranger")
        s.fifth.context.load_verify_locations(s.stack.path("stranger.pem"))
        files = provider.make_client(s.stack, "nobody", ca="stranger")
        s.edit("certificate-file=%s" % s.stack.path("third.pem"), "certificate-file=" + files[0])
        s.edit("key-file=%s" % s.stack.path("third.key"), "key-file=" + files[1])
        assert s.outcome() == {"mqtt": "mqtt:1"}
        s.fifth.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        s.fifth.context.load_cert_chain(s.stack.path("localhost.pem"), s.stack.path("localhost.key"))
        s.fifth.context.set_alpn_protocols(["h2"])
        s.fifth.context.verify_mode = ssl.CERT_REQUIRED
        s.fifth.context.load_verify_locations(s.stack.path("ca.pem"))
        s.fifth.drop()
        s.fresh()
        harness.wait_until("the new certificate is shown", lambda: s.outcome() == {
            "mqtt": "upstream_unavailable"})


if __name__ == "__main__":
    tap.main()
