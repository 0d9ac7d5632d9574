/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store-admin: what verbs do to applications and terminals. */
#include "keyserver/store-private.h"

#include <string.h>

#include "base/error.h"
#include "keyserver/rights.h"

static bool
unknown(GError **error, const char *what, const char *id)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "no %s \"%s\"", what, id);

    return false;
}

static AkmaKsApplication *
read_application(AkmaRow *row)
{
    AkmaKsApplication *self = akma_ks_application_new(akma_row_get_text(row, 0));

    self->length = (unsigned)akma_row_get_int(row, 1);
    self->alg = g_strdup(akma_row_get_text(row, 2));
    self->use = g_strdup(akma_row_get_text(row, 3));
    self->max_age_s = akma_row_get_int(row, 4);
    self->grace_s = akma_row_get_int(row, 5);
    self->created = akma_row_get_int(row, 6);
    self->provider = g_strdup(akma_row_get_text(row, 7));
    self->upstream_id = g_strdup(akma_row_get_text(row, 8));
    self->base = akma_row_get_int(row, 9);
    self->shared = g_strcmp0(akma_row_get_text(row, 10), "shared") == 0;

    return self;
}

bool
akma_ks_get_application(AkmaKsTransaction *self,
                        const char *id,
                        AkmaKsApplication **ret_application,
                        GError **error)
{
    AkmaRow *row = akma_sql_bind(self->sql, AKMA_SQL_APPLICATION_GET, error, "t", id);
    int more = row ? akma_sql_step(self->sql, row, error) : -1;

    if (more < 0)
        return false;
    *ret_application = more == 1 ? read_application(row) : NULL;
    akma_row_reset(row);

    return true;
}

static bool
need_application(AkmaKsTransaction *self, const char *id, GError **error)
{
    g_autoptr(AkmaKsApplication) application = NULL;

    return akma_ks_get_application(self, id, &application, error) &&
           (application || unknown(error, "application", id));
}

static bool
set_rule(AkmaKsTransaction *self,
         const char *application,
         const char *pattern,
         bool allow,
         GError **error)
{
    AkmaRuleKind kind;
    const char *text;

    return akma_rule_parse(pattern, &kind, &text, error) && akma_sql_exec(self->sql,
                                                                          AKMA_SQL_RULE_SET,
                                                                          error,
                                                                          "titi",
                                                                          application,
                                                                          (int64_t)kind,
                                                                          text,
                                                                          (int64_t)allow);
}

/* An application of that name may have given out versions: those of a provider go on behind. */
static bool
insert_application(AkmaKsTransaction *self,
                   const AkmaKsApplication *settings,
                   int64_t now,
                   GError **error)
{
    int64_t base = 0;

    if (settings->provider &&
        !akma_sql_number(self->sql, AKMA_SQL_FLOOR_GET, &base, error, "t", settings->id))
        return false;

    return akma_sql_exec(self->sql,
                         AKMA_SQL_APPLICATION_INSERT,
                         error,
                         "tittiiittti",
                         settings->id,
                         (int64_t)settings->length,
                         settings->alg,
                         settings->use,
                         settings->max_age_s,
                         settings->grace_s,
                         now,
                         akma_ks_application_get_source(settings),
                         settings->provider,
                         settings->upstream_id,
                         base);
}

static bool
add_application(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    const AkmaKsApplication *settings = op->settings;
    g_autoptr(AkmaKsApplication) there = NULL;

    if (!akma_ks_get_application(self, settings->id, &there, error))
        return false;
    if (there) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "application \"%s\" is there already",
                    settings->id);
        return false;
    }
    if (!insert_application(self, settings, op->now, error))
        return false;
    for (guint i = 0; i < settings->rules->len; i++) {
        const AkmaKsRule *rule = settings->rules->pdata[i];

        if (!set_rule(self, settings->id, rule->pattern, rule->allow, error))
            return false;
    }

    return true;
}

