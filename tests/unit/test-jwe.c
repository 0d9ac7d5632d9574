/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/jwe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "base/wiping.h"
#include "tests/fakes/vectors.h"

typedef struct {
    json_t *vectors;
    AkmaKey256 k_server;
    AkmaKey256 k_term;
    char *session;
} Fixture;

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);
    uint8_t session[16];

    akma_wiping_init();
    f->vectors = test_vectors_load("protocol-vectors.json");
    test_vectors_hex(f->vectors, "akma.K_server", f->k_server.bytes, 32);
    test_vectors_hex(f->vectors, "akma.K_term", f->k_term.bytes, 32);
    test_vectors_hex(f->vectors, "akma.session", session, sizeof session);
    f->session = g_malloc(AKMA_BASE64URL_LEN(16) + 1);
    akma_base64url_encode(session, sizeof session, f->session);
    *state = f;

    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    json_decref(f->vectors);
    g_free(f->session);
    g_free(f);

    return 0;
}

static AkmaSecret *
secret_of(const char *text)
{
    return akma_secret_new(text, strlen(text), NULL);
}

static AkmaSecret *
open_text(Fixture *f, const char *jwe, AkmaRefusal *ret_refusal)
{
    return akma_jwe_open(
        &f->k_term, AKMA_JWE_SECOND_REQUEST, f->session, jwe, strlen(jwe), ret_refusal);
}

static void
assert_refused(Fixture *f, const char *jwe, AkmaCause cause)
{
    AkmaRefusal refusal = {0};

    assert_null(open_text(f, jwe, &refusal));
    assert_int_equal(refusal.cause, cause);
    assert_non_null(refusal.detail);
}

static const char *
good(Fixture *f)
{
    return test_vectors_string(f->vectors, "akma.second_request.jwe");
}

/* The vector with part @index (0 to 4) replaced. */
static char *
with_part(Fixture *f, unsigned index, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(good(f), ".", -1);

    g_free(parts[index]);
    parts[index] = g_strdup(text);

    return g_strjoinv(".", parts);
}

static char *
with_header(Fixture *f, const char *json)
{
    g_autofree char *text = g_malloc(AKMA_BASE64URL_LEN(strlen(json)) + 1);

    akma_base64url_encode(json, strlen(json), text);

    return with_part(f, 0, text);
}

static void
assert_header_refused(Fixture *f, const char *format)
{
    g_autofree char *json = NULL;
    g_autofree char *jwe = NULL;
    g_auto(GStrv) halves = g_strsplit(format, "KID", 2);

    json = g_strjoinv(f->session, halves);
    jwe = with_header(f, json);
    assert_refused(f, jwe, AKMA_CAUSE_MALFORMED);
}

static void
check_vector(Fixture *f, const char *message, AkmaJweType type, const AkmaKey256 *key)
{
    g_autofree char *iv_path = g_strconcat("akma.", message, ".iv", NULL);
    g_autofree char *text_path = g_strconcat("akma.", message, ".plaintext", NULL);
    g_autofree char *jwe_path = g_strconcat("akma.", message, ".jwe", NULL);
    g_autofree char *unpadded = g_strdup(test_vectors_string(f->vectors, text_path));
    const char *expected = test_vectors_string(f->vectors, jwe_path);
    g_autoptr(AkmaSecret) plaintext = secret_of(g_strchomp(unpadded));
    g_autoptr(AkmaSecret) opened = NULL;
    g_autoptr(GBytes) jwe = NULL;
    AkmaRefusal refusal;
    const uint8_t *bytes;
    uint8_t iv[12];
    size_t len;

    test_vectors_hex(f->vectors, iv_path, iv, sizeof iv);
    jwe = akma_jwe_seal(key, type, f->session, iv, plaintext, NULL);
    assert_int_equal(g_bytes_get_size(jwe), strlen(expected));
    assert_memory_equal(g_bytes_get_data(jwe, NULL), expected, strlen(expected));

    opened = akma_jwe_open(key, type, f->session, expected, strlen(expected), &refusal);
    assert_non_null(opened);
    bytes = akma_secret_peek(opened, &len);
    assert_int_equal(len, strlen(test_vectors_string(f->vectors, text_path)));
    assert_memory_equal(bytes, test_vectors_string(f->vectors, text_path), len);
}

