# SPDX-License-Identifier: LGPL-2.1-or-later
"""akmactl against an org.akmad1 that shares no code with akmad (mock_agent.py)."""
import base64
import contextlib
import hashlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../.."))
build = os.environ.get("top_builddir", os.path.join(top, "build/gcc"))
sys.path[:0] = [os.path.join(top, "tests/e2e"), os.path.dirname(os.path.abspath(__file__))]
import keyrings
import tap
from mock_bus import Bus, folder

AKMACTL = os.path.join(build, "src/cli/akmactl")
KEY = bytes(range(1, 33))
ODD = bytes(range(200, 217))  # 17 bytes: base64 with padding
DAY = 86400
# the table of interfaces.md, written down a second time
TABLE = {
    "Internal": 1, "InvalidArgument": 2, "NotAuthorized": 4, "ConfigInvalid": 6, "NotRunning": 7,
    "NotReady": 8, "RateLimited": 9, "NoModem": 10, "ModemFailed": 11, "NoSim": 12,
    "PinRequired": 13, "SimBlocked": 14, "AnchorUnsupported": 15, "AnchorNotReady": 16,
    "AnchorRejected": 17, "ServerUnreachable": 20, "ServerNotAuthentic": 21, "ServerRefused": 22,
    "AnchorKeyUnknown": 23, "NotEntitled": 24, "KeyUnknown": 25, "KeyRevoked": 26,
    "StoreFailed": 30, "UpstreamFailed": 31,
}

bus = Bus()
now = int(time.time())
bus.do("modem", number=1, Manufacturer="Acme", Model="M1\x1b[31m")
bus.do("modem", number=12, Device="/dev/wwan0at0", SimState="absent", Anchors=[],
       Registration="unknown", SimId="")
bus.do("application", name="vpn", LastError=[
    "org.akmad1.Error.NotEntitled", "the server does not let this terminal have it"])
bus.do("application", name="mqtt-2", State="ready", KeyId="mqtt-2:7",
       NotAfter=now + 29 * DAY + 600, NextRenewal=now + 5 * 3600 + 60)
bus.do("key", name="mqtt-2", kid="mqtt-2:7", hex=KEY.hex(), alg="A256GCM", use="enc",
       identity="mqtt-2.7.abc", **{"not-before": now - 60, "not-after": now + 29 * DAY})
bus.do("key", name="mqtt-2", kid="mqtt-2:6", hex=ODD.hex())


def run(*words, bus_address=None, environment=None, stdout=subprocess.PIPE, timeout=60):
    env = dict(os.environ, **(environment or {}))
    return subprocess.run([AKMACTL, "--bus", bus_address or bus.address, *words],
                          stdout=stdout, stderr=subprocess.PIPE, timeout=timeout, env=env)


def good(*words, **more):
    done = run(*words, **more)
    assert done.returncode == 0, (words, done.returncode, done.stderr)
    assert done.stderr == b"", done.stderr
    return done.stdout


def refused(name, *words, status=None, **more):
    """Ends with the status of @name, says why and what next, and says the same as JSON."""
    status = status or TABLE[name]
    done = run(*words, **more)
    assert done.returncode == status, (words, done)
    lines = done.stderr.decode().splitlines()
    assert lines[0].startswith("akmactl: ") and lines[1].startswith("  next: "), lines
    assert done.stdout == b"", done.stdout
    told = run("--json", *words, **more)
    assert told.returncode == status
    error = json.loads(told.stdout)["error"]
    assert sorted(error) == ["message", "name", "next", "status"], error
    assert error["name"] == "org.akmad1.Error." + name
    assert error["status"] == status
    assert error["next"] == lines[1][8:]
    assert error["message"] == lines[0][9:]
    return lines[0]


def fail(method, error=None, message="because of the test"):
    bus.do("fail", **{"method": method, "with": [error, message] if error else None})


def members(interface):
    """Properties of @interface as the XML has them, in snake_case."""
    tree = ElementTree.parse(os.path.join(top, "dbus/org.akmad1.xml"))
    found = tree.findall("./interface[@name='org.akmad1.%s']/property" % interface)
    return {re.sub(r"(?<!^)([A-Z])", r"_\1", p.get("name")).lower() for p in found}


APPLICATION = {"id": "mqtt-2", "server": "home", "state": "ready", "key_id": "mqtt-2:7",
               "not_after": now + 29 * DAY + 600, "last_error": None,
               "next_renewal": now + 5 * 3600 + 60}


# -- what there is ---------------------------------------------------------------------------


@tap.test
def status_as_json_has_the_properties_and_nothing_else():
    status = json.loads(good("status", "--json"))

    assert set(status) == members("Manager") | {"modems", "applications"}
    assert status["state"] == "ready" and status["version"] == "0.1.0"
    assert status["last_error"] is None and status["sealing"] == "file"
    assert status["applications"][0] == APPLICATION
    assert [set(m) for m in status["modems"]] == [members("Modem")] * 2


