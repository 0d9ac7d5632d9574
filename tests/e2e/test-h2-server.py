# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server of src/http against curl, nghttp, openssl and python3-h2."""

import os
import re
import socket
import struct
import subprocess
import time

import h2.events
import h2.errors

import peers
from peers import Peer, RawClient, client_tls, curl

certificates = peers.Certificates()
ca = certificates.ca
pair = certificates.make("server")
TLS = (f"--certificate={pair[0]}", f"--key={pair[1]}")


def url(peer, path, tls=False):
    return f"{'https' if tls else 'http'}://localhost:{peer.address[1]}{path}"


def curl_gets_an_answer_in_clear_text():
    with Peer() as peer:
        assert curl("--http2-prior-knowledge", url(peer, "/hello")) == (0, 200, b"hello\n")


def curl_gets_an_answer_over_tls():
    with Peer(*TLS) as peer:
        assert curl("--cacert", ca, "--http2", url(peer, "/hello", True)) == (0, 200, b"hello\n")


def nghttp_gets_an_answer_over_tls():
    peers.need("nghttp")
    with Peer(*TLS) as peer:
        done = subprocess.run(["nghttp", "--no-verify-peer", url(peer, "/hello", True)],
                              capture_output=True, check=True)
        assert done.stdout == b"hello\n", done


def a_body_comes_back_as_it_was_sent():
    with Peer(*TLS) as peer:
        data = bytes(range(256)) * 64
        assert curl("--cacert", ca, "--data-binary", "@-", url(peer, "/echo", True),
                    data=data) == (0, 200, data)


def a_large_answer_comes_whole():
    with Peer(*TLS) as peer:
        assert curl("--cacert", ca, url(peer, "/big/3000000", True)) == (0, 200, b"x" * 3000000)


def a_request_may_come_byte_by_byte():
    with Peer() as peer:
        client = RawClient(peer.address)
        stream = client.request()
        for byte in client.h2.data_to_send():
            client.socket.sendall(bytes([byte]))
        assert client.answer(stream) == (200, b"hello\n")
        client.close()


def requests_of_one_connection_are_answered_in_any_order():
    with Peer() as peer:
        client = RawClient(peer.address)
        held, quick = client.request(path="/hold"), client.request()
        client.flush()
        assert client.answer(quick) == (200, b"hello\n")
        release = client.request(path="/release")
        client.flush()
        assert client.answer(held) == (200, b"released\n")
        assert client.answer(release)[0] == 200
        client.close()


def an_answer_without_a_body_has_none():
    with Peer() as peer:
        assert curl("--http2-prior-knowledge", url(peer, "/nothing")) == (0, 404, b"")
        assert curl("--http2-prior-knowledge", "-I", url(peer, "/hello"))[1] == 200


def a_unix_socket_is_served():
    folder = certificates.path("")
    with Peer(f"--listen=unix:{folder}socket") as peer:
        assert curl("--http2-prior-knowledge", "--unix-socket", folder + "socket",
                    "http://localhost/whoami") == (0, 200, b"unix -\n")


def an_ipv6_address_is_served():
    if not socket.has_ipv6:
        raise peers.Skip("no IPv6")
    with Peer("--listen=[::1]:0") as peer:
        assert curl("--http2-prior-knowledge", f"http://{peer.ready['listen']}/whoami") == (
            0, 200, b"::1 -\n")


def every_answer_is_told_once():
    with Peer() as peer:
        for path in ("/hello", "/nothing", "/big/100000", "/close", "/drop"):
            curl("--http2-prior-knowledge", url(peer, path))
        last = peer.stop()
        assert last == {"requests": 5, "sent": 4, "closed": 5, "conns": 5, "limited": 0,
                        "limit": 0, "held": 0, "loop": 0}, last


def close_sends_what_is_queued():
    with Peer() as peer:
        client = RawClient(peer.address)
        assert client.answer((client.request(path="/close"), client.flush())[0]) == (200, b"bye\n")
        assert client.until(h2.events.ConnectionTerminated).error_code == 0
        assert client.is_closed()


