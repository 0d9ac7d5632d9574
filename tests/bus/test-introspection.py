# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the agent says of itself on the bus is what dbus/org.akmad1.xml says."""
import os
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import APPLICATION, MANAGER, ROOT, GLib, World, path_of  # noqa: E402

import tap  # noqa: E402  (world puts it in the path)

BOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "dbus", "org.akmad1.xml")
MODEM = "org.akmad1.Modem"
STANDARD = {"org.freedesktop.DBus.Peer", "org.freedesktop.DBus.Introspectable",
            "org.freedesktop.DBus.Properties"}
# for gdbus-codegen alone
OF_CODEGEN = "org.gtk.GDBus.C."


def annotations(member):
    return {a.get("name"): a.get("value") for a in member.findall("annotation")
            if not a.get("name").startswith(OF_CODEGEN)}


def describe(interface):
    """Every member with all that a caller can see of it."""
    rows = {}
    for member in interface:
        if member.tag == "annotation":
            continue
        default = "in" if member.tag == "method" else "out"
        rows[member.tag, member.get("name")] = (
            [(a.get("name"), a.get("type"), a.get("direction", default)) for a in member.findall("arg")],
            member.get("type"), member.get("access"), annotations(member))
    return rows


def book():
    return {i.get("name"): describe(i) for i in ElementTree.parse(BOOK).getroot().findall("interface")}


def introspect(w, path):
    result, _ = w.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")
    node = ElementTree.fromstring(result.unpack()[0])
    return ({i.get("name"): describe(i) for i in node.findall("interface")},
            {n.get("name") for n in node.findall("node")})


@tap.test
def every_object_shows_the_interface_of_the_book_and_no_other():
    with World() as w:
        w.start().wait_key()
        w.wait("the modem is there", lambda: ROOT + "/modem/0" in w.objects())
        expected = book()
        assert set(expected) == {MANAGER, MODEM, APPLICATION}
        for path, name, more in ((ROOT, MANAGER, {"org.freedesktop.DBus.ObjectManager"}),
                                 (ROOT + "/modem/0", MODEM, set()),
                                 (path_of("mqtt"), APPLICATION, set())):
            shown, _ = introspect(w, path)
            assert set(shown) == STANDARD | more | {name}, (path, set(shown))
            assert shown[name] == expected[name], (path, shown[name], expected[name])


@tap.test
def the_tree_can_be_walked_from_the_root():
    with World() as w:
        w.start().wait_key()
        w.wait("the modem is there", lambda: ROOT + "/modem/0" in w.objects())
        nodes = {path: introspect(w, path)[1]
                 for path in ("/", "/org", ROOT, ROOT + "/modem", ROOT + "/application")}
        assert nodes["/"] == {"org"} and nodes["/org"] == {"akmad1"}, nodes
        assert {n.split("/")[0] for n in nodes[ROOT]} == {"application", "modem"}, nodes
        assert nodes[ROOT + "/modem"] == {"0"} and nodes[ROOT + "/application"] == {"mqtt"}, nodes


@tap.test
def every_property_can_be_read_has_the_type_of_the_book_and_cannot_be_set():
    with World() as w:
        w.start().wait_key()
        w.wait("the modem is there", lambda: ROOT + "/modem/0" in w.objects())
        for path, name in ((ROOT, MANAGER), (ROOT + "/modem/0", MODEM), (path_of("mqtt"), APPLICATION)):
            types = {key[1]: row[1] for key, row in book()[name].items() if key[0] == "property"}
            result, _ = w.call(path, "org.freedesktop.DBus.Properties", "GetAll",
                               GLib.Variant("(s)", (name,)))
            values = result.get_child_value(0)
            seen = {}
            for i in range(values.n_children()):
                row = values.get_child_value(i)
                seen[row.get_child_value(0).get_string()] = \
                    row.get_child_value(1).get_variant().get_type_string()
            assert seen == types, (path, seen, types)
            for member in types:
                error = w.error_of(w.call, path, "org.freedesktop.DBus.Properties", "Set",
                                   GLib.Variant("(ssv)", (name, member, GLib.Variant("s", "x"))))
                assert error == "org.freedesktop.DBus.Error.PropertyReadOnly", (member, error)


@tap.test
def reject_arguments_of_another_type():
    with World() as w:
        w.start().wait_key()
        for path, interface, method, arguments in (
                (path_of("mqtt"), APPLICATION, "GetKey", GLib.Variant("(s)", ("mqtt:1",))),
                (path_of("mqtt"), APPLICATION, "GetKeyVersion", None),
                (path_of("mqtt"), APPLICATION, "GetKeyVersion", GLib.Variant("(u)", (1,))),
                (ROOT, MANAGER, "Enroll", GLib.Variant("(as)", (["mqtt"],)))):
            error = w.error_of(w.call, path, interface, method, arguments)
            assert error == "org.freedesktop.DBus.Error.InvalidArgs", (method, error)
        assert w.get_key()[1]["kid"] == "mqtt:1"


if __name__ == "__main__":
    tap.main()
