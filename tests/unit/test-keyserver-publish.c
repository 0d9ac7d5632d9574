/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store and its neighbours: keys that are brought, and keys that applications are given. */
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

static int
import(Fixture *f, const char *application, const char *terminal, const char *bytes, int64_t now)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_KEY_IMPORT);
    int status;

    op->now = now;
    op->application = g_strdup(application);
    op->terminal = g_strdup(terminal);
    op->secret = akma_secret_new(bytes, strlen(bytes), NULL);
    status = run(f, op);
    if (status == 0)
        assert_int_equal(op->rows->len, 1);

    return status;
}

static void
follow(Fixture *f, const char *name, int64_t published, int64_t now, bool goes_on)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_FOLLOW);

    op->now = now;
    op->application = g_strdup("mqtt");
    op->text = g_strdup(name);
    op->version = published;
    op->flag = goes_on;
    assert_int_equal(run(f, op), 0);
}

/* "mqtt:1 mqtt:2": what is exported at @now, all pages. */
static char *export(Fixture *f, int64_t now)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_KEY_EXPORT);
    g_autoptr(GString) kids = g_string_new(NULL);

    op->now = now;
    op->application = g_strdup("mqtt");
    do {
        assert_int_equal(run(f, op), 0);
        for (guint i = 0; i < op->rows->len; i++) {
            const AkmaKsKey *row = op->rows->pdata[i];

            assert_string_equal(row->kid, row->key->kid);
            g_string_append_printf(kids, "%s%s", kids->len > 0 ? " " : "", row->kid);
        }
    } while (op->more);

    return g_string_free(g_steal_pointer(&kids), FALSE);
}

static char *
delivered(Fixture *f, int64_t now)
{
    g_autoptr(AkmaKeySet) set = deliver(f, ONE, "mqtt", now);

    return g_strdup(only_key(set)->kid);
}

static void
check(char *text, const char *expected)
{
    assert_string_equal(text, expected);
    g_free(text);
}

static void
a_key_that_is_brought_is_the_next_version(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) set = NULL;
    const uint8_t *bytes;
    size_t len;

    assert_int_equal(add(f, "mqtt", "*", 0, 100), 0);
    check(delivered(f, NOW), "mqtt:1");
    assert_int_equal(import(f, "mqtt", ONE, "0123456789abcdef", NOW + 1), 0);

    set = deliver(f, ONE, "mqtt", NOW + 2);
    assert_string_equal(only_key(set)->kid, "mqtt:2");
    assert_string_equal(only_key(set)->previous_kid, "mqtt:1");
    bytes = akma_secret_peek(only_key(set)->secret, &len);
    assert_int_equal(len, 16);
    assert_memory_equal(bytes, "0123456789abcdef", 16);
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, "mqtt:2", NOW + 3), 1);
    check(delivered(f, NOW + 4), "mqtt:3");
}

static void
reject_keys_for_what_is_not_there_or_made_elsewhere(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_ADD);

    assert_int_equal(add(f, "mqtt", "*", 0, 100), 0);
    assert_int_equal(import(f, "mqtt", ONE, "0123456789abcdef", NOW), AKMA_ERROR_KEY_UNKNOWN);
    check(delivered(f, NOW), "mqtt:1");
    assert_int_equal(import(f, "nope", ONE, "0123456789abcdef", NOW), AKMA_ERROR_KEY_UNKNOWN);

    op->settings = akma_ks_application_new("far");
    op->settings->provider = g_strdup("fifth");
    op->settings->upstream_id = g_strdup("far");
    assert_int_equal(run(f, op), 0);
    assert_int_equal(import(f, "far", ONE, "0123456789abcdef", NOW), AKMA_ERROR_INVALID_ARGUMENT);
}

static void
what_is_accepted_now_is_exported_and_nothing_else(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_KEY_EXPORT);

    assert_int_equal(add(f, "mqtt", "*", 1000, 100), 0);
    assert_int_equal(add(f, "other", "*", 0, 100), 0);
    check(export(f, NOW), "");
    akma_key_set_free(deliver(f, ONE, "mqtt other", NOW));
    check(export(f, NOW), "mqtt:1");

    /* both while the one before is accepted, then the new one alone, then none */
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, "mqtt:1", NOW + 10), 1);
    check(export(f, NOW + 11), "mqtt:1 mqtt:2");
    check(export(f, NOW + 109), "mqtt:1 mqtt:2");
    check(export(f, NOW + 110), "mqtt:2");
    check(export(f, NOW + 1009), "mqtt:2");
    check(export(f, NOW + 1010), "");

    /* neither what is revoked nor what belongs to a terminal that is */
    assert_int_equal(change_keys(f, AKMA_KS_KEY_REVOKE, "mqtt:1", NOW + 12), 1);
    check(export(f, NOW + 12), "mqtt:2");
    assert_int_equal(change_terminal(f, AKMA_KS_TERMINAL_REVOKE, ONE, true), 0);
    check(export(f, NOW + 12), "");
    assert_int_equal(change_terminal(f, AKMA_KS_TERMINAL_REVOKE, ONE, false), 0);
    check(export(f, NOW + 12), "mqtt:2");

    op->application = g_strdup("nope");
    assert_int_equal(run(f, op), AKMA_ERROR_KEY_UNKNOWN);
}

