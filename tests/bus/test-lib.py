# SPDX-License-Identifier: LGPL-2.1-or-later
"""libakmad with the real akmad, a simulated SIM and the reference server."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from lib_client import Client  # noqa: E402
from world import KEY, World  # noqa: E402

import harness  # noqa: E402
import memscan  # noqa: E402
import reference  # noqa: E402
import tap  # noqa: E402

NEW = b"n" * 16 + b"w" * 16


def client(w):
    return Client(w.stack.bus)


@tap.test
def a_program_gets_the_key_and_the_version_before_within_its_grace_time():
    with World() as w, client(w) as c:
        w.start().wait_key()
        assert c.open("mqtt").get() == ("mqtt:1", 32)
        assert c.key() == KEY and c.key("write-fd") == KEY
        w.server.rotate("mqtt", NEW, grace=3600)
        w.renew()
        assert c.get() == ("mqtt:2", 32) and c.key() == NEW
        assert c.get("get", "mqtt:1") == ("mqtt:1", 32) and c.key() == KEY
        assert c.get("async", "mqtt:1") == ("mqtt:1", 32)
        assert c.refusal("get", "mqtt:7") == "KeyUnknown"
        assert c.refusal("async", "no kid") == "InvalidArgument"


@tap.test
def a_watch_tells_the_present_version_and_each_new_one():
    with World() as w, client(w) as c:
        w.start().wait_key()
        c.open("mqtt").do("watch")
        assert c.wait_event("key-changed mqtt:1") == ["state ready", "key-changed mqtt:1"]
        w.server.rotate("mqtt", NEW, grace=3600)
        w.renew()
        assert c.wait_event("key-changed mqtt:2") == ["key-changed mqtt:2"]
        assert c.get() == ("mqtt:2", 32) and c.key() == NEW
        c.do("unwatch")
        assert c.do("state") == "state unknown"


@tap.test
def a_watch_in_a_thread_is_told_in_its_own_context():
    with World() as w, client(w) as c:
        w.start().wait_key()
        c.do("thread", "mqtt")
        c.wait_event("thread-key-changed mqtt:1")
        w.server.rotate("mqtt", NEW, grace=3600)
        w.renew()
        c.wait_event("thread-key-changed mqtt:2")


@tap.test
def a_watch_survives_the_restart_of_akmad_and_tells_only_what_is_new():
    with World() as w, client(w) as c:
        c.open("mqtt")
        assert c.refusal("get") == "NotRunning"
        c.do("watch")
        w.start().wait_key()
        c.wait_event("key-changed mqtt:1")
        assert c.do("state") == "state ready"
        w.restart()
        assert c.wait_event("state ready")[-2:] == ["state unknown", "state ready"]
        assert c.get() == ("mqtt:1", 32) and c.key() == KEY
        w.server.rotate("mqtt", NEW, grace=3600)
        w.renew()
        assert c.wait_event("key-changed mqtt:2") == ["key-changed mqtt:2"]


@tap.test
def reject_a_key_that_is_revoked():
    with World() as w, client(w) as c:
        w.start().wait_key()
        c.open("mqtt").do("watch")
        c.wait_event("key-changed mqtt:1")
        w.server.keys["mqtt"].cause = "revoked"
        assert w.error_of(w.renew) == "KeyRevoked"
        c.wait_event("key-revoked mqtt:1")
        assert c.do("state") == "state revoked"
        assert c.refusal("get") == "KeyRevoked" and c.refusal("async") == "KeyRevoked"
        assert c.refusal("last-error") == "KeyRevoked"


@tap.test
def what_went_wrong_is_told():
    with World() as w, client(w) as c:
        w.server.keys["mqtt"].cause = "not_entitled"
        w.start()
        c.open("mqtt").do("watch")
        c.wait_event("state failed")
        assert c.refusal("last-error") == "NotEntitled"
        assert c.refusal("get") == "NotReady"


@tap.test
def reject_a_process_that_may_not():
    with World("[application mqtt]\nserver=keys\nusers=65534\n") as w, client(w) as c:
        w.start().wait_key()
        assert c.open("mqtt").refusal("get") == "NotAuthorized"
        assert c.refusal("async") == "NotAuthorized"
        # the state is no secret
        c.do("watch")
        c.wait_event("state ready")


@tap.test
def reject_an_application_that_is_not_configured():
    with World() as w, client(w) as c:
        w.start().wait_key()
        assert c.open("mqtt-9").refusal("get") == "KeyUnknown"


@tap.test
def an_application_that_is_configured_later_is_told():
    with World() as w, client(w) as c:
        w.start().wait_key()
        c.open("vpn").do("watch")
        w.server.keys["vpn"] = reference.ServerKey(NEW)
        w.applications += "[application vpn]\nserver=keys\nusers=%u\n"
        w.reload()
        c.wait_event("key-changed vpn:1")
        assert c.get() == ("vpn:1", 32)


def found(c):
    return memscan.scan([c.pid], {"key": KEY})["key"]


@tap.test
def the_key_is_nowhere_in_the_program_after_free_or_wipe_and_once_before():
    reason = memscan.need_access()
    if reason:
        raise tap.Skip(reason)
    with World() as w, client(w) as c:
        w.start().wait_key()
        c.open("mqtt")
        for get in ("get",), ("async",), ("get", "mqtt:1"):
            for end in "free", "wipe":
                c.get(*get)
                assert len(found(c)) == 1, found(c)
                c.do(end)
                assert not found(c), (get, end, found(c))
        # and after a descriptor for a child was made of it and closed
        c.get()
        c.key("write-fd")
        c.do("free")
        assert not found(c), found(c)


if __name__ == "__main__":
    memscan.need_access()
    tap.main()
