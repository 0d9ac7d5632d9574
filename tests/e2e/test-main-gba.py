#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job over GBA with every real program: a SIM without 5G, akmad, the lab's BSF, the key
server; and auto, which falls back to GBA."""
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka  # noqa: E402
import harness  # noqa: E402
import tap  # noqa: E402
import ubserver  # noqa: E402
from harness import IMSI  # noqa: E402

try:
    import bsf
    import reference
except ImportError as missing:
    bsf, why = None, str(missing)

NOT_READY, REJECTED, UNREACHABLE, NOT_AUTHENTIC, REVOKED = 16, 17, 20, 21, 26


def fingerprint(stack, *words):
    return stack.ctl("get", "mqtt", "--format", "fingerprint", *words).strip()


def server_fingerprint(stack, kid):
    return [row["sha256"] for row in stack.server_keys() if row["kid"] == kid][0]


def renew(stack):
    return stack.ctl("renew", "mqtt", check=False).returncode


def state(stack):
    return json.loads(stack.ctl("status", "--json"))["state"]


def last_error(stack):
    return stack.application()["last_error"]["message"]


def bootstrappings(stack):
    """How many ended well."""
    return len(re.findall(r"GET Ub / \S+: 200", stack.processes["akma-lab"].read_log()))


def turn_to(stack, anchor, **config):
    stack.anchor, before = anchor, stack.anchor
    stack.agent_config(**config)
    stack.processes["akmad"].signal(signal.SIGHUP)
    harness.wait_until("reloaded", lambda: stack.processes["akmad"].read_log().count(
        "configuration reloaded") == stack.reloads + 1)
    stack.reloads += 1
    assert before != anchor or config


class Stack(harness.Stack):
    reloads = 0


@tap.each("gba", "gba-u")
def rotation_reaches_the_gateway_with_one_bootstrapping(anchor):
    with Stack(anchor=anchor) as s:
        s.start_all()
        s.wait_key()
        s.server("key", "rotate", "--application", "mqtt")
        s.ctl("renew", "mqtt")
        assert fingerprint(s) == server_fingerprint(s, "mqtt:2")
        assert bootstrappings(s) == 1


@tap.each("gba", "gba-u")
def an_operator_who_forgot_all_costs_one_new_bootstrapping(anchor):
    with Stack(anchor=anchor) as s:
        s.start_all()
        s.wait_key()
        # it has lost its bootstrappings, and its sequence numbers begin anew: AUTS
        address = s.ready["akma-lab"]["bsf"]
        s.stop("akma-lab")
        s.start_lab(extra=["--bsf-listen", address])
        assert renew(s) == 0, last_error(s)
        assert bootstrappings(s) == 2
        assert "resynchronise" in s.processes["akmad"].read_log()


@tap.each("gba", "gba-u")
def an_ended_ks_is_made_anew(anchor):
    with Stack(anchor=anchor) as s:
        s.start_lab(extra=["--gba-lifetime", "7s"])
        s.start_modem(), s.start_keyserver(), s.start_bus(), s.start_agent()
        s.wait_key()
        time.sleep(8.2)  # the terminal counts from the second in which it began to ask
        assert renew(s) == 0, last_error(s)
        assert bootstrappings(s) == 2


@tap.test
def a_terminal_has_the_same_id_over_both_and_a_revocation_holds_on_both():
    with Stack(anchor="auto") as s:
        s.start_lab(), s.start_modem(), s.start_keyserver(), s.start_bus(), s.start_agent()
        s.wait_key()
        assert {name for name, _ in s.anchors_asked()} == {"retrieve-applicationkey"}
        turn_to(s, "gba")
        assert renew(s) == 0
        assert {name for name, _ in s.anchors_asked()} == {
            "retrieve-applicationkey", "bootstrapping-info-retrieval"}
        rows = [json.loads(line) for line in s.server("terminal", "list", "--json").splitlines()]
        assert len(rows) == 1, rows
        assert s.application()["key_id"] == "mqtt:1"

        s.server("terminal", "revoke", rows[0]["terminal"])
        assert renew(s) == REVOKED
        turn_to(s, "akma")
        assert renew(s) == REVOKED
        s.server("terminal", "restore", rows[0]["terminal"])
        turn_to(s, "gba")
        assert renew(s) == 0


@tap.test
def auto_falls_back_to_gba_and_the_next_enrolment_begins_with_akma():
    with Stack(anchor="auto") as s:
        s.start_all()
        s.wait_key()
        assert state(s) == "ready" and bootstrappings(s) == 0
        # the AAnF forgets the terminal: the same A-KID after the re-read is not known either
        done = subprocess.run(["curl", "-sf", "--http2-prior-knowledge", "-H",
                               "Content-Type: application/json", "-d",
                               json.dumps({"supi": "imsi-" + IMSI}),
                               s.core + "/naanf-akma/v1/remove-context"])
        assert done.returncode == 0
        assert renew(s) == 0, last_error(s)
        assert bootstrappings(s) == 1
        harness.wait_until("degraded", lambda: state(s) == "degraded")

        assert renew(s) == 0 and state(s) == "degraded" and bootstrappings(s) == 1
        assert s.control("register").startswith("ok")
        assert renew(s) == 0
        harness.wait_until("ready", lambda: state(s) == "ready")
        assert bootstrappings(s) == 1


@tap.test
def auto_uses_gba_where_the_card_has_no_akma_and_that_is_ready():
    card = ("[card]\niccid=8988211000000000017\n[usim]\nimsi=%s\nmnc-length=2\nk=%s\nopc=%s\n"
            "services=27\nplmn=00101\n" % (IMSI, harness.K, harness.OPC))
    with Stack(anchor="auto") as s:
        s.start_lab(), s.start_modem(card=card, core=False)
        s.start_keyserver(), s.start_bus(), s.start_agent()
        s.wait_key()
        assert bootstrappings(s) == 1 and state(s) == "ready"


@tap.test
def auto_falls_back_to_gba_where_the_modem_never_registers_on_5g():
    with Stack(anchor="auto") as s:
        s.start_lab(), s.start_modem(core=False)  # service 123, an empty EF_5GAUTHKEYS
        s.start_keyserver(), s.start_bus(), s.start_agent()
        s.wait_key()
        assert bootstrappings(s) == 1
        assert {name for name, _ in s.anchors_asked()} == {"bootstrapping-info-retrieval"}
        harness.wait_until("degraded", lambda: state(s) == "degraded")
        terminal = s.server("terminal", "list", "--json")
        # it comes into 5G coverage: the next enrolment is over AKMA, of the same terminal
        s.stop("akma-modemsim")
        s.start_modem()
        harness.wait_until("the card is used again", lambda: renew(s) == 0)
        harness.wait_until("ready", lambda: state(s) == "ready")
        assert s.anchors_asked()[-1] == ("retrieve-applicationkey", "200")
        assert fingerprint(s) == server_fingerprint(s, "mqtt:1")
        assert json.loads(terminal)["terminal"] == json.loads(
            s.server("terminal", "list", "--json"))["terminal"]


@tap.test
def reject_auto_with_neither_a_key_of_5g_nor_a_bsf():
    with Stack(anchor="auto") as s:
        s.start_lab(), s.start_modem(core=False)
        s.start_keyserver(), s.start_bus(), s.start_agent(bsf="http://127.0.0.1:1")
        assert renew(s) == NOT_READY
        assert "EF_5GAUTHKEYS" in last_error(s) and "BSF" in last_error(s), last_error(s)
        assert s.application()["state"] == "pending"
        s.stop("akma-modemsim")
        s.start_modem()
        s.wait_key()
        assert state(s) == "ready"


@tap.test
def a_bsf_that_wants_to_be_left_alone_is_left_alone():
    with Stack(anchor="gba") as s:
        s.start_lab(), s.start_modem(), s.start_keyserver(), s.start_bus()
        with ubserver.Bsf(aka.Usim(harness.K, harness.OPC)) as peer:
            peer.wrong, peer.more = "503", [("Retry-After", "300")]
            s.start_agent(bsf=peer.url)
            harness.wait_until("it is told", lambda: s.application()["last_error"])
            row = s.application()
            assert row["last_error"]["name"].endswith("ServerUnreachable"), row
            assert row["next_renewal"] - time.time() > 200, row
            assert len(peer.requests) == 1
            # who asks is not held
            peer.wrong = None
            assert renew(s) == 23  # the core does not know this BSF's B-TID
            assert len(peer.requests) >= 3


class TlsBsf:
    """A BSF behind https, in Python, and a key server that knows what it bootstrapped."""

    def __init__(self, stack):
        if bsf is None:
            raise tap.Skip(why)
        self.peer, self.nbsp = ubserver.Bsf(aka.Usim(harness.K, harness.OPC)), bsf.Bsf()
        self.ca, certificate, key = reference.make_certificate("localhost", stack.dir, "bsf")
        self.peer.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.peer.tls.load_cert_chain(certificate, key)
        self.url = self.peer.url.replace("http:", "https:")
        self.nbsp.contexts = self.peer.sessions

    def __enter__(self):
        self.nbsp.start()
        return self

    def __exit__(self, *_):
        self.peer.__exit__(), self.nbsp.stop()


@tap.test
def a_bsf_with_https_shows_the_imsi_to_nobody_on_the_way():
    with Stack(anchor="gba") as s, TlsBsf(s) as b:
        s.start_modem(), s.start_keyserver(core=b.nbsp.url), s.start_bus()
        s.start_agent(bsf=b.url.replace("127.0.0.1", "localhost"), extra="ca-file=%s\n" % b.ca)
        s.wait_key()
        assert fingerprint(s) == server_fingerprint(s, "mqtt:1")
        assert b.peer.answers == 1


@tap.test
def reject_a_bsf_with_https_of_another_authority_or_name():
    with Stack(anchor="gba") as s, TlsBsf(s) as b:
        s.start_modem(), s.start_keyserver(core=b.nbsp.url), s.start_bus()
        s.start_agent(bsf=b.url.replace("127.0.0.1", "localhost"))
        assert renew(s) == NOT_AUTHENTIC
        assert "BSF" in last_error(s), last_error(s)
        turn_to(s, "gba", bsf=b.url, extra="ca-file=%s\n" % b.ca)
        assert renew(s) == NOT_AUTHENTIC
        assert b.peer.requests == []


@tap.test
def reject_a_bsf_that_is_gone_and_come_back_by_itself():
    with Stack(anchor="gba") as s:
        s.start_lab(), s.start_modem(), s.start_keyserver(), s.start_bus()
        address = s.ready["akma-lab"]["bsf"]
        s.stop("akma-lab")
        s.start_agent()
        assert renew(s) == UNREACHABLE
        assert "BSF" in last_error(s)
        s.start_lab(extra=["--bsf-listen", address])
        s.wait_key()


@tap.test
def reject_a_subscriber_without_gba():
    with Stack(anchor="gba") as s:
        s.start_lab(subscribers="[subscriber %s]\nmnc-length=2\nk=%s\nopc=%s\ngba=none\n" % (
            IMSI, harness.K, harness.OPC))
        s.start_modem(), s.start_keyserver(), s.start_bus(), s.start_agent()
        assert renew(s) == REJECTED
        assert "BSF" in last_error(s)


@tap.test
def reject_gba_me_for_a_subscriber_of_gba_u():
    with Stack(anchor="gba-u") as s:
        s.start_lab()
        s.anchor = "gba"
        s.start_modem(), s.start_keyserver(), s.start_bus(), s.start_agent()
        assert renew(s) == REJECTED
        assert "challenge of the BSF" in last_error(s)


tap.main()
