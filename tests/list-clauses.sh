#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# list-clauses: standard clause -> code -> test, as TAP: each clause that code obeys has a test.
cd "${top_srcdir:-$(dirname "$0")/..}" || exit 2
n=0
grep -rhoE '/\*= [^:*]+' src modem dbus --include='*.[ch]' | sed 's|/\*= ||; s| *$||' | sort -u > "${TMPDIR:-/tmp}/clauses.$$"
trap 'rm -f "${TMPDIR:-/tmp}/clauses.$$"' EXIT
while read -r clause; do
    n=$((n + 1))
    code=$(grep -rlE "/\*= $clause( |:|\*)" src modem dbus --include='*.[ch]' | tr '\n' ' ')
    test=$(grep -rlE "(/\*|#)= $clause( |:|\*|\$)" tests | tr '\n' ' ')
    [ -n "$test" ] && ok=ok || ok='not ok'
    echo "$ok $n - $clause | $code| ${test:-no test}"
done < "${TMPDIR:-/tmp}/clauses.$$"
[ "$n" -gt 0 ] || { n=1; echo "not ok 1 - no clause is cited anywhere"; }
echo "1..$n"
