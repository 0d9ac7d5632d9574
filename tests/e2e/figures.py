# SPDX-License-Identifier: LGPL-2.1-or-later
"""figures: what the admin listener of a key server says, read by the parser of Prometheus.

    with keyserver.Server(extra=figures.TCP) as s:
        figures.exchanges(s, "ok"); figures.health(s)
"""
import http.client
import json
import os

from prometheus_client.parser import text_string_to_metric_families

from keyserver import RATES

TCP = RATES + "[admin]\nlisten=127.0.0.1:0\n"
UNIX = RATES + "[admin]\nlisten=unix:%DIR%/admin.sock\n"


def admin(s):
    host, port = s.stack.ready["akma-keyserver"]["admin"].rsplit(":", 1)
    return host, int(port)


def get(s, path, method="GET", host=None):
    conn = http.client.HTTPConnection(*admin(s), timeout=15)
    conn.request(method, path, headers={"Host": host} if host else {})
    answer = conn.getresponse()
    body = answer.read()
    conn.close()
    return answer, body.decode()


def metrics(s):
    """{(name, labels as a sorted tuple): value}, as the parser of Prometheus reads them."""
    answer, body = get(s, "/metrics")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain"), body
    found = {}
    for family in text_string_to_metric_families(body):
        assert family.documentation and family.type != "unknown", family
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(s, name, **labels):
    return metrics(s).get((name, tuple(sorted(labels.items()))), 0)


def exchanges(s, result, anchor="akma", profile="message"):
    return value(s, "akma_exchanges_total", anchor=anchor, profile=profile, result=result)


def health(s):
    answer, body = get(s, "/healthz")
    assert answer.headers["content-type"] == "application/json"
    told = json.loads(body)
    assert told["healthy"] == (answer.status == 200), (answer.status, told)
    return told


def worker_of(s):
    """A worker: the admin process has no TLS port open."""
    for pid in s.workers():
        links = [os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)]
        if any(link.startswith(s.stack.path("keys.db")) for link in links):
            return pid
    raise AssertionError("no worker has the store open")
