/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* key-lines: keys as their applications read them, one line a version. Pure. */
#pragma once

#include "keyserver/store.h"

G_BEGIN_DECLS

typedef enum {
    AKMA_KEY_LINES_MOSQUITTO, /* "IDENTITY:HEX", for psk_file of mosquitto */
    AKMA_KEY_LINES_JSON,      /* an object: application, terminal, kid, state, not_after, jwk */
} AkmaKeyLinesFormat;

/* Text with keys in it: its memory is wiped. */
typedef struct {
    char *bytes; /* no NUL at the end */
    size_t len, size;
} AkmaKeyLines;

void akma_key_lines_clear(AkmaKeyLines *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaKeyLines, akma_key_lines_clear)

/* Appends @key, a row of AKMA_KS_KEY_EXPORT. Errors: AKMA_ERROR_INTERNAL. */
bool akma_key_lines_add(AkmaKeyLines *self,
                        AkmaKeyLinesFormat format,
                        const AkmaKsKey *key,
                        GError **error);

G_END_DECLS
