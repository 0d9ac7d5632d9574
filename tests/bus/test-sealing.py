# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the file of keys is sealed: by file, systemd and TPM; each kind offline, and from one to another.

The TPM is swtpm(8); credentials are made and opened by systemd-creds(1), as systemd does it.
"""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import KEY, MANAGER, ROOT, World  # noqa: E402

import harness  # noqa: E402  (world puts it in the path)
import memscan  # noqa: E402
import swtpm  # noqa: E402
import tap  # noqa: E402

HELPER = os.path.join(harness.BUILD, "src/agent/akmad-tpm")
MAKE_CREDENTIAL = os.path.join(harness.SOURCE, "packaging/make-sealing-credential")
SECONDS = 60


class SealedWorld(World):
    """What @settings says stands in [agent]."""

    def __init__(self, settings="", **named):
        super().__init__(**named)
        self.settings = settings

    def configure(self):
        super().configure()
        path = self.stack.path("akmad.conf")
        with open(path) as f:
            text = f.read()
        self.stack.write("akmad.conf", text.replace("[agent]\n", "[agent]\n" + self.settings, 1))

    def again(self, settings=None):
        """The same gateway after a restart, without modem and server."""
        for name in ("akmad", "akma-modemsim"):
            if name in self.stack.processes:
                self.stack.stop(name)
        if settings is not None:
            self.settings = settings
        self.configure()
        self.stack.start_agent(config=False)
        return self

    def fail_to_start(self, status=30):
        """akmad as it says no; what it says."""
        if "akmad" in self.stack.processes:
            self.stack.stop("akmad")
        self.configure()
        result = self.run_agent("--bus", self.stack.bus)
        assert result.returncode == status, result
        assert "\n  next: " in result.stderr, result.stderr
        return result.stderr

    @property
    def kind(self):
        return self.get_all(ROOT, MANAGER)["Sealing"]

    def state(self, name):
        return self.stack.path("state", name)

    def wait_key(self, *words, **named):
        return harness.wait_until("mqtt is ready", lambda: self.properties()["State"] == "ready",
                                  SECONDS)


def tpm_of(w, name="tpm"):
    if not os.path.exists(HELPER):
        raise tap.Skip("akmad-tpm is not built: no libtss2")
    return swtpm.Swtpm(w.stack.dir, name)


def sealed_by(tpm, kind="tpm", timeout="50s"):
    return "sealing=%s\ntpm-tcti=%s\ntpm-timeout=%s\n" % (kind, tpm.tcti, timeout)


class Credentials:
    """What systemd does before it starts a unit: opens its credentials into a folder."""

    def __init__(self, w):
        if not shutil.which("systemd-creds"):
            raise tap.Skip("systemd-creds is not installed")
        self.w, self.store, self.folder = w, w.stack.path("credstore"), w.stack.path("credentials")
        self.env = dict(os.environ, SYSTEMD_CREDENTIAL_SECRET=w.stack.path("credential.secret"),
                        SYSTEMD_LOG_LEVEL="err")
        os.makedirs(self.folder)
        w.stack.env["CREDENTIALS_DIRECTORY"] = self.folder
        self.run_env = dict(w.stack.env)

    def make(self, kind, tpm=None):
        """By the script that is installed, which opens it again."""
        if kind == "host" and os.getuid() != 0:
            raise tap.Skip("systemd gives its own key to root alone")
        env = dict(self.env, SYSTEMD_TPM2_DEVICE=tpm.tcti) if tpm else self.env
        done = subprocess.run(["sh", MAKE_CREDENTIAL, kind, self.store], env=env, text=True,
                              capture_output=True)
        if done.returncode and "not supported" in done.stderr:
            raise tap.Skip("systemd-creds: " + done.stderr.strip())
        assert done.returncode == 0, done
        assert sorted(os.listdir(self.store)) == ["akmad.sealing-" + kind]

    def deliver(self, kind, tpm=None):
        """False: it does not open, and systemd would not start the unit."""
        name = "akmad.sealing-" + kind
        options = ["--tpm2-device=" + tpm.tcti] if tpm else []
        if tpm:
            tpm.flush_sessions()
        done = subprocess.run(["systemd-creds", "decrypt", "--name=" + name, *options,
                               os.path.join(self.store, name), "-"], env=self.env,
                              capture_output=True)
        if done.returncode == 0:
            assert len(done.stdout) == 32
            path = os.path.join(self.folder, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o400), "wb") as f:
                f.write(done.stdout)
        else:
            print("# " + done.stderr.decode().strip().replace("\n", "\n# "))
        return done.returncode == 0

    def withdraw(self, kind):
        os.unlink(os.path.join(self.folder, "akmad.sealing-" + kind))


def is_offline(w):
    w.wait("no modem", lambda: w.get_all(ROOT, MANAGER)["State"] == "no-modem")
    return True


@tap.test
def offline_after_a_restart_with_a_file_of_ours():
    with SealedWorld("sealing=file\n") as w:
        w.start().wait_key()
        assert w.kind == "file"
        w.again()
        assert w.get_key()[0] == KEY and is_offline(w)


@tap.test
def offline_after_a_restart_with_a_file_that_is_named():
    with SealedWorld() as w:
        w.settings = "sealing=file\nsealing-key-file=%s\n" % w.stack.write("named", "n" * 32)
        w.start().wait_key()
        w.again()
        assert w.get_key()[0] == KEY and w.kind == "file"
        assert not os.path.exists(w.state("sealing.key"))


@tap.test
def offline_after_a_restart_with_the_host_key_of_systemd():
    with SealedWorld() as w:
        creds = Credentials(w)
        creds.make("host")
        assert creds.deliver("host")
        w.start().wait_key()
        assert w.kind == "systemd-host"
        w.again("sealing=systemd\n")
        assert w.get_key()[0] == KEY and w.kind == "systemd-host"
        assert not os.path.exists(w.state("sealing.key"))


@tap.test
def offline_after_a_restart_with_the_tpm2_of_systemd():
    with SealedWorld() as w, tpm_of(w) as tpm:
        creds = Credentials(w)
        creds.make("tpm2", tpm)
        assert creds.deliver("tpm2", tpm)
        w.start().wait_key()
        assert w.kind == "systemd-tpm2"
        w.again()
        assert w.get_key()[0] == KEY
        # without it nothing weaker is taken
        creds.withdraw("tpm2")
        text = w.fail_to_start()
        assert "akmad.sealing-tpm2" in text and os.path.exists(w.state("keys.sealed")), text
        assert creds.deliver("tpm2", tpm)
        w.again()
        assert w.get_key()[0] == KEY
        tpm.extend(7)
        assert not creds.deliver("tpm2", tpm)


@tap.test
def offline_after_a_restart_with_the_tpm_itself():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        assert w.kind == "tpm"
        assert sorted(os.listdir(w.stack.path("state"))) == [
            "cards", "keys.sealed", "sealing.tpm", "sim-id.key"]
        tpm.stop()
        tpm.start()
        w.again()
        assert w.get_key()[0] == KEY and is_offline(w)


@tap.test
def auto_takes_the_tpm_and_does_not_leave_it():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm, "auto")
        w.start().wait_key()
        assert w.kind == "tpm"
        tpm.stop()
        text = w.fail_to_start()
        assert "TPM" in text and "start akmad again" in text, text
        tpm.start()
        w.again()
        assert w.get_key()[0] == KEY


@tap.test
def auto_goes_up_to_a_tpm_that_came_and_loses_nothing():
    with SealedWorld("tpm-tcti=swtpm:path=/proc/nonexistent/tpm\n") as w:
        w.start().wait_key()
        assert w.kind == "file" and "what comes next best" in w.log(), w.log()
        old = open(w.state("sealing.key"), "rb").read()
        os.link(w.state("sealing.key"), w.stack.path("blocks-of-the-old-key"))
        with tpm_of(w) as tpm:
            w.again(sealed_by(tpm, "auto"))
            assert w.kind == "tpm" and w.get_key()[0] == KEY
            assert "was sealed with file, and is with tpm now" in w.log()
            assert not os.path.exists(w.state("sealing.key"))
            assert not any(old in open(w.state(n), "rb").read() for n in os.listdir(w.state("")))
            with open(w.stack.path("blocks-of-the-old-key"), "rb") as f:
                assert f.read() == bytes(len(old)), "only the name is gone"


@tap.test
def a_kind_that_a_person_sets_is_taken_over_in_either_direction():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        w.again("sealing=file\ntpm-tcti=%s\n" % tpm.tcti)
        assert w.kind == "file" and w.get_key()[0] == KEY
        assert "was sealed with tpm, and is with file now" in w.log()
        assert not os.path.exists(w.state("sealing.tpm"))
        w.again(sealed_by(tpm))
        assert w.kind == "tpm" and w.get_key()[0] == KEY


@tap.test
def a_kind_that_a_person_leaves_while_its_key_is_lost_is_reported_and_keys_are_fetched_again():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        w.stack.stop("akmad")
        tpm.extend(7)
        w.settings = "sealing=file\ntpm-tcti=%s\n" % tpm.tcti
        w.configure()
        w.stack.start_agent(config=False)
        w.wait_key()
        assert w.kind == "file" and w.get_key()[0] == KEY
        assert "keys.sealed is sealed with tpm: " in w.log() and "PCRs" in w.log()
        # kept for the day on which the PCRs are back
        assert os.path.exists(w.state("keys.sealed.bad")) and os.path.exists(w.state("sealing.tpm"))


@tap.test
def reject_a_tpm_where_akmad_tpm_is_not_installed_and_let_auto_do_without():
    with SealedWorld("sealing=tpm\n") as w:
        w.configure()
        # akmad-tpm stands beside akmad, but not here
        alone = shutil.copy(harness.program("akmad"), w.stack.path("akmad"))
        words = [alone, "--config", w.stack.path("akmad.conf"), "--bus", w.stack.bus]
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 30 and "next: install it" in done.stderr, done
        w.settings = "sealing=auto\ntpm-tcti=swtpm:path=/proc/nonexistent\n"
        w.stack.start_modem(card=world.card(), core=False)
        w.configure()
        w.stack.spawn("akmad", words)
        w.wait_key()
        assert w.kind == "file" and "next best" not in w.log()


@tap.test
def reject_sealing_by_systemd_without_a_credential_or_with_one_that_is_cut():
    with SealedWorld("sealing=systemd\n") as w:
        text = w.fail_to_start()
        assert "akmad.sealing-host" in text and "/etc/credstore.encrypted" in text, text
        path = w.stack.path("akmad.sealing-host")
        w.stack.env["CREDENTIALS_DIRECTORY"] = os.environ["CREDENTIALS_DIRECTORY"] = w.stack.dir
        try:
            w.stack.write("akmad.sealing-host", "s" * 31, 0o400)
            w.fail_to_start(6)
            # nothing was sealed with it, so auto goes on, and says so
            w.settings = ""
            w.start().wait_key()
            assert w.kind == "file" and path in w.log(), w.log()
        finally:
            del os.environ["CREDENTIALS_DIRECTORY"]


@tap.test
def reject_another_boot_and_take_the_old_one_again():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        tpm.extend(7)
        text = w.fail_to_start()
        assert "PCRs" in text and "remove keys.sealed" in text, text
        assert os.path.exists(w.state("keys.sealed"))
        # the boot of before
        tpm.stop()
        tpm.start()
        w.again()
        assert w.get_key()[0] == KEY


@tap.test
def what_the_message_says_helps_after_another_boot():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        w.stack.stop("akmad")
        tpm.extend(7)
        os.unlink(w.state("keys.sealed"))
        w.stack.start_agent(config=False)
        w.wait_key()
        assert w.kind == "tpm"
        w.again()
        assert w.get_key()[0] == KEY


@tap.test
def a_pcr_that_is_not_in_tpm_pcrs_may_change():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm) + "tpm-pcrs=0;14\n"
        w.start().wait_key()
        tpm.extend(7)
        w.again()
        assert w.get_key()[0] == KEY
        tpm.extend(14)
        assert "PCRs" in w.fail_to_start()


@tap.test
def reject_another_tpm():
    with SealedWorld() as w, tpm_of(w) as tpm, tpm_of(w, "other") as other:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        w.settings = sealed_by(other)
        text = w.fail_to_start()
        assert "another TPM" in text, text
        w.again(sealed_by(tpm))
        assert w.get_key()[0] == KEY


@tap.test
def reject_a_sealed_key_that_is_torn_or_tampered():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        w.stack.stop("akmad")
        path = w.state("sealing.tpm")
        good = open(path, "rb").read()
        for bad in ([good[:-1], good + b"\0", b"", good[:9]] +
                    [good[:i] + bytes([good[i] ^ 1]) + good[i + 1:]
                     for i in (0, 7, 11, 13, 20, 60, len(good) // 2, len(good) - 1)]):
            with open(path, "wb") as f:
                f.write(bad)
            text = w.fail_to_start()
            assert "sealed by a TPM" in text or "sealing.tpm" in text, text
        with open(path, "wb") as f:
            f.write(good)
        w.again()
        assert w.get_key()[0] == KEY


@tap.test
def reject_a_tpm_whose_owner_has_a_password():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        tpm.set_owner_password(b"secret")
        text = w.fail_to_start()
        assert "password" in text and "tpm2_changeauth" in text, text


@tap.test
def reject_a_tpm_that_does_not_answer_in_time():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        w.settings = sealed_by(tpm, timeout="1s")
        tpm.freeze()
        start = time.monotonic()
        text = w.fail_to_start()
        assert "does not answer within 1 s" in text and "tpm-timeout" in text, text
        assert time.monotonic() - start >= 1
        harness.wait_until("akmad-tpm ends with it", lambda: not helpers_of(tpm), SECONDS)
        tpm.thaw()
        w.again(sealed_by(tpm))
        assert w.get_key()[0] == KEY


def helpers_of(tpm):
    """Processes that talk to @tpm."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/akmad-tpm") and tpm.tcti.encode() in words:
            found.append(int(pid))
    return found


