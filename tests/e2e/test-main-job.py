# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job with every real program: SIM, modem, core, key server, agent, bus, CLI."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
import tap  # noqa: E402
from harness import IMSI, K, OPC  # noqa: E402

TWO_APPLICATIONS = ("[application mqtt]\nserver=keys\nusers=%u\n"
                    "[application vpn]\nserver=keys\nusers=%u\n")


def status_of(stack, *words):
    return stack.ctl(*words, check=False).returncode


def fingerprint(stack, *words):
    return stack.ctl("get", "mqtt", "--format", "fingerprint", *words).strip()


def server_fingerprint(stack, kid):
    return [row["sha256"] for row in stack.server_keys() if row["kid"] == kid][0]


def k_ausf(stack):
    """What the modem wrote to the card at its last registration."""
    content = bytes.fromhex(stack.control("dump 4F05").split()[-1].split("=")[-1])
    assert content[:2] == b"\x80\x20", content[:2].hex()
    return content[2:34]


class Watcher:
    """akmactl watch mqtt --json in a process of its own; its events as they come."""

    def __init__(self, stack):
        self.path = stack.path("watch.json")
        self.popen = subprocess.Popen([harness.program("akmactl"), "--bus", stack.bus, "--json",
                                       "watch", "mqtt"], stdout=open(self.path, "w"), env=stack.env)
        harness.wait_until("the watcher's first line", self.events)

    def events(self):
        with open(self.path) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def wait(self, event, kid=None):
        return harness.wait_until("event %s %s" % (event, kid), lambda: [
            e for e in self.events() if e["event"] == event and kid in (None, e["kid"])])

    def close(self):
        self.popen.terminate()
        self.popen.wait()


ASKED = {
    "akma": (["akma", "gba-me"], "retrieve-applicationkey"),
    "gba": (["gba-me", "gba-u"], "bootstrapping-info-retrieval"),
    "gba-u": (["gba-me", "gba-u"], "bootstrapping-info-retrieval"),
}


@tap.each("akma", "gba", "gba-u")
def m11_the_key_on_the_bus_is_the_one_that_the_server_holds(anchor):
    with harness.Stack(anchor=anchor) as s:
        s.start_all()
        row = s.wait_key()
        assert row["key_id"] == "mqtt:1", row
        assert fingerprint(s) == server_fingerprint(s, "mqtt:1")
        raw = s.ctl("get", "mqtt", "--format", "raw", binary=True)
        assert len(raw) == 32
        assert json.loads(s.ctl("status", "--json"))["state"] == "ready"
        modem = json.loads(s.ctl("modem", "--json").splitlines()[0])
        on_card, resource = ASKED[anchor]
        assert modem["anchors"] == on_card, modem
        # the anchor was asked once for it, and the terminal has a pseudonym, not an IMSI
        assert s.anchors_asked() == [(resource, "200")]
        assert IMSI not in s.server("terminal", "list", "--json")
        for name in ("akmad", "akma-keyserver"):
            assert IMSI not in s.processes[name].read_log(), name
        for name in ("akmad", "akma-keyserver", "akma-lab", "akma-modemsim"):
            if name in s.processes:
                assert s.stop(name) == 0, name


@tap.test
def rotation_reaches_a_watcher_and_the_version_before_is_still_fetchable():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem()
        s.init_keyserver(application=None)
        s.server("application", "add", "mqtt", "--source", "local", "--allow", "*", "--grace", "1h")
        s.start_keyserver(), s.start_bus(), s.start_agent()
        s.wait_key()
        first = fingerprint(s)
        watcher = Watcher(s)
        try:
            s.server("key", "rotate", "--application", "mqtt")
            s.ctl("renew", "mqtt")
            watcher.wait("key-changed", "mqtt:2")
        finally:
            watcher.close()
        assert fingerprint(s) == server_fingerprint(s, "mqtt:2") != first
        assert fingerprint(s, "--kid", "mqtt:1") == first
        assert status_of(s, "get", "mqtt", "--format", "hex", "--kid", "mqtt:9") == 25


