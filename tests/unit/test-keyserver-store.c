/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/key-store.h"

static void
asking_again_gives_the_same_version(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) first = NULL;
    g_autoptr(AkmaKeySet) again = NULL;
    g_autoptr(AkmaKeySet) other = NULL;

    assert_int_equal(add(f, "mqtt", "*", 0, 3600), 0);
    first = deliver(f, ONE, "mqtt", NOW);
    again = deliver(f, ONE, "mqtt", NOW + 5);
    other = deliver(f, TWO, "mqtt", NOW);

    assert_string_equal(only_key(first)->kid, "mqtt:1");
    assert_string_equal(only_key(again)->kid, "mqtt:1");
    assert_true(akma_secret_equal(only_key(first)->secret, only_key(again)->secret));
    assert_false(akma_secret_equal(only_key(first)->secret, only_key(other)->secret));
    assert_true(only_key(again)->iat == NOW && only_key(again)->exp == 0);
    assert_int_equal(again->now, NOW + 5);
    assert_null(only_key(first)->previous_kid);
}

static void
what_was_delivered_is_there_after_opening_again(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) first = NULL;
    g_autoptr(AkmaKeySet) again = NULL;

    add(f, "mqtt", "*", 0, 0);
    first = deliver(f, ONE, "mqtt", NOW);
    akma_ks_close(f->store);
    f->store = akma_ks_open(&f->place, NULL);
    again = deliver(f, ONE, "mqtt", NOW);

    assert_true(akma_secret_equal(only_key(first)->secret, only_key(again)->secret));
}

static void
a_rotated_key_leaves_the_one_before_for_the_grace_time(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) first = NULL;
    g_autoptr(AkmaKeySet) second = NULL;
    g_autoptr(AkmaKeySet) later = NULL;

    add(f, "mqtt", "*", 0, 3600);
    first = deliver(f, ONE, "mqtt", NOW);
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, NULL, NOW + 10), 1);
    second = deliver(f, ONE, "mqtt", NOW + 20);
    later = deliver(f, ONE, "mqtt", NOW + 3610);

    assert_string_equal(only_key(second)->kid, "mqtt:2");
    assert_string_equal(only_key(second)->previous_kid, "mqtt:1");
    assert_true(only_key(second)->previous_exp == NOW + 10 + 3600);
    assert_null(only_key(later)->previous_kid);
    assert_false(akma_secret_equal(only_key(first)->secret, only_key(second)->secret));
}

static void
a_key_is_replaced_a_little_before_its_end(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) first = NULL;
    g_autoptr(AkmaKeySet) same = NULL;
    g_autoptr(AkmaKeySet) next = NULL;

    add(f, "mqtt", "*", 1000, 100);
    first = deliver(f, ONE, "mqtt", NOW);
    same = deliver(f, ONE, "mqtt", NOW + 899);
    next = deliver(f, ONE, "mqtt", NOW + 900);

    assert_true(only_key(first)->exp == NOW + 1000);
    assert_string_equal(only_key(same)->kid, "mqtt:1");
    assert_string_equal(only_key(next)->kid, "mqtt:2");
    assert_true(only_key(next)->exp == NOW + 1900);
    assert_true(only_key(next)->previous_exp == NOW + 1000);
}

static void
a_revoked_key_comes_back_only_by_rotation(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) revoked = NULL;
    g_autoptr(AkmaKeySet) next = NULL;

    add(f, "mqtt", "*", 0, 3600);
    akma_key_set_free(deliver(f, ONE, "mqtt", NOW));
    assert_int_equal(change_keys(f, AKMA_KS_KEY_REVOKE, "mqtt:1", NOW), 1);
    revoked = deliver(f, ONE, "mqtt", NOW);
    assert_int_equal(only_cause(revoked), AKMA_CAUSE_REVOKED);

    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, NULL, NOW), 1);
    next = deliver(f, ONE, "mqtt", NOW);
    assert_string_equal(only_key(next)->kid, "mqtt:2");
    assert_null(only_key(next)->previous_kid);
}

