/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store: one key for all terminals of an application. */
#include "keyserver/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/wiping.h"
#include "keyserver/key-lines.h"
#include "tests/fakes/key-store.h"

#define ASKERS 40

static int
share(Fixture *f, const char *id, int64_t max_age_s, int64_t grace_s)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_ADD);

    op->settings = akma_ks_application_new(id);
    op->settings->shared = true;
    op->settings->length = 32;
    op->settings->max_age_s = max_age_s;
    op->settings->grace_s = grace_s;
    akma_ks_application_add_rule(op->settings, "*", true);

    return run(f, op);
}

static int
import(Fixture *f, const char *application, const char *terminal, const char *bytes)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_KEY_IMPORT);

    op->now = NOW;
    op->application = g_strdup(application);
    op->terminal = g_strdup(terminal);
    op->secret = akma_secret_new(bytes, strlen(bytes), NULL);

    return run(f, op);
}

static void
assert_same(const AkmaKey *one, const AkmaKey *two)
{
    assert_string_equal(one->kid, two->kid);
    assert_string_equal(one->identity, two->identity);
    assert_true(akma_secret_equal(one->secret, two->secret));
    assert_true(one->iat == two->iat && one->exp == two->exp);
}

/* The key of both terminals at @now, which must be the same; NULL: none of them may have one. */
static AkmaKey *
key_of_both(Fixture *f, int64_t now)
{
    g_autoptr(AkmaKeySet) one = deliver(f, ONE, "mqtt", now);
    g_autoptr(AkmaKeySet) two = deliver(f, TWO, "mqtt", now);

    if (one->keys->len == 0) {
        assert_int_equal(only_cause(one), only_cause(two));
        return NULL;
    }
    assert_same(only_key(one), only_key(two));

    return akma_key_copy(only_key(one));
}

static void
all_terminals_have_one_key(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKey) key = NULL;
    g_autoptr(AkmaKeySet) both = NULL;
    const AkmaKey *shared;
    const AkmaKey *own;

    assert_int_equal(share(f, "mqtt", 0, 100), 0);
    assert_int_equal(add(f, "vpn", "*", 0, 100), 0);
    key = key_of_both(f, NOW);
    assert_string_equal(key->kid, "mqtt:1");
    assert_string_equal(key->identity, "mqtt.1.shared");

    both = deliver(f, ONE, "mqtt vpn", NOW);
    assert_int_equal(both->keys->len, 2);
    shared = both->keys->pdata[0];
    own = both->keys->pdata[1];
    assert_same(shared, key);
    assert_string_equal(own->key_id, "vpn");
    assert_false(akma_secret_equal(own->secret, shared->secret));
    assert_null(strstr(own->identity, "shared"));
}

static void
a_rotation_is_one_for_all(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKey) first = NULL;
    g_autoptr(AkmaKey) second = NULL;
    g_autoptr(AkmaKey) later = NULL;

    share(f, "mqtt", 0, 100);
    first = key_of_both(f, NOW);
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, "mqtt:1", NOW + 10), 1);
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, "mqtt:1", NOW + 10), 0);
    second = key_of_both(f, NOW + 20);
    later = key_of_both(f, NOW + 111);

    assert_string_equal(second->kid, "mqtt:2");
    assert_string_equal(second->identity, "mqtt.2.shared");
    assert_string_equal(second->previous_kid, "mqtt:1");
    assert_true(second->previous_exp == NOW + 110);
    assert_false(akma_secret_equal(first->secret, second->secret));
    assert_null(later->previous_kid);
    assert_same(later, second);
}

static void
it_is_replaced_once_at_its_age(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKey) first = NULL;
    g_autoptr(AkmaKey) second = NULL;

    share(f, "mqtt", 1000, 50);
    first = key_of_both(f, NOW);
    assert_true(first->exp == NOW + 1000);
    second = key_of_both(f, NOW + 950);
    assert_string_equal(second->kid, "mqtt:2");
    assert_string_equal(second->previous_kid, "mqtt:1");
}

static void
revoked_means_for_all_until_it_is_rotated(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKey) key = NULL;

    share(f, "mqtt", 0, 100);
    akma_key_free(key_of_both(f, NOW));
    assert_int_equal(change_keys(f, AKMA_KS_KEY_REVOKE, "mqtt:1", NOW + 1), 1);
    assert_null(key_of_both(f, NOW + 2));
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, NULL, NOW + 3), 1);
    key = key_of_both(f, NOW + 4);
    assert_string_equal(key->kid, "mqtt:2");
    assert_null(key->previous_kid);
}

