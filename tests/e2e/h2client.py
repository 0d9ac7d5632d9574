# SPDX-License-Identifier: LGPL-2.1-or-later
"""h2client: a small HTTP/2 client on python3-h2 and a plain socket, in clear (prior knowledge) or
over TLS 1.3. It shares nothing with the code under test.

    with h2client.Client("127.0.0.1:8080") as c:
        answer = c.post("/path", {"member": 1})
        answer.status, answer.headers["location"], answer.json()

One client is one connection, kept; requests go one after the other unless begin() and
finish() are used by hand.
"""
import json
import socket
import ssl

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings


class Closed(Exception):
    """The server reset the stream or closed the connection; .code is the error code or None."""

    def __init__(self, what, code=None):
        super().__init__(what)
        self.code = code


class Answer:
    def __init__(self):
        self.status = None
        self.headers = {}
        self.body = b""
        self.done = False

    def json(self):
        return json.loads(self.body)


def tls_context(ca_file, certificate=None, key=None):
    """TLS 1.3 with ALPN h2; the server's certificate and name are verified."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


class Client:
    def __init__(self, address, tls=None, server_name="localhost", authority=None, timeout=60,
                 recorder=None):
        """@address: "HOST:PORT". @recorder(method, path, type, body, answer) sees each exchange."""
        host, port = address.rsplit(":", 1)
        self.scheme = "https" if tls else "http"
        self.authority = authority or (server_name + ":" + port if tls else address)
        self.recorder = recorder
        self.answers = {}
        self.sock = socket.create_connection((host.strip("[]"), int(port)), timeout)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname=server_name)
            if self.sock.selected_alpn_protocol() != "h2":
                raise Closed("the server does not speak h2")
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    # -- one step at a time ----------------------------------------------------------------

    def begin(self, method, path, body=b"", content_type=None, headers=()):
        """Sends a request; returns the number of its stream."""
        stream = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", self.scheme), (":authority", self.authority),
                  (":path", path)]
        if content_type:
            fields.append(("content-type", content_type))
        fields += list(headers)
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, fields, end_stream=not body)
        self.flush()
        while body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room == 0:
                self.receive()
                if self.answers[stream].done:
                    return stream
                continue
            piece, body = body[:room], body[room:]
            self.h2.send_data(stream, piece, end_stream=not body)
            self.flush()
        return stream

    def finish(self, stream):
        """Waits for the answer to a stream; raises Closed."""
        answer = self.answers[stream]
        while not answer.done:
            self.receive()
        del self.answers[stream]
        return answer

    def receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed("connection closed")
        for event in self.h2.receive_data(data):
            self.take(event)
        self.flush()

    def take(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ConnectionTerminated) and event.error_code:
            raise Closed("connection ended by the server", event.error_code)
        if isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if not answer:
            return
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers = dict(event.headers)
            answer.status = int(answer.headers.pop(":status"))
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
        elif isinstance(event, h2.events.StreamEnded):
            answer.done = True
        elif isinstance(event, h2.events.StreamReset):
            # a server may answer and then refuse the rest of a body
            if answer.status is None:
                raise Closed("stream reset", event.error_code)
            answer.done = True

    # -- whole requests --------------------------------------------------------------------

    def request(self, method, path, body=None, content_type=None, headers=()):
        """@body: bytes, str, or anything else for JSON."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            content_type = content_type or "application/json"
        data = body.encode() if isinstance(body, str) else body or b""
        answer = self.finish(self.begin(method, path, data, content_type, headers))
        if self.recorder:
            self.recorder(method, path, content_type, data, answer)
        return answer

    def post(self, path, body, content_type=None, headers=()):
        return self.request("POST", path, body, content_type, headers)

    def put(self, path, body, content_type=None, headers=()):
        return self.request("PUT", path, body, content_type, headers)
