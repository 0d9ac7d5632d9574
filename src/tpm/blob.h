/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * blob: a key that only a TPM opens, as it lies in a file. Pure.
 *
 *   file    = "AKMATPM" version:u8 pcrs:u32 public:bytes private:bytes
 *   bytes   = len:u16 octets      (TPM2B_PUBLIC and TPM2B_PRIVATE with their own length inside)
 *
 * Numbers are big endian. Nothing vouches for a blob but the TPM that opens it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_TPM_BLOB_VERSION  1
#define AKMA_TPM_BLOB_PART_MAX 1024
#define AKMA_TPM_BLOB_MAX      (7 + 1 + 4 + 2 * (2 + AKMA_TPM_BLOB_PART_MAX))
#define AKMA_TPM_PCR_MAX       23

typedef struct {
    uint32_t pcrs; /* bit n: PCR n of the SHA-256 bank must be what it was */
    const uint8_t *public_part;
    size_t public_len;
    const uint8_t *private_part;
    size_t private_len;
} AkmaTpmBlob;

/* Returns: (transfer full). Parts of at most AKMA_TPM_BLOB_PART_MAX bytes. */
GByteArray *akma_tpm_blob_write(const AkmaTpmBlob *self);

/* @ret borrows from @bytes. Errors: AKMA_ERROR_STORE_FAILED: torn, too long, of another format. */
bool akma_tpm_blob_read(const uint8_t *bytes, size_t len, AkmaTpmBlob *ret, GError **error);

/* "0,7,14" or "" -> bits. */
bool akma_tpm_parse_pcrs(const char *text, uint32_t *ret_pcrs);

G_END_DECLS
