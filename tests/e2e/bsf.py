# SPDX-License-Identifier: LGPL-2.1-or-later
"""bsf: a small BSF with Nbsp_GBA that does what a test tells it to, in clear HTTP/2.

    with bsf.Bsf() as operator:
        operator.bootstrap(b_tid, ks, rand, impi)       # as Ub would have left it
        operator.expiry, operator.more                  # keyExpiryTime or None; further members
        operator.answer = lambda request: (404, {...})  # instead of all that
        operator.tokens = {"client": "secret"}          # only those with a token are answered
        operator.issued, operator.lifetime, operator.token_answer

Ks_NAF is derived here from the NAF_Id of each request. Where the OpenAPI files of 3GPP are, every
request is held against them, and so is what `usual` answers; `faults` is what was wrong.
"""
import base64
import json
import secrets
import urllib.parse

import aanf
import openapi
import reference

PATH = "/nbsp-gba/v1/bootstrapping-info-retrieval"
TOKEN_PATH = "/oauth2/token"
SCOPE = "nbsp-gba"

try:
    API = openapi.Api()
except openapi.Absent:
    API = None


class Bsf(aanf.Aanf):
    def __init__(self):
        super().__init__()
        self.contexts, self.more, self.faults = {}, {}, []
        self.tokens, self.issued, self.token_requests = None, [], []
        self.lifetime, self.token_answer, self.scope = 3600, None, SCOPE

    def bootstrap(self, b_tid, ks, rand, impi):
        self.contexts[b_tid] = (ks, rand, impi)

    @property
    def token_url(self):
        return self.url + TOKEN_PATH

    def parse(self, request):
        if request["headers"][":path"] == TOKEN_PATH:
            return dict(urllib.parse.parse_qsl(request["body"].decode(), strict_parsing=True))
        body = super().parse(request)
        self.check(lambda: API.check_request(request["headers"][":method"],
                                             request["headers"][":path"],
                                             request["headers"].get("content-type"),
                                             request["body"]))
        return body

    def check(self, function):
        try:
            if API:
                function()
        except openapi.Invalid as invalid:
            self.faults.append(str(invalid))

    def usual(self, request):
        if request["path"] == TOKEN_PATH:
            return self.token(request)
        if self.tokens is not None and \
                request["headers"].get("authorization") not in ["Bearer " + t for t in self.issued]:
            return 401, {"status": 401, "cause": "UNAUTHORIZED"}, "application/problem+json"
        status, body, kind = self.retrieve(request["body"])
        self.check(lambda: API.check_answer("POST", PATH, status, kind, json.dumps(body)))
        return status, body, kind

    def retrieve(self, body):
        if body["btId"] not in self.contexts:
            return 404, {"status": 404, "cause": "CONTEXT_NOT_FOUND"}, "application/problem+json"
        ks, rand, impi = self.contexts[body["btId"]]
        naf = body["nafId"]
        key = reference.ks_naf(ks, rand, impi, naf["nafFqdn"], bytes.fromhex(naf["uaSecProtId"]))
        answer = {"meKeyMaterial": key.hex(), "impi": impi,
                  "bootstrappingInfoCreationTime": "2026-01-01T00:00:00Z"}
        if self.expiry:
            answer["keyExpiryTime"] = self.expiry
        return 200, {**answer, **self.more}, "application/json"

    def token(self, request):
        self.requests.remove(request)
        self.token_requests.append(request)
        if self.token_answer:
            return self.token_answer
        kind, _, basic = request["headers"].get("authorization", "").partition(" ")
        pair = base64.b64decode(basic, validate=True).decode().partition(":")
        client, secret = urllib.parse.unquote(pair[0]), urllib.parse.unquote(pair[2])
        form = {"grant_type": "client_credentials", "scope": self.scope}
        if kind != "Basic" or self.tokens.get(client) != secret:
            return 401, {"error": "invalid_client"}
        if request["body"] != form or \
                request["headers"]["content-type"] != "application/x-www-form-urlencoded":
            return 400, {"error": "invalid_request"}
        self.issued.append(secrets.token_urlsafe(24))
        return 200, {"access_token": self.issued[-1], "token_type": "Bearer",
                     "expires_in": self.lifetime}
