#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""postgres: a real PostgreSQL of Debian's package on a Unix socket in a temporary folder.

    with postgres.Postgres() as pg:
        pg.conninfo("one"); pg.sql("SELECT 1"); pg.kill(); pg.start()

Each name given to conninfo() is a schema of its own: a store's place. As a program it does the same
for tests in C: prints "ready CONNINFO" or "skip WHY", and ends with its standard input; a line
"schema NAME" makes one and is answered "ok CONNINFO", a line "sql ..." is run and answered.
"""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

WAIT_S = 60
ACCOUNTS = ("postgres", "nobody")  # initdb refuses root


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    return os.path.dirname(found[-1]) if found else None


class Postgres:
    """@password: of the role "keys", which then needs it; @options: more of postgres' own."""

    def __init__(self, password=None, options=()):
        self.bin = programs()
        assert self.bin, "no PostgreSQL"
        self.password = password
        self.options = list(options)
        self.process = None
        self.folder = tempfile.mkdtemp(prefix="akma-pg-")
        self.account = None
        if os.geteuid() == 0:
            self.account = next(a for a in ACCOUNTS if a in {u.pw_name for u in pwd.getpwall()})
            shutil.chown(self.folder, self.account)
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "data")
        self.command("initdb", "-D", self.data, "-U", "akma", "-A", "trust", "--no-sync",
                     "--no-instructions", "-E", "UTF8", "--locale=C.UTF-8")
        if password:
            with open(os.path.join(self.data, "pg_hba.conf"), "w") as f:
                f.write("local all akma trust\nlocal all keys scram-sha-256\n")
        self.start()
        if password:
            self.sql("CREATE ROLE keys LOGIN PASSWORD '%s'" % password,
                     "GRANT CREATE ON DATABASE postgres TO keys")

    def as_account(self, words):
        if not self.account:
            return words
        user = pwd.getpwnam(self.account)
        return ["setpriv", "--reuid=%d" % user.pw_uid, "--regid=%d" % user.pw_gid,
                "--clear-groups"] + words

    def command(self, name, *words):
        subprocess.run(self.as_account([os.path.join(self.bin, name), *words]), check=True,
                       stdout=subprocess.DEVNULL, cwd="/", env={"PATH": os.environ["PATH"],
                                                               "LC_ALL": "C.UTF-8"})

    def start(self):
        settings = ["listen_addresses=", "unix_socket_directories=" + self.folder, "fsync=off",
                    "max_connections=60", "shared_buffers=16MB", "autovacuum=off", "ssl=off",
                    "logging_collector=off", "unix_socket_permissions=0777", *self.options]
        words = [os.path.join(self.bin, "postgres"), "-D", self.data]
        for setting in settings:
            words += ["-c", setting]
        self.log = open(os.path.join(self.folder, "log"), "ab")
        # it ends with us, whatever becomes of us
        self.process = subprocess.Popen(
            self.as_account(["setpriv", "--pdeathsig=QUIT", *words]), cwd="/",
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        self.log.close()
        self.wait_until_ready()

    def wait_until_ready(self):
        end = time.monotonic() + WAIT_S
        while subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder]).returncode:
            assert self.process.poll() is None, self.read_log()
            assert time.monotonic() < end, self.read_log()
            time.sleep(0.05)

    def read_log(self):
        with open(os.path.join(self.folder, "log")) as f:
            return f.read()

    def sql(self, *statements, schema=None):
        words = [os.path.join(self.bin, "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                 "-h", self.folder, "-U", "akma", "-d", "postgres"]
        if schema:
            words += ["-c", "SET search_path = %s" % schema]
        for statement in statements:
            words += ["-c", statement]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def conninfo(self, schema, role="akma"):
        self.sql("CREATE SCHEMA IF NOT EXISTS %s" % schema)
        if role != "akma":
            self.sql("ALTER SCHEMA %s OWNER TO %s" % (schema, role))
        return "host=%s dbname=postgres user=%s options='-c search_path=%s'" % (
            self.folder, role, schema)

    def hold(self, schema, *statements):
        """A session that has run @statements and neither commits nor goes, until it is killed."""
        process = subprocess.Popen([os.path.join(self.bin, "psql"), "-X", "-q", "-h", self.folder,
                                    "-U", "akma", "-d", "postgres"], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write("SET search_path = %s;\nBEGIN;\n%s;\n\\echo held\n" % (
            schema, ";\n".join(statements)))
        process.stdin.flush()
        assert process.stdout.readline().strip() == "held"
        return process

    def backends(self):
        rows = self.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'akma-keyserver'")
        return [int(pid) for pid in rows.split()]

    def kill(self):
        """All of it at once, as when the machine of the database loses its power."""
        parent = self.process.pid
        with open("/proc/%d/task/%d/children" % (parent, parent)) as f:
            children = f.read().split()
        for pid in [parent, *map(int, children)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        end = time.monotonic() + WAIT_S
        while any(os.path.exists("/proc/%s" % pid) for pid in children):
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()


def main():
    if not programs():
        print("skip PostgreSQL is not installed", flush=True)
        return
    with Postgres() as pg:
        print("ready", flush=True)
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            if word == "schema":
                print("ok " + pg.conninfo(rest), flush=True)
            elif word == "sql":
                schema, _, statement = rest.partition(" ")
                pg.sql(statement, schema=schema)
                print("ok", flush=True)


if __name__ == "__main__":
    main()
