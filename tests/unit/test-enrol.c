/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/enrol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "tests/fakes/fake-http-client.h"

#define K_AKMA "0123456789abcdef0123456789abcdef"
#define KID    "0.one@5gc.mnc001.mcc001.3gppnetwork.org"
#define KID2   "0.two@5gc.mnc001.mcc001.3gppnetwork.org"

/* The card: what each reading gives, the last one for ever. */
static struct {
    const char *kids[3];
    AkmaError error; /* instead of a kid; 0: none */
    unsigned reads;
    unsigned forgotten;
} card;

typedef struct {
    AkmaConfig *config;
    AkmaEnrolment *machine;
    GCancellable *cancellable;
    bool done;
    AkmaKeySet *keys;
    GError *error;
    size_t used; /* of the secure heap, before */
} Fixture;

static void
read_card(AkmaModem *modem,
          const AkmaAkmaUsimConfig *config,
          GCancellable *cancellable,
          GAsyncReadyCallback callback,
          gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    g_autoptr(AkmaSecret) key = akma_secret_new(K_AKMA, 32, NULL);
    unsigned n = MIN(card.reads, G_N_ELEMENTS(card.kids) - 1);

    (void)modem, (void)config;
    while (n > 0 && !card.kids[n])
        n--;
    card.reads++;
    if (card.error)
        g_task_return_new_error(task, AKMA_ERROR, (int)card.error, "as the test wants");
    else
        g_task_return_pointer(
            task, akma_anchor_new("akma", card.kids[n], key), (GDestroyNotify)akma_anchor_unref);
}

static AkmaAnchor *
read_card_finish(GAsyncResult *res, GError **error)
{
    return g_task_propagate_pointer(G_TASK(res), error);
}

static void
forget_card(AkmaModem *modem)
{
    (void)modem;
    card.forgotten++;
}

static const AkmaCardReader reader = {read_card, read_card_finish, forget_card};

static int
setup(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    g_autofree char *folder = g_dir_make_tmp("akma-enrol-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "akmad.conf", NULL);

    g_file_set_contents(file, "[server keys]\nurl=https://" FAKE_FQDN ":8443\n", -1, NULL);
    fixture->config = akma_config_load(file, NULL);
    g_unlink(file);
    g_rmdir(folder);
    fixture->machine = akma_enrolment_new();
    fixture->cancellable = g_cancellable_new();
    fixture->used = CRYPTO_secure_used();

    card.kids[0] = KID;
    card.kids[1] = card.kids[2] = NULL;
    card.error = 0;
    card.reads = card.forgotten = 0;
    fake_peer.k_akma = akma_secret_new(K_AKMA, 32, NULL);
    *state = fixture;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *fixture = *state;
    size_t used = fixture->used;

    g_clear_pointer(&fixture->keys, akma_key_set_free);
    g_clear_error(&fixture->error);
    g_object_unref(fixture->cancellable);
    akma_enrolment_free(fixture->machine);
    akma_config_unref(fixture->config);
    g_free(fixture);
    fake_peer_clear();

    /* M6: whatever happened, no key of the exchange is left */
    return CRYPTO_secure_used() == used ? 0 : -1;
}

static void
done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *fixture = user_data;

    (void)source;
    fixture->keys = akma_enrol_finish(res, &fixture->error);
    fixture->done = true;
}

static void
begin(Fixture *fixture, const char *const *key_ids)
{
    const AkmaEnrolRequest request = {
        .config = fixture->config,
        .server = akma_config_get_servers(fixture->config)->pdata[0],
        .reader = &reader,
        .key_ids = key_ids,
        .machine = fixture->machine,
    };

    akma_enrol_async(&request, fixture->cancellable, done, fixture);
}

static void
run(Fixture *fixture)
{
    static const char *const key_ids[] = {"mqtt", NULL};

    begin(fixture, key_ids);
    while (!fixture->done)
        g_main_context_iteration(NULL, TRUE);
}

static void
assert_failed(Fixture *fixture, AkmaError code)
{
    assert_null(fixture->keys);
    assert_true(g_error_matches(fixture->error, AKMA_ERROR, (int)code));
    assert_true(akma_enrolment_get_wait_ms(fixture->machine) > 0);
}

static void
card_and_server_give_the_key_in_one_exchange(void **state)
{
    Fixture *fixture = *state;

    run(fixture);

    assert_null(fixture->error);
    assert_int_equal(fixture->keys->keys->len, 1);
    assert_string_equal(((AkmaKey *)fixture->keys->keys->pdata[0])->kid, "mqtt:1");
    assert_int_equal(card.reads, 1);
    assert_int_equal(fake_peer.first_requests, 1);
    assert_int_equal(fake_peer.second_requests, 1);
}

