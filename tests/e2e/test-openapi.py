#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bodies of akma-lab, both ways, against the OpenAPI files of 3GPP."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka
import derive
import lab
import openapi
import tap
import ub

AF_ID = lab.FQDN + "ff00000001"
SUPI = "imsi-" + lab.IMSI
IMPI = lab.IMSI + "@ims.mnc001.mcc001.3gppnetwork.org"
NBSP = "/nbsp-gba/v1/bootstrapping-info-retrieval"

try:
    API = openapi.Api()
except openapi.Absent as absent:
    tap.skip_all(str(absent))


def check(method, path, kind, body, answer):
    """Recorder of the client: every exchange of a test is held against the files."""
    API.check_request(method, path, kind, body)
    API.check_answer(method, path, answer.status, answer.headers.get("content-type"), answer.body)


def check_answer_only(method, path, _kind, _body, answer):
    API.check_answer(method, path, answer.status, answer.headers.get("content-type"), answer.body)


@tap.test
def authentication_is_as_ts_29_509_says():
    with lab.Lab() as core, core.client(recorder=check) as client:
        lab.authenticate(client, aka.Usim(lab.K, lab.OPC))
        lab.authenticate(client, aka.Usim(lab.K, lab.OPC, 1 << 40))  # with resynchronisation
        _, _, path = lab.open_challenge(lab.challenge(client))
        assert client.put(path, {"resStar": None}).status == 200
        assert client.put(path, {"resStar": "00" * 16}).status == 404
        assert lab.challenge(client, "001010000000009").status == 404


@tap.test
def anchor_function_is_as_ts_29_535_says():
    with lab.Lab(lab.SUBSCRIBER + "gpsi=msisdn-491700000001\n") as core, \
            core.client(recorder=check) as client:
        k_ausf, _ = lab.authenticate(client, aka.Usim(lab.K, lab.OPC))
        body = {"aKId": derive.a_kid(k_ausf, lab.IMSI), "afId": AF_ID}
        assert client.post(lab.RETRIEVE, body).status == 200
        assert client.post(lab.RETRIEVE, {**body, "anonInd": True}).status == 200
        assert client.post(lab.RETRIEVE, {**body, "aKId": "x@y"}).status == 204
        assert client.post(lab.REGISTER, {"supi": SUPI, "aKId": "a@b", "kAkma": "0f" * 32}).status == 200
        assert client.post(lab.REGISTER, {"gpsi": "msisdn-491700000001", "aKId": "c@d",
                                          "kAkma": "0f" * 32}).status == 200
        assert client.post(lab.REMOVE, {"supi": SUPI}).status == 204
        assert client.post(lab.REMOVE, {"supi": SUPI}).status == 404


@tap.test
def exposure_function_is_as_ts_29_522_says():
    with lab.Lab(lab.SUBSCRIBER + "gpsi=msisdn-491700000001\n") as core, \
            core.client(recorder=check) as client:
        k_ausf, _ = lab.authenticate(client, aka.Usim(lab.K, lab.OPC))
        body = {"aKId": derive.a_kid(k_ausf, lab.IMSI), "afId": AF_ID}
        assert client.post(lab.NEF, body).status == 200
        assert client.post(lab.NEF, {**body, "aKId": "x@y"}).status == 204


@tap.test
def bootstrapping_function_is_as_ts_29_309_says():
    for line, card in (("gba=me\n", aka.Usim(lab.K, lab.OPC)),
                       ("gba=u\n", ub.UiccOfGbaU(aka.Usim(lab.K, lab.OPC)))):
        with lab.Lab(lab.SUBSCRIBER + line, "--bsf-listen", "127.0.0.1:0") as core, \
                core.client(recorder=check) as client, \
                ub.Client(core.ready["bsf"], card, IMPI) as ue:
            body = {"btId": ue.bootstrap().b_tid,
                    "nafId": {"nafFqdn": lab.FQDN, "uaSecProtId": "ff00000001"}}
            assert client.post(NBSP, body).status == 200
            assert client.post(NBSP, {**body, "gbaUAware": True, "gsIds": [1]}).status == 200
            assert client.post(NBSP, {**body, "btId": "x@y"}).status == 404


