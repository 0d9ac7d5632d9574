# SPDX-License-Identifier: LGPL-2.1-or-later
"""After an exchange no copy of the first key is in agent or key server (M5, M6).

Every process of both is stopped and all its readable memory searched for K_AF, K_AKMA, K_AUSF, PRK
and the session keys, raw, as hex and as base64, with the connection to the anchor still open.
Controls find what is there on purpose, so that the search can fail.
"""
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka  # noqa: E402
import derive  # noqa: E402
import harness  # noqa: E402
import memscan  # noqa: E402
import reference  # noqa: E402
import reference_server  # noqa: E402
import tap  # noqa: E402
import ubserver  # noqa: E402
from harness import FQDN, IMSI  # noqa: E402


UA_DIGEST = bytes.fromhex("0100000002")


def anchor_keys(stack):
    content = bytes.fromhex(stack.control("dump 4F05").split("=")[-1].split()[-1])
    k_ausf = content[2:34]
    k_akma = derive.k_akma(k_ausf, IMSI)
    return {"K_AUSF": k_ausf, "K_AKMA": k_akma, "K_AF": derive.k_af(k_ausf, IMSI, FQDN)}


def session_keys(schedule):
    return {"PRK": schedule.prk, "K_server": schedule.server, "K_term": schedule.term}


def pids_of(stack, *names):
    return [pid for name in names for pid in harness.worker_pids(stack.processes[name].pid)]


def anchor_connections(stack):
    """Established connections to the core, from /proc/net/tcp."""
    port = "%04X" % int(stack.ready["akma-lab"]["core"].rsplit(":", 1)[1])
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return [r for r in rows if r[2].endswith(":" + port) and r[3] == "01"]


def found(stack, names, secrets):
    hits = memscan.scan(pids_of(stack, *names), secrets)
    return {name: where for name, where in hits.items() if where}


@tap.test
def m5_m6_first_key_is_nowhere_after_the_second_response():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        secrets = anchor_keys(s)
        assert anchor_connections(s), "the connection to the anchor is closed already"
        hits = found(s, ["akmad", "akma-keyserver"], secrets)
        assert not hits, hits
        # once more, with the second exchange over the same connection to the anchor
        s.ctl("renew", "mqtt")
        hits = found(s, ["akmad", "akma-keyserver"], secrets)
        assert not hits, hits


