# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent over its life: restart, reload, bad files, modem and server that go and come."""
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import KEY, MANAGER, ROOT, World  # noqa: E402

import harness  # noqa: E402  (world puts it in the path)
import reference  # noqa: E402
import tap  # noqa: E402

DAY = 86400
TWO = "[application mqtt]\nserver=keys\nusers=%u\n[application vpn]\nserver=keys\nusers=%u\n"


@tap.test
def a_restart_serves_from_the_sealed_file_without_modem_and_server():
    with World() as w:
        w.start().wait_key()
        w.server.refuse("first", "anchor_unavailable", times=99)
        w.stack.stop("akma-modemsim")
        w.restart()
        assert w.get_key()[0] == KEY
        w.wait("no modem", lambda: w.get_all(ROOT, MANAGER)["State"] == "no-modem")


@tap.test
def a_key_that_was_announced_is_served_after_a_power_cut():
    with World() as w:
        w.start().wait_key()
        agent, ended = w.stack.processes.pop("akmad").popen, []

        def cut(_connection, _sender, _path, _interface, _member, parameters):
            agent.kill()
            ended.append(parameters.unpack())
        w.connection.signal_subscribe(world.NAME, world.APPLICATION, "KeyChanged", None, None, 0, cut)
        w.server.rotate("mqtt", b"n" * 32)
        w.connection.call(world.NAME, world.path_of("mqtt"), world.APPLICATION, "Renew", None, None, 0,
                          -1, None, None)
        w.iterate(lambda: ended)
        assert ended == [("mqtt:2",)], ended
        assert agent.wait(60) == -signal.SIGKILL
        w.stack.stop("akma-modemsim")
        w.stack.start_agent(config=False)
        value, attributes = w.get_key()
        assert (value, attributes["kid"]) == (b"n" * 32, "mqtt:2"), attributes


@tap.test
def reject_tampered_file_keep_it_aside_and_ask_again():
    with World() as w:
        w.start().wait_key()
        w.stack.stop("akmad")
        path = w.stack.path("state", "keys.sealed")
        with open(path, "r+b") as f:
            f.seek(30)
            byte = f.read(1)
            f.seek(30)
            f.write(bytes([byte[0] ^ 0x80]))
        w.stack.start_agent(config=False)
        assert os.path.exists(path + ".bad")
        assert "does not open" in w.log()
        w.wait_key()
        assert w.get_key()[0] == KEY


@tap.test
def the_state_folder_shows_nothing_to_others():
    with World() as w:
        w.start().wait_key()
        for name in os.listdir(w.stack.path("state")):
            path = w.stack.path("state", name)
            assert os.stat(path).st_mode & 0o077 == 0, name
            with open(path, "rb") as f:
                assert KEY not in f.read(), name


@tap.test
def two_applications_share_one_exchange():
    with World(TWO) as w:
        w.server.keys["vpn"] = reference.ServerKey(b"v" * 16)
        w.start()
        w.wait_key("mqtt"), w.wait_key("vpn")
        assert w.first_requests() == 1
        assert w.get_key("vpn")[0] == b"v" * 16 and w.get_key("mqtt")[0] == KEY


@tap.test
def one_of_two_that_is_refused_does_not_hurt_the_other():
    with World(TWO) as w:
        w.start().wait_key("mqtt")
        assert w.error_of(w.renew, "vpn") == "NotEntitled"
        assert w.properties("vpn")["State"] == "failed"
        assert w.get_key("mqtt")[0] == KEY
        assert w.get_all(ROOT, MANAGER)["State"] == "degraded"


def add_other(w):
    """A second server, of another name, whose key is that of the application far."""
    os.makedirs(w.stack.path("other"))
    other = w.add_server("other.example.net", w.stack.path("other"))
    other.keys["mqtt"] = reference.ServerKey(b"o" * 32)
    w.extra = ("[server other]\nurl=https://other.example.net:8443\nconnect=127.0.0.1:%d\n"
               "ca-file=%s\n[application far]\nserver=other\nkey-id=mqtt\nusers=%d\n" %
               (other.address[1], other.ca_file, os.getuid()))
    return other


