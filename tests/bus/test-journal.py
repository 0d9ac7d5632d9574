# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the journal gets: a journal of our own, in a mount namespace where systemd's is not."""
import os
import queue
import re
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import KEY, World  # noqa: E402

import tap  # noqa: E402

FOLDER = "/run/systemd/journal"
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
            self.entries.put(dict(re.findall(r"^([A-Z_]+)=(.*)$", entry.decode(), re.M)))

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

    def start_with(self, journal):
        self.stack.start_modem(card=world.card(), core=False)
        self.configure()
        os.makedirs(self.stack.path("state"), mode=0o700)
        self.stack.spawn("akmad", ["bash", "-c", 'exec "$@" 2>&%d' % journal.stderr.fileno(), "sh",
                                   world.harness.program("akmad"), "--config",
                                   self.stack.path("akmad.conf"), "--bus", self.stack.bus],
                         pass_fds=[journal.stderr.fileno()])
        return self


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


if __name__ == "__main__":
    if "AKMA_TEST_JOURNAL" not in os.environ:
        enter_namespace()
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run/systemd"], check=True)
    os.mkdir(FOLDER)
    tap.main()
