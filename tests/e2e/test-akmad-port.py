#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""akmad-port seen by a client of its own, which speaks its messages with an encoder of its own.

The port behind it is an AT port of the simulator: any transport will do.
"""
import os
import pty
import pwd
import signal
import socket
import struct
import subprocess
import sys
import time
import tty

sys.path.insert(0, os.path.dirname(__file__))
import harness
import tap

(OPEN, OPEN_CHANNEL, TRANSMIT, CLOSE_CHANNEL, QUERY, VERIFY_PIN, READ, AUTHENTICATE, DONE, OPENED,
 CHANNEL, RESPONSE, STATE, ERROR, CARD_CHANGED, REGISTRATION_CHANGED, GONE) = range(17)
NO_MODEM, MODEM_FAILED, INVALID_ARGUMENT, NOT_SUPPORTED = 10, 11, 2, 255
USIM = bytes.fromhex("a0000000871002")
PROGRAM = os.path.join(harness.BUILD, "modem/port/akmad-port")
ME = pwd.getpwuid(os.getuid()).pw_name
K_AUSF = "11" * 32
CARD = ("[card]\niccid=8988211000000000017\n[usim]\nimsi=%s\nk=%s\nopc=%s\n"
        "[files]\n7FFF/5FC0/4F05=8020%s\n" % (harness.IMSI, harness.K, harness.OPC, K_AUSF))


def text(value):
    return bytes([len(value)]) + value.encode()


def data(value):
    return struct.pack(">H", len(value)) + value


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__("%d: %s" % (code, message))
        self.code = code


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.serial = 0
        self.events = []

    def send(self, kind, body=b""):
        self.serial += 1
        self.socket.send(struct.pack(">BH", kind, self.serial) + body)
        return self.serial

    def receive(self):
        """(kind, serial, body); None: hung up."""
        try:
            packet = self.socket.recv(4096)
        except ConnectionResetError:
            return None
        return (packet[0], struct.unpack(">H", packet[1:3])[0], packet[3:]) if packet else None

    def ask(self, kind, body=b""):
        serial = self.send(kind, body)
        while True:
            message = self.receive()
            assert message, "hung up"
            if message[1] == 0:
                self.events.append(message[0])
                continue
            assert message[1] == serial, message
            if message[0] == ERROR:
                raise Refused(message[2][0], message[2][2:].decode())
            return message[0], message[2]

    def open(self, device, protocol="at", slot=1, proxy=2, timeout_ms=20000, guess=0):
        return self.ask(OPEN, text(protocol) + text(device) + bytes([slot, proxy]) +
                        struct.pack(">IB", timeout_ms, guess))

    def open_channel(self):
        kind, body = self.ask(OPEN_CHANNEL, data(USIM))
        assert kind == CHANNEL and body[4:] == b"\x01", body  # it ends with the card
        return body[:4]

    def transmit(self, channel, command):
        kind, body = self.ask(TRANSMIT, channel + data(bytes.fromhex(command)))
        assert kind == RESPONSE
        n = struct.unpack(">H", body[:2])[0]
        return body[2:2 + n].hex() + body[2 + n:].hex()

    def wait_event(self, kind):
        while kind not in self.events:
            message = self.receive()
            assert message and message[1] == 0, message
            self.events.append(message[0])


class Helper(harness.Stack):
    """akmad-port with the pty of a simulated modem that it may open."""

    def __init__(self, *arguments, user=ME, device="/dev/pts/*"):
        super().__init__()
        self.start_modem(card=CARD, core=False)
        self.socket = self.path("port.sock")
        self.device = self.path("modem.tty")
        os.chmod(self.dir, 0o711)
        self.spawn("akmad-port", [PROGRAM, "--socket", self.socket, "--user", user,
                                  "--device", device, *arguments])

    def client(self):
        return Client(self.socket)

    def count_open(self):
        status = dict(word.split("=", 1) for word in self.control("status").split() if "=" in word)
        return int(status["open"]) - 1


def refuses(code, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except Refused as refused:
        assert refused.code == code, refused
        return
    raise AssertionError("not refused")


def hung_up(client):
    while True:
        message = client.receive()
        if not message:
            return
        assert message[1] == 0, "an answer: %r" % (message,)


@tap.test
def a_key_is_read_through_it():
    with Helper() as helper:
        client = helper.client()
        kind, body = client.open(helper.device)
        assert kind == OPENED and b"akmad" in body, body
        kind, body = client.ask(QUERY)
        assert kind == STATE and body[0] == 4, body

        channel = client.open_channel()
        assert client.transmit(channel, "00a4080c047fff5fc0") == "9000"
        assert client.transmit(channel, "00b0850022") == "8020" + K_AUSF + "9000"
        assert client.ask(CLOSE_CHANNEL, channel) == (DONE, b"")
        assert helper.count_open() == 0


@tap.test
def a_port_that_is_a_guess_is_not_asked_again():
    """One that says nothing: it may be the diagnostics of a modem."""
    asked = {}
    with Helper() as helper:
        for guess in (0, 1):
            port, slave = pty.openpty()
            tty.setraw(slave)
            refuses(MODEM_FAILED, helper.client().open, os.ttyname(slave), timeout_ms=300,
                    guess=guess)
            os.set_blocking(port, False)
            asked[guess] = os.read(port, 4096).count(b"AT")
            os.close(slave)
            os.close(port)
    assert asked[1] == 1 and asked[0] > 1, asked


@tap.test
def what_the_transport_has_no_shortcut_for_is_said():
    with Helper() as helper:
        client = helper.client()
        client.open(helper.device)
        channel = client.open_channel()
        refuses(NOT_SUPPORTED, client.ask, READ,
                channel + data(bytes.fromhex("7fff")) + struct.pack(">HBH", 0x6F07, 7, 9))
        refuses(NOT_SUPPORTED, client.ask, AUTHENTICATE, channel + data(bytes(32)))


@tap.test
def events_of_the_modem_are_passed_on():
    with Helper() as helper:
        client = helper.client()
        client.open(helper.device)
        assert helper.control("sim out") == "ok"
        client.wait_event(CARD_CHANGED)
        assert helper.control("unplug") == "ok"
        client.wait_event(GONE)
        refuses(NO_MODEM, client.ask, QUERY)


@tap.test
def channels_of_a_client_that_died_are_given_back():
    with Helper() as helper:
        client = helper.client()
        client.open(helper.device)
        client.open_channel()
        client.open_channel()
        assert helper.count_open() == 2
        client.socket.close()
        harness.wait_until("no channel is open", lambda: helper.count_open() == 0)
        again = helper.client()
        again.open(helper.device)
        again.open_channel()


@tap.test
def a_client_that_leaves_in_the_middle_of_a_command_leaves_nothing():
    with Helper() as helper:
        client = helper.client()
        client.open(helper.device)
        helper.control("delay 300")
        client.send(OPEN_CHANNEL, data(USIM))
        time.sleep(0.05)
        client.socket.close()
        time.sleep(0.3)
        helper.control("delay 0")
        harness.wait_until("no channel is open", lambda: helper.count_open() == 0)


@tap.test
def it_ends_when_nobody_asks():
    with Helper("--idle", "3s") as helper:
        client = helper.client()
        client.open(helper.device)
        time.sleep(3.3)
        assert client.ask(QUERY)[0] == STATE
        client.socket.close()
        assert helper.processes.pop("akmad-port").popen.wait(60) == 0
        assert not os.path.exists(helper.socket)


@tap.test
def it_takes_the_socket_that_systemd_made():
    with harness.Stack() as stack:
        stack.start_modem(card=CARD, core=False)
        path = stack.path("port.sock")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(path)
        listener.listen(8)
        client = Client(path)  # it is waited for by nobody that ends after a second
        process = subprocess.Popen(
            ["bash", "-c", 'export LISTEN_PID=$$ LISTEN_FDS=1; exec 3<&%d "$@"' % listener.fileno(),
             "sh", PROGRAM, "--user", ME, "--device", "/dev/pts/*", "--idle", "1s"],
            pass_fds=[listener.fileno()])
        try:
            assert client.open(stack.path("modem.tty"))[0] == OPENED
            client.socket.close()
            assert process.wait(60) == 0
            assert os.path.exists(path), "the socket is systemd's"
        finally:
            process.kill()
            process.wait()


@tap.test
def reject_another_user():
    if os.getuid() != 0:
        raise tap.Skip("needs root, to become somebody else")
    with Helper(user="daemon") as helper:
        code = ("import socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET);"
                "s.settimeout(60); s.connect(sys.argv[1])\n"
                "try: s.send(b'\\x04\\x00\\x01'); sys.exit(3 if s.recv(99) else 0)\n"
                "except (ConnectionResetError, BrokenPipeError): sys.exit(0)\n")

        def run(user):
            return subprocess.run(["/usr/bin/python3", "-c", code, helper.socket],
                                  user=user, group=0, extra_groups=[], stderr=subprocess.PIPE,
                                  text=True)
        assert run("nobody").returncode == 0
        assert "uid 65534 may not" in helper.processes["akmad-port"].read_log()
        # the user that it serves gets further: it is hung up on for asking before it opened
        assert run("daemon").returncode == 0
        assert "asks for what it may not" in helper.processes["akmad-port"].read_log()


@tap.test
def reject_devices_that_are_no_modem_port():
    with Helper(device="/dev/cdc-wdm*") as helper:
        for device in (helper.device, "/etc/passwd", "/dev/null", "/dev/cdc-wdm/../null"):
            client = helper.client()
            refuses(NO_MODEM if ".." in device else MODEM_FAILED, client.open, device)
        client = helper.client()
        refuses(NO_MODEM, client.open, "/dev/cdc-wdm99")
    with Helper(device="/dev/*") as helper:  # a star is one name, not a path
        refuses(MODEM_FAILED, helper.client().open, helper.device)


@tap.test
def reject_a_protocol_that_there_is_not():
    with Helper() as helper:
        refuses(INVALID_ARGUMENT, helper.client().open, helper.device, protocol="auto")


@tap.test
def reject_requests_before_the_port_is_open():
    with Helper() as helper:
        for kind, body in ((QUERY, b""), (OPEN_CHANNEL, data(USIM)), (DONE, b"")):
            client = helper.client()
            client.send(kind, body)
            hung_up(client)


@tap.test
def reject_a_second_open():
    with Helper() as helper:
        client = helper.client()
        client.open(helper.device)
        client.send(OPEN, text("at") + text(helper.device) + bytes([1, 2, 0, 0, 8, 0, 0]))
        hung_up(client)


@tap.test
def reject_channels_of_others():
    with Helper() as helper:
        owner, other = helper.client(), helper.client()
        owner.open(helper.device)
        channel = owner.open_channel()
        other.send(TRANSMIT, channel + data(bytes.fromhex("00b0850022")))
        hung_up(other)
        owner.send(CLOSE_CHANNEL, struct.pack(">I", 19))
        hung_up(owner)


@tap.test
def reject_packets_that_are_no_message():
    with Helper() as helper:
        for packet in (b"\x00", b"\x63\x00\x01", b"\x04\x00\x01\x00", b"\x04\x00\x00", bytes(1200)):
            client = helper.client()
            client.socket.send(packet)
            hung_up(client)


@tap.test
def reject_more_calls_at_once_than_a_client_needs():
    with Helper() as helper:
        client = helper.client()
        client.open(helper.device)
        helper.control("delay 200")
        for _ in range(40):
            try:
                client.send(QUERY)
            except OSError:
                break
        while client.receive():
            pass
        helper.control("delay 0")
        harness.wait_until("what ran has ended", lambda: room(helper))


@tap.test
def reject_more_clients_than_there_are_ports():
    with Helper() as helper:
        clients = [helper.client() for _ in range(8)]
        hung_up(helper.client())
        clients.pop().socket.close()
        harness.wait_until("there is room again", lambda: room(helper))


def room(helper):
    try:
        return helper.client().open(helper.device)
    except (AssertionError, BrokenPipeError, Refused):
        return None


@tap.test
def reject_wrong_usage():
    def run(*arguments):
        return subprocess.run([PROGRAM, *arguments], stderr=subprocess.PIPE, text=True, timeout=60)

    for arguments, status, words in (
            ((), 2, "one socket"), (("--socket", "/proc/x/socket", "--user", ME), 2, "/proc/x/socket"),
            (("--socket", "x", "--user", "no-such-user"), 6, "no-such-user"),
            (("--device", "cdc-wdm0"), 2, "/dev/"), (("--idle", "soon"), 2, "--idle"), (("x",), 2, "")):
        arguments = arguments or ("--user", ME)
        result = run(*arguments)
        assert result.returncode == status and words in result.stderr, result
        assert "  next: " in result.stderr


@tap.test
def it_stops_cleanly():
    with Helper() as helper:
        client = helper.client()
        client.open(helper.device)
        process = helper.processes.pop("akmad-port")
        process.signal(signal.SIGTERM)
        assert process.popen.wait(60) == 0
        assert not os.path.exists(helper.socket)
        hung_up(client)


if __name__ == "__main__":
    tap.main()
