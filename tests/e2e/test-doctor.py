# SPDX-License-Identifier: LGPL-2.1-or-later
"""akmactl doctor on a whole system: all is well, and then each thing breaks once."""
import contextlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess

import harness
import tap

CHECKS = ("daemon bus modem sim anchor clock dns tls server entitlement authorization "
          "credentials").split()
UID = os.getuid()
# as the package has it: the name is for the agent's user alone
harness.BUS_CONF = harness.BUS_CONF.replace("</policy>", '<deny own="org.akmad1"/></policy>') \
    .replace("</busconfig>", '<policy user="%d"><allow own="org.akmad1"/></policy></busconfig>' % UID)

s = harness.Stack()


def configure(users="%u", name="akmad.conf", replace=()):
    s.agent_config(applications="[application mqtt]\nserver=keys\nusers=%s\n" % users)
    with open(s.path("akmad.conf")) as file:
        text = file.read()
    text = text.replace("[agent]\n", "[agent]\ncredential-socket=%s\n" % s.path("credentials"))
    for old, new in replace:
        assert re.search(old, text), old
        text = re.sub(old, new, text)
    if name != "akmad.conf":
        configure(users)
    return s.write(name, text)


def doctor(*words, config="akmad.conf", timeout="20", before=(), **run):
    """Its status, and its lines by check."""
    done = subprocess.run([*before, harness.program("akmactl"), "--bus", s.bus, "--json", "doctor",
                           "--timeout", timeout, "--config", s.path(config), *words], env=run.pop(
                               "env", s.env), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=90, **run)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["check"] for row in rows] == CHECKS, done
    assert all(list(row) == ["check", "ok", "message", "next"] for row in rows), done
    # only a fault has something to do about it, and each has
    assert all(row["message"] and bool(row["next"]) == (row["ok"] is False) for row in rows), done
    assert done.stderr == "" and (done.returncode == 0) == all(r["ok"] is not False for r in rows)
    return done.returncode, {row["check"]: row for row in rows}


def first_fault(rows):
    return next((c for c in CHECKS if rows[c]["ok"] is False), None)


def finds(check, status, **more):
    """Waits until the first fault is this one."""
    def found():
        result, rows = doctor(**more)
        return (result, first_fault(rows)) == (status, check) and rows
    try:
        return harness.wait_until("%s ends with %d" % (check, status), found, 60)
    except AssertionError:
        print("#", doctor(**more))
        raise


def is_well():
    try:
        harness.wait_until("all is well again", lambda: doctor()[0] == 0, 60)
    except AssertionError:
        print("#", doctor())
        raise


def control(line):
    answer = s.control(line)
    assert answer.startswith("ok"), answer


@contextlib.contextmanager
def fault(line, *undo):
    control(line)
    try:
        yield
    finally:
        for one in undo:
            control(one)
        is_well()


@tap.test
def all_is_well_on_a_whole_system():
    status, rows = doctor()
    assert status == 0 and all(row["ok"] for row in rows.values()), rows
    assert "TLSv1.3" in rows["tls"]["message"] and harness.FQDN in rows["tls"]["message"]
    assert "mqtt:1" in rows["entitlement"]["message"] and "0600" in rows["credentials"]["message"]


@tap.test
def person_reads_a_line_a_check_in_colour_on_a_terminal_only():
    words = [harness.program("akmactl"), "--bus", s.bus, "doctor", "--config", s.path("akmad.conf")]

    def on_terminal(**more):
        leader, follower = pty.openpty()
        child = subprocess.Popen(words, stdout=follower, stderr=follower, env=dict(s.env, **more))
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # all of it has been read, and the program has ended
            while True:
                shown += os.read(leader, 4096)
        os.close(leader)
        assert child.wait(timeout=60) == 0
        return shown.decode()

    plain = subprocess.run(words, env=s.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=60).stdout
    assert [re.match(r"\S+ (\w+) +\S", line)[1] for line in plain.splitlines()] == CHECKS, plain
    assert "\x1b" not in plain
    env = {"LC_ALL": "C.UTF-8"}
    shown = on_terminal(**env)
    assert "\x1b[32m\u2713\x1b[0m daemon" in shown and "dns ..." in shown, shown
    assert "\x1b[32m" not in on_terminal(NO_COLOR="1", **env)


@tap.test
def nothing_printed_is_secret():
    key = s.ctl("get", "mqtt", "--format", "hex").strip()
    text = json.dumps(doctor()[1])
    for secret in (key, harness.IMSI, harness.K, harness.OPC, "8988211000000000017"):
        assert secret not in text, secret


