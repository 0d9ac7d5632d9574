# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent and what goes wrong around it: card, modem, server, disk; it says so and comes back."""
import os
import socket
import stat
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import IMSI, KEY, MANAGER, ROOT, World  # noqa: E402

import harness  # noqa: E402  (world puts it in the path)
import reference  # noqa: E402
import tap  # noqa: E402



class QuickWorld(World):
    """A modem that is given up after one second."""

    timeout = "1s"

    def configure(self):
        super().configure()
        path = self.stack.path("akmad.conf")
        with open(path) as f:
            text = f.read()
        self.stack.write("akmad.conf", text.replace("protocol=at\n", "protocol=at\ntimeout=%s\n" %
                                                    self.timeout, 1))


def control(w, line, name="modem"):
    answer = w.stack.control(line, name)
    assert answer.startswith("ok"), answer
    return dict(word.split("=", 1) for word in answer.split()[1:])


def result_of(connection, result):
    """The name of the error of a call that has ended, or None."""
    try:
        connection.call_finish(result)
        return None
    except world.GLib.Error as error:
        return world.Failed(error).name


def channels_open(w, name="modem"):
    """Beside the basic channel, which is always open."""
    return int(control(w, "status", name)["open"]) - 1


@tap.test
def rate_limit_is_waited_for_whoever_asks():
    with World() as w:
        w.start().wait_key()
        w.server.refuse("first", "rate_limited", retry_after=600)
        assert w.error_of(w.renew) == "RateLimited"
        asked = w.first_requests()
        assert w.error_of(w.renew) == "RateLimited"
        assert w.error_of(w.enroll, "mqtt") == "RateLimited"
        w.reload()
        w.wait("it is reloaded", lambda: "configuration reloaded" in w.log())
        w.settle(0.3)
        assert w.first_requests() == asked
        row = w.properties()
        assert row["State"] == "stale" and row["LastError"][0] == world.ERROR + "RateLimited", row
        assert w.get_key()[0] == KEY


@tap.test
def rate_limit_ends_with_its_time_and_akmad_asks_by_itself():
    with World() as w:
        w.server.refuse("first", "rate_limited", retry_after=2)
        w.start()
        w.server.wait_for("refused")
        start = time.monotonic()
        w.wait_key()
        assert time.monotonic() - start > 1.5
        assert w.first_requests() == 2


@tap.test
def person_shortens_the_back_off():
    with World() as w:
        w.start().wait_key()
        w.server.refuse("first", "anchor_unavailable", retry_after=600)
        assert w.error_of(w.renew) == "ServerUnreachable"
        asked = w.first_requests()
        w.settle(0.3)
        assert w.first_requests() == asked, "Retry-After was not honoured"
        w.renew()
        assert w.properties()["State"] == "ready"


@tap.test
def state_folder_is_made_for_us_alone():
    with World() as w:
        w.start()
        assert w.stack.stop("akmad") == 0
        result = harness.Process("akmad", [harness.program("akmad"), "--config",
                                           w.stack.path("akmad.conf"), "--bus", w.stack.bus,
                                           "--state-dir", w.stack.path("new", "state"),
                                           "--ready", w.stack.path("new.ready")],
                                 w.stack.path("new.log"), env=w.stack.env)
        w.stack.processes["akmad"] = result
        result.wait_ready(w.stack.path("new.ready"))
        assert stat.S_IMODE(os.stat(w.stack.path("new", "state")).st_mode) == 0o700


@tap.test
def reject_state_folder_that_others_may_write_to():
    with World() as w:
        w.configure()
        folder = w.stack.path("open")
        os.mkdir(folder)
        os.chmod(folder, 0o777)
        result = w.run_agent("--bus", w.stack.bus, "--state-dir", folder)
        assert result.returncode == 30, result
        assert folder in result.stderr and "chmod" in result.stderr, result.stderr
        assert os.listdir(folder) == []
        if os.getuid() == 0:
            os.chmod(folder, 0o700)
            os.chown(folder, 65534, 65534)
            result = w.run_agent("--bus", w.stack.bus, "--state-dir", folder)
            assert result.returncode == 30 and "belongs to" in result.stderr, result.stderr


@tap.test
def reject_sealing_key_that_everybody_may_read():
    with World() as w:
        w.configure()
        path = w.stack.write("sealing", "s" * 32, 0o604)
        with open(w.stack.path("akmad.conf")) as f:
            text = f.read()
        w.stack.write("akmad.conf", text.replace("[agent]\n", "[agent]\nsealing-key-file=%s\n" % path))
        for words in (("--check",), ("--bus", w.stack.bus)):
            result = w.run_agent(*words)
            assert result.returncode == 6, result
            assert path in result.stderr and "next:" in result.stderr, result.stderr
        os.chmod(path, 0o600)
        assert w.run_agent("--check").returncode == 0
        w.stack.write("sealing", "short")
        assert w.run_agent("--check").returncode == 6
        assert not os.path.exists(w.stack.path("state"))


