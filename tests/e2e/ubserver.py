# SPDX-License-Identifier: LGPL-2.1-or-later
"""ubserver: a BSF in Python (TS 24.109, RFC 3310), for tests of the terminal: an operator who knows one
card, and every way in which a BSF or somebody in between can be wrong.

    with ubserver.Bsf(aka.Usim(K, OPC)) as bsf:
        bsf.url                  # for [gba] bsf=
        bsf.wrong = "rspauth"    # from now on it answers like that
        bsf.requests             # Authorization of each request, as a dict
        bsf.sessions[b_tid]      # (ck + ik, rand, impi)
"""
import base64
import hashlib
import os
import re
import socket
import threading
import time

import aka

HOME = "bsf.mnc001.mcc001.pub.3gppnetwork.org"
XML = "application/vnd.3gpp.bsf+xml"
INFO = ('<?xml version="1.0" encoding="UTF-8"?>\n<BootstrappingInfo xmlns="uri:3gpp-gba">'
        "<btid>%s</btid><lifetime>%s</lifetime></BootstrappingInfo>\n")


def md5(data):
    return hashlib.md5(data if isinstance(data, bytes) else data.encode()).hexdigest()


def utc(when):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def tmpi(ks, rand, impi):
    """TS 33.220 B.4."""
    key = ks_naf(ks, rand, impi, HOME, bytes.fromhex("0100000100"))
    return base64.b64encode(key[:24]).decode() + "@tmpi.bsf.3gppnetwork.org"


def ks_naf(ks, rand, impi, fqdn, ua=bytes.fromhex("ff00000001")):
    """TS 33.220 B.3."""
    return aka.kdf(ks, 1, b"gba-me", rand, impi.encode(), fqdn.encode() + ua)


