# SPDX-License-Identifier: LGPL-2.1-or-later
"""server: the figures of the key server, for bench.py: what an exchange costs, and whether that stays
so with many workers, many terminals, many at once, and while parts are killed."""
import os
import random
import resource
import signal
import socket
import sqlite3
import ssl
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import cost  # noqa: E402
import fleet  # noqa: E402
import harness  # noqa: E402

RUNS = 5
EXCHANGES = 400
SIZES = (10 ** 3, 10 ** 5, 10 ** 6)  # terminals in the store
WAITING = 10 ** 4
CHAOS_S = 60

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


def workers_of(stack):
    parent = stack.processes["akma-keyserver"].pid
    return [pid for pid in harness.worker_pids(parent) if pid != parent]


def cost_of_exchange(stack, *options):
    """(CPU seconds of the workers for one exchange, exchanges a second as seen)."""
    pids = workers_of(stack)
    before = cost.cpu_s(pids)
    seen = stack.run(*options)
    assert seen["failed"] == 0, seen
    return (cost.cpu_s(pids) - before) / seen["exchanges"], seen["per_s"]


# A terminal whose key is there already: what a refresh costs, and the server reads only.
REFRESH = ("--terminals=20", "--concurrent=4", "--rounds=%d" % (EXCHANGES // 20))


def bench_exchange(table):
    with fleet.Stack(EXCHANGES * (RUNS + 1)) as stack, Nginx(stack) as nginx:
        stack.run("--terminals=20")
        runs = [(cost_of_exchange(stack, *REFRESH)[0], nginx.cost_of_handshake(EXCHANGES))
                for _ in range(RUNS)]
        first = [cost_of_exchange(stack, "--first=%d" % (EXCHANGES * (i + 1)), "--concurrent=4",
                                  "--terminals=%d" % EXCHANGES)[0] for i in range(RUNS)]
    bare = statistics.median(run[1] for run in runs)
    table.row("server CPU per exchange", statistics.median(run[0] for run in runs) * 1e3, "ms",
              bare * 1e3, 1.4, statistics.median(ours / theirs for ours, theirs in runs))
    table.row("  of a terminal's first exchange", statistics.median(first) * 1e3, "ms", bare * 1e3)


def bench_workers(table):
    costs = {}
    for workers in (1, 2):
        with fleet.Stack(20, workers=workers) as stack:
            stack.run("--terminals=20")
            runs = [cost_of_exchange(stack, *REFRESH) for _ in range(RUNS)]
            costs[workers] = statistics.median(run[0] for run in runs)
            table.row("exchanges as seen, %d workers" % workers,
                      statistics.median(run[1] for run in runs), "/s")
    table.row("server CPU per exchange, 2 workers", costs[2] * 1e3, "ms", costs[1] * 1e3, 1.1)


def fill(stack, size):
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


def bench_growth(table):
    """The runs of all sizes take turns in the noise of the machine, as far as sizes only grow."""
    with fleet.Stack(20) as stack:
        stack.run("--terminals=20")
        reference = None
        for size in SIZES:
            stack.stop("akma-keyserver")
            fill(stack, size)
            stack.start_keyserver()
            stack.run("--terminals=20")
            value = statistics.median(cost_of_exchange(stack, *REFRESH)[0] for _ in range(RUNS))
            reference = reference or value
            table.row("server CPU per exchange, 10^%d terminals" % (len(str(size)) - 1), value * 1e3,
                      "ms", reference * 1e3, 1.15)


def bench_memory(table):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * WAITING), hard))
    limits = fleet.NO_LIMITS + "idle=600s\nexchange=600s\n"
    with fleet.Stack(20, limits=limits) as stack:
        stack.run("--terminals=20", "--rounds=10")
        worker, = workers_of(stack)
        before, _ = cost.memory_kib(worker)
        host, port = stack.ready["akma-keyserver"]["listen"].rsplit(":", 1)
        context = tls_context(stack)
        context.set_alpn_protocols(["h2"])
        held = [connect((host, int(port)), context) for _ in range(WAITING)]
        dirty, _ = cost.memory_kib(worker)
        table.row("memory per idle connection", (dirty - before) / WAITING, "KiB", None, 50)
        table.row("memory with 10^4 of them", dirty / 1024, "MiB")
        for connection in held:
            connection.close()
        stack.run("--terminals=20", "--concurrent=16", "--rounds=500")
        before, _ = cost.memory_kib(worker)
        stack.run("--terminals=20", "--concurrent=16", "--rounds=5000")
        after, _ = cost.memory_kib(worker)
        table.row("memory growth over 10^5 exchanges", after - before, "KiB", None, 256)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def bench_restart(table):
    """After an outage every terminal of a fleet comes at once; limits as they come."""
    with fleet.Stack(WAITING, limits="[limits]\naddress=1000000/s\n", workers=2) as stack:
        seen = stack.run("--terminals=%d" % WAITING, "--storm", "--deadline=600")
    table.row("10^4 terminals at once, until all have keys", seen["seconds"], "s")
    table.row("  attempts for each", 1 + seen["failed"] / WAITING, "")


class Chaos(threading.Thread):
    """Kills the lab, a worker or the whole server, again and again, and starts it anew; and rotates,
    but not towards the end."""

    def __init__(self, stack):
        super().__init__()
        self.stack, self.kills = stack, 0

    def run(self):
        start = time.monotonic()
        while time.monotonic() < start + CHAOS_S:
            time.sleep(random.uniform(0.5, 3))
            if random.random() < 0.2 and time.monotonic() < start + CHAOS_S / 2:
                self.stack.server("key", "rotate", "--application", "mqtt")
            self.kill(random.choice(("akma-lab", "akma-keyserver", "worker")))
            self.kills += 1

    def kill(self, victim):
        if victim == "worker":
            os.kill(random.choice(workers_of(self.stack)), signal.SIGKILL)
            return
        process = self.stack.processes.pop(victim)
        process.popen.kill()
        process.popen.wait()
        time.sleep(random.uniform(0, 1))
        if victim == "akma-lab":
            self.stack.start_lab(self.stack.subscribers)
        else:
            self.stack.start_keyserver()


def bench_chaos(table):
    """Each of 1000 terminals comes every 2.5 s on average, and goes on after the last kill."""
    with fleet.Stack(1000, workers=2) as stack:
        chaos = Chaos(stack)
        chaos.start()
        seen = stack.run("--terminals=1000", "--storm", "--rounds=%d" % (CHAOS_S // 2),
                         "--pause=5000", "--deadline=%d" % (15 * CHAOS_S),
                         "--keys=" + stack.path("seen"), check=False)
        chaos.join()
        lacking = stack.lacking(stack.path("seen"))
    table.row("kills within %d s" % CHAOS_S, chaos.kills, "")
    table.row("  terminals without a key", seen["without_key"], "", None, 0)
    table.row("  kids with two values", seen["kids_with_two_values"], "", None, 0)
    table.row("  delivered keys that the store lacks", lacking, "", None, 0)


def bench(table):
    for part in (bench_exchange, bench_workers, bench_growth, bench_memory, bench_restart,
                 bench_chaos):
        part(table)
