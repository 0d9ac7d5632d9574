/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* key-store: a key server's store in a temporary folder, and its operations in one line each. */
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

#include "base/error.h"
#include "keyserver/seal.h"
#include "keyserver/store.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define ONE "BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg4"
#define TWO "_qpEzbvEtDTfHNHIq4Qct3IMhK9m3jeZppaoN_OJn8A"
#define NOW INT64_C(1793836800)

typedef struct {
    char *folder;
    char *path;
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

static inline int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    f->folder = g_dir_make_tmp("akma-store-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "keys.db", NULL);
    f->key = store_key(7);
    f->place = (AkmaKsPlace){.path = f->path, .store_key = f->key};
    assert_true(akma_ks_create(&f->place, AKMA_IDENTITY_SUPI, NULL));
    f->store = akma_ks_open(&f->place, NULL);
    assert_non_null(f->store);
    *state = f;

    return 0;
}

static inline int
teardown(void **state)
{
    Fixture *f = *state;
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", f->folder);

    akma_ks_close(f->store);
    akma_secret_unref(f->key);
    assert_int_equal(system(command), 0);
    g_free(f->folder);
    g_free(f->path);
    g_free(f);

    return 0;
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
