# SPDX-License-Identifier: LGPL-2.1-or-later
"""akma-keyserver as the fifth server: the provider API, consumer by consumer."""
import concurrent.futures
import hashlib
import json
import os
import signal
import socket
import sqlite3
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import h2client  # noqa: E402
import harness  # noqa: E402
import provider  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import RATES, Server, problem  # noqa: E402
from provider import PATH, TERMINAL, Consumer, raw  # noqa: E402

TOKEN = "0a1B2c3D4e5F6071829304a5b6c7d8e9fAbBcCdDeEf0_-.~+/0123456789abcd"
OTHER_TOKEN = "f" * 64
OTHER_TERMINAL = "_qpEzbvEtDTfHNHIq4Qct3IMhK9m3jeZppaoN_OJn8A"

CONSUMERS = """[consumer third]
certificate-name=third.example.com
applications=mqtt;vpn
[consumer bearer]
token-sha256=%s
applications=mqtt
[consumer both]
certificate-name=third.example.com
token-sha256=%s
applications=vpn
""" % (provider.sha256(TOKEN), provider.sha256(OTHER_TOKEN).upper())


class Fifth(Server):
    """A key server with consumers, and what they show."""

    def __init__(self, consumers=CONSUMERS, extra=RATES, add=("mqtt", "vpn", "own"), **more):
        super().__init__(extra=extra + consumers, add=add, init=(), **more)

    def edit(self, old, new):
        # the first edit, before the server starts, also names the authority of clients
        super().edit(old, new)
        with open(self.stack.path("akma-keyserver.conf")) as f:
            text = f.read()
        if "certificate-name" in text and "client-ca-file" not in text:
            super().edit("workers=", "client-ca-file=%s\nworkers=" % self.stack.path("ca.pem"))

    @property
    def ca(self):
        return self.stack.path("ca.pem")

    def certificate(self, name="third.example.com", **more):
        return provider.make_client(self.stack, name, **more)

    def consumer(self, files=(None, None), token=None):
        return Consumer(self.address, self.ca, files, token)

    def third(self):
        return self.consumer(self.certificate())


def refused_401(answer):
    problem(answer, 401, None)
    #= RFC 6750 3: a request without a good token is answered with WWW-Authenticate: Bearer
    assert answer.headers["www-authenticate"] == "Bearer", answer.headers


# --- M10: the fifth server's half ----------------------------------------------------------------

@tap.test
def m10_a_consumer_with_a_certificate_gets_the_key_that_the_store_keeps():
    with Fifth() as s, s.third() as c:
        keys, errors = c.keys("mqtt")
        assert not errors
        row = s.rows("key", "list", "--application", "mqtt")[0]
        assert row["terminal"] == "third/" + TERMINAL
        assert keys["mqtt"]["kid"] == row["kid"] == "mqtt:1"
        assert hashlib.sha256(raw(keys["mqtt"])).hexdigest() == row["sha256"]
        digest = hashlib.sha256(row["terminal"].encode()).digest()
        import base64
        assert keys["mqtt"]["identity"] == "mqtt.1." + base64.urlsafe_b64encode(digest).decode()[:22]
        audit = s.audits("delivered")[0]
        assert (audit["terminal"], audit["kid"], audit["actor"]) == (row["terminal"], "mqtt:1",
                                                                    "consumer:third"), audit


@tap.test
def m10_a_consumer_with_a_token_gets_its_key_without_any_certificate():
    #= RFC 6750 2.1: Authorization: Bearer and a token of the letters of b64token
    with Fifth() as s, s.consumer(token=TOKEN) as c:
        keys, _ = c.keys("mqtt")
        assert s.rows("key", "list")[0]["terminal"] == "bearer/" + TERMINAL
        answer = c.post(PATH, {"terminal": TERMINAL, "key_ids": ["mqtt"]},
                        headers=[("authorization", "bearer " + TOKEN)])
        assert answer.json()["keys"][0]["k"] == keys["mqtt"]["k"]


