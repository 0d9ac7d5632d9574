/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store-publish: keys that come from outside and keys that go to applications: import, export,
 * and who follows the exports.
 */
#include "keyserver/store-private.h"

#include "base/error.h"

#define PAGE 256

static bool
invalid(GError **error, const char *message)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, message);

    return false;
}

/* One whose keys are made here. */
static AkmaKsApplication *
get_own_application(AkmaKsTransaction *self, const char *id, GError **error)
{
    g_autoptr(AkmaKsApplication) application = NULL;

    if (!akma_ks_get_application(self, id, &application, error))
        return NULL;
    if (!application) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "no application \"%s\"", id);
        return NULL;
    }
    if (application->provider) {
        invalid(error, "the keys of this application are made by its provider");
        return NULL;
    }

    return g_steal_pointer(&application);
}

static bool
check_terminal(AkmaKsTransaction *self, const char *id, GError **error)
{
    AkmaRow *row = akma_sql_bind(self->sql, AKMA_SQL_TERMINAL_GET, error, "t", id);
    int more = row ? akma_sql_step(self->sql, row, error) : -1;

    if (more == 1)
        akma_row_reset(row);
    if (more == 0)
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "no terminal \"%s\"", id);

    return more == 1;
}

/* Whose key it is: of a terminal that is known, or of all. */
static bool
check_place(AkmaKsTransaction *self,
            const AkmaKsApplication *application,
            const char *terminal,
            GError **error)
{
    if (application->shared)
        return !terminal || invalid(error, "all terminals share the key of this application");

    return terminal ? check_terminal(self, terminal, error)
                    : invalid(error, "each terminal has a key of its own: which one?");
}

AkmaKsOutcome
akma_ks_run_import(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    g_autoptr(AkmaKsApplication) application = get_own_application(self, op->application, error);
    g_auto(AkmaKsVersion) newest = {0};
    g_auto(AkmaKsVersion) before = {0};
    g_auto(AkmaKsVersion) made = {0};
    const char *place;

    if (!application || !check_place(self, application, op->terminal, error))
        return AKMA_KS_FAILED;
    place = akma_ks_get_place(application, op->terminal);
    if (!akma_ks_get_versions(self, place, application, &newest, &before, error))
        return AKMA_KS_FAILED;

    made.secret = akma_secret_ref(op->secret);
    if (!akma_ks_make_version(self, place, application, op->now, &newest, &made, error))
        return AKMA_KS_FAILED;
    g_ptr_array_set_size(op->rows, 0);
    akma_ks_add_key_row(op, place, application->id, &made);

    return AKMA_KS_DONE;
}

static bool
export_row(AkmaKsTransaction *self,
           AkmaKsOp *op,
           const AkmaKsApplication *application,
           AkmaRow *row,
           GError **error)
{
    const AkmaKsVersion none = {0};
    const char *terminal = akma_row_get_text(row, 0);
    g_auto(AkmaKsVersion) version = {.version = akma_row_get_int(row, 1),
                                     .state = akma_row_get_int(row, 2),
                                     .created = akma_row_get_int(row, 4),
                                     .not_after = akma_row_get_int(row, 5)};
    g_autofree char *kid = akma_ks_dup_kid(application->id, version.version);
    g_autoptr(GByteArray) place = akma_ks_seal_key_place(terminal, kid);
    const void *sealed;
    AkmaKsKey *added;
    size_t len;

    sealed = akma_row_get_blob(row, 3, &len);
    version.secret = akma_ks_seal_open(self->seal, sealed, len, place->data, place->len, error);
    if (!version.secret) {
        g_prefix_error(error, "%s of terminal %s: ", kid, terminal);
        return false;
    }
    added = akma_ks_add_key_row(op, terminal, application->id, &version);
    added->key = akma_ks_to_key(terminal, application, &version, &none, op->now);

    return true;
}

AkmaKsOutcome
akma_ks_run_export(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    g_autoptr(AkmaKsApplication) application = get_own_application(self, op->application, error);
    g_autofree char *last = NULL;
    int64_t last_version = 0;
    AkmaRow *row = NULL;
    int more = -1;

    g_ptr_array_set_size(op->rows, 0);
    if (application)
        row = akma_sql_bind(self->sql,
                            AKMA_SQL_KEY_EXPORT,
                            error,
                            "ttiii",
                            application->id,
                            op->after.terminal,
                            op->after.version,
                            op->now,
                            (int64_t)PAGE);
    while (row && (more = akma_sql_step(self->sql, row, error)) == 1) {
        if (!export_row(self, op, application, row, error)) {
            akma_row_reset(row);
            return AKMA_KS_FAILED;
        }
        g_free(last);
        last = g_strdup(akma_row_get_text(row, 0));
        last_version = akma_row_get_int(row, 1);
    }
    if (more != 0)
        return AKMA_KS_FAILED;

    op->more = op->rows->len == PAGE;
    if (op->more)
        akma_ks_move_cursor(op, last, application->id, last_version);

    return AKMA_KS_DONE;
}

AkmaKsOutcome
akma_ks_run_follow(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    AkmaSql *sql = self->sql;
    bool ok = akma_sql_exec(sql, AKMA_SQL_FOLLOWERS_EXPIRE, error, "i", op->now);

    if (ok && op->flag)
        ok = akma_sql_exec(sql,
                           AKMA_SQL_FOLLOWER_SET,
                           error,
                           "ttii",
                           op->application,
                           op->text,
                           op->version,
                           op->now + AKMA_KS_FOLLOWER_S);
    else if (ok)
        ok = akma_sql_exec(sql, AKMA_SQL_FOLLOWER_DELETE, error, "tt", op->application, op->text);

    return ok ? AKMA_KS_DONE : AKMA_KS_FAILED;
}
