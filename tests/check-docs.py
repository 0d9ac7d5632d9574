# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-docs: manual pages and programs say the same.

Every option of --help stands in the manual page and the other way round, also those of verbs;
every key of a configuration table stands in its page; the table of errors is whole.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
build = os.environ.get("top_builddir", os.path.join(top, "build/gcc"))
sys.path.insert(0, os.path.join(top, "tests/e2e"))
import tap

MAN = os.path.join(top, "packaging/man")
# program, its manual page, and the words that have a --help of their own
PROGRAMS = [
    ("src/cli/akmactl", "akmactl.1",
     "status list get renew enroll wait watch exec modem doctor".split()),
    ("src/agent/akmad", "akmad.8", []),
    ("modem/port/akmad-port", "akmad-port.8", []),
    ("src/agent/akmad-tpm", "akmad-tpm.8", []),
    ("src/keyserver/akma-keyserver", "akma-keyserver.8",
     ["init", "serve", "check", "status", "export"] +
     ["application " + w for w in "add list show remove allow deny".split()] +
     ["terminal " + w for w in "list show id label group revoke restore forget".split()] +
     ["key " + w for w in "list rotate revoke import".split()] +
     ["store " + w for w in "migrate backup rekey".split()]),
    ("src/lab/akma-lab", "akma-lab.8", []),
    ("modem/simulator/akma-modemsim", "akma-modemsim.8", []),
]
# where a table of AkmaSettingRow stands, and its page
TABLES = [
    ("src/agent", "akmad.conf.5", "akmad.conf"),
    ("src/keyserver", "akma-keyserver.conf.5", "akma-keyserver.conf"),
    ("modem/simulator", "akma-modemsim.8", None),
    ("src/lab", "akma-lab.8", None),
]


def page(name):
    with open(os.path.join(MAN, name)) as file:
        return file.read()


def options_of_page(name):
    return set(re.findall(r"Fl Fl ([a-z][a-z-]*)", page(name)))


