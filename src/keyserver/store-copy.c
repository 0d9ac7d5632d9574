/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store-copy: a store into another one, of any two engines, table by table in pages. */
#include <string.h>

#include "base/error.h"
#include "keyserver/store-private.h"

#define PAGE        1000
#define COLUMNS_MAX 12
#define KEYS_MAX    3

/* One table: how to read a page of it and to write a row. Tables that others refer to come first.
 */
typedef struct {
    AkmaSqlId read;
    AkmaSqlId write;
    const char *kinds;       /* of the columns, for both */
    unsigned n_keys;         /* columns of the primary key, which a page goes on behind */
    unsigned keys[KEYS_MAX]; /* where they stand */
    bool sealed;             /* the column of kind 'b' is a key in its place */
    size_t counted;          /* where AkmaKsCopied has its number */
} Table;

static const Table tables[] = {
    {AKMA_SQL_COPY_APPLICATIONS,
     AKMA_SQL_APPLICATION_INSERT,
     "tittiiittti",
     1,
     {0},
     false,
     offsetof(AkmaKsCopied, applications)},
    {AKMA_SQL_COPY_RULES,
     AKMA_SQL_RULE_SET,
     "titi",
     3,
     {0, 1, 2},
     false,
     offsetof(AkmaKsCopied, rules)},
    {AKMA_SQL_COPY_TERMINALS,
     AKMA_SQL_COPY_TERMINAL_INSERT,
     "ttii",
     1,
     {0},
     false,
     offsetof(AkmaKsCopied, terminals)},
    {AKMA_SQL_COPY_GROUPS,
     AKMA_SQL_GROUP_ADD,
     "tt",
     2,
     {0, 1},
     false,
     offsetof(AkmaKsCopied, memberships)},
    {AKMA_SQL_COPY_KEYS,
     AKMA_SQL_KEY_INSERT,
     "ttiibii",
     3,
     {0, 1, 2},
     true,
     offsetof(AkmaKsCopied, keys)},
    {AKMA_SQL_COPY_FLOORS,
     AKMA_SQL_FLOOR_RAISE,
     "ti",
     1,
     {0},
     false,
     offsetof(AkmaKsCopied, floors)},
    {AKMA_SQL_COPY_FOLLOWERS,
     AKMA_SQL_FOLLOWER_SET,
     "ttii",
     2,
     {0, 1},
     false,
     offsetof(AkmaKsCopied, followers)},
};

/* Where a table goes on; text is owned. */
typedef struct {
    char *text[KEYS_MAX];
    int64_t number[KEYS_MAX];
} Cursor;

typedef struct {
    const AkmaKsStore *store;
    const AkmaKsPlace *place;
    AkmaKsTransaction *from;
    AkmaKsTransaction *to; /* NULL: @from is only read and counted */
    AkmaKsCopied *copied;
} Copy;

static void
cursor_clear(Cursor *self)
{
    for (unsigned i = 0; i < KEYS_MAX; i++)
        g_clear_pointer(&self->text[i], g_free);
}

static void
cursor_move(Cursor *self, const Table *table, const AkmaSqlValue *values)
{
    cursor_clear(self);
    for (unsigned i = 0; i < table->n_keys; i++) {
        self->text[i] = g_strdup(values[table->keys[i]].text);
        self->number[i] = values[table->keys[i]].number;
    }
}

static AkmaRow *
bind_page(AkmaSql *sql, const Table *table, const Cursor *cursor, GError **error)
{
    AkmaSqlValue values[KEYS_MAX + 1];
    unsigned n = table->n_keys;

    for (unsigned i = 0; i < n; i++)
        values[i] = (AkmaSqlValue){.kind = table->kinds[table->keys[i]],
                                   .text = cursor->text[i] ? cursor->text[i] : "",
                                   .number = cursor->number[i]};
    values[n] = (AkmaSqlValue){.kind = 'i', .number = PAGE};

    return sql->engine->bind(sql, table->read, values, n + 1, error);
}

static void
read_values(AkmaRow *row, const Table *table, AkmaSqlValue *values)
{
    for (unsigned i = 0; table->kinds[i]; i++) {
        values[i] = (AkmaSqlValue){.kind = table->kinds[i]};
        if (table->kinds[i] == 't')
            values[i].text = akma_row_get_text(row, (int)i);
        else if (table->kinds[i] == 'i')
            values[i].number = akma_row_get_int(row, (int)i);
        else
            values[i].bytes = akma_row_get_blob(row, (int)i, &values[i].len);
    }
}

