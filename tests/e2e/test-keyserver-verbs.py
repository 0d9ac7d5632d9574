# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an operator does to keys and terminals: import, export, labels, groups, lists."""
import base64
import hashlib
import json
import os
import pty
import sqlite3
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwk
except ImportError as missing:
    tap.skip_all(str(missing))

import harness  # noqa: E402
from keyserver import FIRST_KEY, KID, Server  # noqa: E402


def terminal_of(s):
    return s.rows("terminal", "list")[0]["terminal"]


def key_file(s, content, mode=0o600):
    path = s.stack.path("own.key")
    with open(path, "wb") as f:
        f.write(content)
    os.chmod(path, mode)
    return path


def bring(s, content, terminal=None, mode=0o600, application="mqtt"):
    return s.verb("key", "import", "--application", application, "--terminal",
                  terminal or terminal_of(s), "--file", key_file(s, content, mode), "--json",
                  check=False)


def server_argv(s, *words):
    return [harness.program("akma-keyserver"), "--config", s.stack.path("akma-keyserver.conf"),
            *words]


# --- key import -------------------------------------------------------------------------------

@tap.test
def a_key_of_one_s_own_is_delivered_as_the_next_version():
    with Server() as s:
        s.exchange()
        for n, key in enumerate((os.urandom(16), b"{" + os.urandom(31), os.urandom(64))):
            row = json.loads(bring(s, key).stdout)
            assert row["kid"] == "mqtt:%d" % (n + 2) and row["state"] == "current"
            assert row["sha256"] == hashlib.sha256(key).hexdigest() and row["length"] == len(key)
            answer = s.exchange()
            assert answer.raw("mqtt") == key
            assert answer.by_id["mqtt"]["previous"]["kid"] == "mqtt:%d" % (n + 1)
        assert [e["kid"] for e in s.audits("imported")] == ["mqtt:2", "mqtt:3", "mqtt:4"]
        log = s.process.read_log() + open(s.audit).read()
        assert key.hex() not in log


@tap.test
def a_jwk_as_others_write_it_is_taken():
    with Server() as s:
        s.exchange()
        for size in (128, 256, 512):
            jwk = jwcrypto.jwk.JWK.generate(kty="oct", size=size, alg="HS256", use="sig")
            key = base64.urlsafe_b64decode(json.loads(jwk.export())["k"] + "==")
            assert bring(s, jwk.export().encode() + b"\n").returncode == 0
            assert s.exchange().raw("mqtt") == key


@tap.test
def reject_keys_that_are_none():
    with Server() as s:
        s.exchange()
        k = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
        for content in (b"", os.urandom(15), os.urandom(65), os.urandom(5000),
                        b'{"kty":"oct","k":"%s"}' % base64.urlsafe_b64encode(bytes(15))[:-1],
                        b'{"kty":"oct","k":"%s"}' % (b"A" * 88),
                        json.dumps({"kty": "oct", "k": k + "="}).encode(),
                        json.dumps({"kty": "oct", "k": "+" + k[1:]}).encode(),
                        json.dumps({"kty": "oct", "k": 7, "pad": "x" * 50}).encode(),
                        json.dumps({"kty": "RSA", "k": k}).encode(),
                        json.dumps({"k": k, "padding": "xxxxxxxxxxx"}).encode(),
                        ('{"kty":"oct","k":"%s","k":"%s"}' % (k, k)).encode(),
                        jwcrypto.jwk.JWK.generate(kty="EC", crv="P-256").export().encode()):
            done = bring(s, content)
            assert done.returncode in (2, 6), (content, done)
        assert s.exchange().by_id["mqtt"]["kid"] == "mqtt:1"


