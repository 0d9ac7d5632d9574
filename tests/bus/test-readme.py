# SPDX-License-Identifier: LGPL-2.1-or-later
"""The calls that README.md and akmad-bus(5) show really get the key."""
import hashlib
import os
import re
import shutil
import subprocess
import sys

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../.."))
build = os.environ.get("top_builddir", os.path.join(top, "build/gcc"))
sys.path[:0] = [os.path.join(top, "tests/e2e"), os.path.dirname(os.path.abspath(__file__))]
import tap
from mock_bus import Bus, folder

KEY = bytes(range(100, 132))
bus = Bus()
bus.do("application", name="mqtt", State="ready", KeyId="mqtt:1")
bus.do("key", name="mqtt", kid="mqtt:1", hex=KEY.hex())
ENVIRONMENT = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=bus.address,
                   PATH=os.path.join(build, "src/cli") + ":" + os.environ["PATH"])


def block(language):
    with open(os.path.join(top, "README.md")) as file:
        return re.search(r"^```%s\n(.*?)^```" % language, file.read(), re.M | re.S)[1]


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    assert done.returncode == 0, done
    return done.stdout


@tap.test
def c_gets_the_key():
    if not shutil.which("cc") or not shutil.which("pkg-config"):
        raise tap.Skip("cc or pkg-config is not installed")
    source = os.path.join(folder, "call.c")
    with open(source, "w") as file:
        file.write("""#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    g_autoptr(GError) error = NULL;
    unsigned char key[64];
%s
    if (!answer)
        return 1;
    for (ssize_t i = 0; i < len; i++)
        printf("%%02x", key[i]);
    return 0;
}
""" % block("c"))
    flags = output("pkg-config", "--cflags", "--libs", "gio-unix-2.0").split()
    output("cc", "-Wall", "-Werror", "-o", source[:-2], source, *flags)

    assert output(source[:-2]) == KEY.hex()


@tap.test
def python_gets_the_key():
    assert output("/usr/bin/python3", "-c",
                  block("python") + "print(key.hex(), attributes['kid'])") == KEY.hex() + " mqtt:1\n"


@tap.test
def shell_gets_the_key():
    assert output("sh", "-e", "-c", block("sh")).split()[:2] == [
        KEY.hex(), hashlib.sha256(KEY).hexdigest()]


@tap.test
def python_of_the_manual_page_gets_the_key():
    with open(os.path.join(top, "packaging/man/akmad-bus.5")) as file:
        code = re.search(r"^\.Bd -literal.*?\n(import dbus.*?)^\.Ed", file.read(), re.M | re.S)[1]

    assert output("/usr/bin/python3", "-c", code) == \
        "mqtt:1 %s\n" % hashlib.sha256(KEY).hexdigest()


tap.main()
