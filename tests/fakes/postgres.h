/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* postgres: the server of tests/e2e/postgres.py for a test program, as a child of it. */
#pragma once

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    GPid pid;
    FILE *to;
    FILE *from;
    char line[1024]; /* the last answer */
} Postgres;

static Postgres postgres;

static inline void
postgres_read(void)
{
    if (!fgets(postgres.line, sizeof postgres.line, postgres.from))
        g_strlcpy(postgres.line, "gone", sizeof postgres.line);
    g_strchomp(postgres.line);
}

/* Whether there is one; else postgres.line says why not: "skip ..." where it is not installed. */
static inline bool
postgres_is_there(void)
{
    return postgres.to;
}

static inline int
postgres_start(void **state G_GNUC_UNUSED)
{
    const char *top = g_getenv("top_srcdir");
    g_autofree char *program = g_build_filename(top ? top : ".", "tests/e2e/postgres.py", NULL);
    char *argv[] = {program, NULL};
    int to;
    int from;

    if (!g_spawn_async_with_pipes(NULL,
                                  argv,
                                  NULL,
                                  G_SPAWN_DO_NOT_REAP_CHILD,
                                  NULL,
                                  NULL,
                                  &postgres.pid,
                                  &to,
                                  &from,
                                  NULL,
                                  NULL))
        return -1;
    postgres.to = fdopen(to, "w");
    postgres.from = fdopen(from, "r");
    postgres_read();
    if (strcmp(postgres.line, "ready") == 0)
        return 0;

    fclose(g_steal_pointer(&postgres.to));
    fclose(g_steal_pointer(&postgres.from));
    waitpid(postgres.pid, NULL, 0);

    return g_str_has_prefix(postgres.line, "skip ") ? 0 : -1;
}

static inline int
postgres_stop(void **state G_GNUC_UNUSED)
{
    if (!postgres.to)
        return 0;

    fclose(g_steal_pointer(&postgres.to));
    waitpid(postgres.pid, NULL, 0);
    fclose(g_steal_pointer(&postgres.from));

    return 0;
}

/* A place for a store: an empty schema. Free with g_free(). */
static inline char *
postgres_dup_schema(const char *name)
{
    fprintf(postgres.to, "schema %s\n", name);
    fflush(postgres.to);
    postgres_read();

    return g_str_has_prefix(postgres.line, "ok ") ? g_strdup(postgres.line + 3) : NULL;
}

static inline bool
postgres_sql(const char *schema, const char *sql)
{
    fprintf(postgres.to, "sql %s %s\n", schema, sql);
    fflush(postgres.to);
    postgres_read();

    return strcmp(postgres.line, "ok") == 0;
}