static void
reject_who_may_not_have_it(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) one = NULL;
    g_autoptr(AkmaKeySet) two = NULL;
    g_autoptr(AkmaKeySet) again = NULL;

    share(f, "mqtt", 0, 100);
    assert_int_equal(rule(f, "mqtt", TWO, false), 0);
    one = deliver(f, ONE, "mqtt", NOW);
    two = deliver(f, TWO, "mqtt", NOW);
    assert_string_equal(only_key(one)->kid, "mqtt:1");
    assert_int_equal(only_cause(two), AKMA_CAUSE_NOT_ENTITLED);

    /* a terminal that is taken out takes nothing away from the others */
    assert_int_equal(rule(f, "mqtt", TWO, true), 0);
    assert_int_equal(change_terminal(f, AKMA_KS_TERMINAL_REVOKE, ONE, true), 0);
    g_clear_pointer(&one, akma_key_set_free);
    one = deliver(f, ONE, "mqtt", NOW);
    assert_int_equal(only_cause(one), AKMA_CAUSE_REVOKED);
    again = deliver(f, TWO, "mqtt", NOW);
    assert_string_equal(only_key(again)->kid, "mqtt:1");
    assert_int_equal(change_terminal(f, AKMA_KS_TERMINAL_FORGET, ONE, false), 0);
    g_clear_pointer(&again, akma_key_set_free);
    again = deliver(f, TWO, "mqtt", NOW);
    assert_string_equal(only_key(again)->kid, "mqtt:1");
}

static void
no_kid_comes_back_with_other_bytes(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_REMOVE);
    g_autoptr(AkmaKeySet) set = NULL;
    g_autoptr(AkmaKey) key = NULL;

    share(f, "mqtt", 0, 100);
    akma_key_free(key_of_both(f, NOW));
    op->application = g_strdup("mqtt");
    assert_int_equal(run(f, op), 0);
    assert_int_equal(add(f, "mqtt", "*", 0, 100), 0);
    set = deliver(f, ONE, "mqtt", NOW);
    assert_string_equal(only_key(set)->kid, "mqtt:2");
    assert_int_equal(run(f, op), 0);
    share(f, "mqtt", 0, 100);
    key = key_of_both(f, NOW);
    assert_string_equal(key->kid, "mqtt:3");
}

static void
a_key_that_is_brought_is_that_of_all(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKey) key = NULL;
    g_autoptr(AkmaKey) next = NULL;
    size_t len;

    share(f, "mqtt", 0, 100);
    assert_int_equal(import(f, "mqtt", NULL, "0123456789abcdef"), 0);
    key = key_of_both(f, NOW);
    assert_string_equal(key->kid, "mqtt:1");
    assert_memory_equal(akma_secret_peek(key->secret, &len), "0123456789abcdef", 16);
    assert_int_equal(import(f, "mqtt", NULL, "fedcba9876543210"), 0);
    next = key_of_both(f, NOW);
    assert_string_equal(next->kid, "mqtt:2");
    assert_string_equal(next->previous_kid, "mqtt:1");
}

static void
reject_a_key_for_one_where_it_is_for_all_and_the_other_way_round(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKey) key = NULL;
    g_autoptr(AkmaKeySet) own = NULL;

    share(f, "mqtt", 0, 100);
    add(f, "vpn", "*", 0, 100);
    key = key_of_both(f, NOW);
    own = deliver(f, ONE, "vpn", NOW);
    assert_string_equal(only_key(own)->kid, "vpn:1");
    assert_int_equal(import(f, "mqtt", ONE, "0123456789abcdef"), AKMA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(import(f, "mqtt", "*", "0123456789abcdef"), AKMA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(import(f, "vpn", NULL, "0123456789abcdef"), AKMA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(import(f, "nope", NULL, "0123456789abcdef"), AKMA_ERROR_KEY_UNKNOWN);
}

static void
it_is_exported_once_a_version(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_KEY_EXPORT);
    g_auto(AkmaKeyLines) lines = {0};
    g_autoptr(AkmaKey) key = NULL;
    const AkmaKsKey *row;

    share(f, "mqtt", 0, 100);
    akma_key_free(key_of_both(f, NOW));
    change_keys(f, AKMA_KS_KEY_ROTATE, NULL, NOW + 1);
    key = key_of_both(f, NOW + 2);

    op->now = NOW + 2;
    op->application = g_strdup("mqtt");
    assert_int_equal(run(f, op), 0);
    assert_int_equal(op->rows->len, 2);
    row = op->rows->pdata[1];
    assert_null(row->terminal);
    assert_same(row->key, key);
    assert_true(akma_key_lines_add(&lines, AKMA_KEY_LINES_JSON, row, NULL));
    assert_non_null(g_strstr_len(lines.bytes, (gssize)lines.len, "\"terminal\":null,"));
    assert_non_null(g_strstr_len(lines.bytes, (gssize)lines.len, "\"mqtt.2.shared\""));
}

static void
no_list_and_no_figure_has_a_terminal_more(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) list = akma_ks_op_new(AKMA_KS_TERMINAL_LIST);
    g_autoptr(AkmaKsOp) one = akma_ks_op_new(AKMA_KS_TERMINAL_LIST);
    g_autoptr(AkmaKsOp) count = akma_ks_op_new(AKMA_KS_COUNT);

    share(f, "mqtt", 0, 100);
    akma_key_free(key_of_both(f, NOW));
    assert_int_equal(run(f, list), 0);
    assert_int_equal(list->rows->len, 2);
    one->terminal = g_strdup("*");
    assert_int_equal(run(f, one), AKMA_ERROR_KEY_UNKNOWN);
    assert_int_equal(run(f, count), 0);
    assert_true(count->counts.terminals == 2 && count->counts.keys[AKMA_KEY_CURRENT] == 1);
}