@tap.test
def asking_again_gives_the_same_version_until_it_is_rotated():
    with Fifth() as s, s.third() as c:
        first = c.keys("mqtt")[0]["mqtt"]
        assert c.keys("mqtt")[0]["mqtt"]["k"] == first["k"]
        s.verb("key", "rotate", "--application", "mqtt")
        second = c.keys("mqtt")[0]["mqtt"]
        assert second["kid"] == "mqtt:2" and second["previous"]["kid"] == "mqtt:1"
        assert second["k"] != first["k"] and second["identity"] != first["identity"]


@tap.test
def a_revoked_key_and_a_revoked_terminal_are_told():
    with Fifth() as s, s.third() as c:
        c.keys("mqtt", "vpn")
        s.verb("key", "revoke", "--application", "mqtt", "--terminal", "third/" + TERMINAL)
        keys, errors = c.keys("mqtt", "vpn")
        assert list(keys) == ["vpn"] and errors == {"mqtt": "revoked"}
        s.verb("terminal", "revoke", "third/" + TERMINAL)
        assert c.keys("mqtt", "vpn") == ({}, {"mqtt": "revoked", "vpn": "revoked"})
        assert list(c.keys("vpn", terminal=OTHER_TERMINAL)[0]) == ["vpn"]


@tap.test
def one_pseudonym_of_two_consumers_is_two_terminals():
    with Fifth() as s, s.third() as c, s.consumer(token=TOKEN) as d:
        assert c.keys("mqtt")[0]["mqtt"]["k"] != d.keys("mqtt")[0]["mqtt"]["k"]
        assert len(s.rows("terminal", "list")) == 2


@tap.test
def many_terminals_at_once_on_one_connection():
    with Fifth() as s, s.third() as c:
        c.keys("mqtt")  # from now on it may have more than 4 at once
        ids = ["%s%02d" % ("A" * 40, i) + "A" for i in range(24)]
        streams = [c.begin("POST", PATH, json.dumps({"terminal": i, "key_ids": ["mqtt"]}).encode(),
                           "application/json") for i in ids]
        answers = [c.finish(stream) for stream in streams]
        assert len({a.json()["keys"][0]["k"] for a in answers}) == 24


@tap.test
def a_connection_of_a_consumer_outlives_an_exchange():
    with Fifth(extra=RATES + "exchange=1s\n") as s, s.third() as c:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            c.keys("mqtt")


@tap.test
def terminals_are_served_without_a_certificate_beside_consumers():
    with Fifth() as s:
        assert s.exchange("own").by_id["own"]["kid"] == "own:1"


# --- rights of a consumer ------------------------------------------------------------------------

@tap.test
def reject_what_a_consumer_was_not_given():
    with Fifth() as s, s.third() as c:
        # everybody may have "own" here, but this consumer was not given it
        keys, errors = c.keys("mqtt", "own", "nothing")
        assert list(keys) == ["mqtt"]
        assert errors == {"own": "not_entitled", "nothing": "not_entitled"}
        refused = {(r["application"], r["cause"], r["actor"]) for r in s.audits("refused")}
        assert refused == {("own", "not_entitled", "consumer:third"),
                           ("nothing", "not_entitled", "consumer:third")}


@tap.test
def reject_a_terminal_of_a_consumer_that_a_rule_denies():
    with Fifth() as s, s.third() as c, s.consumer(token=TOKEN) as d:
        s.verb("application", "deny", "mqtt", "third/*")
        assert c.keys("mqtt")[1] == {"mqtt": "not_entitled"}
        assert list(d.keys("mqtt")[0]) == ["mqtt"]
        s.verb("application", "allow", "mqtt", "third/" + TERMINAL)
        assert list(c.keys("mqtt")[0]) == ["mqtt"]


# --- who is it? ----------------------------------------------------------------------------------

