/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store-deliver: what terminals cause: which applications one may ask for, and reading, making
 * and rotating its keys. Most deliveries write nothing: they are tried in a transaction that
 * only reads, and run again as a whole in one that may write when there is something to write.
 */
#include "keyserver/store-private.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "keyserver/rights.h"

/* Adds to @verdicts (application -> AkmaVerdict) all that the rules say about @terminal. */
static bool
judge(AkmaKsTransaction *self, const char *terminal, GHashTable *verdicts, GError **error)
{
    AkmaRow *row = akma_sql_bind(self->sql, AKMA_SQL_RULES_OF_TERMINAL, error, "t", terminal);
    int more = -1;

    while (row && (more = akma_sql_step(self->sql, row, error)) == 1) {
        const char *application = akma_row_get_text(row, 0);
        AkmaRuleKind kind = (AkmaRuleKind)akma_row_get_int(row, 1);
        AkmaVerdict *verdict;

        if (kind == AKMA_RULE_GLOB && !akma_rule_glob_matches(akma_row_get_text(row, 2), terminal))
            continue;
        verdict = g_hash_table_lookup(verdicts, application);
        if (!verdict) {
            verdict = g_new0(AkmaVerdict, 1);
            g_hash_table_insert(verdicts, g_strdup(application), verdict);
        }
        akma_verdict_add(verdict, kind, akma_row_get_int(row, 3) != 0);
    }

    return more == 0;
}

static bool
is_allowed(GHashTable *verdicts, const char *application)
{
    const AkmaVerdict *verdict = g_hash_table_lookup(verdicts, application);

    return verdict && verdict->right == AKMA_RIGHT_ALLOWED;
}

/* @ret_known: there is a row; @ret_revoked */
static bool
get_terminal(AkmaKsTransaction *self,
             const char *terminal,
             bool *ret_known,
             bool *ret_revoked,
             GError **error)
{
    AkmaRow *row = akma_sql_bind(self->sql, AKMA_SQL_TERMINAL_GET, error, "t", terminal);
    int more = row ? akma_sql_step(self->sql, row, error) : -1;

    if (more < 0)
        return false;
    *ret_known = more == 1;
    *ret_revoked = more == 1 && akma_row_get_int(row, 0) != 0;
    akma_row_reset(row);

    return true;
}

static int
compare_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* @terminal may have it, and its keys are made elsewhere. */
static bool
add_upstream(AkmaKsTransaction *self,
             AkmaKsOp *op,
             const AkmaKsApplication *application,
             GError **error)
{
    AkmaKsUpstream *upstream;
    int64_t seen;

    if (!akma_sql_number(self->sql, AKMA_SQL_FLOOR_GET, &seen, error, "t", application->id))
        return false;

    upstream = g_new0(AkmaKsUpstream, 1);
    upstream->application = g_strdup(application->id);
    upstream->provider = g_strdup(application->provider);
    upstream->upstream_id = g_strdup(application->upstream_id);
    upstream->base = application->base;
    upstream->seen = seen;
    g_ptr_array_add(op->upstream, upstream);

    return true;
}

/* What has a provider, of that which the terminal names before it is proven. */
static bool
add_hints(AkmaKsTransaction *self, AkmaKsOp *op, GHashTable *verdicts, GError **error)
{
    g_ptr_array_set_size(op->upstream, 0);
    for (size_t i = 0; op->hints && op->hints[i]; i++) {
        g_autoptr(AkmaKsApplication) application = NULL;

        if (!is_allowed(verdicts, op->hints[i]))
            continue;
        if (!akma_ks_get_application(self, op->hints[i], &application, error) ||
            (application && application->provider && !add_upstream(self, op, application, error)))
            return false;
    }

    return true;
}