static void
a_long_export_goes_in_pages_without_a_gap(void **state)
{
    Fixture *f = *state;
    g_autofree char *kids = NULL;

    assert_int_equal(add(f, "mqtt", "*", 0, 100), 0);
    for (int i = 0; i < 300; i++) {
        g_autofree char *terminal = g_strdup_printf("%.40s%03d", ONE, i);

        akma_key_set_free(deliver(f, terminal, "mqtt", NOW));
    }
    kids = export(f, NOW);
    assert_int_equal(strlen(kids), 300 * strlen("mqtt:1 ") - 1);
}

static void
a_terminal_gets_a_new_version_once_followers_have_it(void **state)
{
    Fixture *f = *state;

    assert_int_equal(add(f, "mqtt", "*", 0, 100), 0);
    check(delivered(f, NOW), "mqtt:1");
    follow(f, "a", NOW - 1, NOW, true);
    follow(f, "b", NOW - 1, NOW, true);
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, "mqtt:1", NOW + 5), 1);
    check(delivered(f, NOW + 6), "mqtt:1");
    follow(f, "a", NOW + 6, NOW + 16, true);
    check(delivered(f, NOW + 16), "mqtt:1");
    follow(f, "b", NOW + 5, NOW + 17, true); /* in that second it may have missed it */
    check(delivered(f, NOW + 17), "mqtt:1");
    follow(f, "b", NOW + 6, NOW + 18, true);
    check(delivered(f, NOW + 18), "mqtt:2");
}

static void
a_version_that_is_replaced_at_its_age_waits_for_followers_too(void **state)
{
    Fixture *f = *state;

    assert_int_equal(add(f, "mqtt", "*", 1000, 100), 0);
    check(delivered(f, NOW), "mqtt:1");
    follow(f, "a", NOW + 930, NOW + 940, true);
    check(delivered(f, NOW + 950), "mqtt:1");
    check(export(f, NOW + 950), "mqtt:1 mqtt:2");
    follow(f, "a", NOW + 951, NOW + 961, true);
    check(delivered(f, NOW + 962), "mqtt:2");
}

static void
followers_that_are_gone_hold_up_nothing(void **state)
{
    Fixture *f = *state;

    assert_int_equal(add(f, "mqtt", "*", 0, 100), 0);
    check(delivered(f, NOW), "mqtt:1");
    follow(f, "silent", NOW - 1, NOW, true);
    follow(f, "ended", NOW - 1, NOW, true);
    follow(f, "ended", 0, NOW + 1, false);
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, "mqtt:1", NOW + 5), 1);
    check(delivered(f, NOW + AKMA_KS_FOLLOWER_S - 1), "mqtt:1");
    check(delivered(f, NOW + AKMA_KS_FOLLOWER_S), "mqtt:2");
}

static void
nobody_is_left_without_an_accepted_version_for_a_follower(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) set = NULL;

    /* the first version, one without grace, and one whose grace is over */
    assert_int_equal(add(f, "mqtt", "*", 0, 20), 0);
    follow(f, "a", 0, NOW, true);
    check(delivered(f, NOW), "mqtt:1");
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, "mqtt:1", NOW + 1), 1);
    set = deliver(f, ONE, "mqtt", NOW + 2);
    assert_string_equal(only_key(set)->kid, "mqtt:1");
    assert_int_equal(only_key(set)->exp, NOW + 21);
    assert_null(only_key(set)->previous_kid);
    check(delivered(f, NOW + 21), "mqtt:2");

    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, "mqtt:2", NOW + 22), 1);
    assert_int_equal(change_keys(f, AKMA_KS_KEY_REVOKE, "mqtt:2", NOW + 22), 1);
    check(delivered(f, NOW + 23), "mqtt:3");
}

