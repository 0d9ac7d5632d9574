/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/pg-private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "keyserver/pg-schema.h"

#define QUIT_MS 100 /* how often a wait looks whether it is still wanted */

typedef struct {
    PGresult **result;   /* NULL: nobody wants its rows */
    AkmaPgSynced synced; /* NULL: a statement; else the end of a group */
    void *user_data;
} Expected;

static const char *const own[AKMA_PG_N - AKMA_SQL_N] = {
    [AKMA_PG_BEGIN_READ - AKMA_SQL_N] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    /*
     * Not a higher level: each statement then sees all that was committed before the locks were
     * granted, and the locks keep everybody out who would change what was read. So it is serial,
     * and nobody has to begin again.
     */
    [AKMA_PG_BEGIN_WRITE - AKMA_SQL_N] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    [AKMA_PG_LOCK_SHARED - AKMA_SQL_N] =
        "SELECT pg_advisory_xact_lock_shared(" AKMA_PG_LOCK_STORE ")",
    [AKMA_PG_LOCK_TERMINAL - AKMA_SQL_N] =
        "SELECT pg_advisory_xact_lock(" AKMA_PG_LOCK_CLASS ", ?1::int4)",
    [AKMA_PG_LOCK_ALONE - AKMA_SQL_N] = "SELECT pg_advisory_xact_lock(" AKMA_PG_LOCK_STORE ")",
    [AKMA_PG_COUNT_SERVERS - AKMA_SQL_N] =
        ("SELECT count(*) FROM pg_stat_activity"
         " WHERE datname = current_database() AND application_name = 'akma-keyserver'"),
    [AKMA_PG_COMMIT - AKMA_SQL_N] = "COMMIT",
    [AKMA_PG_ROLL_BACK - AKMA_SQL_N] = "ROLLBACK",
};

static char *
dup_statement(int statement)
{
    char *text = g_strdup(statement < AKMA_SQL_N ? akma_sql_get_statement((AkmaSqlId)statement)
                                                 : own[statement - AKMA_SQL_N]);

    return g_strdelimit(text, "?", '$');
}

bool
akma_pg_fail(const AkmaPg *self, GError **error)
{
    g_autofree char *message = g_strdup(self->conn ? PQerrorMessage(self->conn) : "no memory");

    g_strdelimit(g_strchomp(message), "\n\t", ' ');
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "store: %s",
                message[0] ? message : "the connection to the database broke");

    return false;
}

/* The first message alone: details quote rows. */
void
akma_pg_fault_set(AkmaPgFault *fault, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (fault->error)
        return;

    g_strlcpy(fault->state, state ? state : "", sizeof fault->state);
    fault->error = g_error_new(AKMA_ERROR,
                               AKMA_ERROR_STORE_FAILED,
                               "store: %s",
                               message ? message : "the connection to the database broke");
}

void
akma_pg_fault_clear(AkmaPgFault *self)
{
    g_clear_error(&self->error);
    self->state[0] = '\0';
}

bool
akma_pg_fault_is_passing(const AkmaPgFault *self)
{
    /* serialization, deadlock, and a key that another made at the same moment */
    static const char *const states[] = {"40001", "40P01", "23505", "23503", NULL};

    return self->error && g_strv_contains(states, self->state);
}

bool
akma_pg_fault_is_stale(const AkmaPgFault *self)
{
    /* unknown statements and tables, other columns, a server that only reads now */
    static const char *const classes[] = {"26", "42", "0A", "25"};
    bool stale = false;

    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++)
        stale = stale || (self->error && strncmp(self->state, classes[i], 2) == 0);

    return stale;
}

int
akma_pg_get_fd(const AkmaPg *self)
{
    return PQsocket(self->conn);
}

GBytes *
akma_pg_get_meta(const AkmaPg *self, const char *name)
{
    return g_hash_table_lookup(self->meta, name);
}

void
akma_pg_close(AkmaPg *self)
{
    if (!self)
        return;

    PQfinish(self->conn);
    g_queue_clear_full(&self->expected, g_free);
    akma_pg_fault_clear(&self->fault);
    g_clear_pointer(&self->meta, g_hash_table_unref);
    g_free(self);
}

static void
expect(AkmaPg *self, PGresult **result, AkmaPgSynced synced, void *user_data)
{
    Expected *expected = g_new0(Expected, 1);

    *expected = (Expected){result, synced, user_data};
    g_queue_push_tail(&self->expected, expected);
}

/* That it could not be queued (no memory) ends the group as a failure of the server would. */
static void
note_failure(AkmaPg *self)
{
    if (!self->fault.error)
        akma_pg_fail(self, &self->fault.error);
}