@tap.test
def status_names_the_last_error():
    bus.do("manager", LastError=["org.akmad1.Error.NoSim", "no card"], State="no-sim")

    status = json.loads(good("--json", "status"))
    text = good("status").decode()

    bus.do("manager", LastError=["", ""], State="ready")
    assert status["last_error"] == {"name": "org.akmad1.Error.NoSim", "message": "no card"}
    assert "NoSim: no card" in text and "no-sim" in text


@tap.test
def status_is_readable_by_a_person():
    text = good("status").decode()

    assert "valid for 29 days" in text and "renews in 5 h" in text
    assert "mqtt-2:7" in text and "/dev/ttyUSB2" in text
    assert "vpn: NotEntitled: the server does not let" in text


@tap.test
def tables_are_aligned():
    lines = good("list").decode().splitlines()

    for column in "STATE", "KEY", "VALIDITY":
        start = lines[0].index(column)
        assert all(line[start - 1] == " " and line[start] != " " for line in lines[:3]), lines


@tap.test
def list_gives_one_object_a_line_sorted_by_name():
    lines = [json.loads(line) for line in good("list", "--json").splitlines()]

    assert [one["id"] for one in lines] == ["mqtt-2", "vpn"]
    assert all(set(one) == members("Application") for one in lines)
    assert lines[1]["not_after"] is None and lines[1]["next_renewal"] is None
    assert lines[1]["last_error"]["name"] == "org.akmad1.Error.NotEntitled"


@tap.test
def modem_gives_one_object_a_line_sorted_by_number():
    lines = [json.loads(line) for line in good("modem", "--json").splitlines()]

    assert [one["device"] for one in lines] == ["/dev/ttyUSB2", "/dev/wwan0at0"]
    assert lines[0]["anchors"] == ["akma"] and lines[1]["anchors"] == []
    assert json.loads(good("--json", "modem", "12"))["device"] == "/dev/wwan0at0"


@tap.test
def text_of_a_modem_cannot_steer_the_terminal():
    text = good("modem", "1")

    assert b"M1?[31m" in text and b"\x1b" not in text


@tap.test
def reject_modem_that_is_not_there():
    refused("NoModem", "modem", "2")
    refused("InvalidArgument", "modem", "first")


REPORT = {"channel": True, "apdu": True, "service-68": False, "service-123": True,
          "service-124": True, "key-file": "empty"}


@tap.test
def modem_probe_says_what_modem_and_card_can_do():
    bus.do("report", **REPORT)
    report, = [json.loads(line) for line in good("--json", "modem", "probe", "1").splitlines()]

    assert report["modem"] == 1 and report["device"] == "/dev/ttyUSB2"
    assert report["channel"] is True and report["service_68"] is False
    assert report["key_file"] == "empty" and report["error"] is None
    assert "sim_id" not in report
    text = good("modem", "probe", "1")
    assert b"\x1b" not in text and b"power-off" in text
    assert len(good("--json", "modem", "probe").splitlines()) == 2


@tap.test
def modem_probe_says_how_far_it_came():
    bus.do("report", **{"channel": False, "apdu": False, "key-file": "unknown",
                        "error": ["org.akmad1.Error.NoSim", "there is no card"]})
    report = json.loads(good("--json", "modem", "probe", "1"))

    assert report["service_123"] is None
    assert report["error"] == {"name": "org.akmad1.Error.NoSim", "message": "there is no card"}
    assert b"there is no card" in good("modem", "probe", "1")


@tap.test
def reject_probe_that_is_not_allowed_or_makes_no_sense():
    bus.do("fail", method="Probe", **{"with": ["NotAuthorized", "only root"]})
    refused("NotAuthorized", "modem", "probe", "1")
    bus.do("fail", method="Probe")
    bus.do("report", channel="yes", **{"key-file": 3})
    report = json.loads(good("--json", "modem", "probe", "1"))
    assert report["channel"] is None and report["key_file"] == "unknown"
    refused("NoModem", "modem", "probe", "2")
    refused("InvalidArgument", "modem", "probe", "first")
    refused("InvalidArgument", "modem", "1", "2")
    refused("InvalidArgument", "modem", "probe", "1", "2")


# -- get -------------------------------------------------------------------------------------


@tap.test
def get_writes_the_exact_bytes():
    assert good("get", "mqtt-2") == KEY
    assert good("get", "mqtt-2", "--format", "raw") == KEY
    assert good("get", "mqtt-2", "--format=raw", "--kid=mqtt-2:6") == ODD


@tap.test
def get_formats_agree_with_an_independent_computation():
    for kid, key in ("mqtt-2:7", KEY), ("mqtt-2:6", ODD):
        expected = {"hex": key.hex(), "base64": base64.b64encode(key).decode(),
                    "fingerprint": hashlib.sha256(key).hexdigest()}
        for name, text in expected.items():
            assert good("get", "mqtt-2", "--kid", kid, "--format", name).decode() == text + "\n"


@tap.test
def get_jwk_is_one_line_that_jose_understands():
    text = good("get", "mqtt-2", "--format", "jwk")
    jwk = json.loads(text)

    assert text.count(b"\n") == 1 and text.endswith(b"\n")
    assert jwk == {"kty": "oct", "kid": "mqtt-2:7", "alg": "A256GCM", "use": "enc",
                   "identity": "mqtt-2.7.abc", "iat": now - 60, "exp": now + 29 * DAY,
                   "k": base64.urlsafe_b64encode(KEY).rstrip(b"=").decode()}
    try:
        from jwcrypto.jwk import JWK
    except ImportError:
        return
    assert json.loads(JWK.from_json(text.decode()).export())["k"] == jwk["k"]


