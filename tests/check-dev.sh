#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-dev: what ./dev does at its edges, without building anything.
top=$(cd "${top_srcdir:-$(dirname "$0")/..}" && pwd) || exit 2
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
number=0

# a dpkg-query that knows of no package, and an id that is not root's
stubs() {
    mkdir -p "$dir/bin"
    printf '#!/bin/sh\nexit 1\n' >"$dir/bin/dpkg-query"
    printf '#!/bin/sh\n[ "$1" = -u ] && echo 1000 || exec /usr/bin/id "$@"\n' >"$dir/bin/id"
    chmod 755 "$dir/bin/dpkg-query" "$dir/bin/id"
}

# run STATUS ARGUMENT...: ./dev with these ends with STATUS; its words are in $dir/out and $dir/err
run() {
    local status=$1
    shift
    PATH=$dir/bin:$PATH "$top/dev" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    local got=$?
    [ $got -eq "$status" ] || {
        echo "# ./dev $*: status $got, not $status"
        return 1
    }
}

said() {
    grep -qE -- "$2" "$dir/$1" || {
        echo "# no \"$2\" in:"
        sed 's/^/#   /' "$dir/$1"
        return 1
    }
}

verbs_are_listed() {
    run 0 && said out '^usage: \./dev VERB' || return
    local verb
    for verb in $(sed -n "s/^\([a-z |]*\)) verb=do_.*/\1/p" "$top/dev" | tr -d '|'); do
        said out "^  $verb\b" || return
    done
}

reject_a_verb_that_there_is_not() {
    run 2 frobnicate && said err 'no verb frobnicate' && said err '^  next: '
}

reject_words_that_a_verb_does_not_take() {
    run 2 check --some && run 2 check --only && run 2 deps everything && run 2 fuzz soon && run 2 format --now && run 2 vm --now
}

missing_packages_are_named_to_an_ordinary_user() {
    stubs
    local verb
    for verb in deps build check demo bench fuzz vm deb; do
        run 1 $verb && said err '^  next: apt-get install --no-install-recommends [a-z]' || return
    done
    run 1 deps check && said err 'python3-h2' && run 1 format && said err 'clang-format'
}

deb_installs_what_a_build_depends_on() {
    local packages_demo packages_check packages_all packages_vm packages_bench packages_deb each
    eval "$(sed -n '/^packages_demo=/,/^$/p' "$top/dev")"
    [ "$("$top/packaging/deb/depends" | wc -l)" -gt 15 ] || return
    for each in $("$top/packaging/deb/depends"); do
        # shellcheck disable=SC2086
        printf '%s\n' $packages_demo $packages_deb | grep -qxF "$each" || {
            echo "# ./dev deb does not install $each"
            return 1
        }
    done
}

nothing_is_built_without_the_packages() {
    stubs
    rm -rf "$dir/tree"
    mkdir "$dir/tree" && cp "$top/dev" "$dir/tree/dev" || return
    PATH=$dir/bin:$PATH "$dir/tree/dev" demo >"$dir/out" 2>"$dir/err" && return 1
    [ "$(ls "$dir/tree")" = dev ] && said out '^DEMO failed step=packages error=Internal$'
}

# check after demo: the tests of what only check installs are not left out
new_packages_are_configured_for() {
    stubs
    printf '#!/bin/sh\n[ "$1" = -u ] && echo 0 || exec /usr/bin/id "$@"\n' >"$dir/bin/id"
    printf '#!/bin/sh\nexit ${APT_STATUS:-0}\n' >"$dir/bin/apt-get" && chmod 755 "$dir/bin/apt-get"
    rm -rf "$dir/tree"
    mkdir -p "$dir/tree/build/gcc" && cp "$top/dev" "$dir/tree/dev" && : >"$dir/tree/build/gcc/Makefile" || return
    ! APT_STATUS=100 PATH=$dir/bin:$PATH "$dir/tree/dev" deps check 2>"$dir/err" || return
    said err '^dev: installing packages failed' && [ -e "$dir/tree/build/gcc/Makefile" ] || return
    PATH=$dir/bin:$PATH "$dir/tree/dev" deps check 2>"$dir/err" && [ ! -e "$dir/tree/build/gcc/Makefile" ]
}

# skips: tests/vm/run with nothing but $dir/bin; its last line is in $dir/out
skips() {
    top_srcdir=$top top_builddir=$dir PATH=$dir/bin "$BASH" "$top/tests/vm/run" >"$dir/out" 2>"$dir/err"
}

vm_is_skipped_where_it_cannot_run() {
    mkdir -p "$dir/bin"
    ln -sf "$(command -v dirname)" "$dir/bin/dirname"
    printf '#!/bin/sh\necho armv7l\n' >"$dir/bin/uname" && chmod 755 "$dir/bin/uname"
    skips && said out '^VM skipped: this is for x86_64$' || return
    printf '#!/bin/sh\necho x86_64\n' >"$dir/bin/uname"
    skips && said out '^VM skipped: there is no qemu-system-x86_64$'
}

tests=$(sed -n 's/^\([a-z_]*\)() {$/\1/p' "$0" | grep _)
echo "1..$(echo "$tests" | wc -l)"
for test in $tests; do
    number=$((number + 1))
    rm -rf "$dir/bin"
    if "$test"; then echo "ok $number - $test"; else echo "not ok $number - $test"; fi
done
exit 0
