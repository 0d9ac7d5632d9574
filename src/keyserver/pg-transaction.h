/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pg-transaction: what an action reads and writes in one transaction of PostgreSQL, the engine
 * behind sql.h.
 *
 * Rows are asked for once and kept: until the transaction ends or, where rows may be waited for,
 * the same statement is bound again. What is written is kept too, and sent when the action has
 * come to its end; where it may wait, also before it reads on. So where nobody may wait, an action
 * that finds rows missing is simply run again when they have come.
 */
#pragma once

#include "keyserver/pg.h"

G_BEGIN_DECLS

typedef struct _AkmaPgTransaction AkmaPgTransaction;

/* @pg: borrowed. @wait: rows that are missing are waited for. */
AkmaPgTransaction *akma_pg_transaction_new(AkmaPg *pg, bool wait);

/* Not while a group is under way that it has sent, unless @pg has been closed before. */
void akma_pg_transaction_free(AkmaPgTransaction *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaPgTransaction, akma_pg_transaction_free)

AkmaSql *akma_pg_transaction_get_sql(AkmaPgTransaction *self);

/* The action is about to run, perhaps again: it has written nothing yet and misses nothing. */
void akma_pg_transaction_rewind(AkmaPgTransaction *self);

/* Rows were not there when the action ran: what it said does not count. */
bool akma_pg_transaction_is_missing(const AkmaPgTransaction *self);

/* Queue what is asked for and not there yet, and what is to be written; without a sync. */
void akma_pg_transaction_send_reads(AkmaPgTransaction *self);
void akma_pg_transaction_send_writes(AkmaPgTransaction *self);

/* The fault of the last wait, for who would try again. */
const AkmaPgFault *akma_pg_transaction_get_fault(const AkmaPgTransaction *self);

/* How many connections servers have to this database; one that waits only. */
bool akma_pg_transaction_count_servers(AkmaPgTransaction *self, int64_t *ret, GError **error);

/* Sends a sync and waits for its end. */
bool akma_pg_transaction_wait(AkmaPgTransaction *self, GError **error);

G_END_DECLS
