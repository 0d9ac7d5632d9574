/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* digest-parser: the list "name=value, name="value"" of a Digest field. For digest.c. */
#pragma once

#include "anchor/digest.h"

G_BEGIN_DECLS

#define AKMA_DIGEST_PARAMETERS_MAX 16
#define AKMA_DIGEST_VALUE_MAX      2048

typedef struct {
    char *name; /* lower case */
    char *value;
    bool is_quoted;
} AkmaDigestParameter;

typedef struct {
    AkmaDigestParameter items[AKMA_DIGEST_PARAMETERS_MAX];
    size_t len;
} AkmaDigestParameters;

void akma_digest_parameters_clear(AkmaDigestParameters *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaDigestParameters, akma_digest_parameters_clear)

/* @field: behind the scheme. @ret is empty on failure. False: not such a list, or a name twice. */
bool akma_digest_parse_parameters(const char *field, AkmaDigestParameters *ret);

/* NULL: it is not there. Borrowed. */
const char *akma_digest_get_parameter(const AkmaDigestParameters *self, const char *name);

G_END_DECLS
