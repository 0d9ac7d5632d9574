# SPDX-License-Identifier: LGPL-2.1-or-later
"""The messages of the key-delivery protocol, version 1, written from packaging/docs/protocol.md.

Nothing here comes from the C sources: HKDF and the 3GPP KDF are spelled out with hmac and hashlib,
envelopes are python3-jwcrypto, broken envelopes python3-cryptography. Import reference, not this.
"""
import base64
import binascii
import hashlib
import hmac
import json
import os
import re

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jwcrypto import jwe, jwk
from jwcrypto.common import JWException

UA_MESSAGE = bytes.fromhex("ff00000001")
KEY_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
KID = re.compile(r"([a-z0-9][a-z0-9._-]{0,63}):([1-9][0-9]{0,14})")
REQUEST_MAX = 16 * 1024
RESPONSE_MAX = 64 * 1024
FIRST_RESPONSE = "akd1+first-response"
SECOND_REQUEST = "akd1+second-request"
SECOND_RESPONSE = "akd1+second-response"
STATUS = {
    "malformed": 400, "not_authentic": 403, "anchor_key_unknown": 404, "session_unknown": 404,
    "session_used": 409, "too_large": 413, "unsupported_media_type": 415, "wrong_server": 421,
    "rate_limited": 429, "anchor_refused": 502, "anchor_unavailable": 503, "store_unavailable": 503,
}
KEY_CAUSES = {"not_entitled", "revoked", "upstream_refused", "upstream_unavailable"}


class Malformed(Exception):
    """Not the message that it should be."""


