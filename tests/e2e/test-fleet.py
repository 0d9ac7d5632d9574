#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fleet against the key server: while parts are killed, no terminal is left without a key, no kid
gets two values, and the store has what was delivered."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
import fleet
import harness
import tap

TERMINALS = 40


def kill(stack, name):
    process = stack.processes.pop(name)
    process.popen.kill()
    process.popen.wait()


def kill_a_worker(stack):
    os.kill(stack.worker_pids()[0], signal.SIGKILL)


def kill_the_server(stack):
    kill(stack, "akma-keyserver")
    time.sleep(0.3)
    stack.start_keyserver()


def kill_the_core(stack):
    kill(stack, "akma-lab")
    time.sleep(0.3)
    stack.start_lab(stack.subscribers)


@tap.test
def every_terminal_gets_its_key_and_keeps_it():
    with fleet.Stack(TERMINALS) as stack:
        seen = stack.run("--terminals=%d" % TERMINALS, "--rounds=3", "--keys=" + stack.path("seen"))
        assert seen["exchanges"] == 3 * TERMINALS and seen["failed"] == 0, seen
        assert stack.lacking(stack.path("seen")) == 0
        seen = stack.run("--psk", "--terminals=%d" % TERMINALS, "--rounds=3",
                         "--keys=" + stack.path("seen"))
        assert seen["exchanges"] == 3 * TERMINALS and seen["failed"] == 0, seen
        assert stack.lacking(stack.path("seen")) == 0
        stack.write("seen", "mqtt:1 %064d\n" % 0)
        assert stack.lacking(stack.path("seen")) == 1  # the check can fail


@tap.test
def a_key_that_was_deleted_since_is_compared_with_what_the_store_had():
    with fleet.Stack(TERMINALS) as stack:
        stack.run("--terminals=%d" % TERMINALS, "--keys=" + stack.path("seen"))
        first = stack.stored()
        for _ in range(2):
            assert stack.lacking(stack.path("seen")) == 0
            stack.server("key", "rotate", "--application", "mqtt")
        assert {kid for _, kid, _ in stack.stored()} == {"mqtt:2", "mqtt:3"}
        assert stack.lacking(stack.path("seen")) == TERMINALS
        assert stack.lacking(stack.path("seen"), first) == 0
        assert stack.two_values(first) == 0
        # the check can fail
        terminal, kid, digest = max(stack.stored(), key=lambda row: row[1])
        assert stack.two_values({(terminal, kid, "0" * 64)}) == 1


@tap.test
def each_key_that_a_terminal_got_is_written_down():
    """Also those before the last one. The terminals stand still while we look and rotate."""
    with fleet.Stack(TERMINALS) as stack:
        def each_was_there():
            run.send_signal(signal.SIGSTOP)
            if len(stack.stored()) == TERMINALS:
                return True
            run.send_signal(signal.SIGCONT)
            return False

        run = subprocess.Popen(
            stack.command("--terminals=%d" % TERMINALS, "--storm", "--rounds=6", "--pause=2000",
                          "--deadline=120", "--keys=" + stack.path("seen")),
            stdout=subprocess.PIPE, text=True)
        harness.wait_until("each was there once", each_was_there)
        stack.server("key", "rotate", "--application", "mqtt")
        run.send_signal(signal.SIGCONT)
        out, _ = run.communicate(timeout=180)
        assert run.returncode == 0, out
        with open(stack.path("seen")) as f:
            kids = [line.split()[0] for line in f]
        assert sorted(set(kids)) == ["mqtt:1", "mqtt:2"], set(kids)
        assert len(kids) > TERMINALS, kids
        assert stack.lacking(stack.path("seen")) == 0


@tap.test
def nothing_is_lost_while_parts_are_killed():
    with fleet.Stack(TERMINALS, workers=2) as stack:
        run = subprocess.Popen(
            stack.command("--terminals=%d" % TERMINALS, "--storm", "--rounds=12", "--pause=1000",
                          "--deadline=120", "--keys=" + stack.path("seen")),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        faults = [kill_a_worker, kill_the_core, kill_the_server, kill_a_worker]
        while faults:
            time.sleep(0.7)
            if run.poll() is not None:
                break  # a busy machine restarts slowly
            faults.pop(0)(stack)
        assert len(faults) <= 1, "it was over before the server was killed"
        stack.server("key", "rotate", "--application", "mqtt")
        out, err = run.communicate(timeout=180)
        assert run.returncode == 0, out + err
        assert '"without_key":0,"kids_with_two_values":0' in out, out
        assert stack.lacking(stack.path("seen")) == 0


tap.main()
