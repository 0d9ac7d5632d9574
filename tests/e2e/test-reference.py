#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reference client against the reference server, and both against the published vectors, so
that a test of a program of ours fails for that program's reasons."""
import json
import os
import subprocess
import sys
import tempfile

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as error:
    print("1..0 # SKIP %s" % error)
    sys.exit(0)

import reference
import reference_messages as messages
import tap

KID = "0.tid@5gc.mnc001.mcc001.3gppnetwork.org"
FIRST_KEY = bytes(range(32))
FQDN = "keys.example.com"
TOP = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../.."))
folder = tempfile.TemporaryDirectory(prefix="reference-")


def make_server(**more):
    server = reference.ReferenceServer(FQDN, folder.name, **more)
    server.first_keys["akma", KID] = FIRST_KEY
    server.keys["mqtt"] = reference.ServerKey(b"k" * 32, alg="A256GCM", use="enc")
    server.keys["vpn"] = reference.ServerKey(b"v" * 32, cause="revoked")
    return server


def ask(server, key_ids=("mqtt",), kid=KID, key=FIRST_KEY, **more):
    return reference.exchange(server.url, "akma", kid, key, list(key_ids), server.ca_file,
                              server.address, **more)


def client(server):
    return reference.Client(server.url, server.ca_file, server.address)


def refused(cause, function, *args, **more):
    try:
        function(*args, **more)
    except reference.Refused as refusal:
        assert refusal.cause == cause, refusal
        return refusal
    raise AssertionError("not refused")


def raises(kind, function, *args, **more):
    try:
        function(*args, **more)
    except kind:
        return
    raise AssertionError("accepted")


def vectors():
    with open(os.path.join(TOP, "tests/vectors/protocol-vectors.json"), encoding="ascii") as file:
        return json.load(file)


@tap.test
def vectors_come_out_and_open_with_jwcrypto():
    for anchor in ("akma", "gba"):
        v = vectors()[anchor]
        raw = {k: bytes.fromhex(v[k]) for k in ("first_key", "session", "nonce_terminal",
                                                "nonce_server", "af_id")}
        body = v["first_request_body"].encode()
        keys = messages.Schedule(raw["first_key"], body, raw["session"], raw["nonce_terminal"],
                                 raw["nonce_server"], raw["af_id"])
        assert keys.server.hex() == v["K_server"] and keys.term.hex() == v["K_term"]
        assert messages.make_first_request(anchor, v["kid"], raw["nonce_terminal"],
                                           ["mqtt"]) == body
        for name, typ, key in (("first_response", messages.FIRST_RESPONSE, keys.server),
                               ("second_request", messages.SECOND_REQUEST, keys.term),
                               ("second_response", messages.SECOND_RESPONSE, keys.server)):
            session = messages.b64(raw["session"])
            assert messages.unseal(key, session, typ, v[name]["jwe"]).decode() == \
                v[name]["plaintext"]
            assert messages.seal_as_told(key, messages.header_of(session, typ),
                                         v[name]["plaintext"].strip().encode(),
                                         bytes.fromhex(v[name]["iv"])) == v[name]["jwe"]


@tap.test
def first_key_of_the_vectors_comes_out():
    v = vectors()
    assert reference.k_af(bytes.fromhex(v["k_akma"]), FQDN).hex() == v["akma"]["first_key"]


@tap.test
def first_key_of_gba_comes_out_of_the_milenage_set():
    """TS 35.208 test set 1: CK || IK"""
    ks = bytes.fromhex("b40ba9a3c58b2a05bbf0d987b21bf8cbf769bcd751044604127672711c6d3441")
    rand = bytes.fromhex("23553cbe9637a89d218ae64dae47bf35")
    impi = "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
    v = vectors()
    assert reference.ks_naf(ks, rand, impi, FQDN).hex() == v["gba"]["first_key"]
    for name, key in v["first_keys"]["gba"].items():
        ua = bytes.fromhex(name.split()[1])
        assert reference.ks_naf(ks, rand, impi, FQDN, ua).hex() == key, name


@tap.test
def an_exchange_delivers_the_key():
    with make_server() as server:
        keys = ask(server, ["mqtt", "vpn", "none"])
    assert keys.raw("mqtt") == b"k" * 32
    assert keys.by_id["mqtt"]["kid"] == "mqtt:1"
    assert keys.errors == {"vpn": "revoked", "none": "not_entitled"}
    assert [e["event"] for e in server.events[:4]] == [
        "connection", "first_request", "second_request", "delivered"]


@tap.test
def a_rotated_key_names_the_one_before():
    with make_server() as server:
        server.rotate("mqtt", b"n" * 32, grace=100)
        keys = ask(server)
    assert keys.raw("mqtt") == b"n" * 32
    assert keys.by_id["mqtt"]["previous"]["kid"] == "mqtt:1"


