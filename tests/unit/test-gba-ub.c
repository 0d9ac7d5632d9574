/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/gba-ub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* RAND, AUTN and RES of TS 35.208 set 1; digests made with Python's hashlib */
#define HOME          "bsf.mnc001.mcc001.pub.3gppnetwork.org"
#define IMPI          "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
#define NONCE         "I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7NzZXJ2ZXI=" /* RAND AUTN "server" */
#define RESPONSE      "1b0379bb375ead0061e713fef6a62a21"
#define AUTS_RESPONSE "ddc425b3d3d9567deb5a4aa89675b579"
#define RSPAUTH       "b20b8e87c59a09e99ae1a0d2386450de"
#define B_TID         "I1U8vpY3qJ0hiuZNrke/NQ==@" HOME
#define CHALLENGE                                                                                  \
    "Digest realm=\"" HOME "\", nonce=\"" NONCE "\", qop=\"auth-int\", algorithm=AKAv1-MD5"
#define INFO                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<BootstrappingInfo "                              \
    "xmlns=\"uri:3gpp-gba\"><btid>" B_TID                                                          \
    "</btid><lifetime>2030-01-01T00:00:00Z</lifetime></BootstrappingInfo>\n"

#define NOW 1800000000 /* 2027-01-15 */

static const uint8_t res[] = {0xa5, 0x42, 0x11, 0xd5, 0xe3, 0xba, 0x50, 0xbf};
static const uint8_t auts[14] = {0x45, 0x1e, 0x8b, 0xec, 0xa4, 0x3b, 1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t cnonce[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

typedef struct {
    AkmaGbaNames names;
    AkmaUb *ub;
    uint8_t rand[16];
    uint8_t autn[16];
    AkmaGbaInfo info;
    GError *error;
} Fixture;

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    assert_true(akma_gba_names_init(&f->names, "001010000000001", 2, NULL, NULL, NULL));
    f->ub = akma_ub_new(&f->names, f->names.impi);
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    akma_ub_free(f->ub);
    akma_gba_names_clear(&f->names);
    g_clear_error(&f->error);
    g_free(f);

    return 0;
}

static void
begin(Fixture *f)
{
    g_autofree char *field = akma_ub_begin(f->ub, &f->error);

    assert_non_null(field);
}

static bool
challenge(Fixture *f, unsigned status, const char *field)
{
    const char *const fields[] = {field, NULL};
    const AkmaUbAnswer answer = {.status = status, .challenges = fields};

    return akma_ub_challenged(f->ub, &answer, f->rand, f->autn, &f->error);
}

static void
answer_with_res(Fixture *f)
{
    g_autofree char *field = akma_ub_answer(f->ub, res, sizeof res, cnonce, &f->error);

    assert_non_null(field);
}

static bool
end(Fixture *f, unsigned status, const char *info, const char *authentication_info)
{
    const AkmaUbAnswer answer = {
        .status = status,
        .content_type = "application/vnd.3gpp.bsf+xml",
        .authentication_info = authentication_info,
        .body = (const uint8_t *)info,
        .len = strlen(info),
    };

    return akma_ub_bootstrapped(f->ub, &answer, NOW, &f->info, &f->error);
}

static void
go_to_the_end(Fixture *f)
{
    begin(f);
    assert_true(challenge(f, 401, CHALLENGE));
    answer_with_res(f);
}

static void
assert_fails(Fixture *f, AkmaError code, const char *words)
{
    assert_true(g_error_matches(f->error, AKMA_ERROR, (int)code));
    assert_non_null(strstr(f->error->message, words));
    assert_non_null(strstr(f->error->message, "BSF"));
    assert_null(strstr(f->error->message, "00101")); /* no identity in an error */
}

/*= TS 24.109 A.3: nonce and response of the first request are empty */
static void
first_request_names_the_subscriber_and_the_bsf(void **state)
{
    Fixture *f = *state;
    g_autofree char *field = akma_ub_begin(f->ub, &f->error);

    assert_string_equal(field,
                        "Digest username=\"" IMPI "\", realm=\"" HOME
                        "\", nonce=\"\", uri=\"/\", response=\"\"");
}

/*= RFC 3310 3.2: nonce = base64(RAND || AUTN || server data) */
/*= RFC 3310 3.3: the password of AKAv1-MD5 is RES, its bytes */
/*= RFC 2617 3.2.2.3: with auth-int A2 ends with H(body) */
/*= TS 24.109 4.2: qop is auth-int */
/*= TS 24.109 4.2: the UE checks rspauth, then takes B-TID and lifetime */
static void
good_way_ends_with_b_tid_and_lifetime(void **state)
{
    Fixture *f = *state;
    g_autofree char *field = NULL;

    begin(f);
    assert_true(challenge(f, 401, CHALLENGE));
    assert_int_equal(f->rand[0], 0x23);
    assert_int_equal(f->rand[15], 0x35);
    assert_int_equal(f->autn[0], 0x55);
    assert_int_equal(f->autn[15], 0xb3);
    field = akma_ub_answer(f->ub, res, sizeof res, cnonce, &f->error);
    assert_non_null(strstr(field, "response=\"" RESPONSE "\""));
    assert_non_null(strstr(field, "nonce=\"" NONCE "\""));
    assert_non_null(strstr(field, "algorithm=AKAv1-MD5"));
    assert_non_null(strstr(field, "qop=auth-int"));
    assert_true(end(f, 200, INFO, "qop=auth-int, rspauth=\"" RSPAUTH "\", nc=00000001"));

    assert_string_equal(f->info.b_tid, B_TID);
    assert_string_equal(f->info.lifetime_text, "2030-01-01T00:00:00Z");
    assert_int_equal(f->info.lifetime, 1893456000);
}

static void
challenge_of_aka_is_found_among_others(void **state)
{
    static const char *const fields[] = {
        "Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"n\", qop=auth", CHALLENGE, NULL};
    const AkmaUbAnswer answer = {.status = 401, .challenges = fields};
    Fixture *f = *state;

    begin(f);
    assert_true(akma_ub_challenged(f->ub, &answer, f->rand, f->autn, &f->error));
}

/*= RFC 3310 3.4: with auts the response is made with an empty password */
/*= TS 24.109 4.5: after a synchronisation failure AUTS goes to the BSF, which challenges again */
static void
sync_failure_sends_auts_and_takes_the_next_challenge(void **state)
{
    Fixture *f = *state;
    g_autofree char *field = NULL;

    begin(f);
    assert_true(challenge(f, 401, CHALLENGE));
    field = akma_ub_resynchronise(f->ub, auts, cnonce, &f->error);
    assert_non_null(strstr(field, "auts=\"RR6L7KQ7AQIDBAUGBwg=\""));
    assert_non_null(strstr(field, "response=\"" AUTS_RESPONSE "\""));
    assert_true(challenge(f, 401, CHALLENGE));
    answer_with_res(f);
    assert_true(end(f, 200, INFO, "rspauth=\"" RSPAUTH "\""));
}

static void
reject_a_second_sync_failure(void **state)
{
    Fixture *f = *state;
    g_autofree char *field = NULL;

    begin(f);
    assert_true(challenge(f, 401, CHALLENGE));
    field = akma_ub_resynchronise(f->ub, auts, cnonce, &f->error);
    assert_true(challenge(f, 401, CHALLENGE));

    assert_null(akma_ub_resynchronise(f->ub, auts, cnonce, &f->error));
    assert_fails(f, AKMA_ERROR_ANCHOR_REJECTED, "AUTS");
}

static void
reject_a_bsf_that_refuses(void **state)
{
    static const struct {
        unsigned status;
        AkmaError code;
    } rows[] = {
        {403, AKMA_ERROR_ANCHOR_REJECTED},
        {429, AKMA_ERROR_RATE_LIMITED},
        {404, AKMA_ERROR_ANCHOR_REJECTED},
        {200, AKMA_ERROR_SERVER_REFUSED}, /* without a challenge */
        {302, AKMA_ERROR_SERVER_REFUSED},
        {500, AKMA_ERROR_SERVER_UNREACHABLE},
        {503, AKMA_ERROR_SERVER_UNREACHABLE},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture *f;

        setup((void **)&f);
        begin(f);
        assert_false(challenge(f, rows[i].status, CHALLENGE));
        assert_fails(f, rows[i].code, "answered");
        teardown((void **)&f);
    }
    (void)state;
}

static void
reject_a_bad_challenge(void **state)
{
    static const char *const fields[] = {
        NULL,
        "Digest realm=\"" HOME "\", nonce=\"" NONCE "\", qop=\"auth-int\", algorithm=MD5",
        "Digest realm=\"" HOME "\", nonce=\"" NONCE "\", qop=\"auth\", algorithm=AKAv1-MD5",
        "Digest realm=\"evil.example\", nonce=\"" NONCE "\", qop=\"auth-int\", algorithm=AKAv1-MD5",
        CHALLENGE ", domain=\"http://evil.example/\"",
        CHALLENGE ", domain=\"/ //evil.example/\"",
        /* 31 bytes, not base64, without padding, longer than there can be */
        "Digest realm=\"" HOME "\", nonce=\"I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfrw==\", "
        "qop=\"auth-int\", algorithm=AKAv1-MD5",
        "Digest realm=\"" HOME "\", nonce=\"not base64 at all, and that is long enough\", "
        "qop=\"auth-int\", algorithm=AKAv1-MD5",
        "Digest realm=\"" HOME "\", nonce=\"I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7NzZXJ2ZXI\", "
        "qop=\"auth-int\", algorithm=AKAv1-MD5",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        Fixture *f;

        setup((void **)&f);
        begin(f);
        assert_false(challenge(f, 401, fields[i]));
        assert_fails(f, AKMA_ERROR_SERVER_REFUSED, "");
        teardown((void **)&f);
    }
    (void)state;
}

static void
reject_a_nonce_that_is_too_long(void **state)
{
    Fixture *f = *state;
    g_autofree char *nonce = g_strnfill(1024, 'A');
    g_autofree char *field =
        g_strdup_printf("Digest realm=\"" HOME "\", nonce=\"%s\", qop=\"auth-int\", "
                        "algorithm=AKAv1-MD5",
                        nonce);

    begin(f);
    assert_false(challenge(f, 401, field));
    assert_fails(f, AKMA_ERROR_SERVER_REFUSED, "nonce");
}

static void
reject_a_wrong_rspauth(void **state)
{
    static const char *const fields[] = {NULL,
                                         "rspauth=\"00000000000000000000000000000000\"",
                                         "rspauth=\"" RSPAUTH "\", nc=00000002",
                                         "qop=auth-int"};

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        Fixture *f;

        setup((void **)&f);
        go_to_the_end(f);
        assert_false(end(f, 200, INFO, fields[i]));
        assert_fails(f, AKMA_ERROR_SERVER_NOT_AUTHENTIC, "prove");
        teardown((void **)&f);
    }
    (void)state;
}

