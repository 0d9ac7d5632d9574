/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/vectors.h"

typedef struct {
    uint8_t digest[32];
    uint8_t session[16];
    uint8_t nonce_terminal[32];
    uint8_t nonce_server[32];
    uint8_t first_key[32];
    AkmaAfId af_id;
    AkmaSecret *secret;
    AkmaScheduleInput input;
} Case;

static json_t *vectors;

static int
setup(void **state G_GNUC_UNUSED)
{
    vectors = test_vectors_load("protocol-vectors.json");

    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

static int
teardown(void **state G_GNUC_UNUSED)
{
    json_decref(vectors);

    return 0;
}

static void
hex(const char *anchor, const char *name, void *ret, size_t len)
{
    g_autofree char *path = g_strconcat(anchor, ".", name, NULL);

    test_vectors_hex(vectors, path, ret, len);
}

static void
case_init(Case *c, const char *anchor)
{
    g_autofree char *body = g_strconcat(anchor, ".first_request_body", NULL);
    const char *text = test_vectors_string(vectors, body);
    uint8_t digest[32];

    hex(anchor, "session", c->session, 16);
    hex(anchor, "nonce_terminal", c->nonce_terminal, 32);
    hex(anchor, "nonce_server", c->nonce_server, 32);
    hex(anchor, "first_key", c->first_key, 32);
    hex(anchor, "sha256_first_request_body", digest, 32);
    c->af_id.len = strlen("keys.example.com") + AKMA_UA_ID_LEN;
    hex(anchor, "af_id", c->af_id.bytes, c->af_id.len);
    c->secret = akma_secret_new(c->first_key, 32, NULL);
    assert_true(akma_schedule_digest_body(text, strlen(text), c->digest));
    assert_memory_equal(c->digest, digest, 32);
    c->input = (AkmaScheduleInput){
        .body_digest = c->digest,
        .session = c->session,
        .nonce_terminal = c->nonce_terminal,
        .nonce_server = c->nonce_server,
        .af_id = &c->af_id,
        .first_key = c->secret,
    };
}

static void
check_vector(const char *anchor)
{
    Case c = {0};
    g_autoptr(AkmaSchedule) keys = NULL;
    uint8_t got[32];
    uint8_t expected[32];
    AkmaKey256 prk;

    case_init(&c, anchor);

    assert_true(akma_schedule_transcript(&c.input, got));
    hex(anchor, "T", expected, 32);
    assert_memory_equal(got, expected, 32);

    assert_true(akma_schedule_extract(&c.input, &prk, NULL));
    hex(anchor, "PRK", expected, 32);
    assert_memory_equal(prk.bytes, expected, 32);

    keys = akma_schedule_new(&c.input, NULL);
    hex(anchor, "K_server", expected, 32);
    assert_memory_equal(keys->server.bytes, expected, 32);
    hex(anchor, "K_term", expected, 32);
    assert_memory_equal(keys->term.bytes, expected, 32);
    akma_secret_unref(c.secret);
}

static void
akma_vectors_come_out(void **state G_GNUC_UNUSED)
{
    check_vector("akma");
}

static void
gba_vectors_come_out(void **state G_GNUC_UNUSED)
{
    check_vector("gba");
}

/* A flipped bit in any input gives other keys. */
static void
every_input_counts(void **state G_GNUC_UNUSED)
{
    Case c = {0};
    g_autoptr(AkmaSchedule) keys = NULL;

    case_init(&c, "akma");
    keys = akma_schedule_new(&c.input, NULL);

    uint8_t *const inputs[] = {
        c.digest, c.session, c.nonce_terminal, c.nonce_server, c.af_id.bytes};
    for (size_t i = 0; i < G_N_ELEMENTS(inputs); i++) {
        g_autoptr(AkmaSchedule) other = NULL;

        inputs[i][0] ^= 1;
        other = akma_schedule_new(&c.input, NULL);
        inputs[i][0] ^= 1;
        assert_memory_not_equal(other->server.bytes, keys->server.bytes, 32);
        assert_memory_not_equal(other->term.bytes, keys->term.bytes, 32);
    }
    akma_secret_unref(c.secret);
}

static void
reject_nonces_swapped(void **state G_GNUC_UNUSED)
{
    Case c = {0};
    g_autoptr(AkmaSchedule) keys = NULL;
    uint8_t expected[32];

    case_init(&c, "akma");
    c.input.nonce_terminal = c.nonce_server;
    c.input.nonce_server = c.nonce_terminal;
    keys = akma_schedule_new(&c.input, NULL);

    test_vectors_hex(vectors, "akma.must_not_open.K_server_nonces_swapped", expected, 32);
    assert_memory_equal(keys->server.bytes, expected, 32);
    test_vectors_hex(vectors, "akma.K_server", expected, 32);
    assert_memory_not_equal(keys->server.bytes, expected, 32);
    akma_secret_unref(c.secret);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(akma_vectors_come_out),
        cmocka_unit_test(gba_vectors_come_out),
        cmocka_unit_test(every_input_counts),
        cmocka_unit_test(reject_nonces_swapped),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
