/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/server.h"
#include "session/terminal.h"

#include <openssl/rand.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/exchange.h"

/* Both machines with everything drawn, as in service. */
typedef struct {
    AkmaAfId af_id;
    AkmaSecret *first_key;
    AkmaServerSession *server;
    AkmaTerminalSession *terminal;
    AkmaRefusal refusal;
    GError *error;
} Pair;

static const char *const asked[] = {"mqtt", "vpn", NULL};
static const char *const offered[] = {"mqtt", NULL};

static void
pair_init(Pair *pair, const char *anchor, const char *fqdn_of_server)
{
    AkmaTerminalParameters parameters = {
        .anchor = anchor,
        .kid = "0.tid@5gc.mnc001.mcc001.3gppnetwork.org",
        .fqdn = "keys.example.com",
        .af_id = &pair->af_id,
        .key_ids = asked,
    };
    uint8_t key[32];

    *pair = (Pair){0};
    assert_true(akma_af_id_init(&pair->af_id, "keys.example.com", AKMA_UA_MESSAGE, NULL));
    RAND_bytes(key, sizeof key);
    RAND_bytes(parameters.nonce, sizeof parameters.nonce);
    pair->first_key = akma_secret_new(key, sizeof key, NULL);
    parameters.first_key = pair->first_key;
    pair->terminal = akma_terminal_session_new(&parameters);
    pair->server = akma_server_session_new(fqdn_of_server, &pair->af_id);
}

