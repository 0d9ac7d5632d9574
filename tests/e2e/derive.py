# SPDX-License-Identifier: LGPL-2.1-or-later
"""derive: from K_AUSF to A-KID and K_AF, computed once more with hmac and hashlib only, so that
tests and demo know what agent and server should have."""
import base64
import hashlib
import hmac

UA_MESSAGE = bytes.fromhex("ff00000001")


def _kdf(key, fc, *parts):
    text = bytes([fc]) + b"".join(p + len(p).to_bytes(2, "big") for p in parts)
    return hmac.new(key, text, hashlib.sha256).digest()


def k_akma(k_ausf, imsi):
    return _kdf(k_ausf, 0x80, b"AKMA", imsi.encode())


def a_kid(k_ausf, imsi, routing_indicator="0", realm="5gc.mnc001.mcc001.3gppnetwork.org"):
    a_tid = _kdf(k_ausf, 0x81, b"A-TID", imsi.encode())
    return "%s.%s@%s" % (routing_indicator,
                         base64.urlsafe_b64encode(a_tid).rstrip(b"=").decode(), realm)


def k_af(k_ausf, imsi, fqdn, ua=UA_MESSAGE):
    return _kdf(k_akma(k_ausf, imsi), 0x82, fqdn.encode() + ua)
