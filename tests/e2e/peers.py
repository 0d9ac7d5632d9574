# SPDX-License-Identifier: LGPL-2.1-or-later
"""peers: what the tests of src/http share: programs, certificates, raw HTTP/2, TAP."""

import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import h2.config
import h2.connection
import h2.events

BUILD = pathlib.Path(os.environ.get("top_builddir", "."))
WAIT_S = 60  # for what comes at once on a machine that is not loaded


class Skip(Exception):
    pass


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")
    return program


def eventually(condition, process=None):
    """Until @condition() holds; @process must not end before."""
    end = time.monotonic() + WAIT_S
    while not condition():
        if process and process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} has ended")
        if time.monotonic() > end:
            raise RuntimeError(f"not within {WAIT_S} s")
        time.sleep(0.01)


def at_free_port(argv_of, **popen):
    """A program that has no --ready and listens at a port of 127.0.0.1 that it is told, and the
    port: @argv_of(port). With another one where somebody else was faster."""
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
        process = subprocess.Popen(argv_of(port), **popen)

        def there():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        try:
            eventually(there, process)
            return process, port
        except RuntimeError:
            process.kill()
            process.wait()
    raise RuntimeError(f"{argv_of(0)[0]} does not start")


def wait_read(sock):
    """Until the program at the other end has read all that was sent to it."""
    theirs, ours = (":%04X" % a[1] for a in (sock.getpeername(), sock.getsockname()))

    def nothing_waits():
        with open("/proc/net/tcp") as rows:
            return any(row[1].endswith(theirs) and row[2].endswith(ours) and
                       row[4].endswith(":00000000") for row in map(str.split, rows))
    eventually(nothing_waits)


