/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store and keys of other servers: applications of a provider, terminals of a consumer. */
#include "keyserver/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/key-store.h"

#define THIRD "third/" ONE
#define OTHER "other/" ONE

static void
add_upstream(Fixture *f, const char *id, const char *allow)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_ADD);

    op->settings = akma_ks_application_new(id);
    op->settings->provider = g_strdup("fifth");
    op->settings->upstream_id = g_strdup("broker");
    if (allow)
        akma_ks_application_add_rule(op->settings, allow, true);
    assert_int_equal(run(f, op), 0);
}

static void
remove_application(Fixture *f, const char *id)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_REMOVE);

    op->application = g_strdup(id);
    assert_int_equal(run(f, op), 0);
}

static void
see_version(Fixture *f, const char *id, int64_t version)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_VERSION_SEEN);

    op->application = g_strdup(id);
    op->version = version;
    assert_int_equal(run(f, op), 0);
}

/* For ONE: what is answered, and what a provider is to be asked for. */
static AkmaKsOp *
ask(Fixture *f, const char *ids)
{
    AkmaKsOp *op = akma_ks_op_new(AKMA_KS_DELIVER);

    op->now = NOW;
    op->terminal = g_strdup(ONE);
    op->ids = g_strsplit(ids, " ", -1);
    assert_int_equal(run(f, op), 0);

    return op;
}

static AkmaKeySet *
deliver_granted(Fixture *f, const char *terminal, const char *ids, const char *granted)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_DELIVER);

    op->now = NOW;
    op->terminal = g_strdup(terminal);
    op->ids = g_strsplit(ids, " ", -1);
    op->granted = g_strsplit(granted, " ", -1);
    assert_int_equal(run(f, op), 0);
    assert_int_equal(op->upstream->len, 0);

    return g_steal_pointer(&op->set);
}

static void
a_key_of_a_provider_is_a_question_and_no_key(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = NULL;
    const AkmaKsUpstream *upstream;

    add(f, "local", "*", 0, 0);
    add_upstream(f, "mqtt", "*");
    op = ask(f, "mqtt local nothing");

    assert_int_equal(op->upstream->len, 1);
    upstream = op->upstream->pdata[0];
    assert_string_equal(upstream->application, "mqtt");
    assert_string_equal(upstream->provider, "fifth");
    assert_string_equal(upstream->upstream_id, "broker");
    assert_true(upstream->base == 0 && upstream->seen == 0);
    assert_int_equal(op->set->keys->len, 1);
    assert_int_equal(op->set->errors->len, 1);
    assert_string_equal(((const AkmaKey *)op->set->keys->pdata[0])->kid, "local:1");
}

static void
reject_a_provider_for_whom_there_is_no_right(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) without = NULL;
    g_autoptr(AkmaKsOp) revoked = NULL;

    add_upstream(f, "mqtt", NULL);
    without = ask(f, "mqtt");
    rule(f, "mqtt", "*", true);
    change_terminal(f, AKMA_KS_TERMINAL_REVOKE, ONE, true);
    revoked = ask(f, "mqtt");

    assert_int_equal(without->upstream->len, 0);
    assert_int_equal(only_cause(without->set), AKMA_CAUSE_NOT_ENTITLED);
    assert_int_equal(revoked->upstream->len, 0);
    assert_int_equal(only_cause(revoked->set), AKMA_CAUSE_REVOKED);
}

static void
versions_of_a_provider_go_on_behind_those_given_out(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) first = NULL;
    g_autoptr(AkmaKsOp) later = NULL;
    g_autoptr(AkmaKeySet) local = NULL;

    add(f, "mqtt", "*", 0, 0);
    akma_key_set_free(deliver(f, ONE, "mqtt", NOW));
    change_keys(f, AKMA_KS_KEY_ROTATE, NULL, NOW);
    remove_application(f, "mqtt");
    add_upstream(f, "mqtt", "*");
    first = ask(f, "mqtt");
    see_version(f, "mqtt", 7);
    see_version(f, "mqtt", 5);
    later = ask(f, "mqtt");
    remove_application(f, "mqtt");
    add(f, "mqtt", "*", 0, 0);
    local = deliver(f, ONE, "mqtt", NOW);

    assert_int_equal(((const AkmaKsUpstream *)first->upstream->pdata[0])->base, 2);
    assert_int_equal(((const AkmaKsUpstream *)later->upstream->pdata[0])->base, 2);
    assert_int_equal(((const AkmaKsUpstream *)later->upstream->pdata[0])->seen, 7);
    assert_string_equal(only_key(local)->kid, "mqtt:8");
}

static void
reject_changing_keys_that_a_provider_keeps(void **state)
{
    Fixture *f = *state;
    const AkmaKsAction actions[] = {AKMA_KS_KEY_ROTATE, AKMA_KS_KEY_REVOKE};

    add_upstream(f, "mqtt", "*");
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        g_autoptr(AkmaKsOp) op = akma_ks_op_new(actions[i]);

        op->application = g_strdup("mqtt");
        assert_int_equal(run(f, op), AKMA_ERROR_INVALID_ARGUMENT);
    }
}