/*= RFC 7516 5.1: the AAD is the encoded header */
static void
vectors_are_sealed_and_opened(void **state)
{
    Fixture *f = *state;

    check_vector(f, "first_response", AKMA_JWE_FIRST_RESPONSE, &f->k_server);
    check_vector(f, "second_request", AKMA_JWE_SECOND_REQUEST, &f->k_term);
    check_vector(f, "second_response", AKMA_JWE_SECOND_RESPONSE, &f->k_server);
}

static void
lengths_are_multiples_of_256(void **state)
{
    Fixture *f = *state;
    static const size_t lengths[] = {1, 255, 256, 257, 512};
    static const uint8_t iv[12];
    char text[513];

    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(AkmaSecret) plaintext = akma_secret_new(text, lengths[i], NULL);
        g_autoptr(AkmaSecret) opened = NULL;
        g_autoptr(GBytes) jwe =
            akma_jwe_seal(&f->k_term, AKMA_JWE_SECOND_REQUEST, f->session, iv, plaintext, NULL);
        AkmaRefusal refusal;
        gsize len;
        const char *bytes = g_bytes_get_data(jwe, &len);

        opened =
            akma_jwe_open(&f->k_term, AKMA_JWE_SECOND_REQUEST, f->session, bytes, len, &refusal);
        assert_non_null(opened);
        assert_int_equal(akma_secret_get_length(opened), (lengths[i] + 255) / 256 * 256);
        assert_memory_equal(akma_secret_peek(opened, &len), text, lengths[i]);
    }
}

static void
header_members_come_in_any_order(void **state)
{
    Fixture *f = *state;
    g_autofree char *json = g_strdup_printf(
        "{ \"typ\":\"akd1+second-request\", \"kid\":\"%s\", \"enc\":\"A256GCM\", \"alg\":\"dir\" }",
        f->session);
    g_autofree char *jwe = with_header(f, json);

    /* well formed, so the tag decides: the AAD is the header as received */
    assert_refused(f, jwe, AKMA_CAUSE_NOT_AUTHENTIC);
}

static void
reject_other_typ(void **state)
{
    assert_header_refused(
        *state,
        "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"KID\",\"typ\":\"akd1+second-response\"}");
    assert_header_refused(
        *state,
        "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"KID\",\"typ\":\"AKD1+second-request\"}");
}

static void
reject_other_kid(void **state)
{
    assert_header_refused(*state,
                          "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"AAAAAAAAAAAAAAAAAAAAAA\","
                          "\"typ\":\"akd1+second-request\"}");
}

static void
reject_other_alg(void **state)
{
    assert_header_refused(
        *state,
        "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\",\"kid\":\"KID\",\"typ\":\"akd1+second-request\"}");
    assert_header_refused(
        *state,
        "{\"alg\":\"none\",\"enc\":\"A256GCM\",\"kid\":\"KID\",\"typ\":\"akd1+second-request\"}");
}

static void
reject_other_enc(void **state)
{
    assert_header_refused(
        *state,
        "{\"alg\":\"dir\",\"enc\":\"A128GCM\",\"kid\":\"KID\",\"typ\":\"akd1+second-request\"}");
}

static void
reject_zip(void **state)
{
    assert_header_refused(*state,
                          "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"KID\","
                          "\"typ\":\"akd1+second-request\",\"zip\":\"DEF\"}");
}

/*= RFC 7516 4: alg, enc, kid, typ and no other header member */
static void
reject_extra_header_member(void **state)
{
    assert_header_refused(*state,
                          "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"KID\","
                          "\"typ\":\"akd1+second-request\",\"crit\":[\"exp\"]}");
    assert_header_refused(*state,
                          "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"KID\","
                          "\"typ\":\"akd1+second-request\",\"x\":\"y\"}");
}

static void
reject_missing_or_duplicate_header_member(void **state)
{
    assert_header_refused(*state, "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"KID\"}");
    assert_header_refused(*state,
                          "{\"alg\":\"dir\",\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"KID\","
                          "\"typ\":\"akd1+second-request\"}");
    assert_header_refused(*state,
                          "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"KID\",\"typ\":1}");
}

