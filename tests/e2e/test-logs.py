# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing secret and no identity in any log at any level: one exchange with all logging on,
then every byte that agent, key server, bus and CLI wrote is searched."""
import base64
import glob
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import derive  # noqa: E402
import harness  # noqa: E402
import tap  # noqa: E402
from harness import FQDN, IMSI  # noqa: E402


def forms(value):
    """A secret as somebody might print it."""
    b64 = base64.b64encode(value).rstrip(b"=")
    return {value, value.hex().encode(), value.hex().upper().encode(), b64,
            base64.urlsafe_b64encode(value).rstrip(b"=")}


def swapped(digits):
    """The IMSI as it stands in EF_IMSI."""
    text = "9" + digits if len(digits) % 2 else "1" + digits + "f"
    return "".join(text[i + 1] + text[i] for i in range(0, len(text), 2))


def find(stack, words):
    hits = []
    for path in glob.glob(stack.path("**"), recursive=True):
        name = os.path.basename(path)
        # what the operator's side writes down (subscribers, card) is not a log of the product
        if not os.path.isfile(path) or not name.endswith((".log", ".out", ".json")):
            continue
        if name in ("akma-lab.log", "akma-modemsim.log"):
            continue
        with open(path, "rb") as f:
            content = f.read()
        hits += ["%s: %s" % (name, what) for what, values in words.items()
                 for value in values if value in content]
    return hits


def run_all_logging(stack):
    stack.env["G_MESSAGES_DEBUG"] = "all"
    stack.start_all()
    stack.wait_key()
    key = stack.ctl("get", "mqtt", "--format", "raw", binary=True)
    for words in (("status",), ("list",), ("modem",), ("--json", "status"), ("renew", "mqtt")):
        with open(stack.path("akmactl.out"), "ab") as out:
            result = stack.ctl(*words, check=False, binary=True)
            out.write(result.stdout + result.stderr)
    stack.server("key", "rotate", "--application", "mqtt")
    stack.ctl("renew", "mqtt")
    # errors are where secrets like to slip out
    stack.control("fault garble times=1")
    stack.ctl("renew", "mqtt", check=False)
    stack.stop("akma-lab")
    stack.ctl("renew", "mqtt", check=False)
    content = bytes.fromhex(stack.control("dump 4F05").split("=")[-1].split()[-1])
    return content[2:34], key


@tap.test
def no_secret_and_no_identity_is_logged_at_any_level():
    with harness.Stack(log_level="debug") as s:
        k_ausf, key = run_all_logging(s)
        a_kid = derive.a_kid(k_ausf, IMSI)
        words = {
            "K_AUSF": forms(k_ausf),
            "K_AKMA": forms(derive.k_akma(k_ausf, IMSI)),
            "K_AF": forms(derive.k_af(k_ausf, IMSI, FQDN)),
            "the application's key": forms(key),
            "the IMSI": {IMSI.encode(), swapped(IMSI).encode(), swapped(IMSI).upper().encode()},
            "the A-KID": {a_kid.encode(), a_kid.split(".")[1].split("@")[0].encode()},
        }
        hits = find(s, words)
        assert not hits, hits
        # the search can fail: the same words are found where they are planted
        s.write("planted.log", a_kid + "\n" + key.hex())
        assert len(find(s, words)) >= 2
        # and the logs are not empty
        assert len(s.processes["akmad"].read_log()) > 500


if __name__ == "__main__":
    tap.main()