class Peer:
    """A program of ours with --ready."""

    def __init__(self, *args, program="http-peer"):
        self.ending = False
        self.last = None
        self.dir = tempfile.mkdtemp(prefix="akmad-http-")
        ready, self.out = os.path.join(self.dir, "ready"), os.path.join(self.dir, "out")
        with open(self.out, "w") as out:
            self.process = subprocess.Popen(
                [BUILD / "tests" / "e2e" / program, f"--ready={ready}", *args],
                stdin=subprocess.DEVNULL, stdout=out)
        eventually(lambda: os.path.exists(ready), self.process)
        self.ready = dict(line.rstrip("\n").split("=", 1) for line in open(ready))
        if "listen" in self.ready and not self.ready["listen"].startswith("unix:"):
            host, port = self.ready["listen"].rsplit(":", 1)
            self.address = (host, int(port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def terminate(self):
        if not self.ending:
            self.process.terminate()
        self.ending = True

    def wait_held(self, n=1):
        """Until it has been asked @n times for /hold."""
        eventually(lambda: self.read_out().count("held\n") >= n, self.process)

    def read_out(self):
        with open(self.out) as file:
            return file.read()

    def stop(self):
        """Ends it; its last line as a dict."""
        self.terminate()
        if self.last is not None:
            return self.last
        self.process.wait(WAIT_S)
        out = self.read_out()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert self.process.returncode == 0, f"status {self.process.returncode}"
        self.last = {k: int(v) for k, v in re.findall(r"(\w+)=(-?\d+)", out)}
        return self.last


class Certificates:
    """A CA and what it signed, made with the openssl program."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="akmad-certificates-")
        self.ca = self._root("ca")
        self.other_ca = self._root("other-ca")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def _openssl(self, *args, before=()):
        subprocess.run([*before, "openssl", *args], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def _key(self, name):
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-out", self.path(name + ".key"))

    def _root(self, name):
        self._key(name)
        # keyUsage and authorityKeyIdentifier: python 3.13 trusts no other
        self._openssl("req", "-x509", "-new", "-key", self.path(name + ".key"), "-days", "30",
                      "-addext", "keyUsage=critical,keyCertSign", "-subj", f"/CN={name}",
                      "-out", self.path(name + ".pem"))
        return self.path(name + ".pem")

    def make(self, name, alt="DNS:localhost,IP:127.0.0.1", ca="ca", days=None):
        """(certificate, key); @days negative: it has expired, so many days ago."""
        before = ()
        if days is not None and days < 0:  # openssl 3.5 takes no negative -days
            need("faketime")
            before, days = ("faketime", f"{days - 1} days"), 1
        self._key(name)
        self._openssl("req", "-new", "-key", self.path(name + ".key"), "-subj", f"/CN={name}",
                      "-out", self.path(name + ".csr"))
        with open(self.path(name + ".ext"), "w") as f:
            f.write(f"subjectAltName={alt}\nauthorityKeyIdentifier=keyid\n")
        self._openssl("x509", "-req", "-in", self.path(name + ".csr"),
                      "-CA", self.path(ca + ".pem"), "-CAkey", self.path(ca + ".key"),
                      "-set_serial", str(time.time_ns()), "-days", str(days or 30),
                      "-extfile", self.path(name + ".ext"), "-out", self.path(name + ".pem"), before=before)
        return self.path(name + ".pem"), self.path(name + ".key")


def curl(*args, data=None):
    """(status of curl, HTTP status, body)"""
    done = subprocess.run(["curl", "-sS", "-q", "--noproxy", "*", "-m", str(WAIT_S), "-w", "\n%{http_code}",
                           *args], input=data, capture_output=True)
    body, _, code = done.stdout.rpartition(b"\n")
    return done.returncode, int(code or 0), body


class FakeServer:
    """Accepts on loopback; @talk(connection number, socket) is the test's."""

    def __init__(self, talk):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.talk = talk
        self.accepted = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(self.accepted, connection),
                             daemon=True).start()

    def _serve(self, number, connection):
        try:
            self.talk(number, connection)
        except OSError:
            pass
        finally:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class H2Side:
    """The server's end, by python3-h2."""

    headers = ()  # of the last request

    def __init__(self, connection):
        self.socket = connection
        self.h2 = h2.connection.H2Connection(config=h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self):
        """The stream of the next complete request; None at the end."""
        while True:
            data = self.socket.recv(65536)
            if not data:
                return None
            events = self.h2.receive_data(data)
            self.flush()
            for event in events:
                if isinstance(event, h2.events.RequestReceived):
                    self.headers = event.headers
                if isinstance(event, h2.events.StreamEnded):
                    return event.stream_id

    def answer(self, stream, body=b"fake\n", status="200", headers=()):
        self.h2.send_headers(stream, [(":status", status), *headers])
        self.h2.send_data(stream, body, end_stream=True)
        self.flush()


class RawClient:
    """python3-h2 over a plain socket; nothing happens but what the test says."""

    def __init__(self, address, tls=None, check=True):
        self.socket = socket.create_connection(address, timeout=WAIT_S)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.h2 = h2.connection.H2Connection(config=h2.config.H2Configuration(
            client_side=True, validate_outbound_headers=check,
            normalize_outbound_headers=check, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()
        self.events = []

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, method="GET", path="/hello", headers=(), end=True):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", method), (":scheme", "http"),
                                      (":authority", "localhost"), (":path", path), *headers],
                             end_stream=end)
        return stream

    def until(self, kind, stream=None, seconds=WAIT_S):
        """The next event of @kind; None when the connection is closed before it."""
        self.socket.settimeout(seconds)
        while True:
            for i, event in enumerate(self.events):
                if isinstance(event, kind) and (stream is None or event.stream_id == stream):
                    return self.events.pop(i)
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self.events += self.h2.receive_data(data)
            # python3-h2 takes nothing after GOAWAY; streams below its number go on
            if self.h2.state_machine.state == h2.connection.ConnectionState.CLOSED:
                self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
            try:
                self.flush()
            except (ConnectionError, ssl.SSLError):
                pass

    def settle(self):
        """Until the other end has looked at all that was sent so far."""
        self.h2.ping(b"settled?")
        self.flush()
        assert self.until(h2.events.PingAckReceived)

    def answer(self, stream):
        """(status, body) of @stream"""
        head = self.until(h2.events.ResponseReceived, stream)
        status = int(dict(head.headers)[":status"])
        body = b""
        while True:
            event = self.until((h2.events.DataReceived, h2.events.StreamEnded), stream)
            if isinstance(event, h2.events.StreamEnded):
                return status, body
            body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
            self.flush()

    def is_closed(self, seconds=WAIT_S):
        """True when the server closes within @seconds."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def close(self):
        self.socket.close()


def client_tls(ca, protocols=("h2",), version=ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=ca)
    context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def run(tests):
    """Each function is one TAP line; its name is the sentence."""
    failed = False
    print(f"1..{len(tests)}", flush=True)
    for n, test in enumerate(tests, 1):
        began = time.monotonic()
        try:
            test()
            print(f"ok {n} - {test.__name__} # {time.monotonic() - began:.1f} s", flush=True)
        except Skip as why:
            print(f"ok {n} - {test.__name__} # SKIP {why}", flush=True)
        except Exception:
            failed = True
            print(f"not ok {n} - {test.__name__}", flush=True)
            print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    sys.exit(1 if failed else 0)
