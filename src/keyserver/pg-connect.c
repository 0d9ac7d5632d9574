/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pg-connect: from an address to a connection that can be used: what the server promises is set
 * and checked, the schema is up to date, the statements are prepared. Blocks, with a deadline:
 * workers call it in a thread.
 */
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "keyserver/pg-conninfo.h"
#include "keyserver/pg-private.h"
#include "keyserver/pg-schema.h"
#include "keyserver/schema.h"

#define CONNECT_MS     10000
#define SERVE_TIMEOUTS "SET statement_timeout = 4000; SET lock_timeout = 2000;"
#define VERB_TIMEOUTS  "SET statement_timeout = 60000; SET lock_timeout = 10000;"
#define READER_IS_AT_ONCE                                                                          \
    "SET default_transaction_isolation = 'repeatable read';"                                       \
    "SET default_transaction_read_only = on;"

/* Whoever opened a transaction and is gone must not hold the others up for long. */
#define IDLE_TIMEOUT "SET idle_in_transaction_session_timeout = 10000;"

/* A commit is on the disk before anybody hears of it; an operator may ask for more than that. */
#define DURABLE                                                                                    \
    "SELECT set_config('synchronous_commit', 'on', false)"                                         \
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply');"

/* Some that speak the protocol take advisory locks and do nothing; ours must be one. */
#define FIND_LOCK                                                                                  \
    "SELECT pg_advisory_xact_lock(1634430307, pg_backend_pid());"                                  \
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"

#define BEGIN_ALONE                                                                                \
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"                                             \
    "SELECT pg_advisory_xact_lock(" AKMA_PG_LOCK_STORE ")"

typedef struct {
    AkmaPg *pg;
    const AkmaPgTarget *target;
    const gint *quit;
    int64_t deadline_us;
} Setup;

static bool
refuse(const Setup *self, const char *message, GError **error)
{
    g_autofree char *where = akma_pg_describe(self->target->conninfo);

    g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "%s: %s", where, message);

    return false;
}

static bool
establish(Setup *self, GError **error)
{
    const AkmaPgTarget *target = self->target;
    AkmaPgParams params;
    PGconn *conn;
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;

    akma_pg_params_init(&params,
                        target->conninfo,
                        target->password,
                        target->role == AKMA_PG_VERB ? "akma-keyserver verb" : "akma-keyserver");
    conn = PQconnectStartParams(params.keywords, params.values, 1);
    OPENSSL_cleanse(&params, sizeof params);
    self->pg->conn = conn;
    while (conn && PQstatus(conn) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
           status != PGRES_POLLING_FAILED) {
        if (!akma_pg_poll(
                self->pg, status == PGRES_POLLING_WRITING, self->deadline_us, self->quit, error))
            return false;
        status = PQconnectPoll(conn);
    }
    if (!conn || status != PGRES_POLLING_OK)
        return akma_pg_fail(self->pg, error);

    /* it is not needed again; what libpq copied elsewhere is out of our reach */
    if (target->password && PQpass(conn))
        OPENSSL_cleanse(PQpass(conn), strlen(PQpass(conn)));

    return PQsetnonblocking(conn, 1) == 0 || akma_pg_fail(self->pg, error);
}

static void
ignore_notice(void *data G_GNUC_UNUSED, const PGresult *result G_GNUC_UNUSED)
{
}

