/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pg-private: what pg.c and pg-connect.c share. */
#pragma once

#include "keyserver/pg.h"

G_BEGIN_DECLS

struct _AkmaPg {
    PGconn *conn;
    GQueue expected; /* what the server still has to answer, in its order */
    AkmaPgFault fault;
    bool broken;      /* out of step with the server: nothing can be waited for any more */
    GHashTable *meta; /* name -> GBytes */
};

/* So that akma_pg_send() finds it; once a connection, in a group of its own. */
void akma_pg_send_prepare(AkmaPg *self, int statement);

/* Sets @error from what libpq said last, in one line; false. */
bool akma_pg_fail(const AkmaPg *self, GError **error);

/* Waits until the socket may be read or, @write, written. Errors: time is over, @quit. */
bool akma_pg_poll(
    const AkmaPg *self, bool write, int64_t deadline_us, const gint *quit, GError **error);

/* Sets @fault, if it is the first, from a result that failed. */
void akma_pg_fault_set(AkmaPgFault *fault, const PGresult *result);

G_END_DECLS
