# SPDX-License-Identifier: LGPL-2.1-or-later
"""profile=digest with a NAF that is not ours: Apache httpd with mod_auth_digest, whose file of
passwords holds what an operator's anchor would have told it (TS 24.109, TS 33.535 B.1.2)."""
import base64
import grp
import hashlib
import json
import os
import pwd
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka  # noqa: E402
import derive  # noqa: E402
import harness  # noqa: E402
import tap  # noqa: E402
import ubserver  # noqa: E402
from harness import FQDN, IMSI  # noqa: E402

APACHE, MODULES = "/usr/sbin/apache2", "/usr/lib/apache2/modules"
UA = bytes.fromhex("0100000002")
REALM = {"akma": "3GPP-bootstrapping-akma@" + FQDN, "gba": "3GPP-bootstrapping@" + FQDN}
KEY = bytes(range(100, 132))
REFUSED, NOT_READY = 22, 8

CONF = """
ServerRoot %(dir)s
ServerName %(fqdn)s
Listen 127.0.0.1:%(port)d
PidFile %(dir)s/apache.pid
ErrorLog %(dir)s/apache.error
Mutex posixsem
DefaultRuntimeDir %(dir)s
%(modules)s
%(user)s
DocumentRoot %(dir)s/htdocs
SSLEngine on
SSLCertificateFile %(dir)s/server.pem
SSLCertificateKeyFile %(dir)s/server.key
LogFormat "%%r %%>s %%{User-Agent}i" short
CustomLog %(dir)s/apache.access short
<Location "/v1/keys">
  AuthType Digest
  AuthName "%(realm)s"
  AuthDigestProvider file
  AuthUserFile %(dir)s/htdigest
  Require valid-user
  ForceType application/jwk+json
</Location>
"""
NEEDED = ("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest",
          "ssl")


class Akma:
    """The lab's core; the A-KID is known before the agent asks."""

    def __init__(self):
        self.stack, self.bsf = harness.Stack(), None
        self.stack.start_lab(), self.stack.start_modem()

    def credentials(self):
        content = bytes.fromhex(self.stack.control("dump 4F05").split("=")[-1].split()[-1])
        k_ausf = content[2:34]
        return derive.a_kid(k_ausf, IMSI), derive.k_af(k_ausf, IMSI, FQDN, UA)


class Gba:
    """A BSF in Python; the B-TID is known when the agent has bootstrapped."""

    def __init__(self):
        self.stack = harness.Stack(anchor="gba")
        self.peer = ubserver.Bsf(aka.Usim(harness.K, harness.OPC))
        self.bsf = self.peer.url
        self.stack.start_modem()

    def credentials(self):
        b_tid, (ks, rand, impi) = list(self.peer.sessions.items())[-1]
        return b_tid, ubserver.ks_naf(ks, rand, impi, FQDN, UA)


class Naf:
    def __init__(self, anchor):
        self.realm = REALM[anchor]
        self.terminal = {"akma": Akma, "gba": Gba}[anchor]()
        self.stack = self.terminal.stack

    def __enter__(self):
        try:
            self.start()
        except Exception:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def start(self):
        s = self.stack
        s.make_certificates()
        os.makedirs(s.path("htdocs/v1/keys"))
        now = int(time.time())
        key = {"kty": "oct", "kid": "mqtt:4", "key_id": "mqtt", "iat": now,
               "k": base64.urlsafe_b64encode(KEY).rstrip(b"=").decode()}
        self.public("htdocs/v1/keys/mqtt", json.dumps(key))
        self.public("htdigest", "")
        user = ""
        if os.geteuid() == 0:
            group = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
            user = "User nobody\nGroup %s" % group
        for _ in range(5):
            self.start_apache(user)
            if harness.wait_until("apache serves or has ended", self.serves_or_ended) == "serves":
                break  # its port had not been given to another program meanwhile
        s.start_bus()
        os.chmod(s.dir, 0o711)
        s.start_agent(server="127.0.0.1:%d" % self.port, profile="digest", bsf=self.terminal.bsf)

    def start_apache(self, user):
        s = self.stack
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        conf = s.write("apache.conf", CONF % {
            "dir": s.dir, "fqdn": FQDN, "port": self.port, "realm": self.realm, "user": user,
            "modules": "\n".join("LoadModule %s_module %s/mod_%s.so" % (m, MODULES, m)
                                 for m in NEEDED)})
        s.processes["apache2"] = harness.Process(
            "apache2", [APACHE, "-d", s.dir, "-f", conf, "-DFOREGROUND"], s.path("apache.log"))

    def serves_or_ended(self):
        if self.stack.processes["apache2"].popen.poll() is not None:
            return "ended"
        return "serves" if self.serves() else None

    def __exit__(self, *what):
        if what[0] and os.path.exists(self.stack.path("apache.error")):
            with open(self.stack.path("apache.error"), errors="replace") as f:
                print("".join("# apache: " + line for line in f.readlines()[-20:]), end="")
        self.stack.__exit__(*what)

    def serves(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def public(self, name, text):
        self.stack.write(name, text, 0o644)

    def renew(self):
        return self.stack.ctl("renew", "mqtt", check=False).returncode

    def learn(self, key=None):
        """What the operator tells the NAF about the terminal."""
        user, password = self.terminal.credentials()
        secret = base64.b64encode(key or password).decode()
        ha1 = hashlib.md5(":".join((user, self.realm, secret)).encode()).hexdigest()
        self.public("htdigest", "%s:%s:%s\n" % (user, self.realm, ha1))

    def accesses(self):
        with open(self.stack.path("apache.access")) as f:
            return f.read()


@tap.each("akma", "gba")
def apache_gives_its_key_to_the_agent(anchor):
    with Naf(anchor) as n:
        assert n.renew() == REFUSED  # nobody has told it of this terminal
        assert n.stack.ctl("get", "mqtt", "--format", "hex", check=False).returncode == NOT_READY
        n.learn()
        n.stack.renew_once_cured()
        assert n.stack.ctl("get", "mqtt", "--format", "hex").strip() == KEY.hex()
        # Apache writes the line when it has answered
        harness.wait_until("the access is logged",
                           lambda: "GET /v1/keys/mqtt HTTP/1.1 200" in n.accesses())
        assert " 3gpp-" + anchor in n.accesses()


@tap.each("akma", "gba")
def reject_an_agent_that_apache_knows_by_another_key(anchor):
    with Naf(anchor) as n:
        assert n.renew() == REFUSED
        n.learn(key=bytes(32))
        assert n.renew() == REFUSED
        assert "200" not in n.accesses()


if not os.path.exists(APACHE):
    tap.skip_all("apache2-bin is not installed")
tap.main()
