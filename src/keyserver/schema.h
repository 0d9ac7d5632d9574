/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * schema: the tables of the store and the steps from each version of them to the next, the same
 * for both engines.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_SCHEMA_VERSION 5

/*
 * Step i brings version i to i + 1: plain SQL, several statements. Written once, never changed
 * afterwards. In words that SQLite takes as they are; pg-schema.c says them to PostgreSQL, which
 * has other names for the types: only TEXT, INTEGER and BLOB, and tables WITHOUT ROWID.
 */
extern const char *const akma_schema_steps[AKMA_SCHEMA_VERSION];

/* Errors: AKMA_ERROR_STORE_FAILED (newer than this program). */
bool akma_schema_check_version(int64_t version, GError **error);

G_END_DECLS
