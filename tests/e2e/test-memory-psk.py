# SPDX-License-Identifier: LGPL-2.1-or-later
"""After an exchange of the PSK profile no copy of the first key is in agent or key server (M5, M6),
nor of the early secret of TLS, which is as good as the PSK (RFC 8446 7.1). As test-memory.py."""
import hashlib
import hmac
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka  # noqa: E402
import derive  # noqa: E402
import harness  # noqa: E402
import memscan  # noqa: E402
import tap  # noqa: E402
import ubserver  # noqa: E402
from harness import FQDN, IMSI  # noqa: E402

UA = bytes.fromhex("0100000007")


def with_early(name, key):
    return {name: key, "early": hmac.new(bytes(32), key, hashlib.sha256).digest()}


def pids_of(stack, *names):
    return [pid for name in names for pid in harness.worker_pids(stack.processes[name].pid)]


@tap.test
def m5_m6_first_key_is_nowhere_after_the_exchange():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem()
        s.start_keyserver(extra="[psk]\nlisten=127.0.0.1:0\n")
        s.start_bus()
        s.start_agent(server=s.ready["akma-keyserver"]["psk"], profile="psk")
        s.wait_key()
        k_ausf = bytes.fromhex(s.control("dump 4F05").split("=")[-1].split()[-1])[2:34]
        secrets = {**with_early("K_AF", derive.k_af(k_ausf, IMSI, FQDN, UA)), "K_AUSF": k_ausf,
                   "K_AKMA": derive.k_akma(k_ausf, IMSI)}
        for _ in range(2):
            # the server waits a moment for the agent to close
            hits = memscan.left(pids_of(s, "akmad", "akma-keyserver"), secrets)
            assert not hits, hits
            s.ctl("renew", "mqtt")


@tap.test
def m6_first_key_is_nowhere_after_an_exchange_over_gba_and_control_a_live_one_is_found():
    with harness.Stack(anchor="gba") as s, socket.create_server(("127.0.0.1", 0)) as silent:
        s.start_modem(), s.start_bus()
        bsf = ubserver.Bsf(aka.Usim(harness.K, harness.OPC))
        s.start_agent(server="127.0.0.1:%d" % silent.getsockname()[1], bsf=bsf.url, profile="psk")
        client, _ = silent.accept()
        client.settimeout(60)
        assert client.recv(65536)
        ks, rand, impi = list(bsf.sessions.values())[-1]
        secrets = with_early("Ks_NAF", ubserver.ks_naf(ks, rand, impi, FQDN, UA))
        # the handshake is under way
        assert all(memscan.scan(pids_of(s, "akmad"), secrets).values()), "the search does not see them"
        # nobody answers the next tries at once
        silent.close()
        client.close()
        hits = memscan.left(pids_of(s, "akmad"), secrets)
        assert not hits, hits
        bsf.__exit__()


if __name__ == "__main__":
    reason = memscan.need_access()
    if reason:
        tap.skip_all(reason)
    tap.main()