static bool
add_rules(AkmaKsTransaction *self, AkmaKsApplication *application, GError **error)
{
    AkmaRow *row =
        akma_sql_bind(self->sql, AKMA_SQL_RULES_OF_APPLICATION, error, "t", application->id);
    int more = -1;

    while (row && (more = akma_sql_step(self->sql, row, error)) == 1) {
        bool group = akma_row_get_int(row, 0) == AKMA_RULE_GROUP;
        g_autofree char *pattern =
            g_strconcat(group ? "group:" : "", akma_row_get_text(row, 1), NULL);

        akma_ks_application_add_rule(application, pattern, akma_row_get_int(row, 2) != 0);
    }

    return more == 0;
}

static bool
list_applications(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    AkmaRow *row = akma_sql_bind(self->sql, AKMA_SQL_APPLICATION_LIST, error, "t", op->application);
    int more = -1;

    while (row && (more = akma_sql_step(self->sql, row, error)) == 1)
        g_ptr_array_add(op->rows, read_application(row));
    if (more != 0)
        return false;
    if (op->application && op->rows->len == 0)
        return unknown(error, "application", op->application);

    for (guint i = 0; i < op->rows->len; i++) {
        if (!add_rules(self, op->rows->pdata[i], error))
            return false;
    }

    return true;
}

/* Its versions are never given out again, should an application of this name come back. */
static bool
remove_application(AkmaKsTransaction *self, const char *id, GError **error)
{
    AkmaSql *sql = self->sql;

    return need_application(self, id, error) &&
           akma_sql_exec(sql, AKMA_SQL_FLOOR_OF_APPLICATION, error, "t", id) &&
           akma_sql_exec(sql, AKMA_SQL_KEYS_DELETE_APPLICATION, error, "t", id) &&
           akma_sql_exec(sql, AKMA_SQL_RULES_DELETE, error, "t", id) &&
           akma_sql_exec(sql, AKMA_SQL_APPLICATION_DELETE, error, "t", id);
}

AkmaKsOutcome
akma_ks_run_application(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    bool ok = false;

    if (op->action == AKMA_KS_APPLICATION_ADD)
        ok = add_application(self, op, error);
    else if (op->action == AKMA_KS_APPLICATION_LIST)
        ok = list_applications(self, op, error);
    else if (op->action == AKMA_KS_APPLICATION_REMOVE)
        ok = remove_application(self, op->application, error);
    else if (op->action == AKMA_KS_RULE)
        ok = need_application(self, op->application, error) &&
             set_rule(self, op->application, op->text, op->flag, error);

    return ok ? AKMA_KS_DONE : AKMA_KS_FAILED;
}

static bool
add_groups(AkmaKsTransaction *self, AkmaKsTerminal *terminal, GError **error)
{
    AkmaRow *row = akma_sql_bind(self->sql, AKMA_SQL_GROUPS_OF_TERMINAL, error, "t", terminal->id);
    g_autoptr(GStrvBuilder) groups = g_strv_builder_new();
    int more = -1;

    while (row && (more = akma_sql_step(self->sql, row, error)) == 1)
        g_strv_builder_add(groups, akma_row_get_text(row, 0));
    if (more == 0)
        terminal->groups = g_strv_builder_end(groups);

    return more == 0;
}

static bool
list_terminals(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    int64_t limit = op->limit > 0 ? op->limit : 1000;
    AkmaRow *row = akma_sql_bind(self->sql,
                                 AKMA_SQL_TERMINAL_LIST,
                                 error,
                                 "tti",
                                 op->terminal,
                                 op->after.terminal,
                                 limit + 1);
    int more = -1;

    while (row && (more = akma_sql_step(self->sql, row, error)) == 1) {
        AkmaKsTerminal *terminal = g_new0(AkmaKsTerminal, 1);

        terminal->id = g_strdup(akma_row_get_text(row, 0));
        terminal->label = g_strdup(akma_row_get_text(row, 1));
        terminal->revoked = akma_row_get_int(row, 2) != 0;
        terminal->created = akma_row_get_int(row, 3);
        g_ptr_array_add(op->rows, terminal);
    }
    if (more != 0)
        return false;
    if (op->terminal && op->rows->len == 0)
        return unknown(error, "terminal", op->terminal);

    op->more = op->rows->len > limit;
    if (op->more)
        g_ptr_array_set_size(op->rows, (int)limit);
    for (guint i = 0; i < op->rows->len; i++) {
        if (!add_groups(self, op->rows->pdata[i], error))
            return false;
    }

    return true;
}

