#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""application add --source shared: one key for all terminals, in every profile, for consumers of the
provider API, in the verbs, and from two servers on one database."""
import concurrent.futures
import hashlib
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))
if not shutil.which("openssl"):
    tap.skip_all("openssl is not installed")

import digest_client  # noqa: E402
import keyserver  # noqa: E402
import postgres  # noqa: E402
import provider  # noqa: E402
import psk_client  # noqa: E402
import reference  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import FIRST_KEY, KID, RATES, SUPI, Server  # noqa: E402

OTHER = "0.WnXNJ4hU0aZ3s0iTqQvX9P2hJmLr6u1dYb7cKeVgB58@5gc.mnc001.mcc001.3gppnetwork.org"
SUBSCRIBERS = {KID: SUPI, OTHER: "imsi-001010000000002"}
UAS = {"message": "ff00000001", "psk": "0100000007", "digest": "0100000002"}
TOKEN = "0a1B2c3D4e5F6071829304a5b6c7d8e9fAbBcCdDeEf0_-.~+/0123456789abcd"
EXTRA = RATES + """[psk]
listen=127.0.0.1:0
[digest]
listen=127.0.0.1:0
[consumer third]
token-sha256=%s
applications=mqtt
""" % provider.sha256(TOKEN)


def first_key(kid, profile):
    return hashlib.sha256((kid + UAS[profile]).encode()).digest()


class Shared(Server):
    """Two subscribers, all listeners, and an application whose key all share."""

    def __init__(self, *options, **more):
        super().__init__(extra=EXTRA, add=(), **more)
        self.operator.answer = lambda request: (200, {
            "kaf": hashlib.sha256((request["body"]["aKId"] + request["body"]["afId"].removeprefix(
                FQDN)).encode()).hexdigest(),
            "expiry": self.operator.expiry, "supi": SUBSCRIBERS[request["body"]["aKId"]]})
        if not more.get("beside"):
            self.verb("application", "add", "mqtt", "--source", "shared", "--allow", "*", *options)

    def message(self, kid):
        """The JWK, or the cause, that a subscriber gets; the same for the other profiles."""
        keys = self.exchange(kid=kid, first_key=first_key(kid, "message"))
        return keys.by_id.get("mqtt") or keys.errors["mqtt"]

    def psk(self, kid):
        with psk_client.Stock(self, "3GPP-AKMA;" + kid, first_key(kid, "psk")) as c:
            answer = json.loads(c.get().body)
        return answer["keys"][0] if answer["keys"] else answer["errors"][0]["cause"]

    def digest(self, kid):
        with digest_client.Http2(self) as c:
            challenge = digest_client.challenges(c.get())[0]
            answer = c.get(authorization=digest_client.Credentials(
                kid, first_key(kid, "digest"), challenge).header())
        body = json.loads(answer.body)
        return body if answer.status == 200 else body.get("cause", answer.status)

    def consumer(self):
        return provider.Consumer(self.address, self.stack.path("ca.pem"), token=TOKEN)

    def everybody(self):
        """What all get who may ask, by every way."""
        got = [self.message(KID), self.message(OTHER), self.psk(KID), self.psk(OTHER),
               self.digest(KID), self.digest(OTHER)]
        with self.consumer() as c:
            keys, errors = c.keys("mqtt")
            got.append(keys.get("mqtt") or errors["mqtt"])
        return got

    def one(self):
        """The one JWK of everybody: the same kid, name and bytes."""
        got = self.everybody()
        assert all(isinstance(jwk, dict) for jwk in got), got
        assert len({(j["kid"], j["k"], j["identity"]) for j in got}) == 1, got
        return got[0]


def on_both(function):
    """A test with a server over either kind of store."""
    def run(kind):
        if kind == "postgresql" and not pg:
            raise tap.Skip("PostgreSQL is not installed")
        keyserver.STORE = pg if kind == "postgresql" else None
        try:
            with Shared() as s:
                function(s)
        finally:
            keyserver.STORE = None
    run.__name__ = function.__name__
    return tap.each("sqlite", "postgresql")(run)


@on_both
def all_terminals_and_consumers_get_one_key_in_every_profile(s):
    jwk = s.one()
    assert jwk["kid"] == "mqtt:1" and jwk["identity"] == "mqtt.1.shared", jwk
    rows = s.rows("key", "list")
    assert len(rows) == 1 and rows[0]["terminal"] is None and rows[0]["kid"] == "mqtt:1", rows
    assert rows[0]["sha256"] == hashlib.sha256(reference.unb64(jwk["k"], 32)).hexdigest()
    # what its application has to accept is the same, once
    line = s.verb("export", "--application", "mqtt", "--format", "mosquitto-psk")
    assert line == "mqtt.1.shared:%s\n" % reference.unb64(jwk["k"], 32).hex()
    exported = s.rows("export", "--application", "mqtt", "--format", "json")[0]
    assert exported["terminal"] is None and exported["jwk"]["k"] == jwk["k"]
    # who got it is told terminal by terminal
    assert len({row["terminal"] for row in s.audits("delivered")}) == 3
    assert len(s.rows("terminal", "list")) == 3
    assert s.rows("application", "show", "mqtt")[0]["source"] == "shared"


@on_both
def rotation_revocation_and_import_hold_for_all(s):
    first = s.one()
    s.verb("key", "rotate", "--application", "mqtt")
    second = s.one()
    assert second["kid"] == "mqtt:2" and second["previous"]["kid"] == "mqtt:1"
    assert second["k"] != first["k"] and second["identity"] == "mqtt.2.shared"
    rows = s.rows("key", "revoke", "--application", "mqtt")
    assert [row["kid"] for row in rows] == ["mqtt:2"]
    assert set(s.everybody()) == {"revoked"}
    assert s.audits("revoked")[0]["terminal"] is None
    assert s.verb("export", "--application", "mqtt", "--format", "json") == ""
    path = s.stack.path("own.key")
    with open(path, "wb") as f:
        f.write(b"0123456789abcdef")
    os.chmod(path, 0o600)
    row = s.rows("key", "import", "--application", "mqtt", "--file", path)[0]
    assert row["kid"] == "mqtt:3" and row["terminal"] is None
    assert reference.unb64(s.one()["k"], 16) == b"0123456789abcdef"


@on_both
def reject_who_may_not_have_it_and_leave_it_to_the_others(s):
    s.one()
    names = [row["terminal"] for row in s.audits("delivered")]
    s.verb("terminal", "revoke", names[0])
    assert [s.message(KID), s.psk(KID), s.digest(KID)] == ["revoked"] * 3
    assert s.message(OTHER)["kid"] == "mqtt:1"
    s.verb("terminal", "restore", names[0])
    s.verb("application", "deny", "mqtt", names[0])
    assert [s.message(KID), s.psk(KID), s.digest(KID)] == ["not_entitled"] * 3
    # also to a consumer that may have nothing else
    with s.consumer() as c:
        assert c.keys("vpn") == ({}, {"vpn": "not_entitled"})


@tap.test
def reject_what_makes_no_sense_for_a_key_of_all():
    with Shared("--max-age", "30d", "--grace", "1h", "--length", "16", "--alg", "HS256") as s:
        jwk = s.one()
        assert len(reference.unb64(jwk["k"], 16)) == 16 and jwk["alg"] == "HS256"
        assert jwk["exp"] - jwk["iat"] == 30 * 86400
        terminal = s.rows("terminal", "list")[0]["terminal"]
        s.verb("application", "add", "own", "--source", "local", "--allow", "*")
        path = s.stack.path("own.key")
        with open(path, "wb") as f:
            f.write(b"0123456789abcdef")
        os.chmod(path, 0o600)
        for status, words in (
                (2, ("key", "import", "--application", "mqtt", "--terminal", terminal, "--file", path)),
                (2, ("key", "import", "--application", "own", "--file", path)),
                (2, ("key", "import", "--application", "mqtt", "--terminal", "*", "--file", path)),
                (2, ("application", "add", "x", "--source", "shared", "--provider", "p")),
                (2, ("application", "add", "x", "--source", "all")),
                (2, ("terminal", "revoke", "*")),
                (25, ("key", "rotate", "--application", "mqtt", "--terminal", terminal))):
            result = s.verb(*words, check=False)
            assert result.returncode == status, (words, result.returncode, result.stderr)
        assert [row["kid"] for row in s.rows("key", "list")] == ["mqtt:1"]


@tap.test
def two_servers_on_one_database_that_are_asked_first_at_once_make_one_key():
    if not pg:
        raise tap.Skip("PostgreSQL is not installed")
    conninfo = pg.conninfo("at_once")
    with Shared("--grace", "1h", workers=2, conninfo=conninfo) as one, \
            Shared(workers=2, conninfo=conninfo, beside=one) as two, \
            concurrent.futures.ThreadPoolExecutor(16) as pool:
        for version in ("mqtt:1", "mqtt:2"):
            asked = [pool.submit(s.message, kid) for kid in (KID, OTHER) for s in (one, two) * 8]
            got = {(f.result()["kid"], f.result()["k"]) for f in asked}
            assert len(got) == 1 and got.pop()[0] == version, got
            assert [r["kid"] for r in two.rows("key", "list") if r["state"] == "current"] == [version]
            one.verb("key", "rotate", "--all")


pg = None
if postgres.programs():
    with postgres.Postgres() as pg:
        tap.main()
else:
    tap.main()
