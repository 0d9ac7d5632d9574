# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-abi: what others rely on only grows: libakmad's ABI and the D-Bus interface.

    check-abi.py                 compares both with the copies of what was promised, in tests/abi/
    check-abi.py --write         makes the copies anew, when a release has added something

The copy of the library is of x86-64, and compared there alone: sizes and places in memory differ with
the processor. Elsewhere it is packaging/debian/libakmad0.symbols that fails the build of the package
when a function is gone, on every processor. The interface is compared everywhere.
"""
import copy
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

TOP = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
BUILD = os.environ.get("top_builddir", os.path.join(TOP, "build/gcc"))
sys.path.insert(0, os.path.join(TOP, "tests/e2e"))
import tap  # noqa: E402

LIBRARY = os.path.join(BUILD, "src/lib/.libs/libakmad.so")
HEADERS = os.path.join(TOP, "src/lib/akmad")
PROMISED_ABI = os.path.join(TOP, "tests/abi/libakmad.abixml")
XML = os.path.join(TOP, "dbus/org.akmad1.xml")
PROMISED_XML = os.path.join(TOP, "tests/abi/org.akmad1.xml")


# -- the library -------------------------------------------------------------------------------


def write_abi(path):
    subprocess.run(["abidw", "--exported-interfaces-only", "--type-id-style", "hash",
                    "--headers-dir", HEADERS, "--drop-private-types", "--no-show-locs",
                    "--no-corpus-path", "--no-comp-dir-path", "--no-parameter-names",
                    "--no-elf-needed", "--out-file", path, LIBRARY], check=True)


def changes_of(promised):
    """What abidiff has against the library; additions are not among it."""
    done = subprocess.run(["abidiff", "--exported-interfaces-only", "--no-added-syms", "--headers-dir1", HEADERS, "--headers-dir2",
                           HEADERS, promised, LIBRARY], stdout=subprocess.PIPE, text=True)
    # 1, 2: abidiff itself failed; 4: a change; 8: one that breaks programs for sure
    assert not done.returncode & 3, done
    return done.stdout if done.returncode else ""


def need_abidiff():
    if not shutil.which("abidiff"):
        raise tap.Skip("abigail-tools is not installed")
    if os.environ.get("AKMA_SANITIZERS"):
        raise tap.Skip("a sanitizer is in the library; the plain build is compared")
    sections = subprocess.run(["readelf", "-hS", LIBRARY], stdout=subprocess.PIPE, text=True,
                              env=dict(os.environ, LC_ALL="C")).stdout
    if "X86-64" not in sections:
        raise tap.Skip("the copy is of x86-64; here libakmad0.symbols holds the names, "
                       "when the package is built")
    if ".debug_info" not in sections:
        raise tap.Skip("built without -g")


@tap.test
def the_library_keeps_what_was_promised():
    need_abidiff()
    assert not changes_of(PROMISED_ABI), changes_of(PROMISED_ABI)


# (in the copy, as it would have been if the library had changed since)
BROKEN = {
    "a_function_that_is_gone": (r"akmad_key_wipe\b", "akmad_key_wipe_away"),
    "another_value_of_a_state": (r"(name='AKMAD_STATE_STALE' value=)'3'", r"\1'7'"),
    "another_state": (r"name='AKMAD_STATE_STALE'", "name='AKMAD_STATE_OLD'"),
    "one_parameter_less": (
        r"(<function-decl name='akmad_application_get_key_version'.*?)<parameter type-id='[^']*'/>",
        r"\1"),
}


def reject_library(pattern, replacement):
    need_abidiff()
    with open(PROMISED_ABI) as file:
        text = file.read()
    changed, count = re.subn(pattern, replacement, text, flags=re.S)
    assert count, "nothing to change"
    with tempfile.NamedTemporaryFile("w", suffix=".abixml") as file:
        file.write(changed)
        file.flush()
        assert changes_of(file.name)


# -- the bus -----------------------------------------------------------------------------------


def promises(tree):
    """Everything that a caller can rely on, as a set of lines."""
    found = set()
    for interface in tree.iter("interface"):
        name = interface.get("name")
        found.add("interface " + name)
        for member in interface:
            line = "%s %s.%s" % (member.tag, name, member.get("name"))
            # what a call takes and gives is one promise: an argument more breaks it
            arguments = ["%s %s" % (a.get("type"), a.get("direction", "out")) for a in member.iter("arg")]
            found.add(" ".join([line, str(member.get("type")), str(member.get("access")), *arguments]))
            for annotation in member.iter("annotation"):
                found.add("%s %s=%s" % (line, annotation.get("name"), annotation.get("value")))
    return found


def broken_promises(promised, now):
    return sorted(promises(promised) - promises(now))


def load(path):
    return ElementTree.parse(path).getroot()


@tap.test
def the_bus_keeps_what_was_promised():
    broken = broken_promises(load(PROMISED_XML), load(XML))
    assert not broken, broken
    assert len(promises(load(PROMISED_XML))) > 30


def changed_xml(path, **attributes):
    """The interface with one element changed; without attributes: removed."""
    tree = copy.deepcopy(load(PROMISED_XML))
    parent = tree.find(path + "/..")
    element = tree.find(path)
    if attributes:
        element.attrib.update(attributes)
    else:
        parent.remove(element)
    return tree


@tap.test
def reject_a_bus_that_has_less_or_something_else():
    application = "./interface[@name='org.akmad1.Application']"
    for tree in (changed_xml(application), changed_xml(application + "/method[@name='GetKey']"),
                 changed_xml(application + "/method[@name='GetKey']/arg", type="ay"),
                 changed_xml(application + "/method[@name='GetKeyVersion']/arg"),
                 changed_xml(application + "/signal[@name='KeyRevoked']/arg", type="o"),
                 changed_xml(application + "/property[@name='NotAfter']", type="i"),
                 changed_xml(application + "/property[@name='State']", name="Status")):
        assert broken_promises(load(PROMISED_XML), tree)


@tap.test
def a_bus_that_has_more_is_fine():
    tree = copy.deepcopy(load(PROMISED_XML))
    tree.find("./interface").append(ElementTree.Element("method", name="New"))
    assert not broken_promises(load(PROMISED_XML), tree)


for sentence, (old, new) in BROKEN.items():
    def reject(old=old, new=new):
        reject_library(old, new)
    reject.__name__ = "reject_" + sentence
    tap.test(reject)

if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write_abi(PROMISED_ABI)
        shutil.copyfile(XML, PROMISED_XML)
    else:
        tap.main()
