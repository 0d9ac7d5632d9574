# SPDX-License-Identifier: LGPL-2.1-or-later
"""agent: the figures of akmad, for bench.py: how soon it has a key, what handing one out costs, and
what it costs while nothing happens."""
import glob
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

from gi.repository import Gio, GLib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import cost  # noqa: E402
import fleet  # noqa: E402
import harness  # noqa: E402

RUNS = 5
CALLS = 1600       # of all callers together; a user has 10000 at once and 1000 more a second
CALLS_PER_S = 1000
ROTATIONS = 20     # one a second
GETS = 1000
QUIET_S = 5        # without a wake-up, what an exchange has left is over
APPLICATION = "/org/akmad1/application/mqtt"
SECTION = "[application mqtt]\nserver=keys\nusers=%u\nunits=bench.service\n"


def log_ms(log, pattern):
    """The first "(12.3 ms)" of a line with @pattern."""
    return float(re.search(pattern + r".*\((\d+(?:\.\d+)?) ms\)", log).group(1))


def cold_start(stack):
    """Seconds from exec of the agent to its key on the bus, and the parts in milliseconds."""
    for path in glob.glob(stack.path("state", "*")):
        os.unlink(path)
    log = stack.path("akmad.log")
    if os.path.exists(log):
        os.unlink(log)
    start = time.monotonic()
    stack.start_agent()
    stack.ctl("get", "mqtt", "--format", "fingerprint", "--wait", "20")
    total = time.monotonic() - start
    text = stack.processes["akmad"].read_log()
    card, network, crypto = (float(x) for x in re.search(
        r"enrolled: card ([\d.]+) ms, network and server ([\d.]+) ms, crypto ([\d.]+) ms", text).groups())
    return total * 1e3, log_ms(text, ": found") + card, network, crypto


def cold_starts(table, stack):
    starts = []
    for _ in range(RUNS):
        starts.append(cold_start(stack))
        stack.stop("akmad")
    for name, column in (("cold start to key on the bus", 0), ("  of it: modem and card", 1),
                         ("  of it: network and server", 2), ("  of it: crypto", 3)):
        table.row(name, statistics.median(s[column] for s in starts), "ms")
    table.row("  the rest: starting, bus, asking",
              statistics.median(s[0] - sum(s[1:]) for s in starts), "ms")


