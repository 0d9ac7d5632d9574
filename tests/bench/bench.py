# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench: the figures of one machine in one run, each beside its reference.

    ./dev bench [server|agent|card] [--json]

CPU time is that of the serving process alone (utime + stime of all its threads). Values are
medians of RUNS runs; a figure that misses its aim is printed as it is.
"""
import glob
import json
import os
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import columns  # noqa: E402
import cost  # noqa: E402
import fleet  # noqa: E402
import harness  # noqa: E402
import server  # noqa: E402

RUNS = 5
CALLS = 2000


class Table:
    def __init__(self, as_json):
        self.as_json = as_json

    def row(self, name, value, unit, reference=None, aim=None, ratio=None):
        if ratio is None and reference:
            ratio = value / reference
        met = None
        if aim is not None:
            met = (ratio if ratio is not None else value) <= aim
        if self.as_json:
            print(json.dumps({"name": name, "value": value, "unit": unit, "reference": reference,
                              "ratio": ratio, "aim": aim, "met": met, "runs": RUNS}), flush=True)
            return
        text = "%-34s %10.3f %-6s" % (name, value, unit)
        if reference is not None:
            text += " beside %.3f: ratio %.2f" % (reference, ratio)
        if aim is not None:
            text += "  aim <= %g: %s" % (aim, "met" if met else "MISSED")
        print(text, flush=True)


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


def getkey(stack):
    program = os.path.join(harness.BUILD, "tests/bench/getkey")
    text = subprocess.run([program, stack.bus, "/org/akmad1/application/mqtt", str(CALLS)],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(text)


def bench_agent(table):
    with harness.Stack() as stack:
        stack.start_lab()
        stack.start_modem()
        stack.start_keyserver(extra=fleet.NO_LIMITS)
        stack.start_bus()
        starts = []
        for _ in range(RUNS):
            starts.append(cold_start(stack))
            stack.stop("akmad")
        for name, column in (("cold start to key on the bus", 0), ("  of it: modem and card", 1),
                             ("  of it: network and server", 2), ("  of it: crypto", 3)):
            table.row(name, statistics.median(s[column] for s in starts), "ms")
        table.row("  the rest: starting, bus, asking",
                  statistics.median(s[0] - sum(s[1:]) for s in starts), "ms")
        stack.start_agent(applications="[application mqtt]\nserver=keys\nusers=%u\n")
        stack.wait_key()
        runs = [getkey(stack) for _ in range(RUNS)]
        for q, aim in (("p50", 1.4), ("p99", None)):
            table.row("GetKey %s beside Ping" % q,
                      statistics.median(r["getkey_%s_us" % q] for r in runs), "us",
                      statistics.median(r["ping_%s_us" % q] for r in runs), aim,
                      statistics.median(r["getkey_%s_us" % q] / r["ping_%s_us" % q] for r in runs))
        dirty, rss = cost.memory_kib(stack.processes["akmad"].pid)
        table.row("agent private dirty memory", dirty / 1024, "MiB", None, 8)
        table.row("agent RSS", rss / 1024, "MiB")


CARD = ("[card]\niccid=8988211000000000017\n[usim]\nimsi=%s\nmnc-length=2\nk=%s\nopc=%s\n"
        "services=123;124\n[files]\n7FFF/5FC0/4F05=8020%s\n") % (
            harness.IMSI, harness.K, harness.OPC, "11" * 32)


def card_tool(column, *actions):
    """Milliseconds that card-tool ran, from its start to its last answer."""
    start = time.monotonic()
    lines = column.tool(*actions, timeout_ms=10000)
    assert all(line.startswith("ok") for line in lines), lines
    return (time.monotonic() - start) * 1e3


def counts(column, *actions):
    """(commands, bytes) that these actions cost the card, opening the modem among them."""
    column.control("reset")
    card_tool(column, *actions)
    count = column.control("count")
    return int(count["commands"]), int(count["bytes_in"]) + int(count["bytes_out"])


def bench_card(table):
    """What the card is asked for one enrolment, and how long that takes, for each transport."""
    for column in columns.every_column():
        if column.name not in ("at_plain", "mbim", "qmi"):
            continue
        name = column.face.upper()
        column.start(CARD)
        try:
            opened = counts(column, "state")
            cold = counts(column, "read")
            both = counts(column, "read", "read")
            table.row(name + " card commands to open the modem", opened[0], "")
            table.row(name + " card commands, cold", cold[0] - opened[0], "", None, 12)
            table.row(name + " card commands, unchanged", both[0] - cold[0], "", None, 6)
            table.row(name + " card bytes, cold", cold[1] - opened[1], "B")
            table.row(name + " open to K_AF", statistics.median(
                card_tool(column, "read") for _ in range(RUNS)), "ms")
            if column.face == "at":
                column.control("delay 300")
                table.row(name + " open to K_AF, 300 ms an answer", statistics.median(
                    card_tool(column, "read") for _ in range(RUNS)), "ms")
        finally:
            column.stop()


def main(arguments):
    as_json = "--json" in arguments
    parts = [a for a in arguments if a != "--json"]
    if any(p not in ("server", "agent", "card") for p in parts):
        print("dev: bench takes server, agent, card and --json", file=sys.stderr)
        return 2
    table = Table(as_json)
    if not parts or "server" in parts:
        server.bench(table)
    if not parts or "agent" in parts:
        bench_agent(table)
    if not parts or "card" in parts:
        bench_card(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
