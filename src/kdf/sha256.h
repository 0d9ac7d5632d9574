/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sha256: SHA-256, with the algorithm fetched once a process. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_SHA256_LEN 32

/*
 * Any thread. False: libcrypto failed. Not for passwords, and no MAC: see kdf/hmac.h.
 */
bool akma_sha256(const void *bytes, size_t len, uint8_t ret[static AKMA_SHA256_LEN]);

G_END_DECLS