class NotAuthentic(Exception):
    """An envelope that the key does not open."""


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text, length=None):
    """Strict: no padding, no spare bits, exactly `length` bytes."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise Malformed("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Malformed("not base64url") from error
    if b64(data) != text or (length is not None and len(data) != length):
        raise Malformed("not base64url of that length")
    return data


def strict_json(data, limit):
    """One JSON object, read as the protocol wants it."""
    def pairs(members):
        if len({name for name, _ in members}) != len(members):
            raise Malformed("duplicate member")
        return dict(members)

    def refuse(_text):
        raise Malformed("a number that is no integer")

    def depth(value):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, inner), default=0) if isinstance(value, (dict, list)) else 0

    if len(data) > limit:
        raise Malformed("too long")
    try:
        value = json.loads(bytes(data).decode("utf-8"), object_pairs_hook=pairs, parse_float=refuse,
                           parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(value, dict) or depth(value) > 8 or "\\u0000" in bytes(data).decode():
        raise Malformed("not one flat object")
    return value


def member(value, name, kind):
    if type(value.get(name)) is not kind:
        raise Malformed("%s is missing or of another type" % name)
    return value[name]


def key_id_list(value, least, most):
    ids = member(value, "key_ids", list)
    if not least <= len(ids) <= most or len(set(map(str, ids))) != len(ids) or \
            not all(isinstance(i, str) and KEY_ID.fullmatch(i) for i in ids):
        raise Malformed("key_ids")
    return ids


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


# --- keys -------------------------------------------------------------------------------------

def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def kdf(key, fc, *parameters):
    """TS 33.220 B.2"""
    return mac(key, bytes([fc]) + b"".join(p + len(p).to_bytes(2, "big") for p in parameters))


def af_id(fqdn, ua=UA_MESSAGE):
    return fqdn.lower().encode() + ua


def k_akma(k_ausf, imsi):
    """TS 33.535 A.2; the IMSI is digits only."""
    return kdf(k_ausf, 0x80, b"AKMA", imsi.encode())


def a_tid(k_ausf, imsi):
    """TS 33.535 A.3"""
    return kdf(k_ausf, 0x81, b"A-TID", imsi.encode())


def a_kid(k_ausf, imsi, mnc_length=2, routing_indicator="0"):
    """The layout dot-base64url."""
    mcc, mnc = imsi[:3], imsi[3:3 + mnc_length].zfill(3)
    return "%s.%s@5gc.mnc%s.mcc%s.3gppnetwork.org" % (
        routing_indicator, b64(a_tid(k_ausf, imsi)), mnc, mcc)


def k_af(anchor_key, fqdn, ua=UA_MESSAGE):
    """TS 33.535 A.4: the first key of AKMA from K_AKMA."""
    return kdf(anchor_key, 0x82, af_id(fqdn, ua))


def ks_naf(ks, rand, impi, fqdn, ua=UA_MESSAGE):
    """TS 33.220 B.3: the first key of GBA from Ks = CK || IK; Ks_ext_NAF is the same."""
    return kdf(ks, 0x01, b"gba-me", rand, impi.encode(), af_id(fqdn, ua))


class Schedule:
    """PRK, K_server and K_term of one session."""

    def __init__(self, first_key, body, session, nonce_terminal, nonce_server, identifier):
        transcript = hashlib.sha256(
            hashlib.sha256(body).digest() + session + nonce_server + identifier).digest()
        self.prk = prk = mac(nonce_terminal + nonce_server, first_key)
        self.server = mac(prk, b"akma-key-delivery/1 server to terminal" + transcript + b"\x01")
        self.term = mac(prk, b"akma-key-delivery/1 terminal to server" + transcript + b"\x01")


# --- envelopes --------------------------------------------------------------------------------

def pad(plaintext):
    return plaintext + b" " * (-len(plaintext) % 256)


def header_of(session, typ):
    """`session`: base64url."""
    return {"alg": "dir", "enc": "A256GCM", "kid": session, "typ": typ}


def seal(key, session, typ, plaintext):
    envelope = jwe.JWE(pad(plaintext), protected=compact(header_of(session, typ)).decode(),
                       recipient=jwk.JWK(kty="oct", k=b64(key)))
    return envelope.serialize(compact=True)


def seal_as_told(key, header, plaintext, iv=None, padded=True):
    """For broken envelopes: any header (dict or JSON bytes), any IV, padded or not."""
    aad = b64(header if isinstance(header, bytes) else compact(header))
    iv = os.urandom(12) if iv is None else iv
    sealed = AESGCM(key).encrypt(iv, pad(plaintext) if padded else plaintext, aad.encode())
    return ".".join([aad, "", b64(iv), b64(sealed[:-16]), b64(sealed[-16:])])


def unseal(key, session, typ, text):
    """Checks the form, opens it, and wants the padding that senders owe."""
    parts = text.split(".") if isinstance(text, str) else []
    if len(parts) != 5 or parts[1] != "" or not parts[3]:
        raise Malformed("not a compact JWE with dir")
    unb64(parts[2], 12)
    unb64(parts[4], 16)
    if len(unb64(parts[3])) % 256 != 0:
        raise Malformed("the plaintext was not padded")
    if strict_json(unb64(parts[0]), 512) != header_of(session, typ):
        raise Malformed("another header")
    envelope = jwe.JWE(algs=["dir", "A256GCM"])
    try:
        envelope.deserialize(text, jwk.JWK(kty="oct", k=b64(key)))
    except JWException as error:
        raise NotAuthentic("it does not open") from error
    return envelope.payload


# --- messages ---------------------------------------------------------------------------------

def make_first_request(anchor, kid, nonce, key_ids=None):
    message = {"anchor": anchor, "kid": kid, "nonce": b64(nonce)}
    if key_ids:
        message["key_ids"] = list(key_ids)
    return compact(message)


def read_first_request(body):
    """-> (anchor, kid, nonce, key_ids or None)"""
    message = strict_json(body, REQUEST_MAX)
    anchor, kid = member(message, "anchor", str), member(message, "kid", str)
    if anchor not in ("akma", "gba"):
        raise Malformed("anchor")
    if not 3 <= len(kid) <= 253 or not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", kid):
        raise Malformed("kid")
    ids = key_id_list(message, 1, 16) if "key_ids" in message else None
    return anchor, kid, unb64(member(message, "nonce", str), 32), ids


def read_key_set(plaintext, asked):
    """-> the key set as dict, checked against what was asked for."""
    answer = strict_json(plaintext, RESPONSE_MAX)
    now, seen = member(answer, "now", int), []
    for key in member(answer, "keys", list):
        match = KID.fullmatch(member(key, "kid", str))
        if not match or match.group(1) != member(key, "key_id", str):
            raise Malformed("kid is not key_id and version")
        if member(key, "kty", str) == "oct" and not 16 <= len(unb64(member(key, "k", str))) <= 64:
            raise Malformed("k")
        member(key, "iat", int)
        if "exp" in key and member(key, "exp", int) <= now:
            raise Malformed("an expired key")
        if "previous" in key and (not KID.fullmatch(member(key["previous"], "kid", str))
                                  or member(key["previous"], "exp", int) < 0):
            raise Malformed("previous")
        seen.append(key["key_id"])
    for row in answer.get("errors", []):
        if member(row, "cause", str) not in KEY_CAUSES:
            raise Malformed("cause")
        seen.append(member(row, "key_id", str))
    if sorted(seen) != sorted(asked):
        raise Malformed("the answer does not match what was asked for")
    return answer
