# SPDX-License-Identifier: LGPL-2.1-or-later
"""After an exchange no copy of the first key is in agent or key server (M5, M6).

Every process of both is stopped and all its readable memory searched for K_AF, K_AKMA, K_AUSF or
Ks_NAF and RES, PRK and the session keys, raw, as hex and as base64, with the connection to the
anchor still open.
Controls find what is there on purpose, so that the search can fail.
"""
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka  # noqa: E402
import bsf  # noqa: E402
import derive  # noqa: E402
import harness  # noqa: E402
import memscan  # noqa: E402
import reference  # noqa: E402
import reference_server  # noqa: E402
import tap  # noqa: E402
import ubserver  # noqa: E402
from harness import FQDN, IMSI  # noqa: E402

UA_MESSAGE, UA_DIGEST = bytes.fromhex("ff00000001"), bytes.fromhex("0100000002")


class Akma:
    """The lab's AUSF and AAnF, and a modem that is registered there."""
    kind, bsf = "akma", None

    def __init__(self):
        self.stack = harness.Stack()

    def __enter__(self):
        self.stack.start_lab(), self.stack.start_modem()
        self.core = self.stack.core
        return self

    def __exit__(self, kind, value, trace):
        self.stack.__exit__(kind, value, trace)

    def secrets(self, ua=UA_MESSAGE):
        """What is to be wiped, of the last authentication."""
        content = bytes.fromhex(self.stack.control("dump 4F05").split("=")[-1].split()[-1])
        k_ausf = content[2:34]
        return {"K_AUSF": k_ausf, "K_AKMA": derive.k_akma(k_ausf, IMSI),
                "K_AF": derive.k_af(k_ausf, IMSI, FQDN, ua)}

    def identifier(self):
        """Of a terminal in Python: A-KID and first key."""
        secrets = self.secrets()
        return derive.a_kid(secrets["K_AUSF"], IMSI), secrets["K_AF"]

    def first_key(self, anchor, kid):
        """For a key server in Python."""
        known, key = self.identifier()
        assert (anchor, kid) == ("akma", known), "another A-KID"
        return key


class Gba:
    """A BSF in Python, which knows what is to be wiped: Ub for the agent, Nbsp_GBA for a key server."""
    kind = "gba"

    def __init__(self, lifetime=3600):
        self.stack = harness.Stack(anchor="gba")
        self.ub = ubserver.Bsf(aka.Usim(harness.K, harness.OPC), lifetime=lifetime)
        self.nbsp = bsf.Bsf()
        self.nbsp.contexts = self.ub.sessions
        self.bsf = self.ub.url

    def __enter__(self):
        self.nbsp.start()
        self.core = self.nbsp.url
        self.stack.start_modem()
        return self

    def __exit__(self, kind, value, trace):
        self.stack.__exit__(kind, value, trace)
        self.ub.__exit__()
        self.nbsp.stop()

    def ks(self):
        """Of the last bootstrapping: what the agent keeps."""
        ks = list(self.ub.sessions.values())[-1][0]
        return {"Ks": ks, "CK": ks[:16], "IK": ks[16:]}

    def secrets(self, ua=UA_MESSAGE):
        ks, rand, impi = list(self.ub.sessions.values())[-1]
        return {"Ks_NAF": ubserver.ks_naf(ks, rand, impi, FQDN, ua), "RES": self.ub.keys(rand)[0]}

    def identifier(self):
        b_tid, ks, rand = "cmFuZA==@" + ubserver.HOME, os.urandom(32), os.urandom(16)
        self.ub.sessions[b_tid] = (ks, rand, IMSI + "@ims.mnc001.mcc001.3gppnetwork.org")
        return b_tid, self.first_key("gba", b_tid)

    def first_key(self, anchor, kid):
        assert anchor == "gba", anchor
        return ubserver.ks_naf(*self.ub.sessions[kid], FQDN, UA_MESSAGE)


OPERATORS = {"akma": Akma, "gba": Gba}


def session_keys(schedule):
    return {"PRK": schedule.prk, "K_server": schedule.server, "K_term": schedule.term}


def pids_of(stack, *names):
    return [pid for name in names for pid in harness.worker_pids(stack.processes[name].pid)]