void
akma_pg_send(
    AkmaPg *self, int statement, const AkmaSqlValue *values, unsigned n, PGresult **ret_result)
{
    const char *bytes[AKMA_SQL_VALUES_MAX];
    int lengths[AKMA_SQL_VALUES_MAX];
    int formats[AKMA_SQL_VALUES_MAX];
    char numbers[AKMA_SQL_VALUES_MAX][24];
    char name[16];

    for (unsigned i = 0; i < n; i++) {
        const AkmaSqlValue *value = &values[i];

        g_snprintf(numbers[i], sizeof numbers[i], "%" G_GINT64_FORMAT, value->number);
        bytes[i] = value->kind == 'i'   ? numbers[i]
                   : value->kind == 'b' ? value->bytes
                                        : value->text;
        lengths[i] = (int)value->len; /* of text: not looked at */
        formats[i] = value->kind == 'b';
    }
    g_snprintf(name, sizeof name, "s%d", statement);
    if (PQsendQueryPrepared(self->conn, name, (int)n, bytes, lengths, formats, 1) == 1)
        expect(self, ret_result, NULL, NULL);
    else
        note_failure(self);
}

void
akma_pg_send_prepare(AkmaPg *self, int statement)
{
    g_autofree char *text = dup_statement(statement);
    char name[16];

    g_snprintf(name, sizeof name, "s%d", statement);
    if (PQsendPrepare(self->conn, name, text, 0, NULL) == 1)
        expect(self, NULL, NULL, NULL);
    else
        note_failure(self);
}

void
akma_pg_sync(AkmaPg *self, AkmaPgSynced synced, void *user_data)
{
    if (PQpipelineSync(self->conn) != 1)
        note_failure(self);
    expect(self, NULL, synced, user_data);
}

static void
take_statement(AkmaPg *self, Expected *expected, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    bool done = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;

    if (done && expected->result) {
        PQclear(*expected->result);
        *expected->result = result;
        return;
    }
    if (!done && status != PGRES_PIPELINE_ABORTED)
        akma_pg_fault_set(&self->fault, result);
    PQclear(result);
}

/* A group has ended: tells who waits for it. */
static bool
take_sync(AkmaPg *self, Expected *expected, PGresult *result)
{
    bool ok = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    AkmaPgFault fault = self->fault;

    if (!ok) {
        akma_pg_fault_set(&self->fault, result);
        PQclear(result);
        return false;
    }
    PQclear(result);
    self->fault = (AkmaPgFault){0};
    g_queue_pop_head(&self->expected);
    expected->synced(&fault, expected->user_data);
    akma_pg_fault_clear(&fault);
    g_free(expected);

    return true;
}

bool
akma_pg_read(AkmaPg *self, GError **error)
{
    Expected *expected;
    bool ok = PQconsumeInput(self->conn) == 1;

    while (ok && (expected = g_queue_peek_head(&self->expected)) && !PQisBusy(self->conn)) {
        PGresult *result = PQgetResult(self->conn);

        if (result && expected->synced)
            ok = take_sync(self, expected, result);
        else if (result)
            take_statement(self, expected, result);
        else if (!expected->synced)
            g_free(g_queue_pop_head(&self->expected));
        else
            ok = false; /* an end of the pipeline that nobody asked for */
        ok = ok && PQstatus(self->conn) == CONNECTION_OK;
    }
    if (ok)
        return true;

    if (self->fault.error && error && !*error)
        *error = g_error_copy(self->fault.error);
    else
        akma_pg_fail(self, error);

    return false;
}

bool
akma_pg_flush(AkmaPg *self, bool *ret_pending, GError **error)
{
    int left = self->broken || PQstatus(self->conn) != CONNECTION_OK ? -1 : PQflush(self->conn);

    *ret_pending = left == 1;

    return left >= 0 || akma_pg_fail(self, error);
}

static bool
too_late(GError **error, const gint *quit)
{
    g_set_error_literal(error,
                        AKMA_ERROR,
                        AKMA_ERROR_STORE_FAILED,
                        quit && g_atomic_int_get(quit) ? "store: closed"
                                                       : "store: the database does not answer");

    return false;
}

bool
akma_pg_poll(const AkmaPg *self, bool write, int64_t deadline_us, const gint *quit, GError **error)
{
    struct pollfd poller = {.fd = PQsocket(self->conn),
                            .events = (short)(write ? POLLIN | POLLOUT : POLLIN)};

    for (;;) {
        int64_t left_us = deadline_us - g_get_monotonic_time();
        int n;

        if (left_us <= 0 || (quit && g_atomic_int_get(quit)))
            return too_late(error, quit);
        n = poll(&poller, 1, (int)MIN(left_us / 1000 + 1, QUIT_MS));
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return akma_pg_fail(self, error);
    }
}

bool
akma_pg_wait(AkmaPg *self, int64_t timeout_ms, GError **error)
{
    int64_t deadline_us = g_get_monotonic_time() + timeout_ms * 1000;
    bool pending;

    while (!g_queue_is_empty(&self->expected)) {
        if (!akma_pg_flush(self, &pending, error) ||
            !akma_pg_poll(self, pending, deadline_us, NULL, error) || !akma_pg_read(self, error)) {
            self->broken = true;
            return false;
        }
    }

    return true;
}
