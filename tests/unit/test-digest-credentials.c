/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/digest-credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/crypto.h>

#include "base/text.h"

/* RFC 7616 3.9.1 and RFC 2617 3.5 */
#define RFC7616                                                                                    \
    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", "       \
    "algorithm=MD5, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "         \
    "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, "                          \
    "response=\"8ca523f5e9506fed4657c9700eebdbec\", "                                              \
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
#define RFC2617                                                                                    \
    "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "                                   \
    "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, "            \
    "nc=00000001, cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\", "            \
    "opaque=\"5ccc069c403ebaf9f0171e9517f30e41\""

#define GOOD                                                                                       \
    "Digest username=\"a@b\",realm=\"r\",nonce=\"n\",uri=\"/\",cnonce=\"c\",nc=00000001,qop=auth," \
    "response=\"0123456789abcdef0123456789ABCDEF\""

static bool
is_right(const char *authorization, const char *password)
{
    const AkmaDigestMessage message = {"GET", NULL, 0};
    g_auto(AkmaDigestCredentials) credentials = {0};
    uint8_t expected[AKMA_DIGEST_LEN];

    assert_true(akma_digest_parse(authorization, &credentials));
    assert_true(akma_digest_compute(&credentials, password, &message, expected));

    return CRYPTO_memcmp(expected, credentials.response, sizeof expected) == 0;
}

/*= RFC 7616 3.4.1: H(H(A1):nonce:nc:cnonce:qop:H(A2)); 3.5: rspauth without the method */
static void
the_examples_of_both_rfcs_come_out(void **state)
{
    (void)state;
    assert_true(is_right(RFC7616, "Circle of Life"));
    assert_true(is_right(RFC2617, "Circle Of Life"));
}

static void
reject_wrong_password(void **state)
{
    (void)state;
    assert_false(is_right(RFC7616, "Circle Of Life"));
    assert_false(is_right(RFC7616, ""));
}

static void
check_hash(const char *authorization,
           const char *password,
           const AkmaDigestMessage *message,
           const char *expected)
{
    g_auto(AkmaDigestCredentials) credentials = {0};
    char text[AKMA_DIGEST_HEX + 1];
    uint8_t digest[AKMA_DIGEST_LEN];

    assert_true(akma_digest_parse(authorization, &credentials));
    assert_true(akma_digest_compute(&credentials, password, message, digest));
    akma_hex_encode(digest, sizeof digest, text);
    assert_string_equal(text, expected);
}

static void
a_body_counts_with_auth_int_and_an_answer_has_no_method(void **state)
{
    const AkmaDigestMessage request = {"GET", (const uint8_t *)"body", 4};
    const AkmaDigestMessage empty = {"GET", NULL, 0};
    const AkmaDigestMessage answer = {"", (const uint8_t *)"{}", 2};
    g_autofree char *auth_int = g_strconcat(GOOD, NULL);
    char *qop = strstr(auth_int, "qop=auth,");
    g_autofree char *with = NULL;

    (void)state;
    *qop = '\0';
    with = g_strconcat(auth_int, "qop=\"auth-int\",", qop + strlen("qop=auth,"), NULL);
    /* by python3 hashlib */
    check_hash(GOOD, "p", &request, "c305243d2e88b6e84bb3aa5a7a9acfc4");
    check_hash(GOOD, "p", &answer, "1b01cd127a9a2a347ecd715e530857a8");
    check_hash(with, "p", &request, "71fde6861d791c9ae754e7a77838a50f");
    check_hash(with, "p", &empty, "eac6a1e1a08410ebf24549068e9b7fa8");
    check_hash(with, "p", &answer, "764f2d2f1c156ba56dcf94cd037621ed");
}

/*= TS 33.535 B.1.2: K_AF is the password; as with Ks_NAF in TS 24.109, in base64 */
static void
a_first_key_is_a_password_in_base64(void **state)
{
    char password[AKMA_DIGEST_PASSWORD_SIZE];
    g_autoptr(AkmaSecret) key = NULL;
    uint8_t bytes[32];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    key = akma_secret_new(bytes, sizeof bytes, NULL);
    akma_digest_password(key, password);
    assert_string_equal(password, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
}

static void
parameters_stand_in_any_order_with_spaces_and_strangers_between_them(void **state)
{
    g_auto(AkmaDigestCredentials) credentials = {0};

    (void)state;
    assert_true(akma_digest_parse("digest  QOP = \"auth-int\" ,\tnc=0000000a, new-one=x!y,"
                                  "userhash=false, ALGORITHM=\"md5\", URI=\"/a?b=c,d\","
                                  "username=\"a\\\\b\\\"c@d\", realm=\"\\r\", nonce=n-1,"
                                  "cnonce=\"c = ,\", response=0123456789abcdef0123456789abcdef",
                                  &credentials));
    assert_string_equal(credentials.username, "a\\b\"c@d");
    assert_string_equal(credentials.realm, "r");
    assert_string_equal(credentials.nonce, "n-1");
    assert_string_equal(credentials.uri, "/a?b=c,d");
    assert_string_equal(credentials.cnonce, "c = ,");
    assert_string_equal(credentials.nc, "0000000a");
    assert_true(credentials.auth_int);
    assert_int_equal(credentials.response[15], 0xef);
}

static void
reject_all(const char *const *bad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AkmaDigestCredentials credentials = {0};

        if (akma_digest_parse(bad[i], &credentials))
            fail_msg("taken: %s", bad[i]);
        assert_null(credentials.text);
    }
}

