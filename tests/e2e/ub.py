# SPDX-License-Identifier: LGPL-2.1-or-later
"""ub: a terminal on Ub (TS 24.109 clause 4, RFC 3310, RFC 2617) with http.client and hashlib, and
the keys of TS 33.220 Annex B with hmac. It shares nothing with the code under test.

    client = ub.Client("127.0.0.1:8080", usim, impi)
    boot = client.bootstrap()           # B-TID, lifetime, Ks
    boot.ks_naf("keys.example.com", "ff00000001")
"""
import base64
import calendar
import hashlib
import hmac
import http.client
import re
import time
import xml.etree.ElementTree

import aka

BSF = "bsf.mnc001.mcc001.pub.3gppnetwork.org"
KIND = "application/vnd.3gpp.bsf+xml"


def md5(*parts):
    return hashlib.md5(b":".join(p if isinstance(p, bytes) else p.encode() for p in parts)).hexdigest()


def parse(header):
    """The members of a challenge or of Authentication-Info."""
    found = re.findall(r'([\w-]+)=(?:"([^"]*)"|([^",\s]+))', header)
    assert len({name.lower() for name, _, _ in found}) == len(found), header
    return {name.lower(): quoted or token for name, quoted, token in found}


class UiccOfGbaU:
    """A card with GBA_U around a plain USIM of aka.py: TS 33.220 5.3.2."""

    def __init__(self, usim):
        self.usim = usim

    def authenticate(self, rand, autn):
        ik = self.usim._out(rand, 8, 4)
        mask = hashlib.sha1(ik).digest()[:8]
        res, ck, ik = self.usim.authenticate(rand, autn[:8] + aka.xor(autn[8:], mask))
        return res[:-1] + bytes([res[-1] ^ 1]), ck, ik


class Bootstrap:
    def __init__(self, impi, rand, ks, b_tid, lifetime):
        self.impi, self.rand, self.ks, self.b_tid, self.lifetime = impi, rand, ks, b_tid, lifetime

    def _derive(self, label, fqdn, ua):
        parts = (label, self.rand, self.impi.encode(), fqdn.encode() + bytes.fromhex(ua))
        text = b"\x01" + b"".join(p + len(p).to_bytes(2, "big") for p in parts)
        return hmac.new(self.ks, text, hashlib.sha256).digest()

    def ks_naf(self, fqdn, ua):
        return self._derive(b"gba-me", fqdn, ua).hex()

    def ks_int_naf(self, fqdn, ua):
        return self._derive(b"gba-u", fqdn, ua).hex()

    def tmpi(self):
        user = base64.b64encode(self._derive(b"gba-me", BSF, "0100000100")[:24]).decode()
        return user + "@tmpi.bsf.3gppnetwork.org"

    def seconds_left(self):
        return calendar.timegm(time.strptime(self.lifetime, "%Y-%m-%dT%H:%M:%SZ")) - time.time()


class Refused(Exception):
    def __init__(self, answer):
        super().__init__("%d %s" % (answer.status, answer.text))
        self.status = answer.status


class Client:
    """One connection. @card has authenticate(rand, autn) of aka.Usim."""

    def __init__(self, address, card, impi, tls=None):
        host, port = address.rsplit(":", 1)
        self.http = (http.client.HTTPSConnection("localhost", int(port), timeout=60, context=tls)
                     if tls else http.client.HTTPConnection(host, int(port), timeout=60))
        self.card, self.impi = card, impi
        self.username = impi

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def get(self, authorization=None, body=None, path="/", method="GET"):
        headers = {"User-Agent": "test 3gpp-gba-tmpi"}
        if authorization:
            headers["Authorization"] = authorization
        self.http.request(method, path, body, headers)
        answer = self.http.getresponse()
        answer.text = answer.read()
        return answer

    def begin(self):
        """The first request: its challenge."""
        return self.get('Digest username="%s", realm="%s", nonce="", uri="/", response=""'
                        % (self.username, BSF))

    def challenge(self, answer):
        """Members of the challenge, RAND and AUTN."""
        if answer.status != 401:
            raise Refused(answer)
        header = answer.headers["www-authenticate"]
        assert header.startswith("Digest "), header
        members = parse(header)
        assert members["realm"] == BSF and members["algorithm"] == "AKAv1-MD5", members
        assert members["qop"] == "auth-int", members
        nonce = base64.b64decode(members["nonce"], validate=True)
        assert len(nonce) >= 32
        return members, nonce[:16], nonce[16:32]

    def authorization(self, members, password, body=b"", **change):
        """Credentials for @members; @change replaces some, None leaves one out."""
        have = {"username": self.username, "realm": members["realm"], "nonce": members["nonce"],
                "uri": "/", "qop": "auth-int", "nc": "00000001", "cnonce": "0123456789abcdef",
                "opaque": members["opaque"], "algorithm": "AKAv1-MD5"}
        have["response"] = md5(md5(have["username"], have["realm"], password), have["nonce"],
                               have["nc"], have["cnonce"], have["qop"],
                               md5("GET", have["uri"], md5(body)))
        have.update(change)
        bare = ("qop", "nc", "algorithm")
        return "Digest " + ", ".join(
            "%s=%s" % (k, v) if k in bare else '%s="%s"' % (k, v)
            for k, v in have.items() if v is not None)

    def check_proof(self, answer, members, res):
        """TS 24.109 4.2: the terminal authenticates the BSF's answer."""
        info = parse(answer.headers["authentication-info"])
        expected = md5(md5(self.username, members["realm"], res), members["nonce"], "00000001",
                       "0123456789abcdef", "auth-int", md5("", "/", md5(answer.text)))
        assert info == {"qop": "auth-int", "rspauth": expected, "cnonce": "0123456789abcdef",
                        "nc": "00000001"}, info

    def respond(self, members, rand, autn):
        """RES, or AUTS once: (answer, members, rand, res, ks)"""
        try:
            res, ck, ik = self.card.authenticate(rand, autn)
        except aka.SyncFailure as failure:
            auts = base64.b64encode(failure.auts).decode()
            answer = self.get(self.authorization(members, b"", auts=auts))
            members, rand, autn = self.challenge(answer)
            res, ck, ik = self.card.authenticate(rand, autn)
        return self.get(self.authorization(members, res)), members, rand, res, ck + ik

    def bootstrap(self):
        answer, members, rand, res, ks = self.respond(*self.challenge(self.begin()))
        if answer.status != 200:
            raise Refused(answer)
        assert answer.headers["content-type"] == KIND, answer.headers
        assert answer.headers["cache-control"] == "no-store"
        self.check_proof(answer, members, res)
        root = xml.etree.ElementTree.fromstring(answer.text)
        space = "{uri:3gpp-gba}"
        assert root.tag == space + "BootstrappingInfo", root.tag
        return Bootstrap(self.impi, rand, ks, root.find(space + "btid").text,
                         root.find(space + "lifetime").text)
