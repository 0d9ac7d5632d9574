# SPDX-License-Identifier: LGPL-2.1-or-later
"""aanf: a small AAnF that does what a test tells it to, in clear HTTP/2 (python3-h2).

    with aanf.Aanf() as operator:
        operator.first_keys[kid] = bytes; operator.supis[kid] = "imsi-..."
        operator.answer = lambda request: (200, {...} or bytes)  # instead of all that
        operator.delay, operator.requests, operator.url, operator.stop(), operator.start()

`request` is a dict with "path", "headers" and "body" (JSON). An answer of None keeps silent.
"""
import errno
import json
import socket
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions

PATH = "/naanf-akma/v1/retrieve-applicationkey"


def listen_at(port):
    """A socket that listens there; another program may have been given that port for a moment."""
    end = time.monotonic() + 90
    while True:
        try:
            return socket.create_server(("127.0.0.1", port), reuse_port=False)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise
            time.sleep(0.1)


class Aanf:
    def __init__(self):
        self.first_keys, self.supis, self.gpsis = {}, {}, {}
        self.expiry = "2099-01-01T00:00:00Z"
        self.answer, self.delay, self.requests = None, 0, []
        self.connections = self.ended = 0
        self.port = 0
        self.listener, self.open = None, []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def start(self):
        self.listener = listen_at(self.port)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """Closes the port and every connection."""
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.drop()

    def drop(self):
        for sock in self.open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        conn = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        lock, streams = threading.Lock(), {}
        conn.initiate_connection()
        try:
            sock.sendall(conn.data_to_send())
            while True:
                data = sock.recv(65536)
                if not data:
                    return
                with lock:
                    events = conn.receive_data(data)
                    for event in events:
                        self.handle(event, conn, streams, sock, lock)
                    sock.sendall(conn.data_to_send())
        except (OSError, h2.exceptions.ProtocolError):
            pass
        finally:
            sock.close()
            self.ended += 1

    def handle(self, event, conn, streams, sock, lock):
        if isinstance(event, h2.events.RequestReceived):
            streams[event.stream_id] = {"headers": dict(event.headers), "body": b""}
        elif isinstance(event, h2.events.DataReceived):
            streams[event.stream_id]["body"] += event.data
            conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            request = streams.pop(event.stream_id)
            request["path"] = request["headers"][":path"]
            request["body"] = self.parse(request)
            self.requests.append(request)
            threading.Thread(target=self.reply, daemon=True,
                             args=(request, conn, event.stream_id, sock, lock)).start()

    def parse(self, request):
        return json.loads(request["body"])

    def usual(self, request):
        kid = request["body"]["aKId"]
        if kid not in self.first_keys:
            return 204, b""
        answer = {"kaf": self.first_keys[kid].hex(), "expiry": self.expiry}
        if kid in self.supis:
            answer["supi"] = self.supis[kid]
        if kid in self.gpsis:
            answer["gpsi"] = self.gpsis[kid]
        return 200, answer

    def reply(self, request, conn, stream, sock, lock):
        answer = (self.answer or self.usual)(request)
        if answer is None:
            return
        status, body = answer[0], answer[1]
        kind = answer[2] if len(answer) > 2 else "application/json"
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        time.sleep(self.delay)
        try:
            with lock:
                headers = [(":status", str(status))]
                if body:
                    headers += [("content-type", kind), ("content-length", str(len(body)))]
                conn.send_headers(stream, headers, end_stream=not body)
                while body and conn.local_flow_control_window(stream) > 0:
                    n = min(16384, conn.local_flow_control_window(stream))
                    conn.send_data(stream, body[:n], end_stream=len(body) <= n)
                    body = body[n:]
                sock.sendall(conn.data_to_send())
            end = time.monotonic() + 10
            while body and time.monotonic() < end:  # more than the client's window: it must open
                time.sleep(0.01)
                with lock:
                    n = min(16384, conn.local_flow_control_window(stream))
                    if n > 0:
                        conn.send_data(stream, body[:n], end_stream=len(body) <= n)
                        body = body[n:]
                        sock.sendall(conn.data_to_send())
        except (OSError, h2.exceptions.ProtocolError):
            pass
