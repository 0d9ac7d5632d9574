# SPDX-License-Identifier: LGPL-2.1-or-later
"""Connections that run into a limit of the key server: each is counted, under the name of its limit,
and nobody else is."""
import os
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

from figures import metrics  # noqa: E402
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


tap.main()
