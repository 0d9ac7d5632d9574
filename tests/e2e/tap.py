# SPDX-License-Identifier: LGPL-2.1-or-later
"""tap: a test script of functions; prints TAP. A name is a sentence.

    @tap.test
    def reject_truncated_request(): ...
    tap.main()

A function that raises fails; raise tap.Skip("why") to skip.
"""
import sys
import time
import traceback


class Skip(Exception):
    pass


_tests = []


def test(function):
    _tests.append(function)
    return function


def each(*values):
    """One test for each value, which it gets as its argument: "name", "name_over_<second>", ..."""
    def register(function):
        for value in values:
            def run(value=value):
                function(value)
            run.__name__ = function.__name__ + ("" if value == values[0] else "_over_" + value)
            _tests.append(run)
        return function
    return register


def skip_all(why):
    print("1..0 # SKIP " + why, flush=True)
    sys.exit(0)


def eventually(condition, seconds):
    """Looks again until @condition() holds; whether it ever did."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def patiently(check, *milliseconds):
    """check(ms) with the first of @milliseconds; with the next one where that failed: a modem that
    does not answer in time is an error, and under load the time of the first may be too short."""
    for ms in milliseconds[:-1]:
        try:
            return check(ms)
        except AssertionError as error:
            print("# with %d ms: %s" % (ms, str(error).replace("\n", "\n# ")), flush=True)
    return check(milliseconds[-1])


def main():
    failed = 0
    print("1..%d" % len(_tests), flush=True)
    for number, function in enumerate(_tests, 1):
        name = function.__name__
        try:
            function()
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, name, why), flush=True)
        except Exception:
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print("not ok %d - %s" % (number, name), flush=True)
        else:
            print("ok %d - %s" % (number, name), flush=True)
    sys.exit(0)