/* The key of a row, opened here and sealed for there; @ret_sealed stays NULL without a there. */
static bool
reseal(Copy *self, AkmaSqlValue *values, GBytes **ret_sealed, GError **error)
{
    g_autofree char *kid = akma_ks_dup_kid(values[1].text, values[2].number);
    g_autoptr(GByteArray) place = akma_ks_seal_key_place(values[0].text, kid);
    g_autoptr(AkmaSecret) key = akma_ks_seal_open(
        self->from->seal, values[4].bytes, values[4].len, place->data, place->len, error);

    if (!key) {
        g_prefix_error(error, "%s of terminal %s: ", kid, values[0].text);
        return false;
    }
    if (!self->to)
        return true;
    *ret_sealed = akma_ks_seal_close(self->to->seal, key, place->data, place->len, error);
    if (*ret_sealed)
        values[4].bytes = g_bytes_get_data(*ret_sealed, &values[4].len);

    return *ret_sealed;
}

static bool
copy_row(Copy *self, const Table *table, AkmaSqlValue *values, GError **error)
{
    g_autoptr(GBytes) sealed = NULL;

    if (table->sealed && !reseal(self, values, &sealed, error))
        return false;
    if (!self->to)
        return true;

    return self->to->sql->engine->exec(
        self->to->sql, table->write, values, (unsigned)strlen(table->kinds), error);
}

/* @ret_n: its rows; fewer than PAGE: it was the last one. */
static bool
copy_page(Copy *self, const Table *table, Cursor *cursor, unsigned *ret_n, GError **error)
{
    AkmaRow *row = bind_page(self->from->sql, table, cursor, error);
    AkmaSqlValue values[COLUMNS_MAX] = {0};
    int more = -1;

    *ret_n = 0;
    while (row && (more = akma_sql_step(self->from->sql, row, error)) == 1) {
        read_values(row, table, values);
        if (++*ret_n == PAGE)
            cursor_move(cursor, table, values);
        if (!copy_row(self, table, values, error)) {
            akma_row_reset(row);
            return false;
        }
    }

    return more == 0;
}

static bool
copy_tables(Copy *self, GError **error)
{
    *self->copied = (AkmaKsCopied){0};
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        int64_t *count = G_STRUCT_MEMBER_P(self->copied, tables[i].counted);
        Cursor cursor = {.number = {-1, -1, -1}};
        unsigned n = PAGE;
        bool ok = true;

        while (ok && n == PAGE) {
            ok = copy_page(self, &tables[i], &cursor, &n, error);
            *count += n;
        }
        cursor_clear(&cursor);
        if (!ok)
            return false;
    }

    return true;
}

/* The new store in its transaction: as many rows, and each key opens. */
static bool
verify(AkmaKsTransaction *made, const AkmaKsCopied *copied, GError **error)
{
    AkmaKsCopied found;
    Copy again = {.from = made, .copied = &found};

    if (!copy_tables(&again, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        if (G_STRUCT_MEMBER(int64_t, &found, tables[i].counted) !=
            G_STRUCT_MEMBER(int64_t, copied, tables[i].counted)) {
            g_set_error_literal(error,
                                AKMA_ERROR,
                                AKMA_ERROR_STORE_FAILED,
                                "the copy is not what was copied; it is not kept");
            return false;
        }
    }

    return true;
}

static bool
fill(AkmaKsTransaction *transaction, void *data, GError **error)
{
    Copy *self = data;

    self->to = transaction;

    return akma_ks_write_meta(transaction->sql,
                              transaction->seal,
                              self->store->identity,
                              self->store->id_key,
                              error) &&
           copy_tables(self, error) && verify(transaction, self->copied, error);
}

static bool
visit(AkmaKsTransaction *transaction, void *data, GError **error)
{
    Copy *self = data;

    self->from = transaction;

    return akma_ks_create_filled(self->place, fill, self, error);
}

bool
akma_ks_copy(AkmaKsStore *self,
             bool alone,
             const AkmaKsPlace *place,
             AkmaKsCopied *ret_copied,
             GError **error)
{
    Copy copy = {.store = self, .place = place, .copied = ret_copied};

    g_return_val_if_fail(!self->attached, false);

    return self->backend->visit(self, alone, visit, &copy, error);
}
