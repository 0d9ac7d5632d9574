/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Another maker and reader of JWE; it sees only envelopes that ours has checked, or made. */
#include "proto/jwe.h"

#include <cjose/cjose.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wiping.h"

static const char session[] = "a1rsZXtgsmFRMJcGGfRq8w";
static const char text[] = "{\"key_ids\":[\"mqtt\"]}";
static AkmaKey256 key;
static cjose_jwk_t *jwk;

static int
setup(void **state G_GNUC_UNUSED)
{
    cjose_err error;

    akma_wiping_init();
    for (size_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = (uint8_t)i;
    jwk = cjose_jwk_create_oct_spec(key.bytes, sizeof key.bytes, &error);

    return jwk && akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

static int
teardown(void **state G_GNUC_UNUSED)
{
    cjose_jwk_release(jwk);

    return 0;
}

static void
cjose_opens_what_we_seal(void **state G_GNUC_UNUSED)
{
    static const uint8_t iv[AKMA_JWE_IV_LEN] = {7};
    g_autoptr(AkmaSecret) plaintext = akma_secret_new(text, strlen(text), NULL);
    g_autoptr(GBytes) jwe =
        akma_jwe_seal(&key, AKMA_JWE_SECOND_REQUEST, session, iv, plaintext, NULL);
    cjose_err error;
    gsize len;
    const char *bytes = g_bytes_get_data(jwe, &len);
    cjose_jwe_t *peer = cjose_jwe_import(bytes, len, &error);
    size_t opened_len;
    uint8_t *opened;

    assert_non_null(peer);
    opened = cjose_jwe_decrypt(peer, jwk, &opened_len, &error);
    assert_non_null(opened);
    assert_int_equal(opened_len, AKMA_JWE_BLOCK_LEN);
    assert_memory_equal(opened, text, strlen(text));
    assert_int_equal(opened[AKMA_JWE_BLOCK_LEN - 1], ' ');

    cjose_get_dealloc()(opened);
    cjose_jwe_release(peer);
}

static void
we_open_what_cjose_seals(void **state G_GNUC_UNUSED)
{
    cjose_err error;
    cjose_header_t *header = cjose_header_new(&error);
    g_autoptr(AkmaSecret) opened = NULL;
    AkmaRefusal refusal;
    cjose_jwe_t *peer;
    const uint8_t *bytes;
    size_t len;
    char *jwe;

    cjose_header_set(header, "alg", "dir", &error);
    cjose_header_set(header, "enc", "A256GCM", &error);
    cjose_header_set(header, "kid", session, &error);
    cjose_header_set(header, "typ", "akd1+second-response", &error);
    peer = cjose_jwe_encrypt(jwk, header, (const uint8_t *)text, strlen(text), &error);
    assert_non_null(peer);
    jwe = cjose_jwe_export(peer, &error);
    assert_non_null(jwe);

    opened = akma_jwe_open(&key, AKMA_JWE_SECOND_RESPONSE, session, jwe, strlen(jwe), &refusal);
    assert_non_null(opened);
    bytes = akma_secret_peek(opened, &len);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(bytes, text, len);

    cjose_get_dealloc()(jwe);
    cjose_jwe_release(peer);
    cjose_header_release(header);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cjose_opens_what_we_seal),
        cmocka_unit_test(we_open_what_cjose_seals),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