static void
consumers_do_not_share_what_they_call_alike(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) third = NULL;
    g_autoptr(AkmaKeySet) again = NULL;
    g_autoptr(AkmaKeySet) other = NULL;
    g_autoptr(AkmaKeySet) own = NULL;

    add(f, "mqtt", "*", 0, 0);
    third = deliver_granted(f, THIRD, "mqtt", "mqtt");
    again = deliver_granted(f, THIRD, "mqtt", "mqtt");
    other = deliver_granted(f, OTHER, "mqtt", "mqtt");
    own = deliver(f, ONE, "mqtt", NOW);

    assert_true(akma_secret_equal(only_key(third)->secret, only_key(again)->secret));
    assert_false(akma_secret_equal(only_key(third)->secret, only_key(other)->secret));
    assert_false(akma_secret_equal(only_key(third)->secret, only_key(own)->secret));
    assert_string_not_equal(only_key(third)->identity, only_key(other)->identity);
}

static void
a_consumer_gets_what_it_was_granted_without_a_rule(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) set = NULL;

    add(f, "mqtt", NULL, 0, 0);
    set = deliver_granted(f, THIRD, "mqtt", "vpn mqtt");

    assert_string_equal(only_key(set)->kid, "mqtt:1");
}

static void
reject_what_a_consumer_was_not_granted(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) ungranted = NULL;
    g_autoptr(AkmaKeySet) nothing = NULL;
    g_autoptr(AkmaKeySet) upstream = NULL;

    /* a rule for everybody here is none for the terminals of others */
    add(f, "mqtt", "*", 0, 0);
    add_upstream(f, "chain", "*");
    ungranted = deliver_granted(f, THIRD, "mqtt", "vpn");
    nothing = deliver_granted(f, THIRD, "vpn", "vpn");
    upstream = deliver_granted(f, THIRD, "chain", "chain");

    assert_int_equal(only_cause(ungranted), AKMA_CAUSE_NOT_ENTITLED);
    assert_int_equal(only_cause(nothing), AKMA_CAUSE_NOT_ENTITLED);
    assert_int_equal(only_cause(upstream), AKMA_CAUSE_NOT_ENTITLED);
}

static void
reject_a_terminal_of_a_consumer_that_a_rule_denies(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) denied = NULL;
    g_autoptr(AkmaKeySet) again = NULL;
    g_autoptr(AkmaKeySet) other = NULL;
    g_autoptr(AkmaKeySet) revoked = NULL;

    add(f, "mqtt", NULL, 0, 0);
    rule(f, "mqtt", "third/*", false);
    denied = deliver_granted(f, THIRD, "mqtt", "mqtt");
    other = deliver_granted(f, OTHER, "mqtt", "mqtt");
    rule(f, "mqtt", THIRD, true);
    again = deliver_granted(f, THIRD, "mqtt", "mqtt");
    assert_int_equal(change_terminal(f, AKMA_KS_TERMINAL_REVOKE, THIRD, true), 0);
    revoked = deliver_granted(f, THIRD, "mqtt", "mqtt");

    assert_int_equal(only_cause(denied), AKMA_CAUSE_NOT_ENTITLED);
    assert_string_equal(only_key(other)->kid, "mqtt:1");
    assert_string_equal(only_key(again)->kid, "mqtt:1");
    assert_int_equal(only_cause(revoked), AKMA_CAUSE_REVOKED);
}

static void
a_store_of_version_1_goes_on(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKeySet) before = NULL;
    g_autoptr(AkmaKeySet) after = NULL;
    g_autoptr(AkmaKeySet) shared = NULL;

    add(f, "mqtt", "*", 0, 0);
    before = deliver(f, ONE, "mqtt", NOW);
    akma_ks_close(f->store);
    write_sql(f, "CREATE INDEX app_key_application ON app_key (application)");
    write_sql(f, "DROP INDEX app_key_count");
    write_sql(f, "DROP TABLE follower");
    write_sql(f, "ALTER TABLE application DROP COLUMN provider");
    write_sql(f, "ALTER TABLE application DROP COLUMN upstream_id");
    write_sql(f, "ALTER TABLE application DROP COLUMN base");
    write_sql(f, "DELETE FROM terminal WHERE id = '*'");
    set_version(f, 1);
    f->store = akma_ks_open(&f->place, NULL);
    assert_non_null(f->store);
    after = deliver(f, ONE, "mqtt", NOW);
    add_upstream(f, "vpn", "*");
    add(f, "all", "*", 0, 0);
    write_sql(f, "UPDATE application SET source = 'shared' WHERE id = 'all'");
    shared = deliver(f, ONE, "all", NOW);

    assert_true(akma_secret_equal(only_key(before)->secret, only_key(after)->secret));
    assert_string_equal(only_key(shared)->identity, "all.1.shared");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_of_a_provider_is_a_question_and_no_key),
        TEST(reject_a_provider_for_whom_there_is_no_right),
        TEST(versions_of_a_provider_go_on_behind_those_given_out),
        TEST(reject_changing_keys_that_a_provider_keeps),
        TEST(consumers_do_not_share_what_they_call_alike),
        TEST(a_consumer_gets_what_it_was_granted_without_a_rule),
        TEST(reject_what_a_consumer_was_not_granted),
        TEST(reject_a_terminal_of_a_consumer_that_a_rule_denies),
        TEST(a_store_of_version_1_goes_on),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return RUN(tests);
}
