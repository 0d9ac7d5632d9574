/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fakes/exchange.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "base/wiping.h"
#include "proto/jwe.h"
#include "tests/fakes/vectors.h"

static const char *const offered[] = {"mqtt", "vpn", NULL};
static const char *const hints[] = {"mqtt", NULL};

int
test_exchange_setup(void **state G_GNUC_UNUSED)
{
    akma_wiping_init();

    return akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL) ? 0 : -1;
}

const char *
test_exchange_vector(const TestExchange *self, const char *name)
{
    g_autofree char *path = g_strconcat(self->anchor, ".", name, NULL);

    return test_vectors_string(self->vectors, path);
}

void
test_exchange_vector_hex(const TestExchange *self, const char *name, void *ret, size_t len)
{
    g_autofree char *path = g_strconcat(self->anchor, ".", name, NULL);

    test_vectors_hex(self->vectors, path, ret, len);
}

static AkmaTerminalSession *
make_terminal(const TestExchange *self)
{
    AkmaTerminalParameters parameters = {
        .anchor = self->anchor,
        .kid = test_exchange_vector(self, "kid"),
        .fqdn = test_exchange_vector(self, "server"),
        .af_id = &self->af_id,
        .first_key = self->first_key,
        .key_ids = offered,
        .hints = hints,
    };

    test_exchange_vector_hex(self, "nonce_terminal", parameters.nonce, sizeof parameters.nonce);

    return akma_terminal_session_new(&parameters);
}

TestExchange *
test_exchange_new(const char *anchor)
{
    TestExchange *self = g_new0(TestExchange, 1);
    uint8_t first_key[32];
    uint8_t session[16];

    self->vectors = test_vectors_load("protocol-vectors.json");
    self->anchor = anchor;
    self->heap_before = CRYPTO_secure_used();
    test_exchange_vector_hex(self, "first_key", first_key, sizeof first_key);
    test_exchange_vector_hex(self, "session", session, sizeof session);
    self->session = g_malloc(AKMA_BASE64URL_LEN(sizeof session) + 1);
    akma_base64url_encode(session, sizeof session, self->session);
    self->first_key = akma_secret_new(first_key, sizeof first_key, NULL);
    self->af_id.len = strlen(test_exchange_vector(self, "server")) + AKMA_UA_ID_LEN;
    test_exchange_vector_hex(self, "af_id", self->af_id.bytes, self->af_id.len);
    self->server = akma_server_session_new(test_exchange_vector(self, "server"), &self->af_id);
    self->terminal = make_terminal(self);

    return self;
}

void
test_exchange_free(TestExchange *self)
{
    akma_server_session_free(self->server);
    akma_terminal_session_free(self->terminal);
    akma_secret_unref(self->first_key);
    for (size_t i = 0; i < G_N_ELEMENTS(self->messages); i++)
        g_clear_pointer(&self->messages[i], g_bytes_unref);
    g_clear_error(&self->error);
    g_free(self->session);
    g_free(self->path);
    json_decref(self->vectors);
    g_free(self);
}

AkmaKeySet *
test_exchange_answer(const TestExchange *self)
{
    const char *text = test_exchange_vector(self, "second_response.plaintext");

    return akma_key_set_from_json((const uint8_t *)text, strlen(text), offered, NULL);
}

AkmaAnswer
test_answer(unsigned status, const char *content_type, const char *text)
{
    return (AkmaAnswer){
        .status = status,
        .content_type = content_type,
        .body = (const uint8_t *)text,
        .len = strlen(text),
    };
}

static void
make_first_response(TestExchange *self)
{
    AkmaFirstResponseRandom random;
    gsize len;
    const uint8_t *body = g_bytes_get_data(self->messages[1], &len);

    test_exchange_vector_hex(self, "session", random.session, sizeof random.session);
    test_exchange_vector_hex(self, "nonce_server", random.nonce, sizeof random.nonce);
    test_exchange_vector_hex(self, "first_response.iv", random.iv, sizeof random.iv);
    assert_true(akma_server_session_first_request(self->server, body, len, &self->refusal));
    self->messages[2] = akma_server_session_first_response(
        self->server, self->first_key, NULL, offered, 3600, &random, &self->refusal);
}

static void
make_second_request(TestExchange *self)
{
    AkmaAnswer answer = {.status = 201, .content_type = "application/json"};
    uint8_t iv[TEST_IV_LEN];

    answer.body = g_bytes_get_data(self->messages[2], &answer.len);
    test_exchange_vector_hex(self, "second_request.iv", iv, sizeof iv);
    self->messages[3] = akma_terminal_session_first_response(
        self->terminal, &answer, iv, &self->path, &self->error);
    assert_null(self->error);
}

static void
make_second_response(TestExchange *self)
{
    g_autoptr(AkmaKeySet) answer = test_exchange_answer(self);
    uint8_t iv[TEST_IV_LEN];
    gsize len;
    const uint8_t *body = g_bytes_get_data(self->messages[3], &len);

    test_exchange_vector_hex(self, "second_response.iv", iv, sizeof iv);
    assert_true(
        akma_server_session_second_request(self->server, self->session, body, len, &self->refusal));
    self->messages[4] =
        akma_server_session_second_response(self->server, answer, iv, &self->refusal);
}

void
test_exchange_run(TestExchange *self, unsigned last)
{
    if (last >= 1 && !self->messages[1])
        self->messages[1] = akma_terminal_session_first_request(self->terminal, NULL);
    if (last >= 2 && !self->messages[2])
        make_first_response(self);
    if (last >= 3 && !self->messages[3])
        make_second_request(self);
    if (last >= 4 && !self->messages[4])
        make_second_response(self);

    assert_non_null(self->messages[last]);
}

void
test_exchange_assert_message(const TestExchange *self, unsigned index, const char *name)
{
    const char *expected = test_exchange_vector(self, name);
    gsize len;
    const void *bytes = g_bytes_get_data(self->messages[index], &len);

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(bytes, expected, len);
}

char *
test_exchange_seal(const TestExchange *self, bool server, unsigned type, const char *plaintext)
{
    static const uint8_t iv[TEST_IV_LEN] = {1};
    g_autoptr(AkmaSecret) secret = akma_secret_new(plaintext, strlen(plaintext), NULL);
    g_autoptr(GBytes) jwe = NULL;
    AkmaKey256 key;
    gsize len;
    const char *text;

    test_exchange_vector_hex(self, server ? "K_server" : "K_term", key.bytes, sizeof key.bytes);
    jwe = akma_jwe_seal(&key, (AkmaJweType)type, self->session, iv, secret, NULL);
    text = g_bytes_get_data(jwe, &len);

    return g_strndup(text, len);
}

void
test_exchange_assert_wiped(TestExchange *self)
{
    g_clear_pointer(&self->first_key, akma_secret_unref);

    assert_int_equal(CRYPTO_secure_used(), self->heap_before);
}
