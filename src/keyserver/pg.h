/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pg: one connection to PostgreSQL, in pipeline mode: what is sent is queued, answers come in the
 * order of what was sent. Belongs to one thread at a time.
 *
 * Statements go in groups that end with a sync. The first that fails makes the server skip the
 * rest of its group; the group after it is not touched. Errors of all functions:
 * AKMA_ERROR_STORE_FAILED. No key in clear ever comes in here.
 */
#pragma once

#include <libpq-fe.h>

#include "base/secret.h"
#include "keyserver/sql.h"

G_BEGIN_DECLS

/* Statements of its own, after the AkmaSqlId. */
enum {
    AKMA_PG_BEGIN_READ = AKMA_SQL_N,
    AKMA_PG_BEGIN_WRITE,
    AKMA_PG_LOCK_SHARED,   /* with others that also serve one terminal */
    AKMA_PG_LOCK_TERMINAL, /* number */
    AKMA_PG_LOCK_ALONE,    /* nobody else writes */
    AKMA_PG_COUNT_SERVERS, /* connections to this database of servers, one row */
    AKMA_PG_COMMIT,
    AKMA_PG_ROLL_BACK,
    AKMA_PG_N,
};

typedef enum {
    AKMA_PG_SERVE,  /* short statements, nothing waits long */
    AKMA_PG_READER, /* as SERVE; each group is one transaction that reads, as of one moment */
    AKMA_PG_VERB,   /* has time */
} AkmaPgRole;

/* Where; all borrowed. */
typedef struct {
    const char *conninfo;       /* as akma_pg_check_conninfo() took it */
    const AkmaSecret *password; /* NULL: none */
    AkmaPgRole role;
    bool create; /* there must be no store yet: makes an empty one; its transaction stays open */
} AkmaPgTarget;

/* What a group of statements came to. */
typedef struct {
    GError *error; /* of the first that failed; NULL: all is well */
    char state[6]; /* its SQLSTATE, or "" */
} AkmaPgFault;

typedef struct _AkmaPg AkmaPg;

/*
 * Blocks, 10 s at most (and as long as a name takes to resolve); less if @quit becomes true, which
 * may be NULL. Checks that there is a store, of a version that is known, and that the server can
 * keep our promises.
 */
AkmaPg *akma_pg_connect(const AkmaPgTarget *target, const gint *quit, GError **error);
void akma_pg_close(AkmaPg *self); /* nobody is called back */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaPg, akma_pg_close)

int akma_pg_get_fd(const AkmaPg *self);

/* What the store says about itself; NULL in one that is being made. */
GBytes *akma_pg_get_meta(const AkmaPg *self, const char *name);

/*
 * @values: copied. @ret_result: where its rows go once they are there, PQclear() is the
 * caller's; must stay until the group has ended or the connection is closed. NULL: none wanted.
 */
void akma_pg_send(
    AkmaPg *self, int statement, const AkmaSqlValue *values, unsigned n, PGresult **ret_result);

/* Ends a group; @synced is called from akma_pg_read() or akma_pg_wait() when it is answered. */
typedef void (*AkmaPgSynced)(const AkmaPgFault *fault, void *user_data);
void akma_pg_sync(AkmaPg *self, AkmaPgSynced synced, void *user_data);

/* As far as it goes without waiting. False: the connection is of no use any more. */
bool akma_pg_read(AkmaPg *self, GError **error);
bool akma_pg_flush(AkmaPg *self, bool *ret_pending, GError **error);

/* Until all groups are answered, @timeout_ms at most. */
bool akma_pg_wait(AkmaPg *self, int64_t timeout_ms, GError **error);

void akma_pg_fault_clear(AkmaPgFault *self);

/* Is it worth another try: others were in the way, and nothing of ours was done. */
bool akma_pg_fault_is_passing(const AkmaPgFault *self);

/* The database is not as it was when the connection was made: only a new one can tell. */
bool akma_pg_fault_is_stale(const AkmaPgFault *self);

G_END_DECLS
