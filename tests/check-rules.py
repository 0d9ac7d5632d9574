# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-rules: the alert rules are what Prometheus takes, and speak of figures that there are."""
import os
import re
import shutil
import subprocess
import sys

top = os.environ.get("top_srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(top, "tests/e2e"))
import tap  # noqa: E402

try:
    import yaml
except ImportError as missing:
    tap.skip_all(str(missing))

RULES = os.path.join(top, "packaging/examples/akma-keyserver.rules.yml")


def read(path):
    with open(os.path.join(top, path)) as f:
        return f.read()


def rules():
    return [rule for group in yaml.safe_load(read(RULES))["groups"] for rule in group["rules"]]


def limits_told():
    table = read("src/keyserver/metrics.c").split("akma_metrics_limit_name(unsigned limit)")[1]
    return set(re.findall(r'LIMIT_[A-Z_]+\] = "([a-z_]+)"', table))


def rooms_told():
    table = read("src/keyserver/metrics.c").split("akma_metrics_room_name(AkmaRoom room)")[1]
    return set(re.findall(r'ROOM_[A-Z]+\] = "([a-z]+)"', table))


@tap.test
def each_rule_has_what_an_alert_needs():
    assert len(rules()) == 6
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"\d+m", rule["for"]) and rule["labels"]["severity"]
        assert set(rule["annotations"]) == {"summary", "description"}


@tap.test
def figures_results_and_labels_of_the_rules_are_those_of_the_server():
    told = set(re.findall(r'"(akma_[a-z_]+)"', read("src/keyserver/prometheus.c")))
    causes = set(re.findall(r'"([a-z_]+)"', read("src/proto/cause.c")))
    assert len(told) > 12 and "anchor_unavailable" in causes
    for rule in rules():
        used = set(re.findall(r"akma_[a-z_]+", rule["expr"]))
        assert used and used <= told, used - told
        for results in re.findall(r'result=~?"([^"]+)"', rule["expr"]):
            assert set(results.split("|")) <= causes, results
        for limits in re.findall(r'limit=~?"([^"]+)"', rule["expr"]):
            assert set(limits.split("|")) <= limits_told() | rooms_told(), limits


@tap.test
def figures_of_the_server_stand_in_its_page():
    page = read("packaging/man/akma-keyserver.8")
    for name in set(re.findall(r'"(akma_[a-z_]+)"', read("src/keyserver/prometheus.c"))):
        assert re.search(r"^\.It Cm (\S+ , )*%s\b" % name, page, re.M), name
    assert len(limits_told()) == 13 and len(rooms_told()) == 4
    for limit in limits_told() | rooms_told():
        assert re.search(r"^\.Cm (\S+ , )*%s\b" % limit, page, re.M), limit


@tap.test
def alerts_stand_in_the_page_for_operators():
    page = read("packaging/docs/operations.md")
    for rule in rules():
        assert "`%s`" % rule["alert"] in page, rule["alert"]


@tap.test
def promtool_takes_them():
    promtool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not promtool:
        raise tap.Skip("promtool (package prometheus) is not installed")
    done = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


tap.main()