@tap.test
def modem_that_is_unplugged():
    with fault("unplug", "plug"):
        rows = finds("modem", 10)
        assert rows["sim"]["ok"] is None and rows["anchor"]["ok"] is None
        assert rows["tls"]["ok"] and rows["credentials"]["ok"], "these can be looked at"


@tap.test
def sim_that_is_out():
    with fault("sim out", "sim in"):
        rows = finds("sim", 12)
        assert rows["anchor"]["ok"] is None and rows["modem"]["ok"]


@tap.test
def sim_that_asks_for_its_pin_and_one_that_is_blocked():
    with fault("pin on", "pin unblock", "pin off", "sim out", "sim in"):
        control("sim out")
        control("sim in")
        finds("sim", 13)
        control("pin block")
        control("sim out")
        control("sim in")
        finds("sim", 14)


@tap.test
def sim_without_a_key_from_5g():
    with fault("deregister", "register"):
        assert "EF_5GAUTHKEYS" in finds("anchor", 16)["anchor"]["message"]


@tap.test
def clock_that_stands_before_this_was_built():
    if not shutil.which("faketime"):
        raise tap.Skip("faketime is not installed")
    env = dict(s.env, FAKETIME_DONT_FAKE_MONOTONIC="1",
               ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
    status, rows = doctor(before=("faketime", "2001-02-03 04:05:06"), env=env)
    assert (status, first_fault(rows)) == (21, "clock"), rows
    assert "2001-02-03" in rows["clock"]["message"] and "clock" in rows["clock"]["next"]
    # and what comes of it names the cause
    assert rows["tls"]["ok"] is False and "clock" in rows["tls"]["next"]
    assert doctor()[0] == 0


@tap.test
def name_that_is_not_there():
    configure(name="other.conf", replace=((r"url=https://[^:]*", "url=https://keys.invalid"),
                                          ("connect=.*\n", "")))
    status, rows = doctor(config="other.conf", timeout="5")
    assert (status, first_fault(rows)) == (20, "dns"), rows
    assert "keys.invalid" in rows["dns"]["message"] and rows["tls"]["ok"] is None


@tap.test
def certificate_of_another_name():
    configure(name="other.conf", replace=((r"url=https://[^:]*", "url=https://other.example.com"),))
    status, rows = doctor(config="other.conf")
    assert (status, first_fault(rows)) == (21, "tls"), rows
    assert "mismatch" in rows["tls"]["message"] and rows["server"]["ok"]


@tap.test
def certificate_of_another_ca():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", s.path("stranger.key"), "-out",
                    s.path("stranger.pem"), "-subj", "/CN=stranger"], check=True,
                   stderr=subprocess.DEVNULL)
    configure(name="other.conf", replace=((r"ca-file=.*", "ca-file=" + s.path("stranger.pem")),))
    status, rows = doctor(config="other.conf")
    assert (status, first_fault(rows)) == (21, "tls"), rows


@tap.test
def peer_that_speaks_no_tls_or_nothing_at_all():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = "connect=127.0.0.1:%d" % silent.getsockname()[1]
        configure(name="other.conf", replace=(("connect=.*", address),))
        status, rows = doctor(config="other.conf", timeout="1")
        assert (status, first_fault(rows)) == (20, "tls"), rows
        assert "no answer" in rows["tls"]["message"]
    core = s.core[len("http://"):]
    configure(name="other.conf", replace=(("connect=.*", "connect=" + core),))
    status, rows = doctor(config="other.conf")
    assert (status, first_fault(rows)) == (20, "tls"), rows


@tap.test
def server_that_is_down():
    assert s.stop("akma-keyserver") == 0
    rows = finds("server", 20)
    assert rows["tls"]["ok"] is None and rows["dns"]["ok"]
    listen = s.ready.pop("akma-keyserver")["listen"]
    with harness.refusing_address(listen):
        s.ctl("renew", "mqtt", check=False)
        # doctor finds it at another port; akmad asks at the old one, also when it tries again by itself
        s.keyserver_config()
        s.start_keyserver()
        configure()
        rows = finds("server", 20)
        assert rows["tls"]["ok"] and "akmactl renew" in rows["server"]["next"], rows
        s.stop("akma-keyserver")
    s.ready["akma-keyserver"]["listen"] = listen
    s.keyserver_config()
    s.start_keyserver()
    configure()
    s.renew_once_cured()
    is_well()


