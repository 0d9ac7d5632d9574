/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/cause.h"

#include <string.h>

typedef struct {
    const char *name;
    unsigned status;
    AkmaError error;
} Row;

static const Row rows[] = {
    [AKMA_CAUSE_NONE] = {NULL, 0, AKMA_ERROR_INTERNAL},
    [AKMA_CAUSE_MALFORMED] = {"malformed", 400, AKMA_ERROR_SERVER_REFUSED},
    [AKMA_CAUSE_NOT_AUTHENTIC] = {"not_authentic", 403, AKMA_ERROR_SERVER_REFUSED},
    [AKMA_CAUSE_ANCHOR_KEY_UNKNOWN] = {"anchor_key_unknown", 404, AKMA_ERROR_ANCHOR_KEY_UNKNOWN},
    [AKMA_CAUSE_SESSION_UNKNOWN] = {"session_unknown", 404, AKMA_ERROR_SERVER_REFUSED},
    [AKMA_CAUSE_SESSION_USED] = {"session_used", 409, AKMA_ERROR_SERVER_REFUSED},
    [AKMA_CAUSE_TOO_LARGE] = {"too_large", 413, AKMA_ERROR_SERVER_REFUSED},
    [AKMA_CAUSE_UNSUPPORTED_MEDIA_TYPE] = {"unsupported_media_type",
                                           415,
                                           AKMA_ERROR_SERVER_REFUSED},
    [AKMA_CAUSE_WRONG_SERVER] = {"wrong_server", 421, AKMA_ERROR_SERVER_REFUSED},
    [AKMA_CAUSE_RATE_LIMITED] = {"rate_limited", 429, AKMA_ERROR_RATE_LIMITED},
    [AKMA_CAUSE_ANCHOR_REFUSED] = {"anchor_refused", 502, AKMA_ERROR_SERVER_UNREACHABLE},
    [AKMA_CAUSE_ANCHOR_UNAVAILABLE] = {"anchor_unavailable", 503, AKMA_ERROR_SERVER_UNREACHABLE},
    [AKMA_CAUSE_STORE_UNAVAILABLE] = {"store_unavailable", 503, AKMA_ERROR_SERVER_UNREACHABLE},
    [AKMA_CAUSE_NOT_ENTITLED] = {"not_entitled", 0, AKMA_ERROR_NOT_ENTITLED},
    [AKMA_CAUSE_REVOKED] = {"revoked", 0, AKMA_ERROR_KEY_REVOKED},
    [AKMA_CAUSE_UPSTREAM_REFUSED] = {"upstream_refused", 0, AKMA_ERROR_UPSTREAM_FAILED},
    [AKMA_CAUSE_UPSTREAM_UNAVAILABLE] = {"upstream_unavailable", 0, AKMA_ERROR_UPSTREAM_FAILED},
};

bool
akma_refuse(AkmaRefusal *ret_refusal, AkmaCause cause, const char *detail)
{
    *ret_refusal = (AkmaRefusal){.cause = cause, .detail = detail};

    return false;
}

const char *
akma_cause_get_name(AkmaCause cause)
{
    g_return_val_if_fail((size_t)cause < G_N_ELEMENTS(rows), NULL);

    return rows[cause].name;
}

AkmaCause
akma_cause_from_name(const char *name)
{
    for (size_t i = AKMA_CAUSE_NONE + 1; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return (AkmaCause)i;
    }

    return AKMA_CAUSE_NONE;
}

unsigned
akma_cause_get_status(AkmaCause cause)
{
    g_return_val_if_fail((size_t)cause < G_N_ELEMENTS(rows), 0);

    return rows[cause].status;
}

AkmaError
akma_cause_get_error(AkmaCause cause)
{
    g_return_val_if_fail((size_t)cause < G_N_ELEMENTS(rows), AKMA_ERROR_INTERNAL);

    return rows[cause].error;
}
