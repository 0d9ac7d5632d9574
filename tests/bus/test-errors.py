# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every error of the one table is reached, from outside, by a situation that can arise.

WHERE names the test of each; those that no other script reaches are here.
"""
import ast
import os
import re
import resource
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import ERROR, KEY, GLib, World  # noqa: E402

import harness  # noqa: E402
import tap  # noqa: E402

# error -> script, test: by the bus or by the status of a program
WHERE = {
    "Internal": ("bus/test-errors.py", "agent_without_descriptors_is_internal_and_recovers"),
    "InvalidArgument": ("bus/test-bus.py", "reject_versions_that_are_not_there"),
    "NotAuthorized": ("e2e/test-doctor.py", "caller_who_may_not_have_it"),
    "ConfigInvalid": ("bus/test-errors.py", "ca_file_that_is_broken_while_it_runs_is_config_invalid"),
    "NotRunning": ("e2e/test-doctor.py", "agent_that_is_stopped"),
    "NotReady": ("bus/test-bus.py", "reject_get_key_while_there_is_none"),
    "RateLimited": ("bus/test-agent-faults.py", "rate_limit_is_waited_for_whoever_asks"),
    "NoModem": ("e2e/test-doctor.py", "modem_that_is_unplugged"),
    "ModemFailed": ("bus/test-agent-faults.py", "no_channel_left_is_modem_failed_until_there_is_one"),
    "NoSim": ("e2e/test-doctor.py", "sim_that_is_out"),
    "PinRequired": ("bus/test-sim.py", "without_pin_file_the_state_is_pin_required"),
    "SimBlocked": ("bus/test-sim.py", "blocked_card_is_named_and_nothing_is_tried"),
    "AnchorUnsupported": ("bus/test-agent-faults.py",
                          "server_without_modem_takes_the_first_card_that_has_the_anchor"),
    "AnchorNotReady": ("bus/test-agent.py",
                       "a_file_that_is_empty_is_anchor_not_ready_and_read_again"),
    "AnchorRejected": ("bus/test-errors.py", "network_that_the_card_refuses_is_anchor_rejected"),
    "ServerUnreachable": ("bus/test-agent-faults.py", "person_shortens_the_back_off"),
    "ServerNotAuthentic": ("bus/test-agent.py", "reject_a_server_that_cannot_open_the_first_key"),
    "ServerRefused": ("bus/test-bus.py", "reject_what_is_no_revocation_and_keep_the_key"),
    "AnchorKeyUnknown": ("bus/test-bus.py", "reject_get_key_while_there_is_none"),
    "NotEntitled": ("e2e/test-doctor.py", "server_that_does_not_let_us_have_the_key"),
    "KeyUnknown": ("bus/test-bus.py", "reject_versions_that_are_not_there"),
    "KeyRevoked": ("e2e/test-doctor.py", "key_that_is_revoked"),
    "StoreFailed": ("bus/test-errors.py", "file_that_cannot_be_replaced_is_store_failed"),
    "UpstreamFailed": ("e2e/test-third-server-main.py", None),
}


def table():
    """name -> status, from the sources."""
    with open(os.path.join(harness.SOURCE, "src/base/error.h")) as file:
        codes = dict(re.findall(r"AKMA_ERROR_(\w+)\s*=\s*(\d+)", file.read()))
    with open(os.path.join(harness.SOURCE, "src/base/error.c")) as file:
        rows = re.findall(r'\{\s*AKMA_ERROR_(\w+),\s*"(\w+)"', file.read())
    return {name: int(codes[code]) for code, name in rows}


def tests_of(script):
    """name -> source of each function with @tap.test."""
    with open(os.path.join(harness.SOURCE, "tests", script)) as file:
        text = file.read()
    return {node.name: ast.get_source_segment(text, node) for node in ast.parse(text).body
            if isinstance(node, ast.FunctionDef) and any(
                ast.unparse(d).startswith("tap.") for d in node.decorator_list)}


@tap.test
def every_error_of_the_table_has_a_test_that_reaches_it():
    codes = table()
    assert set(codes) == set(WHERE) and len(codes) == 24, set(codes) ^ set(WHERE)
    for name, (script, test) in WHERE.items():
        tests = tests_of(script)
        bodies = [tests[test]] if test else list(tests.values())
        # it names the error, or the status that stands for it
        told = re.compile(r'\b%s"|, %d(?:, .*)?\)' % (name, codes[name]))
        assert any(told.search(body) for body in bodies), (name, script, test)
        assert harness.SOURCE and re.search(re.escape(os.path.basename(script)), registered()), script


def registered():
    text = ""
    for folder in ("src/agent", "src/anchor", "src/cli", "src/keyserver", "tests", "dbus"):
        with open(os.path.join(harness.SOURCE, folder, "local.mk")) as file:
            text += file.read()
    return text


def status_of(w, *words):
    return w.stack.ctl(*words, check=False).returncode


def members_heard(w):
    context = GLib.MainContext.default()
    while context.iteration(False):
        pass
    return {member for _, member, _ in w.signals}


@tap.test
def agent_without_descriptors_is_internal_and_recovers():
    with World() as w:
        w.start().wait_key()
        pid = w.stack.processes["akmad"].pid
        old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # down to where those that it has leave none for the key
        for limit in range(64, 2, -1):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, old[1]))
            name = w.error_of(w.get_key)
            if name:
                break
        assert name == "Internal", name
        assert status_of(w, "get", "mqtt", "--format", "hex") == 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
        assert w.get_key()[0] == KEY


@tap.test
def ca_file_that_is_broken_while_it_runs_is_config_invalid():
    with World() as w:
        w.start().wait_key()
        ca_file = os.path.realpath(w.stack.path("ca.pem"))
        os.unlink(w.stack.path("ca.pem"))
        w.stack.write("ca.pem", "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
        assert w.error_of(w.renew) == "ConfigInvalid"
        assert status_of(w, "renew", "mqtt") == 6
        assert w.get_key()[0] == KEY
        os.unlink(w.stack.path("ca.pem"))
        os.symlink(ca_file, w.stack.path("ca.pem"))
        w.stack.renew_once_cured()


@tap.test
def file_that_cannot_be_replaced_is_store_failed():
    with World() as w:
        w.start().wait_key()
        w.listen()
        sealed = w.stack.path("state", "keys.sealed")
        os.rename(sealed, sealed + ".away")
        os.makedirs(sealed + "/in/the/way")
        w.server.rotate("mqtt", b"n" * 32)
        # also root cannot write a file over a folder
        assert w.error_of(w.renew) == "StoreFailed"
        assert status_of(w, "renew", "mqtt") == 30
        assert w.get_key()[0] == KEY
        # what is not on the disk is not announced; signals come before the answers that follow them
        assert members_heard(w).isdisjoint({"KeyChanged", "KeyRevoked"}), w.signals
        os.rename(sealed, sealed + ".folder")
        w.wait("the disk takes it again", lambda: w.error_of(w.renew) is None, 60)
        assert w.get_key()[0] == b"n" * 32
        assert "KeyChanged" in members_heard(w), w.signals


@tap.test
def network_that_the_card_refuses_is_anchor_rejected():
    with World(anchor="gba") as w:
        w.bsf.wrong = "mac"
        w.start()
        assert w.error_of(w.renew) == "AnchorRejected"
        assert w.properties()["LastError"][0] == ERROR + "AnchorRejected"
        assert status_of(w, "renew", "mqtt") == 17
        w.bsf.wrong = None
        w.stack.renew_once_cured()
        assert w.get_key()[0] == KEY


if __name__ == "__main__":
    tap.main()
