#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An independent client and server of the key-delivery protocol (packaging/docs/protocol.md).

As a client, one call or step by step:

    import reference
    keys = reference.exchange("https://keys.example.com:8443", "akma", kid, first_key, ["mqtt"],
                              ca_file="ca.pem", connect=("127.0.0.1", 8443))
    keys.raw("mqtt"), keys.by_id["mqtt"]["kid"], keys.errors        # bytes, str, {key id: cause}

    with reference.Client(url, ca_file, connect) as client:
        session = client.open_session("akma", kid, first_key, hints=["mqtt"])
        session.offered, session.terminal, session.expires_in, session.id, session.path
        session.seal(b'{"key_ids":["mqtt"]}')                       # a second request's body
        session.seal_as_told({...any header...}, plaintext, iv=, padded=)
        answer = session.post(body)                                 # Message: status, headers, body
        keys = session.ask(["mqtt"])
        client.request("POST", path, body, content_type, extra=[("x", "y")], authority=)   # anything

`hooks` of exchange() and open_session() change what is sent: {"first_request": bytes -> bytes,
"second_request": bytes -> bytes}. Refused is raised for a problem (.status .cause .retry_after),
Malformed and NotAuthentic for what a terminal must not accept, ConnectionLost for the rest.

As a server, for tests of a terminal:

    with reference.ReferenceServer("keys.example.com", folder) as server:      # makes CA and leaf
        server.first_keys["akma", kid] = first_key            # or server.first_key = function
        server.keys["mqtt"] = reference.ServerKey(b"k" * 32)  # .version .exp .previous .cause ...
        server.url, server.address, server.ca_file            # for the terminal's configuration
        server.rotate("mqtt", b"n" * 32, grace=3600); server.keys["mqtt"].cause = "revoked"
        server.refuse("first", "anchor_unavailable", retry_after=1)   # the next one; "second" too
        server.forgive()                                      # takes such refusals back
        server.hooks["first_response"] = lambda answer: ...   # Answer: .status .headers .body
        server.hooks["offer"], server.hooks["key_set"]        # plaintext dict -> dict or bytes
        server.hooks["sealed"], server.hooks["second_response"]       # str -> str, Answer -> Answer
        server.events                                         # what happened, dicts with "event"

