# SPDX-License-Identifier: LGPL-2.1-or-later
"""keyrings: keyctl(2) without libkeyutils, in a session keyring of this process."""
import ctypes
import platform

import tap

ADD_KEY, KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(platform.machine(), (None, None))
SESSION, USER = -3, -4
JOIN, REVOKE, DESCRIBE, LINK, SEARCH, READ = 1, 3, 6, 8, 10, 11

libc = ctypes.CDLL(None, use_errno=True)


def keyctl(*arguments):
    result = libc.syscall(KEYCTL, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), "keyctl")
    return result


def enter():
    """A new session keyring for this process and what it starts, linked to that of the user."""
    try:
        if KEYCTL is None:
            raise OSError("unknown machine")
        keyctl(JOIN, 0)
        keyctl(LINK, USER, SESSION)
    except OSError as error:
        raise tap.Skip("the kernel gives no keyring here: %s" % error) from None


def find(ring, kind, description):
    return keyctl(SEARCH, ring, kind.encode(), description.encode(), 0)


def read(key):
    room = ctypes.create_string_buffer(65536)
    n = keyctl(READ, key, room, len(room))
    return room.raw[:n]


def describe(key):
    room = ctypes.create_string_buffer(4096)
    keyctl(DESCRIBE, key, room, len(room))
    return room.value.decode().split(";")


def revoke(key):
    keyctl(REVOKE, key)
