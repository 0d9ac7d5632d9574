# SPDX-License-Identifier: LGPL-2.1-or-later
"""akmad on a gateway whose clock stands before akmad was built: a boot without a battery. The clock
of akmad and akmactl is libfaketime's; that of the server is right."""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import KEY, World  # noqa: E402

import harness  # noqa: E402
import reference  # noqa: E402  (world puts it in the path)
import tap  # noqa: E402

DAY = 86400
FAKED = []


def find_faked():
    """What makes a program see another clock: as faketime(1) does, but as the process itself, so
    that it gets the signals."""
    library = subprocess.run(["faketime", "2001-02-03 04:05:06", "sh", "-c", "echo $LD_PRELOAD"],
                             stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return ["env", "LD_PRELOAD=" + library, "FAKETIME=@2001-02-03 04:05:06",
            "FAKETIME_DONT_FAKE_MONOTONIC=1"]


class LateWorld(World):
    """akmad has got its key in an earlier life; its clock is wrong since."""

    def __enter__(self):
        super().__enter__()
        self.start().wait_key()
        assert self.stack.stop("akmad") == 0
        self.boot()
        return self

    def boot(self):
        self.stack.spawn("akmad", [*FAKED, harness.program("akmad"), "--config",
                                   self.stack.path("akmad.conf"), "--bus", self.stack.bus])

    def ctl(self, *words):
        return subprocess.run(
            [*FAKED, harness.program("akmactl"), "--bus", self.stack.bus, *words], env=self.stack.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)

    def serve_certificate_of_tomorrow(self):
        """Its server has one that begins after this was built, whatever day that was."""
        folder = self.stack.path("tomorrow")
        os.makedirs(folder)
        ca, certificate, key = reference.make_certificate(world.FQDN, folder, days=9, begin_hours=24)
        self.server = reference.ReferenceServer(world.FQDN, None, certificate, key)
        self.server.__enter__()
        self.servers.append(self.server)
        os.unlink(self.stack.path("ca.pem"))
        os.symlink(ca, self.stack.path("ca.pem"))
        self.reload()
        self.wait("it is reloaded", lambda: "configuration reloaded" in self.log())


def keys_are_there(w):
    assert w.get_key()[0] == KEY
    assert os.path.getsize(w.stack.path("state", "keys.sealed")) > len(KEY)
    assert not os.path.exists(w.stack.path("state", "keys.sealed.bad"))


@tap.test
def clock_before_the_build_takes_no_key_and_does_not_hinder_the_exchange():
    with LateWorld() as w:
        keys_are_there(w)
        w.server.rotate("mqtt", b"n" * 32, grace=600)
        w.renew()
        assert w.get_key()[0] == b"n" * 32 and w.get_key(kid="mqtt:1")[0] == KEY


@tap.test
def reject_a_key_that_had_ended_before_the_boot_by_the_time_of_its_server():
    with LateWorld() as w:
        assert w.stack.stop("akmad") == 0
        w.server.keys["mqtt"].exp = int(time.time()) + DAY
        w.server.keys["vpn"] = reference.ServerKey(b"v" * 32)
        w.applications += "[application vpn]\nserver=keys\nusers=%u\n"
        w.configure()
        w.stack.start_agent(config=False)
        w.renew(), w.wait_key("vpn")
        assert w.get_key()[0] == KEY
        # two days later; a new key of another application is what goes to disk
        del w.server.keys["mqtt"]
        w.server.clock = lambda: time.time() + 2 * DAY
        w.server.rotate("vpn", b"V" * 32)
        w.renew("vpn")
        assert w.error_of(w.get_key) == "NotReady"
        w.stack.stop("akma-modemsim")
        assert w.stack.stop("akmad") == 0
        w.boot()
        assert w.get_key("vpn")[0] == b"V" * 32
        assert w.error_of(w.get_key) == "NotReady"


@tap.test
def reject_a_certificate_that_is_not_valid_yet_and_name_the_clock_as_the_cause():
    with LateWorld() as w:
        w.serve_certificate_of_tomorrow()
        assert w.error_of(w.renew) == "ServerNotAuthentic"
        row = w.properties()
        text = row["LastError"][1]
        assert row["State"] == "stale" and row["LastError"][0] == world.ERROR + "ServerNotAuthentic", row
        assert "the clock shows 2001-02-03" in text and "this program was built on 20" in text, text
        assert "; next: set the clock" in text, text
        harness.wait_until("the log says it", lambda: "); next: set the clock" in w.log())
        keys_are_there(w)

        done = w.ctl("status")
        assert "the clock shows 2001-02-03" in done.stdout and "next: set the clock" in done.stdout, done
        # and after another boot, as long as the clock is not set
        assert w.stack.stop("akmad") == 0
        w.boot()
        keys_are_there(w)


@tap.test
def doctor_finds_the_clock():
    with LateWorld() as w:
        w.serve_certificate_of_tomorrow()
        assert w.error_of(w.renew) == "ServerNotAuthentic"
        done = w.ctl("doctor", "--json", "--config", w.stack.path("akmad.conf"))
        rows = {row["check"]: row for row in map(json.loads, done.stdout.splitlines()) if "check" in row}
        assert done.returncode == 21, done
        assert [name for name, row in rows.items() if row["ok"] is False][0] == "clock", rows
        assert "2001-02-03" in rows["clock"]["message"] and "clock" in rows["clock"]["next"], rows
        assert "clock" in rows["server"]["next"], rows


if __name__ == "__main__":
    if not shutil.which("faketime"):
        tap.skip_all("faketime is not installed")
    if os.environ.get("AKMA_SANITIZERS"):
        tap.skip_all("faketime and AddressSanitizer exclude each other")
    FAKED += find_faked()
    tap.main()