/* Runs several statements; @ret_value: first column of the first row of the last; NULL: none. */
static bool
query(Setup *self, const char *sql, char **ret_value, GError **error)
{
    AkmaPg *pg = self->pg;
    PGresult *result;
    bool pending;

    if (ret_value)
        g_clear_pointer(ret_value, g_free);
    if (PQsendQuery(pg->conn, sql) != 1)
        return akma_pg_fail(pg, error);
    do {
        if (!akma_pg_flush(pg, &pending, error))
            return false;
        if ((pending || PQisBusy(pg->conn)) &&
            !akma_pg_poll(pg, pending, self->deadline_us, self->quit, error))
            return false;
        if (PQconsumeInput(pg->conn) != 1)
            return akma_pg_fail(pg, error);
        while (!pending && !PQisBusy(pg->conn) && (result = PQgetResult(pg->conn))) {
            ExecStatusType status = PQresultStatus(result);

            if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
                akma_pg_fault_set(&pg->fault, result);
            if (ret_value)
                g_clear_pointer(ret_value, g_free);
            if (ret_value && PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
                *ret_value = g_strdup(PQgetvalue(result, 0, 0));
            PQclear(result);
        }
    } while (pending || PQisBusy(pg->conn));
    if (!pg->fault.error)
        return true;

    g_propagate_error(error, g_steal_pointer(&pg->fault.error));
    akma_pg_fault_clear(&pg->fault);

    return false;
}

static bool
get_version(Setup *self, int64_t *ret_version, GError **error)
{
    g_autofree char *text = NULL;

    if (!query(self, AKMA_PG_GET_VERSION, &text, error))
        return false;
    if (!text || !g_ascii_string_to_signed(text, 10, 0, 1000000, ret_version, NULL))
        return refuse(self, "what is there is not a store of akma-keyserver", error);

    return akma_schema_check_version(*ret_version, error);
}

/* An empty store; the transaction stays open, so that it is there as a whole or not at all. */
static bool
create(Setup *self, GError **error)
{
    g_autofree char *found = NULL;
    g_autofree char *steps = akma_pg_schema_dup_steps(0);

    if (!query(self, BEGIN_ALONE, NULL, error) || !query(self, AKMA_PG_FIND_STORE, &found, error))
        return false;
    if (found)
        return refuse(self, "there is already a store; it stays as it is", error);

    return query(self, steps, NULL, error);
}

static bool
migrate(Setup *self, GError **error)
{
    g_autofree char *found = NULL;
    g_autofree char *steps = NULL;
    int64_t version;

    if (!query(self, AKMA_PG_FIND_STORE, &found, error))
        return false;
    if (!found)
        return refuse(self, "there is no store: make one with akma-keyserver init", error);
    if (!get_version(self, &version, error))
        return false;
    if (version == AKMA_SCHEMA_VERSION)
        return true;

    /* again: another process may have been faster */
    if (!query(self, BEGIN_ALONE, NULL, error) || !get_version(self, &version, error))
        return false;
    if (version < AKMA_SCHEMA_VERSION)
        steps = akma_pg_schema_dup_steps(version);

    return (!steps || query(self, steps, NULL, error)) && query(self, "COMMIT", NULL, error);
}

static bool
promise(Setup *self, GError **error)
{
    const char *timeouts = self->target->role == AKMA_PG_VERB ? VERB_TIMEOUTS : SERVE_TIMEOUTS;
    g_autofree char *n_locks = NULL;

    if (!query(self, DURABLE IDLE_TIMEOUT, NULL, error) || !query(self, timeouts, NULL, error) ||
        !query(self, FIND_LOCK, &n_locks, error))
        return false;
    if (!n_locks || strcmp(n_locks, "0") == 0)
        return refuse(self, "this database has no advisory locks", error);

    return (self->target->create ? create(self, error) : migrate(self, error)) &&
           (self->target->role != AKMA_PG_READER || query(self, READER_IS_AT_ONCE, NULL, error));
}

static void
on_prepared(const AkmaPgFault *fault, void *user_data)
{
    GError **error = user_data;

    if (fault->error && !*error)
        *error = g_error_copy(fault->error);
}

static void
keep_meta(AkmaPg *self, const char *name, const PGresult *result)
{
    if (result && PQntuples(result) == 1)
        g_hash_table_insert(
            self->meta,
            g_strdup(name),
            g_bytes_new(PQgetvalue(result, 0, 0), (gsize)PQgetlength(result, 0, 0)));
}

/* All statements in one group, and what the store says about itself in the next. */
static bool
prepare(Setup *self, GError **error)
{
    static const char *const names[] = {"id_key", "identity"};
    PGresult *results[G_N_ELEMENTS(names)] = {NULL};
    AkmaPg *pg = self->pg;
    GError *fault = NULL;
    bool ok;

    if (PQenterPipelineMode(pg->conn) != 1)
        return akma_pg_fail(pg, error);
    for (int i = 0; i < AKMA_PG_N; i++)
        akma_pg_send_prepare(pg, i);
    akma_pg_sync(pg, on_prepared, &fault);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const AkmaSqlValue value = {.kind = 't', .text = names[i]};

        akma_pg_send(pg, AKMA_SQL_META_GET, &value, 1, &results[i]);
    }
    akma_pg_sync(pg, on_prepared, &fault);
    ok = akma_pg_wait(pg, (self->deadline_us - g_get_monotonic_time()) / 1000, error);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        keep_meta(pg, names[i], results[i]);
        PQclear(results[i]);
    }
    if (ok && fault) {
        g_propagate_error(error, fault);
        return false;
    }
    g_clear_error(&fault);
    if (ok && !self->target->create && g_hash_table_size(pg->meta) < G_N_ELEMENTS(names))
        return refuse(self, "what is there is not a store of akma-keyserver", error);

    return ok;
}

AkmaPg *
akma_pg_connect(const AkmaPgTarget *target, const gint *quit, GError **error)
{
    g_autoptr(AkmaPg) pg = g_new0(AkmaPg, 1);
    g_autoptr(GError) local = NULL;
    Setup self = {pg, target, quit, g_get_monotonic_time() + CONNECT_MS * 1000};

    g_queue_init(&pg->expected);
    pg->meta =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    if (establish(&self, &local)) {
        PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
        if (promise(&self, &local) && prepare(&self, &local))
            return g_steal_pointer(&pg);
    }
    g_propagate_error(error, g_steal_pointer(&local));

    return NULL;
}
