/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store-pg: what the two halves of the PostgreSQL backend share. */
#pragma once

#include "keyserver/pg-transaction.h"
#include "keyserver/store-private.h"

G_BEGIN_DECLS

typedef struct _AkmaPgPool AkmaPgPool;

typedef struct {
    AkmaKsStore base;
    char *conninfo;
    char *where; /* for messages */
    AkmaSecret *password;
    bool serves;
    AkmaPg *pg;       /* in place: NULL, to be opened again; the pool's first reader later */
    AkmaPgPool *pool; /* once attached */
} AkmaPgStore;

/* @pg's store is the one that was opened. */
bool akma_ks_pg_check(AkmaPgStore *self, const AkmaPg *pg, GError **error);

/*
 * Queues the begin of a transaction, the locks that @op needs in it, and what it will read.
 * @writing: it may write. Returns: nobody else may write beside it.
 */
bool akma_ks_pg_begin(AkmaPg *pg, AkmaPgTransaction *transaction, const AkmaKsOp *op, bool writing);

/* store-pg-pool.c: operations beside a loop. */
bool akma_ks_pg_attach(AkmaKsStore *base, uv_loop_t *loop, GError **error);
bool akma_ks_pg_submit(AkmaKsStore *base, AkmaKsOp *op, AkmaKsDone done, void *user_data);
void akma_ks_pg_detach(AkmaPgStore *self);

G_END_DECLS