static void
m6_nothing_of_the_first_key_is_left_when_it_is_done(void **state)
{
    Fixture *fixture = *state;

    run(fixture);
    g_clear_pointer(&fixture->keys, akma_key_set_free);
    fake_peer_clear();

    assert_int_equal(CRYPTO_secure_used(), fixture->used);
}

static void
one_key_id_that_is_refused_does_not_hurt_the_other(void **state)
{
    static const char *const key_ids[] = {"vpn", "mqtt", NULL};
    Fixture *fixture = *state;

    begin(fixture, key_ids);
    while (!fixture->done)
        g_main_context_iteration(NULL, TRUE);

    assert_int_equal(fixture->keys->keys->len, 1);
    assert_int_equal(fixture->keys->errors->len, 1);
}

static void
a_session_that_is_unknown_is_opened_once_more(void **state)
{
    Fixture *fixture = *state;

    fake_peer.refuse[0] = AKMA_CAUSE_SESSION_UNKNOWN;
    run(fixture);

    assert_non_null(fixture->keys);
    assert_int_equal(fake_peer.first_requests, 2);
    assert_int_equal(card.reads, 1);
}

static void
reject_a_third_session(void **state)
{
    Fixture *fixture = *state;

    fake_peer.refuse[0] = fake_peer.refuse[1] = AKMA_CAUSE_SESSION_UNKNOWN;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_SERVER_REFUSED);
    assert_int_equal(fake_peer.first_requests, 2);
}

static void
an_unknown_kid_is_read_again_and_a_new_one_is_used_at_once(void **state)
{
    Fixture *fixture = *state;

    fake_peer.known_kid = KID2;
    card.kids[1] = KID2;
    run(fixture);

    assert_non_null(fixture->keys);
    assert_int_equal(card.reads, 2);
    assert_int_equal(card.forgotten, 1);
    assert_int_equal(fake_peer.first_requests, 2);
}

static void
reject_a_kid_that_is_unknown_and_no_other(void **state)
{
    Fixture *fixture = *state;

    fake_peer.known_kid = KID2;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
    assert_int_equal(card.reads, 2);
}

static void
reject_a_server_without_the_first_key(void **state)
{
    Fixture *fixture = *state;

    akma_secret_unref(fake_peer.k_akma);
    fake_peer.k_akma = akma_secret_new("another key another key another ", 32, NULL);
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    assert_int_equal(fake_peer.second_requests, 0);
}

static void
a_card_that_is_not_ready_asks_no_server(void **state)
{
    Fixture *fixture = *state;

    card.error = AKMA_ERROR_ANCHOR_NOT_READY;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_ANCHOR_NOT_READY);
    assert_int_equal(fake_peer.first_requests, 0);
}

static void
a_connection_lost_before_the_second_response_is_server_unreachable(void **state)
{
    Fixture *fixture = *state;

    fake_peer.lose_second = true;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_SERVER_UNREACHABLE);
}

static void
cancelled_in_the_middle_ends_at_once(void **state)
{
    static const char *const key_ids[] = {"mqtt", NULL};
    Fixture *fixture = *state;

    fake_peer.hang = true;
    begin(fixture, key_ids);
    while (fake_peer.first_requests == 0)
        g_main_context_iteration(NULL, TRUE);
    g_cancellable_cancel(fixture->cancellable);
    while (!fixture->done)
        g_main_context_iteration(NULL, TRUE);

    assert_true(g_error_matches(fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(card_and_server_give_the_key_in_one_exchange),
        TEST(m6_nothing_of_the_first_key_is_left_when_it_is_done),
        TEST(one_key_id_that_is_refused_does_not_hurt_the_other),
        TEST(a_session_that_is_unknown_is_opened_once_more),
        TEST(reject_a_third_session),
        TEST(an_unknown_kid_is_read_again_and_a_new_one_is_used_at_once),
        TEST(reject_a_kid_that_is_unknown_and_no_other),
        TEST(reject_a_server_without_the_first_key),
        TEST(a_card_that_is_not_ready_asks_no_server),
        TEST(a_connection_lost_before_the_second_response_is_server_unreachable),
        TEST(cancelled_in_the_middle_ends_at_once),
    };

    uint8_t warm[2];

    /* the generators of libcrypto stand in the secure heap too, from their first use on */
    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL) || RAND_bytes(warm, 1) != 1 ||
        RAND_priv_bytes(warm + 1, 1) != 1)
        return 1;

    return cmocka_run_group_tests_name("enrol", tests, NULL, NULL);
}