def close_resets_what_is_not_answered():
    with Peer() as peer:
        client = RawClient(peer.address)
        stream = client.request(path="/drop")
        client.flush()
        assert client.until(h2.events.StreamReset, stream)
        assert client.is_closed()


def a_stop_lets_requests_finish():
    with Peer() as peer:
        client, other = RawClient(peer.address), RawClient(peer.address)
        held = client.request(path="/hold")
        client.flush()
        peer.wait_held()
        release = other.request(path="/release", end=False)  # begun before, ended after
        other.settle()
        peer.terminate()
        assert client.until(h2.events.ConnectionTerminated)
        other.h2.end_stream(release)
        other.flush()
        assert client.answer(held) == (200, b"released\n")
        assert client.is_closed() and other.is_closed()
        assert peer.stop()["held"] == 0


def a_stop_ends_what_takes_too_long():
    with Peer() as peer:
        client = RawClient(peer.address)
        client.request(path="/hold")
        client.flush()
        peer.wait_held()
        began = time.monotonic()
        last = peer.stop()
        assert 0.5 < time.monotonic() - began < 20 and last["closed"] == 1, last


def no_ticket_and_no_early_data_are_offered():
    with Peer(*TLS) as peer:
        done = s_client(peer, "-alpn", "h2")
        assert "New, TLSv1.3" in done and "ALPN protocol: h2" in done, done
        assert "session ticket" not in done.lower() and "Max Early Data: 0" not in done, done


def s_client(peer, *options):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{peer.address[1]}",
                           "-CAfile", ca, *options], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=peers.WAIT_S)
    return (done.stdout + done.stderr).decode(errors="replace")


def still_serves(peer, tls=None):
    client = RawClient(peer.address, tls=tls)
    assert client.answer((client.request(), client.flush())[0]) == (200, b"hello\n")
    client.close()


def serves_again(peer, tls=None):
    """Once it knows that somebody has gone."""
    def served():
        try:
            still_serves(peer, tls)
        except (OSError, AttributeError):  # closed before or after the first frame
            return False
        return True
    peers.eventually(served)


def reject_tls_1_2():
    with Peer(*TLS) as peer:
        assert "alert protocol version" in s_client(peer, "-tls1_2", "-alpn", "h2")
        still_serves(peer, client_tls(ca))


def reject_a_client_without_alpn():
    with Peer(*TLS) as peer:
        tls = client_tls(ca, protocols=())
        with socket.create_connection(peer.address, timeout=peers.WAIT_S) as s:
            with tls.wrap_socket(s, server_hostname="localhost") as wrapped:
                assert wrapped.recv(100) == b""
        still_serves(peer, client_tls(ca))


def reject_a_client_of_http_1_1_over_tls():
    with Peer(*TLS) as peer:
        assert "no application protocol" in s_client(peer, "-alpn", "http/1.1")
        still_serves(peer, client_tls(ca))


def reject_http_1_1_in_clear_text():
    with Peer() as peer:
        with socket.create_connection(peer.address, timeout=peers.WAIT_S) as s:
            s.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while data := s.recv(4096):
                answer += data
        assert b"hello" not in answer
        assert peer.stop()["requests"] == 0


def reject_a_client_without_a_certificate():
    with Peer(*TLS, f"--client-ca={ca}") as peer:
        assert "alert certificate required" in s_client(peer, "-alpn", "h2", "-ign_eof")
        last = peer.stop()
        assert (last["conns"], last["requests"]) == (1, 0), last


def reject_a_client_certificate_of_another_ca():
    other = certificates.make("stranger", ca="other-ca")
    with Peer(*TLS, f"--client-ca={ca}") as peer:
        assert "alert unknown ca" in s_client(peer, "-alpn", "h2", "-ign_eof",
                                              "-cert", other[0], "-key", other[1])


