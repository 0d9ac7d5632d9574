# SPDX-License-Identifier: LGPL-2.1-or-later
"""lib_client: a program that uses libakmad (lib-tool.c), driven by a test.

    with Client(address) as c:
        c.open("mqtt")
        kid = c.get(); data = c.key()
        c.do("watch"); c.wait_event("key-changed mqtt:1")
"""
import os
import queue
import subprocess
import tempfile
import threading

BUILD = os.environ.get("top_builddir", os.path.join(os.path.dirname(__file__), "../../build/gcc"))
TOOL = os.path.join(BUILD, "tests/bus/lib-tool")


class Failed(Exception):
    def __init__(self, line):
        super().__init__(line)
        self.name, _, self.message = line[len("error "):].partition(": ")


class Client:
    def __init__(self, address, *arguments):
        """@arguments: address of a bus, to use a connection that is given to the library."""
        env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=address)
        self.process = subprocess.Popen([TOOL, *arguments], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.answers, self.events, self.seen = queue.Queue(), queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.stdin.close()
        try:
            status = self.process.wait(60)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        # also what a sanitizer found
        assert kind or status == 0, status

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line.startswith("event "):
                self.events.put(line[len("event "):])
            else:
                self.answers.put(line)
        self.answers.put("error end: the program has ended")
        self.events.put(None)

    def send(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.answers.get(timeout=60)
        if line.startswith("error "):
            raise Failed(line)
        return line

    def do(self, *words):
        self.send(*words)
        return self.answer()

    def open(self, name):
        assert self.do("open", name) == "ok"
        return self

    def get(self, *words):
        """kid and length of the key that "get" (or what @words say) gave."""
        word, kid, length = self.do(*(words or ("get",))).split()
        assert word == "key", word
        return kid, int(length)

    def refusal(self, *words):
        """Name of the error that the command ends with."""
        try:
            line = self.do(*words)
        except Failed as failed:
            return failed.name
        raise AssertionError("not refused: " + line)

    def key(self, verb="write"):
        """The bytes; "write-fd": through a descriptor."""
        with tempfile.NamedTemporaryFile() as file:
            assert self.do(verb, file.name) == "ok"
            return file.read()

    def wait_event(self, wanted):
        """The events up to @wanted, that one last."""
        got = []
        while not got or got[-1] != wanted:
            try:
                event = self.events.get(timeout=60)
            except queue.Empty:
                event = None
            assert event is not None, "no event %s, but %s" % (wanted, got)
            assert "CONTEXT" not in event and "WHAT" not in event, event
            got.append(event)
            self.seen.append(event)
        return got