@tap.test
def the_version_before_is_gone_after_its_grace_time():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem()
        s.init_keyserver(application=None)
        s.server("application", "add", "mqtt", "--source", "local", "--allow", "*", "--grace", "2s")
        s.start_keyserver(), s.start_bus(), s.start_agent()
        s.wait_key()
        s.server("key", "rotate", "--application", "mqtt")
        s.ctl("renew", "mqtt")
        harness.wait_until("mqtt:1 is gone", lambda: status_of(
            s, "get", "mqtt", "--format", "hex", "--kid", "mqtt:1") == 25)
        assert fingerprint(s) == server_fingerprint(s, "mqtt:2")


@tap.test
def renewing_without_rotation_changes_nothing():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        first = fingerprint(s)
        s.ctl("renew", "mqtt")
        s.ctl("renew", "mqtt")
        assert s.application()["key_id"] == "mqtt:1"
        assert fingerprint(s) == first
        assert len(s.server_keys()) == 1


@tap.test
def a_new_registration_is_used_at_once():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        before = k_ausf(s)
        assert s.control("register").startswith("ok")
        assert k_ausf(s) != before
        s.ctl("renew", "mqtt")


@tap.test
def an_empty_file_is_anchor_not_ready_until_the_modem_registers():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem(), s.start_keyserver(), s.start_bus()
        assert s.control("deregister").startswith("ok")
        s.start_agent()
        assert status_of(s, "renew", "mqtt") == 16
        assert status_of(s, "get", "mqtt", "--format", "hex") == 8
        assert s.control("register").startswith("ok")
        s.wait_key()


@tap.test
def reject_card_without_service_123():
    card = ("[card]\niccid=8988211000000000017\n[usim]\nimsi=%s\nmnc-length=2\nk=%s\nopc=%s\n"
            "services=124\nplmn=00101\n" % (IMSI, K, OPC))
    with harness.Stack() as s:
        s.start_lab(), s.start_modem(card=card, core=False), s.start_keyserver(), s.start_bus()
        s.start_agent()
        result = s.ctl("renew", "mqtt", check=False)
        assert result.returncode == 15, result.stderr
        assert "123" in result.stderr and "next:" in result.stderr


@tap.test
def reject_a_card_that_the_operator_does_not_know():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem(), s.start_keyserver(), s.start_bus()
        # the core forgets: a restart without its state is a new core
        s.stop("akma-lab")
        s.start_lab()
        s.start_agent()
        assert status_of(s, "renew", "mqtt") == 23
        assert s.control("register").startswith("ok")
        s.renew_once_cured()


@tap.test
def a_server_that_is_away_costs_no_key_and_is_found_again():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        first = fingerprint(s)
        s.stop("akma-keyserver")
        assert status_of(s, "renew", "mqtt") == 20
        assert fingerprint(s) == first
        s.keyserver_config()
        s.start_keyserver()
        s.renew_once_cured()
        assert fingerprint(s) == first


@tap.test
def an_anchor_that_is_away_costs_no_key():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        first = fingerprint(s)
        s.stop("akma-lab")
        assert status_of(s, "renew", "mqtt") == 20
        assert fingerprint(s) == first


@tap.test
def a_restart_without_network_serves_the_key_from_the_sealed_file():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        first = fingerprint(s)
        s.stop("akmad"), s.stop("akma-keyserver"), s.stop("akma-lab")
        s.start_agent(config=False)
        assert fingerprint(s) == first


@tap.test
def reject_tampered_sealed_file():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        s.stop("akmad")
        path = s.path("state", "keys.sealed")
        with open(path, "r+b") as f:
            f.seek(-1, os.SEEK_END)
            last = f.read(1)
            f.seek(-1, os.SEEK_END)
            f.write(bytes([last[0] ^ 1]))
        s.start_agent(config=False)
        assert os.path.exists(path + ".bad")
        s.wait_key()
        assert fingerprint(s) == server_fingerprint(s, "mqtt:1")


@tap.test
def reject_terminal_without_the_right():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem()
        s.init_keyserver(application=None)
        s.server("application", "add", "mqtt", "--source", "local")
        s.start_keyserver(), s.start_bus(), s.start_agent()
        result = s.ctl("renew", "mqtt", check=False)
        assert result.returncode == 24, result.stderr
        s.server("application", "allow", "mqtt", "*")
        s.ctl("renew", "mqtt")