def reject_a_body_over_the_limit():
    with Peer("--body-bytes=1000") as peer:
        arguments = ("--http2-prior-knowledge", "--data-binary", "@-", url(peer, "/echo"))
        assert curl(*arguments, data=b"x" * 1000) == (0, 200, b"x" * 1000)
        assert curl(*arguments, data=b"x" * 1001) == (0, 413, b"too large\n")
        assert curl(*arguments, data=b"x" * 1000000) == (0, 413, b"too large\n")
        last = peer.stop()
        assert last["requests"] == last["closed"] == 3, last


def reject_a_body_over_the_limit_without_a_length():
    with Peer("--body-bytes=1000") as peer:
        client = RawClient(peer.address)
        stream = client.request("POST", "/echo", end=False)
        for _ in range(3):
            client.h2.send_data(stream, b"x" * 600)
            client.flush()
        assert client.answer(stream) == (413, b"too large\n")
        client.close()
        assert peer.stop()["requests"] == 1


def reject_a_body_without_end():
    with Peer("--body-bytes=1000") as peer:
        client = RawClient(peer.address)
        stream = client.request("POST", "/echo", end=False)
        client.flush()
        sent, ended = 0, None
        while sent < 32 << 20 and not ended:
            n = min(16384, client.h2.local_flow_control_window(stream))
            if n > 0:
                client.h2.send_data(stream, b"x" * n)
                client.flush()
                sent += n
            else:
                client.events += client.h2.receive_data(client.socket.recv(65536))
                ended = [e for e in client.events if isinstance(e, h2.events.StreamReset)]
        assert ended and sent < 6 << 20, sent
        client.close()
        limited(peer, "body")


def reject_headers_over_the_limit():
    with Peer("--header-bytes=2000") as peer:
        client = RawClient(peer.address)
        good = client.request(headers=[("x-filler", "y" * 1500)])
        client.flush()
        assert client.answer(good)[0] == 200
        bad = client.request(headers=[("x-filler", "y" * 2000)])
        client.flush()
        assert client.until(h2.events.StreamReset, bad)
        bad = client.request(headers=[("x-filler", "y" * 2000)])
        client.flush()
        assert client.until(h2.events.StreamReset, bad)
        client.close()
        assert peer.stop()["requests"] == 1
        limited(peer, "headers")


def refused_headers(headers):
    with Peer() as peer:
        client = RawClient(peer.address, check=False)
        stream = client.h2.get_next_available_stream_id()
        client.h2.send_headers(stream, headers, end_stream=True)
        client.flush()
        event = client.until((h2.events.StreamReset, h2.events.ConnectionTerminated))
        assert event and event.error_code == h2.errors.ErrorCodes.PROTOCOL_ERROR, event
        client.close()
        assert peer.stop()["requests"] == 0


def reject_missing_and_odd_pseudo_headers():
    fine = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/hello")]
    for i in (0, 1, 3):
        refused_headers(fine[:i] + fine[i + 1:])
    refused_headers(fine + [(":path", "/again")])
    refused_headers(fine + [(":odd", "x")])
    refused_headers(fine[:3] + [(":path", "no-slash")])
    refused_headers(fine[:3] + [(":path", "")])
    refused_headers(fine[:2] + [("x", "y")] + fine[2:])
    refused_headers(fine + [("Upper", "case")])
    refused_headers(fine + [("connection", "close")])
    refused_headers([(":method", "CONNECT"), (":authority", "a:1")])


def ends_with(peer, client, code):
    event = client.until(h2.events.ConnectionTerminated)
    assert event and event.error_code == code, event
    assert client.is_closed()
    client.close()
    still_serves(peer)


def push(client, data):
    """All that the server takes of @data before it closes."""
    try:
        client.socket.sendall(data)
    except OSError:
        pass


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


CALM = h2.errors.ErrorCodes.ENHANCE_YOUR_CALM


# AkmaH2Limit, in its order
LIMITS = ("connections", "handshakes", "handshake_time", "idle", "unread", "lifetime", "resets",
          "frames", "continuations", "headers", "body")