def identity():
    """The IMSI as text and as EF_IMSI has it (TS 31.102 4.2.2)."""
    digits = "9" + IMSI  # odd number of digits, type IMSI
    swapped = "".join(digits[i + 1] + digits[i] for i in range(0, len(digits), 2))
    return {"IMSI": IMSI.encode(), "EF_IMSI": bytes.fromhex("%02x" % (len(swapped) // 2) + swapped)}


@tap.test
def imsi_is_nowhere_in_the_agent_after_the_exchange_and_control_the_modem_has_it():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        names = set(identity())
        assert names == set(found(s, ["akma-modemsim"], identity())), "the search does not see it"
        hits = found(s, ["akmad"], identity())
        assert not hits, hits
        # an unchanged card is compared with what is known of it
        s.ctl("renew", "mqtt")
        hits = found(s, ["akmad"], identity())
        assert not hits, hits


@tap.test
def control_application_key_is_found_where_it_is_kept():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        key = s.ctl("get", "mqtt", "--format", "raw", binary=True)
        hits = found(s, ["akmad"], {"key": key})
        assert hits["key"], "the search does not see the secure heap of the agent"


@tap.test
def m5_server_keeps_no_key_of_the_session_and_control_live_first_key_is_found():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem(), s.start_keyserver()
        secrets = anchor_keys(s)
        kid = derive.a_kid(secrets["K_AUSF"], IMSI)
        address = s.ready["akma-keyserver"]["listen"].rsplit(":", 1)
        url = "https://%s:%s" % (FQDN, address[1])
        with reference.Client(url, s.path("ca.pem"), (address[0], int(address[1]))) as client:
            session = client.open_session("akma", kid, secrets["K_AF"], hints=["mqtt"])
            secrets.update(session_keys(session.schedule))
            # held between the two requests: the server needs its keys now
            live = found(s, ["akma-keyserver"], secrets)
            assert {"K_AF", "K_server", "K_term"} <= set(live), live
            assert session.ask(["mqtt"]).raw("mqtt")
            # the client's connection is open still; only the exchange is over
            assert anchor_connections(s)
            hits = found(s, ["akma-keyserver"], secrets)
            assert not hits, hits


@tap.test
def m5_server_wipes_when_the_client_goes_away_between_the_requests():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem(), s.start_keyserver()
        secrets = anchor_keys(s)
        kid = derive.a_kid(secrets["K_AUSF"], IMSI)
        address = s.ready["akma-keyserver"]["listen"].rsplit(":", 1)
        url = "https://%s:%s" % (FQDN, address[1])
        with reference.Client(url, s.path("ca.pem"), (address[0], int(address[1]))) as client:
            session = client.open_session("akma", kid, secrets["K_AF"], hints=["mqtt"])
            secrets.update(session_keys(session.schedule))
        harness.wait_until("the server has wiped",
                           lambda: not found(s, ["akma-keyserver"], secrets), 10)


class Recorder(reference_server.ServerSession):
    sessions = []

    def __init__(self, *arguments):
        super().__init__(*arguments)
        Recorder.sessions.append(self)


def start_agent_at(stack, server):
    os.symlink(server.ca_file, stack.path("ca.pem"))
    stack.start_bus()
    stack.start_agent(server="%s:%d" % server.address)


@tap.test
def m6_agent_keeps_no_key_of_the_session_and_control_live_first_key_is_found():
    reference_server.ServerSession = Recorder
    with harness.Stack() as s:
        s.start_lab(), s.start_modem()
        secrets = anchor_keys(s)
        kid = derive.a_kid(secrets["K_AUSF"], IMSI)
        held, go_on = threading.Event(), threading.Event()

        def hold(answer):
            held.set()
            go_on.wait(20)
            return answer
        with reference.ReferenceServer(FQDN, s.dir) as server:
            server.first_keys["akma", kid] = secrets["K_AF"]
            server.keys["mqtt"] = reference.ServerKey(os.urandom(32))
            server.hooks["second_response"] = hold
            start_agent_at(s, server)
            assert held.wait(20), "no second request came"
            secrets.update(session_keys(Recorder.sessions[-1].schedule))
            live = found(s, ["akmad"], secrets)
            assert "K_server" in live, live
            go_on.set()
            s.wait_key()
            hits = found(s, ["akmad"], secrets)
            assert not hits, hits


@tap.test
def m6_agent_wipes_when_the_server_is_not_authentic():
    reference_server.ServerSession = Recorder
    with harness.Stack() as s:
        s.start_lab(), s.start_modem()
        secrets = anchor_keys(s)
        kid = derive.a_kid(secrets["K_AUSF"], IMSI)
        with reference.ReferenceServer(FQDN, s.dir) as server:
            server.first_keys["akma", kid] = os.urandom(32)
            server.keys["mqtt"] = reference.ServerKey(os.urandom(32))
            start_agent_at(s, server)
            assert s.ctl("renew", "mqtt", check=False).returncode == 21
            hits = found(s, ["akmad"], secrets)
            assert not hits, hits


# --- GBA ------------------------------------------------------------------------------------------

class Gba:
    """An agent over GBA_ME with a BSF and a key server in Python, which know what it should wipe."""

    def __init__(self, lifetime):
        self.stack = harness.Stack(anchor="gba")
        self.bsf = ubserver.Bsf(aka.Usim(harness.K, harness.OPC), lifetime=lifetime)
        self.held, self.go_on = threading.Event(), threading.Event()

    def __enter__(self):
        reference_server.ServerSession = Recorder
        s = self.stack
        self.server = reference.ReferenceServer(FQDN, s.dir).__enter__()
        self.server.first_key = self.first_key
        self.server.keys["mqtt"] = reference.ServerKey(os.urandom(32))
        self.server.hooks["second_response"] = self.hold
        os.symlink(self.server.ca_file, s.path("ca.pem"))
        s.start_modem(), s.start_bus()
        s.start_agent(server="%s:%d" % self.server.address, bsf=self.bsf.url)
        assert self.held.wait(20), "no second request came"
        return self

    def __exit__(self, kind, value, trace):
        self.stack.__exit__(kind, value, trace)
        self.server.__exit__()
        self.bsf.__exit__()

    def first_key(self, anchor, kid, *_):
        assert anchor == "gba", anchor
        ks, rand, impi = self.bsf.sessions[kid]
        return ubserver.ks_naf(ks, rand, impi, FQDN)

    def hold(self, answer):
        self.held.set()
        self.go_on.wait(20)
        return answer

    def end(self):
        self.go_on.set()
        self.stack.wait_key()

    def secrets(self):
        b_tid, (ks, rand, impi) = list(self.bsf.sessions.items())[-1]
        res = self.bsf.keys(rand)[0]
        keys = {"Ks_NAF": self.first_key("gba", b_tid), "RES": res}
        keys.update(session_keys(Recorder.sessions[-1].schedule))
        return keys, {"Ks": ks, "CK": ks[:16], "IK": ks[16:]}


@tap.test
def m6_ks_naf_is_nowhere_after_the_exchange_over_gba_and_ks_at_one_place():
    with Gba(lifetime=3600) as g:
        secrets, ks = g.secrets()
        live = found(g.stack, ["akmad"], secrets)
        assert "K_server" in live, live
        assert "RES" not in live, live
        g.end()
        hits = found(g.stack, ["akmad"], secrets)
        assert not hits, hits
        # control: it is kept for the next server, once, as it should be
        kept = memscan.scan(pids_of(g.stack, "akmad"), ks)
        assert {name: len(where) for name, where in kept.items()} == {"Ks": 1, "CK": 1, "IK": 1}, kept


@tap.each("akma", "gba")
def m6_first_key_of_the_digest_profile_is_nowhere_after_it(anchor):
    with harness.Stack(anchor=anchor) as s:
        s.start_lab(), s.start_modem()
        s.start_keyserver(extra="[digest]\nlisten=127.0.0.1:0\n")
        s.start_bus()
        peer = ubserver.Bsf(aka.Usim(harness.K, harness.OPC)) if anchor == "gba" else None
        if peer:  # the key server knows no such B-TID, but the agent has used Ks_NAF by then
            s.start_agent(server=s.ready["akma-keyserver"]["digest"], profile="digest", bsf=peer.url)
            assert s.ctl("renew", "mqtt", check=False).returncode == 23
            ks, rand, impi = list(peer.sessions.values())[-1]
            secrets = {"Ks_NAF": ubserver.ks_naf(ks, rand, impi, FQDN, UA_DIGEST)}
            peer.__exit__()
        else:
            s.start_agent(server=s.ready["akma-keyserver"]["digest"], profile="digest")
            s.wait_key()
            secrets = anchor_keys(s)
            secrets["K_AF"] = derive.k_af(secrets["K_AUSF"], IMSI, FQDN, UA_DIGEST)
        hits = found(s, ["akmad"], secrets)
        assert not hits, hits


@tap.test
def m6_ks_is_nowhere_when_its_lifetime_is_over():
    with Gba(lifetime=6) as g:
        secrets, ks = g.secrets()
        g.end()
        assert found(g.stack, ["akmad"], ks), "it is gone too early: the test sees nothing"
        harness.wait_until("Ks is wiped", lambda: not found(g.stack, ["akmad"], ks), 12)
        assert not found(g.stack, ["akmad"], secrets)


@tap.test
def m6_ks_goes_with_the_card():
    with Gba(lifetime=3600) as g:
        _, ks = g.secrets()
        g.end()
        assert g.stack.control("sim out").startswith("ok")
        harness.wait_until("Ks is wiped", lambda: not found(g.stack, ["akmad"], ks), 12)


@tap.test
def imsi_is_nowhere_in_the_agent_after_an_exchange_over_gba():
    with Gba(lifetime=3600) as g:
        g.end()
        hits = found(g.stack, ["akmad"], identity())
        assert not hits, hits


if __name__ == "__main__":
    reason = memscan.need_access()
    if reason:
        tap.skip_all(reason)
    tap.main()