AkmaKsOutcome
akma_ks_run_entitled(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    g_autoptr(GHashTable) verdicts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GPtrArray *ids;
    GHashTableIter iter;
    gpointer application;
    bool known;
    bool revoked;

    if (!get_terminal(self, op->terminal, &known, &revoked, error) ||
        !judge(self, op->terminal, verdicts, error) ||
        (!revoked && !add_hints(self, op, verdicts, error)))
        return AKMA_KS_FAILED;

    ids = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_iter_init(&iter, verdicts);
    while (g_hash_table_iter_next(&iter, &application, NULL)) {
        if (!revoked && is_allowed(verdicts, application))
            g_ptr_array_add(ids, g_strdup(application));
    }
    g_ptr_array_sort(ids, compare_text);
    if (ids->len > AKMA_KS_IDS_MAX)
        g_ptr_array_set_size(ids, AKMA_KS_IDS_MAX);
    g_ptr_array_set_free_func(ids, NULL);
    g_ptr_array_add(ids, NULL);
    g_strfreev(op->ids);
    op->ids = (GStrv)g_ptr_array_free(ids, FALSE);

    return AKMA_KS_DONE;
}

/*
 * With a grace time a version is replaced a little before its end, so that a terminal that asks
 * in time never stands without one.
 */
static bool
is_due(const AkmaKsApplication *application, const AkmaKsVersion *version, int64_t now)
{
    int64_t ahead = MIN(application->grace_s, application->max_age_s / 5);

    return version->not_after > 0 && now >= version->not_after - ahead;
}

/*
 * Adds @newest to the answer; but @before, if that is still accepted, while a follower of the
 * application's keys has not published @newest yet: else the terminal would come with a key that
 * nobody there knows.
 */
static bool
add_key(AkmaKsTransaction *self,
        AkmaKsOp *op,
        const AkmaKsApplication *application,
        const AkmaKsVersion *newest,
        const AkmaKsVersion *before,
        GError **error)
{
    const AkmaKsVersion none = {0};
    bool accepted =
        before->version > 0 && before->state == AKMA_KEY_PREVIOUS && before->not_after > op->now;
    int64_t behind = 0;

    if (accepted && !akma_sql_number(self->sql,
                                     AKMA_SQL_FOLLOWERS_BEHIND,
                                     &behind,
                                     error,
                                     "tii",
                                     application->id,
                                     op->now,
                                     newest->created))
        return false;

    g_ptr_array_add(op->set->keys,
                    akma_ks_to_key(op->terminal,
                                   application,
                                   behind > 0 ? before : newest,
                                   behind > 0 ? &none : before,
                                   op->now));

    return true;
}

/* @terminal may have @id: adds its key to the answer. */
static AkmaKsOutcome
deliver_allowed(AkmaKsTransaction *self,
                AkmaKsOp *op,
                const AkmaKsApplication *application,
                GError **error)
{
    g_auto(AkmaKsVersion) newest = {0};
    g_auto(AkmaKsVersion) before = {0};
    g_auto(AkmaKsVersion) made = {0};

    if (!akma_ks_get_versions(self, op->terminal, application, &newest, &before, error))
        return AKMA_KS_FAILED;
    if (newest.version > 0 && newest.state == AKMA_KEY_REVOKED) {
        akma_key_set_add_error(op->set, application->id, AKMA_CAUSE_REVOKED);
        return AKMA_KS_DONE;
    }
    if (newest.version > 0 && !is_due(application, &newest, op->now))
        return add_key(self, op, application, &newest, &before, error) ? AKMA_KS_DONE
                                                                       : AKMA_KS_FAILED;

    /* one that all terminals have is made once, whoever asks first: with nobody beside us */
    op->alone = op->alone || application->shared;
    if (!self->writing || (application->shared && !self->alone))
        return AKMA_KS_MUST_WRITE;
    if (!akma_ks_make_version(self, op->terminal, application, op->now, &newest, &made, error) ||
        !add_key(self, op, application, &made, &newest, error))
        return AKMA_KS_FAILED;

    return AKMA_KS_DONE;
}

