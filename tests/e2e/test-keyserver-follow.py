# SPDX-License-Identifier: LGPL-2.1-or-later
"""export --follow: an application has a version before a terminal does."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import harness  # noqa: E402
from harness import wait_until  # noqa: E402
from keyserver import Server  # noqa: E402


# whoever starts it may not care for its own children, and that is inherited
DEAF = ("sh", "-c", "trap '' CHLD; exec \"$@\"", "sh")


def follower(s, *more, name="follower", before=()):
    path = s.stack.path("psk")
    return path, s.stack.spawn(name, [
        *before, harness.program("akma-keyserver"), "--config", s.stack.path("akma-keyserver.conf"),
        "export", "--application", "mqtt", "--format", "mosquitto-psk", "--output", path,
        "--follow", *more], ready=False)


def kids(path):
    try:
        with open(path) as f:
            return [line.split(".")[1] for line in f]
    except FileNotFoundError:
        return None


@tap.test
def a_rotation_is_with_the_application_before_a_terminal_has_it():
    with Server() as s:
        s.exchange()
        runs = s.stack.path("runs")
        hold = s.stack.path("hold")
        path, process = follower(
            s, "--run",
            'while [ -e %s ]; do sleep 0.1; done; echo "$AKMA_APPLICATION" >> %s; cp %s %s.seen' % (
                hold, runs, s.stack.path("psk"), runs))
        wait_until("the first version", lambda: kids(runs + ".seen") == ["1"])
        s.stack.write("hold", "")
        s.verb("key", "rotate", "--all")
        assert s.exchange().by_id["mqtt"]["kid"] == "mqtt:1"
        os.unlink(hold)
        wait_until("the next version", lambda: s.exchange().by_id["mqtt"]["kid"] == "mqtt:2")
        # what the command has seen by now has the version that is delivered now
        assert kids(runs + ".seen") == ["1", "2"]
        # and what is revoked goes
        s.verb("key", "revoke", "--application", "mqtt")
        wait_until("both are gone", lambda: kids(runs + ".seen") == [])
        assert kids(path) == [] and open(runs).read().split() == ["mqtt"] * 3
        assert s.stack.stop("follower") == 0
        s.verb("key", "rotate", "--all")
        assert s.exchange().by_id["mqtt"]["kid"] == "mqtt:3"


@tap.test
def a_command_that_fails_is_run_again_and_one_that_hangs_is_no_obstacle_to_the_end():
    with Server() as s:
        s.exchange()
        count = s.stack.path("count")
        _, process = follower(s, "--run", "echo x >> %s; test $(wc -l < %s) -ge 3" % (count, count))
        wait_until("it has succeeded", lambda: os.path.exists(count) and
                   len(open(count).readlines()) == 3)
        assert process.read_log().count("command of --run failed") == 1
        assert s.stack.stop("follower") == 0
        _, process = follower(s, "--run", "echo x >> %s; sleep 1000" % count, name="hanging")
        wait_until("it hangs", lambda: len(open(count).readlines()) == 4)
        assert s.stack.stop("hanging") == 0


@tap.test
def a_command_that_fails_is_seen_to_fail_also_where_its_end_is_ignored():
    with Server() as s:
        s.exchange()
        count = s.stack.path("count")
        _, process = follower(s, "--run", "echo x >> %s; test $(wc -l < %s) -ge 2" % (count, count),
                              before=DEAF)
        wait_until("it has succeeded", lambda: os.path.exists(count) and
                   len(open(count).readlines()) == 2)
        assert process.read_log().count("command of --run failed") == 1
        assert s.stack.stop("follower") == 0


@tap.test
def a_store_that_is_gone_leaves_the_file_and_is_found_again():
    with Server() as s:
        s.exchange()
        path, process = follower(s)
        wait_until("the first version", lambda: kids(path) == ["1"])
        store = s.stack.path("keys.db")
        os.rename(store, store + ".away")
        wait_until("it says so", lambda: "tried again" in process.read_log())
        assert kids(path) == ["1"]
        os.rename(store + ".away", store)
        s.verb("key", "rotate", "--all")
        wait_until("the next version", lambda: kids(path) == ["1", "2"])
        process.signal(signal.SIGINT)
        assert process.popen.wait(60) == 0


tap.main()
