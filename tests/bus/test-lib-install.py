# SPDX-License-Identifier: LGPL-2.1-or-later
"""libakmad as others find it: installed, with its pkg-config file, its typelib, its examples.

`make install` into a folder of its own; from there on nothing of the tree is used but the mock of
akmad, packaging/examples/applications and packaging/docs/applications.md.
"""
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mock_bus  # noqa: E402

import harness  # noqa: E402
import tap  # noqa: E402

TOP, BUILD = harness.SOURCE, harness.BUILD
APPLICATIONS = os.path.join(TOP, "packaging/examples/applications")
KEYS = {"mqtt:1": bytes(range(1, 33)), "mqtt:2": bytes(range(101, 133))}
folder = mock_bus.folder
root = os.path.join(folder, "root")


def run(*command, env=None, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=env, timeout=300, **more)
    assert done.returncode == 0, "%s\n%s" % (" ".join(command), done.stdout[-3000:])
    return done.stdout


def install():
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    run("make", "-s", "-C", BUILD, "install", "DESTDIR=" + root, env=env)
    return [os.path.join(where, name) for where, _, names in os.walk(root) for name in names]


if os.environ.get("AKMA_SANITIZERS"):
    tap.skip_all("programs of others cannot load a library with AddressSanitizer; the plain build is tried")
if not os.path.exists(os.path.join(BUILD, "Makefile")) or not shutil.which("make"):
    tap.skip_all("make or the Makefile is not there")
installed = install()


def find(ending):
    found = [path for path in installed if path.endswith(ending)]
    assert len(found) == 1, (ending, found)
    return found[0]


PC = find("/pkgconfig/akmad.pc")
LIBDIR = os.path.dirname(os.path.dirname(PC))
with open(PC) as file:
    text = file.read()
PREFIX = root + re.search(r"^prefix=(.*)", text, re.M)[1]
# as if DESTDIR were the root of a system; --define-variable would move the folders of GLib as well
with open(PC, "w") as file:
    file.write(re.sub(r"^prefix=.*", "prefix=" + PREFIX, text, flags=re.M))
ENVIRONMENT = dict(os.environ, PATH=os.path.join(PREFIX, "bin") + ":/usr/bin:/bin", LD_LIBRARY_PATH=LIBDIR,
                   GI_TYPELIB_PATH=os.path.join(LIBDIR, "girepository-1.0"), LC_ALL="C.UTF-8",
                   PKG_CONFIG_PATH=os.path.dirname(PC))


def need(*programs):
    for program in programs:
        if not shutil.which(program, path=ENVIRONMENT["PATH"]):
            raise tap.Skip(program + " is not installed")


def need_python():
    if not [path for path in installed if path.endswith("/Akmad-1.0.typelib")]:
        raise tap.Skip("built without introspection")


def pkg_config(*words):
    return run("pkg-config", *words, env=ENVIRONMENT).split()


def build(source, *packages):
    """The program that a stranger makes of @source."""
    need("cc", "pkg-config")
    program = os.path.join(folder, os.path.basename(source)[:-2])
    run("cc", "-Wall", "-Wextra", "-Werror", "-o", program, source,
        *pkg_config("--cflags", "--libs", "akmad", *packages))
    return program


# -- what is installed -------------------------------------------------------------------------


@tap.test
def public_headers_are_installed_and_no_other():
    headers = {os.path.relpath(path, os.path.join(PREFIX, "include")) for path in installed
               if path.endswith(".h")}
    assert headers == {"akmad/" + name for name in os.listdir(os.path.join(TOP, "src/lib/akmad"))}
    for header in headers:
        with open(os.path.join(PREFIX, "include", header)) as file:
            included = set(re.findall(r"#include (\S+)", file.read()))
        assert included <= {"<%s>" % name for name in headers | {"gio/gio.h", "glib-object.h"}}, included