@tap.test
def get_psk_files_of_mosquitto_and_wireguard():
    assert good("get", "mqtt-2", "--format", "mosquitto-psk").decode() == \
        "mqtt-2.7.abc:" + KEY.hex() + "\n"
    assert good("get", "mqtt-2", "--format", "wireguard-psk").decode() == \
        base64.b64encode(KEY).decode() + "\n"


@tap.test
def reject_psk_of_a_key_that_has_no_such_form():
    assert "17" in refused(
        "InvalidArgument", "get", "mqtt-2", "--kid", "mqtt-2:6", "--format", "wireguard-psk")
    assert "identity" in refused(
        "InvalidArgument", "get", "mqtt-2", "--kid", "mqtt-2:6", "--format", "mosquitto-psk")


@tap.test
def reject_identity_that_would_break_the_psk_file():
    for identity in "a:b", "a\nb", "a b", "é":
        bus.do("key", name="mqtt-2", kid="mqtt-2:bad", hex=KEY.hex(), identity=identity)
        refused("InvalidArgument", "get", "mqtt-2", "--kid", "mqtt-2:bad",
                "--format", "mosquitto-psk")


@tap.test
def get_of_another_key_type_gives_its_jwk():
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AQ"}
    text = json.dumps(jwk, indent=1)
    bus.do("key", name="mqtt-2", kid="mqtt-2:okp", hex=text.encode().hex(), kty="OKP")
    words = ["get", "mqtt-2", "--kid", "mqtt-2:okp"]

    flat = good(*words, "--format", "jwk")

    assert json.loads(flat) == jwk and flat.count(b"\n") == 1 and flat.endswith(b"\n")
    assert good(*words) == text.encode()
    assert good(*words, "--format", "fingerprint").decode().strip() == \
        hashlib.sha256(text.encode()).hexdigest()
    refused("InvalidArgument", *words, "--format", "mosquitto-psk")
    refused("InvalidArgument", *words, "--format", "wireguard-psk")


@tap.test
def get_with_json_is_a_jwk_or_an_object_around_the_text():
    jwk = json.loads(good("--json", "get", "mqtt-2"))
    around = json.loads(good("get", "mqtt-2", "--json", "--format", "fingerprint"))

    assert jwk["kty"] == "oct" and jwk["kid"] == "mqtt-2:7"
    assert around == {"application": "mqtt-2", "kid": "mqtt-2:7", "kty": "oct", "alg": "A256GCM",
                      "use": "enc", "identity": "mqtt-2.7.abc", "not_before": now - 60,
                      "not_after": now + 29 * DAY, "value": hashlib.sha256(KEY).hexdigest()}
    done = run("get", "mqtt-2", "--json", "--format", "raw")
    assert done.returncode == TABLE["InvalidArgument"] and KEY not in done.stdout


@tap.test
def get_output_replaces_the_file_with_mode_0600():
    path = os.path.join(folder, "key.bin")
    with open(path, "w") as file:
        file.write("something longer than the key, and open to everybody, before")
    os.chmod(path, 0o666)
    before = os.stat(path).st_ino

    assert good("get", "mqtt-2", "--output", path) == b""

    with open(path, "rb") as file:
        assert file.read() == KEY
    assert os.stat(path).st_mode & 0o7777 == 0o600
    assert os.stat(path).st_ino != before
    assert [f for f in os.listdir(folder) if f.startswith("key.bin")] == ["key.bin"]
    told = json.loads(good("--json", "get", "mqtt-2", "--format", "hex", "--output", path))
    assert told["kid"] == "mqtt-2:7" and "value" not in told
    with open(path) as file:
        assert file.read() == KEY.hex() + "\n"


@tap.test
def get_puts_the_key_into_a_keyring_of_the_caller():
    keyrings.enter()
    for ring, where in (("@s", keyrings.SESSION), ("@u", keyrings.USER)):
        assert good("get", "mqtt-2", "--keyring", ring) == b""
        key = keyrings.find(where, "user", "akmad:mqtt-2")
        try:
            assert keyrings.read(key) == KEY
            # again: the same key with another payload
            told = json.loads(good("get", "mqtt-2", "--json", "--keyring", ring, "--type", "user", "--kid",
                                   "mqtt-2:6"))
            assert told["kid"] == "mqtt-2:6" and "value" not in told, told
            assert keyrings.read(key) == ODD
            good("get", "mqtt-2", "--keyring", ring, "--format", "wireguard-psk")
            assert keyrings.read(key) == base64.b64encode(KEY) + b"\n"
        finally:
            keyrings.revoke(key)


