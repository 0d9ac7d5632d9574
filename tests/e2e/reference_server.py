# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server half of reference.py: a first server that plays its own anchor and store.

Import reference, not this.
"""
import datetime
import ipaddress
import os
import socket
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reference_h2 import Channel, ConnectionLost, server_context
from reference_messages import (
    FIRST_RESPONSE, REQUEST_MAX, SECOND_REQUEST, SECOND_RESPONSE, STATUS, Malformed, NotAuthentic,
    Schedule, af_id, b64, compact, key_id_list, read_first_request, seal, strict_json, unseal)

SESSION_PATH = "/v1/sessions/"


class Drop(Exception):
    """Raised by a hook: close this connection."""


class Problem(Exception):
    def __init__(self, cause, retry_after=None):
        super().__init__(cause)
        self.cause, self.retry_after = cause, retry_after


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, dict(headers), body


class ServerKey:
    """One application key; change its attributes as the test goes on."""

    def __init__(self, key, version=1, alg=None, use=None, exp=None, identity=None, cause=None):
        self.key, self.version, self.alg, self.use = key, version, alg, use
        self.iat, self.exp, self.identity = int(time.time()), exp, identity
        self.previous = None    # (version, exp)
        self.cause = cause      # instead of the key: "not_entitled", "revoked", ...

    def to_jwk(self, key_id):
        jwk = {"kty": "oct", "kid": "%s:%d" % (key_id, self.version), "key_id": key_id,
               "k": b64(self.key)}
        for name in ("alg", "use", "identity"):
            if getattr(self, name) is not None:
                jwk[name] = getattr(self, name)
        jwk["iat"] = self.iat
        if self.exp is not None:
            jwk["exp"] = self.exp
        if self.previous:
            jwk["previous"] = {"kid": "%s:%d" % (key_id, self.previous[0]),
                               "exp": self.previous[1]}
        return jwk


def _write(path, *blocks):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(b"".join(blocks))
    return path


def make_certificate(fqdn, folder, name="server", days=1, begin_hours=-1):
    """A CA and a leaf (P-256) for `fqdn`, valid from so many hours on from now until @days.
    -> (ca_file, certificate_file, key_file)"""
    now = datetime.datetime.utcnow()
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test CA of " + name)])

    def build(subject, public, ca, alternative=None):
        # key usage and identifiers: python 3.13 trusts no other
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment",
                               "key_agreement", "crl_sign", "encipher_only", "decipher_only"), False)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name)
                   .public_key(public).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(hours=begin_hours))
                   .not_valid_after(now + datetime.timedelta(days=days))
                   .add_extension(x509.BasicConstraints(ca, None), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
                   .add_extension(identifier, False)
                   .add_extension(x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, **usage),
                                  critical=True))
        if alternative:
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), False)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    try:
        alternative = x509.IPAddress(ipaddress.ip_address(fqdn))
    except ValueError:
        alternative = x509.DNSName(fqdn)
    ca = build(ca_name, ca_key.public_key(), True)
    leaf = build(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, fqdn)]),
                 key.public_key(), False, alternative)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    path = os.path.join(folder, name)
    return (_write(path + "-ca.pem", ca), _write(path + ".pem", leaf),
            _write(path + "-key.pem", private))


class ServerSession:
    """What a first server knows of one exchange; it lives in its connection."""

    def __init__(self, first_key, body, nonce_terminal, identifier, lifetime):
        self.raw_id, self.nonce = os.urandom(16), os.urandom(32)
        self.id, self.lifetime = b64(self.raw_id), lifetime
        self.ends = time.monotonic() + lifetime
        self.schedule = Schedule(first_key, body, self.raw_id, nonce_terminal, self.nonce,
                                 identifier)


class ReferenceServer:
    """See reference.py. `offered`: what the first response tells; None: every key there is."""

    def __init__(self, fqdn, folder=None, certificate=None, key=None, listen=("127.0.0.1", 0),
                 ask_again=None, offered=None):
        self.fqdn, self.ask_again, self.offered = fqdn.lower(), ask_again, offered
        self.first_keys, self.keys, self.hooks, self.events = {}, {}, {}, []
        self.lifetime, self.clock = 60, time.time
        self.ca_file = None
        if certificate is None:
            self.ca_file, certificate, key = make_certificate(fqdn, folder)
        self._context = server_context(certificate, key)
        self._refusals = {"first": [], "second": []}
        self._channels = set()
        self._listener = socket.create_server(listen)
        self.address = self._listener.getsockname()[:2]
        self.url = "https://%s:%d" % (fqdn, self.address[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()

    # --- what a test turns ---------------------------------------------------------------------

    def first_key(self, anchor, kid):
        """The anchor: 32 bytes, or None. Replace it to do more than look up."""
        return self.first_keys.get((anchor, kid))

    def rotate(self, key_id, key, grace=3600):
        old = self.keys[key_id]
        new = ServerKey(key, old.version + 1, old.alg, old.use, old.exp, old.identity)
        new.previous = (old.version, int(self.clock()) + grace)
        self.keys[key_id] = new

    def refuse(self, step, cause, retry_after=None, times=1):
        self._refusals[step] += [Problem(cause, retry_after)] * times

    def forgive(self):
        """Takes back every refuse() that has not come true."""
        for queue in self._refusals.values():
            queue.clear()

    def drop_connections(self):
        for channel in list(self._channels):
            try:
                channel.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def wait_for(self, event, count=1, timeout=60):
        """Waits until `event` has happened `count` times; returns those events."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = [e for e in self.events if e["event"] == event]
            if len(found) >= count:
                return found
            time.sleep(0.01)
        raise TimeoutError("%d of %d x %s" % (len(found), count, event))

    # --- connections ---------------------------------------------------------------------------

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        channel = None
        try:
            sock.settimeout(60)
            sock = self._context.wrap_socket(sock, server_side=True)
            channel = Channel(sock, False)
            self._channels.add(channel)
            self.events.append({"event": "connection"})
            self._answer_all(channel)
        except (OSError, ConnectionLost, Drop) as error:
            self.events.append({"event": "closed", "why": str(error)})
        finally:
            self._channels.discard(channel)
            if channel:
                channel.close()
            sock.close()

    def _answer_all(self, channel):
        state = {"session": None}
        while not channel.closed:
            channel.pump()
            done = [s for s, m in channel.messages.items() if m.complete and m.headers]
            for stream in done:
                message = channel.messages.pop(stream)
                if message.reset:
                    continue
                answer = self._answer(state, message)
                headers = [(":status", str(answer.status))] + list(answer.headers.items())
                channel.send(stream, headers, answer.body)

    def _answer(self, state, request):
        path, step = request.headers[":path"], "first"
        try:
            if request.headers[":method"] != "POST":
                raise Problem("malformed")
            if request.headers[":authority"].rsplit(":", 1)[0].lower() != self.fqdn:
                raise Problem("wrong_server")
            if len(request.body) > REQUEST_MAX:
                raise Problem("too_large")
            if path == "/v1/sessions":
                return self._first(state, request)
            step = "second"
            if path.startswith(SESSION_PATH) and path.endswith("/keys"):
                return self._second(state, request, path[len(SESSION_PATH):-len("/keys")])
            raise Problem("session_unknown")
        except Malformed as error:
            return self._problem(state, step, Problem("malformed"), str(error))
        except NotAuthentic as error:
            return self._problem(state, step, Problem("not_authentic"), str(error))
        except Problem as problem:
            return self._problem(state, step, problem, "")

    def _problem(self, state, step, problem, detail):
        state["session"] = None
        self.events.append({"event": "refused", "step": step, "cause": problem.cause,
                            "detail": detail})
        headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
        if problem.retry_after is not None:
            headers["retry-after"] = str(problem.retry_after)
        status = STATUS[problem.cause]
        return Answer(status, headers, compact({
            "type": "about:blank", "title": problem.cause.replace("_", " "), "status": status,
            "cause": problem.cause}))

    def _hook(self, name, value):
        return self.hooks[name](value) if name in self.hooks else value

    def _plain(self, name, value):
        value = self._hook(name, value)
        return value if isinstance(value, bytes) else compact(value)

    # --- the two steps -------------------------------------------------------------------------

    def _take_refusal(self, step):
        if self._refusals[step]:
            raise self._refusals[step].pop(0)

    def _first(self, state, request):
        state["session"] = None
        if request.headers.get("content-type") != "application/json" or \
                "content-encoding" in request.headers:
            raise Problem("unsupported_media_type")
        anchor, kid, nonce, hints = read_first_request(request.body)
        self.events.append({"event": "first_request", "anchor": anchor, "kid": kid,
                            "nonce": b64(nonce), "key_ids": hints,
                            "headers": request.headers})
        self._take_refusal("first")
        key = self.first_key(anchor, kid)
        if key is None:
            raise Problem("anchor_key_unknown")
        session = ServerSession(key, request.body, nonce, af_id(self.fqdn), self.lifetime)
        offered = self.offered if self.offered is not None else sorted(self.keys)
        offer = {"server": self.fqdn, "terminal": "reference-terminal", "key_ids": offered[:64]}
        sealed = seal(session.schedule.server, session.id, FIRST_RESPONSE,
                      self._plain("offer", offer))
        state["session"] = session
        return self._hook("first_response", Answer(201, {
            "content-type": "application/json", "cache-control": "no-store",
            "location": SESSION_PATH + session.id}, compact({
                "session": session.id, "nonce": b64(session.nonce),
                "expires_in": session.lifetime, "sealed": self._hook("sealed", sealed)})))

    def _second(self, state, request, session_id):
        session = state["session"]
        if session is None or session.id != session_id or time.monotonic() > session.ends:
            raise Problem("session_unknown")
        if request.headers.get("content-type") != "application/jose":
            raise Problem("unsupported_media_type")
        try:
            text = request.body.decode("ascii")
        except UnicodeDecodeError as error:
            raise Malformed("not ASCII") from error
        plaintext = unseal(session.schedule.term, session.id, SECOND_REQUEST, text)
        asked = key_id_list(strict_json(plaintext, REQUEST_MAX), 1, 16)
        self.events.append({"event": "second_request", "key_ids": asked,
                            "headers": request.headers})
        self._take_refusal("second")
        sealed = seal(session.schedule.server, session.id, SECOND_RESPONSE,
                      self._plain("key_set", self._key_set(asked)))
        state["session"] = None
        self.events.append({"event": "delivered", "key_ids": asked})
        return self._hook("second_response", Answer(200, {
            "content-type": "application/jose", "cache-control": "no-store"}, sealed.encode()))

    def _key_set(self, asked):
        answer = {"now": int(self.clock())}
        if self.ask_again:
            answer["ask_again"] = self.ask_again
        causes = {i: self.keys[i].cause if i in self.keys else "not_entitled" for i in asked}
        answer["keys"] = [self.keys[i].to_jwk(i) for i in asked if not causes[i]]
        answer["errors"] = [{"key_id": i, "cause": causes[i]} for i in asked if causes[i]]
        return answer
