/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * gba-ub: one bootstrapping on Ub (TS 24.109 clause 4) as a state machine: answers of the BSF and
 * of the card in, the next Authorization out. Pure: no I/O; the cnonce is an argument.
 *
 *   NEW --> ASKED --> CHALLENGED --+--> ANSWERED --> BOOTSTRAPPED
 *             ^          |
 *             +-- AUTS --+  once
 *
 * Any other order, and any refusal, ends it. Errors: AKMA_ERROR_ANCHOR_REJECTED (the BSF said no,
 * or sync failed twice), AKMA_ERROR_SERVER_NOT_AUTHENTIC (rspauth), AKMA_ERROR_SERVER_REFUSED (not
 * an answer of a BSF), AKMA_ERROR_SERVER_UNREACHABLE (5xx), AKMA_ERROR_RATE_LIMITED (429).
 */
#pragma once

#include "anchor/digest.h"
#include "anchor/gba-info.h"
#include "anchor/gba-names.h"

G_BEGIN_DECLS

#define AKMA_UB_URI "/"

typedef struct _AkmaUb AkmaUb;

/* What of an HTTP answer counts; borrowed. */
typedef struct {
    unsigned status;
    const char *content_type;
    const char *const *challenges; /* WWW-Authenticate, NULL behind the last */
    const char *authentication_info;
    const uint8_t *body;
    size_t len;
} AkmaUbAnswer;

/* @names: borrowed, outlives it. @username: the IMPI, or a TMPI that stands for it. */
AkmaUb *akma_ub_new(const AkmaGbaNames *names, const char *username);
void akma_ub_free(AkmaUb *self); /* wipes RES */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaUb, akma_ub_free)

/* Authorization of the first request. (transfer full): wipe it. */
char *akma_ub_begin(AkmaUb *self, GError **error);

/* The answer to the first request, or to AUTS. */
bool akma_ub_challenged(AkmaUb *self,
                        const AkmaUbAnswer *answer,
                        uint8_t ret_rand[static 16],
                        uint8_t ret_autn[static 16],
                        GError **error);

/* Authorization with what the card said. @cnonce: AKMA_DIGEST_CNONCE_LEN random bytes. */
char *akma_ub_answer(AkmaUb *self,
                     const uint8_t *res,
                     size_t res_len,
                     const uint8_t cnonce[static AKMA_DIGEST_CNONCE_LEN],
                     GError **error);
char *akma_ub_resynchronise(AkmaUb *self,
                            const uint8_t auts[static 14],
                            const uint8_t cnonce[static AKMA_DIGEST_CNONCE_LEN],
                            GError **error);

/*
 * The answer to RES: proven, and with a lifetime that lies ahead (@now: Unix time, for a BSF that
 * does not tell its own). Wipes RES.
 */
bool akma_ub_bootstrapped(
    AkmaUb *self, const AkmaUbAnswer *answer, int64_t now, AkmaGbaInfo *ret, GError **error);

G_END_DECLS
