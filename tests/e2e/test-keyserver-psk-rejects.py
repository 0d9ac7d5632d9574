# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the PSK port of akma-keyserver refuses: handshakes of every wrong kind, and requests inside
good ones."""
import json
import os
import shutil
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))
if not shutil.which("openssl"):
    tap.skip_all("openssl is not installed")

import harness  # noqa: E402
import psk_client  # noqa: E402
import reference  # noqa: E402
from keyserver import FIRST_KEY, KID, problem  # noqa: E402
from psk_client import (AKMA, B_TID, GBA, HANDSHAKE_FAILURE, WRONG_KEY, K_AF,  # noqa: E402
                        KS_NAF, PROTOCOL_VERSION, PskServer, Stock, client_hello, offer, offer_twice,
                        records, refused)

WRONG = "alert %d" % WRONG_KEY


def nothing_came_of_it(server):
    assert server.audits("session") == server.audits("delivered") == []
    assert server.rows("terminal", "list") == []


# --- handshakes -----------------------------------------------------------------------------------

@tap.test
def reject_wrong_key():
    with PskServer() as s:
        for identity, key in ((AKMA, bytes(32)), (AKMA, K_AF[::-1]), (AKMA, KS_NAF), (GBA, K_AF),
                              (AKMA, K_AF[:31]), (AKMA, K_AF + b"\0"), (AKMA, FIRST_KEY)):
            assert refused(s, identity, key) == WRONG_KEY, identity
        assert {e["cause"] for e in s.audits("refused")} == {"not_authentic"}
        nothing_came_of_it(s)


@tap.test
def reject_unknown_identity_as_a_wrong_key():
    with PskServer() as s:
        # one of nobody, one of a realm that no anchor is for, one of the other anchor
        for identity in ("3GPP-AKMA;other" + KID, "3GPP-bootstrapping;other@" + psk_client.DOMAIN,
                         "3GPP-AKMA;" + B_TID, "3GPP-bootstrapping;" + KID):
            for key in (K_AF, KS_NAF, bytes(32)):
                assert offer(s, [(identity, key)]) == WRONG, identity
            assert refused(s, identity, K_AF) == WRONG_KEY
        assert {e["cause"] for e in s.audits("refused")} == {"anchor_key_unknown"}
        nothing_came_of_it(s)


@tap.test
def reject_identity_of_other_form_as_a_wrong_key():
    with PskServer() as s:
        for identity in ("x", KID, "3GPP-AKMA", "3GPP-AKMA;", "3GPP-AKMA;;" + "x", "3gpp-akma;" + KID,
                         "3GPP-bootstrapping" + B_TID, "3GPP-AKMA;@y", "3GPP-AKMA;x@", "3GPP-AKMA;x@y@z",
                         "3GPP-AKMA; " + KID, "3GPP-AKMA;" + KID + "\0", "\0" + AKMA,
                         b"3GPP-AKMA;\xff\xfe@y", "3GPP-AKMA-uicc;" + KID.replace("@", "")):
            assert offer(s, [(identity, K_AF)]) == WRONG, identity
        assert s.operator.requests == s.bsf.requests == []
        assert {e["cause"] for e in s.audits("refused")} == {"malformed"}


@tap.test
def reject_oversized_identity_as_a_wrong_key():
    with PskServer() as s:
        for length in (254, 300, 4096, 60000):
            assert offer(s, [("3GPP-AKMA;" + "a" * (length - 2) + "@b", K_AF)]) == WRONG, length
        assert s.operator.requests == []
        # the longest one that may be is asked for
        assert offer(s, [("3GPP-AKMA;" + "a" * 251 + "@b", K_AF)]) == WRONG
        assert len(s.operator.requests) == 1


@tap.test
def of_two_identities_the_first_that_can_be_one_counts():
    with PskServer() as s:
        assert offer(s, [("ticket" * 20, bytes(32)), (AKMA, K_AF)]) == "hello 1"
        assert offer(s, [(AKMA, K_AF), (GBA, KS_NAF)]) == "hello 0"
        assert s.bsf.requests == [] and len(s.operator.requests) == 2


@tap.test
def reject_two_identities_of_which_the_second_is_right():
    with PskServer() as s:
        assert offer(s, [("3GPP-AKMA;other" + KID, bytes(32)), (AKMA, K_AF)]) == WRONG
        assert offer(s, [(GBA, bytes(32)), (AKMA, K_AF)]) == WRONG
        # one question a handshake
        assert len(s.operator.requests) == len(s.bsf.requests) == 1
        # the same one twice is the first
        assert offer(s, [(AKMA, bytes(32)), (AKMA, K_AF)]) == WRONG
        nothing_came_of_it(s)


@tap.test
def reject_another_identity_after_a_hello_retry_request():
    with PskServer() as s:
        failure = "alert %d" % HANDSHAKE_FAILURE
        assert offer_twice(s, [(AKMA, K_AF)], [(GBA, KS_NAF)]) == failure
        assert offer_twice(s, [(AKMA, K_AF)], []) == failure
        assert offer_twice(s, [(AKMA, K_AF)], [(AKMA, bytes(32))]) == WRONG
        assert offer_twice(s, [(AKMA, bytes(32))], [(AKMA, K_AF)]) == WRONG
        # who offered nobody's gets no second try
        assert offer_twice(s, [("x", bytes(32))], [(AKMA, K_AF)]) == WRONG
        assert s.bsf.requests == []
        nothing_came_of_it(s)


@tap.test
def reject_truncated_client_hello():
    with PskServer() as s:
        hello = client_hello([(AKMA, K_AF)])
        for length in (1, 3, 40, len(hello) - 60, len(hello) - 1):
            with psk_client.connect(s) as sock:
                sock.sendall(records(hello[:length]))
                sock.shutdown(socket.SHUT_WR)
                assert not psk_client.read_answer(sock).startswith("hello"), length
        # lengths that do not fit, inside the extension
        place = hello.index(AKMA.encode()) - 2
        for value in (0, 1, len(AKMA) - 1, len(AKMA) + 1, 0xffff):
            bad = hello[:place] + value.to_bytes(2, "big") + hello[place + 2:]
            assert psk_client.send(s, records(bad)).startswith("alert "), value
        nothing_came_of_it(s)


@tap.test
def reject_tampered_client_hello():
    with PskServer() as s:
        hello = client_hello([(AKMA, K_AF)])
        for place in (10, len(hello) - 1, len(hello) - 32, hello.index(AKMA.encode()) - 3):
            bad = hello[:place] + bytes([hello[place] ^ 1]) + hello[place + 1:]
            assert psk_client.send(s, records(bad)).startswith("alert "), place
        assert psk_client.send(s, records(hello)) == "hello 0"
        nothing_came_of_it(s)


@tap.test
def reject_tls_1_2():
    with PskServer() as s:
        assert refused(s, AKMA, K_AF, "-tls1_2") == PROTOCOL_VERSION
        assert offer(s, [(AKMA, K_AF)], versions=b"\x03\x03") == "alert %d" % PROTOCOL_VERSION


@tap.test
def reject_clients_without_a_psk_for_there_is_no_certificate():
    with PskServer() as s:
        assert refused(s) == HANDSHAKE_FAILURE
        assert offer(s, []) == "alert %d" % HANDSHAKE_FAILURE
        with Stock(s, AKMA, K_AF, "-showcerts") as c:
            assert "BEGIN CERTIFICATE" not in c.read_log()


@tap.test
def reject_a_psk_without_diffie_hellman():
    #= RFC 8446 4.2.9: psk_dhe_ke only, so that the key alone does not open what was recorded
    with PskServer() as s:
        assert offer(s, [(AKMA, K_AF)], modes=b"\x00") == "alert %d" % HANDSHAKE_FAILURE
        assert offer(s, [(AKMA, K_AF)], modes=b"\x00\x01") == "hello 0"
        assert offer(s, [(AKMA, K_AF)], modes=b"\x01") == "hello 0"


@tap.test
def reject_suites_with_another_hash():
    with PskServer() as s:
        assert refused(s, AKMA, K_AF, "-ciphersuites", "TLS_AES_256_GCM_SHA384") == HANDSHAKE_FAILURE


@tap.test
def reject_other_protocols_inside():
    with PskServer() as s:
        assert refused(s, AKMA, K_AF, "-alpn", "http/1.1") == 120
        nothing_came_of_it(s)


@tap.test
def reject_clear_text():
    with PskServer() as s, psk_client.connect(s) as sock:
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        try:
            assert b"HTTP" not in sock.recv(4096)
        except ConnectionResetError:
            pass  # OpenSSL 3.5 leaves the rest unread


class Recorder:
    """Passes one connection on and remembers what the client sent."""

    def __init__(self, server):
        self.sent = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.to = psk_client.address(server)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(self.to, 20)
        threading.Thread(target=self.back, args=(server, client), daemon=True).start()
        try:
            while data := client.recv(65536):
                self.sent += data
                server.sendall(data)
        except OSError:
            pass

    @staticmethod
    def back(server, client):
        try:
            while data := server.recv(65536):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@tap.test
def reject_replayed_connection():
    with PskServer() as s:
        recorder = Recorder(s)
        with Stock(s, AKMA, K_AF, where=recorder.address) as c:
            assert c.get().status == 200
        assert len(s.audits("session")) == len(s.audits("delivered")) == 1
        with psk_client.connect(s) as sock:
            sock.sendall(recorder.sent)
            # it is the same ClientHello; what follows is under other keys
            assert psk_client.read_answer(sock) == "hello 0"
            try:
                while sock.recv(65536):
                    pass
            except ConnectionResetError:
                pass
        # the client hears of it before it is written down
        harness.wait_until("it is written down", lambda: s.audits("refused"))
        assert [e["cause"] for e in s.audits("refused")] == ["not_authentic"]
        assert len(s.audits("session")) == len(s.audits("delivered")) == 1


# --- requests -------------------------------------------------------------------------------------

@tap.test
def reject_second_request_on_the_same_credential():
    with PskServer(add=("mqtt", "vpn")) as s:
        with Stock(s, AKMA, K_AF) as c:
            # both in one flight
            first, second = c.begin(), c.begin("/v1/keys/vpn")
            assert c.finish(first).status == 200
            problem(c.finish(second), 409, "session_used")
            assert c.is_closed()
            try:
                c.get("/v1/keys/vpn")
                raise AssertionError("answered")
            except (reference.ConnectionLost, psk_client.reference_h2.h2.exceptions.ProtocolError):
                pass
        assert [e["kid"] for e in s.audits("delivered")] == ["mqtt:1"]
        # another key is another connection
        with Stock(s, AKMA, K_AF) as c:
            assert json.loads(c.get("/v1/keys/vpn").body)["keys"][0]["kid"] == "vpn:1"


@tap.test
def reject_keys_that_the_terminal_may_not_have_inside_a_good_answer():
    with PskServer() as s:
        s.verb("application", "add", "other", "--source", "local")
        for key_id in ("other", "nothing"):
            with Stock(s, AKMA, K_AF) as c:
                answer = c.get("/v1/keys/" + key_id)
                assert answer.status == 200
                assert json.loads(answer.body)["errors"] == [
                    {"key_id": key_id, "cause": "not_entitled"}], answer.body
                assert c.is_closed()
        assert s.rows("key", "list") == []


@tap.test
def reject_other_methods_resources_and_names_and_close():
    with PskServer() as s:
        for arguments, status, cause in ((("/v1/keys/mqtt", "POST"), 405, None),
                                         (("/v1/keys/mqtt", "GET", "other.example.com"), 421,
                                          "wrong_server"),
                                         (("/",), 404, None), (("/v1/keys/",), 404, None),
                                         (("/v1/keys/A",), 404, None), (("/v1/keys/a?b",), 404, None),
                                         (("/v1/sessions", "POST"), 404, None)):
            with Stock(s, AKMA, K_AF) as c:
                problem(c.finish(c.begin(*arguments)), status, cause)
                assert c.is_closed()
        assert s.audits("delivered") == []


@tap.test
def reject_oversized_request():
    with PskServer() as s:
        with Stock(s, AKMA, K_AF) as c:
            problem(c.get(body=b"x" * 20000), 413, "too_large")
        with Stock(s, AKMA, K_AF) as c:
            try:
                c.get(fields=[("x-long", "x" * 9000)])
                raise AssertionError("taken")
            except reference.ConnectionLost:
                pass


@tap.test
def reject_request_after_the_end_of_the_first_key():
    with PskServer() as s:
        end = int(time.time()) + 6
        s.operator.expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
        with Stock(s, AKMA, K_AF) as c:
            while time.time() <= end:
                time.sleep(0.1)
            problem(c.get(), 404, "session_unknown")
            assert c.is_closed()
        assert s.audits("delivered") == []


tap.main()
