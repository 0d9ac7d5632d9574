# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the journal gets: a journal of our own, in a mount namespace where systemd's is not."""
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import APPLICATION, KEY, World, path_of  # noqa: E402

import tap  # noqa: E402

FOLDER = "/run/systemd/journal"
NOBODY = 65534
CATALOG = os.path.join(os.environ.get("top_srcdir", os.path.join(os.path.dirname(
    os.path.abspath(__file__)), "../..")), "packaging/akmad.catalog")


def enter_namespace():
    """This program again, where /run/systemd is ours."""
    how = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-Urm"]
    if subprocess.run(how + ["mount", "-t", "tmpfs", "none", "/run/systemd"],
                      stderr=subprocess.DEVNULL).returncode:
        tap.skip_all("needs a mount namespace, for a journal of its own")
    os.environ["AKMA_TEST_JOURNAL"] = "1"
    os.execvp("unshare", how + ["/usr/bin/python3", os.path.abspath(__file__)])


class Journal:
    """The two sockets of systemd-journald."""

    def __enter__(self):
        self.native = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.native.bind(FOLDER + "/socket")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(FOLDER + "/stdout")
        listener.listen(1)
        self.stderr = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.stderr.connect(FOLDER + "/stdout")
        self.reader = listener.accept()[0]
        listener.close()
        # whoever logs waits while the socket is full
        self.entries = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        return self

    def read(self):
        while True:
            entry = self.native.recv(65536)
            if not entry:
                return
            fields = re.findall(r"^([A-Z_]+)=(.*)$", entry.decode(), re.M)
            # a field that comes more than once: the values with a comma between them
            self.entries.put({name: ",".join(v for n, v in fields if n == name) for name, _ in fields})

    def __exit__(self, *_):
        self.native.shutdown(socket.SHUT_RDWR)
        self.stderr.close()
        self.reader.close()
        os.unlink(FOLDER + "/socket")
        os.unlink(FOLDER + "/stdout")

    def next(self, text):
        """The fields of the next entry whose message holds @text."""
        while True:
            fields = self.entries.get(timeout=30)
            if text in fields["MESSAGE"]:
                return fields


class JournalWorld(World):
    """akmad as systemd starts it: with its standard error in the journal."""

    server_address = device = None
    agent = ""

    def configure(self):
        self.stack.agent_config(
            applications=self.applications, device=self.device, agent=self.agent,
            server=self.server_address or "127.0.0.1:%d" % self.server.address[1])

    def start_with(self, journal):
        self.stack.start_modem(card=world.card(), core=False)
        self.configure()
        os.makedirs(self.stack.path("state"), mode=0o700)
        self.stack.spawn("akmad", ["bash", "-c", 'exec "$@" 2>&%d' % journal.stderr.fileno(), "sh",
                                   world.harness.program("akmad"), "--config",
                                   self.stack.path("akmad.conf"), "--bus", self.stack.bus],
                         pass_fds=[journal.stderr.fileno()])
        return self


def names_on(connection):
    return connection.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames", None,
                                None, 0, -1, None).unpack()[0]


def ids():
    """ID -> subject of each entry of the catalog."""
    with open(CATALOG) as file:
        return dict(re.findall(r"^-- ([0-9a-f]{32})\nSubject: (.*)$", file.read(), re.M))


@tap.test
def decisions_and_changes_carry_application_version_and_id():
    with Journal() as journal, JournalWorld() as w:
        w.start_with(journal).wait_key()
        new = journal.next("is new")
        w.get_key()
        given = journal.next("GetKey mqtt")
        for line in (new, given):
            assert line["AKMA_APPLICATION"] == "mqtt" and line["AKMA_KID"] == "mqtt:1", line
            assert line["PRIORITY"] == "6" and KEY.hex() not in str(line), line
        assert "was given" in ids()[given["MESSAGE_ID"]], given
        assert "new key" in ids()[new["MESSAGE_ID"]], new
        w.renew()
        allowed = journal.next("Renew mqtt")
        assert allowed["AKMA_APPLICATION"] == "mqtt" and allowed["AKMA_KID"] == "", allowed
        assert allowed["MESSAGE_ID"] in ids()


@tap.test
def a_refusal_is_a_notice_with_its_own_id():
    with Journal() as journal, JournalWorld("[application mqtt]\nserver=keys\n") as w:
        w.start_with(journal).wait_key()
        assert w.error_of(w.get_key) == "NotAuthorized"
        line = journal.next("GetKey mqtt")
        assert line["AKMA_APPLICATION"] == "mqtt" and line["PRIORITY"] == "5", line
        assert "refused" in ids()[line["MESSAGE_ID"]], line
        w.server.keys["mqtt"].cause = "revoked"
        assert w.error_of(w.renew) == "KeyRevoked"
        line = journal.next("revoked by the server")
        assert line["AKMA_KID"] == "mqtt:1" and "revoked" in ids()[line["MESSAGE_ID"]], line