@tap.test
def reject_keys_that_others_may_read_or_that_have_no_place():
    with Server() as s:
        s.exchange()
        key = os.urandom(32)
        assert bring(s, key, mode=0o644).returncode == 6
        assert bring(s, key, terminal="A" * 43).returncode == 25
        assert bring(s, key, terminal="x").returncode == 2
        assert bring(s, key, application="nope").returncode == 25
        for words in ((), ("--application", "mqtt"), ("--file", key_file(s, key))):
            assert s.verb("key", "import", *words, check=False).returncode == 2
        done = s.verb("key", "import", "--application", "mqtt", "--terminal", terminal_of(s),
                      "--file", "/proc/nonexistent", check=False)
        assert done.returncode == 6, done
        assert s.exchange().by_id["mqtt"]["kid"] == "mqtt:1"


@tap.test
def a_terminal_can_have_its_key_before_it_has_ever_called():
    with Server() as s:
        path = s.stack.write("subscriber", "imsi-001010000000001\n")
        s.verb("terminal", "label", "--identity-file", path, "pump 7")
        key = os.urandom(32)
        assert bring(s, key).returncode == 0
        assert s.exchange().raw("mqtt") == key


# --- export -----------------------------------------------------------------------------------

def export(s, form, *more):
    return s.verb("export", "--application", "mqtt", "--format", form, *more)


@tap.test
def an_application_gets_every_version_that_is_accepted_now():
    with Server() as s:
        first = s.exchange().by_id["mqtt"]
        s.verb("key", "rotate", "--all")
        second = s.exchange().by_id["mqtt"]
        lines = export(s, "mosquitto-psk").splitlines()

        def hexed(key):
            return base64.urlsafe_b64decode(key["k"] + "==").hex()
        assert lines == ["%s:%s" % (key["identity"], hexed(key)) for key in (first, second)]

        rows = [json.loads(line) for line in export(s, "json").splitlines()]
        assert [(row["kid"], row["state"]) for row in rows] == [("mqtt:1", "previous"),
                                                                ("mqtt:2", "current")]
        assert rows[1]["jwk"]["k"] == second["k"] and rows[1]["terminal"] == terminal_of(s)
        assert rows[1]["application"] == "mqtt" and rows[0]["not_after"] > time.time()
        assert jwcrypto.jwk.JWK(**{m: rows[1]["jwk"][m] for m in ("kty", "k")})
        # a key or a terminal that is revoked is accepted no more
        s.verb("key", "revoke", "--kid", "mqtt:1")
        assert export(s, "mosquitto-psk").splitlines() == lines[1:]
        s.verb("terminal", "revoke", terminal_of(s))
        assert export(s, "mosquitto-psk") == ""
        assert {e["application"] for e in s.audits("exported")} == {"mqtt"}


@tap.test
def a_file_is_written_whole_and_for_its_group_at_most():
    with Server() as s:
        s.exchange()
        path = s.stack.path("psk")
        with open(path, "w") as f:
            f.write("old\n" * 1000)
        os.chmod(path, 0o666)
        assert export(s, "mosquitto-psk", "--output", path) == ""
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
        assert open(path).read() == export(s, "mosquitto-psk")


@tap.test
def reject_exports_that_show_or_mean_nothing():
    with Server() as s:
        s.exchange()
        for words, status in ((("export",), 2), (("export", "--application", "mqtt"), 2),
                              (("export", "--application", "nope", "--format", "json"), 25),
                              (("export", "--application", "nope", "--format", "json", "--follow",
                                "--output", s.stack.path("x")), 25),
                              (("export", "--application", "mqtt", "--format", "xml"), 2),
                              (("export", "--application", "mqtt", "--format", "json",
                                "--follow"), 2),
                              (("export", "--application", "mqtt", "--format", "json",
                                "--run", "true"), 2),
                              (("export", "--application", "mqtt", "--format", "json",
                                "--output", "/proc/nonexistent/x"), 30)):
            assert s.verb(*words, check=False).returncode == status, words
        ours, theirs = pty.openpty()
        done = subprocess.run(server_argv(s, "export", "--application", "mqtt", "--format",
                                          "json"), stdout=theirs, stderr=subprocess.PIPE)
        os.close(theirs)
        assert done.returncode == 2 and b"terminal" in done.stderr
        os.close(ours)