static void
reject_encrypted_key(void **state)
{
    Fixture *f = *state;
    g_autofree char *jwe = with_part(f, 1, "AAAA");

    assert_refused(f, jwe, AKMA_CAUSE_MALFORMED);
}

static void
reject_iv_of_another_length(void **state)
{
    Fixture *f = *state;
    g_autofree char *shorter = with_part(f, 2, "AAAAAAAA");
    g_autofree char *longer = with_part(f, 2, "AAAAAAAAAAAAAAAAAAAA");
    g_autofree char *none = with_part(f, 2, "");

    assert_refused(f, shorter, AKMA_CAUSE_MALFORMED);
    assert_refused(f, longer, AKMA_CAUSE_MALFORMED);
    assert_refused(f, none, AKMA_CAUSE_MALFORMED);
}

static void
reject_tag_of_another_length(void **state)
{
    Fixture *f = *state;
    g_autofree char *shorter = with_part(f, 4, "AAAAAAAAAAAAAAAA");
    g_autofree char *none = with_part(f, 4, "");

    assert_refused(f, shorter, AKMA_CAUSE_MALFORMED);
    assert_refused(f, none, AKMA_CAUSE_MALFORMED);
}

static void
reject_empty_ciphertext(void **state)
{
    Fixture *f = *state;
    g_autofree char *jwe = with_part(f, 3, "");

    assert_refused(f, jwe, AKMA_CAUSE_MALFORMED);
}

static void
reject_padding_characters(void **state)
{
    Fixture *f = *state;
    g_auto(GStrv) parts = g_strsplit(good(f), ".", -1);

    for (unsigned i = 0; i < 5; i++) {
        g_autofree char *padded = g_strconcat(parts[i], i == 4 ? "==" : "=", NULL);
        g_autofree char *jwe = with_part(f, i, padded);

        assert_refused(f, jwe, AKMA_CAUSE_MALFORMED);
    }
}

static void
reject_spare_bits(void **state)
{
    Fixture *f = *state;
    g_autofree char *jwe = g_strdup(good(f));
    char *last = jwe + strlen(jwe) - 1;

    /* 22 characters are 132 bits for 128: the last one has four spare bits, all zero */
    assert_non_null(strchr("AQgw", *last));
    (*last)++;
    assert_refused(f, jwe, AKMA_CAUSE_MALFORMED);
}

static void
reject_white_space_and_other_alphabets(void **state)
{
    Fixture *f = *state;
    g_autofree char *newline = g_strconcat(good(f), "\n", NULL);
    g_autofree char *space = g_strconcat(" ", good(f), NULL);
    g_autofree char *plus = with_part(f, 2, "+/+/+/+/+/+/+/+/");

    assert_refused(f, newline, AKMA_CAUSE_MALFORMED);
    assert_refused(f, space, AKMA_CAUSE_MALFORMED);
    assert_refused(f, plus, AKMA_CAUSE_MALFORMED);
}

static void
reject_more_or_fewer_parts(void **state)
{
    Fixture *f = *state;
    g_autofree char *six = g_strconcat(good(f), ".AAAA", NULL);
    g_autofree char *four = g_strndup(good(f), (size_t)(strrchr(good(f), '.') - good(f)));

    assert_refused(f, six, AKMA_CAUSE_MALFORMED);
    assert_refused(f, four, AKMA_CAUSE_MALFORMED);
    assert_refused(f, "", AKMA_CAUSE_MALFORMED);
    assert_refused(f, "....", AKMA_CAUSE_MALFORMED);
}

static void
reject_truncated_at_any_byte(void **state)
{
    Fixture *f = *state;
    size_t len = strlen(good(f));

    for (size_t i = 0; i < len; i++) {
        AkmaRefusal refusal = {0};
        g_autofree char *copy = g_memdup2(good(f), MAX(i, 1));

        assert_null(
            akma_jwe_open(&f->k_term, AKMA_JWE_SECOND_REQUEST, f->session, copy, i, &refusal));
        assert_int_equal(refusal.cause, AKMA_CAUSE_MALFORMED);
    }
}

