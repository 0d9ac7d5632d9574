# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP/2 over TLS 1.3 with python3-h2 and ssl, blocking, one thread a connection.

Import reference, not this.
"""
import socket
import ssl

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions


class ConnectionLost(Exception):
    """The other end closed, reset, or did not answer in time."""


class Message:
    """A request or an answer: `headers` a dict with lower-case names, `fields` all of them as they
    came, `body` bytes."""

    def __init__(self):
        self.headers, self.fields = {}, []
        self.body, self.complete, self.reset = b"", False, False

    @property
    def status(self):
        return int(self.headers[":status"])


class Channel:
    """One HTTP/2 connection, either end, over a connected TLS socket."""

    def __init__(self, sock, client_side):
        self.sock = sock
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=client_side, header_encoding="utf-8"))
        self.messages = {}
        self.closed = False
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            try:
                self.sock.sendall(data)
            except OSError as error:
                raise ConnectionLost(str(error)) from error

    def pump(self):
        """Reads once and sorts what came into self.messages by stream."""
        try:
            data = self.sock.recv(65536)
            events = self.h2.receive_data(data) if data else []
        except (OSError, h2.exceptions.ProtocolError) as error:
            self.closed = True
            raise ConnectionLost(str(error)) from error
        if not data:
            self.closed = True
        for event in events:
            self.handle(event)
        self.flush()

    def handle(self, event):
        if isinstance(event, h2.events.ConnectionTerminated):
            self.closed = True
        stream = getattr(event, "stream_id", None)
        if not stream:
            return
        message = self.messages.setdefault(stream, Message())
        if isinstance(event, (h2.events.RequestReceived, h2.events.ResponseReceived)):
            message.fields = list(event.headers)
            message.headers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            message.body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.StreamEnded):
            message.complete = True
        elif isinstance(event, h2.events.StreamReset):
            message.complete = message.reset = True

    def send(self, stream, headers, body):
        self.h2.send_headers(stream, headers, end_stream=not body)
        while body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room > 0:
                self.h2.send_data(stream, body[:room], end_stream=len(body) <= room)
                body = body[room:]
            self.flush()
            if body and room <= 0:
                self.pump()
        self.flush()

    def close(self):
        try:
            self.h2.close_connection()
            self.flush()
        except (ConnectionLost, h2.exceptions.ProtocolError):
            pass
        self.sock.close()


def connect(fqdn, address, ca_file, timeout):
    """A client's Channel to `address` (host, port), which must prove to be `fqdn`."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    sock = socket.create_connection(address, timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock = context.wrap_socket(sock, server_hostname=fqdn)
    except OSError:
        sock.close()
        raise
    if sock.selected_alpn_protocol() != "h2":
        sock.close()
        raise ConnectionLost("the server does not speak h2")
    return Channel(sock, True)


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(certificate, key)
    return context
