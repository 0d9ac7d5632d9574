#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent as the terminal of the key-delivery protocol, against the reference server: what it
sends, and what it must not take. No refusal takes a key away that was delivered before."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bus"))

import harness

for needed in ("akmad", "akma-modemsim"):
    if not os.path.exists(os.path.join(harness.BUILD, harness.PROGRAMS[needed])):
        print("1..0 # SKIP %s is not built" % needed)
        sys.exit(0)

import reference  # noqa: E402
import reference_messages as messages  # noqa: E402
import tap  # noqa: E402
from world import KEY, World  # noqa: E402

worlds = {}


class Clean:
    """The one world of all tests with this anchor; its server does nothing odd, before and after."""

    def __init__(self, anchor="akma"):
        self.anchor = anchor

    def __enter__(self):
        if self.anchor not in worlds:
            worlds[self.anchor] = World(anchor=self.anchor)
            worlds[self.anchor].__enter__()
            worlds[self.anchor].start().wait_key()
        world = worlds[self.anchor]
        world.server.hooks.clear()
        world.server.events.clear()
        return world

    def __exit__(self, *_):
        world = worlds[self.anchor]
        world.server.hooks.clear()
        world.server.forgive()
        if world.properties()["LastError"][0]:
            world.stack.renew_once_cured()


def refused_renewal(w, name):
    """How many first requests it took. By the log, whose lines are in order: akmad tries again by
    itself, and the server may have heard of that already."""
    before = len(w.log())
    assert w.error_of(w.renew) == name
    run, ended, _ = w.log()[before:].partition(" (tried again in ")
    assert ended, run
    return run.count("first request sent")


def assert_refused(name, times=1, **hooks):
    """A renewal with these hooks fails with `name`, and the key that was there stays."""
    with Clean() as w:
        w.server.hooks.update(hooks)
        assert refused_renewal(w, name) == times
        assert w.get_key()[0] == KEY
        w.server.hooks.clear()
        w.stack.renew_once_cured()
        assert w.properties()["State"] == "ready"


def body_with(**members):
    """A hook that changes members of the first response; None takes one away."""
    def change(answer):
        body = json.loads(answer.body)
        body.update(members)
        answer.body = json.dumps({k: v for k, v in body.items() if v is not None}).encode()
        return answer
    return change


def flip(text, index):
    """One character of a base64url text changed, spare bits aside."""
    return text[:index] + ("A" if text[index] != "A" else "B") + text[index + 1:]


@tap.each("akma", "gba")
def m1_first_request_is_the_message_and_says_no_imsi(anchor):
    with Clean(anchor) as w:
        w.renew()
        request = w.server.wait_for("first_request")[0]
        assert request["anchor"] == anchor
        if anchor == "akma":
            assert ("akma", request["kid"]) in w.server.first_keys
        else:
            assert request["kid"] in w.bsf.sessions
        assert harness.IMSI not in json.dumps(request)


@tap.each("akma", "gba")
def m3_m4_second_key_arrives_under_the_first_key(anchor):
    with Clean(anchor) as w:
        w.renew()
        assert w.server.wait_for("delivered")[0]["key_ids"] == ["mqtt"]
        assert w.get_key()[0] == KEY


@tap.each("akma", "gba")
def m8_first_request_names_the_identifier(anchor):
    with Clean(anchor) as w:
        w.renew()
        assert w.server.wait_for("first_request")[0]["key_ids"] == ["mqtt"]


@tap.test
def an_exchange_is_one_connection_and_one_fresh_nonce():
    nonces = set()
    with Clean() as w:
        for _ in range(3):
            w.server.events.clear()
            w.renew()
            assert len(w.server.wait_for("connection")) == 1
            nonces.add(w.server.wait_for("first_request")[0]["nonce"])
    assert len(nonces) == 3


@tap.test
def a_server_that_offers_nothing_is_asked_all_the_same():
    with Clean() as w:
        w.server.hooks["offer"] = lambda offer: dict(offer, key_ids=[])
        w.renew()
        assert w.server.wait_for("delivered")


@tap.test
def unknown_members_are_ignored():
    with Clean() as w:
        w.server.hooks["offer"] = lambda offer: dict(offer, new=[{"x": 1}])
        w.server.hooks["key_set"] = lambda keys: dict(keys, new="x")
        w.server.hooks["first_response"] = body_with(new={"x": None})
        w.renew()


@tap.test
def reject_sealed_tampered():
    assert_refused("ServerNotAuthentic", sealed=lambda jwe: flip(jwe, len(jwe) - 10))
    assert_refused("ServerNotAuthentic", sealed=lambda jwe: flip(jwe, jwe.rindex(".") - 10))


@tap.test
def reject_sealed_of_another_typ_alg_enc_kid_or_with_zip():
    def with_header(**more):
        def change(jwe):
            header = json.loads(messages.unb64(jwe.split(".")[0]))
            header.update(more)
            return messages.b64(messages.compact(header)) + jwe[jwe.index("."):]
        return change

    for more in ({"typ": "akd1+second-response"}, {"alg": "A256KW"}, {"enc": "A128GCM"},
                 {"kid": "A" * 22}, {"zip": "DEF"}, {"crit": ["x"]}):
        assert_refused("ServerNotAuthentic", sealed=with_header(**more))