@tap.test
def refusals_are_problem_details():
    groups = "[af other.example.com]\n"
    with lab.Lab(lab.SUBSCRIBER + groups, "--oauth") as core, \
            core.client(recorder=check_answer_only) as client:
        for path in (lab.REGISTER, lab.RETRIEVE, lab.REMOVE, lab.NEF, NBSP):
            assert client.post(path, {}).status == 401
        suci = {"supiOrSuci": "suci-0-001-01-0-0-0-0123456789", "servingNetworkName": aka.SN}
        assert client.post(lab.AUTHENTICATIONS, suci).status == 501
        assert client.post(lab.AUTHENTICATIONS, "{", "application/json").status == 400
        assert client.post(lab.AUTHENTICATIONS, "{}", "text/plain").status == 415
        resync = {"rand": "00" * 16, "auts": "00" * 14}
        assert lab.challenge(client, resync=resync).status == 403


@tap.test
def reject_bodies_that_the_interfaces_do_not_allow():
    """So that the tests above can fail."""
    good = {"aKId": "a@b", "afId": AF_ID}
    data = '{"kaf":"00","expiry":"2026-01-01T00:00:00Z"}'
    API.check_request("POST", lab.RETRIEVE, "application/json", '{"aKId":"a@b","afId":"x"}')
    API.check_answer("POST", lab.RETRIEVE, 200, "application/json", data)
    confirmation = lab.AUTHENTICATIONS + "/x/5g-aka-confirmation"
    challenge = ('{"authType":"5G_AKA","5gAuthData":{"rand":"%s","autn":"%s","hxresStar":"%s"},'
                 '"_links":{"5g-aka":{"href":"/x"}}}')
    hal = "application/3gppHal+json"
    API.check_answer("POST", lab.AUTHENTICATIONS, 201, hal, challenge % (("00" * 16,) * 3))
    for call in (
            lambda: API.check_request("POST", lab.RETRIEVE, "application/json", '{"aKId":"a@b"}'),
            lambda: API.check_request("POST", lab.RETRIEVE, "application/json", '{"aKId":1,"afId":"x"}'),
            lambda: API.check_request("POST", lab.RETRIEVE, "text/plain", "{}"),
            lambda: API.check_request("GET", lab.RETRIEVE, "application/json", "{}"),
            lambda: API.check_request("POST", "/naanf-akma/v1/other", "application/json", "{}"),
            lambda: API.check_request("POST", lab.REGISTER, "application/json",
                                      '{"supi":"imsi-00101","gpsi":"x","aKId":"a@b","kAkma":"00"}'),
            lambda: API.check_request("POST", NBSP, "application/json",
                                      '{"btId":"a@b","nafId":{"nafFqdn":"a","uaSecProtId":"ff"}}'),
            lambda: API.check_answer("POST", NBSP, 200, "application/json",
                                     '{"meKeyMaterial":"%s"}' % ("00" * 31)),
            lambda: API.check_request("PUT", confirmation, "application/json", '{"resStar":"00"}'),
            lambda: API.check_answer("POST", lab.RETRIEVE, 200, "application/json", '{"kaf":"00"}'),
            lambda: API.check_answer("POST", lab.RETRIEVE, 200, "application/json", b""),
            lambda: API.check_answer("POST", lab.RETRIEVE, 204, "application/json", data),
            lambda: API.check_answer("POST", lab.AUTHENTICATIONS, 201, hal,
                                     challenge % ("00", "00" * 16, "00" * 16)),
            lambda: API.check_answer("POST", lab.AUTHENTICATIONS, 201, "application/json",
                                     challenge % (("00" * 16,) * 3))):
        try:
            call()
        except openapi.Invalid:
            continue
        raise AssertionError("taken: %s with %s" % (call.__code__.co_consts, good))


tap.main()
