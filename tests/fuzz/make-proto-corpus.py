#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the corpora of the fuzz targets of proto from tests/vectors/protocol-vectors.json."""
import json
import pathlib

here = pathlib.Path(__file__).parent
vectors = json.loads((here / "../vectors/protocol-vectors.json").read_text())
akma, gba = vectors["akma"], vectors["gba"]
plain = {k: akma[k]["plaintext"].strip()
         for k in ("first_response", "second_request", "second_response")}
jwe = akma["second_request"]["jwe"]
header, _, iv, text, tag = jwe.split(".")
rsa = ('{"now":1,"ask_again":60,"keys":[{"kty":"RSA","kid":"mqtt:1","key_id":"mqtt","n":"AQ",'
       '"e":"AQAB","d":"AQ","iat":0,"identity":"mqtt.1.x"},{"kty":"OKP","kid":"vpn:9",'
       '"key_id":"vpn","crv":"X25519","x":"AQ","iat":0}]}')
TERMINAL = "BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg4"
corpora = {
    "jwe": {
        "good": jwe, "wrong-tag": jwe[:-1] + "A", "other-kid": gba["second_request"]["jwe"],
        "other-typ": akma["first_response"]["jwe"], "dots": "....", "six": jwe + ".AAAA",
        "encrypted-key": ".".join([header, "AA", iv, text, tag]),
        "short-iv": ".".join([header, "", "AAAA", text, tag]),
        "padding": ".".join([header + "=", "", iv, text, tag]),
    },
    "first-request": {
        "akma": akma["first_request_body"], "gba": gba["first_request_body"],
        "duplicate": '{"anchor":"akma","anchor":"gba"}', "deep": "[" * 9 + "]" * 9,
        "real": '{"a":1.5}', "nul": '{"a":"\\u0000"}', "utf8": b'{"a":"\xff"}',
        "trailing": akma["first_request_body"] + "x",
        "two-at": akma["first_request_body"].replace("@", "@@"),
    },
    "first-response": {
        "akma": akma["first_response"]["body"], "gba": gba["first_response"]["body"],
        "offer": plain["first_response"],
        "offer-terminal": '{"server":"a","terminal":"t","key_ids":[]}',
        "expired": akma["first_response"]["body"].replace(":60", ":0"),
    },
    "second-request": {
        "good": akma["second_request"]["plaintext"], "empty-list": '{"key_ids":[]}',
        "twice": '{"key_ids":["a","a"]}', "not-a-list": '{"key_ids":{"a":1}}',
    },
    "provider-request": {
        "good": '{"terminal":"%s","key_ids":["mqtt","vpn"]}' % TERMINAL,
        "twice": '{"terminal":"%s","key_ids":["mqtt","mqtt"]}' % TERMINAL,
        "empty-list": '{"terminal":"%s","key_ids":[]}' % TERMINAL,
        "no-ids": '{"terminal":"%s"}' % TERMINAL,
        "imsi": '{"terminal":"imsi-001010000000001","key_ids":["mqtt"]}',
    },
    "key-set": {
        "good": plain["second_response"], "other-types": rsa,
        "no-errors": '{"now":1,"keys":[]}',
        "version-0": plain["second_response"].replace("mqtt:3", "mqtt:0"),
        "expired": plain["second_response"].replace("1796428800", "1"),
        "no-previous": plain["second_response"].replace("previous", "before"),
    },
    "problem": {
        "good": '{"type":"about:blank","title":"Not Found","status":404,'
                '"cause":"anchor_key_unknown"}',
        "other-status": '{"cause":"malformed"}', "no-cause": "{}", "html": "<html>",
        "key-cause": '{"cause":"revoked"}',
    },
}
for target, files in corpora.items():
    folder = here / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
