#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes gba.json: GBA_U and NAF keys of each published Milenage set, with hashlib and hmac only."""
import base64
import hashlib
import hmac
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
IMPI = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org"
NAF_ID = "keys.example.com" + "ff00000001"
BSF_ID = "bsf.mnc001.mcc001.pub.3gppnetwork.org" + "0100000100"


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def identifier(text):
    return text[:-10].encode() + bytes.fromhex(text[-10:])


def derive(one, label, ident):
    ks = bytes.fromhex(one["f3"] + one["f4"])
    parts = (label, bytes.fromhex(one["rand"]), IMPI.encode(), identifier(ident))
    text = b"\x01" + b"".join(p + len(p).to_bytes(2, "big") for p in parts)
    return hmac.new(ks, text, hashlib.sha256).digest()


def make(one):
    sqn, ak, mac = (bytes.fromhex(one[name]) for name in ("sqn", "f5", "f1"))
    head = xor(sqn, ak) + bytes.fromhex(one["amf"])
    res = bytes.fromhex(one["f2"])
    mask = hashlib.sha1(bytes.fromhex(one["f4"])).digest()[:8]
    tmpi = base64.b64encode(derive(one, b"gba-me", BSF_ID)[:24]).decode()
    return {"set": one["set"], "autn": (head + mac).hex(), "autn_star": (head + xor(mac, mask)).hex(),
            "res_flipped": (res[:-1] + bytes([res[-1] ^ 1])).hex(),
            "ks_naf": derive(one, b"gba-me", NAF_ID).hex(),
            "ks_int_naf": derive(one, b"gba-u", NAF_ID).hex(),
            "tmpi": tmpi + "@tmpi.bsf.3gppnetwork.org"}


with open(os.path.join(HERE, "milenage.json"), encoding="ascii") as file:
    sets = json.load(file)["sets"]
with open(os.path.join(HERE, "gba.json"), "w", encoding="ascii") as file:
    json.dump({"source": "computed by make-gba.py from the TS 35.208 sets of milenage.json by the "
                         "formulas of TS 33.220 5.3.2, B.3 and B.4: nobody publishes GBA values",
               "impi": IMPI, "naf_id": NAF_ID, "bsf_id": BSF_ID,
               "sets": [make(one) for one in sets]}, file, indent=1)
    file.write("\n")
