#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-tree: what src/README.md and HACKING.md promise about every source file, as a test.
# A broken rule is a line "# file:line: rule".
cd "${top_srcdir:-$(dirname "$0")/..}" || exit 2
bad=$(mktemp)
trap 'rm -f "$bad"' EXIT

# folder -> what it may include; a folder may always include its own files
may_include() {
    case $1 in
    src/base) echo '' ;;
    src/kdf | src/http | src/store | src/tpm) echo 'base' ;;
    src/proto) echo 'base kdf' ;;
    src/session) echo 'base kdf proto' ;;
    src/anchor) echo 'base kdf http modem' ;;
    src/agent) echo 'base kdf proto session http anchor store tpm modem dbus' ;;
    src/keyserver) echo 'base kdf proto session http' ;;
    src/lab) echo 'base kdf http' ;;
    src/cli) echo 'base dbus/generated' ;;
    src/lib) echo 'base/error base/bus-error base/memfd' ;;
    modem | modem/at | modem/mbim | modem/port | modem/qmi) echo 'base modem' ;;
    modem/simulator) echo 'base kdf http modem/simulator' ;;
    dbus) echo 'base store dbus' ;;
    tests/*) echo 'base kdf proto session http anchor store tpm agent keyserver lab cli lib modem dbus tests' ;;
    esac
}

check_includes() {
    dir=$(dirname "$1")
    allowed="$(may_include "$dir") ${dir#src/}"
    grep -n '^#include "' "$1" | sed 's/^\([0-9]*\):#include "\([^"]*\)".*/\1 \2/' |
        while read -r line inc; do
            for a in $allowed; do
                case $inc in "$a"/* | "$a".h)
                    # the simulator is independent of the code it tests, and the other way round
                    case $dir:$inc in modem/simulator:* | *:modem/simulator/*) ;; *) continue 2 ;; esac
                    [ "$a" = modem/simulator ] || [ "${inc#modem/}" = "$inc" ] && continue 2
                    case $dir in modem/simulator | tests/*) continue 2 ;; esac
                    ;;
                esac
            done
            echo "$1:$line: must not include \"$inc\""
        done
}

check_text() {
    head -1 "$1" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' || echo "$1:1: no SPDX line"
    awk -v f="$1" '
        /^\{$/ { start = NR }
        /^\}$/ && start { if (NR - start > 71) print f ":" start ": function over 70 lines"; start = 0 }
        /^[[:space:]]*\/\/|[;{}] *\/\/ / { print f ":" NR ": // comment" }
        /(^|[^_a-z])(memcmp|strcpy|strcat|sprintf|vsprintf|atoi|bzero|alloca) ?\(/ { print f ":" NR ": banned call" }
        /(^|[^_a-z])g_error ?\(|set_traces_enabled ?\(TRUE/ { print f ":" NR ": banned call" }
        f !~ /^tests\// && /(^|[^_a-z])abort ?\(/ { print f ":" NR ": abort() in a program" }
        END { if (NR > 500) print f ":" NR ": file over 500 lines" }' "$1"
}

# no IMSI outside modem/ and src/anchor/ (lab and simulator play the network)
check_identities() {
    case $1 in
    src/anchor/* | modem/* | src/lab/* | src/kdf/* | tests/*) ;;
    *) grep -nE '[^"a-z]imsi[^-"]' "$1" | grep -v '/\*\| \* ' | sed "s|^\([0-9]*\):.*|$1:\1: IMSI outside modem/ and src/anchor/|" ;;
    esac
}

# dbus/generated.*: made by gdbus-codegen, in the tree itself if that is what was configured
find src modem dbus tests -name '*.[ch]' ! -path 'dbus/generated.[ch]' | sort | while read -r f; do
    check_includes "$f"
    check_text "$f"
    check_identities "$f"
done > "$bad"
# one licence, as packaging/debian/copyright says of all files
find src modem dbus tests packaging -type f -exec grep -nI '^[^a-z]*SPDX-License-Identifier' {} + |
    grep -v 'SPDX-License-Identifier: LGPL-2.1-or-later' | sed 's/$/: another licence/' >> "$bad"

echo 1..1
sed 's/^/# /' "$bad"
if [ -s "$bad" ]; then echo 'not ok 1 - tree_keeps_its_rules'; else echo 'ok 1 - tree_keeps_its_rules'; fi
