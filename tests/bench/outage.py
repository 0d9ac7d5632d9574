# SPDX-License-Identifier: LGPL-2.1-or-later
"""outage: what becomes of a fleet after an outage, in a flood, and while parts are killed; for
server.py."""
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import cost  # noqa: E402
import fleet  # noqa: E402
import flood  # noqa: E402
import postgres  # noqa: E402

FLEET = 10 ** 4
FLOODED = 1000
CHAOS_S = 60
CHAOS_TERMINALS = 1000  # half of them of each profile

# As they come, but that all terminals are behind one address here.
LIMITS = "[limits]\naddress=1000000/s\n"


def bench_restart(table):
    """After an outage every terminal of a fleet comes at once."""
    for profile in ("message", "psk"):
        with fleet.Stack(FLEET, limits=LIMITS, workers=2) as stack:
            seen = stack.run("--terminals=%d" % FLEET, "--storm", "--deadline=600",
                             *(["--psk"] if profile == "psk" else []))
        table.row("10^4 terminals at once, %s" % profile, seen["seconds"], "s")
        table.row("  without a key after that", seen["without_key"], "", None, 0)
        table.row("  requests of each, on average", 1 + seen["failed"] / FLEET, "")
        table.row("  requests of the one with the most", seen["requests_most"], "")


def bench_flood(table):
    """1000 terminals, each of them every 5 s on average, alone and while strangers flood."""
    with fleet.Stack(FLOODED + 1, limits=LIMITS, workers=2) as stack:
        kid = stack.register("00101%010d" % FLOODED, bytes(range(32)))
        enrol = ("--terminals=%d" % FLOODED, "--storm", "--rounds=6", "--pause=10000")
        alone = stack.run(*enrol, check=False)
        with flood.Flood(stack, stolen=kid, pause_s=0.001) as attack:
            seen = stack.run(*enrol, check=False)
        pids = stack.worker_pids()
        dirty = max(cost.memory_kib(pid)[0] for pid in pids)
    attempts = sum(attack.tried(kind) for kind in attack.kinds)
    table.row("flood of %d kinds, attempts" % len(attack.kinds), attempts / seen["seconds"], "/s")
    table.row("  enrolments that failed for good", seen["without_key"], "", None, 0)
    table.row("  of first attempts succeeded",
              100 * seen["exchanges"] / (seen["exchanges"] + seen["failed"]), "%")
    table.row("  p99 of an enrolment, beside no flood", seen["p99_ms"], "ms", alone["p99_ms"])
    table.row("  memory of a worker after it", dirty / 1024, "MiB")


class Chaos:
    """Kills the anchor, the database, a worker or the whole server, again and again, and starts it
    anew; and rotates, but not towards the end. Not in a thread: a database ends with the thread
    that started it. @had: what the store had before each rotation, which is all that it ever had:
    a rotation deletes the version before the last."""

    def __init__(self, stack, pg):
        self.stack, self.pg, self.kills, self.had = stack, pg, 0, set()
        self.victims = ["akma-lab", "akma-keyserver", "worker"] + (["database"] if pg else [])

    def run(self):
        start = time.monotonic()
        while time.monotonic() < start + CHAOS_S:
            time.sleep(random.uniform(0.5, 3))
            if random.random() < 0.2 and time.monotonic() < start + CHAOS_S / 2:
                self.had |= self.stack.stored()
                self.stack.server("key", "rotate", "--application", "mqtt")
            self.kill(random.choice(self.victims))
            self.kills += 1

    def kill(self, victim):
        if victim == "worker":
            for pid in self.stack.worker_pids()[:1]:
                os.kill(pid, signal.SIGKILL)
            return
        if victim == "database":
            self.pg.kill()
            time.sleep(random.uniform(0, 1))
            self.pg.start()
            return
        process = self.stack.processes.pop(victim)
        process.popen.kill()
        process.popen.wait()
        time.sleep(random.uniform(0, 1))
        if victim == "akma-lab":
            self.stack.start_lab(self.stack.subscribers)
        else:
            self.stack.start_keyserver()


def bench_chaos_of(table, name, pg=None):
    """Each terminal comes every 5 s on average, and goes on after the last kill."""
    conninfo = pg.conninfo("chaos") if pg else None
    with fleet.Stack(CHAOS_TERMINALS, workers=2, conninfo=conninfo) as stack:
        runs = stack.begin_both(CHAOS_TERMINALS, "--storm", "--rounds=%d" % (CHAOS_S // 4),
                                "--pause=10000", "--deadline=%d" % (15 * CHAOS_S))
        chaos = Chaos(stack, pg)
        chaos.run()
        seen = stack.end_both(runs)
        lacking = sum(stack.lacking(path, chaos.had) for _, path in seen)
        changed = stack.two_values(chaos.had)
        versions = len({kid for _, kid, _ in stack.stored() | chaos.had})
    table.row("kills within %d s, %s" % (CHAOS_S, name), chaos.kills, "")
    table.row("  versions of each key meanwhile", versions, "")
    for what, number in (
            ("terminals without a key", sum(run["without_key"] for run, _ in seen)),
            ("kids with two values",
             changed + sum(run["kids_with_two_values"] for run, _ in seen)),
            ("delivered keys that the store lacks", lacking)):
        table.row("  " + what, number, "", None, 0)


def bench_chaos(table):
    bench_chaos_of(table, "SQLite")
    with postgres.Postgres() as pg:
        bench_chaos_of(table, "PostgreSQL", pg)
