#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-units: what the units allow, by systemd-analyze, and the syntax of the AppArmor profiles. TAP.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
units=$top_builddir/packaging
profiles=$top_srcdir/packaging/apparmor
n=0 failed=0
PATH=$PATH:/usr/sbin:/sbin
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# result STATUS NAME [SKIP]
result() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2${3:+ # SKIP $3}"
    else
        failed=1
        echo "not ok $n - $2"
    fi
}

# exposure UNIT TENTHS: at most so much
exposure() {
    name="exposure_of_$(echo "$1" | tr -d @ | tr . _)_is_at_most_$2_tenths"
    if ! systemd-analyze security --help 2>/dev/null | grep -q -e '--offline'; then
        result 0 "$name" "systemd-analyze is missing, or has no --offline"
        return
    fi
    cp "$units/$1" "$folder/"
    # no exit status tells a number that is too high from a file that does not load: both fail
    systemd-analyze security --offline=yes --no-pager --threshold="$2" "$folder/$1" >"$folder/said" 2>&1
    status=$?
    [ $status -eq 0 ] || sed 's/^/# /' "$folder/said"
    result $status "$name"
}

# holds UNIT LINE...: these lines stand there as they are
holds() {
    unit=$1
    shift
    status=0
    for line in "$@"; do
        grep -qxF "$line" "$units/$unit" || { echo "# $unit lacks $line" && status=1; }
    done
    result $status "lines_of_$(echo "$unit" | tr -d @ | tr . _)"
}

# lacks UNIT SETTING...: these are not set
lacks() {
    unit=$1
    shift
    status=0
    for setting in "$@"; do
        ! grep -q "^$setting=" "$units/$unit" || { echo "# $unit has $setting=" && status=1; }
    done
    result $status "settings_that_$(echo "$unit" | tr -d @ | tr . _)_must_not_have"
}

exposure akmad.service 17
exposure akmad-port.service 15
exposure akmad-wait@.service 15
exposure akmad-sealing.service 15
exposure akma-keyserver.service 15
exposure akma-lab.service 15
for each in akmad akmad-port akma-keyserver akma-lab; do
    holds $each.service Type=notify 'WatchdogSec=60' 'CapabilityBoundingSet=' 'NoNewPrivileges=yes' \
        'SystemCallFilter=@system-service' 'MemorySwapMax=0' 'LimitCORE=0'
done
holds akmad.service DevicePolicy=closed 'DeviceAllow=char-188 rw' 'DeviceAllow=char-166 rw' \
    'DeviceAllow=char-180 rw' 'DeviceAllow=char-wwan* rw' 'DeviceAllow=char-tpm rw' \
    'Wants=modprobe@wwan.service modprobe@tpm.service' AppArmorProfile=-akmad \
    LoadCredentialEncrypted=akmad.sealing-host LoadCredentialEncrypted=akmad.sealing-tpm2
holds akmad-port.service DevicePolicy=closed IPAddressDeny=any 'DeviceAllow=char-188 rw' \
    'DeviceAllow=char-166 rw' 'DeviceAllow=char-180 rw' AppArmorProfile=-akmad-port
holds akmad-wait@.service PrivateNetwork=yes User=akmad InaccessiblePaths=-/var/lib/akmad
# modems that are plugged in later; the caller's cgroup and uid
lacks akmad.service PrivateDevices ProtectProc PrivateUsers AmbientCapabilities
lacks akmad-port.service PrivateDevices AmbientCapabilities
lacks akma-keyserver.service AmbientCapabilities

# the test of the test: a unit with nothing is refused
if systemd-analyze security --help 2>/dev/null | grep -q -e '--offline'; then
    printf '[Service]\nExecStart=/bin/true\n' >"$folder/open.service"
    ! systemd-analyze security --offline=yes --no-pager --threshold=17 "$folder/open.service" \
        >/dev/null 2>&1
    result $? reject_a_unit_that_is_open
else
    result 0 reject_a_unit_that_is_open "systemd-analyze is missing, or has no --offline"
fi

for each in akmad akmad-port akma-keyserver; do
    if ! command -v apparmor_parser >/dev/null || [ ! -d /etc/apparmor.d/abstractions ]; then
        result 0 "profile_$each" "apparmor_parser is missing, or its abstractions are"
        continue
    fi
    apparmor_parser --skip-kernel-load --skip-cache "$profiles/$each" >"$folder/said" 2>&1
    status=$?
    [ $status -eq 0 ] || sed 's/^/# /' "$folder/said"
    result $status "profile_$each"
done
echo "1..$n"
exit $failed
