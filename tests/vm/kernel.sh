# SPDX-License-Identifier: LGPL-2.1-or-later
# kernel.sh: Debian's kernel in $work/kernel, and an initramfs with some of its modules; for run and
# run-deb, which set work and top_srcdir.
# shellcheck shell=bash disable=SC2154

skip() {
    echo "VM skipped: $*"
    exit 0
}

fail() {
    echo "VM failed: $*"
    exit 1
}

# need_programs NAME...: skips where one is missing
need_programs() {
    local each
    PATH=$PATH:/usr/sbin:/sbin
    [ "$(uname -m)" = x86_64 ] || skip "this is for x86_64"
    for each in qemu-system-x86_64 busybox cpio depmod apt-get dpkg-deb "$@"; do
        command -v "$each" >/dev/null || skip "there is no $each"
    done
}

# Debian's kernel of today, unpacked in $work/kernel
fetch_kernel() {
    local package log=$work/fetch.log
    package=$(apt-cache depends linux-image-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    [ -n "$package" ] || skip "apt knows no linux-image-amd64 here"
    [ "$(cat "$work/kernel/package" 2>/dev/null)" = "$package" ] && return 0

    echo "fetching $package ..." >&2
    rm -rf "$work/kernel" "$work"/linux-image-*.deb
    (cd "$work" && apt-get download -q "$package") >"$log" 2>&1 ||
        skip "$package cannot be had (see build/vm/fetch.log)"
    dpkg-deb -x "$work"/linux-image-*.deb "$work/kernel" || skip "$package cannot be unpacked"
    rm -f "$work"/linux-image-*.deb
    depmod -b "$work/kernel" "$(ls "$work/kernel/lib/modules")"
    echo "$package" >"$work/kernel/package"
}

# add_module PATH [OPTION...]: what modprobe would insert, in its order; compressed in Debian 13
add_module() {
    local name
    name=$(basename "${1%.xz}")
    [ ! -e "$work/initramfs/lib/$name" ] || return 0
    case $1 in
    *.xz) xz -dc "$1" >"$work/initramfs/lib/$name" ;;
    *) cp "$1" "$work/initramfs/lib/$name" ;;
    esac
    shift
    echo "$name $*" >>"$work/initramfs/lib/modules.list"
}

# begin_initramfs INIT MODULE...: $work/initramfs with busybox, this init and these modules
begin_initramfs() {
    local version module word path options
    version=$(ls "$work/kernel/lib/modules")
    rm -rf "$work/initramfs"
    mkdir -p "$work/initramfs"/{bin,lib,proc,sys,dev,root}
    cp "$(command -v busybox)" "$work/initramfs/bin/busybox"
    install -m 755 "$top_srcdir/tests/vm/$1" "$work/initramfs/init"
    shift
    for module in "$@"; do
        modprobe -d "$work/kernel" -S "$version" --show-depends "$module" |
            while read -r word path options; do
                [ "$word" != insmod ] || add_module "$path" "$options"
            done
    done
}

# end_initramfs FILE
end_initramfs() {
    (cd "$work/initramfs" && find . | cpio -o -H newc --quiet) >"$1"
}

# boot NAME SECONDS QEMU-ARGUMENT...: what the guest says on its second serial line is shown, and kept
# in $work/NAME-guest.log; the last argument but the options is the kernel's command line
# (with no_timer_check: on a busy machine the timer comes too late for a kernel that checks it)
boot() {
    local name=$1 limit_s=$2
    shift 2
    timeout "$limit_s" qemu-system-x86_64 -accel tcg -m 1024 -smp 2 -nodefaults -no-reboot -display none \
        -kernel "$work"/kernel/boot/vmlinuz-* -device virtio-rng-pci \
        -serial "file:$work/$name-console.log" -serial stdio "$@" </dev/null 2>"$work/$name-qemu.log" |
        sed -u 's/\r$//' | tee "$work/$name-guest.log"
}

# finish NAME SECONDS: the last line, from what the guest said last
finish() {
    local qemu last
    qemu=$(qemu-system-x86_64 --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
    last=$(tail -n 1 "$work/$1-guest.log")
    case $last in
    "GUEST ok "*) echo "VM ok ${last#GUEST ok } qemu=$qemu seconds=$SECONDS" ;;
    *)
        tail -n 20 "$work/$1-qemu.log" "$work/$1-console.log" >&2
        [ "$SECONDS" -lt "$2" ] || fail "not done within $2 s"
        fail "${last#VM failed: }"
        ;;
    esac
}
