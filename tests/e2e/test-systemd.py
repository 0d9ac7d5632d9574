# SPDX-License-Identifier: LGPL-2.1-or-later
"""What systemd hears from akma-lab, akma-modemsim and akma-keyserver, and what it gives them."""
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402
import harness  # noqa: E402


class Manager:
    """The end of NOTIFY_SOCKET that systemd has, for the programs of one Stack."""

    def __init__(self, stack, watchdog_s=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(stack.path("notify"))
        self.seen = []
        stack.env["NOTIFY_SOCKET"] = stack.path("notify")
        if watchdog_s:
            stack.env["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def until(self, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            try:
                self.seen.append(self.socket.recv(4096).decode())
            except socket.timeout:
                break
            if self.seen[-1].startswith(what):
                return self.seen[-1]
        raise AssertionError("no %s within %s s: %s" % (what, seconds, self.seen))

    def count(self, what, seconds, most=1000):
        """How many came within @seconds, or before: @most."""
        end, n = time.monotonic() + seconds, 0
        while time.monotonic() < end and n < most:
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            try:
                n += self.socket.recv(4096).decode().startswith(what)
            except socket.timeout:
                break
        return n


def start_lab(s):
    return s.start_lab()


def start_modem(s):
    return s.start_modem(core=False)


def start_keyserver(s):
    s.make_certificates()
    s.keyserver_config(core="http://127.0.0.1:1", workers=2)
    s.server("init")
    return s.start_keyserver()


PROGRAMS = (("akma-lab", start_lab), ("akma-modemsim", start_modem),
            ("akma-keyserver", start_keyserver))


@tap.test
def each_daemon_says_ready_reloading_and_stopping():
    for name, start in PROGRAMS:
        with harness.Stack() as s, Manager(s) as heard:
            process = start(s)
            heard.until("READY=1")
            process.signal(signal.SIGHUP)
            assert "\nMONOTONIC_USEC=" in heard.until("RELOADING=1"), name
            heard.until("READY=1")
            process.popen.terminate()
            heard.until("STOPPING=1")
            assert process.popen.wait(60) == 0, name


@tap.test
def each_daemon_feeds_the_watchdog():
    for name, start in PROGRAMS:
        with harness.Stack() as s, Manager(s, 0.4) as heard:
            start(s)
            heard.until("READY=1")
            n = heard.count("WATCHDOG=1", 1.1)
            assert n <= 12, (name, n)
            for _ in range(3 - n):  # of a busy machine
                heard.until("WATCHDOG=1")


@tap.test
def reject_a_watchdog_of_another_process():
    with harness.Stack() as s, Manager(s, 0.2) as heard:
        s.env["WATCHDOG_PID"] = "1"
        start_lab(s)
        heard.until("READY=1")
        assert heard.count("WATCHDOG=1", 0.7) == 0


@tap.test
def the_watchdog_is_fed_while_workers_fail():
    with harness.Stack() as s, Manager(s, 0.4) as heard:
        process = start_keyserver(s)
        assert heard.until("STATUS=2 of 2 workers serve")
        os.rename(s.path("store.key"), s.path("store.key.away"))
        for pid in harness.worker_pids(process.pid):
            if pid != process.pid:
                os.kill(pid, signal.SIGKILL)
        heard.until("STATUS=0 of 2")
        assert heard.count("WATCHDOG=1", 60, 8) == 8
        os.rename(s.path("store.key.away"), s.path("store.key"))
        heard.until("STATUS=2 of 2")


@tap.test
def the_modem_takes_its_control_socket_from_systemd():
    with harness.Stack() as s, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(s.control_path())
        listener.listen()
        s.write("modem.card", "[card]\niccid=8988211000000000017\n[usim]\nimsi=%s\nk=%s\nopc=%s\n"
                % (harness.IMSI, harness.K, harness.OPC))
        script = 'exec 3<&%d; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@"' % listener.fileno()
        s.spawn("akma-modemsim", ["bash", "-c", script, harness.program("akma-modemsim"), "--card",
                                  s.path("modem.card"), "--at", s.path("modem.tty")],
                pass_fds=(listener.fileno(),))
        assert s.control("status").startswith("ok ")


@tap.test
def reject_sockets_for_the_lab_that_do_not_listen():
    with harness.Stack() as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        s.write("subscribers.conf", "[subscriber %s]\nk=%s\nopc=%s\n"
                % (harness.IMSI, harness.K, harness.OPC))
        script = 'exec 3<&%d; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@"' % udp.fileno()
        process = s.spawn("akma-lab", ["bash", "-c", script, harness.program("akma-lab"),
                                       "--subscribers", s.path("subscribers.conf")], ready=False,
                          pass_fds=(udp.fileno(),))
        assert process.popen.wait(60) == 6
        assert "LISTEN_FDS: one listening stream socket" in process.read_log()


tap.main()