def anchor_connections(operator):
    """Established connections to the core, from /proc/net/tcp."""
    port = "%04X" % int(operator.core.rsplit(":", 1)[1])
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return [r for r in rows if r[2].endswith(":" + port) and r[3] == "01"]


def found(stack, names, secrets):
    hits = memscan.scan(pids_of(stack, *names), secrets)
    return {name: where for name, where in hits.items() if where}


def assert_gone(stack, names, secrets):
    hits = memscan.left(pids_of(stack, *names), secrets)
    assert not hits, hits


def start_all(operator):
    s = operator.stack
    s.start_keyserver(core=operator.core), s.start_bus(), s.start_agent(bsf=operator.bsf)
    s.wait_key()


# --- both programs ------------------------------------------------------------------------------

@tap.each("akma", "gba")
def m5_m6_first_key_is_nowhere_after_the_second_response(anchor):
    with OPERATORS[anchor]() as o:
        s = o.stack
        start_all(o)
        assert anchor_connections(o), "the connection to the anchor is closed already"
        assert_gone(s, ["akmad", "akma-keyserver"], o.secrets())
        # once more, with the second exchange over the same connection to the anchor
        s.ctl("renew", "mqtt")
        assert_gone(s, ["akmad", "akma-keyserver"], o.secrets())


