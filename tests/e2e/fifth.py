# SPDX-License-Identifier: LGPL-2.1-or-later
"""fifth: a real akma-keyserver as the fifth server of a stack whose key server is the third.

    fifth.start(stack)          # after make_certificates() and before the key server starts
    stack.init_keyserver(application=None, extra=fifth.provider_group(stack))
    fifth.add(stack)            # application mqtt of the third is "broker" of the fifth
    fifth.verb(stack, "key", "rotate", "--application", "broker"); fifth.rows(stack)

It is named localhost, since the third server finds it by DNS; it knows the third by certificate.
"""
import json
import os
import subprocess

import certificates
import harness

NAME, BROKER = "localhost", "broker"
CONSUMER = "third.example.com"


def start(stack, application=BROKER, more=()):
    """Makes its files and its store, and starts it."""
    folder = stack.path("fifth")
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(stack.path("ca.pem")):
        stack.make_certificates()
    certificate, key = certificates.make_client(stack, NAME)
    certificates.make_client(stack, CONSUMER)
    stack.write("fifth.conf", (
        "[server]\nname=%s\nlisten=127.0.0.1:0\ncertificate-file=%s\nkey-file=%s\n"
        "client-ca-file=%s\nworkers=1\naudit-file=%s\n[store]\npath=%s\nstore-key-file=%s\n"
        "[consumer third]\ncertificate-name=%s\napplications=%s\n") % (
            NAME, certificate, key, stack.path("ca.pem"), os.path.join(folder, "audit.jsonl"),
            os.path.join(folder, "keys.db"), os.path.join(folder, "store.key"), CONSUMER,
            application))
    verb(stack, "init")
    verb(stack, "application", "add", application, "--source", "local", "--grace", "1h", *more)
    return run(stack)


def run(stack):
    """Starts it, on the port that it had before."""
    if "fifth" in stack.ready:
        path = stack.path("fifth.conf")
        with open(path) as f:
            text = f.read()
        stack.write("fifth.conf", text.replace("listen=127.0.0.1:0",
                                               "listen=" + stack.ready["fifth"]["listen"]))
    return stack.spawn("fifth", [harness.program("akma-keyserver"), "--config",
                                 stack.path("fifth.conf"), "serve"])


def provider_group(stack, timeout="10s"):
    """What the third server's configuration says about it."""
    return ("[provider fifth]\nurl=https://%s:%s\nca-file=%s\ncertificate-file=%s\nkey-file=%s\n"
            "timeout=%s\n") % (NAME, stack.ready["fifth"]["listen"].rsplit(":", 1)[1],
                               stack.path("ca.pem"), stack.path(CONSUMER + ".pem"),
                               stack.path(CONSUMER + ".key"), timeout)


def add(stack, application="mqtt", allow="*"):
    stack.server("application", "add", application, "--source", "upstream", "--provider", "fifth",
                 "--upstream-id", BROKER, "--allow", allow)


def verb(stack, *words):
    result = subprocess.run([harness.program("akma-keyserver"), "--config",
                             stack.path("fifth.conf"), *words], env=stack.env,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 0, (words, result.returncode, result.stderr)
    return result.stdout


def rows(stack, *words):
    words = words or ("key", "list")
    return [json.loads(line) for line in verb(stack, *words, "--json").splitlines()]


def start_third(stack, **provider_settings):
    """The fifth server, and the stack's own key server as the third."""
    start(stack)
    stack.init_keyserver(application=None, extra=provider_group(stack, **provider_settings))
    add(stack)
    stack.start_keyserver()
