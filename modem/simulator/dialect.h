/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dialect: how the AT face differs from the book, as awkward real modems do. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct {
    const char *name;
    bool no_test;          /* refuses "=?" */
    unsigned session_base; /* session id = channel + this */
    bool no_space;         /* "+CGLA:4,..." */
    bool inline_data;      /* fetches what 61xx and 6Cxx announce by itself */
    bool no_cchc;
    unsigned busy;  /* commands for the card refused as busy after power on */
    bool csim_only; /* no +CCHO, +CGLA, +CCHC, +CRSM, +CUAD */
} AkmaSoftDialect;

/* NULL: there is none of that name. Borrowed for ever. */
const AkmaSoftDialect *akma_soft_dialect_find(const char *name);
/* "plain no-test ..."; free with g_free(). */
char *akma_soft_dialect_dup_names(void);

G_END_DECLS