@tap.test
def reject_sealed_truncated_padded_or_with_an_encrypted_key():
    assert_refused("ServerNotAuthentic", sealed=lambda jwe: jwe[:-1])
    assert_refused("ServerNotAuthentic", sealed=lambda jwe: jwe + "==")
    assert_refused("ServerNotAuthentic", sealed=lambda jwe: jwe.replace("..", ".AAAA.", 1))


@tap.test
def reject_first_response_replayed():
    kept = []

    def keep(answer):
        kept.append((dict(answer.headers), answer.body))
        return answer

    def replay(answer):
        answer.headers, answer.body = kept[0]
        return answer

    with Clean() as w:
        w.server.hooks["first_response"] = keep
        w.renew()
    assert_refused("ServerNotAuthentic", first_response=replay)


@tap.test
def reject_offer_of_another_server():
    assert_refused("ServerNotAuthentic",
                   offer=lambda offer: dict(offer, server="other.example.com"))


@tap.test
def reject_first_response_with_bad_members():
    for members in ({"session": None}, {"session": "AAAA"}, {"nonce": None}, {"nonce": 1},
                    {"expires_in": 0}, {"expires_in": 60.5}, {"sealed": None}):
        assert_refused("ServerRefused", first_response=body_with(**members))


@tap.test
def reject_first_response_that_is_no_json_oversized_or_with_a_duplicate_member():
    def body(change):
        def hook(answer):
            answer.body = change(answer.body)
            return answer
        return hook

    assert_refused("ServerRefused", first_response=body(lambda b: b[:-1]))
    assert_refused("ServerRefused", first_response=body(lambda b: b'{"expires_in":60,' + b[1:]))
    assert_refused("ServerRefused", first_response=body(lambda b: b + b"x"))
    assert_refused("ServerRefused", first_response=body(
        lambda b: b[:-1] + b',"x":"' + b"x" * 65536 + b'"}'))


@tap.test
def reject_other_status_media_type_and_redirect():
    def answer_with(status=None, **headers):
        def hook(answer):
            answer.status = status or answer.status
            answer.headers.update({k.replace("_", "-"): v for k, v in headers.items()})
            return answer
        return hook

    assert_refused("ServerRefused", first_response=answer_with(status=200))
    assert_refused("ServerRefused", first_response=answer_with(content_type="text/html"))
    assert_refused("ServerRefused", first_response=answer_with(status=307, location="/v1/other"))


def second(change):
    def hook(answer):
        answer.body = change(answer.body.decode()).encode()
        return answer
    return hook


@tap.test
def reject_second_response_tampered_truncated_or_replayed():
    kept = []
    with Clean() as w:
        w.server.hooks["second_response"] = second(lambda jwe: kept.append(jwe) or jwe)
        w.renew()
    assert_refused("ServerNotAuthentic", second_response=second(lambda j: flip(j, len(j) - 10)))
    assert_refused("ServerNotAuthentic", second_response=second(lambda jwe: jwe[:-1]))
    assert_refused("ServerNotAuthentic", second_response=second(lambda jwe: kept[0]))


@tap.test
def reject_key_sets_that_do_not_answer_the_question():
    def key(**more):
        return lambda keys: dict(keys, keys=[dict(keys["keys"][0], **more)])

    for change in (lambda keys: dict(keys, keys=[]),
                   lambda keys: dict(keys, keys=keys["keys"] * 2),
                   lambda keys: dict(keys, errors=[{"key_id": "mqtt", "cause": "revoked"}]),
                   lambda keys: dict(keys, keys=[], errors=[{"key_id": "mqtt", "cause": "new"}]),
                   lambda keys: b'{"now":1,"now":1,"keys":[]}',
                   lambda keys: dict(keys, ask_again=59),
                   key(kid="vpn:1"), key(kid="mqtt:0"), key(k="AAAA"), key(exp=1), key(kty="x"),
                   key(identity="a:b"), key(previous={"kid": "mqtt:1", "exp": 9999999999})):
        assert_refused("ServerRefused", key_set=change)


@tap.test
def session_that_is_unknown_or_used_is_opened_again_once():
    for cause in ("session_unknown", "session_used", "not_authentic"):
        with Clean() as w:
            w.server.refuse("second", cause)
            w.renew()
            assert len(w.server.wait_for("first_request")) == 2
        with Clean() as w:
            w.server.refuse("second", cause, times=9)
            assert refused_renewal(w, "ServerRefused") == 2


@tap.test
def a_connection_that_ends_before_the_answer_costs_no_key():
    def drop(_answer):
        raise reference.Drop("as the test wants it")

    with Clean() as w:
        for step in ("first_response", "second_response"):
            w.server.hooks[step] = drop
            assert w.error_of(w.renew) == "ServerUnreachable", step
            w.server.hooks.clear()
            assert w.get_key()[0] == KEY
            w.stack.renew_once_cured()


@tap.test
def nothing_of_the_exchange_is_in_the_log():
    with Clean() as w:
        w.renew()
        kid = w.server.wait_for("first_request")[0]["kid"]
        for secret in (harness.IMSI, kid, KEY.hex(), messages.b64(KEY)):
            assert secret not in w.log()


try:
    tap.main()
finally:
    for world in worlds.values():
        world.__exit__(None, None, None)
