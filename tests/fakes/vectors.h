/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vectors: reads the JSON files of tests/vectors, whose sources are cited inside each file. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* The whole file below tests/vectors/. Fails the test if it is not there. Free: json_decref(). */
json_t *test_vectors_load(const char *name);

/* Hex string at a dotted path ("akma.first_key") into @ret of exactly @len bytes; fails the test.
 */
void test_vectors_hex(json_t *root, const char *path, void *ret, size_t len);

/* String at a dotted path; borrowed; fails the test if it is not there. */
const char *test_vectors_string(json_t *root, const char *path);
