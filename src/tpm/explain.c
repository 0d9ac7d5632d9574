/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tpm/explain.h"

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tpm2_types.h>

#include "base/error.h"

#define FETCH_AGAIN "remove keys.sealed from state-dir: all keys are fetched again"

/* Without parameter, handle or session number. */
static TSS2_RC
strip(TSS2_RC rc)
{
    if ((rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER && (rc & TPM2_RC_FMT1))
        return rc & (TPM2_RC_FMT1 | 0x3f);

    return rc;
}

bool
akma_tpm_is_parameter(uint32_t rc)
{
    return (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER && (rc & TPM2_RC_FMT1) &&
           (rc & TPM2_RC_P);
}

void
akma_tpm_explain(uint32_t rc, const char *what, GError **error)
{
    static const struct {
        TSS2_RC rc;
        const char *cause;
        const char *next;
    } rows[] = {
        {TPM2_RC_POLICY_FAIL,
         "its PCRs are not what they were: firmware or boot settings have changed",
         "undo that change, or " FETCH_AGAIN},
        {TPM2_RC_INTEGRITY,
         "sealing.tpm is tampered with, or of another TPM, or the TPM was cleared",
         "put the file or the TPM back, or " FETCH_AGAIN},
        {TPM2_RC_LOCKOUT,
         "it is locked after wrong authorizations",
         "wait, or reset it: tpm2_dictionarylockout -c"},
        {TPM2_RC_BAD_AUTH,
         "its owner hierarchy has a password",
         "take that off: tpm2_changeauth -c owner; or set sealing= to another kind"},
        {TPM2_RC_AUTH_FAIL,
         "its owner hierarchy has a password",
         "take that off: tpm2_changeauth -c owner; or set sealing= to another kind"},
        {TPM2_RC_HIERARCHY,
         "its owner hierarchy is switched off",
         "switch the TPM on in the firmware, or set sealing= to another kind"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strip(rc) == rows[i].rc) {
            g_set_error(error,
                        AKMA_ERROR,
                        AKMA_ERROR_STORE_FAILED,
                        "%s: the TPM refuses: %s; next: %s",
                        what,
                        rows[i].cause,
                        rows[i].next);
            return;
        }
    }

    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "%s: the TPM fails: %s; next: see that it is there and that akmad may open it, "
                "then start akmad again",
                what,
                Tss2_RC_Decode(rc));
}