def limited(peer, limit, connections=1):
    """So many connections were told to have run into a limit, the last one into @limit."""
    last = peer.stop()
    assert (last["limited"], LIMITS[last["limit"]]) == (connections, limit), last


def rapid_reset(code):
    with Peer() as peer:
        client = RawClient(peer.address)
        for _ in range(200):
            stream = client.request(path="/hold")
            client.h2.reset_stream(stream, code)
        push(client, client.h2.data_to_send())
        ends_with(peer, client, CALM)
        last = peer.stop()
        assert last["requests"] < 60 and last["held"] == 0, last
        limited(peer, "resets")


def reject_rapid_reset():
    rapid_reset(h2.errors.ErrorCodes.CANCEL)


def reject_rapid_reset_that_names_no_error():
    rapid_reset(h2.errors.ErrorCodes.NO_ERROR)


def reject_a_flood_of(kind, flags, payload, stream=0, number=2000):
    with Peer() as peer:
        client = RawClient(peer.address)
        if stream:
            assert client.request("POST", "/echo", end=False) == stream
            client.flush()
        push(client, frame(kind, flags, stream, payload) * number)
        event = client.until(h2.events.ConnectionTerminated)
        assert event is None or event.error_code == CALM, event
        assert client.is_closed()
        client.close()
        still_serves(peer)
        limited(peer, "frames")


def reject_a_flood_of_ping():
    reject_a_flood_of(6, 0, b"12345678")


def reject_a_flood_of_ping_acknowledgements():
    reject_a_flood_of(6, 1, b"12345678")


def reject_a_flood_of_settings():
    reject_a_flood_of(4, 0, b"")


def reject_a_flood_of_priority():
    reject_a_flood_of(2, 0, b"\0\0\0\3\x10", stream=1)


def reject_a_flood_of_window_updates():
    reject_a_flood_of(8, 0, b"\0\0\0\1")


def unknown_frames_are_ignored():
    with Peer() as peer:
        client = RawClient(peer.address)
        push(client, frame(0xbe, 0, 0, b"xyz") * 100)
        assert client.answer((client.request(), client.flush())[0]) == (200, b"hello\n")
        client.close()
        assert peer.stop()["limited"] == 0


def reject_a_flood_of_empty_data():
    reject_a_flood_of(0, 0, b"", stream=1)


def reject_a_flood_of_scraps_of_data():
    reject_a_flood_of(0, 0, b"x", stream=1)


def reject_a_flood_of_continuation():
    with Peer() as peer:
        client = RawClient(peer.address)
        push(client, frame(1, 0, 1, b"\x82\x86\x84") + frame(9, 0, 1, b"\0\1a\1b") * 5000)
        assert client.is_closed()
        client.close()
        still_serves(peer)
        limited(peer, "continuations")


def reject_a_frame_over_the_size():
    with Peer() as peer:
        client = RawClient(peer.address)
        push(client, frame(6, 0, 0, b"x" * 20000))
        ends_with(peer, client, h2.errors.ErrorCodes.FRAME_SIZE_ERROR)


def reject_streams_over_the_number():
    with Peer("--streams=2") as peer:
        client = RawClient(peer.address)
        client.h2.remote_settings.max_concurrent_streams = 10
        streams = [client.request(path="/hold") for _ in range(3)]
        client.flush()
        event = client.until(h2.events.StreamReset, streams[2])
        assert event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM
        client.close()
        assert peer.stop()["requests"] == 2


def reject_connections_over_the_number():
    with Peer("--connections=2") as peer:
        first, second = RawClient(peer.address), RawClient(peer.address)
        with socket.create_connection(peer.address, timeout=peers.WAIT_S) as third:
            try:
                assert third.recv(100) == b""
            except ConnectionError:
                pass
        first.close()
        serves_again(peer)
        second.close()
        assert LIMITS[peer.stop()["limit"]] == "connections"


