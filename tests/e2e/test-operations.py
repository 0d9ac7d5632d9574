# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands of packaging/docs/operations.md, in their order, on a server that serves meanwhile, and on
a fifth one. What they name in the system lies in the folder of the test; the database is one of our own."""
import fnmatch
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import fifth  # noqa: E402
import harness  # noqa: E402
import postgres  # noqa: E402
from keyserver import SUPI, Server  # noqa: E402

PACKAGING = os.path.join(os.environ.get("top_srcdir", "."), "packaging")
PAGE = os.path.join(PACKAGING, "docs/operations.md")
COMMANDS = ("akma-keyserver", "systemctl", "rm", "install", "cp", "mv", "sed", "head", "shred", "openssl",
            "printf", "cat", "editor")
DATABASE = "host=/run/postgresql dbname=keys"
FIRST = "First start"
OTHERS = "Keys from and for other servers"


def commands():
    """The lines of blocks that are commands, with what they read from a here-document: (heading, whether
    it is for the fifth server, command)."""
    inside, heading, on_fifth, found, here = False, None, False, [], None
    with open(PAGE, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if here is not None:
                here.append(line)
                if line == "END":
                    found.append((heading, on_fifth, "\n".join(here)))
                    here = None
            elif line.startswith("```"):
                inside = not inside
            elif line.startswith("## "):
                heading, on_fifth = line[3:], False
            elif line.startswith("On the "):
                on_fifth = line.startswith("On the fifth server")
            elif inside and line.endswith("<<END"):
                here = [line]
            elif inside and line.split(" ", 1)[0] in COMMANDS:
                found.append((heading, on_fifth, line))
    return found


def reload(process):
    before = process.read_log().count("configuration read again")
    process.signal(signal.SIGHUP)
    harness.wait_until("the reload", lambda: process.read_log().count(
        "configuration read again") > before)


class Reader:
    """Does what the page says, to @s."""

    def __init__(self, s, conninfo=DATABASE):
        self.s, self.root = s, s.stack.path("root")
        os.mkdir(self.root)
        s.stack.write("root/identity", SUPI)
        # the user of the service is who runs the test
        self.words = [(DATABASE, conninfo), ("-o akma-keyserver -g akma-keyserver ", ""),
                      ("-g akma-keyserver ", ""), ("/root/", self.root + "/"),
                      ("/usr/share/doc/akma-keyserver/examples", PACKAGING),
                      ("/etc/akma-keyserver", s.stack.dir), ("/var/lib/akma-keyserver", s.stack.dir),
                      ("/var/backups/akma-keyserver", s.stack.path("backups"))]

    def name_terminal(self):
        self.s.exchange()
        self.words.append(("TERMINAL", self.s.rows("terminal", "list")[0]["terminal"]))

    def translate(self, line):
        for old, new in self.words:
            line = line.replace(old, new)
        return line

    def edit(self):
        """The example becomes a configuration of this machine."""
        with open(os.path.join(PACKAGING, "akma-keyserver.conf"), encoding="utf-8") as f:
            text = self.translate(f.read())
        for old, new in (("# listen=0.0.0.0:8443", "listen=127.0.0.1:0"), ("# path=", "path="),
                         ("http://127.0.0.1:7777", self.s.operator.url)):
            assert old in text, old
            text = text.replace(old, new)
        self.s.stack.write("akma-keyserver.conf", text)

    def verb(self, words):
        if "<" not in words:
            return self.s.verb(*words)
        with open(words[words.index("<") + 1]) as f:
            return self.s.verb(*words[:words.index("<")], input=f.read())

    def run(self, line):
        words = shlex.split(self.translate(line))
        if words[0] == "akma-keyserver":
            return self.verb(words[1:])
        if words[0] == "editor":
            return self.edit()
        if words[0] == "systemctl":
            assert words[2] == "akma-keyserver", line
            if words[1] == "reload":
                reload(self.s.process)
            if words[1] in ("stop", "restart"):
                self.s.stack.stop("akma-keyserver")
            if words[1] in ("start", "restart"):
                self.s.process = self.s.stack.start_keyserver()
            return None
        return subprocess.run(self.translate(line), shell=True, check=True, timeout=60,
                              stdout=sys.stderr)


class FifthReader(Reader):
    """Does what the page says to a fifth server, which has no consumer yet."""

    def __init__(self, third):
        self.s, stack = third.s, third.s.stack
        fifth.start(stack, application="mqtt")
        path = stack.path("fifth.conf")
        with open(path) as f:
            text = f.read()
        stack.write("fifth.conf", re.sub("client-ca-file=.*\n", "", text.split("[consumer")[0]))
        # to the third it has an address of its own
        third.words += [("https://keys.vendor.example:8443", "https://%s:%s\nca-file=%s" % (
            fifth.NAME, stack.ready["fifth"]["listen"].rsplit(":", 1)[1], stack.path("ca.pem")))]
        self.words = [("/etc/akma-keyserver/akma-keyserver.conf", path), *third.words]

    def verb(self, words):
        text = fifth.verb(self.s.stack, *words)
        if words[:2] == ["terminal", "list"]:
            found = re.search(r"third/[\w-]{43}", text)
            assert found, text
            self.words.append(("third/ID", found[0]))

    def run(self, line):
        if line.startswith("systemctl reload "):
            return reload(self.s.stack.processes["fifth"])
        return super().run(line)


@tap.test
def the_first_start_is_one():
    with Server(add=()) as s:
        s.stack.stop("akma-keyserver")
        reader = Reader(s)
        for name in os.listdir(s.stack.dir):
            if name.startswith(("akma-keyserver.conf", "keys.db", "store.key", "audit")):
                os.unlink(s.stack.path(name))
        shutil.move(s.stack.path("server.pem"), reader.root + "/fullchain.pem")
        shutil.move(s.stack.path("server.key"), reader.root + "/privkey.pem")
        first = [line for heading, _, line in commands() if heading == FIRST]
        assert len(first) > 6
        for line in first:
            reader.run(line)
        assert len(s.exchange().by_id["mqtt"]["k"]) == 43
        assert os.stat(s.stack.path("key.pem")).st_mode & 0o777 == 0o640


@tap.test
def every_command_of_the_page_for_operators_works_in_its_order():
    if not postgres.programs():
        raise tap.Skip("PostgreSQL is not installed")
    with postgres.Postgres() as pg, Server(add=()) as s:
        # the quotes of its options would end those of sed
        reader = Reader(s, "host=%s dbname=postgres user=akma" % pg.folder)
        reader.name_terminal()
        on_fifth = FifthReader(reader)
        headings, given = [], {}
        for heading, is_fifth, line in commands():
            if heading == FIRST:
                continue
            headings += [heading] if heading not in headings else []
            try:
                (on_fifth if is_fifth else reader).run(line)
            except (AssertionError, subprocess.SubprocessError) as error:
                raise AssertionError("%s: %s\n%s" % (heading, line, error)) from error
            # terminals are served all the time, but where the page stops the server
            if "akma-keyserver" in s.stack.processes:
                keys = s.exchange("mqtt", "wifi", "broker")
                got = {i: keys.by_id[i]["k"] for i in keys.by_id}
                given[line] = {**got, **keys.errors}
                given[heading] = got.get("mqtt")
        assert headings == ["Applications and terminals", OTHERS, "Backup", "PostgreSQL",
                            "Another store key"], headings
        told = {line.replace("akma-keyserver ", ""): what for line, what in given.items() if what}
        # who is in the group has the shared key, who was taken out has not, nor who is revoked
        assert "revoked" == told["terminal revoke TERMINAL"]["mqtt"] == told[
            "terminal revoke TERMINAL"]["wifi"]
        assert len(told["terminal group TERMINAL plant"]["wifi"]) == 43
        assert told["terminal group --remove TERMINAL plant"]["wifi"] == "not_entitled"
        assert len(told["terminal restore TERMINAL"]["mqtt"]) == 43
        # the fifth server decides
        added = "application add broker --source upstream --provider vendor --upstream-id mqtt --allow '*'"
        for line in (added, "terminal restore third/ID"):
            assert len(told[line]["broker"]) == 43, told[line]
        assert told["terminal revoke third/ID"]["broker"] == "revoked"
        assert told["application deny mqtt 'third/*'"]["broker"] == "upstream_refused"
        # neither another database nor another store key changed a key
        assert given["Backup"] == given["PostgreSQL"] == given["Another store key"] is not None
        assert not os.path.exists(s.stack.path("store.key"))
        with open(s.stack.path("akma-keyserver.conf")) as f:
            assert "backend=postgresql" in f.read()


@tap.test
def a_purge_overwrites_every_store_key_that_the_page_names():
    with open(os.path.join(PACKAGING, "debian/akma-keyserver.postrm"), encoding="utf-8") as f:
        patterns = re.search(r"for key in (.*); do", f.read())[1].split()
    names = set(re.findall(r"/var/lib/akma-keyserver/store[\w.-]*",
                           "\n".join(line for _, _, line in commands())))
    assert len(names) == 2, names
    for name in names:
        assert any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns), name


@tap.test
def every_verb_with_a_place_in_the_page_is_shown():
    """So that the test above sees what it is there for."""
    text = "\n".join(line for _, _, line in commands())
    for words in ("application add mqtt --source local", "--source shared", "application deny",
                  "terminal list", "terminal label", "terminal group", "terminal revoke",
                  "terminal restore", "terminal forget", "terminal id", "store backup",
                  "store migrate --to", "store rekey", "key rotate --all"):
        assert words in text, words


tap.main()
