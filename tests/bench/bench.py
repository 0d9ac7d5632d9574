# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench: the figures of one machine in one run, each beside its reference.

    ./dev bench [server|agent|card] [--json] [--idle TIME]

CPU time is that of the serving process alone (utime + stime of all its threads). Values are
medians of RUNS runs; a figure that misses its aim is printed as it is. The agent is watched for
five minutes while it has nothing to do; --idle is another time, as 20s, for trying.
"""
import json
import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import agent  # noqa: E402
import columns  # noqa: E402
import harness  # noqa: E402
import server  # noqa: E402

RUNS = 5
IDLE = "5m"


class Table:
    def __init__(self, as_json):
        self.as_json = as_json

    def row(self, name, value, unit, reference=None, aim=None, ratio=None, runs=RUNS):
        if ratio is None and reference:
            ratio = value / reference
        met = None
        if aim is not None:
            met = (ratio if ratio is not None else value) <= aim
        if self.as_json:
            print(json.dumps({"name": name, "value": value, "unit": unit, "reference": reference,
                              "ratio": ratio, "aim": aim, "met": met, "runs": runs}), flush=True)
            return
        text = "%-34s %10.3f %-6s" % (name, value, unit)
        if reference is not None:
            text += " beside %.3f: ratio %.2f" % (reference, ratio)
        if aim is not None:
            text += "  aim <= %g: %s" % (aim, "met" if met else "MISSED")
        print(text, flush=True)


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


def parse(arguments):
    """(parts, as JSON, seconds of idleness); None: wrong."""
    parts, as_json, idle = [], False, IDLE
    arguments = list(arguments)
    while arguments:
        word = arguments.pop(0)
        if word == "--json":
            as_json = True
        elif word == "--idle" and arguments:
            idle = arguments.pop(0)
        elif word.startswith("--idle="):
            idle = word[len("--idle="):]
        elif word in ("server", "agent", "card"):
            parts.append(word)
        else:
            return None
    if not re.fullmatch("[1-9][0-9]{0,3}[sm]", idle):
        return None
    return parts, as_json, int(idle[:-1]) * {"s": 1, "m": 60}[idle[-1]]


def main(arguments):
    parsed = parse(arguments)
    if not parsed:
        print("dev: bench takes server, agent, card, --json and --idle TIME (as 20s)", file=sys.stderr)
        return 2
    parts, as_json, idle_s = parsed
    table = Table(as_json)
    if not parts or "server" in parts:
        server.bench(table)
    if not parts or "agent" in parts:
        agent.bench(table, idle_s)
    if not parts or "card" in parts:
        bench_card(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