static void
revoking_the_version_before_leaves_the_current_one(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) set = NULL;

    add(f, "mqtt", "*", 0, 3600);
    akma_key_set_free(deliver(f, ONE, "mqtt", NOW));
    change_keys(f, AKMA_KS_KEY_ROTATE, NULL, NOW);
    assert_int_equal(change_keys(f, AKMA_KS_KEY_REVOKE, "mqtt:1", NOW), 1);
    set = deliver(f, ONE, "mqtt", NOW);

    assert_string_equal(only_key(set)->kid, "mqtt:2");
    assert_null(only_key(set)->previous_kid);
}

static void
a_revoked_terminal_loses_all_and_learns_nothing(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) revoked = NULL;
    g_autoptr(AkmaKeySet) back = NULL;

    add(f, "mqtt", "*", 0, 0);
    akma_key_set_free(deliver(f, ONE, "mqtt", NOW));
    assert_int_equal(change_terminal(f, AKMA_KS_TERMINAL_REVOKE, ONE, true), 0);
    revoked = deliver(f, ONE, "nothing", NOW);
    assert_int_equal(only_cause(revoked), AKMA_CAUSE_REVOKED);
    assert_int_equal(change_terminal(f, AKMA_KS_TERMINAL_REVOKE, ONE, false), 0);
    back = deliver(f, ONE, "mqtt", NOW);
    assert_string_equal(only_key(back)->kid, "mqtt:1");
}

static void
nobody_is_entitled_without_a_rule(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) none = NULL;
    g_autoptr(AkmaKeySet) unknown = NULL;
    g_autoptr(AkmaKeySet) grouped = NULL;
    g_autoptr(AkmaKeySet) denied = NULL;

    add(f, "mqtt", NULL, 0, 0);
    none = deliver(f, ONE, "mqtt", NOW);
    unknown = deliver(f, ONE, "other", NOW);
    assert_int_equal(only_cause(none), AKMA_CAUSE_NOT_ENTITLED);
    assert_int_equal(only_cause(unknown), AKMA_CAUSE_NOT_ENTITLED);

    assert_int_equal(rule(f, "mqtt", "group:plant", true), 0);
    assert_int_equal(change_terminal(f, AKMA_KS_TERMINAL_GROUP, ONE, true), 0);
    grouped = deliver(f, ONE, "mqtt", NOW);
    assert_string_equal(only_key(grouped)->kid, "mqtt:1");

    assert_int_equal(rule(f, "mqtt", ONE, false), 0);
    denied = deliver(f, ONE, "mqtt", NOW);
    assert_int_equal(only_cause(denied), AKMA_CAUSE_NOT_ENTITLED);
}

static void
a_terminal_is_told_what_it_may_have(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_ENTITLED);

    add(f, "vpn", "*", 0, 0);
    add(f, "mqtt", ONE, 0, 0);
    add(f, "other", TWO, 0, 0);
    op->terminal = g_strdup(ONE);
    assert_int_equal(run(f, op), 0);

    assert_int_equal(g_strv_length(op->ids), 2);
    assert_string_equal(op->ids[0], "mqtt");
    assert_string_equal(op->ids[1], "vpn");
}

static void
at_most_64_applications_are_told(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_ENTITLED);

    for (int i = 0; i < 70; i++) {
        g_autofree char *id = g_strdup_printf("app%02d", i);

        assert_int_equal(add(f, id, "*", 0, 0), 0);
    }
    op->terminal = g_strdup(ONE);
    assert_int_equal(run(f, op), 0);

    assert_int_equal(g_strv_length(op->ids), AKMA_KS_IDS_MAX);
}

static void
a_removed_application_never_gives_a_version_again(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_REMOVE);
    g_autoptr(AkmaKeySet) set = NULL;

    add(f, "mqtt", "*", 0, 0);
    akma_key_set_free(deliver(f, ONE, "mqtt", NOW));
    change_keys(f, AKMA_KS_KEY_ROTATE, NULL, NOW);
    op->application = g_strdup("mqtt");
    assert_int_equal(run(f, op), 0);
    assert_int_equal(run(f, op), AKMA_ERROR_KEY_UNKNOWN);
    add(f, "mqtt", "*", 0, 0);
    set = deliver(f, ONE, "mqtt", NOW);

    assert_string_equal(only_key(set)->kid, "mqtt:3");
}