@tap.test
def a_name_that_is_none_of_a_version_is_refused_in_the_journal_and_does_not_stand_there():
    with Journal() as journal, JournalWorld() as w:
        w.start_with(journal).wait_key()
        assert w.error_of(w.get_key, kid="mqtt 1\nMESSAGE=forged") == "InvalidArgument"
        line = journal.next("GetKeyVersion mqtt")
        assert line["MESSAGE"].endswith(": InvalidArgument") and "forged" not in str(line), line
        assert line["AKMA_APPLICATION"] == "mqtt" and line["AKMA_KID"] == "", line
        assert "no key to give" in ids()[line["MESSAGE_ID"]], line


@tap.test
def calls_beyond_the_limit_have_one_line_with_its_own_id():
    with Journal() as journal, JournalWorld() as w:
        w.start_with(journal).wait_key()
        w.get_key()  # from now on akmad knows who this is
        gate, ends = threading.Event(), []
        w.server.hooks["first_response"] = lambda answer: gate.wait(60) and answer
        for _ in range(20):
            w.connection.call(world.NAME, path_of("mqtt"), APPLICATION, "Renew", None, None, 0, 60000,
                              None, lambda connection, result: ends.append(result))
        w.iterate(lambda: len(ends) >= 4)
        line = journal.next("too many calls")
        assert line["MESSAGE"].startswith("Renew mqtt kid - by uid %d pid " % os.getuid()), line
        assert line["AKMA_APPLICATION"] == "mqtt" and line["AKMA_KID"] == "", line
        assert line["PRIORITY"] == "5" and "too often" in ids()[line["MESSAGE_ID"]], line
        gate.set()
        w.iterate(lambda: len(ends) == 20)
        assert w.stack.stop("akmad") == 0
        # the other three are said at the end at the latest
        more = journal.next("more calls")
        assert more["MESSAGE"].startswith("3 more calls about mqtt by uid %d " % os.getuid()), more
        assert {name: more[name] for name in ("AKMA_APPLICATION", "MESSAGE_ID")} == \
            {name: line[name] for name in ("AKMA_APPLICATION", "MESSAGE_ID")}, more


@tap.test
def reject_who_has_left_the_bus_before_it_is_asked_who_that_was():
    with Journal() as journal, JournalWorld() as w:
        w.start_with(journal).wait_key()
        akmad = w.stack.processes["akmad"]
        akmad.signal(signal.SIGSTOP)
        try:
            guest = w.open_connection()
            name = guest.get_unique_name()
            guest.call(world.NAME, path_of("mqtt"), APPLICATION, "GetKey", None, None, 0, 60000, None,
                       None)
            guest.flush_sync(None)
            guest.close_sync(None)
            w.wait("it is gone", lambda: name not in names_on(w.connection))
        finally:
            akmad.signal(signal.SIGCONT)
        line = journal.next("does not say who")
        assert "GetKey mqtt kid - by caller %s: " % name in line["MESSAGE"], line
        assert line["AKMA_APPLICATION"] == "mqtt", line
        assert "does not name" in ids()[line["MESSAGE_ID"]], line
        assert w.get_key()[0] == KEY


@tap.test
def an_exchange_that_fails_is_found_under_each_of_its_applications():
    both = "[application mqtt]\nserver=keys\nusers=%u\n[application vpn]\nserver=keys\n"
    # an address where nobody listens
    with socket.create_server(("127.0.0.1", 0)) as closed, Journal() as journal, JournalWorld(both) as w:
        closed.shutdown(socket.SHUT_RDWR)
        w.server_address = "127.0.0.1:%d" % closed.getsockname()[1]
        w.start_with(journal)
        line = journal.next("tried again in ")
        assert line["AKMA_APPLICATION"] == "mqtt,vpn" and line["AKMA_KID"] == "", line
        assert line["PRIORITY"] == "4" and "gave no key" in ids()[line["MESSAGE_ID"]], line
        assert line["MESSAGE"].startswith("server keys: "), line
        assert re.search(r" s\); next: see whether the network is up", line["MESSAGE"]), line


@tap.test
def a_card_that_is_not_there_is_found_under_each_application():
    with Journal() as journal, JournalWorld() as w:
        w.device = "/dev/akma-is-not-there"
        w.start_with(journal)
        line = journal.next("server keys: ")
        while "enrolling" in line["MESSAGE"]:
            line = journal.next("server keys: ")
        assert line["AKMA_APPLICATION"] == "mqtt", line
        assert "No card" in ids()[line["MESSAGE_ID"]], line