static void
reject_tampered_at_any_byte(void **state)
{
    Fixture *f = *state;
    size_t len = strlen(good(f));

    for (size_t i = 0; i < len; i++) {
        AkmaRefusal refusal = {0};
        g_autofree char *copy = g_strdup(good(f));

        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        assert_null(open_text(f, copy, &refusal));
        assert_true(refusal.cause == AKMA_CAUSE_MALFORMED ||
                    refusal.cause == AKMA_CAUSE_NOT_AUTHENTIC);
    }
}

static void
reject_wrong_key(void **state)
{
    Fixture *f = *state;

    f->k_term.bytes[31] ^= 1;
    assert_refused(f, good(f), AKMA_CAUSE_NOT_AUTHENTIC);
    f->k_term.bytes[31] ^= 1;
}

static void
reject_wrong_direction(void **state)
{
    Fixture *f = *state;
    AkmaRefusal refusal = {0};
    const char *sealed = test_vectors_string(f->vectors, "akma.first_response.jwe");

    assert_null(akma_jwe_open(
        &f->k_term, AKMA_JWE_FIRST_RESPONSE, f->session, sealed, strlen(sealed), &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_NOT_AUTHENTIC);
}

/* The keys that come of one more space in the body, or of the nonces exchanged. */
static void
reject_keys_of_another_transcript(void **state)
{
    Fixture *f = *state;
    static const char *const paths[] = {"akma.must_not_open.K_server_body_plus_space",
                                        "akma.must_not_open.K_server_nonces_swapped"};
    const char *sealed = test_vectors_string(f->vectors, "akma.first_response.jwe");

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        AkmaRefusal refusal = {0};
        AkmaKey256 key;

        test_vectors_hex(f->vectors, paths[i], key.bytes, sizeof key.bytes);
        assert_null(akma_jwe_open(
            &key, AKMA_JWE_FIRST_RESPONSE, f->session, sealed, strlen(sealed), &refusal));
        assert_int_equal(refusal.cause, AKMA_CAUSE_NOT_AUTHENTIC);
    }
}

static void
reject_oversized(void **state)
{
    Fixture *f = *state;
    g_autofree char *much = g_strnfill(AKMA_RESPONSE_MAX + 1, 'A');
    g_autofree char *jwe = with_part(f, 3, much);

    assert_refused(f, jwe, AKMA_CAUSE_MALFORMED);
}

static void
full_secure_heap_is_a_refusal(void **state)
{
    Fixture *f = *state;
    g_autoptr(GPtrArray) hoard = g_ptr_array_new_with_free_func((GDestroyNotify)akma_secret_unref);
    AkmaSecret *block;
    uint8_t *room;

    for (size_t size = 32768; size >= 16; size /= 2) {
        while ((block = akma_secret_new_blank(size, &room, NULL)))
            g_ptr_array_add(hoard, block);
    }

    assert_refused(f, good(f), AKMA_CAUSE_STORE_UNAVAILABLE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_sealed_and_opened),
        cmocka_unit_test(lengths_are_multiples_of_256),
        cmocka_unit_test(header_members_come_in_any_order),
        cmocka_unit_test(reject_other_typ),
        cmocka_unit_test(reject_other_kid),
        cmocka_unit_test(reject_other_alg),
        cmocka_unit_test(reject_other_enc),
        cmocka_unit_test(reject_zip),
        cmocka_unit_test(reject_extra_header_member),
        cmocka_unit_test(reject_missing_or_duplicate_header_member),
        cmocka_unit_test(reject_encrypted_key),
        cmocka_unit_test(reject_iv_of_another_length),
        cmocka_unit_test(reject_tag_of_another_length),
        cmocka_unit_test(reject_empty_ciphertext),
        cmocka_unit_test(reject_padding_characters),
        cmocka_unit_test(reject_spare_bits),
        cmocka_unit_test(reject_white_space_and_other_alphabets),
        cmocka_unit_test(reject_more_or_fewer_parts),
        cmocka_unit_test(reject_truncated_at_any_byte),
        cmocka_unit_test(reject_tampered_at_any_byte),
        cmocka_unit_test(reject_wrong_key),
        cmocka_unit_test(reject_wrong_direction),
        cmocka_unit_test(reject_keys_of_another_transcript),
        cmocka_unit_test(reject_oversized),
        cmocka_unit_test(full_secure_heap_is_a_refusal),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
