# SPDX-License-Identifier: LGPL-2.1-or-later
# debian.sh: a Debian 12 that boots, for the packages of build/deb; for run-deb and run-autopkgtest, which
# set work, build and image, beside kernel.sh.
# shellcheck shell=bash disable=SC2154

own_debs() {
    find "$build/deb" -maxdepth 1 -name '*.deb' ! -name '*-dbgsym_*' | sort
}

# what the packages need, none of our own
depends() {
    local deb
    for deb in $(own_debs); do
        dpkg-deb -f "$deb" Depends
        echo
    done | tr ',' '\n' | sed -E 's/^ *([^ (|:]+).*/\1/' | sort -u |
        grep -vxF "$(own_debs | sed 's|.*/||; s|_.*||')"
}

# $image: a Debian 12 with that, and what the test needs
make_image() {
    local tar=$work/debian12.tar root
    # shellcheck disable=SC2046
    "$top_srcdir/packaging/deb/root" "$tar" bookworm systemd-sysv udev dbus apparmor python3 openssl \
        ca-certificates polkitd tpm-udev libtss2-tcti-device0 gcc libc6-dev pkg-config libssl-dev \
        python3-gi procps apt-utils dpkg-dev dpkg-repack $(depends) || skip "no Debian root can be made here"
    [ "$image" -nt "$tar" ] && return 0
    root=$(mktemp -d "$work/root-XXXXXX")
    tar -xf "$tar" -C "$root" --exclude='./dev/*'
    rm -f "$image"
    mke2fs -q -t ext4 -d "$root" "$image.new" 2500M
    rm -rf "$root"
    mv "$image.new" "$image"
}

# make_initramfs ACT [MODULE...]: $work/initramfs-ACT.img boots it, with what ACT adds; init-deb runs that
make_initramfs() {
    local act=$1
    shift
    begin_initramfs init-deb virtio_pci virtio_blk virtio_console ext4 9pnet_virtio 9p virtio_rng autofs4 \
        vhci-hcd cdc_mbim "$@"
    cp "$top_srcdir/tests/vm/$act" "$work/initramfs/act"
    end_initramfs "$work/initramfs-$act.img"
}
