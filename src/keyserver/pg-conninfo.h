/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pg-conninfo: what an operator may say about the way to the database, and what we add. */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

/*
 * Refuses what libpq cannot read, a password (it belongs into a file), a service (of which we
 * would not know where it is), and servers that only read: one that lags behind would deliver what
 * was revoked. Errors: AKMA_ERROR_INVALID_ARGUMENT.
 */
bool akma_pg_check_conninfo(const char *conninfo, GError **error);

/* For a person and for messages: host, port, database and user. Free with g_free(). */
char *akma_pg_describe(const char *conninfo);

#define AKMA_PG_PASSWORD_MAX 1024
#define AKMA_PG_PARAMS_MAX   12

/* For PQconnectStartParams(), with expand_dbname; borrows from what it was made of. */
typedef struct {
    const char *keywords[AKMA_PG_PARAMS_MAX];
    const char *values[AKMA_PG_PARAMS_MAX];
    char password[AKMA_PG_PASSWORD_MAX + 1]; /* to be wiped */
} AkmaPgParams;

/* Over a network that may be hostile TLS with a verified name is the default. */
void akma_pg_params_init(AkmaPgParams *self,
                         const char *conninfo,
                         const AkmaSecret *password,
                         const char *application_name);

/* libpq takes what is not said from PGHOST, PGPASSWORD and so on; we are told by our files alone.
 */
void akma_pg_forget_environment(void);

G_END_DECLS
