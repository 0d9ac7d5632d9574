#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""profile=psk: akmad with the PSK port of akma-keyserver over AKMA and GBA, and with
`openssl s_server` and servers made by hand, which can be wrong; above all those that decline the PSK
and show a certificate that is good."""
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))
if not shutil.which("openssl"):
    tap.skip_all("openssl is not installed")

import aka  # noqa: E402
import derive  # noqa: E402
import harness  # noqa: E402
import ubserver  # noqa: E402
from harness import FQDN, IMSI  # noqa: E402
from stock_server import StockServer  # noqa: E402

UA = bytes.fromhex("0100000007")
NOT_AUTHENTIC, REFUSED, UNREACHABLE, UNKNOWN, REVOKED, NOT_ENTITLED = 21, 22, 20, 23, 26, 24
LIMITED = 9
TWO = "[application mqtt]\nserver=keys\nusers=%u\n[application vpn]\nserver=keys\nusers=%u\n"


def renew(stack, name="mqtt"):
    return stack.ctl("renew", name, check=False).returncode


def start(anchor="akma", extra="", **config):
    s = harness.Stack(anchor=anchor)
    s.start_lab(), s.start_modem()
    s.start_keyserver(extra="[psk]\nlisten=127.0.0.1:0\n" + extra)
    s.start_bus()
    s.start_agent(server=s.ready["akma-keyserver"]["psk"], profile="psk", **config)
    return s


def audits(s, event):
    return [row for row in s.processes["akma-keyserver"].read_log().splitlines()
            if '"event":"%s"' % event in row]


# --- with akma-keyserver --------------------------------------------------------------------------

@tap.each("akma", "gba", "gba-u")
def m11_the_key_on_the_bus_is_the_one_that_the_server_holds(anchor):
    with start(anchor) as s:
        s.check_two_versions()
        assert IMSI not in s.processes["akma-keyserver"].read_log()


@tap.test
def auto_takes_what_the_card_has():
    with start("auto") as s:
        s.wait_key()
        assert "bootstrapping-info-retrieval" not in s.processes["akma-lab"].read_log()
    card = ("[card]\niccid=8988211000000000017\n[usim]\nimsi=%s\nmnc-length=2\nk=%s\nopc=%s\n"
            "services=27\nplmn=00101\n" % (IMSI, harness.K, harness.OPC))
    with harness.Stack(anchor="auto") as s:
        s.start_lab(), s.start_modem(card=card, core=False)
        s.start_keyserver(extra="[psk]\nlisten=127.0.0.1:0\n"), s.start_bus()
        s.start_agent(server=s.ready["akma-keyserver"]["psk"], profile="psk")
        s.wait_key()


@tap.test
def two_keys_come_on_two_connections_and_one_that_is_refused_hurts_no_other():
    with start("gba", applications=TWO) as s:
        s.wait_key()
        assert renew(s, "vpn") == NOT_ENTITLED
        s.server("application", "add", "vpn", "--source", "local", "--allow", "*")
        s.renew_once_cured("vpn")
        rows = [json.loads(line) for line in s.server("terminal", "list", "--json").splitlines()]
        s.server("terminal", "revoke", rows[0]["terminal"])
        assert renew(s) == REVOKED


def forget(s):
    """The AAnF forgets the terminal: the A-KID in the card is of nobody."""
    done = subprocess.run(["curl", "-sf", "--http2-prior-knowledge", "-H",
                           "Content-Type: application/json", "-d",
                           json.dumps({"supi": "imsi-" + IMSI}),
                           s.core + "/naanf-akma/v1/remove-context"])
    assert done.returncode == 0


@tap.test
def reject_kid_that_nobody_knows_and_never_turn_to_gba_for_it():
    """Whoever is between can refuse a handshake: it must not lead to the weaker anchor."""
    with start("auto") as s:
        s.wait_key()
        forget(s)
        assert renew(s) == UNKNOWN, s.application()
        error = s.application()["last_error"]
        # RFC 8446 4.2.11: decrypt error, as of OpenSSL 3.5; before it, illegal parameter
        assert re.search(r"refused the handshake \((decrypt error|illegal parameter)\)",
                         error["message"]), error
        log = s.processes["akmad"].read_log()
        assert "trying once more" in log and "GBA" not in log, log
        assert "bootstrapping-info-retrieval" not in s.processes["akma-lab"].read_log()
        # the modem registers again: a new key, which is tried at once
        assert s.control("register").startswith("ok")
        s.renew_once_cured()


@tap.test
def an_operator_who_forgot_the_bootstrapping_costs_one_new_one():
    with start("gba") as s:
        s.wait_key()
        address = s.ready["akma-lab"]["bsf"]
        s.stop("akma-lab")
        s.start_lab(extra=["--bsf-listen", address])
        assert renew(s) == 0, s.application()


@tap.test
def reject_when_the_anchor_is_away_without_another_try():
    with start() as s:
        s.wait_key()
        s.stop("akma-lab")
        runs = s.processes["akmad"].read_log().count("enrolling")
        assert renew(s) == UNREACHABLE
        assert "internal error" in s.application()["last_error"]["message"]
        # one request in each run; the next run of the back-off may have begun meanwhile
        refused = len(audits(s, "refused"))
        log = s.processes["akmad"].read_log()
        assert 1 <= refused <= log.count("enrolling") - runs and "; trying" not in log, log


@tap.test
def reject_a_server_that_is_gone():
    with start() as s:
        s.wait_key()
        s.stop("akma-keyserver")
        assert renew(s) == UNREACHABLE


@tap.test
def reject_the_port_of_another_profile():
    with start() as s:
        s.wait_key()
        # the message port has a good certificate for this name, and knows no PSK
        s.agent_config(server=s.ready["akma-keyserver"]["listen"], profile="psk")
        s.stop("akmad")
        s.start_agent(config=False)
        assert renew(s) == NOT_AUTHENTIC
        assert "certificate" in s.application()["last_error"]["message"]


# --- with other servers ---------------------------------------------------------------------------

class World:
    """A gateway over AKMA, whose first key is known here, and servers that are not ours."""

    def __init__(self):
        self.stack = harness.Stack()

    def __enter__(self):
        s = self.stack
        s.start_lab(), s.start_modem(), s.start_bus(), s.make_certificates()
        content = bytes.fromhex(s.control("dump 4F05").split("=")[-1].split()[-1])
        self.identity = "3GPP-AKMA;" + derive.a_kid(content[2:34], IMSI)
        self.k_af = derive.k_af(content[2:34], IMSI, FQDN, UA)
        self.key = os.urandom(32)
        return self

    def __exit__(self, *what):
        self.stack.__exit__(*what)

    def keys(self, request=None, **changes):
        key = {"kty": "oct", "kid": "mqtt:7", "key_id": "mqtt", "iat": 1700000000,
               "k": base64.urlsafe_b64encode(self.key).rstrip(b"=").decode(), **changes}
        return (200, "application/jwk-set+json",
                json.dumps({"now": 1700000000, "keys": [key], "errors": []}).encode())

    def server(self, **more):
        server = StockServer(self.identity, self.k_af, **more)
        server.answer = self.keys
        return server

    def certificate(self):
        return ["-cert", self.stack.path("server.pem"), "-key", self.stack.path("server.key")]

    def ask(self, address):
        """The status of an enrolment with the server there."""
        if "akmad" in self.stack.processes:
            self.stack.stop("akmad")
        self.stack.start_agent(server=address, profile="psk")
        return renew(self.stack)

    def message(self):
        return self.stack.application()["last_error"]["message"]


@tap.test
def a_stock_server_gives_its_key():
    with World() as w, w.server() as server:
        assert w.ask(server.address) == 0, w.message()
        assert w.stack.ctl("get", "mqtt", "--format", "hex").strip() == w.key.hex()
        #= TS 33.535 B.1.3.2.2: the identity is 3GPP-AKMA and the A-KID
        assert server.psk[:2] == ["-psk_identity", w.identity]
        request = server.requests[0]
        assert request[":method"] == "GET" and request[":path"] == "/v1/keys/mqtt", request
        assert request[":authority"].startswith(FQDN)
        assert server.connections == len(server.requests)


@tap.test
def a_stock_server_with_a_certificate_beside_the_psk_gives_its_key_too():
    with World() as w, w.server(options=["-tls1_3", *w.certificate()]) as server:
        assert w.ask(server.address) == 0, w.message()
        # what the server wants otherwise: HelloRetryRequest, the other suite
        server.options += ["-groups", "P-256"]
        assert renew(w.stack) == 0, w.message()
        server.options += ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"]
        assert renew(w.stack) == 0, w.message()


@tap.test
def a_stock_server_over_gba_gives_its_key():
    with harness.Stack(anchor="gba") as s:
        bsf = ubserver.Bsf(aka.Usim(harness.K, harness.OPC))
        s.start_modem(), s.start_bus()
        # nobody is there yet, but the bootstrapping is done
        with harness.refusing_address() as nobody:
            s.start_agent(server=nobody, bsf=bsf.url, profile="psk")
            assert renew(s) == UNREACHABLE
        b_tid, (ks, rand, impi) = list(bsf.sessions.items())[-1]
        ks_naf = ubserver.ks_naf(ks, rand, impi, FQDN, UA)
        #= TS 33.222 5.4: with GBA it is 3GPP-bootstrapping; and the B-TID
        server = StockServer("3GPP-bootstrapping;" + b_tid, ks_naf)
        server.answer = lambda request: (
            200, "application/jwk-set+json", json.dumps({"now": 1700000000, "errors": [], "keys": [
                {"kty": "oct", "kid": "mqtt:1", "key_id": "mqtt", "iat": 1700000000,
                 "k": base64.urlsafe_b64encode(ks_naf[::-1]).rstrip(b"=").decode()}]}).encode())
        with server:
            s.agent_config(server=server.address, bsf=bsf.url, profile="psk")
            s.processes["akmad"].signal(harness.signal.SIGHUP)
            harness.wait_until("reloaded", lambda: "configuration reloaded" in
                               s.processes["akmad"].read_log())
            assert renew(s) == 0, s.application()
            assert s.ctl("get", "mqtt", "--format", "hex").strip() == ks_naf[::-1].hex()
        bsf.__exit__()


@tap.test
def reject_a_server_that_declines_the_psk_and_shows_a_good_certificate():
    with World() as w:
        # of the right name, of a CA that the other profile would trust
        for psk in ((None, None), ("3GPP-AKMA;other@example.com", bytes(32))):
            server = StockServer(*psk, options=["-tls1_3", *w.certificate()])
            server.answer = w.keys
            with server:
                assert w.ask(server.address) == NOT_AUTHENTIC, w.message()
                assert "certificate" in w.message()
                assert server.requests == [], "a request was sent"
                assert w.stack.ctl("get", "mqtt", "--format", "hex", check=False).returncode == 8


@tap.test
def reject_certificate_also_where_the_system_trusts_its_authority():
    with World() as w, StockServer(options=["-tls1_3", *w.certificate()]) as server:
        w.stack.env.update(SSL_CERT_FILE=w.stack.path("ca.pem"), CURL_CA_BUNDLE=w.stack.path("ca.pem"))
        server.answer = w.keys
        assert w.ask(server.address) == NOT_AUTHENTIC, w.message()
        assert server.requests == []


@tap.test
def reject_a_server_with_another_key():
    with World() as w, StockServer(w.identity, bytes(32)) as server:
        server.answer = w.keys
        assert w.ask(server.address) == UNKNOWN, w.message()
        assert server.requests == []


@tap.test
def reject_tls_1_2():
    with World() as w:
        for options in (["-tls1_2", *w.certificate()], ["-tls1_2", "-nocert"]):
            with StockServer(w.identity, w.k_af, options=options) as server:
                server.answer = w.keys
                assert w.ask(server.address) in (UNREACHABLE, UNKNOWN), w.message()
                assert server.requests == []


@tap.test
def reject_a_server_without_http_2():
    with World() as w, w.server(alpn="http/1.1") as server:
        assert w.ask(server.address) == REFUSED, w.message()
        assert server.requests == []


class Liar:
    """A server that takes whatever PSK is offered, without having it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.hellos = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.lie, args=(client,), daemon=True).start()

    def lie(self, client):
        with client:
            record = client.recv(65536)
            self.hellos += 1
            session = record[44:44 + record[43]]
            share = os.urandom(32)  # any will do for X25519: it never reads what comes back
            extensions = (b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x29\x00\x02\x00\x00" +
                          b"\x00\x33\x00\x24\x00\x1d\x00\x20" + share)
            body = (b"\x03\x03" + os.urandom(32) + bytes([len(session)]) + session + b"\x13\x01\x00" +
                    len(extensions).to_bytes(2, "big") + extensions)
            hello = b"\x02" + len(body).to_bytes(3, "big") + body
            client.sendall(b"\x16\x03\x03" + len(hello).to_bytes(2, "big") + hello +
                           b"\x17\x03\x03\x00\x40" + os.urandom(64))
            while client.recv(4096):
                pass