@tap.test
def the_pkg_config_file_says_what_is_needed():
    need("pkg-config")
    assert pkg_config("--print-requires", "akmad")[0] == "gio-2.0"
    assert pkg_config("--print-requires-private", "akmad") == []
    assert "-lakmad" in pkg_config("--libs", "akmad")
    assert "-I%s/include" % PREFIX in pkg_config("--cflags", "akmad")


@tap.test
def each_header_compiles_alone_in_c_and_cplusplus():
    need("cc", "pkg-config")
    flags = pkg_config("--cflags", "akmad")
    compilers = [["cc", "-std=gnu99", "-x", "c"]]
    if shutil.which("c++"):
        compilers.append(["c++", "-x", "c++"])
    for compiler in compilers:
        for name in os.listdir(os.path.join(TOP, "src/lib/akmad")):
            run(*compiler, "-Wall", "-Werror", "-fsyntax-only", *flags, "-",
                input="#include <akmad/%s>\n" % name)


def symbols():
    lines = run("nm", "-D", "--defined-only", find("/libakmad.so.0.0.0")).split("\n")
    return {line.split()[2].split("@")[0] for line in lines if line}


@tap.test
def exported_symbols_are_those_of_the_symbols_file_and_all_begin_with_akmad():
    need("nm")
    with open(os.path.join(TOP, "packaging/debian/libakmad0.symbols")) as file:
        listed = set(re.findall(r"^ (\w+)@LIBAKMAD_0 ", file.read(), re.M))
    assert symbols() == listed, symbols() ^ listed
    assert all(name.startswith("akmad_") for name in listed - {"LIBAKMAD_0"}) and len(listed) > 20


@tap.test
def the_library_brings_in_nothing_but_glib():
    need("readelf")
    needed = re.findall(r"NEEDED.*\[(.+?)\.so", run("readelf", "-d", find("/libakmad.so.0.0.0")))
    assert set(needed) <= {"libgio-2.0", "libgobject-2.0", "libglib-2.0", "libc"}, needed


@tap.test
def reject_a_program_that_uses_what_is_not_public():
    need("cc", "pkg-config")
    source = os.path.join(folder, "private.c")
    with open(source, "w") as file:
        file.write("void *akma_lib_dup_path(const char *);\nint main(void) { return !akma_lib_dup_path(\"\"); }\n")
    try:
        build(source)
    except AssertionError as error:
        assert "undefined reference" in str(error), error
    else:
        raise AssertionError("it could be linked")


# -- examples: each follows the key through a rotation and a revocation ------------------------


@contextlib.contextmanager
def follow(*command, **how):
    bus = mock_bus.Bus("bus-%d" % os.getpid())
    try:
        bus.do("application", name="mqtt", State="ready", KeyId="mqtt:1")
        for kid, key in KEYS.items():
            bus.do("key", name="mqtt", kid=kid, hex=key.hex())
        env = dict(ENVIRONMENT, DBUS_SYSTEM_BUS_ADDRESS=bus.address)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env,
                              **how) as program:
            late = threading.Timer(60, program.kill)
            late.start()
            try:
                expect(program, "mqtt:1")
                bus.do("set", name="mqtt", KeyId="mqtt:2")
                bus.do("changed", name="mqtt", kid="mqtt:2")
                expect(program, "mqtt:2")
                yield bus, program
            finally:
                late.cancel()
                program.terminate()
    finally:
        bus.end()


def expect(program, kid):
    """The next line; empty if the program has ended, or was late."""
    line = program.stdout.readline()
    assert line == "%s %s\n" % (kid, hashlib.sha256(KEYS[kid]).hexdigest()), line


def follow_and_revoke(*command):
    with follow(*command) as (bus, program):
        bus.do("set", name="mqtt", State="revoked", KeyId="")
        bus.do("revoked", name="mqtt", kid="mqtt:2")
        line = program.stdout.readline()
        assert line == "mqtt:2 revoked\n", line


def says_what_is_next_once(*command):
    with follow(*command, stderr=subprocess.STDOUT) as (bus, program):
        bus.do("set", name="mqtt", State="failed", KeyId="", LastError=[
            "org.akmad1.Error.StoreFailed", "the TPM is gone; next: put it back"])
        lines = [program.stdout.readline() for _ in range(2)]
        assert lines == ["no key: the TPM is gone\n", "  next: put it back\n"], lines


