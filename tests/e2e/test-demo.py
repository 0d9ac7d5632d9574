# SPDX-License-Identifier: LGPL-2.1-or-later
"""./dev demo: it ends with its one line and status, and says so where it cannot."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

if not shutil.which("dbus-daemon") or not shutil.which("openssl"):
    tap.skip_all("dbus-daemon or openssl is not installed")

import harness  # noqa: E402

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo.py")
OK = re.compile(r"DEMO ok anchor=(akma|gba) protocol=(at|mbim|qmi) application=mqtt kid=mqtt:2 "
                r"length=32 agent=([0-9a-f]{64}) server=([0-9a-f]{64}) rotated=yes "
                r"seconds=\d+\.\d\d")


def demo(*words, build=harness.BUILD):
    """Its status and its lines on stdout."""
    done = subprocess.run([sys.executable, DEMO, *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=300,
                          env=dict(os.environ, top_builddir=build))
    return done.returncode, done.stdout.splitlines()


def check(lines):
    told = OK.fullmatch(lines[-1])
    assert told, lines[-5:]
    assert told.group(3) == told.group(4), lines[-1]
    return told.group(1, 2)


@tap.test
def the_demo_ends_with_the_key_that_the_server_has():
    status, lines = demo()
    assert status == 0 and check(lines) == ("akma", "at"), lines[-5:]
    assert not any("fifth server" in line for line in lines)


@tap.test
def m10_the_demo_with_a_third_server_ends_with_the_key_that_the_fifth_has():
    status, lines = demo("--third-server")
    assert status == 0 and check(lines) == ("akma", "at"), lines[-5:]
    for words in ("fourth server", "fifth server asked"):
        assert any(words in line for line in lines), (words, lines)


@tap.test
def reject_a_demo_whose_programs_are_not_there():
    with tempfile.TemporaryDirectory() as empty:
        for words in ((), ("--third-server",)):
            status, lines = demo(*words, build=empty)
            assert status == 1, lines
            assert re.fullmatch(r"DEMO failed step=[a-z-]+ error=[A-Za-z]+", lines[-1]), lines[-3:]


@tap.test
def reject_what_the_demo_does_not_know():
    for words in (("--third-servers",), ("--anchor", "gba-x"), ("--protocol",), ("more",)):
        assert demo(*words) == (2, []), words


tap.main()
