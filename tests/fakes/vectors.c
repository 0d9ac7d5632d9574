/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fakes/vectors.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

json_t *
test_vectors_load(const char *name)
{
    const char *top = g_getenv("top_srcdir");
    g_autofree char *path = g_build_filename(top ? top : ".", "tests", "vectors", name, NULL);
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

    if (!root)
        fail_msg("%s: %s", path, error.text);

    return root;
}

const char *
test_vectors_string(json_t *root, const char *path)
{
    g_auto(GStrv) steps = g_strsplit(path, ".", -1);

    for (size_t i = 0; steps[i] && root; i++)
        root = json_object_get(root, steps[i]);
    if (!json_is_string(root))
        fail_msg("no string at %s", path);

    return json_string_value(root);
}

void
test_vectors_hex(json_t *root, const char *path, void *ret, size_t len)
{
    const char *text = test_vectors_string(root, path);

    if (!akma_hex_decode(text, strlen(text), ret, len))
        fail_msg("%s is not %zu bytes in hex", path, len);
}