/*= RFC 7616 3.4: the Authorization field; a parameter is there at most once */
static void
reject_what_is_not_well_formed(void **state)
{
    static const char *const bad[] = {
        "",
        "Digest",
        "Digest ",
        "Digestusername=\"a@b\"",
        "Basic YTpi",
        GOOD ",",
        GOOD ", ",
        GOOD ",,x=y",
        GOOD " x=y",
        GOOD ",x",
        GOOD ",x=",
        GOOD ",=y",
        GOOD ",x=y z",
        GOOD ",x=\"y",
        GOOD ",x=\"y\\",
        GOOD ",x=\"y\\\"",
        GOOD ",x=\"y\"z",
        GOOD ",x=\"\t\"",
        GOOD ",x=\"\x7f\"",
        GOOD ",x=a/b",
        GOOD ",nonce=\"n\"",
        GOOD ",NONCE=m",
        GOOD ",opaque=a,opaque=a",
        GOOD ",algorithm=MD5,algorithm=MD5",
        GOOD ";x=y",
        "Digest ," GOOD,
    };

    (void)state;
    reject_all(bad, G_N_ELEMENTS(bad));
}

static void
reject_what_lacks_a_parameter(void **state)
{
    static const char *const parts[] = {
        "username=\"a@b\"",
        "realm=\"r\"",
        "nonce=\"n\"",
        "uri=\"/\"",
        "cnonce=\"c\"",
        "nc=00000001",
        "qop=auth",
        "response=\"0123456789abcdef0123456789abcdef\"",
    };

    (void)state;
    for (size_t missing = 0; missing <= G_N_ELEMENTS(parts); missing++) {
        g_autoptr(GString) text = g_string_new("Digest x=y");
        g_auto(AkmaDigestCredentials) credentials = {0};

        for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
            if (i != missing)
                g_string_append_printf(text, ",%s", parts[i]);
        }
        assert_int_equal(akma_digest_parse(text->str, &credentials),
                         missing == G_N_ELEMENTS(parts));
    }
}

static void
reject_values_that_are_not_offered(void **state)
{
#define BUT(cnonce, nc, qop, response, more)                                                       \
    "Digest username=\"a@b\",realm=\"r\",nonce=\"n\",uri=\"/\",cnonce=\"" cnonce "\",nc=" nc       \
    ",qop=" qop ",response=\"" response "\"" more
#define R "0123456789abcdef0123456789abcdef"
    static const char *const bad[] = {
        BUT("c", "1", "auth", R, ""),
        BUT("c", "00000000", "auth", R, ""),
        BUT("c", "000000001", "auth", R, ""),
        BUT("c", "0000000g", "auth", R, ""),
        BUT("c", "-0000001", "auth", R, ""),
        BUT("", "00000001", "auth", R, ""),
        BUT("c\\\"d", "00000001", "auth", R, ""),
        BUT("c\\\\d", "00000001", "auth", R, ""),
        BUT("c", "00000001", "\"auth,auth-int\"", R, ""),
        BUT("c", "00000001", "AUTH", R, ""),
        BUT("c", "00000001", "auth-conf", R, ""),
        BUT("c", "00000001", "auth", R "00", ""),
        BUT("c", "00000001", "auth", "0123456789abcdef0123456789abcde", ""),
        BUT("c", "00000001", "auth", "g123456789abcdef0123456789abcdef", ""),
        BUT("c", "00000001", "auth", "", ""),
        BUT("c", "00000001", "auth", R, ",algorithm=MD5-sess"),
        BUT("c", "00000001", "auth", R, ",algorithm=SHA-256"),
        BUT("c", "00000001", "auth", R, ",algorithm=AKAv1-MD5"),
    };
    g_autofree char *filler = g_strnfill(257, 'c');
    g_autofree char *text = g_strdup_printf(BUT("%s", "00000001", "auth", R, ""), filler);
    const char *const longer[] = {text};

    (void)state;
    reject_all(bad, G_N_ELEMENTS(bad));
    reject_all(longer, 1);
}

static void
a_scheme_is_a_word(void **state)
{
    (void)state;
    assert_true(akma_digest_is_scheme("Digest x=y"));
    assert_true(akma_digest_is_scheme("DIGEST"));
    assert_false(akma_digest_is_scheme(NULL));
    assert_false(akma_digest_is_scheme(""));
    assert_false(akma_digest_is_scheme("Digestx"));
    assert_false(akma_digest_is_scheme("Bearer Digest"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_both_rfcs_come_out),
        cmocka_unit_test(reject_wrong_password),
        cmocka_unit_test(a_body_counts_with_auth_int_and_an_answer_has_no_method),
        cmocka_unit_test(a_first_key_is_a_password_in_base64),
        cmocka_unit_test(parameters_stand_in_any_order_with_spaces_and_strangers_between_them),
        cmocka_unit_test(reject_what_is_not_well_formed),
        cmocka_unit_test(reject_what_lacks_a_parameter),
        cmocka_unit_test(reject_values_that_are_not_offered),
        cmocka_unit_test(a_scheme_is_a_word),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests(tests, NULL, NULL);
}
