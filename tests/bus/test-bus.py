# SPDX-License-Identifier: LGPL-2.1-or-later
"""The D-Bus API as other processes see it: keys, versions, who may, signals, properties."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import APPLICATION, KEY, MANAGER, ROOT, GLib, Gio, World, path_of  # noqa: E402

import harness  # noqa: E402
import reference  # noqa: E402  (world puts it in the path)
import tap  # noqa: E402

# the bus lets nobody in who has no name: nobody, daemon and bin are on every Debian
NOBODY, SOMEBODY, OTHER = 65534, 1, 2


def root_only():
    if os.getuid() != 0:
        raise tap.Skip("needs root, to call as several users")


@tap.test
def get_key_gives_the_key_in_a_sealed_memfd():
    with World() as w:
        key = w.server.keys["mqtt"]
        key.alg, key.use, key.identity = "A256GCM", "enc", "abc.1.xyz"
        w.start().wait_key()
        raw, attributes = w.get_key()
        assert raw == KEY
        assert attributes == {"kid": "mqtt:1", "kty": "oct", "alg": "A256GCM", "use": "enc",
                              "identity": "abc.1.xyz", "not-before": key.iat, "not-after": 0}
        assert w.get_key(kid="mqtt:1") == (raw, attributes)


@tap.test
def reject_get_key_while_there_is_none():
    with World() as w:
        w.server.first_keys.clear()
        w.start()
        assert w.error_of(w.renew) == "AnchorKeyUnknown"
        assert w.error_of(w.get_key) == "NotReady"
        row = w.properties()
        assert row["State"] == "failed" and row["KeyId"] == "", row
        assert row["LastError"][0] == "org.akmad1.Error.AnchorKeyUnknown" and row["LastError"][1]


@tap.test
def reject_versions_that_are_not_there():
    with World() as w:
        w.start().wait_key()
        assert w.error_of(w.get_key, kid="mqtt:2") == "KeyUnknown"
        assert w.error_of(w.get_key, kid="mqtt:") == "KeyUnknown"
        for kid in ("", "a b", "x" * 81, "mqtt:1\n"):
            assert w.error_of(w.get_key, kid=kid) == "InvalidArgument", kid


@tap.test
def rotation_sends_key_changed_and_the_version_before_stays_for_its_grace_time():
    with World() as w:
        w.start().wait_key()
        w.listen()
        w.server.rotate("mqtt", b"n" * 32, grace=600)
        w.renew()
        w.wait_signal("KeyChanged", ("mqtt:2",))
        # the properties of the new version were sent before
        members = [s[1] for s in w.signals if s[0] == path_of("mqtt")]
        assert members.index("PropertiesChanged") < members.index("KeyChanged"), members
        assert w.get_key()[0] == b"n" * 32
        assert w.get_key(kid="mqtt:1")[0] == KEY
        w.server.rotate("mqtt", b"o" * 32, grace=3)
        w.renew()
        w.wait("mqtt:2 is over", lambda: w.error_of(w.get_key, kid="mqtt:2") == "KeyUnknown")
        assert w.get_key(kid="mqtt:3")[0] == b"o" * 32


@tap.test
def renewing_the_same_version_changes_nothing_and_sends_no_signal():
    with World() as w:
        w.start().wait_key()
        w.listen()
        w.renew()
        w.renew()
        w.settle()
        assert not [s for s in w.signals if s[1] == "KeyChanged"], w.signals
        assert w.get_key()[1]["kid"] == "mqtt:1"


@tap.test
def a_key_that_is_not_oct_comes_as_jwk():
    with World() as w:
        def as_rsa(answer):
            row = answer["keys"][0]
            del row["k"]
            row.update(kty="EC", crv="P-256", x="A" * 43, y="A" * 43, d="A" * 43)
            return answer
        w.server.hooks["key_set"] = as_rsa
        w.start().wait_key()
        raw, attributes = w.get_key()
        assert attributes["kty"] == "EC"
        assert reference.strict_json(raw, 65536)["crv"] == "P-256" if hasattr(
            reference, "strict_json") else b'"crv"' in raw


@tap.test
def a_key_past_its_end_is_not_ready():
    with World() as w:
        w.start().wait_key()
        w.server.keys["mqtt"].exp = int(time.time()) + 9
        w.renew()
        assert w.get_key()[1]["not-after"] == w.server.keys["mqtt"].exp
        w.server.refuse("first", "anchor_unavailable", retry_after=60, times=99)
        w.wait("it is over", lambda: w.error_of(w.get_key) == "NotReady")
        row = w.properties()  # and says so from then on
        assert row["KeyId"] == "" and row["State"] in ("pending", "failed"), row


@tap.test
def objects_are_found_with_object_manager_and_names_are_encoded():
    applications = "".join("[application %s]\nserver=keys\nkey-id=mqtt\nusers=%%u\n" % name
                           for name in ("mqtt", "mqtt-2", "9.lives"))
    with World(applications) as w:
        w.start().wait_key()
        w.wait("the modem is there", lambda: ROOT + "/modem/0" in w.objects())
        objects = w.objects()
        assert set(objects) == {ROOT + "/modem/0", ROOT + "/application/mqtt",
                                ROOT + "/application/mqtt_2d2", ROOT + "/application/_39_2elives"}
        modem = w.wait("the card was looked at", lambda: [
            m for m in [w.objects()[ROOT + "/modem/0"]["org.akmad1.Modem"]] if m["Anchors"]])[0]
        assert modem["Protocol"] == "at" and modem["SimState"] == "ready", modem
        assert modem["Device"] == w.stack.path("modem.tty") and modem["Anchors"] == ["akma", "gba-me"]
        assert len(modem["SimId"]) == 32 and "89882110" not in str(modem)
        assert world.IMSI not in str(objects)
        assert w.enroll("mqtt-2") == ROOT + "/application/mqtt_2d2"


@tap.test
def the_manager_shows_the_agent():
    with World() as w:
        w.start().wait_key()
        row = w.wait("ready", lambda: [r for r in [w.get_all(ROOT, MANAGER)] if r["State"] == "ready"])[0]
        assert row["Sealing"] == "file" and row["LastError"] == ("", ""), row
        assert row["Version"].count(".") == 2
        w.call(ROOT, MANAGER, "Scan")


@tap.test
def reject_applications_and_objects_that_are_not_there():
    with World() as w:
        w.start()
        assert w.error_of(w.enroll, "nothing") == "KeyUnknown"
        assert w.error_of(w.enroll, "") == "KeyUnknown"
        assert w.error_of(w.get_key, "nothing").startswith("org.freedesktop.DBus.Error.Unknown")


@tap.test
def reject_everybody_who_is_not_named_root_too():
    with World("[application mqtt]\nserver=keys\n") as w:
        w.start().wait_key()
        assert w.error_of(w.get_key) == "NotAuthorized"
        assert w.error_of(w.get_key, kid="mqtt:1") == "NotAuthorized"
        # who may not is not told either whether the argument is one
        assert w.error_of(w.get_key, kid="") == "NotAuthorized"
        harness.wait_until("the refusal is logged", lambda: "GetKey mqtt kid - by uid %d" %
                           os.getuid() in w.log())


@tap.test
def each_decision_is_one_line_without_the_key():
    with World() as w:
        w.start().wait_key()
        w.get_key()
        line = "GetKey mqtt kid mqtt:1 by uid %d pid %d: allowed" % (os.getuid(), os.getpid())
        # the line is written after the answer
        harness.wait_until("the decision is logged", lambda: line in w.log())
        assert w.log().count(line) == 1
        assert KEY.decode() not in w.log() and KEY.hex() not in w.log()


@tap.test
def reject_other_users_and_let_those_in_that_are_named():
    root_only()
    with World("[application mqtt]\nserver=keys\nusers=%d\ngroups=%d\n" % (NOBODY, OTHER)) as w:
        w.start().wait_key()
        get = (path_of("mqtt"), APPLICATION, "GetKey")
        assert w.call_as(NOBODY, [NOBODY], *get)["key"] == KEY.hex()
        assert w.call_as(SOMEBODY, [SOMEBODY], *get)["error"] == "NotAuthorized"
        assert w.call_as(SOMEBODY, [OTHER], *get)["key"] == KEY.hex()
        assert w.call_as(SOMEBODY, [SOMEBODY, 7, OTHER], *get)["key"] == KEY.hex()
        assert w.call_as(OTHER, [SOMEBODY], *get)["error"] == "NotAuthorized"
        # in users=, not in groups=
        assert w.call_as(SOMEBODY, [NOBODY], *get)["error"] == "NotAuthorized"


@tap.test
def reject_management_by_other_users():
    root_only()
    with World("[application mqtt]\nserver=keys\nusers=%d\n" % NOBODY) as w:
        w.start().wait_key()
        who = (NOBODY, [NOBODY])
        assert w.call_as(*who, path_of("mqtt"), APPLICATION, "Renew")["error"] == "NotAuthorized"
        assert w.call_as(*who, ROOT, MANAGER, "Scan")["error"] == "NotAuthorized"
        assert w.call_as(*who, ROOT, MANAGER, "Enroll", "('mqtt',)")["error"] == "NotAuthorized"
        # and does not learn which applications there are
        assert w.call_as(*who, ROOT, MANAGER, "Enroll", "('nothing',)")["error"] == "NotAuthorized"


@tap.test
def reject_more_calls_in_flight_than_one_caller_may_have():
    with World() as w:
        w.start().wait_key()
        before, gate = w.first_requests(), threading.Event()
        w.server.hooks["first_response"] = lambda answer: gate.wait(60) and answer
        results = []

        def done(connection, result):
            try:
                connection.call_finish(result)
                results.append("ok")
            except GLib.Error as error:
                results.append(Gio.DBusError.get_remote_error(error))
        for _ in range(20):
            w.connection.call(world.NAME, path_of("mqtt"), APPLICATION, "Renew", None, None, 0, 60000,
                              None, done)
        w.iterate(lambda: len(results) >= 4)
        assert results == ["org.akmad1.Error.RateLimited"] * 4, results
        gate.set()
        w.iterate(lambda: len(results) == 20)
        assert results[4:] == ["ok"] * 16 and w.first_requests() == before + 1
        assert w.get_key()[0] == KEY


@tap.test
def two_calls_at_once_share_one_exchange():
    with World() as w:
        w.start().wait_key()
        before = w.first_requests()
        gate = threading.Event()

        def slow(answer):
            gate.wait(60)
            return answer
        w.server.hooks["first_response"] = slow
        done = []

        def finished(connection, result):
            connection.call_finish(result)
            done.append(1)
        for _ in range(2):
            w.connection.call(world.NAME, path_of("mqtt"), APPLICATION, "Renew", None, None, 0, 60000,
                              None, finished)
        w.server.wait_for("first_request", before + 1)
        assert w.get_all(ROOT, MANAGER)["State"] == "enrolling"
        gate.set()
        w.iterate(lambda: len(done) == 2)
        assert len(done) == 2 and w.first_requests() == before + 1


@tap.test
def revoked_takes_the_key_away_and_is_remembered():
    with World() as w:
        w.start().wait_key()
        w.listen()
        w.server.keys["mqtt"].cause = "revoked"
        assert w.error_of(w.renew) == "KeyRevoked"
        w.wait_signal("KeyRevoked", ("mqtt:1",))
        assert w.error_of(w.get_key) == "KeyRevoked"
        assert w.properties()["State"] == "revoked"
        w.restart()
        assert w.error_of(w.get_key) == "KeyRevoked"
        # what the owner gives back is there again
        w.server.keys["mqtt"].cause = None
        w.server.rotate("mqtt", b"n" * 32)
        w.stack.renew_once_cured()
        assert w.get_key()[0] == b"n" * 32


@tap.test
def reject_what_is_no_revocation_and_keep_the_key():
    with World() as w:
        w.start().wait_key()
        w.server.keys["mqtt"].cause = "not_entitled"
        assert w.error_of(w.renew) == "NotEntitled"
        assert w.get_key()[0] == KEY and w.properties()["State"] == "stale"
        w.server.keys["mqtt"].cause = None
        # it must not try again by itself meanwhile; a rate limit holds for whoever asks, so it is the last
        for cause, name, retry_after in (("anchor_unavailable", "ServerUnreachable", 600),
                                         ("anchor_key_unknown", "AnchorKeyUnknown", 600),
                                         ("malformed", "ServerRefused", 600),
                                         ("rate_limited", "RateLimited", None)):
            w.server.refuse("first", cause, retry_after, times=2)
            assert w.error_of(w.renew) == name, cause
            w.server.forgive()
            assert w.get_key()[0] == KEY
        w.stack.renew_once_cured()
        assert w.properties()["State"] == "ready"


if __name__ == "__main__":
    tap.main()