static void
keys_are_counted_by_application_and_state(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_COUNT);
    const AkmaKsKeyCount *count;

    assert_int_equal(add(f, "mqtt", "*", 0, 100), 0);
    assert_int_equal(add(f, "none", "*", 0, 100), 0);
    assert_int_equal(add(f, "wifi", "*", 0, 100), 0);
    akma_key_set_free(deliver(f, ONE, "mqtt wifi", NOW));
    akma_key_set_free(deliver(f, TWO, "mqtt", NOW));
    assert_int_equal(change_keys(f, AKMA_KS_KEY_ROTATE, "wifi:1", NOW + 1), 1);
    assert_int_equal(change_keys(f, AKMA_KS_KEY_REVOKE, "mqtt:1", NOW + 1), 2);

    op->now = NOW + 2;
    assert_int_equal(run(f, op), 0);
    assert_int_equal(op->rows->len, 2);
    count = op->rows->pdata[0];
    assert_string_equal(count->application, "mqtt");
    assert_int_equal(count->keys[AKMA_KEY_CURRENT], 0);
    assert_int_equal(count->keys[AKMA_KEY_REVOKED], 2);
    count = op->rows->pdata[1];
    assert_string_equal(count->application, "wifi");
    assert_int_equal(count->keys[AKMA_KEY_CURRENT], 1);
    assert_int_equal(count->keys[AKMA_KEY_PREVIOUS], 1);

    assert_int_equal(op->counts.applications, 3);
    assert_int_equal(op->counts.keys[AKMA_KEY_CURRENT], 1);
    assert_int_equal(op->counts.keys[AKMA_KEY_PREVIOUS], 1);
    assert_int_equal(op->counts.keys[AKMA_KEY_REVOKED], 2);

    /* the one before is not accepted any more, so it is no key */
    op->now = NOW + 2000;
    assert_int_equal(run(f, op), 0);
    assert_int_equal(op->rows->len, 2);
    assert_int_equal(op->counts.keys[AKMA_KEY_PREVIOUS], 0);
    assert_int_equal(op->counts.keys[AKMA_KEY_REVOKED], 2);
}

static void
terminals_are_counted_the_revoked_ones_also_alone(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) revoke = akma_ks_op_new(AKMA_KS_TERMINAL_REVOKE);
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_COUNT);

    assert_int_equal(run(f, op), 0);
    assert_int_equal(op->counts.terminals, 0);
    assert_int_equal(op->counts.revoked_terminals, 0);
    assert_int_equal(add(f, "mqtt", "*", 0, 100), 0);
    akma_key_set_free(deliver(f, ONE, "mqtt", NOW));
    akma_key_set_free(deliver(f, TWO, "mqtt", NOW));
    revoke->terminal = g_strdup(TWO);
    revoke->flag = true;
    assert_int_equal(run(f, revoke), 0);

    assert_int_equal(run(f, op), 0);
    assert_int_equal(op->counts.terminals, 2);
    assert_int_equal(op->counts.revoked_terminals, 1);
}

static void
lines_have_one_version_each(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_KEY_EXPORT);
    g_auto(AkmaKeyLines) lines = {0};
    const AkmaKsKey *row;

    assert_int_equal(add(f, "mqtt", "*", 0, 100), 0);
    check(delivered(f, NOW), "mqtt:1");
    assert_int_equal(import(f, "mqtt", ONE, "0123456789abcdef", NOW + 1), 0);
    op->now = NOW + 2;
    op->application = g_strdup("mqtt");
    assert_int_equal(run(f, op), 0);
    assert_int_equal(op->rows->len, 2);

    row = op->rows->pdata[1];
    assert_true(akma_key_lines_add(&lines, AKMA_KEY_LINES_MOSQUITTO, row, NULL));
    assert_memory_equal(lines.bytes, "mqtt.2.", 7);
    assert_memory_equal(lines.bytes + lines.len - 34, ":30313233343536373839616263646566\n", 34);
    assert_null(memchr(row->key->identity, ':', strlen(row->key->identity)));

    /* far more than the first piece of memory */
    for (int i = 0; i < 1000; i++)
        assert_true(akma_key_lines_add(&lines, AKMA_KEY_LINES_JSON, row, NULL));
    assert_true(lines.len > 100000 && lines.bytes[lines.len - 1] == '\n');
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_that_is_brought_is_the_next_version),
        TEST(reject_keys_for_what_is_not_there_or_made_elsewhere),
        TEST(what_is_accepted_now_is_exported_and_nothing_else),
        TEST(a_long_export_goes_in_pages_without_a_gap),
        TEST(a_terminal_gets_a_new_version_once_followers_have_it),
        TEST(a_version_that_is_replaced_at_its_age_waits_for_followers_too),
        TEST(followers_that_are_gone_hold_up_nothing),
        TEST(nobody_is_left_without_an_accepted_version_for_a_follower),
        TEST(keys_are_counted_by_application_and_state),
        TEST(terminals_are_counted_the_revoked_ones_also_alone),
        TEST(lines_have_one_version_each),
    };

    if (!akma_wiping_init() || !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return RUN(tests);
}
