/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/pg-transaction.h"

#include "base/error.h"

#define WRITES_MAX 1000  /* kept at a time by who may wait */
#define WAIT_MS    65000 /* a little more than the server allows a statement of a verb */

/* A statement with its values, copied. */
typedef struct {
    AkmaSqlId id;
    unsigned n;
    AkmaSqlValue values[AKMA_SQL_VALUES_MAX];
} Call;

/* Where an action stands in the rows of a call. */
typedef struct {
    AkmaRow row;
    Call call;
    PGresult *result; /* NULL: not there yet */
    bool sent;
    int at; /* -1: before the first */
} Read;

struct _AkmaPgTransaction {
    AkmaSql sql;
    AkmaPg *pg;
    bool wait;
    bool missing;
    GHashTable *reads; /* Call in Read -> Read */
    GPtrArray *order;  /* Read, as asked for; owned by reads */
    GPtrArray *writes; /* Call */
    AkmaPgFault fault;
};

static void
value_copy(AkmaSqlValue *copy, const AkmaSqlValue *value)
{
    *copy = (AkmaSqlValue){.kind = value->kind, .number = value->number, .len = value->len};
    if (value->kind == 't')
        copy->text = g_strdup(value->text);
    else if (value->kind == 'b')
        copy->bytes = g_memdup2(value->bytes, value->len);
}

static void
call_init(Call *self, AkmaSqlId id, const AkmaSqlValue *values, unsigned n)
{
    self->id = id;
    self->n = n;
    for (unsigned i = 0; i < n; i++)
        value_copy(&self->values[i], &values[i]);
}

static void
call_clear(Call *self)
{
    for (unsigned i = 0; i < self->n; i++) {
        g_free((char *)self->values[i].text);
        g_free((void *)self->values[i].bytes);
    }
}

static void
call_free(Call *self)
{
    call_clear(self);
    g_free(self);
}

static guint
call_hash(gconstpointer data)
{
    const Call *self = data;
    guint hash = self->id;

    for (unsigned i = 0; i < self->n; i++) {
        const AkmaSqlValue *value = &self->values[i];

        hash = hash * 31 + (value->text ? g_str_hash(value->text) : (guint)value->number);
    }

    return hash;
}

static bool
value_equal(const AkmaSqlValue *a, const AkmaSqlValue *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == 't')
        return g_strcmp0(a->text, b->text) == 0;
    if (a->kind == 'i')
        return a->number == b->number;

    return false; /* nothing is found by its bytes */
}

static gboolean
call_equal(gconstpointer left, gconstpointer right)
{
    const Call *a = left;
    const Call *b = right;
    bool equal = a->id == b->id && a->n == b->n;

    for (unsigned i = 0; equal && i < a->n; i++)
        equal = value_equal(&a->values[i], &b->values[i]);

    return equal;
}

static void
read_free(Read *self)
{
    call_clear(&self->call);
    PQclear(self->result);
    g_free(self);
}

/* The call of @id with @values, asked for if it never was. */
static Read *
ask(AkmaPgTransaction *self, AkmaSqlId id, const AkmaSqlValue *values, unsigned n)
{
    Call call = {.id = id, .n = n};
    Read *read;

    for (unsigned i = 0; i < n; i++)
        call.values[i] = values[i];
    read = g_hash_table_lookup(self->reads, &call);
    if (read)
        return read;

    read = g_new0(Read, 1);
    read->row.engine = self->sql.engine;
    call_init(&read->call, id, values, n);
    g_hash_table_insert(self->reads, &read->call, read);
    g_ptr_array_add(self->order, read);

    return read;
}

static void
engine_want(AkmaSql *sql, AkmaSqlId id, const AkmaSqlValue *values, unsigned n)
{
    ask((AkmaPgTransaction *)sql, id, values, n);
}

static gboolean
is_spent(gpointer key G_GNUC_UNUSED, gpointer value, gpointer user_data)
{
    const Read *read = value;
    const Call *wanted = user_data;

    return read->result && read->call.id == wanted->id && !call_equal(&read->call, wanted);
}

/* Rows of the same statement for other values: nobody may stand in them any more. */
static void
forget(AkmaPgTransaction *self, AkmaSqlId id, const AkmaSqlValue *values, unsigned n)
{
    Call call = {.id = id, .n = n};

    for (unsigned i = 0; i < n; i++)
        call.values[i] = values[i];
    g_hash_table_foreach_remove(self->reads, is_spent, &call);
}

static AkmaRow *
engine_bind(AkmaSql *sql, AkmaSqlId id, const AkmaSqlValue *values, unsigned n, GError **error)
{
    AkmaPgTransaction *self = (AkmaPgTransaction *)sql;
    Read *read;

    if (self->wait)
        forget(self, id, values, n);
    read = ask(self, id, values, n);
    if (!read->result && self->wait) {
        akma_pg_transaction_send_writes(self);
        akma_pg_transaction_send_reads(self);
        if (!akma_pg_transaction_wait(self, error))
            return NULL;
    }
    if (!read->result) {
        self->missing = true;
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store: no rows from the database");
        return NULL;
    }
    read->at = -1;

    return &read->row;
}

static int
engine_step(AkmaSql *sql G_GNUC_UNUSED, AkmaRow *row, GError **error G_GNUC_UNUSED)
{
    Read *read = (Read *)row;

    if (++read->at < PQntuples(read->result))
        return 1;
    read->at = -1;

    return 0;
}