@tap.test
def what_could_not_be_had_has_an_id_that_says_what_to_do():
    with Journal() as journal, JournalWorld() as w:
        w.start_with(journal).wait_key()
        assert w.error_of(w.get_key, kid="mqtt:9") == "KeyUnknown"
        line = journal.next("GetKeyVersion mqtt")
        assert line["AKMA_APPLICATION"] == "mqtt" and line["AKMA_KID"] == "mqtt:9", line
        assert "no key to give" in ids()[line["MESSAGE_ID"]], line
        w.server.keys["mqtt"].cause = "not_entitled"
        assert w.error_of(w.renew) == "NotEntitled"
        line = journal.next("the server refuses the key")
        assert line["AKMA_APPLICATION"] == "mqtt" and line["PRIORITY"] == "4", line
        assert "could not get" in ids()[line["MESSAGE_ID"]], line


@tap.test
def who_may_not_manage_is_refused_with_an_id_of_its_own():
    if subprocess.run(["setpriv", "--reuid=%d" % NOBODY, "true"], stderr=subprocess.DEVNULL).returncode:
        raise tap.Skip("this takes two users")
    with Journal() as journal, JournalWorld() as w:
        w.start_with(journal).wait_key()
        for path, interface, method, arguments, application in (
                (path_of("mqtt"), APPLICATION, "Renew", "()", "mqtt"),
                (world.ROOT, world.MANAGER, "Enroll", "('mqtt',)", "mqtt"),
                (world.ROOT, world.MANAGER, "Scan", "()", "")):
            answer = w.call_as(NOBODY, [NOBODY], path, interface, method, arguments)
            assert answer["error"] == "NotAuthorized", answer
            line = journal.next(method + " ")
            assert "by uid %d pid " % NOBODY in line["MESSAGE"], line
            assert "management call was refused" in ids()[line["MESSAGE_ID"]], line
            assert line["PRIORITY"] == "5" and line["AKMA_APPLICATION"] == application, line


@tap.test
def a_key_that_is_wiped_says_so_whatever_the_cause():
    with Journal() as journal, JournalWorld() as w:
        w.agent = "on-sim-change=wipe\n"
        w.server.keys["vpn"] = world.reference.ServerKey(KEY)
        w.start_with(journal).wait_key()

        def wiped(text, kid):
            line = journal.next(text)
            assert line["AKMA_APPLICATION"] == "mqtt" and line["AKMA_KID"] == kid, line
            assert "was wiped" in ids()[line["MESSAGE_ID"]] and line["PRIORITY"] == "5", line

        w.applications = "[application mqtt]\nserver=keys\nkey-id=vpn\nusers=%u\n"
        w.reload()
        wiped("key-id is vpn now", "mqtt:1")
        w.wait_key(kid="vpn:1")
        w.stack.write("other.card", world.card(bytes(range(32, 64)), iccid="8988211000000000025"))
        w.stack.control("sim out")
        w.stack.control("sim in " + w.stack.path("other.card"))
        wiped("another SIM", "vpn:1")
        w.applications = "[application other]\nserver=keys\nusers=%u\n"
        w.reload()
        wiped("not configured any more", "")


def fetch_credential(path, claim):
    """As systemd does; what came."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.bind("\0%s/%s" % (os.urandom(8).hex(), claim))
        s.connect(path)
        s.shutdown(socket.SHUT_WR)
        return s.recv(99)


@tap.test
def credentials_that_are_given_refused_or_lost_have_three_ids():
    section = "[application mqtt]\nserver=keys\nusers=%u\nunits=mqtt.service\n"
    with Journal() as journal, JournalWorld(section) as w:
        path = w.stack.path("credentials.sock")
        w.agent = "credential-socket=%s\ncredential-wait=0s\n" % path
        w.start_with(journal).wait_key()

        def told(claim, came, subject, priority, application, kid):
            assert fetch_credential(path, claim) == came
            line = journal.next("credential ")
            assert subject in ids()[line["MESSAGE_ID"]] and line["PRIORITY"] == priority, line
            assert (line["AKMA_APPLICATION"], line["AKMA_KID"]) == (application, kid), line
            assert KEY.decode() not in str(line), line

        told("unit/mqtt.service/mqtt.key", KEY, "of a unit was given", "6", "mqtt", "mqtt:1")
        told("unit/other.service/mqtt.key", b"", "was refused", "5", "mqtt", "")
        told("unit/mqtt.service/vpn.key", b"", "was refused", "5", "vpn", "")
        told("nothing", b"", "was refused", "5", "", "")
        w.server.keys["mqtt"].cause = "revoked"
        assert w.error_of(w.renew) == "KeyRevoked"
        told("unit/mqtt.service/mqtt.key", b"", "got no credential", "4", "mqtt", "")


if __name__ == "__main__":
    if "AKMA_TEST_JOURNAL" not in os.environ:
        enter_namespace()
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run/systemd"], check=True)
    os.mkdir(FOLDER)
    tap.main()
