/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store-fixture: a folder for a store, and a disk that can be full. The program is linked with
 * -Wl,--wrap=akma_file_replace.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "base/file.h"
#include "store/store.h"

#define NOW INT64_C(1793836900)

typedef struct {
    char *folder;
    char *path;
    char *bad;
    AkmaSecret *sealing_key;
} Fixture;

/* The disk: what akma_file_replace() does next, and how often it was asked. */
static bool disk_full;
static unsigned n_writes;

bool __real_akma_file_replace(
    const char *path, const void *bytes, size_t len, unsigned mode, GError **error);
bool __wrap_akma_file_replace(
    const char *path, const void *bytes, size_t len, unsigned mode, GError **error);

bool
__wrap_akma_file_replace(
    const char *path, const void *bytes, size_t len, unsigned mode, GError **error)
{
    n_writes++;
    if (disk_full) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "cannot write %s: full", path);
        return false;
    }

    return __real_akma_file_replace(path, bytes, len, mode, error);
}

static inline AkmaSecret *
secret(uint8_t fill, size_t len)
{
    uint8_t *bytes;
    AkmaSecret *self = akma_secret_new_blank(len, &bytes, NULL);

    assert_non_null(self);
    memset(bytes, fill, len);

    return self;
}

static inline int
setup(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->folder = g_dir_make_tmp("akma-store-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->folder, "keys.sealed", NULL);
    fixture->bad = g_strconcat(fixture->path, ".bad", NULL);
    fixture->sealing_key = secret(7, 32);
    disk_full = false;
    n_writes = 0;
    *state = fixture;

    return 0;
}

static inline int
teardown(void **state)
{
    Fixture *fixture = *state;

    g_unlink(fixture->path);
    g_unlink(fixture->bad);
    g_rmdir(fixture->folder);
    g_free(fixture->folder);
    g_free(fixture->path);
    g_free(fixture->bad);
    akma_secret_unref(fixture->sealing_key);
    g_free(fixture);

    return 0;
}

static inline AkmaStore *
open_store(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    bool damaged = false;
    AkmaStore *store = akma_store_open(fixture->folder, fixture->sealing_key, &damaged, &error);

    assert_null(error);
    assert_non_null(store);
    assert_false(damaged);

    return store;
}

/* Opens what stands on the disk now: it must be taken as damaged, and kept. */
static inline void
assert_set_aside(Fixture *fixture)
{
    g_autoptr(AkmaStore) store = NULL;
    bool damaged = false;

    store = akma_store_open(fixture->folder, fixture->sealing_key, &damaged, NULL);

    assert_non_null(store);
    assert_true(damaged);
    assert_null(akma_store_get(store, "keys", "mqtt"));
    assert_true(g_file_test(fixture->bad, G_FILE_TEST_EXISTS));
    assert_false(g_file_test(fixture->path, G_FILE_TEST_EXISTS));
}
