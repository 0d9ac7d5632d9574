#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Strangers flood the key server in every way that we know, while real terminals enrol over both
profiles: each of those gets its key, and the server runs into its limits, holds them, and counts what
it refuses."""
import collections
import os
import sys
import time

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
import reference_h2

TERMINALS = 20  # of each profile
ROUNDS = 3
VICTIM = "00101%010d" % (2 * TERMINALS)  # its kid is known to strangers
K_AUSF = bytes(range(32))
# of each of the two listeners: fewer than strangers leave standing
CONNECTIONS, HANDSHAKES = 250, 60
IDLE_S = 3
LIMITS = "[limits]\nconnections=%d\nhandshakes=%d\nidle=%ds\n" % (CONNECTIONS, HANDSHAKES, IDLE_S)
MEMORY_KIB = 2 * CONNECTIONS * 64 + 8 * 1024  # more than that is a leak
ATTEMPTS = 3  # of each kind, at least
PATIENCE_S = 120


def enrol(stack, kid):
    return reference.exchange("https://%s:8443" % harness.FQDN, "akma", kid,
                              derive.k_af(K_AUSF, VICTIM, harness.FQDN), ["mqtt"],
                              stack.path("ca.pem"), stack.address(), timeout=60)


def enrol_at_last(stack, kid):
    """As terminals do: who finds no room comes again."""
    found = []

    def is_given():
        try:
            found.append(enrol(stack, kid))
        except reference.Refused as refused:
            if refused.status not in (429, 503):
                raise
            return False
        except (OSError, reference_h2.ConnectionLost):
            return False
        return True
    harness.wait_until("the terminal has its key", is_given, PATIENCE_S)
    return found[0]


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
# what those run into that stay or are many
ROOM = ["connections", "handshakes", "handshake_time", "idle", "unread"]


def limited(stack):
    told = stack.metrics()
    return {limit: int(told['akma_connections_limited_total{limit="%s"}' % limit])
            for limit in [*ROOM, *ENDS.values()]}


def figures_say_so(stack, seen):
    figures = collections.Counter(refused(stack.metrics()))
    answers = seen["unknown_kids"][404] + seen["unknown_kids"][429]
    return (figures["anchor_key_unknown"] + figures["rate_limited"] >= answers and
            figures["not_authentic"] >= seen["stolen_kid"][403])


def limits_hold(stack):
    figures = stack.metrics()
    assert figures["akma_connections"] <= 2 * CONNECTIONS, figures
    assert figures["akma_handshakes_waiting"] <= 2 * HANDSHAKES, figures
    assert figures["akma_sessions"] <= 2 * CONNECTIONS, figures


def serve(stack):
    """Each terminal is served, by both profiles at the same time. The figures of each profile."""
    runs = stack.begin_both(2 * TERMINALS, "--storm", "--rounds=%d" % ROUNDS, "--pause=500",
                            "--deadline=%d" % PATIENCE_S)
    while any(run.poll() is None for run, _ in runs):
        limits_hold(stack)
        time.sleep(0.1)
    figures = [told for told, _ in stack.end_both(runs)]
    for (run, _), told, profile in zip(runs, figures, ("message", "psk")):
        print("# %s: %d enrolments, %d%% at the first attempt, p50 %.0f ms, p99 %.0f ms" % (
            profile, told["exchanges"],
            100 * told["exchanges"] / (told["exchanges"] + told["failed"]), told["p50_ms"],
            told["p99_ms"]))
        assert run.returncode == 0 and told["exchanges"] == TERMINALS * ROUNDS, told


def serve_until_all_limits_are_reached(stack):
    deadline = time.monotonic() + PATIENCE_S
    serve(stack)
    while not all(limited(stack).values()):
        assert time.monotonic() < deadline, limited(stack)
        serve(stack)


@tap.test
def each_enrolment_succeeds_while_strangers_flood():
    with fleet.Stack(2 * TERMINALS + 1, limits=LIMITS) as stack:
        kid = stack.register(VICTIM, K_AUSF)
        first = enrol(stack, kid).raw("mqtt")
        worker, = stack.worker_pids()
        before, _ = cost.memory_kib(worker)
        with flood.Flood(stack, stolen=kid, deaf_s=IDLE_S + 2) as attack:
            harness.wait_until("all kinds are at it", lambda: all(
                attack.tried(kind) >= ATTEMPTS for kind in attack.kinds), PATIENCE_S)
            assert enrol_at_last(stack, kid).raw("mqtt") == first
            serve_until_all_limits_are_reached(stack)
            assert enrol_at_last(stack, kid).raw("mqtt") == first
        after, _ = cost.memory_kib(worker)
        for kind in attack.kinds:
            print("# %s: %s" % (kind, dict(attack.seen[kind])))
        print("# limits: %s; %d KiB more" % (limited(stack), after - before))
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