def getkey(stack, callers):
    """Each quantile, the median over the callers, who ask at the same time."""
    program = os.path.join(harness.BUILD, "tests/bench/getkey")
    running = [subprocess.Popen([program, stack.bus, APPLICATION, str(CALLS // callers)],
                                stdout=subprocess.PIPE, text=True) for _ in range(callers)]
    rows = [json.loads(one.communicate()[0]) for one in running]
    assert all(one.returncode == 0 for one in running)
    time.sleep(CALLS / CALLS_PER_S)
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def calls(table, stack):
    for callers in (1, 8):
        runs = [getkey(stack, callers) for _ in range(RUNS)]
        for q, aim in (("p50", 1.3), ("p99", None)):
            table.row("GetKey %s beside Ping, %d caller%s" % (q, callers, "s" * (callers > 1)),
                      statistics.median(r["getkey_%s_us" % q] for r in runs), "us",
                      statistics.median(r["ping_%s_us" % q] for r in runs), aim,
                      statistics.median(r["getkey_%s_us" % q] / r["ping_%s_us" % q] for r in runs))


def fetch(path):
    """As systemd asks for LoadCredential=."""
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("\0%s/unit/bench.service/mqtt.key" % os.urandom(8).hex())
        s.connect(path)
        s.shutdown(socket.SHUT_WR)
        key = s.recv(4096)
        assert len(key) == 32 and not s.recv(1)


def credentials(table, stack):
    if os.getuid() != 0:
        print("bench: gets at the credential socket are for root: not measured", file=sys.stderr)
        return
    path, pid = stack.path("credentials"), stack.processes["akmad"].pid
    rates, spent = [], []
    for _ in range(RUNS):
        start, before = time.monotonic(), cost.cpu_s([pid])
        for _ in range(GETS):
            fetch(path)
        rates.append(GETS / (time.monotonic() - start))
        spent.append((cost.cpu_s([pid]) - before) / GETS * 1e6)
    table.row("credential socket, one after the other", statistics.median(rates), "gets/s")
    table.row("  CPU time of the agent for one", statistics.median(spent), "us")


class Changes:
    """KeyChanged of the application, as a program on the bus hears of it."""

    def __init__(self, stack):
        self.connection = Gio.DBusConnection.new_for_address_sync(
            stack.bus, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.told = []
        self.connection.signal_subscribe(
            "org.akmad1", "org.akmad1.Application", "KeyChanged", APPLICATION, None, 0,
            lambda *a: self.told.append((a[5].unpack()[0], time.clock_gettime(time.CLOCK_BOOTTIME))))

    def wait(self):
        """(kid, moment) of the next one."""
        context, end = GLib.MainContext.default(), time.monotonic() + 60
        while not self.told:
            assert time.monotonic() < end, "no KeyChanged"
            context.iteration(True)
        return self.told.pop(0)

    def renew(self):
        self.connection.call("org.akmad1", APPLICATION, "org.akmad1.Application", "Renew", None, None, 0,
                             60000, None, None)

    def close(self):
        self.connection.close_sync(None)


def rotation_and_call(table, stack, changes):
    """From the end of key rotate, and a call of Renew, to the signal."""
    took = []
    for _ in range(RUNS):
        stack.server("key", "rotate", "--application", "mqtt")
        start = time.clock_gettime(time.CLOCK_BOOTTIME)
        changes.renew()
        took.append((changes.wait()[1] - start) * 1e3)
    table.row("rotation and Renew to KeyChanged", statistics.median(took), "ms")


def rotation_when_due(table, stack, changes, settings):
    """Nobody calls: from the moment at which the schedule has the next renewal to the signal, with a
    rotation before that moment. The moment is that of the timer, which the kernel tells root."""
    if os.getuid() != 0:
        print("bench: the timer of the agent is for root: not measured", file=sys.stderr)
        return
    agent = stack.processes["akmad"]
    stack.agent_config(**dict(settings, applications=SECTION + "refresh=1s\n"))
    agent.signal(signal.SIGHUP)
    took = []
    while len(took) < ROTATIONS:
        stack.server("key", "rotate", "--application", "mqtt")
        now, left = time.clock_gettime(time.CLOCK_BOOTTIME), cost.timers_s(agent.pid)
        moment = changes.wait()[1]
        # one that an exchange under way has brought, or none was planned: another try
        if left and left[0] <= 1 and moment > now + left[0]:
            took.append((moment - now - left[0]) * 1e3)
    stack.agent_config(**settings)
    agent.signal(signal.SIGHUP)
    table.row("rotation to KeyChanged, renewal due", statistics.median(took), "ms", runs=ROTATIONS)
    table.row("  the longest", max(took), "ms", runs=ROTATIONS)


def rotation(table, stack, settings):
    changes = Changes(stack)
    rotation_and_call(table, stack, changes)
    rotation_when_due(table, stack, changes, settings)
    changes.close()


def settle(pid):
    """Waits until nothing has woken it for QUIET_S; a minute at most."""
    last, since = cost.wakeups(pid), time.monotonic()
    end = since + 60
    while time.monotonic() < min(end, since + QUIET_S):
        time.sleep(0.5)
        if cost.wakeups(pid) != last:
            last, since = cost.wakeups(pid), time.monotonic()


def idleness(table, stack, idle_s):
    """Nothing asks, no renewal is due: whatever wakes it is too much."""
    pid = stack.processes["akmad"].pid
    before = cost.wakeups(pid)
    stack.ctl("get", "mqtt", "--format", "fingerprint")
    assert cost.wakeups(pid) > before, "this kernel does not count wake-ups"
    settle(pid)
    wakeups, cpu = cost.wakeups(pid), cost.cpu_s([pid])
    time.sleep(idle_s)
    wakeups, cpu = cost.wakeups(pid) - wakeups, cost.cpu_s([pid]) - cpu
    dirty, rss = cost.memory_kib(pid)
    table.row("idle for %d s: wake-ups a minute" % idle_s, wakeups * 60 / idle_s, "", None, 0, runs=1)
    table.row("idle for %d s: CPU time a minute" % idle_s, cpu * 60e3 / idle_s, "ms", runs=1)
    table.row("agent private dirty memory", dirty / 1024, "MiB", None, 8, runs=1)
    table.row("agent RSS", rss / 1024, "MiB", runs=1)


def bench(table, idle_s):
    with harness.Stack() as stack:
        stack.start_lab()
        stack.start_modem()
        stack.start_keyserver(extra=fleet.NO_LIMITS)
        stack.start_bus()
        cold_starts(table, stack)
        settings = {"applications": SECTION,
                    "agent": "credential-socket=%s\n" % stack.path("credentials")}
        stack.start_agent(**settings)
        stack.wait_key()
        calls(table, stack)
        credentials(table, stack)
        rotation(table, stack, settings)
        idleness(table, stack, idle_s)
