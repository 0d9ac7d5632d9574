/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * key-store: a key server's store, in a temporary folder or a PostgreSQL of its own, and its
 * operations in one line each. Every test runs on both.
 */
#pragma once

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/error.h"
#include "keyserver/seal.h"
#include "keyserver/store.h"
#include "tests/fakes/postgres.h"

/* Both rows of a test; in a group that begins with postgres_start(). */
#define ON(name, end, kind)                                                                        \
    {                                                                                              \
#name end, on_store, setup, teardown, &(Case)                                              \
        {                                                                                          \
            name, kind                                                                             \
        }                                                                                          \
    }
#define TEST(name) ON(name, "_sqlite", AKMA_KS_SQLITE), ON(name, "_postgresql", AKMA_KS_POSTGRESQL)
#define RUN(tests) cmocka_run_group_tests(tests, postgres_start, postgres_stop)

#define ONE "BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg4"
#define TWO "_qpEzbvEtDTfHNHIq4Qct3IMhK9m3jeZppaoN_OJn8A"
#define NOW INT64_C(1793836800)

typedef struct {
    CMUnitTestFunction test;
    AkmaKsKind kind;
} Case;

typedef struct {
    const Case *test;
    char *folder;
    char *path;
    char *schema; /* PostgreSQL */
    char *conninfo;
    AkmaSecret *key;
    AkmaKsPlace place; /* borrows from the above */
    AkmaKsStore *store;
} Fixture;

static inline AkmaSecret *
store_key(uint8_t byte)
{
    uint8_t *bytes;
    AkmaSecret *key = akma_secret_new_blank(AKMA_KS_KEY_LEN, &bytes, NULL);

    memset(bytes, byte, AKMA_KS_KEY_LEN);

    return key;
}

/* The store of a test, made and opened; nothing where there is no PostgreSQL. */
static inline int
setup(void **state)
{
    static int number;
    g_autoptr(GError) error = NULL;
    Fixture *f = g_new0(Fixture, 1);

    f->test = *state;
    *state = f;
    if (f->test->kind == AKMA_KS_POSTGRESQL && !postgres_is_there())
        return 0;

    f->folder = g_dir_make_tmp("akma-store-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "keys.db", NULL);
    f->key = store_key(7);
    f->schema = g_strdup_printf("test_%d", ++number);
    if (f->test->kind == AKMA_KS_POSTGRESQL)
        f->conninfo = postgres_dup_schema(f->schema);
    f->place = (AkmaKsPlace){
        .kind = f->test->kind, .path = f->path, .conninfo = f->conninfo, .store_key = f->key};
    if (akma_ks_create(&f->place, AKMA_IDENTITY_SUPI, &error))
        f->store = akma_ks_open(&f->place, &error);
    if (error)
        print_error("%s\n", error->message);

    return error ? -1 : 0;
}

static inline void
on_store(void **state)
{
    Fixture *f = *state;

    if (!f->store) {
        print_message("%s\n", postgres.line);
        skip();
    }
    f->test->test(state);
}

static inline int
teardown(void **state)
{
    Fixture *f = *state;
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", f->folder);

    akma_ks_close(f->store);
    akma_secret_unref(f->key);
    if (f->folder)
        assert_int_equal(system(command), 0);
    g_free(f->folder);
    g_free(f->path);
    g_free(f->schema);
    g_free(f->conninfo);
    g_free(f);

    return 0;
}

/* Behind the store's back. */
static inline void
write_sql(Fixture *f, const char *text)
{
    sqlite3 *db;

    if (f->conninfo) {
        assert_true(postgres_sql(f->schema, text));
        return;
    }
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static inline void
set_version(Fixture *f, int version)
{
    g_autofree char *text =
        g_strdup_printf(f->conninfo ? "UPDATE meta SET value = '%d' WHERE name = 'schema'"
                                    : "PRAGMA user_version = %d",
                        version);

    write_sql(f, text);
}

/* The code of the error, 0 for none. */
static inline int
run(Fixture *f, AkmaKsOp *op)
{
    g_autoptr(GError) error = NULL;

    return akma_ks_run(f->store, op, &error) ? 0 : error->code;
}

static inline int
add(Fixture *f, const char *id, const char *allow, int64_t max_age_s, int64_t grace_s)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_ADD);

    op->now = NOW;
    op->settings = akma_ks_application_new(id);
    op->settings->length = 32;
    op->settings->max_age_s = max_age_s;
    op->settings->grace_s = grace_s;
    if (allow)
        akma_ks_application_add_rule(op->settings, allow, true);

    return run(f, op);
}

static inline int
rule(Fixture *f, const char *id, const char *pattern, bool allow)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_RULE);

    op->application = g_strdup(id);
    op->text = g_strdup(pattern);
    op->flag = allow;

    return run(f, op);
}

static inline AkmaKeySet *
deliver(Fixture *f, const char *terminal, const char *id, int64_t now)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_DELIVER);

    op->now = now;
    op->terminal = g_strdup(terminal);
    op->ids = g_strsplit(id, " ", -1);
    assert_int_equal(run(f, op), 0);

    return g_steal_pointer(&op->set);
}

static inline const AkmaKey *
only_key(const AkmaKeySet *set)
{
    assert_int_equal(set->keys->len, 1);
    assert_int_equal(set->errors->len, 0);

    return set->keys->pdata[0];
}

static inline AkmaCause
only_cause(const AkmaKeySet *set)
{
    assert_int_equal(set->keys->len, 0);
    assert_int_equal(set->errors->len, 1);

    return ((const AkmaKeyError *)set->errors->pdata[0])->cause;
}

static inline int
change_keys(Fixture *f, AkmaKsAction action, const char *kid, int64_t now)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(action);

    op->now = now;
    op->kid = g_strdup(kid);

    return run(f, op) == 0 ? (int)op->rows->len : -1;
}

static inline int
change_terminal(Fixture *f, AkmaKsAction action, const char *terminal, bool flag)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(action);

    op->terminal = g_strdup(terminal);
    op->text = g_strdup("plant");
    op->flag = flag;

    return run(f, op);
}