A hook that raises reference.Drop closes the connection. Both also run from the command line:
`reference.py client --help`, `reference.py server --help`.
"""
import argparse
import json
import os
import signal
import sys
import tempfile
import urllib.parse

from reference_h2 import ConnectionLost, connect as h2_connect
from reference_messages import (
    FIRST_RESPONSE, RESPONSE_MAX, SECOND_REQUEST, SECOND_RESPONSE, Malformed, NotAuthentic,
    Schedule, a_kid, a_tid, af_id, b64, compact, header_of, k_af, k_akma, kdf, key_id_list, ks_naf,
    make_first_request, member, read_key_set, seal, seal_as_told, strict_json, unb64, unseal)
from reference_server import Answer, Drop, ReferenceServer, ServerKey, make_certificate

__all__ = [
    "Answer", "Client", "ConnectionLost", "Drop", "KeySet", "Malformed", "NotAuthentic",
    "ReferenceServer", "Refused", "ServerKey", "Session", "a_kid", "a_tid", "af_id", "b64",
    "exchange", "header_of", "k_af", "k_akma", "kdf", "ks_naf", "make_certificate",
    "seal_as_told", "unb64"]


class Refused(Exception):
    """The server answered with a problem."""

    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.headers
        self.retry_after = int(answer.headers.get("retry-after", 0))
        self.problem, self.cause = {}, None
        if answer.headers.get("content-type") == "application/problem+json":
            self.problem = strict_json(answer.body, RESPONSE_MAX)
            self.cause = self.problem.get("cause")
            if self.problem.get("status") != self.status:
                raise Malformed("the problem says another status")
        super().__init__("%d %s" % (self.status, self.cause))


class KeySet:
    def __init__(self, answer):
        self.answer = answer
        self.now, self.ask_again = answer["now"], answer.get("ask_again")
        self.by_id = {key["key_id"]: key for key in answer["keys"]}
        self.errors = {row["key_id"]: row["cause"] for row in answer.get("errors", [])}

    def raw(self, key_id):
        return unb64(self.by_id[key_id]["k"])


def expect(answer, status, content_type):
    if answer.status >= 400:
        raise Refused(answer)
    if answer.status != status or answer.headers.get("content-type") != content_type:
        raise Malformed("%d %s" % (answer.status, answer.headers.get("content-type")))
    if answer.headers.get("cache-control") != "no-store":
        raise Malformed("an answer without cache-control: no-store")


class Session:
    """What a terminal knows after the first response."""

    def __init__(self, client, first_key, body, nonce, answer):
        expect(answer, 201, "application/json")
        response = strict_json(answer.body, RESPONSE_MAX)
        self.client, self.id = client, member(response, "session", str)
        self.expires_in = member(response, "expires_in", int)
        self.path = "/v1/sessions/%s/keys" % self.id
        if answer.headers.get("location") != "/v1/sessions/%s" % self.id:
            raise Malformed("another Location")
        if not 1 <= self.expires_in <= 60:
            raise Malformed("expires_in")
        self.schedule = Schedule(first_key, body, unb64(self.id, 16), nonce,
                                 unb64(member(response, "nonce", str), 32), af_id(client.fqdn))
        offer = strict_json(unseal(self.schedule.server, self.id, FIRST_RESPONSE,
                                   member(response, "sealed", str)), RESPONSE_MAX)
        if member(offer, "server", str) != client.fqdn:
            raise NotAuthentic("another server")
        self.offered, self.terminal = key_id_list(offer, 0, 64), offer.get("terminal")

    def seal(self, plaintext):
        return seal(self.schedule.term, self.id, SECOND_REQUEST, plaintext).encode()

    def seal_as_told(self, header, plaintext, iv=None, padded=True, key=None):
        header = header_of(self.id, SECOND_REQUEST) if header is None else header
        return seal_as_told(key or self.schedule.term, header, plaintext, iv, padded).encode()

    def post(self, body, content_type="application/jose"):
        return self.client.request("POST", self.path, body, content_type)

    def open_keys(self, answer, asked):
        expect(answer, 200, "application/jose")
        if len(answer.body) > RESPONSE_MAX:
            raise Malformed("too long")
        plaintext = unseal(self.schedule.server, self.id, SECOND_RESPONSE, answer.body.decode())
        return KeySet(read_key_set(plaintext, asked))

    def ask(self, key_ids, hook=None):
        body = self.seal(compact({"key_ids": list(key_ids)}))
        return self.open_keys(self.post(hook(body) if hook else body), key_ids)


class Client:
    def __init__(self, url, ca_file, connect=None, timeout=60):
        parts = urllib.parse.urlsplit(url)
        self.fqdn = parts.hostname
        self.authority = parts.netloc
        self.address = connect or (parts.hostname, parts.port or 443)
        self.ca_file, self.timeout = ca_file, timeout
        self.channel = None

    def __enter__(self):
        self.channel = h2_connect(self.fqdn, self.address, self.ca_file, self.timeout)
        return self

    def __exit__(self, *_):
        self.channel.close()

    def begin(self, method, path, body, content_type=None, extra=(), authority=None):
        """Sends a request and returns its stream; finish() waits for the answer."""
        stream = self.channel.h2.get_next_available_stream_id()
        headers = [(":method", method), (":scheme", "https"),
                   (":authority", authority or self.authority), (":path", path)]
        if content_type:
            headers.append(("content-type", content_type))
        self.channel.send(stream, headers + list(extra), body)
        return stream

    def finish(self, stream):
        messages = self.channel.messages
        while stream not in messages or not messages[stream].complete:
            if self.channel.closed:
                raise ConnectionLost("the server closed")
            self.channel.pump()
        if messages[stream].reset:
            raise ConnectionLost("the server reset the stream")
        return messages.pop(stream)

    def request(self, method, path, body=b"", content_type=None, extra=(), authority=None):
        return self.finish(self.begin(method, path, body, content_type, extra, authority))

    def open_session(self, anchor, kid, first_key, hints=None, nonce=None, hooks=None):
        nonce = nonce or os.urandom(32)
        body = make_first_request(anchor, kid, nonce, hints)
        body = (hooks or {}).get("first_request", lambda b: b)(body)
        answer = self.request("POST", "/v1/sessions", body, "application/json")
        return Session(self, first_key, body, nonce, answer)


def exchange(url, anchor, kid, first_key, key_ids, ca_file, connect=None, hints=None, hooks=None,
             timeout=60):
    """One whole exchange. Returns a KeySet."""
    with Client(url, ca_file, connect, timeout) as client:
        session = client.open_session(anchor, kid, first_key, hints, hooks=hooks)
        return session.ask(key_ids, (hooks or {}).get("second_request"))


# --- command line -----------------------------------------------------------------------------

def address_of(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def hex_file(path):
    with open(path, encoding="ascii") as file:
        return bytes.fromhex(file.read().strip())


def run_client(options):
    try:
        keys = exchange(options.url, options.anchor, options.kid, hex_file(options.first_key_file),
                        options.key_id, options.ca_file, options.connect)
    except Refused as refused:
        print(json.dumps({"status": refused.status, "cause": refused.cause}))
        return 1
    except (Malformed, NotAuthentic, ConnectionLost, OSError) as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}))
        return 1
    print(json.dumps(keys.answer))
    return 0


def run_server(options):
    with open(options.first_keys, encoding="ascii") as file:
        first_keys = json.load(file)
    with open(options.application_keys, encoding="ascii") as file:
        application_keys = json.load(file)
    with tempfile.TemporaryDirectory(prefix="reference-") as folder, \
            ReferenceServer(options.fqdn, folder, options.certificate, options.key,
                            options.listen) as server:
        for anchor, rows in first_keys.items():
            for kid, key in rows.items():
                server.first_keys[anchor, kid] = bytes.fromhex(key)
        for key_id, row in application_keys.items():
            server.keys[key_id] = ServerKey(bytes.fromhex(row.pop("k")), **row)
        ready = {"listen": "%s:%d" % server.address, "ca_file": server.ca_file,
                 "pid": os.getpid()}
        print(json.dumps(ready), flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


def main():
    parser = argparse.ArgumentParser(description="reference client and server for tests")
    verbs = parser.add_subparsers(dest="verb", required=True)
    client = verbs.add_parser("client", help="one exchange; prints the key set as JSON")
    client.add_argument("--url", required=True)
    client.add_argument("--connect", type=address_of, metavar="HOST:PORT")
    client.add_argument("--ca-file", required=True)
    client.add_argument("--anchor", default="akma")
    client.add_argument("--kid", required=True)
    client.add_argument("--first-key-file", required=True, help="64 hex digits")
    client.add_argument("key_id", nargs="+")
    server = verbs.add_parser("server", help="serves until SIGTERM; prints its address as JSON")
    server.add_argument("--fqdn", required=True)
    server.add_argument("--listen", type=address_of, default=("127.0.0.1", 0))
    server.add_argument("--certificate", help="default: one is made, its CA is printed")
    server.add_argument("--key")
    server.add_argument("--first-keys", required=True, help='JSON: {"akma": {"<kid>": "<hex>"}}')
    server.add_argument("--application-keys", required=True,
                        help='JSON: {"mqtt": {"k": "<hex>", "version": 1}}')
    options = parser.parse_args()
    if options.verb == "server":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    return run_client(options) if options.verb == "client" else run_server(options)


if __name__ == "__main__":
    sys.exit(main())
