/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * tpm: seals 32 bytes to this TPM and to the state of some of its PCRs, by libtss2-esys.
 *
 * The key lies under a storage key that the TPM derives from its owner seed each time, so nothing
 * is kept in the TPM and TPM2_Clear ends it. On the way to and from the TPM it is encrypted under
 * a session salted with that storage key: who listens on the bus of the chip learns nothing.
 * Each call waits for the TPM for as long as it takes: this is for a program of its own, which its
 * parent kills (agent/tpm-helper.h).
 */
#pragma once

#include "base/secret.h"
#include "tpm/blob.h"

G_BEGIN_DECLS

#define AKMA_TPM_KEY_LEN 32

typedef struct _AkmaTpm AkmaTpm;

/*
 * @tcti: as Tss2_TctiLdr_Initialize() has it, "device:/dev/tpmrm0".
 * Errors: AKMA_ERROR_STORE_FAILED: no such device, nobody answers. So do those below; the message
 * says what is wrong with the TPM and what to do.
 */
AkmaTpm *akma_tpm_open(const char *tcti, GError **error);
void akma_tpm_free(AkmaTpm *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaTpm, akma_tpm_free)

/* Returns: (transfer full): a blob that opens as long as PCRs of @pcrs are what they are now. */
GByteArray *akma_tpm_seal(AkmaTpm *self, const AkmaSecret *key, uint32_t pcrs, GError **error);

/* Returns: (transfer full): the key. */
AkmaSecret *akma_tpm_unseal(AkmaTpm *self, const uint8_t *blob, size_t len, GError **error);

G_END_DECLS