@tap.test
def a_key_of_type_logon_cannot_be_read_back():
    keyrings.enter()
    assert good("get", "mqtt-2", "--keyring", "@s", "--type", "logon") == b""
    key = keyrings.find(keyrings.SESSION, "logon", "akmad:mqtt-2")
    try:
        kind, uid, *_, description = keyrings.describe(key)
        assert (kind, int(uid), description) == ("logon", os.getuid(), "akmad:mqtt-2")
        try:
            assert not keyrings.read(key)
        except OSError:
            pass
        else:
            raise AssertionError("it was read")
    finally:
        keyrings.revoke(key)


@tap.test
def reject_keyrings_and_types_that_are_none():
    refused("InvalidArgument", "get", "mqtt-2", "--keyring", "@x")
    refused("InvalidArgument", "get", "mqtt-2", "--keyring", "")
    refused("InvalidArgument", "get", "mqtt-2", "--keyring", "@u", "--type", "keyring")
    refused("InvalidArgument", "get", "mqtt-2", "--type", "user")
    refused("InvalidArgument", "get", "mqtt-2", "--keyring", "@u", "--output", os.path.join(folder, "k"))
    assert not os.path.exists(os.path.join(folder, "k"))


@tap.test
def reject_what_the_keyring_does_not_take():
    keyrings.enter()
    bus.do("key", name="mqtt-2", kid="mqtt-2:0", hex="ab" * 33000)
    refused("StoreFailed", "get", "mqtt-2", "--kid", "mqtt-2:0", "--keyring", "@s")


@tap.test
def reject_output_that_cannot_be_written():
    refused("StoreFailed", "get", "mqtt-2", "--output", os.path.join(folder, "no/such/key"))


@tap.test
def reject_full_disk_on_stdout():
    with open("/dev/full", "w") as full:
        done = run("get", "mqtt-2", stdout=full)
        assert done.returncode == TABLE["StoreFailed"], done
        done = run("list", stdout=full)
        assert done.returncode == TABLE["StoreFailed"], done


@tap.test
def reject_raw_bytes_on_a_terminal():
    leader, follower = pty.openpty()
    done = run("get", "mqtt-2", stdout=follower)
    shown = select.select([leader], [], [], 0)[0]
    os.close(follower)
    os.close(leader)

    assert done.returncode == TABLE["InvalidArgument"] and not shown, done


@tap.test
def reject_version_that_is_not_there():
    refused("KeyUnknown", "get", "mqtt-2", "--kid", "mqtt-2:1")
    refused("KeyUnknown", "get", "nothing")
    refused("KeyUnknown", "renew", "nothing")
    refused("KeyUnknown", "enroll", "nothing")
    refused("KeyUnknown", "wait", "nothing")
    refused("KeyUnknown", "watch", "nothing")


def next_step(*words):
    return run(*words).stderr.decode().splitlines()[1]


@tap.test
def what_is_next_after_an_unknown_version_is_not_a_list_of_names():
    assert "--kid" in next_step("get", "mqtt-2", "--kid", "mqtt-2:1")
    assert "akmactl list" in next_step("get", "nothing", "--kid", "mqtt-2:1")
    assert "akmactl list" in next_step("get", "nothing")


@tap.test
def reject_memfd_that_is_not_sealed():
    bus.do("key", name="mqtt-2", kid="mqtt-2:open", hex=KEY.hex(), unsealed=True)
    assert "sealed" in refused("Internal", "get", "mqtt-2", "--kid", "mqtt-2:open",
                               "--format", "hex")


@tap.test
def reject_answer_without_kid_or_with_an_empty_key():
    bus.do("key", name="mqtt-2", kid="mqtt-2:x", hex=KEY.hex(), without=["kid"])
    refused("Internal", "get", "mqtt-2", "--kid", "mqtt-2:x", "--format", "hex")
    bus.do("key", name="mqtt-2", kid="mqtt-2:x", hex="")
    refused("Internal", "get", "mqtt-2", "--kid", "mqtt-2:x", "--format", "hex")


@tap.test
def get_does_not_care_where_the_descriptor_stands():
    bus.do("key", name="mqtt-2", kid="mqtt-2:end", hex=KEY.hex(), offset=32)
    assert good("get", "mqtt-2", "--kid", "mqtt-2:end") == KEY


@tap.test
def get_does_not_wait_unless_told_so():
    started = time.monotonic()

    line = refused("NotReady", "get", "vpn", "--format", "hex")

    assert "no key yet" in line and time.monotonic() - started < 20
    started = time.monotonic()
    line = refused("NotReady", "get", "vpn", "--wait", "1", "--format", "hex")
    assert 2 <= time.monotonic() - started < 60
    assert "does not let this terminal" in line


@tap.test
def get_waits_for_the_first_key():
    bus.do("application", name="late")
    waiting = subprocess.Popen([AKMACTL, "--bus", bus.address, "get", "late", "--wait", "20",
                                "--format", "hex"], stdout=subprocess.PIPE)
    time.sleep(0.3)
    assert waiting.poll() is None

    bus.do("key", name="late", kid="late:1", hex=KEY.hex())
    bus.do("set", name="late", KeyId="late:1", State="ready")

    assert waiting.communicate(timeout=60)[0].decode() == KEY.hex() + "\n"
    assert waiting.returncode == 0


