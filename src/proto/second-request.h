/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* second-request: what the second request says once it is open: which keys are wanted. */
#pragma once

#include "base/secret.h"
#include "proto/cause.h"

G_BEGIN_DECLS

/* @key_ids: 1 to 16. Returns: (transfer full). Errors: AKMA_ERROR_INTERNAL. */
AkmaSecret *akma_second_request_to_json(const char *const *key_ids, GError **error);

/* @ret_key_ids: g_strfreev(). */
bool akma_second_request_from_json(const AkmaSecret *plaintext,
                                   GStrv *ret_key_ids,
                                   AkmaRefusal *ret_refusal);

G_END_DECLS