class Bsf:
    def __init__(self, usim, lifetime=3600, sqn=None, in_card=False, listener=None):
        """@in_card: GBA_U. @listener: a socket that listens, taken."""
        self.usim, self.lifetime, self.wrong = usim, lifetime, None
        self.in_card = in_card
        self.sqn = 32 if sqn is None else sqn
        self.requests, self.sessions, self.answers = [], {}, 0
        self.more = []         # further fields of a refusal
        self.info = None       # another XML, with %s for the B-TID
        self.rand = None       # always the same RAND and AUTN
        self.amf = b"\x00\x00"
        self.resynchronises = True
        self.impis = {}        # by TMPI
        self.knows_tmpi = True
        self.listener = listener or socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.challenge = None
        self.tls = None        # an ssl.SSLContext
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # before the number of the descriptor is another listener's
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    # -- the operator ----------------------------------------------------------------------------

    def vector(self):
        """RAND and AUTN for the next SQN."""
        if self.rand and self.challenge:
            return self.challenge[:2]
        self.sqn += 32
        rand, sqn = os.urandom(16), self.sqn.to_bytes(6, "big")
        ak = self.usim._out(rand, 0, 1)[:6]
        mac = self.usim.f1(rand, sqn, self.amf)[0]
        if self.wrong == "mac":
            mac = aka.xor(mac, b"\1" + bytes(7))
        if self.in_card:  # TS 33.220 5.3.2: MAC* = MAC xor Trunc(SHA-1(IK))
            mac = aka.xor(mac, hashlib.sha1(self.keys(rand)[2]).digest()[:8])
        return rand, aka.xor(sqn, ak) + self.amf + mac

    def keys(self, rand):
        """RES, CK, IK; the card of GBA_U gives RES with its last bit flipped (TS 33.220 5.3.2)."""
        res = self.usim._out(rand, 0, 1)[8:]
        return (aka.xor(res, bytes(7) + bytes([self.in_card])), self.usim._out(rand, 4, 2),
                self.usim._out(rand, 8, 4))

    def resynchronise(self, rand, auts):
        sqn = aka.xor(auts[:6], self.usim._out(rand, 12, 8)[:6])
        assert self.usim.f1(rand, sqn, bytes(2))[1] == auts[6:], "AUTS of another card"
        if self.resynchronises:
            self.sqn = int.from_bytes(sqn, "big")

    # -- HTTP --------------------------------------------------------------------------------------

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
        except OSError:
            return
        with connection, connection.makefile("rb") as lines:
            try:
                while line := lines.readline():
                    fields = {"": line.decode().strip()}
                    while field := lines.readline().strip():
                        name, _, value = field.decode().partition(":")
                        fields[name.lower()] = value.strip()
                    answer = self.answer(fields)
                    if answer is None:
                        return
                    connection.sendall(answer)
            except OSError:
                pass

    @staticmethod
    def message(status, fields, body=b""):
        head = ["HTTP/1.1 %s" % status] + ["%s: %s" % f for f in fields]
        head += ["Content-Length: %d" % len(body), "", ""]
        return "\r\n".join(head).encode() + body

    def answer(self, fields):
        assert fields[""] == "GET / HTTP/1.1", fields
        text = fields.get("authorization", "")
        asked = {name: quoted or bare for name, quoted, bare in
                 re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,"]+))', text)}
        self.requests.append(dict(asked, agent=fields.get("user-agent"), host=fields.get("host")))
        if self.wrong in ("403", "404", "429", "500", "503"):
            return self.message(self.wrong + " No", self.more)
        if self.wrong == "silence":
            time.sleep(60)
            return None
        if self.wrong == "closes":
            return None
        if asked["username"].endswith("@tmpi.bsf.3gppnetwork.org") and \
                asked["username"] not in self.impis:
            return self.message("403 Who?", [])
        if "auts" in asked:
            self.check(asked, b"", password=b"")
            self.resynchronise(self.challenge[0], base64.b64decode(asked["auts"]))
            return self.ask()
        if not asked.get("nonce"):
            return self.ask()
        if self.wrong == "refuses":
            return self.message("401 Unauthorized", [self.challenge_field()])
        return self.end(asked)

    def challenge_field(self, **other):
        rand, autn = self.challenge[:2]
        values = dict(realm='"%s"' % HOME, algorithm="AKAv1-MD5", qop='"auth-int"',
                      nonce='"%s"' % base64.b64encode(rand + autn + b"server").decode())
        values.update(other)
        return ("WWW-Authenticate", "Digest " + ", ".join("%s=%s" % v for v in values.items()))

    def ask(self):
        self.challenge = self.vector()
        wrong = {
            "realm": {"realm": '"evil.example"'},
            "domain": {"domain": '"http://evil.example/"'},
            "qop": {"qop": '"auth"'},
            "algorithm": {"algorithm": "MD5"},
            "nonce": {"nonce": '"AAAA"'},
        }.get(self.wrong, {})
        fields = [self.challenge_field(**wrong)]
        if self.wrong == "no challenge":
            fields = []
        if self.wrong == "malformed challenge":
            fields = [("WWW-Authenticate", 'Digest realm="')]
        return self.message("401 Unauthorized", fields)

    def digest(self, asked, method, body, password):
        a1 = md5(("%(username)s:%(realm)s:" % asked).encode() + password)
        a2 = md5("%s:%s:%s" % (method, asked["uri"], md5(body)))
        return md5("%s:%s:%s:%s:%s:%s" % (a1, asked["nonce"], asked["nc"], asked["cnonce"],
                                          asked["qop"], a2))

    def check(self, asked, body, password):
        assert asked["qop"] == "auth-int" and asked["algorithm"] == "AKAv1-MD5", asked
        assert asked["response"] == self.digest(asked, "GET", body, password), asked

    def end(self, asked):
        rand = base64.b64decode(asked["nonce"])[:16]
        assert rand == self.challenge[0], "the nonce is not the one that was given"
        res, ck, ik = self.keys(rand)
        self.check(asked, b"", res)
        b_tid = "%s@%s" % (base64.b64encode(rand).decode(), HOME)
        impi = self.impis.get(asked["username"], asked["username"])
        self.sessions[b_tid] = (ck + ik, rand, impi)
        self.impis = {tmpi(ck + ik, rand, impi): impi}
        body = (self.info.replace("%s", b_tid) if self.info is not None else
                INFO % (b_tid, utc(time.time() + self.lifetime))).encode()
        rspauth = self.digest(asked, "", body, res)
        if self.wrong == "rspauth":
            rspauth = "0" * 32
        if self.wrong == "body":
            body = body.replace(b"<btid>", b"<btid>x")
        info = 'rspauth="%s", qop=auth-int, cnonce="%s", nc=%s' % (rspauth, asked["cnonce"],
                                                                  asked["nc"])
        fields = [("Content-Type", "text/html" if self.wrong == "type" else XML)]
        if self.knows_tmpi:
            fields.append(("Server", "bsf/1 3gpp-gba-tmpi"))
        if self.wrong != "no rspauth":
            fields.append(("Authentication-Info", info))
        self.answers += 1
        return self.message("200 OK", fields, body)