def reject_handshakes_over_the_number():
    with Peer(*TLS, "--handshakes=2") as peer:
        half_open = [socket.create_connection(peer.address) for _ in range(2)]
        with socket.create_connection(peer.address, timeout=peers.WAIT_S) as third:
            try:
                assert third.recv(100) == b""
            except ConnectionError:
                pass
        for s in half_open:
            s.close()
        serves_again(peer, client_tls(ca))
        assert LIMITS[peer.stop()["limit"]] == "handshakes"


def silent_handshakes_keep_nobody_out():
    with Peer(*TLS, "--handshakes=2", "--handshake-ms=60000") as peer:
        half_open = [socket.create_connection(peer.address) for _ in range(2)]
        time.sleep(2.1)
        serves_again(peer, client_tls(ca))
        # the oldest made room; the other one is still there
        half_open[0].settimeout(peers.WAIT_S)
        assert half_open[0].recv(100) == b""
        half_open[1].settimeout(0.1)
        try:
            raise AssertionError(half_open[1].recv(100))
        except socket.timeout:
            pass
        for s in half_open:
            s.close()


def reject_a_half_open_handshake():
    with Peer(*TLS, "--handshake-ms=300") as peer:
        with socket.create_connection(peer.address, timeout=peers.WAIT_S) as s:
            s.sendall(b"\x16\x03\x01")
            began = time.monotonic()
            assert s.recv(100) == b""
            assert 0.1 < time.monotonic() - began < 8
        serves_again(peer, client_tls(ca))
        limited(peer, "handshake_time")


def reject_silence_instead_of_settings():
    with Peer("--handshake-ms=300", "--idle-ms=60000") as peer:
        with socket.create_connection(peer.address, timeout=peers.WAIT_S) as s:
            s.sendall(b"PRI * HTTP/2.0\r\n")
            while s.recv(100):
                pass
        limited(peer, "handshake_time")


def reject_an_idle_connection():
    with Peer("--idle-ms=1000") as peer:
        client = RawClient(peer.address)
        began = time.monotonic()
        assert client.until(h2.events.ConnectionTerminated).error_code == 0
        assert client.is_closed() and 0.2 < time.monotonic() - began < 15
        limited(peer, "idle")


def it_is_not_idle_who_waits_for_our_answer():
    with Peer("--idle-ms=1000") as peer:
        client = RawClient(peer.address)
        held = client.request(path="/hold")
        client.flush()
        time.sleep(1.7)
        release = client.request(path="/release")
        client.flush()
        assert client.answer(held) == (200, b"released\n")
        assert client.answer(release)[0] == 200
        client.close()
        assert peer.stop()["limited"] == 0


class HastyClient(RawClient):
    """Its preface goes with its first request."""
    ready = False

    def flush(self):
        if self.ready:
            super().flush()


def settings_do_not_wait_for_a_late_answer():
    """They may go with the answer to a request that came with the preface, but not so late."""
    with Peer() as peer:
        client = HastyClient(peer.address)
        client.ready = True
        held = client.request(path="/hold")
        client.flush()
        peer.wait_held()
        assert client.until(h2.events.RemoteSettingsChanged)
        release = client.request(path="/release")
        client.flush()
        assert client.answer(held) == (200, b"released\n")
        assert client.answer(release)[0] == 200
        client.close()


def reject_a_connection_over_its_lifetime():
    with Peer("--lifetime-ms=1500") as peer:
        client = RawClient(peer.address)
        began = time.monotonic()
        client.request(path="/hold")
        client.flush()
        assert client.until(h2.events.ConnectionTerminated)
        assert client.is_closed() and 0.3 < time.monotonic() - began < 15
        client.close()
        assert peer.stop()["held"] == 0
        limited(peer, "lifetime")


def connections(peer):
    """How many are open, with the one that asks."""
    client = RawClient(peer.address)
    _, body = client.answer((client.request(path="/status"), client.flush())[0])
    client.close()
    return int(re.search(rb"connections=(\d+)", body)[1])