@tap.test
def reject_strangers():
    with Fifth() as s:
        with s.consumer() as c:
            refused_401(c.ask("mqtt"))
        for token in ("x", TOKEN[:-1], TOKEN + "a", TOKEN.swapcase(), provider.sha256(TOKEN)):
            with s.consumer(token=token) as c:
                refused_401(c.ask("mqtt"))
        with s.consumer() as c:
            for field in ("Basic " + TOKEN, "Bearer", "Bearer ", "Bearer  " + TOKEN, TOKEN,
                          "Bearer " + TOKEN + " x", "Bearer " + TOKEN + ",x", "Bearer " + "a" * 2000):
                refused_401(c.post(PATH, {"terminal": TERMINAL, "key_ids": ["mqtt"]},
                                   headers=[("authorization", field)]))
        assert s.rows("terminal", "list") == []
        assert {r["cause"] for r in s.audits("refused")} == {"not_authentic"}


@tap.test
def reject_a_bad_token_beside_a_good_certificate():
    with Fifth() as s, s.consumer(s.certificate(), token="wrong") as c:
        refused_401(c.ask("mqtt"))


@tap.test
def a_consumer_with_both_must_show_both():
    with Fifth() as s:
        with s.consumer(token=OTHER_TOKEN) as c:
            refused_401(c.ask("vpn"))
        with s.consumer(s.certificate("other.example.com"), token=OTHER_TOKEN) as c:
            refused_401(c.ask("vpn"))
        with s.consumer(s.certificate(), token=OTHER_TOKEN) as c:
            assert list(c.keys("vpn")[0]) == ["vpn"]
        assert s.rows("key", "list")[0]["terminal"] == "both/" + TERMINAL


@tap.test
def reject_certificates_with_another_name():
    with Fifth() as s:
        for name, more in (("fourth.example.com", {}),
                           ("wild", {"san": "DNS:*.example.com"}),
                           ("subject", {"san": None, "subject": "third.example.com"}),
                           ("mail", {"san": "email:third@third.example.com"}),
                           ("longer", {"san": "DNS:third.example.com.evil.example"})):
            with s.consumer(s.certificate(name, **more)) as c:
                refused_401(c.ask("mqtt"))


@tap.test
def reject_certificates_of_another_authority():
    with Fifth() as s:
        provider.make_authority(s.stack, "evil")
        files = s.certificate(ca="evil")
        try:
            with s.consumer(files) as c:
                c.ask("mqtt")
        except (ssl.SSLError, OSError, h2client.Closed):
            return
        raise AssertionError("a certificate of another authority was taken")


# --- what is it? ---------------------------------------------------------------------------------

@tap.test
def reject_requests_that_are_not_one():
    with Fifth() as s, s.third() as c:
        good = json.dumps({"terminal": TERMINAL, "key_ids": ["mqtt"]})
        for body in ("{}", good[:-1], good + "x", good.replace("mqtt", "MQTT"),
                     good.replace(TERMINAL, "imsi-001010000000001"),
                     good.replace(TERMINAL, "other/" + TERMINAL),
                     good.replace('["mqtt"]', "[]"), good.replace('["mqtt"]', '["a","a"]')):
            problem(c.post(PATH, body, "application/json"), 400, "malformed")
        problem(c.post(PATH, good, "text/plain"), 415, "unsupported_media_type")
        problem(c.post(PATH, good, "application/json", [("content-encoding", "gzip")]), 415,
                "unsupported_media_type")
        problem(c.post(PATH, good + " " * 16384, "application/json"), 413, "too_large")
        answer = c.request("GET", PATH)
        problem(answer, 405, None)
        assert answer.headers["allow"] == "POST"
        problem(c.post(PATH + "/x", good, "application/json"), 404, None)
        assert s.rows("terminal", "list") == []


@tap.test
def reject_requests_for_another_server():
    with Fifth() as s:
        with h2client.Client("%s:%d" % s.address, h2client.tls_context(s.ca, *s.certificate()),
                             FQDN, authority="other.example.com") as c:
            problem(c.post(PATH, {"terminal": TERMINAL, "key_ids": ["mqtt"]}), 421, "wrong_server")


