# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands of packaging/docs/operations.md, in their order, on a server that serves meanwhile. What
they name in the system lies in the folder of the test; the database is one of our own."""
import os
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import postgres  # noqa: E402
from keyserver import SUPI, Server  # noqa: E402

PAGE = os.path.join(os.environ.get("top_srcdir", "."), "packaging/docs/operations.md")
COMMANDS = ("akma-keyserver", "systemctl", "rm", "install", "cp", "mv", "sed", "head", "shred")
DATABASE = "host=/run/postgresql dbname=keys"


def commands():
    """The lines of blocks that are commands, by the heading that they stand under."""
    inside, heading, found = False, None, []
    with open(PAGE, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("```"):
                inside = not inside
            elif line.startswith("## "):
                heading = line[3:]
            elif inside and line.split(" ", 1)[0] in COMMANDS:
                found.append((heading, line))
    return found


class Reader:
    """Does what the page says, to @s."""

    def __init__(self, s, conninfo):
        self.s, self.conninfo = s, conninfo
        s.exchange()
        self.terminal = s.rows("terminal", "list")[0]["terminal"]
        self.identity = s.stack.write("identity", SUPI)

    def translate(self, line):
        # the user of the service is who runs the test
        for old, new in ((DATABASE, self.conninfo), ("TERMINAL", self.terminal),
                         ("-o akma-keyserver -g akma-keyserver ", ""),
                         ("/root/identity", self.identity), ("/etc/akma-keyserver", self.s.stack.dir),
                         ("/var/lib/akma-keyserver", self.s.stack.dir),
                         ("/var/backups/akma-keyserver", self.s.stack.path("backups"))):
            line = line.replace(old, new)
        return line

    def verb(self, words):
        if "<" not in words:
            return self.s.verb(*words)
        with open(words[words.index("<") + 1]) as f:
            return self.s.verb(*words[:words.index("<")], input=f.read())

    def run(self, line):
        words = shlex.split(self.translate(line))
        if words[0] == "akma-keyserver":
            return self.verb(words[1:])
        if words[0] == "systemctl":
            assert words[2] == "akma-keyserver", line
            if words[1] in ("stop", "restart"):
                self.s.stack.stop("akma-keyserver")
            if words[1] in ("start", "restart"):
                self.s.process = self.s.stack.start_keyserver()
            return None
        return subprocess.run(self.translate(line), shell=True, check=True, timeout=60)


@tap.test
def every_command_of_the_page_for_operators_works_in_its_order():
    if not postgres.programs():
        raise tap.Skip("PostgreSQL is not installed")
    with postgres.Postgres() as pg, Server(add=()) as s:
        # the quotes of its options would end those of sed
        reader = Reader(s, "host=%s dbname=postgres user=akma" % pg.folder)
        headings, given = [], {}
        for heading, line in commands():
            headings += [heading] if heading not in headings else []
            try:
                reader.run(line)
            except (AssertionError, subprocess.SubprocessError) as error:
                raise AssertionError("%s: %s\n%s" % (heading, line, error)) from error
            # terminals are served all the time, but where the page stops the server
            if "akma-keyserver" in s.stack.processes:
                keys = s.exchange("mqtt", "wifi")
                got = {i: keys.by_id[i]["k"] for i in keys.by_id}
                given[line] = {**got, **keys.errors}
                given[heading] = got.get("mqtt")
        assert headings == ["Applications and terminals", "Backup", "PostgreSQL",
                            "Another store key"], headings
        told = {line.replace("akma-keyserver ", ""): what for line, what in given.items() if what}
        # who is in the group has the shared key, who was taken out has not, nor who is revoked
        assert "revoked" == told["terminal revoke TERMINAL"]["mqtt"] == told[
            "terminal revoke TERMINAL"]["wifi"]
        assert len(told["terminal group TERMINAL plant"]["wifi"]) == 43
        assert told["terminal group --remove TERMINAL plant"]["wifi"] == "not_entitled"
        assert len(told["terminal restore TERMINAL"]["mqtt"]) == 43
        # neither another database nor another store key changed a key
        assert given["Backup"] == given["PostgreSQL"] == given["Another store key"] is not None
        assert not os.path.exists(s.stack.path("store.key"))
        with open(s.stack.path("akma-keyserver.conf")) as f:
            assert "backend=postgresql" in f.read()


@tap.test
def every_verb_with_a_place_in_the_page_is_shown():
    """So that the test above sees what it is there for."""
    text = "\n".join(line for _, line in commands())
    for words in ("application add mqtt --source local", "--source shared", "application deny",
                  "terminal list", "terminal label", "terminal group", "terminal revoke",
                  "terminal restore", "terminal forget", "terminal id", "store backup",
                  "store migrate --to", "store rekey", "key rotate --all"):
        assert words in text, words


tap.main()
