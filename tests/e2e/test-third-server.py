# SPDX-License-Identifier: LGPL-2.1-or-later
"""akma-keyserver as the third server: the fourth key comes from a provider, asked at the right time
and never otherwise. What goes wrong with a provider: test-third-server-faults.py."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import harness  # noqa: E402
import memscan  # noqa: E402
import provider  # noqa: E402
from keyserver import FIRST_KEY, KID, problem  # noqa: E402
from third import KEY, OTHER_KEY, TOKEN, Third  # noqa: E402

# --- M10 -----------------------------------------------------------------------------------------

@tap.test
def m10_fourth_key_is_asked_for_after_the_fourth_request_and_not_before():
    with Third() as s, s.client() as c:
        session = c.open_session("akma", KID, FIRST_KEY, hints=["mqtt"])
        assert session.offered == ["local", "mqtt"], session.offered
        # the early key_ids may open the connection, and do no more
        harness.wait_until("the connection is open", lambda: s.fifth.certificates)
        assert s.fifth.connections == 1 and s.fifth.requests == []
        keys = session.ask(["mqtt"])
        assert keys.raw("mqtt") == KEY
        assert s.fifth.connections == 1 and len(s.fifth.requests) == 1
        request = s.fifth.requests[0]
        assert request["path"] == provider.PATH and request["headers"][":method"] == "POST"
        assert request["headers"]["content-type"] == "application/json"
        assert set(request["body"]) == {"terminal", "key_ids"}, request["body"]
        assert request["body"]["key_ids"] == ["broker"]
        # the provider knows the terminal by a name that nobody else has
        row = s.rows("terminal", "list")[0]
        assert len(request["body"]["terminal"]) == 43 and request["body"]["terminal"] != row["terminal"]
        assert ("subjectAltName", (("DNS", "third"),)) in s.fifth.certificates[0].items()


@tap.test
def m10_fourth_response_names_it_as_the_third_server_does():
    with Third() as s:
        s.fifth.versions["broker"] = 4
        now = int(time.time())
        s.fifth.answer = lambda request: (200, {**s.fifth.jwks([s.fifth.jwk(
            "broker", alg="A256GCM", use="enc", identity="broker.4.x", exp=now + 3600, color="red",
            previous={"kid": "broker:3", "exp": now + 600})]), "ask_again": 90}, provider.JWKS)
        keys = s.exchange("local", "mqtt")
        assert keys.answer["ask_again"] == 90, keys.answer
        key = keys.by_id["mqtt"]
        assert (key["kid"], key["key_id"], key["identity"]) == ("mqtt:4", "mqtt", "broker.4.x"), key
        assert (key["alg"], key["use"]) == ("A256GCM", "enc")
        assert key["previous"]["kid"] == "mqtt:3" and "color" not in key
        assert [e["kid"] for e in s.audits("delivered")] == ["local:1", "mqtt:4"]


@tap.test
def the_shorter_time_counts_of_the_providers_and_ours():
    with Third() as s:
        s.fifth.answer = lambda request: (200, {**s.fifth.jwks([s.fifth.jwk("broker")]),
                                                "ask_again": 90}, provider.JWKS)
        assert s.exchange().answer["ask_again"] == 90
        for ours, told in (("1m", 60), ("1h", 90)):
            s.edit("workers=", "ask-again=%s\nworkers=" % ours)
            s.fresh()
            harness.wait_until("it is read", lambda: s.exchange().answer["ask_again"] == told)
            s.edit("ask-again=%s\n" % ours, "")


@tap.test
def m10_fourth_key_never_comes_from_a_cache():
    with Third() as s:
        assert s.exchange().raw("mqtt") == KEY
        s.fifth.keys["broker"], s.fifth.versions["broker"] = OTHER_KEY, 2
        assert s.exchange().raw("mqtt") == OTHER_KEY
        s.fifth.stop()
        assert s.exchange().errors == {"mqtt": "upstream_unavailable"}
        assert len(s.fifth.requests) == 2


@tap.test
def m10_reject_fourth_request_that_does_not_open():
    with Third() as s, s.client() as c:
        session = c.open_session("akma", KID, FIRST_KEY, hints=["mqtt"])
        good = session.seal(b'{"key_ids":["mqtt"]}')
        problem(session.post(good[:-4] + b"AAAA"), 403, "not_authentic")
        problem(session.post(good), 404, "session_unknown")
        assert s.fifth.requests == []


@tap.test
def m10_reject_fourth_request_sent_twice():
    with Third() as s, s.client() as c:
        session = c.open_session("akma", KID, FIRST_KEY)
        body = session.seal(b'{"key_ids":["mqtt"]}')
        session.open_keys(session.post(body), ["mqtt"])
        problem(session.post(body), 404, "session_unknown")
        assert len(s.fifth.requests) == 1


@tap.test
def m10_reject_terminals_without_the_right_and_revoked_ones_without_asking():
    with Third() as s:
        s.verb("application", "add", "vpn", "--source", "upstream", "--provider", "fifth")
        assert s.outcome("vpn") == {"vpn": "not_entitled"}
        s.verb("application", "deny", "mqtt", "*")
        assert s.outcome("mqtt") == {"mqtt": "not_entitled"}
        s.verb("application", "allow", "mqtt", "*")
        s.verb("terminal", "revoke", s.rows("terminal", "list")[0]["terminal"])
        with s.client() as c:
            session = c.open_session("akma", KID, FIRST_KEY, hints=["mqtt"])
            assert session.ask(["mqtt"]).errors == {"mqtt": "revoked"}
        assert s.fifth.requests == [] and s.fifth.connections == 0


@tap.test
def hints_of_what_is_local_or_unknown_open_no_connection():
    with Third() as s, s.client() as c:
        c.open_session("akma", KID, FIRST_KEY, hints=["local", "nothing"]).ask(["local"])
        assert s.fifth.connections == 0


@tap.test
def nothing_of_the_fourth_key_is_stored():
    with Third() as s:
        s.exchange("mqtt", "local")
        assert [r["application"] for r in s.rows("key", "list")] == ["local"]
        for name in ("keys.db", "keys.db-wal"):
            if os.path.exists(s.stack.path(name)):
                with open(s.stack.path(name), "rb") as f:
                    data = f.read()
                assert not [p for p in memscan.encodings(KEY).values() if p in data]


@tap.test
def m10_fourth_key_is_nowhere_in_the_third_server_after_the_exchange():
    why = memscan.need_access()
    if why:
        raise tap.Skip(why)
    first_key = os.urandom(32)
    with Third(token=TOKEN) as s, s.client() as c:
        s.operator.first_keys[KID] = first_key
        session = c.open_session("akma", KID, first_key, hints=["mqtt"])
        assert session.ask(["mqtt"]).raw("mqtt") == KEY
        # the connections to the terminal and to the provider are both open still
        hits = memscan.left(s.workers(), {"fourth key": KEY, "third key": first_key,
                                          "PRK": session.schedule.prk})
        assert not hits, hits
        # the token is kept on purpose: the search sees what is there
        assert memscan.scan(s.workers(), {"token": TOKEN.encode()})["token"]


# --- several at once -----------------------------------------------------------------------------

@tap.test
def local_and_upstream_keys_come_in_one_answer_and_one_question_for_each_provider():
    def more(s):
        s.second = provider.Fifth(s.stack, "second", s.stack.path("ca.pem"))
        certificate, key = provider.make_client(s.stack, "localhost")
        s.second.context.load_cert_chain(certificate, key)
        s.second.start()
        s.second.keys["vpn"] = OTHER_KEY
        s.edit("[provider fifth]", "[provider second]\nurl=https://localhost:%d\nca-file=%s\n"
               "certificate-file=%s\nkey-file=%s\n[provider fifth]" % (
                   s.second.port, s.stack.path("ca.pem"), s.stack.path("third.pem"),
                   s.stack.path("third.key")))
        s.process.signal(signal.SIGHUP)
    with Third() as s:
        more(s)
        s.add_upstream("twin")
        s.add_upstream("vpn", "vpn", "second")
        s.add_upstream("gone", "unknown")
        harness.wait_until("the second provider is known", lambda: s.outcome("vpn") == {
            "vpn": "vpn:1"})
        s.second.requests.clear()
        keys = s.exchange("vpn", "mqtt", "local", "twin", "gone", "nothing")
        assert keys.raw("mqtt") == keys.raw("twin") == KEY and keys.raw("vpn") == OTHER_KEY
        assert keys.by_id["twin"]["kid"] == "twin:1" and keys.by_id["local"]["kid"] == "local:1"
        assert keys.errors == {"gone": "upstream_refused", "nothing": "not_entitled"}
        assert [r["body"]["key_ids"] for r in s.fifth.requests] == [["broker", "unknown"]]
        assert [r["body"]["key_ids"] for r in s.second.requests] == [["vpn"]]
        # two providers cannot tell that they serve the same terminal
        assert s.fifth.requests[0]["body"]["terminal"] != s.second.requests[0]["body"]["terminal"]
        s.second.stop()
        assert s.outcome("vpn", "mqtt") == {"vpn": "upstream_unavailable", "mqtt": "mqtt:1"}


@tap.test
def one_connection_is_kept_and_a_broken_one_opened_again():
    with Third() as s:
        for _ in range(3):
            assert s.outcome() == {"mqtt": "mqtt:1"}
        assert s.fifth.connections == 1
        s.fifth.drop()
        assert s.outcome() == {"mqtt": "mqtt:1"}
        assert s.fifth.connections == 2


@tap.test
def a_token_is_shown_where_there_is_one():
    with Third(token=TOKEN, certificate=False) as s:
        assert s.outcome() == {"mqtt": "mqtt:1"}
        assert s.fifth.requests[0]["headers"]["authorization"] == "Bearer " + TOKEN


# --- versions and operation ----------------------------------------------------------------------

@tap.test
def a_kid_names_one_key_whoever_makes_it():
    with Third() as s:
        seen = {}

        def look(kid):
            keys = s.exchange("local")
            assert keys.by_id["local"]["kid"] == kid, (keys.by_id, kid)
            assert seen.setdefault(keys.raw("local"), kid) == kid
        look("local:1")
        s.verb("key", "rotate", "--application", "local")
        look("local:2")
        s.verb("application", "remove", "local")
        s.add_upstream("local")
        look("local:3")  # version 1 of the provider
        s.fifth.keys["broker"], s.fifth.versions["broker"] = OTHER_KEY, 2
        look("local:4")
        s.verb("application", "remove", "local")
        s.verb("application", "add", "local", "--source", "local", "--allow", "*")
        look("local:5")
        assert len(seen) == 5


@tap.test
def a_third_server_that_is_killed_forgets_nothing_that_it_promised():
    with Third() as s:
        s.fifth.versions["broker"] = 7
        assert s.outcome() == {"mqtt": "mqtt:7"}
        for pid in s.workers() + [s.process.pid]:
            os.kill(pid, signal.SIGKILL)
        s.process.popen.wait()
        s.process = s.stack.start_keyserver()
        assert s.outcome() == {"mqtt": "mqtt:7"}
        s.verb("application", "remove", "mqtt")
        s.verb("application", "add", "mqtt", "--source", "local", "--allow", "*")
        assert s.outcome() == {"mqtt": "mqtt:8"}


@tap.test
def a_provider_that_left_the_configuration_is_unavailable_and_check_tells():
    with Third() as s:
        assert "there is no" not in s.verb("check", check=False).stderr
        with open(s.stack.path("akma-keyserver.conf")) as f:
            text = f.read()
        s.stack.write("akma-keyserver.conf", text[:text.index("[provider fifth]")])
        result = s.verb("check", check=False)
        assert result.returncode == 0, result.stderr
        assert "application mqtt: there is no [provider fifth]" in result.stderr, result.stderr
        s.fresh()
        harness.wait_until("it is gone", lambda: s.outcome("mqtt", "local") == {
            "mqtt": "upstream_unavailable", "local": "local:1"})
        s.stack.write("akma-keyserver.conf", text)
        s.fresh()
        harness.wait_until("it is back", lambda: s.outcome() == {"mqtt": "mqtt:1"})


@tap.test
def verbs_refuse_what_only_a_provider_can_do():
    with Third() as s:
        def status(*words):
            return s.verb(*words, check=False).returncode
        base = ("application", "add", "x", "--source", "upstream")
        assert status(*base) == 2
        assert status(*base, "--provider", "nobody") == 2
        assert status(*base, "--provider", "fifth", "--upstream-id", "UP") == 2
        for option in (("--length", "32"), ("--alg", "A256GCM"), ("--use", "enc"),
                       ("--max-age", "1d"), ("--grace", "1d")):
            assert status(*base, "--provider", "fifth", *option) == 2, option
        assert status("application", "add", "x", "--source", "local", "--provider", "fifth") == 2
        assert status("application", "add", "x", "--source", "local", "--upstream-id", "y") == 2
        assert status("key", "rotate", "--application", "mqtt") == 2
        assert status("key", "revoke", "--application", "mqtt") == 2
        row = s.rows("application", "show", "mqtt")[0]
        assert (row["source"], row["provider"], row["upstream_id"], row["length"]) == (
            "upstream", "fifth", "broker", None), row
        assert "fifth/broker" in s.verb("application", "list")


@tap.test
def reject_configurations_of_providers_that_cannot_be_meant():
    with Third(token=TOKEN) as s:
        def told(old, new, where):
            with open(s.stack.path("akma-keyserver.conf")) as f:
                before = f.read()
            s.edit(old, new)
            result = s.verb("check", check=False)
            s.stack.write("akma-keyserver.conf", before)
            assert result.returncode == 6 and where in result.stderr, result.stderr
        group = "[provider fifth] "
        told("url=https://localhost", "url=http://localhost", group + "url: must be https://")
        told("[provider fifth]", "[provider fi/fth]", "[provider fi/fth]")
        told("key-file=%s\n" % s.stack.path("third.key"), "", group + "certificate-file")
        told("ca-file=%s\n" % s.stack.path("ca.pem"), "ca-file=/proc/nonexistent\n", group + "ca-file")
        told("timeout=10s", "timeout=0s", group + "timeout")
        s.stack.write("token", "a b" * 10)
        told("timeout=10s", "timeout=9s", group + "token-file")
        s.stack.write("token", "short")
        told("timeout=10s", "timeout=9s", group + "token-file")
        s.stack.write("token", TOKEN, 0o644)
        told("timeout=10s", "timeout=9s", group + "token-file")


if __name__ == "__main__":
    tap.main()
