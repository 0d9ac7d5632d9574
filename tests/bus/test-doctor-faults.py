# SPDX-License-Identifier: LGPL-2.1-or-later
"""akmactl doctor: faults that a whole system (tests/e2e/test-doctor.py) does not have; an org.akmad1
that is told what to be (mock_agent.py), and openssl(1) as the server."""
import contextlib
import json
import os
import subprocess
import sys

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../.."))
build = os.environ.get("top_builddir", os.path.join(top, "build/gcc"))
sys.path[:0] = [os.path.join(top, "tests/e2e"), os.path.dirname(os.path.abspath(__file__))]
import tap
from mock_bus import Bus, folder

AKMACTL = os.path.abspath(os.path.join(build, "src/cli/akmactl"))
NOBODY = 65534
NAME = "keys.example.com"
CERTIFICATE = os.path.join(folder, "server.pem")
os.chmod(folder, 0o711)


@contextlib.contextmanager
def agent(application=(), modem=(), **how):
    """An akmad where all is well but for @application and @modem; None: there is none."""
    bus = Bus("doctor", **how)
    try:
        bus.do("report", **{"key-file": "fresh"})
        if modem is not None:
            bus.do("modem", number=0, **dict(modem))
        if application is not None:
            bus.do("application", **dict({"name": "mqtt", "State": "ready", "KeyId": "mqtt:1"},
                                         **dict(application)))
            bus.do("key", name="mqtt", kid="mqtt:1", hex="ab" * 32)
        yield bus
    finally:
        bus.end()


def configure(port=1, ca_file=CERTIFICATE):
    path = os.path.join(folder, "akmad.conf")
    with open(path, "w") as file:
        file.write("[server keys]\nurl=https://%s:8443\nconnect=127.0.0.1:%d\nca-file=%s\n"
                   "[application mqtt]\nserver=keys\nusers=0\n" % (NAME, port, ca_file))
    return path


