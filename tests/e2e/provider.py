# SPDX-License-Identifier: LGPL-2.1-or-later
"""provider: both ends of the provider API for tests: what a consumer needs, and a fifth server
that does what a test tells it to.

    files = provider.make_client(stack, "third")              # certificate and key of a consumer
    with provider.Fifth(stack, "fifth.example.com") as fifth: # TLS 1.3, HTTP/2 (python3-h2)
        fifth.keys["mqtt"] = bytes; fifth.answer = lambda request: (status, body[, type])
        fifth.requests, fifth.connections, fifth.port
"""
import base64
import hashlib
import json
import socket
import ssl
import threading
import time

import aanf
import h2client
from certificates import make_authority, make_client  # noqa: F401
from harness import FQDN

PATH = "/v1/provider/keys"
JWKS = "application/jwk-set+json"
TERMINAL = "BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg4"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Consumer(h2client.Client):
    """A third server as the fifth one sees it. @files: certificate and key; @token."""

    def __init__(self, address, ca, files=(None, None), token=None):
        super().__init__("%s:%d" % address, h2client.tls_context(ca, *files), FQDN)
        self.fields = [("authorization", "Bearer " + token)] if token else []

    def ask(self, *key_ids, terminal=TERMINAL):
        return self.post(PATH, {"terminal": terminal, "key_ids": list(key_ids)},
                         headers=self.fields)

    def keys(self, *key_ids, **more):
        """The answer's JWKs and errors by identifier."""
        answer = self.ask(*key_ids, **more)
        assert answer.status == 200, (answer.status, answer.body)
        assert answer.headers["content-type"] == JWKS, answer.headers
        assert answer.headers["cache-control"] == "no-store", answer.headers
        body = answer.json()
        assert abs(body["now"] - time.time()) < 60
        return ({k["key_id"]: k for k in body["keys"]},
                {e["key_id"]: e["cause"] for e in body["errors"]})


def raw(jwk):
    return base64.urlsafe_b64decode(jwk["k"] + "==")


class Fifth(aanf.Aanf):
    """A provider; in TLS it shows a certificate for @name and, with @client_ca, wants one."""

    def __init__(self, stack, name="fifth.example.com", client_ca=None, ca="ca"):
        super().__init__()
        self.name, self.keys, self.versions, self.causes = name, {}, {}, {}
        self.certificates = []
        certificate, key = make_client(stack, name, ca=ca)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.set_alpn_protocols(["h2"])
        self.context.load_cert_chain(certificate, key)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self.after_hello = None  # called with the raw socket instead of TLS

    @property
    def url(self):
        return "https://%s:%d" % (self.name, self.port)

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(sock)
            threading.Thread(target=self.shake, args=(sock,), daemon=True).start()

    def shake(self, sock):
        if self.after_hello:
            self.after_hello(sock)
            return
        try:
            tls = self.context.wrap_socket(sock, server_side=True)
        except (OSError, ssl.SSLError):
            sock.close()
            return
        self.certificates.append(tls.getpeercert())
        self.open.append(tls)
        self.serve(tls)

    def jwk(self, key_id, **more):
        version = self.versions.get(key_id, 1)
        return {"kty": "oct", "kid": "%s:%d" % (key_id, version), "key_id": key_id,
                "k": base64.urlsafe_b64encode(self.keys[key_id]).decode().rstrip("="),
                "iat": int(time.time()), **more}

    def jwks(self, keys, errors=()):
        return {"now": int(time.time()), "keys": keys, "errors": list(errors)}

    def usual(self, request):
        ids = request["body"]["key_ids"]
        keys = [self.jwk(i) for i in ids if i in self.keys and i not in self.causes]
        errors = [{"key_id": i, "cause": self.causes.get(i, "not_entitled")} for i in ids
                  if i not in self.keys or i in self.causes]
        return 200, self.jwks(keys, errors), JWKS
