# SPDX-License-Identifier: LGPL-2.1-or-later
"""mock_bus: a private dbus-daemon with mock_agent.py on it, told what to do line by line."""
import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../e2e"))
import tap

try:
    import dbus  # noqa: F401
    from gi.repository import GLib  # noqa: F401
except ImportError:
    tap.skip_all("python3-dbus or python3-gi is not installed")
if not shutil.which("dbus-daemon"):
    tap.skip_all("dbus-daemon is not installed")

folder = tempfile.mkdtemp(prefix="akmad-mock-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
CONFIG = """<busconfig><type>custom</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>"""


class Bus:
    """A private dbus-daemon, and on it the mock, told what to do line by line.

    @policy: more of its configuration.
    """

    def __init__(self, name="bus", agent=True, policy=""):
        socket = os.path.join(folder, name)
        config = socket + ".conf"
        with open(config, "w") as file:
            file.write((CONFIG % socket).replace("</busconfig>", policy + "</busconfig>"))
        self.address = "unix:path=" + socket
        self.daemon = subprocess.Popen(
            ["dbus-daemon", "--config-file=" + config, "--nofork", "--print-address"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.daemon.stdout.readline()
        self.mock = None
        atexit.register(self.end)
        if agent:
            self.mock = subprocess.Popen(
                ["/usr/bin/python3", os.path.join(HERE, "mock_agent.py"), self.address],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert self.mock.stdout.readline() == "ok\n"

    def end(self):
        if self.mock and self.mock.poll() is None:
            self.mock.kill()
            self.mock.wait()
        if self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()

    def do(self, operation, **arguments):
        self.mock.stdin.write(json.dumps(dict(arguments, do=operation)) + "\n")
        self.mock.stdin.flush()
        answer = self.mock.stdout.readline().strip()
        assert answer, "the mock has ended"
        return answer