@tap.test
def reject_a_server_that_takes_the_psk_without_having_it():
    with World() as w:
        liar = Liar()
        assert w.ask(liar.address) == NOT_AUTHENTIC, w.message()
        assert liar.hellos > 0
        liar.listener.shutdown(socket.SHUT_RDWR)
        liar.listener.close()


@tap.test
def reject_what_is_not_the_key():
    with World() as w, w.server() as server:
        good = w.keys()[2]
        w.stack.start_agent(server=server.address, profile="psk")
        for answer in ((200, "application/jwk-set+json", b"{"), (200, "application/jwk-set+json", b""),
                       (200, "application/json", good), (201, "application/jwk-set+json", good),
                       (200, "application/jwk-set+json", good + b"x"),
                       (200, "application/jwk-set+json", good + b" " * 70000),
                       (302, None, b""), w.keys(key_id="vpn", kid="vpn:1"), w.keys(k="AAAA"),
                       (200, "application/jwk-set+json", b'{"now":1,"keys":[],"errors":[]}')):
            server.answer = lambda request, answer=answer: answer
            assert renew(w.stack) == REFUSED, (answer, w.message())
            assert w.stack.ctl("get", "mqtt", "--format", "hex", check=False).returncode == 8


@tap.test
def reject_causes_by_name():
    with World() as w, w.server() as server:
        for status, cause, code in ((503, "store_unavailable", UNREACHABLE),
                                    (421, "wrong_server", REFUSED), (429, "rate_limited", LIMITED),
                                    (409, "session_used", REFUSED), (500, None, UNREACHABLE),
                                    (403, "revoked", REFUSED)):
            server.answer = lambda request, status=status, cause=cause: (
                status, "application/problem+json",
                json.dumps({"status": status, "cause": cause}).encode())
            # another akmad: one that runs may be trying again by itself, and was told the last cause
            assert w.ask(server.address) == code, (cause, w.message())


@tap.test
def reject_ca_file_for_there_is_no_certificate():
    with World() as w:
        w.stack.agent_config(server="127.0.0.1:1", profile="psk")
        path = w.stack.path("akmad.conf")
        with open(path) as f:
            text = f.read()
        w.stack.write("akmad.conf", text.replace("profile=psk", "profile=psk\nca-file=" +
                                                 w.stack.path("ca.pem")))
        done = subprocess.run([harness.program("akmad"), "--config", path, "--check"],
                              capture_output=True, text=True)
        assert done.returncode == 6 and "[server keys] ca-file: profile=psk" in done.stderr, done


tap.main()