static bool
engine_exec(AkmaSql *sql, AkmaSqlId id, const AkmaSqlValue *values, unsigned n, GError **error)
{
    AkmaPgTransaction *self = (AkmaPgTransaction *)sql;
    Call *call = g_new0(Call, 1);

    call_init(call, id, values, n);
    g_ptr_array_add(self->writes, call);
    if (!self->wait || self->writes->len < WRITES_MAX)
        return true;

    akma_pg_transaction_send_writes(self);

    return akma_pg_transaction_wait(self, error);
}

static void
engine_reset(AkmaRow *row)
{
    ((Read *)row)->at = -1;
}

static const char *
engine_get_text(AkmaRow *row, int column)
{
    const Read *read = (Read *)row;

    return PQgetisnull(read->result, read->at, column) ? NULL
                                                       : PQgetvalue(read->result, read->at, column);
}

/* In binary, as all results are: most significant byte first. */
static int64_t
engine_get_int(AkmaRow *row, int column)
{
    const Read *read = (Read *)row;
    const uint8_t *bytes = (const uint8_t *)PQgetvalue(read->result, read->at, column);
    int len = PQgetlength(read->result, read->at, column);
    uint64_t value = len > 0 && bytes[0] & 0x80 ? UINT64_MAX : 0;

    for (int i = 0; i < len; i++)
        value = value << 8 | bytes[i];

    return (int64_t)value;
}

static const void *
engine_get_blob(AkmaRow *row, int column, size_t *ret_len)
{
    const Read *read = (Read *)row;

    *ret_len = (size_t)PQgetlength(read->result, read->at, column);

    return PQgetvalue(read->result, read->at, column);
}

AkmaPgTransaction *
akma_pg_transaction_new(AkmaPg *pg, bool wait)
{
    static const AkmaSqlEngine engine = {
        .want = engine_want,
        .bind = engine_bind,
        .step = engine_step,
        .exec = engine_exec,
        .reset = engine_reset,
        .get_text = engine_get_text,
        .get_int = engine_get_int,
        .get_blob = engine_get_blob,
    };
    AkmaPgTransaction *self = g_new0(AkmaPgTransaction, 1);

    self->sql.engine = &engine;
    self->pg = pg;
    self->wait = wait;
    self->reads = g_hash_table_new_full(call_hash, call_equal, NULL, (GDestroyNotify)read_free);
    self->order = g_ptr_array_new();
    self->writes = g_ptr_array_new_with_free_func((GDestroyNotify)call_free);

    return self;
}

void
akma_pg_transaction_free(AkmaPgTransaction *self)
{
    if (!self)
        return;

    g_hash_table_unref(self->reads);
    g_ptr_array_unref(self->order);
    g_ptr_array_unref(self->writes);
    akma_pg_fault_clear(&self->fault);
    g_free(self);
}

AkmaSql *
akma_pg_transaction_get_sql(AkmaPgTransaction *self)
{
    return &self->sql;
}

void
akma_pg_transaction_rewind(AkmaPgTransaction *self)
{
    g_ptr_array_set_size(self->writes, 0);
    self->missing = false;
}

bool
akma_pg_transaction_is_missing(const AkmaPgTransaction *self)
{
    return self->missing;
}

void
akma_pg_transaction_send_reads(AkmaPgTransaction *self)
{
    for (guint i = 0; i < self->order->len; i++) {
        Read *read = self->order->pdata[i];

        if (!read->sent)
            akma_pg_send(
                self->pg, (int)read->call.id, read->call.values, read->call.n, &read->result);
        read->sent = true;
    }
    g_ptr_array_set_size(self->order, 0);
}

void
akma_pg_transaction_send_writes(AkmaPgTransaction *self)
{
    for (guint i = 0; i < self->writes->len; i++) {
        const Call *call = self->writes->pdata[i];

        akma_pg_send(self->pg, (int)call->id, call->values, call->n, NULL);
    }
    g_ptr_array_set_size(self->writes, 0);
}

const AkmaPgFault *
akma_pg_transaction_get_fault(const AkmaPgTransaction *self)
{
    return &self->fault;
}

static void
on_waited(const AkmaPgFault *fault, void *user_data)
{
    AkmaPgTransaction *self = user_data;

    akma_pg_fault_clear(&self->fault);
    if (fault->error) {
        self->fault.error = g_error_copy(fault->error);
        g_strlcpy(self->fault.state, fault->state, sizeof self->fault.state);
    }
}

bool
akma_pg_transaction_wait(AkmaPgTransaction *self, GError **error)
{
    akma_pg_sync(self->pg, on_waited, self);
    if (!akma_pg_wait(self->pg, WAIT_MS, error))
        return false;
    if (self->fault.error && error && !*error)
        *error = g_error_copy(self->fault.error);

    return !self->fault.error;
}

bool
akma_pg_transaction_count_servers(AkmaPgTransaction *self, int64_t *ret, GError **error)
{
    Read read = {.row = {.engine = self->sql.engine}};
    bool ok;

    akma_pg_send(self->pg, AKMA_PG_COUNT_SERVERS, NULL, 0, &read.result);
    ok = akma_pg_transaction_wait(self, error) && PQntuples(read.result) == 1;
    if (ok)
        *ret = engine_get_int(&read.row, 0);
    PQclear(read.result);

    return ok;
}