@tap.test
def get_does_not_ask_without_pause_where_a_key_has_just_ended():
    # the state tells of it a moment later
    other = Bus("ended")
    other.do("application", name="ended", State="ready")
    start, calls = time.monotonic(), 0
    waiting = subprocess.Popen([AKMACTL, "--bus", other.address, "get", "ended", "--wait", "5m",
                                "--format", "hex"], stdout=subprocess.PIPE)
    while calls < 15:
        assert time.monotonic() - start < 60 and waiting.poll() is None, calls
        time.sleep(0.1)
        calls += json.loads(other.do("calls")).count("GetKey")
        assert calls <= 10 + 20 * (time.monotonic() - start), calls
    other.do("key", name="ended", kid="ended:1", hex=KEY.hex())
    other.do("set", name="ended", KeyId="ended:1")
    assert waiting.communicate(timeout=60)[0].decode() == KEY.hex() + "\n"
    other.end()


# -- renew, enroll, wait ---------------------------------------------------------------------


@tap.test
def renew_ends_with_the_application_as_it_is_then():
    bus.do("on", method="Renew", run=[
        {"do": "key", "name": "mqtt-2", "kid": "mqtt-2:8", "hex": ODD.hex()},
        {"do": "set", "name": "mqtt-2", "KeyId": "mqtt-2:8", "NotAfter": 0}])

    after = json.loads(good("--json", "renew", "mqtt-2"))

    assert after["key_id"] == "mqtt-2:8" and after["not_after"] is None
    assert set(after) == members("Application")
    assert "valid without end" in good("renew", "mqtt-2").decode()
    assert good("get", "mqtt-2") == ODD
    bus.do("set", name="mqtt-2", KeyId="mqtt-2:7", NotAfter=APPLICATION["not_after"])


@tap.test
def enroll_ends_with_the_application():
    bus.do("calls")

    assert json.loads(good("enroll", "mqtt-2", "--json"))["key_id"] == "mqtt-2:7"

    assert "Enroll" in json.loads(bus.do("calls"))


@tap.test
def every_error_of_the_table_has_its_status():
    for name in TABLE:
        for method, verb in ("GetKey", "get"), ("Renew", "renew"), ("Enroll", "enroll"):
            fail(method, name, "told by %s" % method)
            words = [verb, "mqtt-2"] + (["--format", "hex"] if verb == "get" else [])
            line = refused(name, *words)
            assert line == "akmactl: %s mqtt-2: told by %s" % (verb, method), line
            fail(method)


@tap.test
def an_error_that_is_not_in_the_table_is_internal():
    fail("Renew", "FromTheFuture")
    refused("Internal", "renew", "mqtt-2")
    fail("Renew", "org.freedesktop.DBus.Error.AccessDenied", "policy")
    refused("NotAuthorized", "renew", "mqtt-2")
    fail("Renew")


@tap.test
def progress_is_shown_on_a_terminal_only():
    bus.do("delay", ms=2000)
    leader, follower = pty.openpty()
    child = subprocess.Popen([AKMACTL, "--bus", bus.address, "renew", "mqtt-2"],
                             stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)
    child.wait(timeout=60)
    shown = os.read(leader, 10000)
    os.close(leader)

    bus.do("delay", ms=700)
    quiet = run("renew", "mqtt-2")

    bus.do("delay", ms=0)
    assert child.returncode == 0 and b"renewing mqtt-2: " in shown, shown
    assert quiet.stderr == b""


@tap.test
def wait_ends_at_once_for_a_key_that_is_there():
    assert json.loads(good("wait", "mqtt-2", "--json"))["state"] == "ready"
    refused("NotReady", "wait", "vpn", "--timeout", "1s")
    bus.do("set", name="vpn", State="revoked")
    refused("KeyRevoked", "wait", "vpn", "--timeout", "5")
    bus.do("set", name="vpn", State="pending")


@contextlib.contextmanager
def without_agent():
    """A bus where akmad, which has two applications without a key, is not there yet."""
    other = Bus("later")
    try:
        other.do("application", name="mqtt")
        other.do("key", name="mqtt", kid="mqtt:1", hex=KEY.hex())
        other.do("application", name="vpn")
        other.do("drop")
        yield other
    finally:
        other.end()


def waiting_for_the_agent(other, *words):
    child = subprocess.Popen([AKMACTL, "--bus", other.address, *words],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = child.stderr.readline()
    assert b"akmad is not there; waiting for it" in line, line
    return child


@tap.test
def wait_with_a_timeout_waits_for_an_agent_that_starts_later():
    with without_agent() as other:
        children = [waiting_for_the_agent(other, *words) for words in (
            ["wait", "mqtt", "--timeout", "5m"], ["get", "mqtt", "--wait", "5m", "--format", "hex"],
            ["exec", "mqtt", "--wait", "5m", "--", "cat", "/dev/fd/3"])]
        other.do("set", name="mqtt", State="ready", KeyId="mqtt:1")
        other.do("own")
        answers = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], answers
    assert [err for _, err in answers] == [b"", b"", b""], answers
    assert b"mqtt:1" in answers[0][0]
    assert [out for out, _ in answers[1:]] == [KEY.hex().encode() + b"\n", KEY]


