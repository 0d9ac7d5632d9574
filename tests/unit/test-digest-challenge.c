/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/digest-challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keyserver/digest-face.h"

#define AKMA AKMA_DIGEST_KIND(AKMA_ANCHOR_KIND_AKMA)
#define GBA  AKMA_DIGEST_KIND(AKMA_ANCHOR_KIND_GBA)

/*= TS 24.109 5.2: the product tokens of a client that can do GBA; 3gpp-akma: TS 33.535 B.1.2 */
static void
product_tokens_say_what_a_client_can_do(void **state)
{
    static const struct {
        const char *user_agent;
        unsigned kinds;
    } rows[] = {
        {NULL, 0},
        {"", 0},
        {"curl/7.88.1", 0},
        {"3gpp-gba", GBA},
        {"3gpp-akma", AKMA},
        {"curl/7.88.1 3gpp-akma 3gpp-gba", AKMA | GBA},
        {"NAF1 Application Agent; Release-6 3gpp-gba", GBA},
        {"app/1.0 (Linux; 3GPP-GBA/1.0) 3gpp-gba-tmpi", GBA},
        {"3gpp-akma;3gpp-gba,x", AKMA | GBA},
        {"3gpp-gba-uicc 3gpp-gba-digest", 0},
        {"x3gpp-gba 3gpp-akm 3gpp-akmax a/3gpp-akma", 0},
        {"  3gpp-akma  ", AKMA},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (akma_digest_get_kinds(rows[i].user_agent) != rows[i].kinds)
            fail_msg("wrong for: %s", rows[i].user_agent);
    }
}

/*= TS 33.222 5.3: the realm is a constant, @ and the name; that of AKMA: TS 33.535 B.1.2 */
static void
realms_name_the_server(void **state)
{
    g_autofree char *akma = akma_digest_dup_realm(AKMA_ANCHOR_KIND_AKMA, "keys.example.com");
    g_autofree char *gba = akma_digest_dup_realm(AKMA_ANCHOR_KIND_GBA, "keys.example.com");

    (void)state;
    assert_string_equal(akma, "3GPP-bootstrapping-akma@keys.example.com");
    assert_string_equal(gba, "3GPP-bootstrapping@keys.example.com");
}

/*= RFC 7616 3.3: the WWW-Authenticate field; stale: the nonce was the only fault */
static void
a_challenge_offers_md5_with_auth_and_auth_int(void **state)
{
    g_autofree char *fresh = akma_digest_dup_challenge("r@s", "n", false);
    g_autofree char *stale = akma_digest_dup_challenge("r@s", "n", true);

    (void)state;
    assert_string_equal(fresh,
                        "Digest realm=\"r@s\", nonce=\"n\", algorithm=MD5, qop=\"auth,auth-int\"");
    assert_string_equal(
        stale,
        "Digest realm=\"r@s\", nonce=\"n\", algorithm=MD5, qop=\"auth,auth-int\", stale=true");
}

static const char *
add(AkmaDigestNonces *nonces, uint8_t byte, uint64_t now_ms)
{
    uint8_t random[AKMA_DIGEST_NONCE_BYTES];

    memset(random, byte, sizeof random);

    return akma_digest_nonces_add(nonces, random, now_ms);
}

static void
a_nonce_is_good_once(void **state)
{
    AkmaDigestNonces nonces = {0};
    g_autofree char *nonce = g_strdup(add(&nonces, 7, 1000));

    (void)state;
    assert_int_equal(strlen(nonce), AKMA_DIGEST_NONCE_SIZE - 1);
    assert_false(akma_digest_nonces_take(&nonces, "", 1001));
    assert_false(akma_digest_nonces_take(&nonces, "x", 1001));
    assert_true(akma_digest_nonces_take(&nonces, nonce, 1001));
    assert_false(akma_digest_nonces_take(&nonces, nonce, 1002));
    assert_false(akma_digest_nonces_take(&nonces, "", 1002));
}

static void
reject_nonce_after_its_time(void **state)
{
    AkmaDigestNonces nonces = {0};
    g_autofree char *late = g_strdup(add(&nonces, 7, 1000));
    g_autofree char *last = g_strdup(add(&nonces, 8, 1000));

    (void)state;
    assert_false(akma_digest_nonces_take(&nonces, late, 1000 + AKMA_DIGEST_NONCE_MS));
    assert_false(akma_digest_nonces_take(&nonces, late, 1001));
    assert_true(akma_digest_nonces_take(&nonces, last, 1000 + AKMA_DIGEST_NONCE_MS - 1));
}

static void
a_connection_has_a_few_and_the_oldest_makes_room(void **state)
{
    AkmaDigestNonces nonces = {0};
    char *texts[AKMA_DIGEST_NONCES + 1];

    (void)state;
    for (uint8_t i = 0; i < G_N_ELEMENTS(texts); i++)
        texts[i] = g_strdup(add(&nonces, i, 1000));
    assert_false(akma_digest_nonces_take(&nonces, texts[0], 1001));
    for (size_t i = 1; i < G_N_ELEMENTS(texts); i++)
        assert_true(akma_digest_nonces_take(&nonces, texts[i], 1001));
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
}

static void
reject_nonce_of_another_connection(void **state)
{
    AkmaDigestNonces one = {0};
    AkmaDigestNonces other = {0};
    g_autofree char *nonce = g_strdup(add(&one, 1, 1000));

    (void)state;
    add(&other, 2, 1000);
    assert_false(akma_digest_nonces_take(&other, nonce, 1001));
    assert_true(akma_digest_nonces_take(&one, nonce, 1001));
}

static void
one_path_is_known_and_no_other(void **state)
{
    static const char *const none[] = {"",
                                       "/",
                                       "/v1/keys",
                                       "/v1/keys/",
                                       "/v1/keys/a/b",
                                       "/v1/keys/A",
                                       "/v1/keys/-a",
                                       "/v1/keys/a?b",
                                       "/v1/keys/a%20",
                                       "//v1/keys/a",
                                       "/v1/sessions"};

    (void)state;
    assert_string_equal(akma_digest_face_route("/v1/keys/mqtt-2.x_y"), "mqtt-2.x_y");
    for (size_t i = 0; i < G_N_ELEMENTS(none); i++)
        assert_null(akma_digest_face_route(none[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_tokens_say_what_a_client_can_do),
        cmocka_unit_test(realms_name_the_server),
        cmocka_unit_test(a_challenge_offers_md5_with_auth_and_auth_int),
        cmocka_unit_test(a_nonce_is_good_once),
        cmocka_unit_test(reject_nonce_after_its_time),
        cmocka_unit_test(a_connection_has_a_few_and_the_oldest_makes_room),
        cmocka_unit_test(reject_nonce_of_another_connection),
        cmocka_unit_test(one_path_is_known_and_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
