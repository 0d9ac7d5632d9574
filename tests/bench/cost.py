# SPDX-License-Identifier: LGPL-2.1-or-later
"""cost: what a process has used so far, from /proc."""
import glob
import re


def cpu_s(pids):
    """utime + stime in seconds of every thread, from the scheduler's nanoseconds."""
    total = 0
    for pid in pids:
        for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
            with open(path) as f:
                total += int(f.read().split()[0])
    return total / 1e9


def memory_kib(pid):
    """(private dirty, resident)"""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        rows = dict(re.findall(r"^(\w+): +(\d+) kB", f.read(), re.M))
    return int(rows["Private_Dirty"]), int(rows["Rss"])


def wakeups(pid):
    """How often its threads went to sleep, and so were woken, of themselves."""
    total = 0
    for path in glob.glob("/proc/%d/task/*/status" % pid):
        with open(path) as f:
            total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", f.read(), re.M)[1])
    return total


def timers_s(pid):
    """Seconds until each of its timers on CLOCK_BOOTTIME that is set, the next one first."""
    left = []
    for path in glob.glob("/proc/%d/fdinfo/*" % pid):
        with open(path) as f:
            found = re.search(r"^clockid: 7$.*^it_value: \((\d+), (\d+)\)$", f.read(), re.M | re.S)
        if found and found.groups() != ("0", "0"):
            left.append(int(found[1]) + int(found[2]) / 1e9)
    return sorted(left)