@tap.test
def failure_at_each_step_of_the_card_is_named_and_leaves_no_channel_open():
    with QuickWorld() as w:
        w.start().wait_key()
        # a garbled or cut answer costs the timeout; a busy machine may exceed it without any fault
        for fault, steps in (("sw 6f00", range(7)), ("cme 100", range(7)), ("garble", (0, 3)),
                             ("truncate", (0,))):
            for after in steps:
                control(w, "fault %s after=%d times=1" % (fault, after))
                name = w.error_of(w.renew)
                assert name in (None, "ModemFailed"), (fault, after, name)
                control(w, "reset")
        w.wait("it works", lambda: w.error_of(w.renew) is None)
        w.wait("all channels are closed", lambda: channels_open(w) == 0)
        assert w.get_key()[0] == KEY


@tap.test
def dropped_answer_is_modem_failed_and_leaves_no_channel_open():
    with QuickWorld() as w:
        w.start().wait_key()
        control(w, "fault drop after=3 times=1")
        assert w.error_of(w.renew) == "ModemFailed"
        w.wait("it works", lambda: w.error_of(w.renew) is None)
        w.wait("all channels are closed", lambda: channels_open(w) == 0)


@tap.test
def unplugging_during_the_read_is_named_and_the_modem_is_found_again():
    with World() as w:
        w.start().wait_key()
        ended = []
        control(w, "delay 100")
        w.connection.call("org.akmad1", world.path_of("mqtt"), world.APPLICATION, "Renew", None, None,
                          0, -1, None, lambda c, res: ended.append(result_of(c, res)))
        w.connection.flush_sync(None)
        w.wait("a channel is open", lambda: channels_open(w) == 1)
        control(w, "unplug")
        w.iterate(lambda: ended)
        assert ended[0] in ("NoModem", "ModemFailed"), ended
        w.wait("no modem", lambda: w.get_all(ROOT, MANAGER)["State"] == "no-modem")
        control(w, "plug")
        control(w, "reset")
        w.wait("it is back", lambda: w.properties()["State"] == "ready")
        assert w.get_key()[0] == KEY


@tap.test
def port_that_hangs_up_is_opened_again():
    with World() as w:
        w.start().wait_key()
        control(w, "fault close after=3 times=1")
        assert w.error_of(w.renew) in ("NoModem", "ModemFailed")
        w.wait("it is back", lambda: w.properties()["State"] == "ready")


@tap.test
def no_channel_left_is_modem_failed_until_there_is_one():
    with World() as w:
        w.start().wait_key()
        w.wait("all channels are closed", lambda: channels_open(w) == 0)
        control(w, "channels 1")
        assert w.error_of(w.renew) == "ModemFailed"
        assert w.properties()["State"] == "stale"
        control(w, "channels 4")
        w.stack.renew_once_cured()
        assert w.properties()["LastError"] == ("", "")


@tap.test
def sigterm_during_the_read_of_a_card_gives_the_channel_back():
    with World() as w:
        w.start().wait_key()
        w.wait("all channels are closed", lambda: channels_open(w) == 0)
        control(w, "delay 150")
        w.connection.call("org.akmad1", world.path_of("mqtt"), world.APPLICATION, "Renew", None, None,
                          0, -1, None, None)
        w.connection.flush_sync(None)
        w.wait("a channel is open", lambda: channels_open(w) == 1)
        start = time.monotonic()
        assert w.stack.stop("akmad") == 0
        assert time.monotonic() - start < 20
        assert channels_open(w) == 0


@tap.test
def sigterm_right_after_ready_is_a_clean_stop():
    with World() as w:
        w.configure()
        for _ in range(8):
            w.stack.start_agent(config=False)
            assert w.stack.stop("akmad") == 0


@tap.test
def sighup_in_the_middle_of_an_exchange_loses_nothing():
    with World() as w:
        gate = threading.Event()
        w.server.hooks["first_response"] = lambda answer: gate.wait(60) and answer
        w.start()
        w.server.wait_for("first_request")
        w.reload()
        w.wait("it is reloaded", lambda: "configuration reloaded" in w.log())
        gate.set()
        w.wait_key()
        assert w.get_key()[0] == KEY


@tap.test
def server_that_has_moved_is_asked_at_once_and_the_old_one_no_more():
    with World() as w:
        os.makedirs(w.stack.path("moved"))
        moved = w.add_server(world.FQDN, w.stack.path("moved"))
        moved.keys["mqtt"] = reference.ServerKey(b"m" * 32, version=7)
        w.server.hooks["first_response"] = lambda answer: time.sleep(1) or answer
        w.start()
        w.server.wait_for("first_request")
        os.unlink(w.stack.path("ca.pem"))
        os.symlink(moved.ca_file, w.stack.path("ca.pem"))
        old, w.server = w.server, moved
        w.reload()
        w.wait_key(kid="mqtt:7")
        assert w.get_key()[0] == b"m" * 32
        assert w.first_requests(old) == 1