static void
a_long_rotation_takes_every_key_once(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_KEY_ROTATE);
    guint n = 0;

    for (int i = 0; i < 10; i++) {
        g_autofree char *id = g_strdup_printf("app%d", i);

        add(f, id, "*", 0, 3600);
    }
    for (int i = 0; i < 60; i++) {
        g_autofree char *terminal = g_strdup_printf("%02d%s", i, &ONE[2]);

        akma_key_set_free(
            deliver(f, terminal, "app0 app1 app2 app3 app4 app5 app6 app7 app8 app9", NOW));
    }
    do {
        g_ptr_array_set_size(op->rows, 0);
        assert_int_equal(run(f, op), 0);
        for (guint i = 0; i < op->rows->len; i++)
            assert_true(g_str_has_suffix(((AkmaKsKey *)op->rows->pdata[i])->kid, ":2"));
        n += op->rows->len;
    } while (op->more);

    assert_int_equal(n, 600);
}

static void
names_that_are_taken_or_unknown_are_refused(void **state)
{
    Fixture *f = *state;

    assert_int_equal(add(f, "mqtt", "*", 0, 0), 0);
    assert_int_equal(add(f, "mqtt", "*", 0, 0), AKMA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(rule(f, "nope", "*", true), AKMA_ERROR_KEY_UNKNOWN);
    assert_int_equal(rule(f, "mqtt", "no wildcard", true), AKMA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(change_terminal(f, AKMA_KS_TERMINAL_REVOKE, TWO, true),
                     AKMA_ERROR_KEY_UNKNOWN);
}

typedef struct {
    unsigned done;
    bool inside;
} Waiting;

static void
on_done(AkmaKsOp *op, const GError *error, void *user_data)
{
    Waiting *waiting = user_data;

    assert_null(error);
    assert_false(waiting->inside);
    assert_int_equal(op->set->keys->len, 1);
    akma_ks_op_free(op);
    waiting->done++;
}

static void
submitted_operations_end_on_the_loop(void **state)
{
    Fixture *f = *state;
    Waiting waiting = {0};
    uv_loop_t loop;

    add(f, "mqtt", "*", 0, 0);
    uv_loop_init(&loop);
    assert_true(akma_ks_attach(f->store, &loop, NULL));
    waiting.inside = true;
    for (int i = 0; i < 20; i++) {
        AkmaKsOp *op = akma_ks_op_new(AKMA_KS_DELIVER);

        op->terminal = g_strdup(ONE);
        op->ids = g_strsplit("mqtt", " ", -1);
        assert_true(akma_ks_submit(f->store, op, on_done, &waiting));
    }
    waiting.inside = false;
    while (waiting.done < 20)
        uv_run(&loop, UV_RUN_ONCE);
    g_clear_pointer(&f->store, akma_ks_close);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asking_again_gives_the_same_version),
        TEST(what_was_delivered_is_there_after_opening_again),
        TEST(a_rotated_key_leaves_the_one_before_for_the_grace_time),
        TEST(a_key_is_replaced_a_little_before_its_end),
        TEST(a_revoked_key_comes_back_only_by_rotation),
        TEST(revoking_the_version_before_leaves_the_current_one),
        TEST(a_revoked_terminal_loses_all_and_learns_nothing),
        TEST(nobody_is_entitled_without_a_rule),
        TEST(a_terminal_is_told_what_it_may_have),
        TEST(at_most_64_applications_are_told),
        TEST(a_removed_application_never_gives_a_version_again),
        TEST(a_long_rotation_takes_every_key_once),
        TEST(names_that_are_taken_or_unknown_are_refused),
        TEST(submitted_operations_end_on_the_loop),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return RUN(tests);
}
