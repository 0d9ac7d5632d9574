/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pg-schema: the schema in a PostgreSQL database; its version stands in table meta. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Is there a store, or something else in its place? One row: meta (or null). */
#define AKMA_PG_FIND_STORE "SELECT to_regclass('meta')::text"

/* One row: the version; none: not a store. */
#define AKMA_PG_GET_VERSION "SELECT convert_from(value, 'UTF8') FROM meta WHERE name = 'schema'"

/* The keys of our advisory locks: "akma" in ASCII, and the next number for terminals. */
#define AKMA_PG_LOCK_STORE "1634430305, 0"
#define AKMA_PG_LOCK_CLASS "1634430306"

/* From @version to AKMA_SCHEMA_VERSION, as plain SQL; for a transaction. Free with g_free(). */
char *akma_pg_schema_dup_steps(int64_t version);

G_END_DECLS
