/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* schema: the tables of the store and the steps from each version of them to the next. */
#pragma once

#include "keyserver/sql.h"

G_BEGIN_DECLS

#define AKMA_SCHEMA_VERSION 2

/*
 * Brings the schema to AKMA_SCHEMA_VERSION, in one transaction; an empty database gets all of it.
 * Errors: AKMA_ERROR_STORE_FAILED (not ours, of a newer version).
 */
bool akma_schema_migrate(AkmaSql *sql, bool empty, GError **error);
bool akma_schema_get_version(AkmaSql *sql, int64_t *ret_version, GError **error);

G_END_DECLS