@tap.test
def large_answers_pass_flow_control():
    with make_server() as server:
        server.hooks["key_set"] = lambda value: dict(value, filler="x" * 40000)
        assert ask(server).raw("mqtt") == b"k" * 32


@tap.test
def refusals_can_be_planned():
    with make_server() as server:
        server.refuse("first", "anchor_unavailable", retry_after=7)
        server.refuse("second", "store_unavailable")
        assert refused("anchor_unavailable", ask, server).retry_after == 7
        refused("store_unavailable", ask, server)
        ask(server)


@tap.test
def reject_unknown_kid():
    with make_server() as server:
        refused("anchor_key_unknown", ask, server, kid="1.other@realm")


@tap.test
def reject_wrong_first_key():
    with make_server() as server:
        raises(reference.NotAuthentic, ask, server, key=bytes(32))


@tap.test
def reject_bad_second_requests():
    plaintext = b'{"key_ids":["mqtt"]}'
    with make_server() as server:
        def post(build, cause):
            with client(server) as c:
                session = c.open_session("akma", KID, FIRST_KEY)
                refused(cause, session.open_keys, session.post(build(session)), ["mqtt"])

        def header(session, **more):
            return dict(reference.header_of(session.id, "akd1+second-request"), **more)

        post(lambda s: s.seal_as_told(header(s, zip="DEF"), plaintext), "malformed")
        post(lambda s: s.seal_as_told(header(s, typ="akd1+second-response"), plaintext),
             "malformed")
        post(lambda s: s.seal_as_told(header(s, kid="A" * 22), plaintext), "malformed")
        post(lambda s: s.seal_as_told(None, plaintext, padded=False), "malformed")
        post(lambda s: s.seal_as_told(None, plaintext, iv=bytes(11)), "malformed")
        post(lambda s: s.seal_as_told(None, plaintext, key=s.schedule.server), "not_authentic")
        post(lambda s: s.seal(b'{"key_ids":["mqtt","mqtt"]}'), "malformed")
        post(lambda s: s.seal(b'{"key_ids":["mqtt"],"key_ids":["vpn"]}'), "malformed")
        post(lambda s: s.seal(plaintext)[:-1], "malformed")
        post(lambda s: b"A" * 20000, "too_large")


@tap.test
def reject_second_request_replayed():
    with make_server() as server, client(server) as c:
        session = c.open_session("akma", KID, FIRST_KEY)
        body = session.seal(b'{"key_ids":["mqtt"]}')
        session.open_keys(session.post(body), ["mqtt"])
        refused("session_unknown", session.open_keys, session.post(body), ["mqtt"])


@tap.test
def reject_answers_that_do_not_match():
    with make_server() as server:
        server.hooks["key_set"] = lambda value: dict(value, keys=[])
        raises(reference.Malformed, ask, server)
        server.hooks["key_set"] = lambda value: b'{"now":1,"now":1,"keys":[]}'
        raises(reference.Malformed, ask, server)
        del server.hooks["key_set"]
        server.hooks["offer"] = lambda value: dict(value, server="other.example.com")
        raises(reference.NotAuthentic, ask, server)


@tap.test
def a_hook_may_drop_the_connection():
    def drop(_answer):
        raise reference.Drop("as the test wants it")

    with make_server() as server:
        server.hooks["second_response"] = drop
        raises(reference.ConnectionLost, ask, server)


@tap.test
def both_run_from_the_command_line():
    program = [sys.executable, os.path.join(os.path.dirname(__file__), "reference.py")]
    paths = {name: os.path.join(folder.name, name) for name in ("first", "keys", "key")}
    for name, text in (("first", json.dumps({"akma": {KID: FIRST_KEY.hex()}})),
                       ("keys", json.dumps({"mqtt": {"k": "6b" * 32, "version": 4}})),
                       ("key", FIRST_KEY.hex() + "\n")):
        with open(paths[name], "w", encoding="ascii") as file:
            file.write(text)
    with subprocess.Popen(program + ["server", "--fqdn", FQDN, "--first-keys", paths["first"],
                                     "--application-keys", paths["keys"]],
                          stdout=subprocess.PIPE, text=True) as server:
        try:
            ready = json.loads(server.stdout.readline())
            out = subprocess.run(program + [
                "client", "--url", "https://%s:1" % FQDN, "--connect", ready["listen"], "--ca-file",
                ready["ca_file"], "--kid", KID, "--first-key-file", paths["key"], "mqtt"],
                capture_output=True, text=True, timeout=60, check=True).stdout
        finally:
            server.terminate()
        assert server.wait(60) == 0
    assert json.loads(out)["keys"][0]["kid"] == "mqtt:4"


tap.main()
