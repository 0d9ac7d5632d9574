# SPDX-License-Identifier: LGPL-2.1-or-later
"""M1 to M5 and M7 to M9 at akma-keyserver, each over AKMA and over GBA, with the reference client."""
import hashlib
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import aanf  # noqa: E402
import bsf  # noqa: E402
import memscan  # noqa: E402
import reference  # noqa: E402
import harness  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import B_TID, FIRST, KID, SUPI, GbaServer, cause_of, problem  # noqa: E402

#= TS 29.535 retrieve-applicationkey: AkmaAfKeyRequest with afId, aKId and anonInd
#= TS 29.309 6.1.4.2: bootstrapping-info-retrieval is a POST to Nbsp_GBA
#= TS 29.309 BootstrappingInfoRequest: btId, nafId = {nafFqdn, uaSecProtId}, gbaUAware
ASKED = {
    "akma": (aanf.PATH, {"afId": FQDN + "ff00000001", "aKId": KID, "anonInd": False}),
    "gba": (bsf.PATH, {"btId": B_TID, "nafId": {"nafFqdn": FQDN, "uaSecProtId": "ff00000001"},
                       "gbaUAware": False}),
}


def session_of(client, anchor, **more):
    return client.open_session(anchor, *FIRST[anchor], **more)


@tap.each("akma", "gba")
def m1_first_request_makes_the_server_ask_the_anchor_once(anchor):
    with GbaServer() as s:
        with s.client() as c:
            session_of(c, anchor)
        asked = {"akma": s.operator.requests, "gba": s.bsf.requests}
        request, = asked.pop(anchor)
        assert not any(asked.values()), asked
        path, body = ASKED[anchor]
        assert request["path"] == path and request["headers"][":method"] == "POST"
        assert request["headers"]["content-type"] == "application/json"
        assert "authorization" not in request["headers"]
        assert request["body"] == body


@tap.each("akma", "gba")
def m2_m7_first_response_opens_and_offers_what_the_terminal_may_have(anchor):
    with GbaServer(add=("mqtt", "vpn")) as s:
        s.verb("application", "add", "other", "--source", "local")
        with s.client() as c:
            session = session_of(c, anchor)
            assert session.offered == ["mqtt", "vpn"], session.offered
            assert session.expires_in == 60
            assert session.terminal == s.verb("terminal", "id", input=SUPI + "\n").strip()


@tap.each("akma", "gba")
def m3_m4_m9_second_response_carries_the_key_that_the_store_holds(anchor):
    with GbaServer() as s:
        begun = time.time()
        keys = s.exchange("mqtt", anchor=anchor)
        key = keys.by_id["mqtt"]
        row = s.rows("key", "list", "--application", "mqtt")[0]
        assert key["kid"] == row["kid"] == "mqtt:1" and key["key_id"] == "mqtt"
        assert len(keys.raw("mqtt")) == row["length"] == 32
        assert hashlib.sha256(keys.raw("mqtt")).hexdigest() == row["sha256"]
        digest = reference.b64(hashlib.sha256(row["terminal"].encode()).digest())[:22]
        assert key["identity"] == "mqtt.1." + digest, key["identity"]
        assert "exp" not in key and begun - 1 < keys.now <= time.time()
        assert [e["kid"] for e in s.audits("delivered")] == ["mqtt:1"]


@tap.each("akma", "gba")
def reject_m3_second_request_under_another_key(anchor):
    other = {"akma": "gba", "gba": "akma"}[anchor]
    with GbaServer() as s, s.client() as c:
        session = session_of(c, anchor)
        schedule, session.schedule = session.schedule, session_of_other(s, other).schedule
        assert cause_of(session.ask, ["mqtt"]) == (403, "not_authentic")
        session.schedule = schedule
        assert cause_of(session.ask, ["mqtt"]) == (404, "session_unknown")
        assert s.rows("key", "list") == []


def session_of_other(server, anchor):
    with server.client() as c:
        return session_of(c, anchor)


@tap.each("akma", "gba")
def m5_the_session_is_gone_after_the_second_response(anchor):
    with GbaServer() as s, s.client() as c:
        session = session_of(c, anchor)
        body = session.seal(b'{"key_ids":["mqtt"]}')
        session.open_keys(session.post(body), ["mqtt"])
        problem(session.post(body), 404, "session_unknown")


@tap.each("akma", "gba")
def m5_no_copy_of_the_first_key_or_the_identity_is_left(anchor):
    if os.geteuid() != 0 or os.environ.get("AKMA_SANITIZERS"):
        raise tap.Skip("needs root and a plain build to search memory")
    with GbaServer() as s, s.client() as c:
        session = session_of(c, anchor)
        wanted = {"first key": FIRST[anchor][1], "K_server": session.schedule.server}
        live = memscan.scan(s.workers(), wanted)
        assert all(live.values()), "the search does not see what is there: %s" % live
        session.ask(["mqtt"])
        # the answer is here before its stream is closed over there
        harness.wait_until("the exchange is over", lambda: "first key deleted" in s.log())
        wanted["IMSI"] = SUPI.removeprefix("imsi-").encode()
        operator = s.operator if anchor == "akma" else s.bsf
        assert operator.connections == 1 and operator.open, "the connection to the anchor is closed"
        found = memscan.left(s.workers(), wanted)
        assert not found, found


@tap.each("akma", "gba")
def m8_key_ids_in_the_first_request_are_only_a_hint(anchor):
    with GbaServer(add=("mqtt", "vpn")) as s, s.client() as c:
        session = session_of(c, anchor, hints=["vpn", "nothing"])
        keys = session.ask(["mqtt"])
        assert list(keys.by_id) == ["mqtt"] and not keys.errors
        assert s.rows("key", "list", "--application", "vpn") == []


tap.main()