/* What the consumer of a terminal may have stands there like one more rule with a glob. */
static void
grant(GHashTable *verdicts, const char *const *granted)
{
    for (; *granted; granted++) {
        AkmaVerdict *verdict = g_new0(AkmaVerdict, 1);

        akma_verdict_add(verdict, AKMA_RULE_GLOB, true);
        g_hash_table_insert(verdicts, g_strdup(*granted), verdict);
    }
}

/* One of those asked for, by a terminal that is not revoked. */
static AkmaKsOutcome
deliver_one(
    AkmaKsTransaction *self, AkmaKsOp *op, GHashTable *verdicts, const char *id, GError **error)
{
    g_autoptr(AkmaKsApplication) application = NULL;

    if (!akma_ks_get_application(self, id, &application, error))
        return AKMA_KS_FAILED;
    if (application && is_allowed(verdicts, id) && !application->provider)
        return deliver_allowed(self, op, application, error);
    /* a consumer gets what is made here, and nothing through us from another provider */
    if (application && is_allowed(verdicts, id) && !op->granted)
        return add_upstream(self, op, application, error) ? AKMA_KS_DONE : AKMA_KS_FAILED;
    akma_key_set_add_error(op->set, id, AKMA_CAUSE_NOT_ENTITLED);

    return AKMA_KS_DONE;
}

AkmaKsOutcome
akma_ks_run_version_seen(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    return akma_sql_exec(self->sql, AKMA_SQL_FLOOR_RAISE, error, "ti", op->application, op->version)
               ? AKMA_KS_DONE
               : AKMA_KS_FAILED;
}

AkmaKsOutcome
akma_ks_run_deliver(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    g_autoptr(GHashTable) verdicts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    AkmaKsOutcome outcome = AKMA_KS_DONE;
    bool known;
    bool revoked;

    g_clear_pointer(&op->set, akma_key_set_free);
    op->set = akma_key_set_new(op->now);
    g_ptr_array_set_size(op->upstream, 0);
    if (op->granted)
        grant(verdicts, (const char *const *)op->granted);
    if (!get_terminal(self, op->terminal, &known, &revoked, error) ||
        !judge(self, op->terminal, verdicts, error))
        return AKMA_KS_FAILED;
    if (!known && !self->writing)
        return AKMA_KS_MUST_WRITE;
    /* also without any right: so its operator sees whom to give one */
    if (!known &&
        !akma_sql_exec(self->sql, AKMA_SQL_TERMINAL_INSERT, error, "ti", op->terminal, op->now))
        return AKMA_KS_FAILED;

    for (size_t i = 0; outcome == AKMA_KS_DONE && op->ids[i]; i++) {
        bool granted =
            !op->granted || g_strv_contains((const char *const *)op->granted, op->ids[i]);

        /* a terminal that is revoked loses all it has, and learns nothing about the rest */
        if (revoked)
            akma_key_set_add_error(op->set, op->ids[i], AKMA_CAUSE_REVOKED);
        else if (!granted)
            akma_key_set_add_error(op->set, op->ids[i], AKMA_CAUSE_NOT_ENTITLED);
        else
            outcome = deliver_one(self, op, verdicts, op->ids[i], error);
    }

    return outcome;
}

/* What the two above read whatever they find; they get the same without it, one after another. */
void
akma_ks_foresee(AkmaSql *sql, const AkmaKsOp *op)
{
    if (op->action != AKMA_KS_DELIVER && op->action != AKMA_KS_ENTITLED)
        return;

    akma_sql_want(sql, AKMA_SQL_TERMINAL_GET, "t", op->terminal);
    akma_sql_want(sql, AKMA_SQL_RULES_OF_TERMINAL, "t", op->terminal);
    for (size_t i = 0; op->action == AKMA_KS_DELIVER && op->ids[i]; i++) {
        akma_sql_want(sql, AKMA_SQL_APPLICATION_GET, "t", op->ids[i]);
        akma_sql_want(sql, AKMA_SQL_KEY_LATEST, "tt", op->terminal, op->ids[i]);
        akma_sql_want(sql, AKMA_SQL_FLOOR_GET, "t", op->ids[i]);
    }
}