@tap.test
def sigterm_while_the_tpm_is_slow_is_a_clean_stop():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm, timeout="60s")
        w.configure()
        tpm.freeze()
        process = harness.Process("akmad", [harness.program("akmad"), "--config",
                                            w.stack.path("akmad.conf"), "--bus", w.stack.bus],
                                  w.stack.path("slow.log"), env=w.stack.env)
        w.stack.processes["akmad"] = process
        harness.wait_until("the TPM is asked", lambda: helpers_of(tpm), SECONDS)
        assert w.stack.stop("akmad") == 0
        harness.wait_until("akmad-tpm ends with it", lambda: not helpers_of(tpm), SECONDS)


@tap.test
def reject_a_tpm_that_dies_in_the_middle_of_a_command():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        w.stack.stop("akmad")
        for n in (1, 2, 3):
            with swtpm.Wire(tpm, w.stack.path("wire%d" % n), kill_at=n) as wire:
                w.settings = sealed_by(wire)
                assert "TPM" in w.fail_to_start(), n
                assert wire.commands == n
            tpm.start()
        w.again(sealed_by(tpm))
        assert w.get_key()[0] == KEY


@tap.test
def the_wire_to_the_tpm_and_the_state_folder_do_not_show_the_key():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.stack.start_modem(card=world.card(), core=False)
        with swtpm.Wire(tpm, w.stack.path("wire")) as wire:
            w.settings = sealed_by(wire)
            w.start(modem=False).wait_key()
            w.again()
            assert w.get_key()[0] == KEY
        with open(w.state("sealing.tpm"), "rb") as blob:
            key = subprocess.run([HELPER, "--tcti", tpm.tcti, "unseal"], stdin=blob, check=True,
                                 stdout=subprocess.PIPE).stdout
        assert len(key) == 32 and len(wire.heard) > 1000
        assert key not in wire.heard
        for name in os.listdir(w.stack.path("state")):
            with open(w.state(name), "rb") as f:
                assert key not in f.read(), name
        if os.getuid() == 0 and not os.environ.get("AKMA_SANITIZERS"):
            # once in the locked heap, and nowhere else
            places = memscan.scan([w.stack.processes["akmad"].pid], {"key": key})["key"]
            assert len(places) == 1 and places[0][1] == "raw", places


@tap.test
def no_library_of_the_tpm_is_in_the_memory_of_the_agent():
    with SealedWorld() as w, tpm_of(w) as tpm:
        w.settings = sealed_by(tpm)
        w.start().wait_key()
        path = "/proc/%d/maps" % w.stack.processes["akmad"].pid
        if os.getuid() != 0:
            raise tap.Skip("only root may see the maps of a program that is not dumpable")
        with open(path) as f:
            assert "libtss2" not in f.read()
        assert not helpers_of(tpm)


if __name__ == "__main__":
    tap.main()