@tap.test
def wait_with_a_timeout_outlives_an_agent_that_fails_before_it_has_a_key():
    with without_agent() as other:
        child = waiting_for_the_agent(other, "wait", "mqtt", "--timeout", "5m")
        other.do("own")
        other.do("drop")
        other.do("own")
        other.do("drop")
        other.do("set", name="mqtt", State="ready", KeyId="mqtt:1")
        assert child.poll() is None
        other.do("own")
        out, err = child.communicate(timeout=60)
    assert child.returncode == 0 and b"mqtt:1" in out and err == b"", (out, err)


@tap.test
def reject_when_no_key_comes_in_time():
    # a status with which the unit behind akmad-wait@ does not start
    with without_agent() as other:
        child = waiting_for_the_agent(other, "wait", "vpn", "--timeout", "5")
        other.do("own")
        _, err = child.communicate(timeout=60)
    assert child.returncode == TABLE["NotReady"] and b"no key in this time" in err, err


@tap.test
def reject_when_the_agent_is_there_and_goes_for_good():
    with without_agent() as other:
        other.do("own")
        child = subprocess.Popen([AKMACTL, "--bus", other.address, "get", "vpn", "--wait", "5",
                                  "--format", "hex"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while "GetKey" not in json.loads(other.do("calls")):
            assert child.poll() is None
        other.do("drop")
        _, err = child.communicate(timeout=60)
    assert child.returncode == TABLE["NotRunning"] and b"akmad has gone" in err, err


@tap.test
def reject_when_the_agent_does_not_come_in_time():
    with without_agent() as other:
        start = time.monotonic()
        child = waiting_for_the_agent(other, "wait", "mqtt", "--timeout", "2")
        _, err = child.communicate(timeout=60)
        assert time.monotonic() - start >= 2
        assert child.returncode == TABLE["NotRunning"] and b"systemctl start akmad" in err, err
        # nobody asked to wait
        for words in (["wait", "mqtt"], ["wait", "mqtt", "--timeout", "0"],
                      ["get", "mqtt", "--format", "hex"], ["exec", "mqtt", "--", "true"]):
            refused("NotRunning", *words, bus_address=other.address)


# -- watch and exec --------------------------------------------------------------------------


@contextlib.contextmanager
def watching(*words, json_lines=True):
    child = subprocess.Popen([AKMACTL, "--bus", bus.address, *(["--json"] if json_lines else []),
                              "watch", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def next_line(child, seconds=60):
    line = b""
    end = time.monotonic() + seconds
    while not line.endswith(b"\n"):
        left = end - time.monotonic()
        assert left > 0 and select.select([child.stdout], [], [], left)[0], "no line"
        byte = os.read(child.stdout.fileno(), 1)
        assert byte, "ended"
        line += byte
    return line


@tap.test
def watch_shows_the_present_state_first_then_each_event_in_order():
    with watching("mqtt-2") as child:
        first = json.loads(next_line(child))
        bus.do("set", name="mqtt-2", State="stale")
        bus.do("set", name="vpn", State="failed")
        bus.do("set", name="mqtt-2", State="ready", KeyId="mqtt-2:8")
        bus.do("changed", name="mqtt-2", kid="mqtt-2:8")
        bus.do("revoked", name="mqtt-2", kid="mqtt-2:8")
        events = [json.loads(next_line(child)) for _ in range(4)]
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=60) == 0
    bus.do("set", name="mqtt-2", KeyId="mqtt-2:7")
    bus.do("set", name="vpn", State="pending")

    assert abs(first.pop("time") - time.time()) < 20
    assert first == {"event": "state", "application": "mqtt-2", "kid": "mqtt-2:7",
                     "state": "ready"}
    assert [(e["event"], e["kid"], e["state"]) for e in events] == [
        ("state", "mqtt-2:7", "stale"), ("state", "mqtt-2:8", "ready"),
        ("key-changed", "mqtt-2:8", "ready"), ("key-revoked", "mqtt-2:8", "ready")], events


@tap.test
def watch_without_a_name_shows_every_application():
    with watching() as child:
        first = [json.loads(next_line(child)) for _ in range(3)]
    assert [e["application"] for e in first] == ["late", "mqtt-2", "vpn"]


@tap.test
def watch_outlives_a_restart_of_the_agent():
    with watching("mqtt-2") as child:
        next_line(child)
        bus.do("drop")
        assert b"akmad has gone" in child.stderr.readline()
        bus.do("own")
        again = json.loads(next_line(child))
        bus.do("changed", name="mqtt-2", kid="mqtt-2:7")
        assert json.loads(next_line(child))["event"] == "key-changed"
    assert again["event"] == "state" and again["kid"] == "mqtt-2:7"


@tap.test
def watch_for_a_person_is_one_line_an_event():
    with watching("mqtt-2", json_lines=False) as child:
        assert re.fullmatch(rb"\d\d:\d\d:\d\d  mqtt-2  state  ready  mqtt-2:7\n",
                            next_line(child))


SCRIPT = ('printf "%s %s %s %s\\n" "$AKMA_APPLICATION" "$AKMA_KID" "$AKMA_EVENT" '
          '"$(sha256sum <&3 | cut -c1-64)"')


@tap.test
def watch_runs_the_command_for_each_version():
    with watching("mqtt-2", "--", "sh", "-c", SCRIPT) as child:
        first = next_line(child).decode().split()
        bus.do("key", name="mqtt-2", kid="mqtt-2:8", hex=ODD.hex())
        bus.do("set", name="mqtt-2", KeyId="mqtt-2:8")
        bus.do("changed", name="mqtt-2", kid="mqtt-2:8")
        second = next_line(child).decode().split()
    bus.do("set", name="mqtt-2", KeyId="mqtt-2:7")

    assert first == ["mqtt-2", "mqtt-2:7", "state", hashlib.sha256(KEY).hexdigest()]
    assert second == ["mqtt-2", "mqtt-2:8", "key-changed", hashlib.sha256(ODD).hexdigest()]


@tap.test
def a_rotation_that_ends_stale_is_a_new_key_for_the_command():
    # as akmad does: one PropertiesChanged with State and KeyId, then KeyChanged
    bus.do("set", name="mqtt-2", State="stale")
    with watching("mqtt-2", "--", "sh", "-c", SCRIPT) as child:
        first = next_line(child).decode().split()
        bus.do("key", name="mqtt-2", kid="mqtt-2:8", hex=ODD.hex())
        bus.do("set", name="mqtt-2", State="ready", KeyId="mqtt-2:8")
        bus.do("changed", name="mqtt-2", kid="mqtt-2:8")
        second = next_line(child).decode().split()
        # neither the signal after it nor a state with the same key is one more
        bus.do("set", name="mqtt-2", State="stale")
        bus.do("set", name="mqtt-2", State="ready", KeyId="mqtt-2:7")
        third = next_line(child).decode().split()

    assert first[1:3] == ["mqtt-2:7", "state"], first
    assert second[1:] == ["mqtt-2:8", "key-changed", hashlib.sha256(ODD).hexdigest()], second
    assert third[1:3] == ["mqtt-2:7", "key-changed"], third


@tap.test
def watch_hands_the_newest_version_to_a_slow_command():
    busy = os.path.join(folder, "busy")
    open(busy, "w").close()
    with watching("mqtt-2", "--", "sh", "-c",
                  SCRIPT + "; while [ -e %s ]; do sleep 0.1; done; "
                  '[ "$AKMA_KID" = mqtt-2:9 ] || sleep 3' % busy) as child:  # it hears of both meanwhile
        next_line(child)
        for version in 8, 9:
            kid = "mqtt-2:%d" % version
            bus.do("key", name="mqtt-2", kid=kid, hex=ODD.hex())
            bus.do("set", name="mqtt-2", KeyId=kid)
            bus.do("changed", name="mqtt-2", kid=kid)
        os.unlink(busy)
        assert next_line(child).split()[1] == b"mqtt-2:9"
        time.sleep(1.5)
        assert child.poll() is None and not select.select([child.stdout], [], [], 0)[0]
    bus.do("set", name="mqtt-2", KeyId="mqtt-2:7")


@tap.test
def watch_outlives_a_restart_while_the_command_runs():
    busy, over = os.path.join(folder, "busy-too"), os.path.join(folder, "over")
    open(busy, "w").close()
    script = SCRIPT + "; while [ -e %s ]; do sleep 0.1; done; touch %s" % (busy, over)
    with watching("mqtt-2", "--", "sh", "-c", script) as child:
        next_line(child)
        bus.do("key", name="mqtt-2", kid="mqtt-2:8", hex=ODD.hex())
        bus.do("set", name="mqtt-2", KeyId="mqtt-2:8")
        bus.do("changed", name="mqtt-2", kid="mqtt-2:8")
        bus.do("drop")
        assert b"akmad has gone" in child.stderr.readline()
        os.unlink(busy)
        end = time.monotonic() + 60
        while not os.path.exists(over):
            assert time.monotonic() < end, "the command goes on"
            time.sleep(0.1)
        time.sleep(0.5)
        assert child.poll() is None
        bus.do("own")
        assert next_line(child).split()[1] == b"mqtt-2:8"
    bus.do("set", name="mqtt-2", KeyId="mqtt-2:7")


@tap.test
def watch_ends_with_the_status_of_a_command_that_fails():
    assert run("watch", "mqtt-2", "--", "sh", "-c", "exit 42").returncode == 42
    line = refused("InvalidArgument", "watch", "mqtt-2", "--", os.path.join(folder, "missing"),
                   status=127)
    assert line.startswith("akmactl: watch mqtt-2: cannot start "), line
    refused("InvalidArgument", "watch", "--", "true")
    refused("InvalidArgument", "watch", "mqtt-2", "--")


@tap.test
def exec_gives_the_key_on_descriptor_3_and_keeps_the_status():
    done = run("exec", "mqtt-2", "--", "sh", "-c", SCRIPT + "; exit 7",
               environment={"https_proxy": "kept"})
    assert done.returncode == 7
    assert done.stdout.decode().split() == ["mqtt-2", "mqtt-2:7", "state",
                                            hashlib.sha256(KEY).hexdigest()]
    done = run("exec", "mqtt-2", "--", "/usr/bin/python3", "-c", """
import fcntl, os
print(fcntl.fcntl(3, 1034), os.lseek(3, 0, 1), os.environ["https_proxy"], os.umask(0))
""", environment={"https_proxy": "kept"})
    umask = os.umask(0)
    os.umask(umask)
    assert done.stdout.decode().split() == ["15", "0", "kept", str(umask)], done


@tap.test
def exec_of_what_cannot_run_is_126_or_127():
    path = os.path.join(folder, "not-a-program")
    with open(path, "w") as file:
        file.write("data")

    for verb in "exec", "watch":
        line = refused("InvalidArgument", verb, "mqtt-2", "--", path, status=126)
        assert line.startswith("akmactl: %s mqtt-2: cannot start %s: " % (verb, path)), line
        refused("InvalidArgument", verb, "mqtt-2", "--", path + ".none", status=127)
    assert "ls -l" in next_step("exec", "mqtt-2", "--", path)
    assert "path of a program" in next_step("exec", "mqtt-2", "--", path + ".none")
    refused("InvalidArgument", "exec", "mqtt-2")
    refused("InvalidArgument", "exec", "mqtt-2", "--")
    refused("NotReady", "exec", "vpn", "--", "true")


# -- usage, bus, terminal --------------------------------------------------------------------


@tap.test
def reject_wrong_usage():
    for words in (["doctor", "mqtt"], ["get"], ["get", "mqtt-2", "more"],
                  ["exec", "mqtt-2", "--keyring", "@u"], ["get", "mqtt-2", "--format", "pem"],
                  ["get", "mqtt-2", "--wait", "soon"], ["get", "mqtt-2", "--wait", "-1"],
                  ["status", "--format", "hex"], ["list", "--wait", "1"], ["status", "--", "x"],
                  ["get", ""], ["unknown"], ["--unknown", "status"], ["wait", "vpn", "--wait", "1"]):
        refused("InvalidArgument", *words)
    assert subprocess.run([AKMACTL], capture_output=True).returncode == 2
    refused("InvalidArgument", "status", bus_address="nonsense")


@tap.test
def help_and_version_go_to_stdout():
    assert good("--version").startswith(b"akmactl ")
    for verb in "status", "list", "get", "renew", "enroll", "wait", "watch", "exec", "modem", "doctor":
        assert verb.encode() in good("--help")
        assert b"--json" in good(verb, "--help")


@tap.test
def not_running_where_there_is_no_bus_or_no_agent():
    empty = Bus("empty", agent=False)
    for address in empty.address, "unix:path=" + os.path.join(folder, "nowhere"):
        for words in (["status"], ["list"], ["modem"], ["get", "mqtt-2", "--format", "hex"],
                      ["renew", "mqtt-2"], ["enroll", "mqtt-2"], ["watch"], ["wait", "mqtt-2"]):
            refused("NotRunning", *words, bus_address=address)
    empty.end()


@tap.test
def watch_ends_when_the_bus_goes():
    other = Bus("other")
    other.do("application", name="mqtt")
    child = subprocess.Popen([AKMACTL, "--bus", other.address, "watch"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    next_line(child)
    other.end()
    assert child.wait(timeout=60) == TABLE["NotRunning"]
    child.communicate()


@tap.test
def wait_ends_when_the_bus_goes():
    other = Bus("waiting")
    other.do("application", name="mqtt")
    other.do("calls")
    children = [subprocess.Popen([AKMACTL, "--bus", other.address, *words, "mqtt"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                for words in (["wait"], ["get", "--format", "hex", "--wait", "5m"])]
    # the latter has been told that there is no key; the former has begun not later
    end = time.monotonic() + 60
    while "GetKey" not in json.loads(other.do("calls")):
        assert time.monotonic() < end and [child.poll() for child in children] == [None, None]
        time.sleep(0.1)
    time.sleep(0.5)
    other.end()
    for child in children:
        assert child.wait(timeout=60) == TABLE["NotRunning"], child.stderr.read()
        child.communicate()


@tap.test
def the_system_bus_can_be_named_by_the_environment():
    done = subprocess.run([AKMACTL, "list"], capture_output=True,
                          env=dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=bus.address))
    assert done.returncode == 0 and b"mqtt-2" in done.stdout, done
    done = subprocess.run([AKMACTL, "--bus=session", "list"], capture_output=True,
                          env=dict(os.environ, DBUS_SESSION_BUS_ADDRESS=bus.address))
    assert done.returncode == 0 and b"mqtt-2" in done.stdout, done


def on_terminal(*words, **environment):
    leader, follower = pty.openpty()
    env = dict(os.environ, **environment)
    if "NO_COLOR" not in environment:
        env.pop("NO_COLOR", None)
    child = subprocess.Popen([AKMACTL, "--bus", bus.address, *words], stdout=follower, env=env)
    os.close(follower)
    child.wait(timeout=60)
    shown = os.read(leader, 100000)
    os.close(leader)
    return shown


@tap.test
def colour_on_a_terminal_only_and_not_with_no_color():
    assert b"\x1b[32mready\x1b[0m" in on_terminal("list")
    assert b"\x1b" not in on_terminal("list", NO_COLOR="1")
    assert b"\x1b" not in good("list")


tap.main()
