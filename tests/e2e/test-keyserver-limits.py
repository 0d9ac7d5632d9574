# SPDX-License-Identifier: LGPL-2.1-or-later
"""Connections that run into a limit of the key server: each is counted, under the name of its limit,
and nobody else is."""
import os
import resource
import socket
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
    import prometheus_client  # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import psk_client  # noqa: E402
from figures import TCP, metrics, value  # noqa: E402
from flood import FIELD_4000, GET, PREFACE, frame  # noqa: E402
from harness import FQDN, wait_until  # noqa: E402
from keyserver import Server  # noqa: E402

ADMIN = "[admin]\nlisten=127.0.0.1:0\n"
NAMES = {"connections", "handshakes", "handshake_time", "idle", "unread", "exchange", "resets",
         "frames", "continuations", "headers", "body", "address", "total"}


def limits(*lines, rates=("address=10000/s", "kid=10000/s")):
    return "".join(line + "\n" for line in ("[limits]", *rates, *lines)) + ADMIN


def counted(s):
    """{limit: number}, without those of none."""
    found = {dict(labels)["limit"]: int(n) for (name, labels), n in metrics(s).items()
             if name == "akma_connections_limited_total"}
    assert set(found) == NAMES, found
    return {limit: n for limit, n in found.items() if n}


def is_counted(s, **expected):
    wait_until("%s is counted" % expected, lambda: counted(s) == expected)


def connect(s):
    return socket.create_connection(s.address, 60)


def tls(s):
    context = ssl.create_default_context(cafile=s.stack.path("ca.pem"))
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(connect(s), server_hostname=FQDN)


def until_closed(sock):
    try:
        while sock.recv(65536):
            pass
    except OSError as error:
        assert not isinstance(error, socket.timeout), error


def push(s, data):
    """All that the server takes of @data; then it closes."""
    with tls(s) as sock:
        try:
            sock.sendall(PREFACE + data)
        except OSError:
            return
        until_closed(sock)


@tap.test
def floods_on_a_connection_are_told_apart():
    with Server(extra=limits()) as s:
        push(s, b"".join(frame(1, 5, n, GET) + frame(3, 0, n, b"\0\0\0\x08")
                         for n in range(1, 1001, 2)))
        is_counted(s, resets=1)
        push(s, frame(1, 1, 1, GET) + frame(9, 0, 1, b"\0\1a\1b") * 5000)
        is_counted(s, resets=1, continuations=1)
        push(s, frame(6, 0, 0, b"12345678") * 5000)
        is_counted(s, resets=1, continuations=1, frames=1)
        # too much of it resets the streams; so many resets end the connection, which had its limit
        push(s, b"".join(frame(1, 5, n, GET + FIELD_4000 * 4) for n in range(1, 201, 2)))
        is_counted(s, resets=1, continuations=1, frames=1, headers=1)
        s.exchange()
        is_counted(s, resets=1, continuations=1, frames=1, headers=1)


@tap.test
def who_is_silent_or_stays_too_long_is_counted():
    with Server(extra=limits("idle=1s")) as s, tls(s) as sock:
        sock.sendall(PREFACE)
        until_closed(sock)
        is_counted(s, idle=1)
    with Server(extra=limits("idle=60s", "exchange=1s")) as s, connect(s) as sock:
        until_closed(sock)
        is_counted(s, exchange=1)


@tap.test
def connections_and_handshakes_over_the_number_are_counted():
    with Server(extra=limits("connections=1")) as s, tls(s) as first:
        first.sendall(PREFACE)
        with connect(s) as second:
            until_closed(second)
        is_counted(s, connections=1)
    with Server(extra=limits("handshakes=1")) as s, connect(s), connect(s) as second:
        until_closed(second)
        is_counted(s, handshakes=1)


@tap.test
def connections_over_a_rate_are_counted_by_whose_it_is():
    # twice the rate of first requests may connect
    for limit in ("address", "total"):
        rates = {"address": "10000/s", "total": "10000/s", limit: "1/h"}
        with Server(extra=limits(rates=["%s=%s" % rate for rate in rates.items()])) as s:
            for _ in range(2):
                connect(s).close()
            for n in (1, 2):
                with connect(s) as sock:
                    until_closed(sock)
                is_counted(s, **{limit: n})


@tap.test
def what_we_have_no_room_for_is_not_the_fault_of_an_anchor_that_is_slow():
    """1000 questions wait at one anchor; three more terminals are told to come later."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    with psk_client.PskServer(rates=TCP.replace(
            "[limits]\n", "[limits]\ntotal=100000/s\nhandshakes=5000\n")) as s:
        s.operator.answer = lambda request: None
        socks = []
        for i in range(1003):
            identity = "3GPP-AKMA;%d.x@5gc.mnc001.mcc001.3gppnetwork.org" % i
            socks.append(psk_client.connect(s))
            socks[-1].sendall(psk_client.records(psk_client.client_hello([(identity, bytes(32))])))
        wait_until("three are too many",
                   lambda: value(s, "akma_requests_limited_total", limit="anchor") == 3)
        told = metrics(s)
        assert told["akma_exchanges_total", (("anchor", "akma"), ("profile", "psk"),
                                             ("result", "store_unavailable"))] == 3
        asked = {dict(labels)["result"]: n for (name, labels), n in told.items()
                 if name == "akma_anchor_requests_total"}
        assert not any(n for result, n in asked.items() if result != "unfinished"), asked
        assert not told.get(("akma_anchor_broken", (("anchor", "operator"),)))
        for sock in socks:
            sock.close()
        # those who wait have gone: there is room
        s.operator.answer = s.answer
        wait_until("a handshake that waits no more",
                   lambda: value(s, "akma_handshakes_waiting") == 0)
        assert "mqtt" in s.exchange().by_id


tap.main()