static bool
need_terminal(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    AkmaRow *row;
    int more;

    if (op->create)
        return akma_sql_exec(
            self->sql, AKMA_SQL_TERMINAL_INSERT, error, "ti", op->terminal, op->now);

    row = akma_sql_bind(self->sql, AKMA_SQL_TERMINAL_GET, error, "t", op->terminal);
    more = row ? akma_sql_step(self->sql, row, error) : -1;
    if (row)
        akma_row_reset(row);

    return more == 1 || (more == 0 && unknown(error, "terminal", op->terminal));
}

static bool
forget_terminal(AkmaKsTransaction *self, const char *id, GError **error)
{
    AkmaSql *sql = self->sql;

    return akma_sql_exec(sql, AKMA_SQL_FLOOR_OF_TERMINAL, error, "t", id) &&
           akma_sql_exec(sql, AKMA_SQL_KEYS_DELETE_TERMINAL, error, "t", id) &&
           akma_sql_exec(sql, AKMA_SQL_GROUPS_DELETE, error, "t", id) &&
           akma_sql_exec(sql, AKMA_SQL_TERMINAL_DELETE, error, "t", id);
}

AkmaKsOutcome
akma_ks_run_terminal(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    AkmaSql *sql = self->sql;
    const char *id = op->terminal;
    bool ok = false;

    if (op->action == AKMA_KS_TERMINAL_LIST)
        return list_terminals(self, op, error) ? AKMA_KS_DONE : AKMA_KS_FAILED;

    if (!need_terminal(self, op, error))
        return AKMA_KS_FAILED;
    if (op->action == AKMA_KS_TERMINAL_LABEL)
        ok = akma_sql_exec(sql, AKMA_SQL_TERMINAL_LABEL, error, "tt", id, op->text);
    else if (op->action == AKMA_KS_TERMINAL_GROUP)
        ok = akma_sql_exec(
            sql, op->flag ? AKMA_SQL_GROUP_ADD : AKMA_SQL_GROUP_REMOVE, error, "tt", id, op->text);
    else if (op->action == AKMA_KS_TERMINAL_REVOKE)
        ok = akma_sql_exec(sql, AKMA_SQL_TERMINAL_REVOKE, error, "ti", id, (int64_t)op->flag);
    else if (op->action == AKMA_KS_TERMINAL_FORGET)
        ok = forget_terminal(self, id, error);

    return ok ? AKMA_KS_DONE : AKMA_KS_FAILED;
}

static bool
count_terminals(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    AkmaRow *row = akma_sql_bind(self->sql, AKMA_SQL_COUNT_TERMINALS, error, "");

    if (!row || akma_sql_step(self->sql, row, error) != 1)
        return false;

    op->counts.terminals = akma_row_get_int(row, 0);
    op->counts.revoked_terminals = akma_row_get_int(row, 1);
    akma_row_reset(row);

    return true;
}

static bool
count_keys(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    AkmaRow *row = akma_sql_bind(self->sql, AKMA_SQL_COUNT_KEYS, error, "i", op->now);
    AkmaKsKeyCount *count = NULL;
    int more = -1;

    g_ptr_array_set_size(op->rows, 0);
    memset(op->counts.keys, 0, sizeof op->counts.keys);
    while (row && (more = akma_sql_step(self->sql, row, error)) == 1) {
        const char *application = akma_row_get_text(row, 0);
        int64_t state = akma_row_get_int(row, 1);

        if (!count || strcmp(count->application, application) != 0) {
            count = g_new0(AkmaKsKeyCount, 1);
            count->application = g_strdup(application);
            g_ptr_array_add(op->rows, count);
        }
        if (state >= AKMA_KEY_CURRENT && state <= AKMA_KEY_REVOKED) {
            count->keys[state] = akma_row_get_int(row, 2);
            op->counts.keys[state] += count->keys[state];
        }
    }

    return more == 0;
}

AkmaKsOutcome
akma_ks_run_count(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    int64_t *applications = &op->counts.applications;

    if (!akma_sql_number(self->sql, AKMA_SQL_COUNT_APPLICATIONS, applications, error, "") ||
        !count_terminals(self, op, error) || !count_keys(self, op, error))
        return AKMA_KS_FAILED;

    return AKMA_KS_DONE;
}
