/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/key-store.h"

/* Nothing of a transaction that fails stays: the second rule of this one is bad. */
static void
what_fails_leaves_nothing(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_ADD);

    op->settings = akma_ks_application_new("mqtt");
    op->settings->length = 32;
    akma_ks_application_add_rule(op->settings, "*", true);
    akma_ks_application_add_rule(op->settings, "bad", true);
    assert_int_equal(run(f, op), AKMA_ERROR_INVALID_ARGUMENT);

    assert_int_equal(add(f, "mqtt", "*", 0, 0), 0);
}

static void
reject_another_store_key(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaSecret) other = store_key(8);
    g_autoptr(GError) error = NULL;

    f->place.store_key = other;
    assert_null(akma_ks_open(&f->place, &error));
    assert_int_equal(error->code, AKMA_ERROR_STORE_FAILED);
}

static void
reject_a_second_store_at_the_same_place(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;

    assert_false(akma_ks_create(&f->place, AKMA_IDENTITY_SUPI, &error));
    assert_int_equal(error->code, AKMA_ERROR_STORE_FAILED);
}

static void
reject_what_is_no_store(void **state)
{
    Fixture *f = *state;
    g_autofree char *garbage = g_build_filename(f->folder, "garbage", NULL);
    g_autofree char *missing = g_build_filename(f->folder, "missing", NULL);
    g_autofree char *garbage_schema = f->conninfo ? postgres_dup_schema("garbage") : NULL;
    g_autofree char *missing_schema = f->conninfo ? postgres_dup_schema("missing") : NULL;
    g_autoptr(GError) error = NULL;

    assert_true(g_file_set_contents(garbage, "this is no database, but long enough", -1, NULL));
    if (f->conninfo)
        assert_true(postgres_sql("garbage", "CREATE TABLE meta (name TEXT, value BYTEA)"));
    f->place.path = garbage;
    f->place.conninfo = garbage_schema;
    assert_null(akma_ks_open(&f->place, &error));
    assert_int_equal(error->code, AKMA_ERROR_STORE_FAILED);
    g_clear_error(&error);
    f->place.path = missing;
    f->place.conninfo = missing_schema;
    assert_null(akma_ks_open(&f->place, &error));
    assert_int_equal(error->code, AKMA_ERROR_STORE_FAILED);
}

static void
reject_a_store_of_a_newer_version(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;

    set_version(f, 99);
    assert_null(akma_ks_open(&f->place, &error));
    assert_int_equal(error->code, AKMA_ERROR_STORE_FAILED);
}

/* A key of one terminal moved to another, or of one version to the next, does not open. */
static void
reject_a_key_in_another_place(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_DELIVER);

    add(f, "mqtt", "*", 0, 0);
    akma_key_set_free(deliver(f, ONE, "mqtt", NOW));
    akma_key_set_free(deliver(f, TWO, "mqtt", NOW));
    write_sql(f,
              "UPDATE app_key SET sealed = (SELECT sealed FROM app_key WHERE terminal = '" ONE
              "') WHERE terminal = '" TWO "'");
    op->terminal = g_strdup(TWO);
    op->ids = g_strsplit("mqtt", " ", -1);

    assert_int_equal(run(f, op), AKMA_ERROR_STORE_FAILED);
    assert_null(op->set);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_fails_leaves_nothing),
        TEST(reject_another_store_key),
        TEST(reject_a_second_store_at_the_same_place),
        TEST(reject_what_is_no_store),
        TEST(reject_a_store_of_a_newer_version),
        TEST(reject_a_key_in_another_place),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return RUN(tests);
}
