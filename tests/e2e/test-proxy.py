#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Living beside ModemManager: the agent runs as another user than the proxy, which serves uid 0
only, and gets its key through akmad-port. Real mbim-proxy and qmi-proxy, in a network namespace of
their own, since they listen on abstract sockets."""
import os
import pwd
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import columns
import harness
import tap

NOBODY = pwd.getpwnam("nobody").pw_uid
HELPER = os.path.join(harness.BUILD, "modem/port/akmad-port")


class Gateway(harness.Stack):
    """All of it; the agent as nobody, akmad-port and the proxy as root in another namespace."""

    def __init__(self, protocol, user="nobody"):
        super().__init__(protocol=protocol)
        self.proxy_name = protocol + "-proxy"
        self.start_lab()
        self.start_modem()
        self.start_keyserver()
        self.start_bus()
        self.start_proxy()
        self.socket = self.path("port.sock")
        self.start_helper(user)

    def start_proxy(self):
        self.proxy = harness.Process(self.proxy_name, [
            "unshare", "-n", os.path.join(columns.PROXIES, self.proxy_name), "--no-exit"],
            self.path("proxy.log"), env=self.env)
        self.processes[self.proxy_name] = self.proxy

        def listens():
            with open("/proc/%d/net/unix" % self.proxy.pid) as file:
                return "@" + self.proxy_name in file.read()
        harness.wait_until(self.proxy_name + " listens", listens)

    def start_helper(self, user="nobody"):
        self.spawn("akmad-port", ["nsenter", "-t", str(self.proxy.pid), "-n", HELPER, "--socket",
                                  self.socket, "--user", user, "--device", "/dev/pts/*"])

    def start_agent_as_nobody(self, proxy):
        extra = "proxy=%s\n" % proxy
        self.agent_config(applications="[application mqtt]\nserver=keys\nusers=%u;nobody\n")
        with open(self.path("akmad.conf")) as file:
            text = file.read()
        text = text.replace("[agent]\n", "[agent]\nport-socket=%s\n" % self.socket)
        text = text.replace("protocol=%s\n" % self.protocol,
                            "protocol=%s\n%s" % (self.protocol, extra))
        self.write("akmad.conf", text, 0o644)
        os.makedirs(self.path("state"), mode=0o700, exist_ok=True)
        os.chown(self.path("state"), NOBODY, -1)
        os.chmod(self.path("ca.pem"), 0o644)
        os.chmod(self.dir, 0o777)
        self.spawn("akmad", ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
                             harness.program("akmad"), "--config", self.path("akmad.conf"),
                             "--bus", self.bus])

    def last_error(self):
        return self.processes["akmad"].read_log()


def needs_root(protocol):
    if os.getuid() != 0:
        raise tap.Skip("needs root, to run the agent as another user than the proxy")
    if not os.path.exists(os.path.join(columns.PROXIES, protocol + "-proxy")):
        raise tap.Skip(protocol + "-proxy is not installed")
    if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode:
        raise tap.Skip("network namespaces are off")


def gets_its_key(protocol, proxy):
    needs_root(protocol)
    with Gateway(protocol) as gateway:
        gateway.start_agent_as_nobody(proxy)
        gateway.wait_key()
        with open("/proc/%d/status" % gateway.processes["akmad"].pid) as file:
            assert "Uid:\t%d" % NOBODY in file.read()
        assert "opening " in gateway.processes["akmad-port"].read_log()
        gateway.ctl("renew", "mqtt")


@tap.test
def agent_that_is_not_root_gets_its_key_through_mbim_proxy():
    gets_its_key("mbim", "always")


@tap.test
def agent_that_is_not_root_gets_its_key_through_qmi_proxy():
    gets_its_key("qmi", "always")


@tap.test
def auto_takes_the_helper_where_a_proxy_is_installed():
    gets_its_key("mbim", "auto")


@tap.test
def helper_that_dies_is_a_modem_that_comes_back():
    needs_root("mbim")
    with Gateway("mbim") as gateway:
        gateway.start_agent_as_nobody("always")
        gateway.wait_key()
        gateway.processes["akmad-port"].popen.kill()
        gateway.processes.pop("akmad-port").popen.wait()
        harness.wait_until("the modem is gone", lambda: not gateway.ctl("modem", "--json"))
        gateway.start_helper()
        harness.wait_until("the modem is back", lambda: gateway.ctl("modem", "--json"))
        gateway.ctl("renew", "mqtt")


@tap.test
def reject_helper_that_serves_another_user():
    needs_root("mbim")
    with Gateway("mbim", user="daemon") as gateway:
        gateway.start_agent_as_nobody("always")
        harness.wait_until("the refusal is told",
                           lambda: "does not serve this process" in gateway.last_error())
        assert not gateway.ctl("modem", "--json")
        assert "uid %d may not" % NOBODY in gateway.processes["akmad-port"].read_log()


@tap.test
def reject_helper_that_is_not_there():
    needs_root("mbim")
    with Gateway("mbim") as gateway:
        gateway.stop("akmad-port")
        gateway.start_agent_as_nobody("always")
        harness.wait_until("its absence is told", lambda: "akmad-port at" in gateway.last_error())


if __name__ == "__main__":
    tap.main()