@tap.test
def several_servers_are_asked_each_with_its_own_first_key():
    with World() as w:
        other = add_other(w)
        w.start()
        w.wait_key("mqtt"), w.wait_key("far")
        assert w.get_key("mqtt")[0] == KEY and w.get_key("far")[0] == b"o" * 32
        # one that is away does not hurt the other
        other.refuse("first", "anchor_unavailable", times=9)
        assert w.error_of(w.renew, "far") == "ServerUnreachable"
        w.renew("mqtt")
        assert w.get_key("far")[0] == b"o" * 32


@tap.test
def one_time_that_a_server_told_wrong_spoils_no_key_for_later():
    with World() as w:
        other = add_other(w)
        other.clock = lambda: time.time() + 20 * 365 * DAY
        w.server.keys["mqtt"].exp = int(time.time()) + 30 * DAY
        w.start()
        w.wait_key("mqtt"), w.wait_key("far")
        w.stack.stop("akma-modemsim")
        w.restart()
        # the key of the one is not judged by the clock of the other
        assert w.get_key("mqtt")[0] == KEY and w.get_key("far")[0] == b"o" * 32

        # and the other, once it is right again, not by what it told before
        w.stack.start_modem(card=world.card(), core=False)
        other.clock = time.time
        w.wait("the modem is there", lambda: w.error_of(w.renew, "far") is None)
        other.keys["mqtt"].exp = int(time.time()) + 30 * DAY
        w.renew("far")
        w.stack.stop("akma-modemsim")
        w.restart()
        assert w.get_key("mqtt")[0] == KEY and w.get_key("far")[0] == b"o" * 32


@tap.test
def a_server_that_was_away_is_found_again_by_itself():
    with World() as w:
        w.server.refuse("first", "anchor_unavailable", times=2)
        w.start()
        w.wait_key()
        assert w.first_requests() >= 3


@tap.test
def sighup_brings_and_takes_applications():
    with World() as w:
        w.server.keys["vpn"] = reference.ServerKey(b"v" * 16)
        w.start().wait_key()
        w.listen()
        w.applications = TWO
        w.reload()
        w.wait_signal("InterfacesAdded")
        w.wait_key("vpn")
        w.applications = TWO.split("[application vpn]")[0]
        w.reload()
        w.wait_signal("InterfacesRemoved")
        assert world.path_of("vpn") not in w.objects()
        assert w.get_key("mqtt")[0] == KEY


@tap.test
def sighup_changes_who_may_from_the_next_call_on():
    with World() as w:
        w.start().wait_key()
        w.applications = "[application mqtt]\nserver=keys\n"
        w.reload()
        w.wait("denied", lambda: w.error_of(w.get_key) == "NotAuthorized")


@tap.test
def reject_bad_new_configuration_and_keep_the_old_one():
    with World() as w:
        w.start().wait_key()
        w.applications = TWO.replace("server=keys\nusers=%u\n[", "server=nowhere\n[", 1)
        w.reload()
        w.wait("it is told", lambda: "[application mqtt] server: no group [server nowhere]" in w.log())
        assert "the old configuration stays" in w.log()
        assert w.get_key()[0] == KEY


@tap.test
def reject_a_second_agent_on_the_same_bus():
    with World() as w:
        w.start()
        result = w.run_agent("--bus", w.stack.bus, "--state-dir", w.stack.path("state2"))
        assert result.returncode == 7, result
        assert "taken" in result.stderr and "next:" in result.stderr, result.stderr


@tap.test
def reject_a_bus_that_is_not_there():
    with World() as w:
        w.configure()
        result = w.run_agent("--bus", "unix:path=" + w.stack.path("nothing.sock"))
        assert result.returncode == 7 and "nothing.sock" in result.stderr, result.stderr


@tap.test
def check_reads_the_configuration_and_opens_nothing():
    with World() as w:
        w.configure()
        assert w.run_agent("--check").returncode == 0
        w.applications = "[application mqtt]\nserver=keys\nunits=x\n"
        w.configure()
        result = w.run_agent("--check")
        assert result.returncode == 6 and "[application mqtt] units" in result.stderr, result.stderr
        assert not os.path.exists(w.stack.path("state"))


