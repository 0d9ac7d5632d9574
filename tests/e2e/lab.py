# SPDX-License-Identifier: LGPL-2.1-or-later
"""lab: starts akma-lab for a test and talks to it as a visited network and an AF do."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

import aka
import h2client

PROGRAM = os.path.join(os.environ.get("top_builddir", "."), "src/lab/akma-lab")
IMSI = "001010123456789"
K = "465b5ce8b199b49faa5f0a2ee238a6bc"
OPC = "cd63cb71954a9f4e48a5994e37a02baf"
FQDN = "keys.example.com"
SUBSCRIBER = f"[subscriber {IMSI}]\nmnc-length=2\nk={K}\nopc={OPC}\nsqn=000000000000\n"

AUTHENTICATIONS = "/nausf-auth/v1/ue-authentications"
REGISTER = "/naanf-akma/v1/register-anchorkey"
RETRIEVE = "/naanf-akma/v1/retrieve-applicationkey"
REMOVE = "/naanf-akma/v1/remove-context"
NEF = "/3gpp-akma/v1/retrieve"
TOKEN = "/oauth2/token"
FORM = "application/x-www-form-urlencoded"


class Lab:
    def __init__(self, subscribers=SUBSCRIBER, *options, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="akmad-lab-")
        self.own_folder = folder is None
        self.options = options
        self.write("subscribers.conf", subscribers)
        self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def start(self):
        assert not self.process or self.process.returncode is not None, "it runs already"
        ready = self.path("ready")
        if os.path.exists(ready):
            os.unlink(ready)
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--subscribers", self.path("subscribers.conf"), "--ready", ready,
                 *self.options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while not os.path.exists(ready):
            if self.process.poll() is not None or time.monotonic() > end:
                log = self.log()
                self.__exit__()  # nobody else does: a with block has not begun
                raise AssertionError("akma-lab does not start:\n" + log)
            time.sleep(0.01)
        with open(ready, encoding="ascii") as file:
            self.ready = dict(line.rstrip("\n").split("=", 1) for line in file)
        return self

    def stop(self):
        """SIGTERM; the exit status."""
        self.process.terminate()
        try:
            return self.process.wait(60)
        finally:
            if self.process.returncode is None:
                self.process.kill()
                self.process.wait()

    def hangup(self):
        """SIGHUP, until it is logged that it was looked at."""
        before = self.log().count("reload")
        self.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 60
        while self.log().count("reload") == before:
            if time.monotonic() > end:
                raise AssertionError("no word about the reload")
            time.sleep(0.01)

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def client(self, **how):
        return h2client.Client(self.ready["core"], **how)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process and self.process.returncode is None:
            self.stop()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def run(*options):
    """akma-lab with @options, to its end: the finished process."""
    return subprocess.run([PROGRAM, *options], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)


def challenge(client, imsi=IMSI, sn=aka.SN, resync=None):
    """The answer to a request for a challenge."""
    body = {"supiOrSuci": "imsi-" + imsi, "servingNetworkName": sn}
    if resync:
        body["resynchronizationInfo"] = resync
    return client.post(AUTHENTICATIONS, body)


def open_challenge(answer):
    """RAND, AUTN and the path of the confirmation."""
    assert answer.status == 201, (answer.status, answer.body)
    data = answer.json()
    href = data["_links"]["5g-aka"]["href"]
    return (bytes.fromhex(data["5gAuthData"]["rand"]), bytes.fromhex(data["5gAuthData"]["autn"]),
            "/" + href.split("/", 3)[3])


def authenticate(client, usim, imsi=IMSI, sn=aka.SN):
    """One whole 5G AKA: K_AUSF and the answer to the confirmation. Resynchronises once."""
    answer = challenge(client, imsi, sn)
    rand, autn, path = open_challenge(answer)
    try:
        res_star, k_ausf = usim.answer(rand, autn, sn)
    except aka.SyncFailure as failure:
        answer = challenge(client, imsi, sn, {"rand": rand.hex(), "auts": failure.auts.hex()})
        rand, autn, path = open_challenge(answer)
        res_star, k_ausf = usim.answer(rand, autn, sn)
    assert answer.json()["5gAuthData"]["hxresStar"] == aka.hxres_star(rand, res_star).hex()
    return k_ausf, client.put(path, {"resStar": res_star.hex()})
