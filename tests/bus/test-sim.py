# SPDX-License-Identifier: LGPL-2.1-or-later
"""The card: out, in, another one, its PIN; and what becomes of the keys."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import IMSI, KEY, MANAGER, ROOT, World  # noqa: E402

import tap  # noqa: E402

MODEM = "org.akmad1.Modem"
OTHER_K_AUSF = bytes(reversed(range(32)))
OTHER_IMSI = IMSI[:-1] + "8"
OTHER_ICCID = "8988211000000000025"


def locked(text, pin="1234"):
    return text.replace("[card]\n", "[card]\npin=%s\npin-enabled=true\n" % pin)


class SimWorld(World):
    """@pin: content of pin-file=; @agent: lines of [agent]."""

    def __init__(self, pin=None, agent="", **named):
        super().__init__(**named)
        self.pin, self.agent = pin, agent

    def __enter__(self):
        super().__enter__()
        self.server.first_keys["akma", world.derive.a_kid(OTHER_K_AUSF, OTHER_IMSI)] = world.derive.k_af(
            OTHER_K_AUSF, OTHER_IMSI, world.FQDN)
        self.stack.write("other.card", world.card(OTHER_K_AUSF, OTHER_IMSI, OTHER_ICCID))
        if self.pin is not None:
            self.write_pin(self.pin)
        return self

    def write_pin(self, digits):
        self.stack.write("pin", digits + "\n")

    def configure(self):
        super().configure()
        path = self.stack.path("akmad.conf")
        with open(path) as f:
            text = f.read()
        text = text.replace("[agent]\n", "[agent]\n" + self.agent, 1)
        if self.pin is not None:
            text = text.replace("protocol=at\n", "protocol=at\npin-file=%s\n" % self.stack.path("pin"), 1)
        self.stack.write("akmad.conf", text)

    def start(self, card=None):
        self.stack.start_modem(card=card or world.card(), core=False)
        self.configure()
        self.stack.start_agent(config=False)
        return self

    def control(self, line):
        answer = self.stack.control(line)
        assert answer.startswith("ok"), answer
        return dict(word.split("=", 1) for word in answer.split()[1:])

    def state(self):
        return self.get_all(ROOT, MANAGER)["State"]

    def last_error(self):
        return self.get_all(ROOT, MANAGER)["LastError"]

    def modem(self):
        for interfaces in self.objects().values():
            if MODEM in interfaces:
                return interfaces[MODEM]
        return {}

    def wait_sim(self, state):
        return self.wait("card is " + state, lambda: self.modem().get("SimState") == state and self.modem())

    def wait_error(self, words):
        return self.wait(words, lambda: words in self.last_error()[1] and self.last_error())

    def tries(self):
        return int(self.control("status")["pin_tries"])

    def scan(self):
        self.call(ROOT, MANAGER, "Scan")

    def kids(self):
        return [e["kid"] for e in self.server.events if e["event"] == "first_request"]


# -- another card ---------------------------------------------------------------------------------

@tap.test
def card_that_goes_and_comes_back_is_no_change():
    with SimWorld(agent="on-sim-change=wipe\n") as w:
        w.start().wait_key()
        before = w.modem()["SimId"]
        w.control("sim out")
        w.wait_sim("absent")
        assert w.state() == "no-sim" and w.get_key()[0] == KEY
        w.control("sim in")
        assert w.wait_sim("ready")["SimId"] == before
        w.settle()
        assert w.get_key()[0] == KEY and w.first_requests() == 1


@tap.test
def another_card_wipes_the_keys_at_once_if_that_is_configured():
    with SimWorld(agent="on-sim-change=wipe\n") as w:
        w.start().wait_key()
        w.listen()
        w.server.refuse("first", "anchor_unavailable", times=99)
        w.control("sim out")
        w.wait_sim("absent")
        assert w.get_key()[0] == KEY, "out is not another one"
        w.control("sim in " + w.stack.path("other.card"))
        w.wait_signal("KeyRevoked", ("mqtt:1",))
        assert w.error_of(w.get_key) == "NotReady"
        assert KEY not in open(w.stack.path("state", "keys.sealed"), "rb").read()
        w.server.forgive()
        w.wait("a new exchange", lambda: w.error_of(w.renew) is None)
        assert w.kids()[-1] == world.derive.a_kid(OTHER_K_AUSF, OTHER_IMSI)
        assert w.get_key()[0] == KEY


@tap.test
def card_changed_while_the_agent_was_away_wipes_too():
    with SimWorld(agent="on-sim-change=wipe\n") as w:
        w.start().wait_key()
        assert w.stack.stop("akmad") == 0
        w.control("sim out")
        w.control("sim in " + w.stack.path("other.card"))
        w.server.refuse("first", "anchor_unavailable", times=99)
        w.stack.start_agent(config=False)
        w.wait("the key is gone", lambda: w.error_of(w.get_key) == "NotReady")


@tap.test
def card_changed_while_the_agent_was_away_is_a_new_exchange_with_the_key_kept():
    with SimWorld() as w:
        w.start().wait_key()
        assert w.stack.stop("akmad") == 0
        w.control("sim out")
        w.control("sim in " + w.stack.path("other.card"))
        w.stack.start_agent(config=False)
        w.wait("the new card", lambda: w.kids()[-1] == world.derive.a_kid(OTHER_K_AUSF, OTHER_IMSI))
        assert w.get_key()[0] == KEY


@tap.test
def locked_card_is_another_one_before_its_pin_is_given():
    with SimWorld(agent="on-sim-change=wipe\n") as w:
        w.start().wait_key()
        w.stack.write("other.card", locked(world.card(OTHER_K_AUSF, OTHER_IMSI, OTHER_ICCID)))
        w.control("sim out")
        w.control("sim in " + w.stack.path("other.card"))
        w.wait_sim("pin-required")
        assert w.error_of(w.get_key) == "NotReady"
        w.control("pin off")
        w.wait_key()
        assert w.kids()[-1] == world.derive.a_kid(OTHER_K_AUSF, OTHER_IMSI)


@tap.test
def state_folder_remembers_cards_without_naming_them():
    with SimWorld(pin="1234") as w:
        w.start(locked(world.card())).wait_key()
        path = w.stack.path("state", "cards")
        assert os.stat(path).st_mode & 0o777 == 0o600
        text = open(path).read()
        assert w.modem()["SimId"] in text
        for secret in ("1234", "898821", IMSI):
            assert secret not in text, text


# -- PIN ------------------------------------------------------------------------------------------

@tap.test
def right_pin_is_given_and_the_key_comes():
    with SimWorld(pin="1234") as w:
        w.start(locked(world.card())).wait_key()
        assert w.tries() == 3 and w.state() == "ready"
        assert w.log().count("took its PIN") == 1


@tap.test
def without_pin_file_the_state_is_pin_required():
    with SimWorld() as w:
        w.start(locked(world.card()))
        w.wait_sim("pin-required")
        w.wait("state", lambda: w.state() == "pin-required")
        assert w.error_of(w.renew) == "PinRequired"
        assert w.tries() == 3
        w.control("pin off")
        w.wait_key()


@tap.test
def reject_wrong_pin_once_and_leave_it_alone_also_after_a_restart():
    with SimWorld(pin="9999") as w:
        w.start(locked(world.card()))
        name, text = w.wait_error("was not right")
        assert name.endswith("PinRequired"), name
        w.wait("no more is tried", lambda: w.state() == "pin-required")
        assert w.tries() == 2
        assert w.error_of(w.renew) == "PinRequired"
        w.scan()
        w.settle()
        assert w.tries() == 2
        w.restart()
        w.wait_error("was not right")
        w.settle()
        assert w.tries() == 2
        assert "9999" not in w.log()


@tap.test
def another_pin_in_the_file_is_given():
    with SimWorld(pin="9999") as w:
        w.start(locked(world.card()))
        w.wait_error("was not right")
        w.write_pin("1234")
        w.scan()
        w.wait_key()
        assert w.tries() == 3


@tap.test
def card_that_was_out_gets_its_pin_again():
    with SimWorld(pin="1234") as w:
        w.start(locked(world.card())).wait_key()
        w.control("sim out")
        w.wait_sim("absent")
        w.control("sim in")
        w.wait_sim("ready")
        # the modem may tell of it before its answer to the PIN is here
        w.wait("it was given again", lambda: w.log().count("took its PIN") == 2)
        assert w.tries() == 3
        # and a wrong one too, once: the card may be the same, the person has looked at it
        w.write_pin("9999")
        w.control("sim out")
        w.wait_sim("absent")
        w.control("sim in")
        w.wait_error("was not right")
        assert w.tries() == 2


@tap.test
def reject_to_spend_the_last_but_one_try():
    with SimWorld(pin="1234") as w:
        w.start(locked(world.card()))
        w.wait_key()
        # somebody else typed two wrong ones
        w.control("sim out")
        w.wait_sim("absent")
        w.stack.stop("akmad")
        w.control("sim in")
        spend_tries(w, 2)
        assert w.tries() == 1
        w.stack.start_agent(config=False)
        w.wait_error("leaves 1 of its tries")
        w.scan()
        w.settle()
        assert w.tries() == 1


def spend_tries(w, times):
    """Wrong PINs straight into the port of the modem."""
    fd = os.open(w.stack.path("modem.tty"), os.O_RDWR | os.O_NOCTTY)
    try:
        for _ in range(times):
            before = w.tries()
            os.write(fd, b'AT+CPIN="0000"\r')
            w.wait("a try is spent", lambda: w.tries() == before - 1)
    finally:
        os.close(fd)


@tap.test
def pin_that_is_asked_for_while_the_card_is_in_is_given():
    with SimWorld(pin="1234") as w:
        w.start().wait_key()
        w.control("pin on")
        w.wait("it was given", lambda: "took its PIN" in w.log())
        w.wait_sim("ready")
        w.renew()


@tap.test
def blocked_card_is_named_and_nothing_is_tried():
    with SimWorld(pin="1234") as w:
        w.start(locked(world.card())).wait_key()
        w.control("pin block")
        w.wait_sim("blocked")
        w.wait("state", lambda: w.state() == "pin-required")
        assert w.error_of(w.renew) == "SimBlocked"
        assert w.get_key()[0] == KEY
        w.control("pin unblock")
        w.wait_sim("ready")
        w.renew()


@tap.test
def reject_pin_files_that_are_none():
    with SimWorld(pin="1234") as w:
        w.configure()
        assert w.run_agent("--check").returncode == 0
        os.chmod(w.stack.path("pin"), 0o644)
        result = w.run_agent("--check")
        assert result.returncode == 6 and "[modem sim] pin-file" in result.stderr, result.stderr
        os.unlink(w.stack.path("pin"))
        assert w.run_agent("--check").returncode == 6


@tap.test
def reject_pin_that_is_no_number_or_too_long():
    for digits in ("12a4", "123", "123456789"):
        with SimWorld(pin=digits) as w:
            w.start(locked(world.card()))
            w.wait_error("must hold 4 to 8")
            assert w.tries() == 3 and digits not in w.log()


@tap.test
def lost_answer_to_the_pin_is_not_followed_by_a_second_try():
    with SimWorld(pin="9999") as w:
        w.stack.start_modem(card=locked(world.card()), core=False)
        w.configure()
        path = w.stack.path("akmad.conf")
        text = open(path).read()
        w.stack.write("akmad.conf", text.replace("protocol=at\n", "protocol=at\ntimeout=3s\n", 1))
        w.control("fault drop ins=20 after=1 times=1")
        w.stack.start_agent(config=False)
        w.wait_error("was not right")
        assert "gave no answer" in w.log()
        tries = w.tries()
        w.scan()
        w.settle()
        assert w.tries() == tries >= 2


if __name__ == "__main__":
    tap.main()