@tap.test
def watchdog_is_fed_while_the_modem_is_slow():
    with World() as w:
        inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        inbox.bind(w.stack.path("notify"))
        inbox.setblocking(False)
        w.stack.start_modem(card=world.card(), core=False)
        control(w, "delay 1000")
        w.stack.env.update(NOTIFY_SOCKET=w.stack.path("notify"), WATCHDOG_USEC="200000")
        w.start(modem=False)
        end, words = time.monotonic() + 60, []
        while words.count("WATCHDOG=1") < 10 and time.monotonic() < end:
            try:
                words.append(inbox.recv(4096).decode())
            except BlockingIOError:
                time.sleep(0.01)
        assert w.get_all(ROOT, MANAGER)["State"] in ("starting", "enrolling"), "it was not slow"
        assert words.count("WATCHDOG=1") >= 10, words
        assert "READY=1" in words[0], words


@tap.test
def environment_and_command_line_hold_no_secret_and_no_core_is_written():
    with World() as w:
        w.start().wait_key()
        pid = w.stack.processes["akmad"].pid
        for name in ("environ", "cmdline"):
            path = "/proc/%d/%s" % (pid, name)
            if os.getuid() != 0:
                # of a process that is not dumpable these belong to root
                assert os.stat(path).st_uid == 0, path
                continue
            with open(path, "rb") as f:
                text = f.read()
            for secret in (KEY, world.K_AUSF, IMSI.encode(), world.K_AUSF.hex().encode()):
                assert secret not in text, name
        with open("/proc/%d/limits" % pid) as f:
            core = [line.split() for line in f if line.startswith("Max core file size")][0]
        assert core[4:6] == ["0", "0"], core


@tap.test
def server_without_modem_takes_the_first_card_that_has_the_anchor():
    with World() as w:
        other_key, other_imsi = bytes(reversed(range(32))), IMSI[:-1] + "8"
        poor = world.card(iccid="8988211000000000033").replace("services=123;124", "services=68")
        poor = poor.split("[files]")[0]
        w.server.first_keys["akma", world.derive.a_kid(other_key, other_imsi)] = world.derive.k_af(
            other_key, other_imsi, world.FQDN)
        # by device path: a-poor.tty stands before b-rich.tty
        w.stack.start_modem(card=poor, core=False, name="a-poor")
        w.stack.start_modem(card=world.card(other_key, other_imsi, "8988211000000000025"), core=False,
                            name="b-rich")
        w.extra = ("[modem rich]\ndevice=%s\nprotocol=at\n"
                   "[server fixed]\nurl=https://%s:%d\nconnect=127.0.0.1:%d\nca-file=%s\nmodem=sim\nanchor=akma\n"
                   "[application stuck]\nserver=fixed\nkey-id=mqtt\nusers=%d\n" % (
                       w.stack.path("b-rich.tty"), world.FQDN, w.server.address[1],
                       w.server.address[1], w.stack.path("ca.pem"), os.getuid()))
        w.stack.agent_config(applications=w.applications, extra=w.extra,
                             server="127.0.0.1:%d" % w.server.address[1],
                             device=w.stack.path("a-poor.tty"))
        w.stack.start_agent(config=False)
        w.wait_key("mqtt")
        kids = {e["kid"] for e in w.server.events if e["event"] == "first_request"}
        assert kids == {world.derive.a_kid(other_key, other_imsi)}, kids
        # the one that names its modem gets no other
        w.wait("it is told", lambda: w.properties("stuck")["LastError"][0] ==
               world.ERROR + "AnchorUnsupported")
        assert "123" in w.properties("stuck")["LastError"][1]
        assert w.properties("stuck")["State"] == "failed"
        assert w.get_all(ROOT, MANAGER)["State"] == "degraded"
        anchors = {row["org.akmad1.Modem"]["Device"]: row["org.akmad1.Modem"]["Anchors"]
                   for path, row in w.objects().items() if "org.akmad1.Modem" in row}
        assert sorted(anchors.values()) == [["akma", "gba-me"], ["gba-me", "gba-u"]], anchors


@tap.test
def other_key_of_a_card_that_is_back_is_used_at_once():
    with World() as w:
        w.start()
        w.server.first_keys.clear()
        new = b"\x5a" * 32
        w.wait("unknown", lambda: w.error_of(w.renew) == "AnchorKeyUnknown" or None)
        w.server.first_keys["akma", world.derive.a_kid(new, IMSI)] = world.derive.k_af(
            new, IMSI, world.FQDN)
        w.stack.write("again.card", world.card(new))
        control(w, "sim out")
        w.wait("no card", lambda: w.get_all(ROOT, MANAGER)["State"] == "no-sim")
        control(w, "sim in " + w.stack.path("again.card"))
        w.wait_key()


if __name__ == "__main__":
    tap.main()