@tap.test
def there_is_nothing_without_consumers():
    with Fifth(consumers="") as s, s.consumer() as c:
        problem(c.ask("mqtt"), 404, None)


# --- limits --------------------------------------------------------------------------------------

@tap.test
def strangers_run_into_the_rate_of_their_address_and_consumers_do_not():
    with Fifth(extra="[limits]\naddress=5/m\nkid=10000/s\n") as s:
        files = s.certificate()
        with s.consumer(files) as c, s.consumer() as d:
            answers = [d.ask("mqtt") for _ in range(7)]
            assert [a.status for a in answers][:5] == [401] * 5, [a.status for a in answers]
            problem(answers[-1], 429, "rate_limited")
            assert int(answers[-1].headers["retry-after"]) >= 1
            # as at the other ports, what a rate turns away is in the figures only
            let_in = sum(a.status == 401 for a in answers)
            assert [r["cause"] for r in s.audits("refused")] == ["not_authentic"] * let_in
            for _ in range(20):
                c.keys("mqtt")


@tap.test
def a_consumer_has_a_rate_of_its_own():
    with Fifth(extra="[limits]\naddress=10000/s\ntotal=10/m\n") as s:
        with s.third() as c, s.consumer(token=TOKEN) as d:
            answers = [c.ask("mqtt") for _ in range(12)]
            assert [a.status for a in answers][:10] == [200] * 10
            problem(answers[-1], 429, "rate_limited")
            assert int(answers[-1].headers["retry-after"]) >= 1
            d.keys("mqtt")


# --- operation -----------------------------------------------------------------------------------

@tap.test
def another_token_is_known_after_sighup_on_open_connections_too():
    with Fifth() as s, s.consumer(token=TOKEN) as c, s.consumer(token="n" * 64) as d:
        c.keys("mqtt")
        refused_401(d.ask("mqtt"))
        s.edit(provider.sha256(TOKEN), provider.sha256("n" * 64))
        s.process.signal(signal.SIGHUP)
        harness.wait_until("the new token is known", lambda: d.ask("mqtt").status == 200)
        refused_401(c.ask("mqtt"))


def ended(c):
    """The server has closed the connection; nothing else may come of it."""
    try:
        while True:
            c.receive()
    except (h2client.Closed, ConnectionResetError):
        return True


@tap.test
def another_authority_of_clients_ends_open_connections_after_sighup():
    with Fifth() as s:
        files = s.certificate()
        provider.make_authority(s.stack, "other")
        both = s.stack.path("both.pem")
        with open(both, "w") as f:
            for name in ("ca.pem", "other.pem"):
                with open(s.stack.path(name)) as one:
                    f.write(one.read())
        with s.consumer(files) as c, s.consumer(token=TOKEN) as bearer:
            c.keys("mqtt")
            bearer.keys("mqtt")
            # the same one, and one more
            s.reload()
            c.keys("mqtt")
            s.edit("client-ca-file=" + s.ca, "client-ca-file=" + both)
            s.reload()
            c.keys("mqtt")
            s.edit("client-ca-file=" + both, "client-ca-file=" + s.stack.path("other.pem"))
            s.reload()
            assert ended(c)
            # who showed no certificate has lost nothing
            bearer.keys("mqtt")
        try:
            with s.consumer(files) as c:
                c.ask("mqtt")
            raise AssertionError("let in with a certificate of nobody")
        except (h2client.Closed, ssl.SSLError, ConnectionResetError):
            pass