static void
reject_a_key_of_one_terminal_put_where_all_look(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_DELIVER);

    add(f, "mqtt", "*", 0, 100);
    akma_key_set_free(deliver(f, ONE, "mqtt", NOW));
    write_sql(f, "UPDATE app_key SET terminal = '*'");
    write_sql(f, "UPDATE application SET source = 'shared'");

    op->now = NOW;
    op->terminal = g_strdup(TWO);
    op->ids = g_strsplit("mqtt", " ", -1);
    assert_int_equal(run(f, op), AKMA_ERROR_STORE_FAILED);
    assert_null(op->set);
}

/* --- several at once --- */

typedef struct {
    GPtrArray *sets; /* AkmaKeySet */
} Asked;

static void
on_done(AkmaKsOp *op, const GError *error, void *user_data)
{
    Asked *asked = user_data;

    assert_null(error);
    g_ptr_array_add(asked->sets, g_steal_pointer(&op->set));
    akma_ks_op_free(op);
}

static void
ask(AkmaKsStore *store, unsigned n, int64_t now, Asked *asked)
{
    AkmaKsOp *op = akma_ks_op_new(AKMA_KS_DELIVER);

    op->now = now;
    op->terminal = g_strdup_printf("%043u", n);
    op->ids = g_strsplit(n % 2 ? "mqtt vpn" : "vpn mqtt", " ", -1);
    assert_true(akma_ks_submit(store, op, on_done, asked));
}

/* All at @now, half of them of each server; what they got for "mqtt" is one key, as for "vpn". */
static void
ask_all(AkmaKsStore *const *servers, uv_loop_t *loop, int64_t now, const char *version)
{
    Asked asked = {g_ptr_array_new_with_free_func((GDestroyNotify)akma_key_set_free)};
    const AkmaKey *first[2] = {NULL, NULL};

    for (unsigned i = 0; i < ASKERS; i++)
        ask(servers[i / 2 % 2], i, now, &asked);
    while (asked.sets->len < ASKERS)
        uv_run(loop, UV_RUN_ONCE);

    for (guint i = 0; i < 2 * ASKERS; i++) {
        const AkmaKeySet *set = asked.sets->pdata[i / 2];
        const AkmaKey *key = set->keys->pdata[i % 2];
        const AkmaKey **one = &first[strcmp(key->key_id, "vpn") == 0];

        assert_int_equal(set->keys->len, 2);
        assert_true(g_str_has_suffix(key->kid, version));
        if (!*one)
            *one = key;
        assert_same(key, *one);
    }
    g_ptr_array_unref(asked.sets);
}

static void
two_servers_that_are_asked_first_at_once_make_one_key(void **state)
{
    Fixture *f = *state;
    AkmaKsPlace place = f->place;
    AkmaKsStore *servers[2];
    uv_loop_t loop;

    share(f, "mqtt", 1000, 100);
    share(f, "vpn", 1000, 100);
    place.serves = true;
    uv_loop_init(&loop);
    for (int i = 0; i < 2; i++) {
        servers[i] = akma_ks_open(&place, NULL);
        assert_true(servers[i] && akma_ks_attach(servers[i], &loop, NULL));
    }
    /* the first version, its replacement at its age, and what then stands */
    ask_all(servers, &loop, NOW, ":1");
    ask_all(servers, &loop, NOW + 900, ":2");
    ask_all(servers, &loop, NOW + 901, ":2");

    for (int i = 0; i < 2; i++)
        akma_ks_close(servers[i]);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_terminals_have_one_key),
        TEST(a_rotation_is_one_for_all),
        TEST(it_is_replaced_once_at_its_age),
        TEST(revoked_means_for_all_until_it_is_rotated),
        TEST(reject_who_may_not_have_it),
        TEST(no_kid_comes_back_with_other_bytes),
        TEST(a_key_that_is_brought_is_that_of_all),
        TEST(reject_a_key_for_one_where_it_is_for_all_and_the_other_way_round),
        TEST(it_is_exported_once_a_version),
        TEST(no_list_and_no_figure_has_a_terminal_more),
        TEST(reject_a_key_of_one_terminal_put_where_all_look),
        TEST(two_servers_that_are_asked_first_at_once_make_one_key),
    };

    if (!akma_wiping_init() || !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return RUN(tests);
}