@tap.test
def a_backup_that_was_made_while_serving_can_be_put_back():
    """As packaging/docs/operations.md tells."""
    with Server() as s:
        first = s.exchange().raw("mqtt")
        store, backup = s.stack.path("keys.db"), s.stack.path("backup.db")
        with s.client() as c:
            session = c.open_session("akma", KID, FIRST_KEY)
            db = sqlite3.connect(store)
            db.execute("VACUUM INTO '%s'" % backup)
            db.close()
            assert session.ask(["mqtt"]).raw("mqtt") == first
        s.verb("key", "rotate", "--all")
        lost = s.exchange()
        s.stack.stop("akma-keyserver")
        for ending in ("-wal", "-shm"):
            if os.path.exists(store + ending):
                os.unlink(store + ending)
        os.rename(backup, store)
        s.process = s.stack.start_keyserver()
        assert s.exchange().raw("mqtt") == first
        s.verb("key", "rotate", "--all")
        assert s.exchange().raw("mqtt") not in (first, lost.raw("mqtt"))


# --- terminals --------------------------------------------------------------------------------

@tap.test
def terminals_are_labelled_grouped_and_forgotten():
    with Server() as s:
        s.exchange()
        terminal = terminal_of(s)
        s.verb("terminal", "label", terminal, "Pumpe 7 äöü \"x\"")
        s.verb("terminal", "group", terminal, "plant")
        s.verb("terminal", "group", terminal, "west")
        row = s.rows("terminal", "show", terminal)[0]
        assert row["label"] == "Pumpe 7 äöü \"x\"" and row["groups"] == ["plant", "west"]
        s.verb("terminal", "group", "--remove", terminal, "plant")
        s.verb("terminal", "label", terminal, "")
        row = s.rows("terminal", "show", terminal)[0]
        assert row["label"] is None and row["groups"] == ["west"]
        s.verb("terminal", "forget", terminal)
        assert s.rows("terminal", "list") == [] and s.rows("key", "list") == []
        for verb in (("label", terminal, "x"), ("group", terminal, "x"), ("forget", terminal)):
            assert s.verb("terminal", *verb, check=False).returncode == 25, verb
        # it comes back as a new one
        assert s.exchange().by_id["mqtt"]["kid"] == "mqtt:2"
        assert s.rows("terminal", "show", terminal)[0]["groups"] == []


@tap.test
def reject_labels_and_groups_that_are_none():
    with Server() as s:
        s.exchange()
        terminal = terminal_of(s)
        for verb in (("label", terminal, "x" * 129), ("label", terminal), ("group", terminal),
                     ("group", terminal, "a b"), ("group", terminal, ""), ("label", "x", "y"),
                     ("forget", terminal, "x"), ("list", "--limit", "0"),
                     ("list", "--limit", "100001"), ("list", "--after")):
            assert s.verb("terminal", *verb, check=False).returncode == 2, verb


@tap.test
def lists_come_in_pages_without_gap_or_repetition():
    with Server() as s:
        for n in range(7):
            s.operator.first_keys["%d.%s" % (n, KID)] = FIRST_KEY
            s.operator.supis["%d.%s" % (n, KID)] = "imsi-00101000000010%d" % n
            s.exchange(kid="%d.%s" % (n, KID))
        everything = [row["terminal"] for row in s.rows("terminal", "list")]
        assert len(everything) == 7 and everything == sorted(everything)
        for size in (1, 3, 7, 8):
            found, page = [], s.rows("terminal", "list", "--limit", str(size))
            while page:
                assert len(page) <= size
                found += [row["terminal"] for row in page]
                page = s.rows("terminal", "list", "--limit", str(size), "--after", found[-1])
            assert found == everything, size
        assert "more: --after " + everything[2] in s.verb("terminal", "list", "--limit", "3")
        assert "more:" not in s.verb("terminal", "list", "--limit", "7")


tap.main()
