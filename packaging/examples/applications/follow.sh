#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# follow: gets the key of an application through akmactl, and again whenever it changes.
#
#     ./follow.sh mqtt
#
# In place of real work it prints the SHA-256 of the key, as akmactl get --format fingerprint.
# The key is on descriptor 3, a sealed memfd: never in a variable, an argument or a file.
exec akmactl watch "$1" -- sh -c 'echo "$AKMA_KID $(sha256sum <&3 | cut -d " " -f 1)"'
