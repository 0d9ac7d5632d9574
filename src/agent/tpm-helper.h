/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * tpm-helper: akmad-tpm, run once for one key. A process of its own, since libtss2 waits for the
 * TPM as long as that takes and leaves copies of what it carries: a slow TPM is given up by killing
 * the process, and copies go with it. Calls wait, up to the deadline: for the start only, before
 * the bus is served.
 */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

#define AKMA_TPM_DEVICE  "/dev/tpmrm0"
#define AKMA_TPM_TCTI    "device:" AKMA_TPM_DEVICE
#define AKMA_TPM_KEY_LEN 32

typedef struct {
    const char *tcti; /* way to the TPM, as libtss2 writes it */
    const char *pcrs; /* "7,14"; "": none */
    unsigned timeout_s;
} AkmaTpmHelper;

/* Is akmad-tpm installed, and a TPM where @self looks that we may open? */
bool akma_tpm_helper_is_there(const AkmaTpmHelper *self);

/*
 * Returns: (transfer full): a blob for akma_tpm_helper_unseal(). Errors of both:
 * AKMA_ERROR_STORE_FAILED: no akmad-tpm, no TPM, it refuses, it did not answer in time.
 */
GByteArray *akma_tpm_helper_seal(const AkmaTpmHelper *self, const AkmaSecret *key, GError **error);

AkmaSecret *akma_tpm_helper_unseal(const AkmaTpmHelper *self,
                                   const void *blob,
                                   size_t len,
                                   GError **error);

G_END_DECLS
