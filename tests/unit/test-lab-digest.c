/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
assert_digest(const char *field,
              const void *password,
              size_t password_len,
              const char *method,
              const char *body,
              const char *expected)
{
    g_auto(AkmaLabCredentials) credentials = {0};
    char digest[AKMA_LAB_MD5_SIZE];

    assert_true(akma_lab_credentials_parse(field, &credentials));
    assert_true(akma_lab_digest(
        &credentials, password, password_len, method, (const uint8_t *)body, strlen(body), digest));
    assert_string_equal(digest, expected);
}

static void
the_examples_of_the_rfcs_come_out(void **state)
{
    (void)state;
    /* RFC 2617 3.5 */
    assert_digest("Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
                  "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
                  "qop=auth, nc=00000001, cnonce=\"0a4f113b\", "
                  "response=\"6629fae49393a05397450978507c4ef1\", "
                  "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
                  "Circle Of Life",
                  14,
                  "GET",
                  "not covered",
                  "6629fae49393a05397450978507c4ef1");
    /* RFC 7616 3.9.1 */
    assert_digest("Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
                  "uri=\"/dir/index.html\", algorithm=MD5, "
                  "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
                  "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "
                  "response=\"8ca523f5e9506fed4657c9700eebdbec\", "
                  "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
                  "Circle of Life",
                  14,
                  "GET",
                  "",
                  "8ca523f5e9506fed4657c9700eebdbec");
}

/* Computed with hashlib: nobody publishes values of AKAv1-MD5 with auth-int. RES is f2 of TS
 * 35.208 set 1. */
/*= RFC 3310 3.3: the password of Digest is RES; RFC 2617 3.2.2.1: request-digest */
static void
auth_int_covers_the_body(void **state)
{
    const char *field = "Digest username=\"001010123456789@ims.mnc001.mcc001.3gppnetwork.org\", "
                        "realm=\"bsf.mnc001.mcc001.pub.3gppnetwork.org\", nonce=\"bm9uY2U=\", "
                        "uri=\"/\", qop=\"auth-int\", nc=00000001, cnonce=\"0a4f113b\"";
    const uint8_t res[] = {0xa5, 0x42, 0x11, 0xd5, 0xe3, 0xba, 0x50, 0xbf};

    (void)state;
    assert_digest(field, res, 8, "GET", "", "cae43274891bb79dfe705cfeadd1aa24");
    assert_digest(field, res, 8, "GET", "body", "6d20ba2e86daef0c782bfc552686c35b");
    assert_digest(field, res, 8, "", "<x/>", "893f108054cb64d077d8cb7a85d37fdd");
    assert_digest(field, NULL, 0, "GET", "", "21489dfc692ec38865ba07def97194ea");
}

/*= RFC 2617 3.2.2: credentials = "Digest" 1#(name=value) */
static void
members_are_found_in_any_order_and_case(void **state)
{
    g_auto(AkmaLabCredentials) credentials = {0};

    (void)state;
    assert_true(akma_lab_credentials_parse("dIGEST \t Nonce = \"\" ,unknown=\"a, b=c\",nc=1 , "
                                           "AUTS=\"x=\",other=token,userName=\"a@b\"\t",
                                           &credentials));
    assert_string_equal(credentials.nonce, "");
    assert_string_equal(credentials.nc, "1");
    assert_string_equal(credentials.auts, "x=");
    assert_string_equal(credentials.username, "a@b");
    assert_null(credentials.realm);
    assert_null(credentials.response);
}

static void
reject_what_is_not_the_grammar(void **state)
{
    static const char *const bad[] = {
        "",
        "Digest",
        "Digest ",
        "Digestusername=a",
        "Basic YTpi",
        "Digest a",
        "Digest a=",
        "Digest a=,b=c",
        "Digest =a",
        "Digest a=b,",
        "Digest ,a=b",
        "Digest a=b,,c=d",
        "Digest a=b c=d",
        "Digest a=\"b\"c",
        "Digest a=\"b",
        "Digest a=\"b\\\"c\"",
        "Digest a=\"b\\",
        "Digest a b=c",
        "Digest a=b@c",
        "Digest a=\"b\001\"",
        "Digest nonce=\"a\", nonce=\"a\"",
        "Digest nonce=a, NONCE=b",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(AkmaLabCredentials) credentials = {0};

        assert_false(akma_lab_credentials_parse(bad[i], &credentials));
        assert_null(credentials.text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfcs_come_out),
        cmocka_unit_test(auth_int_covers_the_body),
        cmocka_unit_test(members_are_found_in_any_order_and_case),
        cmocka_unit_test(reject_what_is_not_the_grammar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
