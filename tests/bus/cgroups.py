# SPDX-License-Identifier: LGPL-2.1-or-later
"""cgroups: processes in a unit of systemd without systemd: in a cgroup of that name."""
import os

import tap

ROOTS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")


class Unit:
    """with Unit("x.service") as unit: processes call unit.enter() to be in it."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        root = [r for r in ROOTS if os.path.exists(r + "/cgroup.procs")]
        if os.getuid() != 0 or not root:
            raise tap.Skip("needs root and cgroup2, to put a process into a unit")
        slice_, self.made = root[0] + "/system.slice", []
        self.path = "%s/%s" % (slice_, self.name)
        try:
            while not os.path.isdir(self.path):
                for path in (slice_, self.path):
                    self.make(path)
        except OSError as error:
            raise tap.Skip("cannot make a cgroup: %s" % error) from None
        return self

    def make(self, path):
        """Another test may make the slice at this moment, or take it away."""
        try:
            os.mkdir(path)
            self.made.append(path)
        except (FileExistsError, FileNotFoundError):
            pass

    def enter(self):
        with open(self.path + "/cgroup.procs", "w") as file:
            file.write("0")

    def __exit__(self, kind, value, trace):
        for path in reversed(self.made):
            try:
                os.rmdir(path)
            except OSError:
                pass  # a process of another test is still in the slice