def options_of_program(path, words):
    done = subprocess.run([path, *words, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, (path, words, done)
    return set(re.findall(r"^  (?:-\w, )?--([a-z][a-z-]*)", done.stdout, re.M))


def check_program(program, man, verbs):
    path = os.path.join(build, program)
    if not os.path.exists(path):
        raise tap.Skip(program + " is not built")
    there = options_of_program(path, [])
    for verb in verbs:
        there |= options_of_program(path, verb.split())
        assert all(re.search(r"\b%s\b" % word, page(man)) for word in verb.split()), verb
    told = options_of_page(man)
    assert there == told, "only in --help: %s; only in %s: %s" % (
        sorted(there - told), man, sorted(told - there))


def keys_of(folder):
    """(group, key) of each table row in the sources of @folder."""
    found = set()
    for name in sorted(os.listdir(os.path.join(top, folder))):
        if name.endswith(".c"):
            with open(os.path.join(top, folder, name)) as file:
                found |= set(re.findall(r'\{\s*"([a-z]+)[ *]*",\s*"([a-z0-9-]+)",\s*AKMA_SETTING_',
                                        file.read()))
    return found


def check_table(folder, man, example):
    keys = keys_of(folder)
    if not keys:
        raise tap.Skip("no table in " + folder)
    text = page(man)
    for group, key in sorted(keys):
        assert re.search(r"Cm (?:\S+ , )*%s\b" % re.escape(key), text), \
            "[%s] %s is not in %s" % (group, key, man)
    if not example:
        return
    # the example has every key, and no other
    with open(os.path.join(top, "packaging", example)) as file:
        lines = file.read()
    group, shown = None, set()
    for line in lines.splitlines():
        start = re.match(r"(?:# )?\[([a-z]+)", line)
        value = re.match(r"(?:# )?([a-z0-9-]+)=", line)
        if start:
            group = start[1]
        elif value:
            shown.add((group, value[1]))
    assert shown == keys, "only in the table: %s; only in packaging/%s: %s" % (
        sorted(keys - shown), example, sorted(shown - keys))


def named(name, function, *arguments):
    def run():
        function(*arguments)
    run.__name__ = name
    tap.test(run)


for row in PROGRAMS:
    named("options_of_%s_are_those_of_its_page" % os.path.basename(row[0]), check_program, *row)
for row in TABLES:
    named("keys_of_%s_stand_in_%s" % (row[0], row[1]), check_table, *row)


@tap.test
def every_error_stands_in_akmad_bus():
    with open(os.path.join(top, "src/base/error.h")) as file:
        codes = dict(re.findall(r"AKMA_ERROR_(\w+)\s*=\s*(\d+)", file.read()))
    with open(os.path.join(top, "src/base/error.c")) as file:
        names = re.findall(r'\{\s*AKMA_ERROR_(\w+),\s*"(\w+)"', file.read())
    assert len(names) == len(codes) > 20
    text = page("akmad-bus.5")
    for code, name in names:
        assert ".It %s %s\n" % (codes[code], name) in text, name
    assert len(re.findall(r"^\.It \d+ ", text, re.M)) == len(names)


@tap.test
def every_member_of_the_bus_stands_in_akmad_bus():
    with open(os.path.join(top, "dbus/org.akmad1.xml")) as file:
        members = re.findall(r'<(method|property|signal) name="(\w+)"', file.read())
    assert len(members) > 20
    text = page("akmad-bus.5")
    for kind, name in members:
        pattern = r"(Va|,) %s \S" % name if kind == "property" else r"Fn %s\b" % name
        assert re.search(pattern, text), name


@tap.test
def every_event_of_the_journal_stands_in_the_catalog():
    with open(os.path.join(top, "src/base/event.c")) as file:
        ids = re.findall(r'= \{"([0-9a-f]{32})"', file.read())
    with open(os.path.join(top, "packaging/akmad.catalog")) as file:
        entries = re.findall(r"^-- (\S+)\nSubject: .+\n(?:[A-Z][\w-]+: .+\n)+\n(?:.+\n)+", file.read(), re.M)
    assert len(ids) > 8 and len(set(ids)) == len(ids)
    assert sorted(entries) == sorted(ids), set(entries) ^ set(ids)


@tap.test
def the_catalog_is_what_journalctl_reads():
    if not shutil.which("journalctl"):
        raise tap.Skip("journalctl is not installed")
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(root + "/usr/lib/systemd/catalog")
        os.makedirs(root + "/var/lib/systemd/catalog")
        shutil.copy(os.path.join(top, "packaging/akmad.catalog"), root + "/usr/lib/systemd/catalog")
        subprocess.run(["journalctl", "--root", root, "--update-catalog"], check=True)
        listed = subprocess.run(["journalctl", "--root", root, "--list-catalog"], check=True,
                                capture_output=True, text=True).stdout
    assert listed.count(" akmad: ") == len(listed.splitlines()) > 8, listed


@tap.test
def every_action_of_polkit_stands_in_its_policy():
    asked = set()
    for name in os.listdir(os.path.join(top, "dbus")):
        if name.endswith(".c"):
            with open(os.path.join(top, "dbus", name)) as file:
                asked |= set(re.findall(r'"(org\.akmad1\.[a-z]+)"', file.read()))
    policy = ElementTree.parse(os.path.join(top, "packaging/org.akmad1.policy")).getroot()
    assert {action.get("id") for action in policy.iter("action")} == asked and len(asked) == 3, asked
    for action in policy.iter("action"):
        # nobody is let in without the password of an administrator
        assert all(e.text.startswith("auth_admin") for e in action.find("defaults"))
        assert action.find("annotate").text == "unix-user:akmad"


@tap.test
def every_event_and_member_of_the_audit_log_stands_in_its_page():
    with open(os.path.join(top, "src/keyserver/audit.c")) as file:
        code = file.read()
    events = re.findall(r'"(\w+)"', code.split(" events[] = {")[1].split("}")[0])
    members = ["time"] + re.findall(r'^    add\(line, "(\w+)"', code, re.M)
    text = page("akma-keyserver.conf.5").split(".Sh AUDIT LOG")[1].split(".Sh ")[0]
    assert re.findall(r"^\.It Cm (\w+)$", text, re.M) == members + events, (members, events)
    assert len(members) == 8 and len(events) == 7


@tap.test
def pages_pass_mandoc():
    if not shutil.which("mandoc"):
        raise tap.Skip("mandoc is not installed")
    for name in sorted(os.listdir(MAN)):
        done = subprocess.run(["mandoc", "-Tlint", "-W", "style", os.path.join(MAN, name)],
                              capture_output=True, text=True)
        # which other pages are installed is no matter of ours
        lines = [line for line in (done.stdout + done.stderr).splitlines()
                 if "referenced manual not found" not in line and "mandoc.db" not in line]
        assert not lines, lines


@tap.test
def pages_refer_to_pages_that_there_are():
    ours = set(os.listdir(MAN))
    for name in sorted(ours):
        for other, section in re.findall(r"^\.Xr (akma\S*) (\d)", page(name), re.M):
            assert "%s.%s" % (other, section) in ours, (name, other)


@tap.test
def what_the_layer_map_points_at_is_there():
    with open(os.path.join(top, "src/README.md")) as file:
        places = re.findall(r"\| `(\S+\.c)` \| `(\w+)`", file.read())
    assert len(places) > 10
    for path, name in places:
        with open(os.path.join(top, path)) as file:
            assert re.search(r"^%s\(| %s\[\] = " % (name, name), file.read(), re.M), (path, name)


tap.main()
