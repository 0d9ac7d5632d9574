#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""follow: gets the key of an application with libakmad, and again whenever it changes.

    apt-get install gir1.2-akmad-1.0 python3-gi
    ./follow.py mqtt

In place of real work it prints the SHA-256 of the key, as akmactl get --format fingerprint.
"""
import hashlib
import os
import sys

import gi
gi.require_version("Akmad", "1.0")
from gi.repository import Akmad, GLib  # noqa: E402


def use_key(key):
    """The work, with a copy that can be wiped: key.peek() makes bytes, which cannot."""
    fd = key.dup_fd()
    room = bytearray(os.fstat(fd).st_size)
    try:
        os.readv(fd, [room])
        print(key.get_kid(), hashlib.sha256(room).hexdigest(), flush=True)
    finally:
        os.close(fd)
        room[:] = bytes(len(room))
        key.wipe()


def tell(prefix, error):
    """In two lines, as akmactl does."""
    message, what = Akmad.Error.dup_message(error), Akmad.Error.get_next(error)
    print("%s%s\n  next: %s" % (prefix, message, what), file=sys.stderr, flush=True)


def key_changed(application, kid):
    """Also for the version that is there when the watch begins."""
    try:
        use_key(application.get_key(None))
    except GLib.Error as error:
        tell("", error)


def key_revoked(application, kid):
    print(kid, "revoked", flush=True)


def state_changed(application, state):
    """No key, and akmad knows why: it goes on trying, and so do we."""
    error = application.dup_last_error()
    if state == Akmad.State.FAILED and error:
        tell("no key: ", error)


application = Akmad.Application.new(sys.argv[1])
application.connect("key-changed", key_changed)
application.connect("key-revoked", key_revoked)
application.connect("state", state_changed)
application.watch()
GLib.MainLoop().run()
