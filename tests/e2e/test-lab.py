#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""akma-lab against a USIM, a visited network and an AF in Python."""
import base64
import calendar
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka
import derive
import h2client
import lab
import tap

UA = "ff00000001"


def usim(sqn=0):
    return aka.Usim(lab.K, lab.OPC, sqn)


def retrieve(client, a_kid, af_id=lab.FQDN + UA, path=lab.RETRIEVE, **more):
    headers = more.pop("headers", ())
    return client.post(path, {"aKId": a_kid, "afId": af_id, **more}, headers=headers)


def expect(answer, status, cause=None):
    assert answer.status == status, (answer.status, answer.body)
    if cause:
        assert answer.headers["content-type"] == "application/problem+json", answer.headers
        problem = answer.json()
        assert (problem["status"], problem["cause"]) == (status, cause), problem
        assert "00101" not in answer.body.decode(), problem


def seconds_ahead(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.time()


# -- 5G AKA and the keys of AKMA ---------------------------------------------------------------

#= TS 29.509 5.2.2.2.2: POST with SUPI and serving network gives a challenge, PUT with RES* confirms
@tap.test
def authentication_gives_the_keys_that_the_card_derives():
    with lab.Lab(lab.SUBSCRIBER + "gpsi=msisdn-491700000001\nrouting-indicator=0123\n") as core, \
            core.client() as client:
        k_ausf, confirmed = lab.authenticate(client, usim())
        expect(confirmed, 200)
        assert confirmed.json() == {"authResult": "AUTHENTICATION_SUCCESS",
                                    "supi": "imsi-" + lab.IMSI, "kseaf": aka.k_seaf(k_ausf).hex()}

        answer = retrieve(client, derive.a_kid(k_ausf, lab.IMSI, "0123"))
        expect(answer, 200)
        data = answer.json()
        assert data["kaf"] == derive.k_af(k_ausf, lab.IMSI, lab.FQDN).hex()
        assert (data["supi"], data["gpsi"]) == ("imsi-" + lab.IMSI, "msisdn-491700000001")
        assert abs(seconds_ahead(data["expiry"]) - 24 * 3600) < 60
        assert answer.headers["cache-control"] == "no-store"


@tap.test
def op_is_as_good_as_opc():
    conf = lab.SUBSCRIBER.replace("opc=" + lab.OPC, "op=cdc202d5123e20f62b6d676ac72cb318")
    with lab.Lab(conf) as core, core.client() as client:
        expect(lab.authenticate(client, usim())[1], 200)


@tap.test
def mnc_of_three_digits_and_the_layout_of_a_kid_follow_the_options():
    conf = lab.SUBSCRIBER.replace(lab.IMSI, "310410123456789").replace("mnc-length=2", "mnc-length=3")
    with lab.Lab(conf, "--a-kid-format", "hex", "--a-kid-realm-prefix=akma.") as core, \
            core.client() as client:
        sn = "5G:mnc410.mcc310.3gppnetwork.org"
        k_ausf, _ = lab.authenticate(client, usim(), "310410123456789", sn)
        a_tid = derive._kdf(k_ausf, 0x81, b"A-TID", b"310410123456789").hex()
        expect(retrieve(client, a_tid + "0@akma.5gc.mnc410.mcc310.3gppnetwork.org"), 200)


@tap.test
def only_the_latest_context_of_a_subscriber_is_known():
    with lab.Lab() as core, core.client() as client:
        card = usim()
        first, _ = lab.authenticate(client, card)
        second, _ = lab.authenticate(client, card)
        expect(retrieve(client, derive.a_kid(first, lab.IMSI)), 204)
        answer = retrieve(client, derive.a_kid(second, lab.IMSI))
        assert answer.json()["kaf"] == derive.k_af(second, lab.IMSI, lab.FQDN).hex()


@tap.test
def resynchronisation_brings_a_card_that_is_ahead_in_step():
    with lab.Lab() as core, core.client() as client:
        card = usim(sqn=1 << 40)
        expect(lab.authenticate(client, card)[1], 200)
        rand, autn, _ = lab.open_challenge(lab.challenge(client))
        card.answer(rand, autn)  # in step: no failure now


@tap.test
def reject_auts_with_a_bad_mac():
    with lab.Lab() as core, core.client() as client:
        card = usim(sqn=1 << 40)
        rand, _, _ = lab.open_challenge(lab.challenge(client))
        auts = bytearray(card.auts(rand))
        auts[13] ^= 1
        answer = lab.challenge(client, resync={"rand": rand.hex(), "auts": auts.hex()})
        expect(answer, 403, "AUTHENTICATION_REJECTED")
        # nothing has moved: the card is still ahead
        rand, autn, _ = lab.open_challenge(lab.challenge(client))
        try:
            card.answer(rand, autn)
        except aka.SyncFailure:
            return
        raise AssertionError("a bad AUTS moved the SQN")


@tap.test
def reject_auts_sent_again_to_set_the_sqn_back():
    with lab.Lab() as core, core.client() as client:
        card = usim(sqn=1 << 40)
        rand, _, _ = lab.open_challenge(lab.challenge(client))
        old = {"rand": rand.hex(), "auts": card.auts(rand).hex()}
        lab.open_challenge(lab.challenge(client, resync=old))
        for _ in range(3):
            card.answer(*lab.open_challenge(lab.challenge(client))[:2])
        card.answer(*lab.open_challenge(lab.challenge(client, resync=old))[:2])


@tap.test
def reject_unknown_subscriber_and_suci():
    with lab.Lab() as core, core.client() as client:
        expect(lab.challenge(client, "001010000000009"), 404, "USER_NOT_FOUND")
        body = {"supiOrSuci": "suci-0-001-01-0-0-0-0123456789", "servingNetworkName": aka.SN}
        expect(client.post(lab.AUTHENTICATIONS, body), 501, "UNSUPPORTED_PROTECTION_SCHEME")


#= TS 29.503 6.3.6.3.2: ServingNetworkName is "5G:mnc<3>.mcc<3>.3gppnetwork.org[:<NID>]"
@tap.test
def reject_serving_network_that_is_no_name():
    with lab.Lab() as core, core.client() as client:
        for sn in ("5G:mnc01.mcc001.3gppnetwork.org", "5G:NSWO", "4G", aka.SN + ".", aka.SN + ":0",
                   aka.SN[3:], "5G:mnc001.mcc0a1.3gppnetwork.org"):
            expect(lab.challenge(client, sn=sn), 400, "MANDATORY_IE_INCORRECT")
        lab.open_challenge(lab.challenge(client, sn=aka.SN + ":0123456789A"))


@tap.test
def reject_wrong_res_star_and_use_its_context_up():
    with lab.Lab() as core, core.client() as client:
        rand, autn, path = lab.open_challenge(lab.challenge(client))
        res_star, k_ausf = usim().answer(rand, autn)
        answer = client.put(path, {"resStar": bytes(16).hex()})
        expect(answer, 200)
        assert answer.json() == {"authResult": "AUTHENTICATION_FAILURE"}
        expect(client.put(path, {"resStar": res_star.hex()}), 404, "CONTEXT_NOT_FOUND")
        expect(retrieve(client, derive.a_kid(k_ausf, lab.IMSI)), 204)


@tap.test
def reject_null_res_star_as_a_failure():
    with lab.Lab() as core, core.client() as client:
        _, _, path = lab.open_challenge(lab.challenge(client))
        assert client.put(path, {"resStar": None}).json() == {"authResult": "AUTHENTICATION_FAILURE"}


@tap.test
def reject_replayed_and_invented_confirmation():
    with lab.Lab() as core, core.client() as client:
        rand, autn, path = lab.open_challenge(lab.challenge(client))
        body = {"resStar": usim().answer(rand, autn)[0].hex()}
        assert client.put(path, body).json()["authResult"] == "AUTHENTICATION_SUCCESS"
        expect(client.put(path, body), 404, "CONTEXT_NOT_FOUND")
        expect(client.put(lab.AUTHENTICATIONS + "/AAAA/5g-aka-confirmation", body), 404,
               "CONTEXT_NOT_FOUND")


@tap.test
def reject_broken_confirmation_but_keep_its_context():
    with lab.Lab() as core, core.client() as client:
        rand, autn, path = lab.open_challenge(lab.challenge(client))
        expect(client.put(path, {"resStar": "00"}), 400, "MANDATORY_IE_INCORRECT")
        expect(client.put(path, {}), 400, "MANDATORY_IE_MISSING")
        body = {"resStar": usim().answer(rand, autn)[0].hex().upper()}
        assert client.put(path, body).json()["authResult"] == "AUTHENTICATION_SUCCESS"


# -- AAnF and NEF ------------------------------------------------------------------------------

#= TS 29.535 5.1.4: register-anchorkey, retrieve-applicationkey, remove-context
@tap.test
def another_ausf_may_register_a_key():
    with lab.Lab() as core, core.client() as client:
        k_akma, supi = bytes(range(32)), "imsi-" + lab.IMSI
        answer = client.post(lab.REGISTER, {"supi": supi, "aKId": "any.thing@realm",
                                            "kAkma": k_akma.hex().upper()})
        expect(answer, 200)
        assert answer.json() == {"supi": supi, "aKId": "any.thing@realm", "kAkma": k_akma.hex()}
        kaf = derive._kdf(k_akma, 0x82, lab.FQDN.encode() + bytes.fromhex(UA)).hex()
        assert retrieve(client, "any.thing@realm").json()["kaf"] == kaf
        # host name and identifier in either case are the same AF
        again = retrieve(client, "any.thing@realm", lab.FQDN.upper() + UA.upper())
        assert again.json()["kaf"] == kaf

        expect(client.post(lab.REMOVE, {"supi": supi}), 204)
        expect(retrieve(client, "any.thing@realm"), 204)
        expect(client.post(lab.REMOVE, {"supi": supi}), 404, "CONTEXT_NOT_FOUND")


@tap.test
def reject_registration_with_bad_members():
    other = lab.SUBSCRIBER.replace(lab.IMSI, "001010000000002").replace("k=4", "k=5", 1)
    none = lab.SUBSCRIBER.replace(lab.IMSI, "001010000000003") + "akma=false\n"
    good = {"supi": "imsi-" + lab.IMSI, "aKId": "a@b", "kAkma": "00" * 32}
    with lab.Lab(lab.SUBSCRIBER + "gpsi=extid-a@b\n" + other + none) as core, core.client() as client:
        expect(client.post(lab.REGISTER, good), 200)
        for change, status, cause in (
                ({"kAkma": "00" * 31}, 400, "MANDATORY_IE_INCORRECT"),
                ({"kAkma": "zz" * 32}, 400, "MANDATORY_IE_INCORRECT"),
                ({"kAkma": 1}, 400, "MANDATORY_IE_INCORRECT"),
                ({"aKId": "ab"}, 400, "MANDATORY_IE_INCORRECT"),
                ({"aKId": "a@@b"}, 400, "MANDATORY_IE_INCORRECT"),
                ({"aKId": "@b"}, 400, "MANDATORY_IE_INCORRECT"),
                ({"aKId": "a b@c"}, 400, "MANDATORY_IE_INCORRECT"),
                ({"aKId": "a@" + "b" * 252}, 400, "MANDATORY_IE_INCORRECT"),
                ({"gpsi": "extid-a@b"}, 400, "MANDATORY_IE_MISSING"),
                ({"supi": "imsi-001010000000009"}, 404, "USER_NOT_FOUND"),
                ({"supi": "imsi-001010000000002"}, 403, "A_KID_IN_USE"),
                ({"supi": "imsi-001010000000003"}, 403, "AKMA_NOT_ALLOWED")):
            expect(client.post(lab.REGISTER, {**good, **change}), status, cause)
        assert retrieve(client, "a@b").json()["supi"] == "imsi-" + lab.IMSI

        by_gpsi = {"gpsi": "extid-a@b", "aKId": "c@d", "kAkma": "00" * 32}
        assert client.post(lab.REGISTER, by_gpsi).json()["gpsi"] == "extid-a@b"
        expect(retrieve(client, "a@b"), 204)


@tap.test
def subscriber_without_akma_authenticates_but_has_no_keys():
    with lab.Lab(lab.SUBSCRIBER + "akma=false\n") as core, core.client() as client:
        k_ausf, confirmed = lab.authenticate(client, usim())
        assert confirmed.json()["authResult"] == "AUTHENTICATION_SUCCESS"
        expect(retrieve(client, derive.a_kid(k_ausf, lab.IMSI)), 204)


#= TS 29.522 5.17: retrieve is Naanf_AKMA's operation, with a GPSI at most
#= TS 33.535 5.2: K_AF has an explicit lifetime by the operator's policy
@tap.test
def anonymous_request_and_nef_learn_less():
    with lab.Lab(lab.SUBSCRIBER + "gpsi=msisdn-491700000001\n", "--kaf-lifetime=90s") as core, \
            core.client() as client:
        k_ausf, _ = lab.authenticate(client, usim())
        a_kid = derive.a_kid(k_ausf, lab.IMSI)
        data = retrieve(client, a_kid, anonInd=True).json()
        assert sorted(data) == ["expiry", "kaf"], data
        assert 80 < seconds_ahead(data["expiry"]) <= 90
        data = retrieve(client, a_kid, path=lab.NEF).json()
        assert sorted(data) == ["expiry", "gpsi", "kaf"], data
        data = retrieve(client, a_kid, path=lab.NEF, anonInd=True).json()
        assert sorted(data) == ["expiry", "kaf"], data
        expect(retrieve(client, "x@y", path=lab.NEF), 204)


@tap.test
def reject_af_that_no_group_names():
    groups = f"[af {lab.FQDN}]\nua={UA};0100000007\n[af any.example.com]\n"
    with lab.Lab(lab.SUBSCRIBER + groups) as core, core.client() as client:
        a_kid = derive.a_kid(lab.authenticate(client, usim())[0], lab.IMSI)
        expect(retrieve(client, a_kid), 200)
        expect(retrieve(client, a_kid, lab.FQDN.upper() + UA.upper()), 200)
        expect(retrieve(client, a_kid, lab.FQDN + "0100000002"), 403, "AF_NOT_ALLOWED")
        expect(retrieve(client, a_kid, "x." + lab.FQDN + UA), 403, "AF_NOT_ALLOWED")
        expect(retrieve(client, a_kid, "any.example.com" + "0100000002"), 200)


@tap.test
def reject_af_id_and_flag_that_are_not_what_they_should_be():
    with lab.Lab() as core, core.client() as client:
        for af_id in (lab.FQDN, UA, lab.FQDN + UA[:-1] + "g", "a_b" + UA, " " + lab.FQDN + UA):
            expect(retrieve(client, "a@b", af_id), 400, "MANDATORY_IE_INCORRECT")
        expect(retrieve(client, "a@b", anonInd="yes"), 400, "OPTIONAL_IE_INCORRECT")
        expect(client.post(lab.RETRIEVE, {"aKId": "a@b"}), 400, "MANDATORY_IE_MISSING")
        expect(client.post(lab.RETRIEVE, {"afId": lab.FQDN + UA}), 400, "MANDATORY_IE_MISSING")


# -- any request -------------------------------------------------------------------------------

@tap.test
def reject_bodies_that_are_not_one_json_object():
    with lab.Lab() as core, core.client() as client:
        for body in ("", "{", "[]", "1", "null", '{"aKId":"a@b","aKId":"a@b"}', "{} {}", "{}x",
                     '{"aKId":"\\u0000"}', b'{"aKId":"\xff"}', "[" * 5000):
            answer = client.post(lab.RETRIEVE, body, "application/json")
            expect(answer, 400, "INVALID_MSG_FORMAT")


@tap.test
def reject_oversized_body_and_serve_on():
    with lab.Lab() as core:
        with core.client() as client:
            body = '{"aKId":"' + "a" * 16384 + '"}'
            expect(client.post(lab.RETRIEVE, body, "application/json"), 413, "PAYLOAD_TOO_LARGE")
        with core.client() as client:
            expect(retrieve(client, "a@b"), 204)


#= TS 29.500 5.2.7.2: the causes that every service has in common
@tap.test
def reject_wrong_path_method_and_type():
    with lab.Lab() as core, core.client() as client:
        for path in ("/", "/naanf-akma/v1", lab.RETRIEVE + "/", lab.RETRIEVE + "?a=b",
                     lab.AUTHENTICATIONS + "//5g-aka-confirmation", "/naanf-akma/v2/remove-context",
                     lab.TOKEN):
            expect(client.post(path, {}), 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")
        answer = client.request("GET", lab.RETRIEVE)
        expect(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "POST"
        assert client.post(lab.AUTHENTICATIONS + "/x/5g-aka-confirmation", {}).headers["allow"] == "PUT"
        for kind in (None, "text/plain", "application/jsonx"):
            expect(client.post(lab.RETRIEVE, "{}", kind), 415, "UNSUPPORTED_MEDIA_TYPE")
        gzip = client.post(lab.RETRIEVE, {}, headers=[("content-encoding", "gzip")])
        expect(gzip, 415, "UNSUPPORTED_MEDIA_TYPE")
        expect(client.post(lab.RETRIEVE, "{}", "Application/JSON; charset=utf-8"), 400,
               "MANDATORY_IE_MISSING")


# -- OAuth2 and TLS ----------------------------------------------------------------------------

def token(client, body="grant_type=client_credentials&client_id=af&client_secret=s", headers=()):
    return client.post(lab.TOKEN, body, lab.FORM, headers)


def bearer(answer):
    return [("authorization", "Bearer " + answer.json()["access_token"])]


#= RFC 6749 2.3.1: id and secret are form-encoded before they are joined
#= RFC 6749 4.4.2: grant_type=client_credentials, the client authenticates
@tap.test
def token_opens_the_anchor_function():
    with lab.Lab(lab.SUBSCRIBER, "--oauth") as core, core.client() as client:
        a_kid = derive.a_kid(lab.authenticate(client, usim())[0], lab.IMSI)
        answer = token(client)
        expect(answer, 200)
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
        assert answer.headers["cache-control"] == "no-store"
        expect(retrieve(client, a_kid, headers=bearer(answer)), 200)
        expect(retrieve(client, a_kid, path=lab.NEF, headers=bearer(answer)), 200)

        basic = base64.b64encode(b"af:s%3A%25").decode()
        answer = token(client, "grant_type=client_credentials&scope=naanf-akma+naanf-akma%3Aanchorkey",
                       [("authorization", "Basic " + basic)])
        expect(answer, 200)
        expect(client.post(lab.REMOVE, {"supi": "imsi-" + lab.IMSI}, headers=bearer(answer)), 204)


#= RFC 6750 3: no token or a bad one is 401, one for something else 403
@tap.test
def reject_missing_false_and_foreign_bearer():
    with lab.Lab(lab.SUBSCRIBER, "--oauth") as core, core.client() as client:
        for headers, challenge in (((), "Bearer"),
                                   ([("authorization", "Bearer AAAA")], "Bearer error=\"invalid_token\""),
                                   ([("authorization", "Basic YTpi")], "Bearer")):
            for path in (lab.RETRIEVE, lab.REGISTER, lab.REMOVE, lab.NEF):
                answer = client.post(path, {}, headers=headers)
                expect(answer, 401, "UNAUTHORIZED")
                assert answer.headers["www-authenticate"] == challenge
        other = token(client, "grant_type=client_credentials&client_id=af&client_secret=s"
                              "&scope=nnef-akma%3Agpsi-access")
        expect(retrieve(client, "a@b", headers=bearer(other)), 403, "INSUFFICIENT_SCOPE")
        expect(retrieve(client, "a@b", path=lab.NEF, headers=bearer(other)), 204)


@tap.test
def reject_requests_for_a_token_that_are_wrong():
    with lab.Lab(lab.SUBSCRIBER + "[client af]\nsecret=right\n", "--oauth") as core, \
            core.client() as client:
        good = "grant_type=client_credentials&client_id=af&client_secret=right"
        expect(token(client, good), 200)
        for body, status, error in (
                ("", 400, "invalid_request"), ("grant_type", 400, "invalid_request"),
                ("grant_type=%zz", 400, "invalid_request"),
                (good + "&scope=a&scope=b", 400, "invalid_request"),
                ("grant_type=password", 400, "unsupported_grant_type"),
                ("grant_type=client_credentials", 401, "invalid_client"),
                (good + "x", 401, "invalid_client"), (good.replace("=af", "=fa"), 401, "invalid_client"),
                (good + "&scope=other", 400, "invalid_scope"), (good + "&scope=", 400, "invalid_scope")):
            answer = token(client, body)
            expect(answer, status)
            assert answer.json() == {"error": error}, (body, answer.body)
        for header in ("Basic ", "Basic ????", "Bearer x", "Basic YWY="):
            answer = token(client, good, [("authorization", header)])
            expect(answer, 401)
            assert answer.headers["www-authenticate"].startswith("Basic")
        expect(client.post(lab.TOKEN, {}), 415, "UNSUPPORTED_MEDIA_TYPE")


def make_certificates(core):
    """ca, server for localhost and client; a second CA with its client."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=core.folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    for ca, names in (("ca", ("server", "client")), ("ca2", ("client2",))):
        openssl("req", "-x509", *key, "-keyout", ca + ".key", "-out", ca + ".pem", "-subj", "/CN=" + ca,
                "-addext", "keyUsage=critical,keyCertSign")
        for name in names:
            core.write(name + ".ext", "subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\n")
            openssl("req", *key[:-2], "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=x")
            openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key",
                    "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", name + ".ext")


@tap.test
def mutual_tls_lets_only_known_clients_in():
    folder = tempfile.mkdtemp(prefix="akmad-lab-")
    core = lab.Lab(lab.SUBSCRIBER, "--certificate", folder + "/server.pem", "--key",
                   folder + "/server.key", "--client-ca", folder + "/ca.pem", folder=folder)
    try:
        make_certificates(core)
        with core:
            good = h2client.tls_context(core.path("ca.pem"), core.path("client.pem"), core.path("client.key"))
            with core.client(tls=good) as client:
                answer = lab.challenge(client)
                assert answer.headers["location"].startswith("https://localhost:"), answer.headers
                expect(lab.authenticate(client, usim())[1], 200)
            for files in ((), (core.path("client2.pem"), core.path("client2.key"))):
                try:
                    with core.client(tls=h2client.tls_context(core.path("ca.pem"), *files)) as client:
                        lab.challenge(client)
                except (OSError, h2client.Closed):
                    continue
                raise AssertionError("a client without a good certificate got an answer")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -- the program -------------------------------------------------------------------------------

@tap.test
def state_keeps_the_sqn_over_a_restart():
    with lab.Lab(lab.SUBSCRIBER) as core:
        core.stop()
        core.options = ("--state", core.path("state"))
        card = usim()
        for _ in range(2):
            core.start()
            with core.client() as client:
                for _ in range(3):
                    card.answer(*lab.open_challenge(lab.challenge(client))[:2])  # never a SyncFailure
            assert core.stop() == 0
        assert os.stat(core.path("state")).st_mode & 0o777 == 0o600
        core.options = ()
        core.start()
        with core.client() as client:
            try:
                card.answer(*lab.open_challenge(lab.challenge(client))[:2])
            except aka.SyncFailure:
                return
        raise AssertionError("without --state the SQN begins anew")


@tap.test
def reject_state_file_that_is_torn():
    with lab.Lab() as core:
        core.stop()
        state = core.write("state", f"[subscriber {lab.IMSI}]\nsqn=00\n")
        done = lab.run("--subscribers", core.path("subscribers.conf"), "--state", state)
        assert done.returncode == 6 and state in done.stderr, done.stderr


@tap.test
def hangup_reads_the_file_again_and_a_bad_one_changes_nothing():
    with lab.Lab() as core, core.client() as client:
        card = usim()
        a_kid = derive.a_kid(lab.authenticate(client, card)[0], lab.IMSI)
        core.write("subscribers.conf", lab.SUBSCRIBER + "nonsense=1\n")
        core.hangup()
        assert "nonsense" in core.log()
        expect(retrieve(client, a_kid), 200)

        second = lab.SUBSCRIBER.replace(lab.IMSI, "001010000000002")
        core.write("subscribers.conf", lab.SUBSCRIBER + second)
        core.hangup()
        expect(retrieve(client, a_kid), 200)
        card.answer(*lab.open_challenge(lab.challenge(client))[:2])  # the SQN went on
        lab.open_challenge(lab.challenge(client, "001010000000002"))

        core.write("subscribers.conf", second)
        core.hangup()
        expect(retrieve(client, a_kid), 204)
        expect(lab.challenge(client), 404, "USER_NOT_FOUND")


@tap.test
def log_has_no_identity_and_no_key():
    with lab.Lab(lab.SUBSCRIBER, "--log-level=debug") as core, core.client() as client:
        k_ausf, _ = lab.authenticate(client, usim())
        a_kid = derive.a_kid(k_ausf, lab.IMSI)
        kaf = retrieve(client, a_kid).json()["kaf"]
        client.post("/" + lab.IMSI, {})
        lab.challenge(client, "001010000000009")
        core.stop()
        text = core.log()
        assert "labs only" in text and "retrieve-applicationkey #" in text, text
        for secret in (lab.IMSI, "001010000000009", a_kid, a_kid.split(".")[1][:43], kaf, lab.K,
                       lab.OPC, k_ausf.hex(), derive.k_akma(k_ausf, lab.IMSI).hex()):
            assert secret not in text


@tap.test
def stops_at_once_with_an_open_connection():
    with lab.Lab() as core, core.client() as client:
        lab.challenge(client)
        begin = time.monotonic()
        assert core.stop() == 0
        assert time.monotonic() - begin < 20


@tap.test
def systemd_hears_what_happens_and_may_give_the_socket():
    """READY, RELOADING with its time, STOPPING; LISTEN_FDS as descriptor 3."""
    with lab.Lab() as core, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, \
            socket.create_server(("127.0.0.1", 0)) as given:
        core.stop()
        heard.bind(core.path("notify"))
        heard.settimeout(60)
        port = given.getsockname()[1]
        script = 'exec 3<&%d; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@"' % given.fileno()
        ready = core.path("ready")
        os.unlink(ready)
        process = subprocess.Popen(
            ["bash", "-c", script, lab.PROGRAM, "--subscribers", core.path("subscribers.conf"),
             "--listen", "192.0.2.1:1", "--ready", ready], pass_fds=(given.fileno(),),
            env={**os.environ, "NOTIFY_SOCKET": core.path("notify")}, stderr=subprocess.DEVNULL)
        try:
            assert heard.recv(1000) == b"READY=1"
            with open(ready, encoding="ascii") as file:
                assert "core=127.0.0.1:%d\n" % port in file.read()
            with h2client.Client("127.0.0.1:%d" % port) as client:
                lab.open_challenge(lab.challenge(client))
            process.send_signal(signal.SIGHUP)
            assert heard.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert heard.recv(1000) == b"READY=1"
            process.terminate()
            assert heard.recv(1000) == b"STOPPING=1"
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()


@tap.test
def help_says_that_it_is_for_labs():
    done = lab.run("--help")
    assert done.returncode == 0 and "FOR LABS ONLY" in done.stdout
    assert lab.run("--version").stdout.startswith("akma-lab ")


@tap.test
def reject_wrong_usage_with_status_2():
    for options in ((), ("--subscribers",), ("--bsf-key=/x",), ("--gba-lifetime=0s",),
                    ("word",), ("--certificate=/x",), ("--client-ca=/x",), ("--kaf-lifetime=0s",),
                    ("--kaf-lifetime=x",), ("--kaf-lifetime=3651d",), ("--a-kid-format=other",), ("--log-level=loud",)):
        more = () if not options else ("--subscribers", "/proc/nonexistent")
        done = lab.run(*more, *options)
        assert done.returncode == 2, (options, done)
        assert done.stderr.startswith("akma-lab: ") and "\n  next: " in done.stderr, done.stderr


@tap.test
def reject_bad_files_with_status_6():
    with lab.Lab() as core:
        core.stop()
        for text, what in (("[subscriber x]\nk=00\n", "IMSI"), (lab.SUBSCRIBER + "gba=maybe\n", "gba"),
                           (lab.SUBSCRIBER + "impi=a\n", "impi"),
                           (lab.SUBSCRIBER.replace(lab.K, lab.K[:-1]), "32 hex digits")):
            path = core.write("subscribers.conf", text)
            done = lab.run("--subscribers", path)
            assert done.returncode == 6 and what in done.stderr and path in done.stderr, done.stderr
            assert lab.K[:-1] not in done.stderr
        done = lab.run("--subscribers", "/proc/nonexistent")
        assert done.returncode == 6, done


tap.main()