static void
pair_clear(Pair *pair)
{
    akma_server_session_free(pair->server);
    akma_terminal_session_free(pair->terminal);
    akma_secret_unref(pair->first_key);
    g_clear_error(&pair->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

static GBytes *
open_session(Pair *pair)
{
    g_autoptr(GBytes) request = akma_terminal_session_first_request(pair->terminal, NULL);
    AkmaFirstResponseRandom random;
    gsize len;
    const uint8_t *body = g_bytes_get_data(request, &len);

    RAND_bytes((uint8_t *)&random, sizeof random);
    assert_true(akma_server_session_first_request(pair->server, body, len, &pair->refusal));

    return akma_server_session_first_response(
        pair->server, pair->first_key, "terminal-1", offered, 60, &random, &pair->refusal);
}

static GBytes *
prove(Pair *pair, GBytes *response, char **ret_path)
{
    AkmaAnswer answer = {.status = 201, .content_type = "application/json"};
    uint8_t iv[12];

    answer.body = g_bytes_get_data(response, &answer.len);
    RAND_bytes(iv, sizeof iv);

    return akma_terminal_session_first_response(
        pair->terminal, &answer, iv, ret_path, &pair->error);
}

static AkmaKeySet *
make_answer(void)
{
    AkmaKeySet *answer = akma_key_set_new(1793836900);
    AkmaKey *key = akma_key_new();

    key->key_id = g_strdup("mqtt");
    key->kid = g_strdup("mqtt:1");
    key->kty = g_strdup("oct");
    key->iat = 1793836900;
    key->secret = akma_secret_new("0123456789abcdef0123456789abcdef", 32, NULL);
    g_ptr_array_add(answer->keys, key);
    akma_key_set_add_error(answer, "vpn", AKMA_CAUSE_NOT_ENTITLED);

    return answer;
}

/* The session's name in @path. */
static char *
dup_session(const char *path)
{
    g_auto(GStrv) steps = g_strsplit(path, "/", -1);

    return g_strdup(steps[3]);
}

static bool
ask(Pair *pair, const char *session, GBytes *request)
{
    gsize len;
    const uint8_t *body = g_bytes_get_data(request, &len);

    return akma_server_session_second_request(pair->server, session, body, len, &pair->refusal);
}

static void
run_exchange(const char *anchor)
{
    g_auto(Pair) pair;
    AkmaAnswer reply = {.status = 200, .content_type = "application/jose"};
    g_autofree char *path = NULL;
    g_autofree char *session = NULL;
    g_autoptr(GBytes) first = NULL;
    g_autoptr(GBytes) request = NULL;
    g_autoptr(GBytes) response = NULL;
    g_autoptr(AkmaKeySet) made = make_answer();
    g_autoptr(AkmaKeySet) got = NULL;
    uint8_t iv[12];

    pair_init(&pair, anchor, "keys.example.com");
    first = open_session(&pair);
    request = prove(&pair, first, &path);
    session = dup_session(path);
    assert_true(ask(&pair, session, request));
    RAND_bytes(iv, sizeof iv);
    response = akma_server_session_second_response(pair.server, made, iv, &pair.refusal);
    akma_server_session_end(pair.server);
    reply.body = g_bytes_get_data(response, &reply.len);
    got = akma_terminal_session_second_response(pair.terminal, &reply, &pair.error);

    assert_non_null(got);
    assert_true(akma_secret_equal(((AkmaKey *)g_ptr_array_index(got->keys, 0))->secret,
                                  ((AkmaKey *)g_ptr_array_index(made->keys, 0))->secret));
    assert_string_equal(akma_terminal_session_get_terminal(pair.terminal), "terminal-1");
    assert_string_equal(akma_terminal_session_get_offered(pair.terminal)[0], "mqtt");
}

static void
m11_terminal_and_first_server_agree_on_the_second_key(void **state G_GNUC_UNUSED)
{
    run_exchange("akma");
    run_exchange("gba");
}

static void
reject_second_request_replayed_in_a_new_session(void **state G_GNUC_UNUSED)
{
    g_auto(Pair) old;
    g_auto(Pair) new;
    g_autofree char *path = NULL;
    g_autoptr(GBytes) first = NULL;
    g_autoptr(GBytes) second = NULL;
    g_autoptr(GBytes) request = NULL;

    pair_init(&old, "akma", "keys.example.com");
    pair_init(&new, "akma", "keys.example.com");
    first = open_session(&old);
    request = prove(&old, first, &path);
    second = open_session(&new);

    assert_false(ask(&new, akma_server_session_get_id(new.server), request));
    assert_int_equal(new.refusal.cause, AKMA_CAUSE_MALFORMED); /* its kid is the old session */
}

static void
reject_server_of_another_name(void **state G_GNUC_UNUSED)
{
    g_auto(Pair) pair;
    g_autofree char *path = NULL;
    g_autoptr(GBytes) first = NULL;

    pair_init(&pair, "akma", "keys.example.org");
    first = open_session(&pair);

    assert_null(prove(&pair, first, &path));
    assert_true(g_error_matches(pair.error, AKMA_ERROR, AKMA_ERROR_SERVER_NOT_AUTHENTIC));
}

static void
reject_server_of_another_af_id(void **state G_GNUC_UNUSED)
{
    g_auto(Pair) pair;
    AkmaAfId other;
    g_autofree char *path = NULL;
    g_autoptr(GBytes) first = NULL;

    pair_init(&pair, "akma", "keys.example.com");
    akma_server_session_free(pair.server);
    assert_true(akma_af_id_init(&other, "keys.example.com", AKMA_UA_PSK, NULL));
    pair.server = akma_server_session_new("keys.example.com", &other);
    first = open_session(&pair);

    assert_null(prove(&pair, first, &path));
    assert_true(g_error_matches(pair.error, AKMA_ERROR, AKMA_ERROR_SERVER_NOT_AUTHENTIC));
}

static void
names_are_compared_in_lower_case(void **state G_GNUC_UNUSED)
{
    g_auto(Pair) pair;
    g_autofree char *path = NULL;
    g_autoptr(GBytes) first = NULL;
    g_autoptr(GBytes) request = NULL;

    pair_init(&pair, "akma", "Keys.Example.COM");
    first = open_session(&pair);
    request = prove(&pair, first, &path);

    assert_non_null(request);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(m11_terminal_and_first_server_agree_on_the_second_key),
        cmocka_unit_test(reject_second_request_replayed_in_a_new_session),
        cmocka_unit_test(reject_server_of_another_name),
        cmocka_unit_test(reject_server_of_another_af_id),
        cmocka_unit_test(names_are_compared_in_lower_case),
    };

    return cmocka_run_group_tests(tests, test_exchange_setup, NULL);
}