def identity():
    """The IMSI as text and as EF_IMSI has it (TS 31.102 4.2.2)."""
    digits = "9" + IMSI  # odd number of digits, type IMSI
    swapped = "".join(digits[i + 1] + digits[i] for i in range(0, len(digits), 2))
    return {"IMSI": IMSI.encode(), "EF_IMSI": bytes.fromhex("%02x" % (len(swapped) // 2) + swapped)}


@tap.each("akma", "gba")
def imsi_is_nowhere_in_the_agent_after_the_exchange_and_control_the_modem_has_it(anchor):
    with OPERATORS[anchor]() as o:
        s = o.stack
        start_all(o)
        names = set(identity())
        assert names == set(found(s, ["akma-modemsim"], identity())), "the search does not see it"
        assert_gone(s, ["akmad"], identity())
        # an unchanged card is compared with what is known of it
        s.ctl("renew", "mqtt")
        assert_gone(s, ["akmad"], identity())


@tap.test
def control_application_key_is_found_where_it_is_kept():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        key = s.ctl("get", "mqtt", "--format", "raw", binary=True)
        hits = found(s, ["akmad"], {"key": key})
        assert hits["key"], "the search does not see the secure heap of the agent"


# --- the key server, with a terminal in Python ----------------------------------------------------

def client_of(stack):
    host, port = stack.ready["akma-keyserver"]["listen"].rsplit(":", 1)
    return reference.Client("https://%s:%s" % (FQDN, port), stack.path("ca.pem"), (host, int(port)))


@tap.each("akma", "gba")
def m5_server_keeps_no_key_of_the_session_and_control_live_first_key_is_found(anchor):
    with OPERATORS[anchor]() as o:
        s = o.stack
        s.start_keyserver(core=o.core)
        kid, first_key = o.identifier()
        with client_of(s) as client:
            session = client.open_session(anchor, kid, first_key, hints=["mqtt"])
            secrets = dict(session_keys(session.schedule), first_key=first_key)
            # held between the two requests: the server needs its keys now
            live = found(s, ["akma-keyserver"], secrets)
            assert {"first_key", "K_server", "K_term"} <= set(live), live
            assert session.ask(["mqtt"]).raw("mqtt")
            # the client's connection is open still; only the exchange is over
            assert anchor_connections(o)
            assert_gone(s, ["akma-keyserver"], secrets)


@tap.each("akma", "gba")
def m5_server_wipes_when_the_client_goes_away_between_the_requests(anchor):
    with OPERATORS[anchor]() as o:
        s = o.stack
        s.start_keyserver(core=o.core)
        kid, first_key = o.identifier()
        with client_of(s) as client:
            session = client.open_session(anchor, kid, first_key, hints=["mqtt"])
            secrets = dict(session_keys(session.schedule), first_key=first_key)
            assert found(s, ["akma-keyserver"], secrets), "the search does not see it"
        assert_gone(s, ["akma-keyserver"], secrets)


# --- the agent, with a key server in Python ---------------------------------------------------------

class Recorder(reference_server.ServerSession):
    sessions = []

    def __init__(self, *arguments):
        super().__init__(*arguments)
        Recorder.sessions.append(self)


reference_server.ServerSession = Recorder


class Exchange:
    """An agent whose second response is held back until end()."""

    def __init__(self, operator, first_key=None):
        """@first_key: another one than the operator's."""
        self.operator, self.stack = operator, operator.stack
        self.held, self.go_on = threading.Event(), threading.Event()
        self.other_key = first_key

    def __enter__(self):
        self.operator.__enter__()
        s = self.stack
        self.server = reference.ReferenceServer(FQDN, s.dir).__enter__()
        self.server.first_key = self.first_key
        self.server.keys["mqtt"] = reference.ServerKey(os.urandom(32))
        self.server.hooks["second_response"] = self.hold
        os.symlink(self.server.ca_file, s.path("ca.pem"))
        s.start_bus()
        s.start_agent(server="%s:%d" % self.server.address, bsf=self.operator.bsf)
        return self

    def __exit__(self, kind, value, trace):
        self.go_on.set()
        self.operator.__exit__(kind, value, trace)
        self.server.__exit__()

    def first_key(self, anchor, kid):
        return self.other_key or self.operator.first_key(anchor, kid)

    def hold(self, answer):
        self.held.set()
        self.go_on.wait(60)
        return answer

    def wait(self):
        assert self.held.wait(60), "no second request came"

    def end(self):
        self.go_on.set()
        self.stack.wait_key()

    def secrets(self):
        return dict(self.operator.secrets(), **session_keys(Recorder.sessions[-1].schedule))


@tap.each("akma", "gba")
def m6_agent_keeps_no_key_of_the_session_and_control_live_first_key_is_found(anchor):
    with Exchange(OPERATORS[anchor]()) as e:
        e.wait()
        secrets = e.secrets()
        live = found(e.stack, ["akmad"], secrets)
        assert "K_server" in live and "RES" not in live, live
        e.end()
        assert_gone(e.stack, ["akmad"], secrets)


@tap.each("akma", "gba")
def m6_agent_wipes_when_the_server_is_not_authentic(anchor):
    with Exchange(OPERATORS[anchor](), first_key=os.urandom(32)) as e:
        assert e.stack.ctl("renew", "mqtt", check=False).returncode == 21
        # akmad tries again by itself: that may be when we look
        assert_gone(e.stack, ["akmad"], e.operator.secrets())


@tap.each("akma", "gba")
def m6_first_key_of_the_digest_profile_is_nowhere_after_it(anchor):
    with OPERATORS[anchor]() as o:
        s = o.stack
        s.start_keyserver(core=o.core, extra="[digest]\nlisten=127.0.0.1:0\n")
        s.start_bus()
        s.start_agent(server=s.ready["akma-keyserver"]["digest"], profile="digest", bsf=o.bsf)
        s.wait_key()
        assert_gone(s, ["akmad", "akma-keyserver"], o.secrets(UA_DIGEST))


# --- Ks of GBA ----------------------------------------------------------------------------------------

@tap.test
def m6_ks_is_kept_once_for_the_next_server():
    with Exchange(Gba()) as e:
        e.wait()
        e.end()
        once, kept = {"Ks": 1, "CK": 1, "IK": 1}, {}

        def is_kept_once():
            where = memscan.scan(pids_of(e.stack, "akmad"), e.operator.ks())
            kept.update({name: len(places) for name, places in where.items()})
            return kept == once
        assert tap.eventually(is_kept_once, 60), kept


@tap.test
def m6_ks_is_nowhere_when_its_lifetime_is_over():
    with Exchange(Gba(lifetime=15)) as e:
        e.wait()
        secrets, ks = e.secrets(), e.operator.ks()
        e.end()
        assert found(e.stack, ["akmad"], ks), "it is gone too early: the test sees nothing"
        assert_gone(e.stack, ["akmad"], {**ks, **secrets})


@tap.test
def m6_ks_goes_with_the_card():
    with Exchange(Gba()) as e:
        e.wait()
        ks = e.operator.ks()
        e.end()
        assert found(e.stack, ["akmad"], ks), "the search does not see it"
        assert e.stack.control("sim out").startswith("ok")
        assert_gone(e.stack, ["akmad"], ks)


if __name__ == "__main__":
    reason = memscan.need_access()
    if reason:
        tap.skip_all(reason)
    tap.main()