class Shaking:
    """A handshake up to where its certificate is to be sent."""

    def __init__(self, s, files):
        self.raw = socket.create_connection(s.address, 60)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = h2client.tls_context(s.ca, *files).wrap_bio(self.incoming, self.outgoing,
                                                               server_hostname=FQDN)
        while True:
            try:
                self.tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                self.raw.sendall(self.outgoing.read())
                self.incoming.write(self.raw.recv(65536))

    def is_let_in(self):
        """The rest of it, and whether HTTP/2 begins."""
        self.tls.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5))
        try:
            self.raw.sendall(self.outgoing.read())
            while True:
                more = self.raw.recv(65536)
                if not more:
                    return False
                self.incoming.write(more)
                try:
                    return self.tls.read(4096)[3] == 4  # SETTINGS
                except ssl.SSLWantReadError:
                    pass
        except ConnectionResetError:
            return False
        finally:
            self.raw.close()


@tap.test
def reject_a_handshake_that_ends_after_its_authority_was_taken_out():
    with Fifth() as s:
        files = s.certificate()
        provider.make_authority(s.stack, "other")
        shaking = Shaking(s, files)
        s.reload()
        assert shaking.is_let_in()
        shaking = Shaking(s, files)
        s.edit("client-ca-file=" + s.ca, "client-ca-file=" + s.stack.path("other.pem"))
        s.reload()
        assert not shaking.is_let_in()


@tap.test
def what_is_under_way_of_a_client_that_is_not_trusted_any_more_is_answered():
    with Fifth() as s:
        store = sqlite3.connect(s.stack.path("keys.db"), isolation_level=None)
        with s.consumer(s.certificate()) as c:
            provider.make_authority(s.stack, "other")
            store.execute("BEGIN IMMEDIATE")
            stream = c.begin("POST", PATH, json.dumps(
                {"terminal": TERMINAL, "key_ids": ["mqtt"]}).encode(), "application/json")
            s.edit("client-ca-file=" + s.ca, "client-ca-file=" + s.stack.path("other.pem"))
            s.reload()
            store.execute("ROLLBACK")
            assert c.finish(stream).status == 200
            assert ended(c)
        store.close()


@tap.test
def what_was_delivered_is_there_after_a_kill_and_a_restart():
    with Fifth() as s:
        files = s.certificate()
        with s.consumer(files) as c:
            first = c.keys("mqtt")[0]["mqtt"]
        for pid in s.workers() + [s.process.pid]:
            os.kill(pid, signal.SIGKILL)
        s.process.popen.wait()
        s.process = s.stack.start_keyserver()
        with s.consumer(files) as c:
            assert c.keys("mqtt")[0]["mqtt"]["k"] == first["k"]


@tap.test
def many_consumers_connections_and_workers_make_one_key():
    with Fifth(workers=2) as s:
        files = s.certificate()

        def ask(_):
            with s.consumer(files) as c:
                return c.keys("mqtt")[0]["mqtt"]["k"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(ask, range(16)))) == 1


@tap.test
def reject_configurations_of_consumers_that_cannot_be_meant():
    with Fifth() as s:
        def told(old, new, where):
            with open(s.stack.path("akma-keyserver.conf")) as f:
                before = f.read()
            Server.edit(s, old, new)
            result = s.verb("check", check=False)
            s.stack.write("akma-keyserver.conf", before)
            assert result.returncode == 6 and where in result.stderr, result.stderr
        s.verb("check")
        told("applications=mqtt;vpn\n", "", "[consumer third] applications")
        told("applications=mqtt;vpn", "applications=MQTT", "[consumer third] applications")
        told("[consumer third]\ncertificate-name=third.example.com", "[consumer third]",
             "[consumer third] certificate-name")
        told(provider.sha256(TOKEN), "00ff", "[consumer bearer] token-sha256")
        told(provider.sha256(TOKEN), "x" * 64, "[consumer bearer] token-sha256")
        told(provider.sha256(TOKEN), provider.sha256(OTHER_TOKEN), "] token-sha256")
        told("[consumer third]", "[consumer th/ird]", "[consumer th/ird]")
        told("client-ca-file=%s" % s.ca, "", "[consumer both] certificate-name")
        told("client-ca-file=%s" % s.ca, "client-ca-file=/proc/nonexistent", "[server] client-ca-file")


if __name__ == "__main__":
    tap.main()
