/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hkdf: HKDF-SHA-256 (RFC 5869), as the key-delivery protocol uses it. */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

/* RFC 5869 2.2 */
bool akma_hkdf_extract(const void *salt,
                       size_t salt_len,
                       const void *ikm,
                       size_t ikm_len,
                       AkmaKey256 *ret_prk,
                       GError **error);

/* RFC 5869 2.3 with L = 32 */
bool akma_hkdf_expand32(
    const AkmaKey256 *prk, const void *info, size_t info_len, AkmaKey256 *ret, GError **error);

G_END_DECLS
