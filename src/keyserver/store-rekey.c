/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store-rekey: what the old store key sealed is sealed under the new one, page by page. */
#include "base/error.h"
#include "keyserver/store-private.h"

#define PAGE 256

typedef struct {
    char *terminal;
    char *application;
    int64_t version;
    GBytes *sealed; /* under the new key */
} Row;

static void
row_free(Row *self)
{
    g_free(self->terminal);
    g_free(self->application);
    g_clear_pointer(&self->sealed, g_bytes_unref);
    g_free(self);
}

/* @rows gets one more if the old key opened it. */
static bool
look_at(AkmaKsTransaction *self, AkmaRow *row, GPtrArray *rows, GError **error)
{
    const char *terminal = akma_row_get_text(row, 0);
    const char *application = akma_row_get_text(row, 1);
    int64_t version = akma_row_get_int(row, 2);
    g_autofree char *kid = akma_ks_dup_kid(application, version);
    g_autoptr(GByteArray) place = akma_ks_seal_key_place(terminal, kid);
    g_autoptr(AkmaSecret) key = NULL;
    g_autoptr(GBytes) anew = NULL;
    const void *sealed;
    size_t len;
    Row *found;

    sealed = akma_row_get_blob(row, 4, &len);
    key = akma_ks_seal_open(self->seal, sealed, len, place->data, place->len, error);
    if (!key) {
        g_prefix_error(error, "%s of terminal %s: ", kid, terminal);
        return false;
    }
    if (!akma_ks_seal_was_old(self->seal))
        return true;
    anew = akma_ks_seal_close(self->seal, key, place->data, place->len, error);
    if (!anew)
        return false;

    found = g_new0(Row, 1);
    found->terminal = g_strdup(terminal);
    found->application = g_strdup(application);
    found->version = version;
    found->sealed = g_steal_pointer(&anew);
    g_ptr_array_add(rows, found);

    return true;
}

/* Nothing is changed while the list is open. */
static GPtrArray *
collect(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
    AkmaKsCursor *after = &op->after;
    AkmaRow *row = akma_sql_bind(self->sql,
                                 AKMA_SQL_COPY_KEYS,
                                 error,
                                 "ttii",
                                 after->terminal ? after->terminal : "",
                                 after->application ? after->application : "",
                                 after->version,
                                 (int64_t)PAGE);
    AkmaKsCursor last = {0};
    int n = 0;
    int more = -1;

    while (row && (more = akma_sql_step(self->sql, row, error)) == 1) {
        if (!look_at(self, row, rows, error)) {
            akma_row_reset(row);
            return NULL;
        }
        if (++n == PAGE)
            last = (AkmaKsCursor){g_strdup(akma_row_get_text(row, 0)),
                                  g_strdup(akma_row_get_text(row, 1)),
                                  akma_row_get_int(row, 2)};
    }
    op->more = more == 0 && n == PAGE;
    if (op->more) {
        g_free(after->terminal);
        g_free(after->application);
        *after = last;
    }

    return more == 0 ? g_steal_pointer(&rows) : NULL;
}

AkmaKsOutcome
akma_ks_run_rekey(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    g_autoptr(GPtrArray) rows = collect(self, op, error);
    bool id_key_too = false;

    if (!rows)
        return AKMA_KS_FAILED;
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = rows->pdata[i];

        if (!akma_sql_exec(self->sql,
                           AKMA_SQL_KEY_SET_SEALED,
                           error,
                           "ttib",
                           row->terminal,
                           row->application,
                           row->version,
                           row->sealed))
            return AKMA_KS_FAILED;
    }
    /* the key of terminal ids last: until then the store opens with both */
    if (!op->more && !akma_ks_rewrap_meta(self, &id_key_too, error))
        return AKMA_KS_FAILED;
    op->version = rows->len + (id_key_too ? 1 : 0);

    return AKMA_KS_DONE;
}
