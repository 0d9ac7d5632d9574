# SPDX-License-Identifier: LGPL-2.1-or-later
"""digest_client: HTTP Digest (RFC 7616, MD5) from hashlib, over HTTP/1.1 or HTTP/2 inside TLS.

    with digest_client.Http1(s) as c:               # or Http2; s: a keyserver.Server with [digest]
        challenge = c.challenges(c.get("/v1/keys/mqtt"))[0]
        credentials = digest_client.Credentials(kid, first_key, challenge)
        answer = c.get("/v1/keys/mqtt", credentials.header())
        credentials.check_info(answer)
"""
import base64
import hashlib
import http.client
import re
import ssl

import reference_h2
from harness import FQDN

USER_AGENT = "stock/1.0 3gpp-akma 3gpp-gba"


def md5(*parts):
    return hashlib.md5(b":".join(p if isinstance(p, bytes) else p.encode()
                                 for p in parts)).hexdigest()


class Credentials:
    def __init__(self, username, first_key, challenge, qop="auth", **more):
        self.values = {"username": username, "realm": challenge["realm"],
                       "nonce": challenge["nonce"], "uri": "/v1/keys/mqtt", "cnonce": "c0ffee",
                       "nc": "00000001", "qop": qop, "algorithm": "MD5", **more}
        self.password = base64.b64encode(first_key).decode()

    def compute(self, method, body=b""):
        v = self.values
        a2 = [method, v["uri"]] + ([hashlib.md5(body).hexdigest()] if v["qop"] == "auth-int" else [])
        return md5(md5(v["username"], v["realm"], self.password), v["nonce"], v["nc"], v["cnonce"],
                   v["qop"], md5(*a2))

    def header(self, method="GET", body=b"", **changes):
        bare = ("nc", "qop", "algorithm")
        values = {**self.values, "response": self.compute(method, body), **changes}
        return "Digest " + ", ".join("%s=%s" % (k, v if k in bare else '"%s"' % v)
                                     for k, v in values.items())

    def check_info(self, answer):
        """The server proves that it has the key too."""
        info = parse("x " + answer.headers["authentication-info"])
        assert info["rspauth"] == self.compute("", answer.body), info
        assert (info["cnonce"], info["nc"], info["qop"]) == tuple(
            self.values[k] for k in ("cnonce", "nc", "qop")), info


def parse(text):
    return {name: quoted or token for name, quoted, token in
            re.findall(r'([a-z]+)=(?:"([^"]*)"|([^,\s]+))', text.split(" ", 1)[1])}


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body
        self.headers = dict(fields)


def challenges(answer):
    return [parse(value) for name, value in answer.fields if name == "www-authenticate"]


def address(server):
    host, port = server.stack.ready["akma-keyserver"]["digest"].rsplit(":", 1)
    return host, int(port)


class Http1:
    """One kept connection."""

    def __init__(self, server, tls=None):
        self.server = server
        self.context = tls or ssl.create_default_context(cafile=server.stack.path("ca.pem"))

    def __enter__(self):
        self.connection = http.client.HTTPSConnection(FQDN, timeout=60, context=self.context)
        plain = http.client.socket.create_connection(address(self.server), 60)
        self.connection.sock = self.context.wrap_socket(plain, server_hostname=FQDN)
        return self

    def __exit__(self, *_):
        self.connection.close()

    def request(self, method, path, authorization=None, user_agent=USER_AGENT, body=None, host=FQDN,
                headers=()):
        self.connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        fields = {"Host": host, "User-Agent": user_agent, "Authorization": authorization,
                  "Content-Length": None if body is None else str(len(body))}
        for name, value in [*fields.items(), *headers]:
            if value is not None:
                self.connection.putheader(name, value)
        self.connection.endheaders(body)
        got = self.connection.getresponse()
        return Answer(got.status, [(n.lower(), v) for n, v in got.getheaders()], got.read())

    def get(self, path="/v1/keys/mqtt", authorization=None, **more):
        return self.request("GET", path, authorization, **more)


class Http2(Http1):
    def __enter__(self):
        self.channel = reference_h2.connect(FQDN, address(self.server),
                                            self.server.stack.path("ca.pem"), 60)
        return self

    def __exit__(self, *_):
        self.channel.close()

    def request(self, method, path, authorization=None, user_agent=USER_AGENT, body=None, host=FQDN,
                headers=()):
        fields = {"user-agent": user_agent, "authorization": authorization}
        return self.finish(self.begin([(":method", method), (":scheme", "https"),
                                       (":authority", host), (":path", path),
                                       *[f for f in fields.items() if f[1] is not None], *headers],
                                      body or b""))

    def begin(self, fields, body=b""):
        stream = self.channel.h2.get_next_available_stream_id()
        self.channel.send(stream, fields, body)
        return stream

    def finish(self, stream):
        messages = self.channel.messages
        while stream not in messages or not messages[stream].complete:
            if self.channel.closed:
                raise reference_h2.ConnectionLost("the server closed")
            self.channel.pump()
        message = messages.pop(stream)
        if message.reset:
            raise reference_h2.ConnectionLost("the server reset the stream")
        return Answer(message.status, message.fields, message.body)