def doctor(bus, config=None, address=None, before=()):
    """The status, the first fault or None, and all rows by check."""
    env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=bus.address)
    done = subprocess.run([*before, AKMACTL, "--bus", address or bus.address, "--json", "doctor",
                           "--config", config or configure()],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, env=env)
    rows = {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert len(rows) == 12, done
    faults = [row for row in rows.values() if row["ok"] is False]
    assert all(row["next"] for row in faults), faults
    return done.returncode, faults[0] if faults else None, rows


# -- the bus -----------------------------------------------------------------------------------


@tap.test
def bus_that_does_not_let_the_caller_call_akmad():
    # what a system's bus does without our policy file
    with agent(policy='<policy context="mandatory"><deny send_destination="org.akmad1"/></policy>') as bus:
        status, fault, rows = doctor(bus)
    assert (status, fault["check"]) == (4, "bus"), fault
    assert "does not let uid %d call akmad" % os.getuid() in fault["message"], fault
    assert "org.akmad1.conf" in fault["next"], fault
    # it runs all the same, and what only it can tell is not known
    assert rows["daemon"]["ok"] is True
    assert [rows[c]["ok"] for c in ("modem", "sim", "anchor", "entitlement", "authorization")] == [None] * 5


# a mount namespace with a user akmad; then the doctor, as somebody else
ELSEWHERE = 'mount --bind "$0" /etc/passwd && exec setpriv --reuid=%d --clear-groups "$@"' % NOBODY
CLOSED = ('<policy context="default"><allow user="*"/><deny own="org.akmad1"/></policy>'
          '<policy user="%d"><allow own="org.akmad1"/></policy>' % os.getuid())


def with_passwd(lines):
    path = os.path.join(folder, "passwd")
    with open("/etc/passwd") as file:
        others = [line for line in file if not line.startswith("akmad:")]
    with open(path, "w") as file:
        file.write("".join(others) + lines)
    os.chmod(path, 0o644)
    before = ["unshare", "-m", "sh", "-c", ELSEWHERE, path]
    if os.getuid() or subprocess.run([*before, "true"], stderr=subprocess.DEVNULL).returncode:
        raise tap.Skip("this takes two users and a mount namespace")
    return before


@tap.test
def name_that_belongs_to_another_user_than_that_of_akmad():
    line = "akmad:x:%d:%d::/nonexistent:/usr/sbin/nologin\n"
    with agent(policy=CLOSED) as bus:
        status, fault, _ = doctor(bus, address="system", before=with_passwd(line % (4242, 4242)))
        assert (status, fault["check"]) == (6, "bus"), fault
        assert "belongs to uid 0, not to the user akmad" in fault["message"], fault
        # as it ought to be, and where there is no such user
        for lines in (line % (0, 0), ""):
            _, _, rows = doctor(bus, address="system", before=with_passwd(lines))
            assert rows["bus"]["ok"] is True, rows["bus"]
        # of a bus that the caller names himself it is not asked for
        _, _, rows = doctor(bus, before=with_passwd(line % (4242, 4242)))
        assert rows["bus"]["ok"] is True, rows["bus"]


# -- the card, the applications ------------------------------------------------------------------


@tap.test
def card_with_neither_akma_nor_gba():
    with agent(modem={"Anchors": []}) as bus:
        status, fault, rows = doctor(bus)
    assert (status, fault["check"]) == (15, "anchor"), fault
    assert "neither service 123 (AKMA) nor 68 (GBA)" in fault["message"] and rows["sim"]["ok"], rows


@tap.test
def card_whose_only_anchor_is_an_empty_file():
    with agent() as bus:
        bus.do("report", **{"key-file": "empty"})
        status, fault, _ = doctor(bus)
        if fault["check"] == "tls":
            raise tap.Skip("only root or the user of akmad looks at it")
        assert (status, fault["check"]) == (16, "anchor"), fault


@tap.test
def no_application_at_all():
    with agent(application=None) as bus, server() as port:
        status, fault, rows = doctor(bus, configure(port))
    assert (status, fault["check"]) == (25, "entitlement"), fault
    assert "[application NAME]" in fault["next"] and rows["authorization"]["ok"] is None, rows


@tap.test
def application_that_waits_for_its_first_key():
    with agent(application={"State": "pending", "KeyId": ""}) as bus, server() as port:
        status, fault, rows = doctor(bus, configure(port))
        assert (status, fault["check"]) == (8, "entitlement"), fault
        assert "mqtt: no key yet, state pending" in fault["message"] and rows["tls"]["ok"], rows
        # where something else has failed, that is the fault
        bus.do("set", name="mqtt", LastError=["org.akmad1.Error.NotEntitled", "not for you"])
        status, fault, _ = doctor(bus, configure(port))
        assert (status, fault["check"], fault["message"]) == (24, "entitlement", "mqtt: not for you")


# -- TLS -----------------------------------------------------------------------------------------


def make_certificate():
    if not os.path.exists(CERTIFICATE):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", CERTIFICATE + ".key", "-out",
                        CERTIFICATE, "-days", "2", "-subj", "/CN=" + NAME, "-addext",
                        "subjectAltName=DNS:" + NAME], check=True, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def server(alpn="h2"):
    """openssl(1) at a free port; @alpn: the protocol that it wants, None: it knows nothing of them."""
    make_certificate()
    child = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", CERTIFICATE,
                              "-key", CERTIFICATE + ".key", *(["-alpn", alpn] if alpn else [])],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True)
    try:
        line = next(line for line in child.stdout if line.startswith("ACCEPT"))
        yield int(line.rsplit(":", 1)[1])
    finally:
        child.kill()
        child.communicate()


@tap.test
def ca_file_that_is_none():
    broken, empty = os.path.join(folder, "broken.pem"), os.path.join(folder, "empty.pem")
    with open(broken, "w") as file:
        file.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    open(empty, "w").close()
    with agent() as bus, server() as port:
        assert doctor(bus, configure(port))[2]["tls"]["ok"] is True
        for path in broken, empty, os.path.join(folder, "nowhere.pem"):
            status, fault, rows = doctor(bus, configure(port, ca_file=path))
            assert (status, fault["check"]) == (6, "tls"), fault
            assert path in fault["message"] and rows["server"]["ok"], rows


@tap.test
def server_that_does_not_speak_http_2():
    for alpn, says in (None, "does not speak HTTP/2"), ("http/1.1", "no application protocol"):
        with agent() as bus, server(alpn) as port:
            status, fault, rows = doctor(bus, configure(port))
        assert (status, fault["check"]) == (22, "tls"), fault
        assert says in fault["message"] and rows["server"]["ok"], rows


tap.main()
