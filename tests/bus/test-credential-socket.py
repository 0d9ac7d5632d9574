# SPDX-License-Identifier: LGPL-2.1-or-later
"""The socket that LoadCredential= reads: a peer that connects as systemd does, and others."""
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import KEY, World  # noqa: E402

import harness  # noqa: E402
import tap  # noqa: E402

NOBODY = 65534
MQTT = "unit/mqtt.service/mqtt.key"
SECTION = "[application mqtt]\nserver=keys\nunits=mqtt.service;mqtt@1.service\n"
SOCKET = "[agent]\nstate-dir=%s\ncredential-socket=%s\ncredential-wait=%s\n"

# by another user: the address, then what came
CLAIM = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("\\0" + sys.argv[2])
s.connect(sys.argv[1])
s.shutdown(socket.SHUT_WR)
sys.stdout.buffer.write(s.recv(99))
"""


def named(claim):
    """The address of systemd: a random number goes before."""
    return "\0%s/%s" % (os.urandom(8).hex(), claim)


def root_only():
    if os.getuid() != 0:
        raise tap.Skip("needs root, which systemd is")


class Credentials(World):
    def __init__(self, applications=SECTION, wait="30s"):
        super().__init__(applications)
        self.credential_wait = wait

    def configure(self):
        super().configure()
        path = self.stack.path("akmad.conf")
        with open(path) as file:
            text = file.read()
        own = "[agent]\nstate-dir=%s\n" % self.stack.path("state")
        assert own in text
        self.stack.write("akmad.conf", text.replace(own, SOCKET % (
            self.stack.path("state"), self.path, self.credential_wait)))

    @property
    def path(self):
        return self.stack.path("credentials.sock")

    def open(self, address=MQTT):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        if address is not None:
            s.bind(named(address))
        s.connect(self.path)
        s.shutdown(socket.SHUT_WR)
        return s

    def fetch(self, address=MQTT):
        with self.open(address) as s:
            return read_all(s)

    def logged(self, text):
        harness.wait_until("\"%s\" is logged" % text, lambda: text in self.log())
        return [line for line in self.log().splitlines() if text in line]


def read_all(s):
    parts = []
    while True:
        part = s.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


@tap.test
def a_unit_gets_the_key_that_its_credential_names():
    root_only()
    with Credentials() as w:
        w.start().wait_key()
        assert os.stat(w.path).st_mode & 0o7777 == 0o600
        assert w.fetch() == KEY
        assert w.fetch("unit/mqtt.service/mqtt") == KEY
        assert w.fetch("unit/mqtt@1.service/mqtt.key") == KEY
        line = w.logged("credential mqtt of unit mqtt.service: key mqtt:1: allowed")[0]
        assert KEY.decode() not in line and KEY.hex() not in line


@tap.test
def a_key_that_is_not_oct_comes_as_jwk():
    root_only()
    with Credentials() as w:
        def as_ec(answer):
            row = answer["keys"][0]
            del row["k"]
            row.update(kty="EC", crv="P-256", x="A" * 43, y="A" * 43, d="A" * 43)
            return answer
        w.server.hooks["key_set"] = as_ec
        w.start().wait_key()
        assert b'"crv":"P-256"' in w.fetch()


@tap.test
def reject_anybody_else_who_binds_such_a_name():
    with Credentials() as w:
        w.start().wait_key()
        os.chmod(w.path, 0o666)
        os.chmod(w.stack.dir, 0o711)

        def become():
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
        done = subprocess.run(["/usr/bin/python3", "-c", CLAIM, w.path, named(MQTT)[1:]], preexec_fn=become,
                              capture_output=True, timeout=60)
        assert done.returncode == 0 and done.stdout == b"", done
        uid = os.getuid() or NOBODY
        assert "SocketUser=root" in w.logged("credential refused to uid %d pid " % uid)[0]


@tap.test
def reject_others_at_the_mode_of_the_socket():
    root_only()
    with Credentials() as w:
        w.start().wait_key()
        os.chmod(w.stack.dir, 0o711)
        done = subprocess.run(["/usr/bin/python3", "-c", CLAIM, w.path, named(MQTT)[1:]],
                              preexec_fn=lambda: (os.setgroups([]), os.setgid(NOBODY), os.setuid(NOBODY)),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "PermissionError" in done.stderr, done


@tap.test
def reject_units_and_names_that_the_configuration_does_not_give():
    root_only()
    with Credentials(SECTION + "[application vpn]\nserver=keys\nkey-id=mqtt\nusers=0\n") as w:
        w.start().wait_key()
        w.wait_key("vpn")
        for address, says in (
                ("unit/other.service/mqtt.key", "add units=other.service to it"),
                ("unit/mqtt@2.service/mqtt", "add units=mqtt@2.service to it"),
                # users= names root, whom every credential is fetched by: that counts for nothing here
                ("unit/mqtt.service/vpn.key", "add units=mqtt.service to it"),
                ("unit/mqtt.service/mqtt.key.key", "name the credential as an [application NAME]"),
                ("unit/mqtt.service/MQTT", "no such application")):
            before = w.log().count(says)
            assert w.fetch(address) == b"", address
            harness.wait_until(says, lambda: w.log().count(says) == before + 1)
        for address in (None, "unit/mqtt.service", "mqtt.key", "unit/mqtt/mqtt.key",
                        "unit/mqtt.service/mqtt.key\0"):
            before = w.log().count("its address names no unit")
            assert w.fetch(address) == b"", address
            harness.wait_until("no unit", lambda: w.log().count("its address names no unit") ==
                               before + 1)
        assert w.fetch() == KEY


@tap.test
def reject_a_peer_that_is_bound_to_a_path():
    root_only()
    with Credentials() as w:
        w.start().wait_key()
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.bind(w.stack.path("1"))
            s.connect(w.path)
            assert read_all(s) == b""


@tap.test
def a_key_on_its_way_is_waited_for():
    root_only()
    with Credentials() as w:
        gate = threading.Event()
        w.server.hooks["first_response"] = lambda answer: gate.wait(60) and answer
        w.start()
        with w.open() as early, w.open() as gone:
            gone.close()
            w.server.wait_for("first_request", 1)
            early.setblocking(False)
            try:
                assert early.recv(1) is None, "closed before there is a key"
            except BlockingIOError:
                pass
            early.settimeout(60)
            gate.set()
            assert read_all(early) == KEY
        assert w.fetch() == KEY


def reload_with(w, wait):
    before = w.log().count("configuration reloaded")
    w.credential_wait = wait
    w.reload()
    harness.wait_until("credential-wait=%s is loaded" % wait,
                       lambda: w.log().count("configuration reloaded") == before + 1)


@tap.test
def reject_when_the_key_does_not_come_in_time():
    root_only()
    with Credentials(wait="1s") as w:
        w.server.first_keys.clear()
        w.start()
        start = time.monotonic()
        assert w.fetch() == b""
        # a timer of whole seconds may come up to a quarter of one too early
        assert time.monotonic() - start >= 0.75
        w.logged("credential mqtt of unit mqtt.service: ")


@tap.test
def reject_at_once_where_nobody_is_to_wait():
    root_only()
    with Credentials(wait="10m") as w:
        w.server.first_keys.clear()
        w.start()
        with w.open() as early:
            # refused as another unit is, after early, who thus has been looked at and waits
            assert w.fetch("unit/other.service/mqtt.key") == b""
            reload_with(w, "0s")
            # with the 10 minutes of before this is a timeout of the socket
            assert w.fetch() == b""
            # who came before has its 10 minutes
            early.setblocking(False)
            try:
                assert early.recv(1) is None, "closed before its time"
            except BlockingIOError:
                pass


@tap.test
def reject_who_waits_once_the_configuration_does_not_name_the_unit():
    root_only()
    with Credentials(wait="10m") as w:
        gate = threading.Event()
        w.server.hooks["first_response"] = lambda answer: gate.wait(60) and answer
        w.start()
        with w.open() as s:
            w.server.wait_for("first_request", 1)
            w.applications = "[application mqtt]\nserver=keys\nunits=other.service\n"
            w.reload()
            assert read_all(s) == b""
        gate.set()


@tap.test
def reject_a_revoked_key_at_once():
    root_only()
    with Credentials(wait="10m") as w:
        w.start().wait_key()
        w.server.keys["mqtt"].cause = "revoked"
        assert w.error_of(w.renew) == "KeyRevoked"
        assert w.fetch() == b""
        assert "revoked" in w.logged("credential mqtt of unit mqtt.service: ")[0]


@tap.test
def more_units_than_are_served_at_once_get_their_key_one_after_another():
    root_only()
    with Credentials() as w:
        gate = threading.Event()
        w.server.hooks["first_response"] = lambda answer: gate.wait(60) and answer
        w.start()
        peers = []
        for _ in range(300):
            peers.append(w.open())
        gate.set()
        for s in peers:
            assert read_all(s) == KEY
            s.close()


@tap.test
def the_socket_of_systemd_goes_before_the_configuration():
    root_only()
    with Credentials() as w:
        w.stack.start_modem(card=world.card(), core=False)
        w.configure()
        os.makedirs(w.stack.path("state"), mode=0o700)
        path = w.stack.path("passed.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(8)
            # who starts akmad waits in the queue already, as at a boot
            with socket.socket(socket.AF_UNIX) as early:
                early.settimeout(60)
                early.bind(named(MQTT))
                early.connect(path)
                start_with(w, listener)
                assert read_all(early) == KEY
        assert not os.path.exists(w.path)
        w.logged("systemd passes a socket, nobody listens at " + w.path)


def start_with(w, passed, ready=True):
    script = 'exec 3<&%d; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@"' % passed.fileno()
    return w.stack.spawn("akmad", ["bash", "-c", script, harness.program("akmad"), "--config",
                                   w.stack.path("akmad.conf"), "--bus", w.stack.bus], ready=ready,
                         pass_fds=[passed.fileno()])


@tap.test
def another_path_waits_for_the_next_start():
    root_only()
    with Credentials() as w:
        w.start().wait_key()
        config = w.stack.path("akmad.conf")
        with open(config) as file:
            text = file.read()
        w.stack.write("akmad.conf", text.replace(w.path, w.path + "2"))
        w.stack.processes["akmad"].signal(harness.signal.SIGHUP)
        w.logged("credential-socket: %s stays until the next start" % w.path)
        assert w.fetch() == KEY and not os.path.exists(w.path + "2")


@tap.test
def reject_a_passed_socket_of_another_kind():
    with World() as w:
        w.stack.start_modem(card=world.card(), core=False)
        w.configure()
        for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_STREAM):
            with socket.socket(socket.AF_UNIX, kind) as passed:
                # a stream socket is refused too as long as it does not listen
                passed.bind(w.stack.path("kind-%d" % kind))
                process = start_with(w, passed, ready=False)
                assert process.popen.wait(60) == 6, process.read_log()
                assert "LISTEN_FDS: one listening Unix stream socket" in process.read_log()


@tap.test
def reject_a_path_where_nothing_can_listen():
    with Credentials() as w:
        w.configure()
        with open(w.path, "w"):
            pass
        done = w.run_agent("--bus", w.stack.bus)
        assert done.returncode == 6 and "[agent] credential-socket: cannot listen at " in done.stderr, done
        assert os.path.isfile(w.path)


if __name__ == "__main__":
    tap.main()
