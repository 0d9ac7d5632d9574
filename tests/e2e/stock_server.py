# SPDX-License-Identifier: LGPL-2.1-or-later
"""stock_server: TLS 1.3 with an external PSK at the server's end by `openssl s_server`, with HTTP/2 by
python3-h2 through it.

    with stock_server.StockServer("3GPP-AKMA;" + kid, k_af) as server:
        server.address                         # "127.0.0.1:PORT", for as many connections as come
        server.answer = lambda request: (200, "application/jwk-set+json", b"{...}")
        server.requests, server.connections    # h2 headers of each request; how many came
        server.options = [...]                 # of s_server, from the next connection on
"""
import os
import socket
import subprocess
import tempfile
import threading
import time

import reference_h2


class StockServer:
    def __init__(self, identity=None, key=None, options=("-nocert", "-tls1_3"), alpn="h2"):
        self.psk = ["-psk_identity", identity, "-psk", key.hex()] if key else []
        self.options, self.alpn = list(options), alpn
        self.answer = lambda request: (404, None, b"")
        self.requests, self.connections, self.running = [], 0, []

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="akma-")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for process in self.running:
            process.kill()
            process.wait()
        self.folder.cleanup()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                pair = self.start()
            except reference_h2.ConnectionLost:
                client.close()
                continue
            threading.Thread(target=self.serve, args=(client, *pair), daemon=True).start()

    def start(self):
        """An s_server of its own for one connection: a socket to its inside, and one to it."""
        path = os.path.join(self.folder.name, "%d.sock" % self.connections)
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            ["openssl", "s_server", "-quiet", "-unix", path, "-naccept", "1", "-alpn", self.alpn,
             *self.psk, *self.options], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
        self.running.append(process)
        theirs.close()
        server = socket.socket(socket.AF_UNIX)
        while True:
            try:
                server.connect(path)
                return ours, server
            except (FileNotFoundError, ConnectionRefusedError):
                if process.poll() is not None:
                    raise reference_h2.ConnectionLost("openssl s_server does not start") from None
                time.sleep(0.01)

    @staticmethod
    def pass_on(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(self, client, inside, server):
        for pair in ((client, server), (server, client)):
            threading.Thread(target=self.pass_on, args=pair, daemon=True).start()
        try:
            self.talk(inside)
        except (reference_h2.ConnectionLost, OSError):
            pass
        finally:
            client.close()

    @staticmethod
    def talk_http_1(inside):
        """What a server that has nothing newer says to whatever it is asked; the client ends it."""
        asked = b""
        while b"\r\n\r\n" not in asked:
            more = inside.recv(65536)
            if not more:
                return
            asked += more
        inside.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        while inside.recv(65536):
            pass

    def talk(self, inside):
        if self.alpn == "http/1.1":
            self.talk_http_1(inside)
            return
        channel = reference_h2.Channel(inside, client_side=False)
        while not channel.closed:
            channel.pump()
            for stream, message in list(channel.messages.items()):
                if message.complete:
                    del channel.messages[stream]
                    self.requests.append(message.headers)
                    status, kind, body = self.answer(message.headers)
                    headers = [(":status", str(status))] + ([("content-type", kind)] if kind else [])
                    channel.send(stream, headers, body)
