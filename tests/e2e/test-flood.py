#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Strangers flood the key server in every way that we know, while real terminals enrol: each of
those gets its key, and the server holds its limits and counts what it refuses."""
import collections
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
import tap

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import cost
import derive
import fleet
import flood
import harness
import reference

TERMINALS = 30
ROUNDS = 3
VICTIM = "00101%010d" % TERMINALS  # its kid is known to strangers
K_AUSF = bytes(range(32))
CONNECTIONS, HANDSHAKES = 600, 300
LIMITS = "[limits]\nconnections=%d\nhandshakes=%d\n" % (CONNECTIONS, HANDSHAKES)
MEMORY_KIB = CONNECTIONS * 64 + 8 * 1024  # more than that is a leak
ATTEMPTS = 3  # of each kind, at least


def enrol(stack, kid):
    return reference.exchange("https://%s:8443" % harness.FQDN, "akma", kid,
                              derive.k_af(K_AUSF, VICTIM, harness.FQDN), ["mqtt"],
                              stack.path("ca.pem"), stack.address(), timeout=60)


def refused(figures):
    """How many exchanges ended in each way that is a refusal."""
    found = {}
    for name, value in figures.items():
        if name.startswith("akma_exchanges_total") and value:
            result = name.split('result="')[1].split('"')[0]
            found[result] = found.get(result, 0) + value
    return found


# what ends the connection of a kind
ENDS = {"rapid_reset": "resets", "continuation": "continuations", "large_headers": "headers"}


def figures_say_so(stack, seen):
    told = stack.metrics()
    figures = collections.Counter(refused(told))
    if not all(told['akma_connections_limited_total{limit="%s"}' % limit] for limit in ENDS.values()):
        return False
    answers = seen["unknown_kids"][404] + seen["unknown_kids"][429]
    return (figures["anchor_key_unknown"] + figures["rate_limited"] >= answers and
            figures["not_authentic"] >= seen["stolen_kid"][403])


def limits_hold(stack):
    figures = stack.metrics()
    assert figures["akma_connections"] <= CONNECTIONS + 1, figures
    assert figures["akma_handshakes_waiting"] <= HANDSHAKES, figures
    assert figures["akma_sessions"] <= CONNECTIONS, figures


@tap.test
def each_enrolment_succeeds_while_strangers_flood():
    with fleet.Stack(TERMINALS + 1, limits=LIMITS) as stack:
        kid = stack.register(VICTIM, K_AUSF)
        first = enrol(stack, kid).raw("mqtt")
        worker, = stack.worker_pids()
        before, _ = cost.memory_kib(worker)
        with flood.Flood(stack, stolen=kid) as attack:
            harness.wait_until("all kinds are at it", lambda: all(
                attack.tried(kind) >= ATTEMPTS for kind in attack.kinds), 60)
            run = subprocess.Popen(stack.command(
                "--terminals=%d" % TERMINALS, "--storm", "--rounds=%d" % ROUNDS, "--pause=500",
                "--deadline=120"), stdout=subprocess.PIPE, text=True)
            assert enrol(stack, kid).raw("mqtt") == first
            limits_hold(stack)
            told = json.loads(run.communicate(timeout=180)[0])
            assert enrol(stack, kid).raw("mqtt") == first
            limits_hold(stack)
        after, _ = cost.memory_kib(worker)
        for kind in attack.kinds:
            print("# %s: %s" % (kind, dict(attack.seen[kind])))
        print("# %d enrolments, %d%% at the first attempt, p50 %.0f ms, p99 %.0f ms; %d KiB more" % (
            told["exchanges"], 100 * told["exchanges"] / (told["exchanges"] + told["failed"]),
            told["p50_ms"], told["p99_ms"], after - before))
        assert run.returncode == 0 and told["exchanges"] == TERMINALS * ROUNDS, told
        for kind in ENDS:
            assert set(attack.seen[kind]) == {"closed"}, attack.seen[kind]
        # AddressSanitizer keeps what was freed
        assert after - before < MEMORY_KIB or os.environ.get("AKMA_SANITIZERS"), after - before
        assert attack.seen["unknown_kids"][404] > 0 and attack.seen["stolen_kid"][403] > 0
        harness.wait_until("figures say so", lambda: figures_say_so(stack, attack.seen), 60)
        print("# counted:", refused(stack.metrics()))
        harness.wait_until("all is over", lambda: stack.metrics()["akma_sessions"] == 0, 60)
        assert stack.worker_pids() == [worker]  # nothing made it start again


tap.main()
