# SPDX-License-Identifier: LGPL-2.1-or-later
"""server: the figures of the key server, for bench.py: what an exchange costs in either profile, and
whether that stays so with many workers, many terminals, and many at once."""
import os
import resource
import signal
import socket
import sqlite3
import ssl
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import cost  # noqa: E402
import fleet  # noqa: E402
import flood  # noqa: E402
import harness  # noqa: E402
import outage  # noqa: E402
import postgres  # noqa: E402
import psk_client  # noqa: E402

RUNS = 5
EXCHANGES = 400
CONCURRENT = 4
SIZES = (10 ** 3, 10 ** 5, 10 ** 6)  # terminals in the store
WAITING = 10 ** 4
SUSPENDED = 1000  # no more wait for one anchor at a time

NGINX = """daemon off;
master_process off;
pid %(dir)s/nginx.pid;
error_log %(dir)s/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path %(dir)s; proxy_temp_path %(dir)s; fastcgi_temp_path %(dir)s;
  uwsgi_temp_path %(dir)s; scgi_temp_path %(dir)s;
  server {
    listen 127.0.0.1:%(port)d ssl;
    ssl_protocols TLSv1.3;
    ssl_session_tickets off;
    ssl_certificate %(dir)s/server.pem;
    ssl_certificate_key %(dir)s/server.key;
  }
}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tls_context(stack):
    context = ssl.create_default_context(cafile=stack.path("ca.pem"))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def connect(address, context):
    """A connection whose TLS handshake is complete on both sides."""
    raw = socket.create_connection(address)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname=harness.FQDN)


class Nginx:
    """The reference: one nginx process with the certificate of the key server."""

    def __init__(self, stack):
        self.stack, self.address = stack, ("127.0.0.1", free_port())
        stack.write("nginx.conf", NGINX % {"dir": stack.dir, "port": self.address[1]})

    def __enter__(self):
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-e", self.stack.path("nginx.log"),
                                         "-c", self.stack.path("nginx.conf")])
        self.context = tls_context(self.stack)
        harness.wait_until("nginx listens", self.is_up)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def is_up(self):
        try:
            connect(self.address, self.context).close()
            return True
        except OSError:
            return False

    def cost_of_handshake(self, n):
        """CPU seconds."""
        before = cost.cpu_s([self.process.pid])
        for _ in range(n):
            with connect(self.address, self.context) as tls:
                try:
                    tls.unwrap()
                except (OSError, ssl.SSLError):
                    pass
        return (cost.cpu_s([self.process.pid]) - before) / n


def cost_of_exchange(stack, *options):
    """(CPU seconds of the workers for one exchange, exchanges a second as seen)."""
    pids = stack.worker_pids()
    before = cost.cpu_s(pids)
    seen = stack.run(*options)
    assert seen["failed"] == 0, seen
    return (cost.cpu_s(pids) - before) / seen["exchanges"], seen["per_s"]


# A terminal whose key is there already: what a refresh costs, and the server reads only.
REFRESH = ("--terminals=20", "--concurrent=%d" % CONCURRENT, "--rounds=%d" % (EXCHANGES // 20))


def bench_exchange(table):
    with fleet.Stack(EXCHANGES * (RUNS + 1)) as stack, Nginx(stack) as nginx:
        stack.run("--terminals=20")
        runs = [(cost_of_exchange(stack, *REFRESH)[0], cost_of_exchange(stack, "--psk", *REFRESH)[0],
                 nginx.cost_of_handshake(EXCHANGES)) for _ in range(RUNS)]
        first = [cost_of_exchange(stack, "--first=%d" % (EXCHANGES * (i + 1)), "--concurrent=4",
                                  "--terminals=%d" % EXCHANGES)[0] for i in range(RUNS)]
    bare = statistics.median(run[2] for run in runs)
    for name, column, aim in (("server CPU per exchange", 0, 1.4), ("  same, PSK profile", 1, 1.0)):
        table.row(name, statistics.median(run[column] for run in runs) * 1e3, "ms", bare * 1e3, aim,
                  statistics.median(run[column] / run[2] for run in runs))
    table.row("  of a terminal's first exchange", statistics.median(first) * 1e3, "ms", bare * 1e3)


def bench_workers(table):
    """Under the same load in all, and with as many terminals at once for each worker: one that has
    less to do goes to sleep more often, which is no cost of having two."""
    twice = (*REFRESH, "--concurrent=%d" % (2 * CONCURRENT))
    costs = {}
    for workers, load in ((1, REFRESH), (2, REFRESH), (2, twice)):
        with fleet.Stack(20, workers=workers) as stack:
            stack.run("--terminals=20")
            runs = [cost_of_exchange(stack, *load) for _ in range(RUNS)]
        costs[workers, load] = statistics.median(run[0] for run in runs) * 1e3
        if load == REFRESH:
            table.row("exchanges as seen, %d workers" % workers,
                      statistics.median(run[1] for run in runs), "/s")
    one = costs[1, REFRESH]
    table.row("server CPU per exchange, 2 workers", costs[2, REFRESH], "ms", one, 1.1)
    table.row("  with as many terminals for each", costs[2, twice], "ms", one)


def fill_sqlite(stack, size):
    """As many terminals with a key as if they had been here."""
    with sqlite3.connect(stack.path("keys.db")) as db:
        have, = db.execute("SELECT count(*) FROM terminal").fetchone()
        names = ["%043d" % n for n in range(have, size)]
        now = int(time.time())
        db.executemany("INSERT INTO terminal (id, revoked, created) VALUES (?, 0, ?)",
                       ((name, now) for name in names))
        db.executemany("INSERT INTO app_key (terminal, application, version, state, sealed, created,"
                       " not_after) VALUES (?, 'mqtt', 1, 0, ?, ?, 0)",
                       ((name, os.urandom(60), now) for name in names))


def fill_postgres(pg, size):
    """The same, and what autovacuum would do, which is off."""
    names = "SELECT lpad(n::text, 43, '0') FROM generate_series(%d, %d) n"
    have = int(pg.sql("SELECT count(*) FROM terminal", schema="growth").split()[-1])
    more = names % (have, size - 1)
    pg.sql("INSERT INTO terminal (id, revoked, created) SELECT t, 0, %d FROM (%s) x (t)" % (
               time.time(), more),
           "INSERT INTO app_key (terminal, application, version, state, sealed, created, not_after)"
           " SELECT t, 'mqtt', 1, 0, decode(repeat(md5(t), 4), 'hex'), %d, 0 FROM (%s) x (t)" % (
               time.time(), more),
           "ANALYZE terminal", "ANALYZE app_key", schema="growth")


def start_and_count(stack, size):
    """For /metrics a thread counts what is in the store, now and then, for a fiftieth of the time at
    most. What the first time costs, in CPU seconds; it is over then."""
    stack.start_keyserver()
    before = cost.cpu_s(stack.worker_pids())
    harness.wait_until("they are counted",
                       lambda: stack.metrics().get("akma_terminals", 0) >= 0.99 * size, 300)
    return cost.cpu_s(stack.worker_pids()) - before


def bench_growth_of(table, name, stack, fill, others=lambda: []):
    """@others: the pids of the database, whose CPU is printed too."""
    stack.run("--terminals=20")
    reference = None
    for size in SIZES:
        stack.stop("akma-keyserver")
        fill(size)
        counting = start_and_count(stack, size)
        stack.run("--terminals=20")
        before = cost.cpu_s(others())
        value = statistics.median(cost_of_exchange(stack, *REFRESH)[0] for _ in range(RUNS))
        theirs = (cost.cpu_s(others()) - before) / (RUNS * EXCHANGES)
        reference = reference or value
        what = "%s, 10^%d terminals" % (name, len(str(size)) - 1)
        table.row("server CPU per exchange, " + what, value * 1e3, "ms", reference * 1e3, 1.15)
        table.row("  of the database" if theirs else "  to count them, in 2% of the time",
                  (theirs or counting) * 1e3, "ms")


def bench_growth(table):
    with fleet.Stack(20) as stack:
        bench_growth_of(table, "SQLite", stack, lambda size: fill_sqlite(stack, size))
    with postgres.Postgres() as pg, fleet.Stack(20, conninfo=pg.conninfo("growth")) as stack:
        bench_growth_of(table, "PostgreSQL", stack, lambda size: fill_postgres(pg, size), pg.backends)


def suspend(stack, n):
    """@n handshakes that wait for the answer of an anchor that does not move."""
    host, port = stack.address("psk")
    held = []
    for i in range(n):
        name = "3GPP-AKMA;0.%032d@5gc.mnc001.mcc001.3gppnetwork.org" % i
        held.append(socket.create_connection((host, port)))
        held[-1].sendall(psk_client.records(psk_client.client_hello([(name, bytes(32))])))
    harness.wait_until("all wait", lambda: stack.metrics()["akma_sessions"] == n, 60)
    return held


def bench_suspended(table, stack):
    worker, = stack.worker_pids()
    before, _ = cost.memory_kib(worker)
    lab = stack.processes["akma-lab"]
    lab.signal(signal.SIGSTOP)
    held = suspend(stack, SUSPENDED)
    dirty, _ = cost.memory_kib(worker)
    lab.signal(signal.SIGCONT)
    for connection in held:
        connection.close()
    harness.wait_until("all are gone", lambda: stack.metrics()["akma_sessions"] == 0, 60)
    table.row("memory per suspended handshake", (dirty - before) / SUSPENDED, "KiB", None, 50)


def is_idle(stack, n):
    """@n connections are open, none of them in a handshake, and none was ended by a limit."""
    told = stack.metrics()
    limited = sum(value for name, value in told.items()
                  if name.startswith("akma_connections_limited_total"))
    return (told["akma_connections"], told["akma_handshakes_waiting"], limited) == (n, 0, 0)


def bench_idle(table, stack):
    worker, = stack.worker_pids()
    before, _ = cost.memory_kib(worker)
    context = tls_context(stack)
    context.set_alpn_protocols(["h2"])
    held = []
    for _ in range(WAITING):
        held.append(connect(stack.address(), context))
        held[-1].sendall(flood.PREFACE)  # who says nothing after TLS is closed after 10 s
    harness.wait_until("all are there and have been heard",
                       lambda: is_idle(stack, WAITING), 60)
    dirty, _ = cost.memory_kib(worker)
    assert is_idle(stack, WAITING)
    table.row("memory per idle connection", (dirty - before) / WAITING, "KiB", None, 50)
    table.row("memory with 10^4 of them", dirty / 1024, "MiB", None, WAITING * 50 / 1024)
    for connection in held:
        connection.close()


def bench_memory(table):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * WAITING), hard))
    limits = fleet.NO_LIMITS + "idle=600s\nexchange=600s\n"
    for part in (bench_suspended, bench_idle):
        with fleet.Stack(20, limits=limits, anchor_timeout="600s") as stack:
            stack.run("--terminals=20", "--rounds=10")
            part(table, stack)
    with fleet.Stack(20, limits=limits) as stack:
        worker, = stack.worker_pids()
        stack.run("--terminals=20", "--concurrent=16", "--rounds=500")
        before, _ = cost.memory_kib(worker)
        stack.run("--terminals=20", "--concurrent=16", "--rounds=5000")
        after, _ = cost.memory_kib(worker)
        table.row("memory growth over 10^5 exchanges", after - before, "KiB", None, 256)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def bench(table):
    for part in (bench_exchange, bench_workers, bench_growth, bench_memory, outage.bench_flood,
                 outage.bench_chaos, outage.bench_restart):
        part(table)