def change_at_the_server(*words):
    """And akmad asks it, well or not."""
    s.server(*words)
    s.ctl("renew", "mqtt", check=False)


@tap.test
def server_that_does_not_let_us_have_the_key():
    change_at_the_server("application", "deny", "mqtt", "*")
    finds("entitlement", 24)
    change_at_the_server("application", "allow", "mqtt", "*")
    is_well()


@tap.test
def key_that_is_revoked():
    change_at_the_server("key", "revoke", "--application", "mqtt")
    finds("entitlement", 26)
    change_at_the_server("key", "rotate", "--application", "mqtt")
    is_well()


@tap.test
def caller_who_may_not_have_it():
    configure(users="1")
    s.processes["akmad"].signal(signal.SIGHUP)
    if UID == 0:
        # root looks after the gateway; one of its users wants the key
        harness.wait_until("others than root", lambda: "others" in doctor()[1]["authorization"][
            "message"], 60)
        rows = finds("authorization", 4, user=65534, group=65534, extra_groups=[])
        assert "65534" in rows["authorization"]["message"]
        # says what it could not look at
        assert rows["dns"]["ok"] is None and "ermission" in rows["dns"]["message"]
        assert "root" in rows["anchor"]["message"]
        configure(replace=(("users=.*\n", ""),))
        s.processes["akmad"].signal(signal.SIGHUP)
        finds("authorization", 4)
    else:
        finds("authorization", 4)
    configure()
    s.processes["akmad"].signal(signal.SIGHUP)
    is_well()


@tap.test
def credential_socket_that_is_gone_or_open_to_all():
    path = s.path("credentials")
    os.chmod(path, 0o666)
    assert "0666" in finds("credentials", 6)["credentials"]["message"]
    os.chmod(path, 0o600)
    os.rename(path, path + ".away")
    finds("credentials", 7)
    s.write("credentials", "")
    finds("credentials", 6)
    os.rename(path + ".away", path)
    configure(name="other.conf", replace=(("credential-socket=.*", "credential-socket=" +
                                           s.path("dead")),))
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(s.path("dead"))
        os.chmod(s.path("dead"), 0o600)
        rows = finds("credentials", 7, config="other.conf")
        assert "nobody listens" in rows["credentials"]["message"]


@tap.test
def configuration_that_is_not_right_or_not_there():
    s.write("broken.conf", "[server keys]\nurl=gopher://x\n")
    for name in ("broken.conf", "nowhere.conf"):
        status, rows = doctor(config=name)
        assert (status, first_fault(rows)) == (6, "dns"), rows
        assert rows["tls"]["ok"] is None
        assert name in rows["dns"]["message"]


@tap.test
def agent_that_does_not_answer():
    agent = s.processes["akmad"]
    agent.signal(signal.SIGSTOP)
    try:
        status, rows = doctor(timeout="3")
    finally:
        agent.signal(signal.SIGCONT)
    assert (status, first_fault(rows)) == (7, "daemon"), rows
    assert "does not answer" in rows["daemon"]["message"] and rows["bus"]["ok"]


@tap.test
def agent_that_is_stopped():
    assert s.stop("akmad") == 0
    rows = finds("daemon", 7)
    assert "systemctl start akmad" in rows["daemon"]["next"]
    assert [c for c in CHECKS if rows[c]["ok"]] == ["clock", "dns", "tls", "server"], rows


@tap.test
def name_that_anybody_could_take():
    if UID != 0:
        raise tap.Skip("this takes two users")
    s.stop("dbus-daemon")
    harness.BUS_CONF = harness.BUS_CONF.replace('<deny own="org.akmad1"/>', "")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(s.path("bus.sock"))
    s.start_bus()
    s.start_agent(config=False)
    finds("bus", 6, user=65534, group=65534, extra_groups=[])


@tap.test
def bus_that_is_not_there_or_silent():
    s.bus = "unix:path=" + s.path("nowhere")
    status, rows = doctor()
    assert (status, first_fault(rows)) == (7, "bus") and rows["daemon"]["ok"] is None, rows
    assert rows["tls"]["ok"], "this needs no bus"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(s.path("silent"))
        silent.listen()
        s.bus = "unix:path=" + s.path("silent")
        status, rows = doctor(timeout="1")
        assert (status, first_fault(rows)) == (7, "bus"), rows


if __name__ == "__main__":
    with s:
        s.start_lab()
        s.start_modem()
        s.start_keyserver()
        s.start_bus()
        configure()
        s.start_agent(config=False)
        s.wait_key(seconds=60)
        tap.main()