def example_in_c():
    if subprocess.run(["pkg-config", "--exists", "libcrypto"]).returncode:
        raise tap.Skip("libssl-dev is not installed")
    return build(os.path.join(APPLICATIONS, "follow.c"), "libcrypto"), "mqtt"


def example_in_python():
    need_python()
    return "/usr/bin/python3", os.path.join(APPLICATIONS, "follow.py"), "mqtt"


@tap.test
def example_in_c_follows_the_key():
    follow_and_revoke(*example_in_c())


@tap.test
def example_in_c_says_what_is_next_once():
    says_what_is_next_once(*example_in_c())


@tap.test
def example_in_python_follows_the_key():
    follow_and_revoke(*example_in_python())


@tap.test
def example_in_python_says_what_is_next_once():
    says_what_is_next_once(*example_in_python())


@tap.test
def example_for_node_follows_the_key():
    need("node")
    follow_and_revoke("node", os.path.join(APPLICATIONS, "follow.js"), "mqtt")


@tap.test
def example_for_the_shell_follows_the_key():
    with follow("sh", os.path.join(APPLICATIONS, "follow.sh"), "mqtt"):
        pass


# -- the page for authors ----------------------------------------------------------------------


def blocks(language):
    with open(os.path.join(TOP, "packaging/docs/applications.md")) as file:
        return re.findall(r"^```%s\n(.*?)^```" % language, file.read(), re.M | re.S)


def with_key(*command):
    bus = mock_bus.Bus("page-%d" % os.getpid())
    try:
        bus.do("application", name="mqtt", State="ready", KeyId="mqtt:1")
        bus.do("key", name="mqtt", kid="mqtt:1", hex=KEYS["mqtt:1"].hex())
        return run(*command, env=dict(ENVIRONMENT, DBUS_SYSTEM_BUS_ADDRESS=bus.address))
    finally:
        bus.end()


@tap.test
def c_of_the_page_gets_the_key():
    source = os.path.join(folder, "get.c")
    with open(source, "w") as file:
        file.write(blocks("c")[0])
    assert with_key(build(source)) == "mqtt:1: 32 bytes at hand\n"


@tap.test
def python_of_the_page_gets_the_key():
    need_python()
    assert "Akmad" in blocks("python")[0]
    assert with_key("/usr/bin/python3", "-c", blocks("python")[0]) == "mqtt:1 32 bytes\n"


@tap.test
def bare_d_bus_of_the_page_gets_the_key():
    assert "import dbus" in blocks("python")[1]
    assert with_key("/usr/bin/python3", "-c", blocks("python")[1]) == "mqtt:1 32 bytes\n"


@tap.test
def shell_of_the_page_gets_the_key():
    digest = hashlib.sha256(KEYS["mqtt:1"]).hexdigest()
    assert with_key("sh", "-e", "-c", blocks("sh")[0]) == "%s\n%s  -\n" % (digest, digest)


@tap.test
def the_socket_of_the_page_is_the_one_that_is_shipped():
    with open(os.path.join(TOP, "packaging/akmad-credentials.socket")) as file:
        path = re.search(r"^ListenStream=(.*)", file.read(), re.M)[1]
    assert any("LoadCredential=mqtt.key:%s\n" % path in block for block in blocks("ini"))


@tap.test
def errors_of_the_page_have_the_status_of_the_table():
    with open(os.path.join(TOP, "packaging/docs/applications.md")) as file:
        rows = re.findall(r"^\| (\d+) \| (\w+) \|", file.read(), re.M)
    with open(os.path.join(TOP, "packaging/man/akmad-bus.5")) as file:
        table = re.findall(r"^\.It (\d+) (\w+)$", file.read(), re.M)
    assert len(rows) == 8 and set(rows) <= set(table), set(rows) - set(table)


if __name__ == "__main__":
    tap.main()