static void
reject_a_body_that_was_changed_on_the_way(void **state)
{
    Fixture *f = *state;

    go_to_the_end(f);
    assert_false(end(f, 200, INFO " ", "rspauth=\"" RSPAUTH "\""));
    assert_fails(f, AKMA_ERROR_SERVER_NOT_AUTHENTIC, "prove");
}

static void
reject_res_that_the_bsf_refuses(void **state)
{
    Fixture *f = *state;

    go_to_the_end(f);
    assert_false(end(f, 401, "", NULL));
    assert_fails(f, AKMA_ERROR_ANCHOR_REJECTED, "401");
}

static void
reject_steps_out_of_order(void **state)
{
    Fixture *f = *state;

    assert_false(challenge(f, 401, CHALLENGE));
    g_clear_error(&f->error);
    assert_null(akma_ub_begin(f->ub, &f->error)); /* it has ended */
    g_clear_error(&f->error);
    assert_false(end(f, 200, INFO, "rspauth=\"" RSPAUTH "\""));
    assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_INTERNAL));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_request_names_the_subscriber_and_the_bsf),
        TEST(good_way_ends_with_b_tid_and_lifetime),
        TEST(challenge_of_aka_is_found_among_others),
        TEST(sync_failure_sends_auts_and_takes_the_next_challenge),
        TEST(reject_a_second_sync_failure),
        TEST(reject_a_bsf_that_refuses),
        TEST(reject_a_bad_challenge),
        TEST(reject_a_nonce_that_is_too_long),
        TEST(reject_a_wrong_rspauth),
        TEST(reject_a_body_that_was_changed_on_the_way),
        TEST(reject_res_that_the_bsf_refuses),
        TEST(reject_steps_out_of_order),
    };

    return cmocka_run_group_tests_name("gba-ub", tests, NULL, NULL);
}