def rss(peer):
    with open(f"/proc/{peer.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def reject_a_slow_reader():
    """It asks for much and reads nothing: one chunk is held for it, then it is closed."""
    with Peer("--idle-ms=1500") as peer:
        client = RawClient(peer.address)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.h2.increment_flow_control_window((1 << 31) - 1 - 65535)
        client.h2.update_settings({4: (1 << 31) - 1})
        client.flush()
        time.sleep(0.2)
        before = rss(peer)
        client.request(path="/big/20000000")
        client.flush()
        time.sleep(0.5)
        # the body itself, once (AddressSanitizer keeps what was freed)
        assert rss(peer) - before < 26000 or os.environ.get("AKMA_SANITIZERS"), (before, rss(peer))
        # the socket itself takes a few MB, and time for that
        deadline = time.monotonic() + peers.WAIT_S
        while connections(peer) > 1:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        last = peer.stop()
        assert (last["conns"] - last["closed"], last["held"]) == (0, 0), last
        limited(peer, "unread")


def a_connection_lost_in_the_answer_is_told():
    with Peer() as peer:
        client = RawClient(peer.address)
        client.request(path="/big/20000000")
        client.flush()
        client.socket.recv(1000)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        time.sleep(0.2)
        last = peer.stop()
        assert (last["requests"], last["sent"], last["closed"]) == (1, 1, 1), last


def a_client_that_aborts_its_handshake_is_forgotten():
    with Peer(*TLS) as peer:
        for _ in range(20):
            s = socket.create_connection(peer.address)
            s.sendall(b"\x16\x03\x01\x02\x00\x01")
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        still_serves(peer, client_tls(ca))
        client = RawClient(peer.address, tls=client_tls(ca))

        def status():
            return client.answer((client.request(path="/status"), client.flush())[0])[1]
        peers.eventually(lambda: status().startswith(b"connections=1 handshakes=0"))
        client.close()


def reject_a_private_key_that_others_may_read():
    key = certificates.path("open.key")
    with open(pair[1], "rb") as good, open(key, "wb") as copy:
        copy.write(good.read())
    os.chmod(key, 0o644)
    done = subprocess.run([peers.BUILD / "tests" / "e2e" / "http-peer", TLS[0], f"--key={key}"],
                          capture_output=True, text=True, timeout=peers.WAIT_S)
    assert done.returncode == 6 and "open to everybody" in done.stderr, done
    os.chmod(key, 0o640)
    with Peer(TLS[0], f"--key={key}") as peer:
        still_serves(peer, client_tls(ca))


def reject_bad_files():
    for arguments, text in (
            (("--certificate=/proc/nonexistent", f"--key={pair[1]}"), "certificate /proc/nonexistent"),
            ((f"--certificate={pair[0]}", "--key=/proc/nonexistent"), "private key /proc/nonexistent"),
            ((f"--certificate={pair[0]}", f"--key={certificates.path('ca.key')}"), "private key"),
            ((f"--certificate={pair[1]}", f"--key={pair[1]}"), f"certificate {pair[1]}"),
            ((*TLS, "--client-ca=/proc/nonexistent"), "CA file /proc/nonexistent"),
            (("--listen=nonsense",), "not an address"),
            (("--listen=192.0.2.1:1",), "cannot listen on 192.0.2.1:1"),
            ((f"--listen=unix:{pair[0]}",), "something else than a socket")):
        done = subprocess.run([peers.BUILD / "tests" / "e2e" / "http-peer", *arguments],
                              capture_output=True, text=True, timeout=peers.WAIT_S)
        assert done.returncode == 6 and text in done.stderr, (arguments, done)


helpers = {"HastyClient", "url", "s_client", "still_serves", "serves_again", "refused_headers",
           "ends_with", "push", "frame", "limited", "connections", "rapid_reset", "reject_a_flood_of",
           "rss"}
tests = [f for name, f in list(globals().items())
         if getattr(f, "__module__", "") == "__main__" and name not in helpers]

with certificates:
    peers.run(tests)