@tap.test
def reject_options_that_are_none():
    with World() as w:
        w.configure()
        for words in (("--wrong",), ("word",), ("--log-level", "loud"), ("--config",)):
            assert w.run_agent(*words).returncode == 2, words


@tap.test
def sigterm_ends_a_running_exchange_in_time():
    with World() as w:
        gate = threading.Event()
        w.server.hooks["first_response"] = lambda answer: gate.wait(60) and answer
        w.start()
        w.server.wait_for("first_request")
        start = time.monotonic()
        assert w.stack.stop("akmad") == 0
        # before the server, or the time that it has, could end it
        assert time.monotonic() - start < 15
        gate.set()


@tap.test
def the_end_of_the_bus_ends_the_agent():
    with World() as w:
        w.start().wait_key()
        w.connection.set_exit_on_close(False)
        agent = w.stack.processes["akmad"]
        w.stack.stop("dbus-daemon")
        assert agent.popen.wait(60) == 7
        assert "the bus is gone" in agent.read_log()


@tap.test
def an_unplugged_modem_is_found_again_and_no_key_is_lost():
    with World() as w:
        w.start().wait_key()
        assert w.stack.control("unplug").startswith("ok")
        w.wait("no modem", lambda: w.get_all(ROOT, MANAGER)["State"] == "no-modem")
        assert w.get_key()[0] == KEY
        assert w.error_of(w.renew) in ("NoModem", "ModemFailed")
        assert w.stack.control("plug").startswith("ok")
        w.wait("it is back", lambda: w.error_of(w.renew) is None)


@tap.test
def another_card_is_a_new_exchange_and_keeps_the_key():
    with World() as w:
        other = bytes(reversed(range(32)))
        imsi = world.IMSI[:-1] + "8"
        w.server.first_keys["akma", world.derive.a_kid(other, imsi)] = world.derive.k_af(
            other, imsi, world.FQDN)
        w.start().wait_key()
        before = w.first_requests()
        w.stack.write("other.card", world.card(other, imsi, "8988211000000000025"))
        assert w.stack.control("sim out").startswith("ok")
        w.wait("no card", lambda: w.get_all(ROOT, MANAGER)["State"] == "no-sim")
        assert w.get_key()[0] == KEY
        assert w.stack.control("sim in " + w.stack.path("other.card")).startswith("ok")
        w.server.wait_for("first_request", before + 1)
        kids = [e["kid"] for e in w.server.events if e["event"] == "first_request"]
        assert kids[-1] == world.derive.a_kid(other, imsi) != kids[0]
        w.wait_key()


@tap.test
def a_file_that_is_empty_is_anchor_not_ready_and_read_again():
    with World() as w:
        w.stack.start_modem(card=world.card().replace("8020" + world.K_AUSF.hex(), "ff" * 110),
                            core=False)
        w.start(modem=False)
        assert w.error_of(w.renew) == "AnchorNotReady"
        assert w.properties()["State"] == "pending"
        # none is shown while it tries again
        w.wait("the next try is planned", lambda: w.properties()["NextRenewal"] > 0)


@tap.test
def reject_a_server_that_cannot_open_the_first_key():
    with World() as w:
        kid = next(iter(w.server.first_keys))
        w.server.first_keys[kid] = b"x" * 32
        w.start()
        assert w.error_of(w.renew) == "ServerNotAuthentic"
        assert w.error_of(w.get_key) == "NotReady"


@tap.test
def refresh_asks_by_itself():
    with World("[application mqtt]\nserver=keys\nusers=%u\nrefresh=1s\n") as w:
        w.start().wait_key()
        w.server.rotate("mqtt", b"n" * 32)
        w.wait_key(kid="mqtt:2")
        assert w.get_key()[0] == b"n" * 32


@tap.test
def a_full_state_folder_is_store_failed_and_the_old_key_stays():
    with World() as w:
        if os.getuid() == 0:
            raise tap.Skip("root may write everywhere; test-store shows it with a full disk")
        w.start().wait_key()
        os.chmod(w.stack.path("state"), 0o500)
        w.server.rotate("mqtt", b"n" * 32)
        assert w.error_of(w.renew) == "StoreFailed"
        assert w.get_key()[0] == KEY
        os.chmod(w.stack.path("state"), 0o700)


if __name__ == "__main__":
    tap.main()