@tap.test
def a_revoked_key_is_wiped_and_shown():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        watcher = Watcher(s)
        try:
            terminal = json.loads(s.server("terminal", "list", "--json").splitlines()[0])
            s.server("terminal", "revoke", terminal.get("terminal") or terminal["id"])
            assert status_of(s, "renew", "mqtt") == 26
            watcher.wait("key-revoked", "mqtt:1")
        finally:
            watcher.close()
        assert s.application()["state"] == "revoked"
        assert status_of(s, "get", "mqtt", "--format", "hex") == 26


@tap.test
def reject_server_of_another_authority():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem(), s.start_keyserver(), s.start_bus()
        os.rename(s.path("ca.pem"), s.path("right.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", s.path("other.key"), "-out",
                        s.path("ca.pem"), "-days", "2", "-subj", "/CN=other"], check=True,
                       stderr=subprocess.DEVNULL)
        s.start_agent()
        assert status_of(s, "renew", "mqtt") == 21


@tap.test
def card_out_is_no_sim_and_card_in_goes_on():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        first = fingerprint(s)
        assert s.control("sim out").startswith("ok")
        harness.wait_until("NoSim", lambda: status_of(s, "renew", "mqtt") == 12)
        assert fingerprint(s) == first
        assert s.control("sim in").startswith("ok")
        assert s.control("register").startswith("ok")
        harness.wait_until("the card is used again", lambda: status_of(s, "renew", "mqtt") == 0)


@tap.test
def a_card_that_asks_for_its_pin_is_pin_required():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem(), s.start_keyserver(), s.start_bus()
        assert s.control("pin on").startswith("ok")
        assert s.control("sim out").startswith("ok")
        assert s.control("sim in").startswith("ok")
        s.start_agent()
        assert status_of(s, "renew", "mqtt") == 13


@tap.test
def an_unplugged_modem_is_found_again():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        assert s.control("unplug").startswith("ok")
        harness.wait_until("NoModem", lambda: status_of(s, "renew", "mqtt") in (10, 11))
        assert s.control("plug").startswith("ok")
        harness.wait_until("the modem is used again", lambda: status_of(s, "renew", "mqtt") == 0)


@tap.test
def two_applications_share_one_exchange():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem()
        s.init_keyserver()
        s.server("application", "add", "vpn", "--source", "local", "--allow", "*")
        s.start_keyserver(), s.start_bus()
        s.start_agent(applications=TWO_APPLICATIONS)
        s.wait_key("mqtt"), s.wait_key("vpn")
        assert s.ctl("get", "vpn", "--format", "fingerprint") != s.ctl("get", "mqtt", "--format", "fingerprint")


@tap.test
def reject_bad_new_configuration_and_keep_the_old_one():
    with harness.Stack() as s:
        s.start_all()
        s.wait_key()
        with open(s.path("akmad.conf"), "a") as f:
            f.write("[application vpn]\nserver=nowhere\n")
        s.processes["akmad"].signal(harness.signal.SIGHUP)
        harness.wait_until("the fault is told", lambda: "[application vpn] server" in
                           s.processes["akmad"].read_log())
        assert s.application("vpn") is None
        assert s.application("mqtt")["state"] == "ready"
        s.server("application", "add", "vpn", "--source", "local", "--allow", "*")
        s.agent_config(applications=TWO_APPLICATIONS)
        s.processes["akmad"].signal(harness.signal.SIGHUP)
        s.wait_key("vpn")


@tap.test
def every_dialect_of_modem_gives_the_same_key():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem(), s.start_keyserver(), s.start_bus()
        seen = set()
        for dialect in ("plain", "no-test", "session-257", "no-space", "inline", "no-cchc", "busy",
                        "csim-only"):
            s.stop("akma-modemsim")
            s.start_modem(dialect=dialect)
            s.start_agent()
            s.wait_key()
            seen.add(fingerprint(s))
            s.stop("akmad")
        assert len(seen) == 1


if __name__ == "__main__":
    tap.main()
