/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tpm/tpm.h"

#include <openssl/crypto.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>

#include "base/error.h"
#include "tpm/explain.h"

struct _AkmaTpm {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    ESYS_TR primary;
    ESYS_TR session;
    ESYS_TR object;
};

static const TPMT_SYM_DEF aes = {
    .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};

static bool
failed(TSS2_RC rc, const char *what, GError **error)
{
    if (rc == TSS2_RC_SUCCESS)
        return false;

    akma_tpm_explain(rc, what, error);

    return true;
}

AkmaTpm *
akma_tpm_open(const char *tcti, GError **error)
{
    g_autoptr(AkmaTpm) self = g_new0(AkmaTpm, 1);

    self->primary = self->session = self->object = ESYS_TR_NONE;
    if (failed(Tss2_TctiLdr_Initialize(tcti, &self->tcti), tcti, error) ||
        failed(Esys_Initialize(&self->esys, self->tcti, NULL), tcti, error))
        return NULL;

    return g_steal_pointer(&self);
}

static void
flush(AkmaTpm *self, ESYS_TR *handle)
{
    if (*handle != ESYS_TR_NONE)
        Esys_FlushContext(self->esys, *handle);
    *handle = ESYS_TR_NONE;
}

/* A TPM without resource manager has room for three objects. */
static void
flush_all(AkmaTpm *self)
{
    flush(self, &self->object);
    flush(self, &self->session);
    flush(self, &self->primary);
}

void
akma_tpm_free(AkmaTpm *self)
{
    if (!self)
        return;

    if (self->esys)
        flush_all(self);
    Esys_Finalize(&self->esys);
    Tss2_TctiLdr_Finalize(&self->tcti);
    g_free(self);
}

/* The same key each time, from the seed of the owner hierarchy. */
static bool
load_primary(AkmaTpm *self, GError **error)
{
    const TPM2B_SENSITIVE_CREATE nothing = {0};
    const TPM2B_DATA no_data = {0};
    const TPML_PCR_SELECTION no_pcrs = {0};
    const TPM2B_PUBLIC template = {
        .publicArea =
            {
                .type = TPM2_ALG_ECC,
                .nameAlg = TPM2_ALG_SHA256,
                .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                                    TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
                .parameters.eccDetail =
                    {
                        .symmetric = {.algorithm = TPM2_ALG_AES,
                                      .keyBits.aes = 128,
                                      .mode.aes = TPM2_ALG_CFB},
                        .scheme.scheme = TPM2_ALG_NULL,
                        .curveID = TPM2_ECC_NIST_P256,
                        .kdf.scheme = TPM2_ALG_NULL,
                    },
            },
    };

    return !failed(Esys_CreatePrimary(self->esys,
                                      ESYS_TR_RH_OWNER,
                                      ESYS_TR_PASSWORD,
                                      ESYS_TR_NONE,
                                      ESYS_TR_NONE,
                                      &nothing,
                                      &template,
                                      &no_data,
                                      &no_pcrs,
                                      &self->primary,
                                      NULL,
                                      NULL,
                                      NULL,
                                      NULL),
                   "storage key",
                   error);
}

/* Salted with the storage key, so that what it encrypts stays between the TPM and us. */
static bool
start_session(AkmaTpm *self, TPM2_SE type, GError **error)
{
    const TPMA_SESSION encrypted =
        TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;

    flush(self, &self->session);

    return !failed(Esys_StartAuthSession(self->esys,
                                         self->primary,
                                         ESYS_TR_NONE,
                                         ESYS_TR_NONE,
                                         ESYS_TR_NONE,
                                         ESYS_TR_NONE,
                                         NULL,
                                         type,
                                         &aes,
                                         TPM2_ALG_SHA256,
                                         &self->session),
                   "session",
                   error) &&
           (type == TPM2_SE_TRIAL ||
            !failed(Esys_TRSess_SetAttributes(self->esys, self->session, encrypted, 0xff),
                    "session",
                    error));
}

static TPML_PCR_SELECTION
select_pcrs(uint32_t pcrs)
{
    return (TPML_PCR_SELECTION){
        .count = 1,
        .pcrSelections[0] =
            {
                .hash = TPM2_ALG_SHA256,
                .sizeofSelect = 3,
                .pcrSelect = {(BYTE)pcrs, (BYTE)(pcrs >> 8), (BYTE)(pcrs >> 16)},
            },
    };
}

/* A TPM leaves out PCRs that it does not have, and the policy would hold nothing. */
static bool
has_pcrs(AkmaTpm *self, uint32_t pcrs, GError **error)
{
    for (uint32_t bit = 1; bit <= pcrs; bit <<= 1) {
        const TPML_PCR_SELECTION one = select_pcrs(pcrs & bit);
        TPML_DIGEST *digests = NULL;
        bool there;

        if (!(pcrs & bit))
            continue;
        if (failed(Esys_PCR_Read(self->esys,
                                 ESYS_TR_NONE,
                                 ESYS_TR_NONE,
                                 ESYS_TR_NONE,
                                 &one,
                                 NULL,
                                 NULL,
                                 &digests),
                   "PCRs",
                   error))
            return false;
        there = digests->count == 1;
        Esys_Free(digests);
        if (!there) {
            g_set_error_literal(error,
                                AKMA_ERROR,
                                AKMA_ERROR_STORE_FAILED,
                                "the TPM lacks a PCR of tpm-pcrs= in its SHA-256 bank; next: "
                                "switch that bank on in the firmware, or change tpm-pcrs=");
            return false;
        }
    }

    return true;
}

/* PCRs as they are now, and nothing but TPM2_Unseal. */
static bool
run_policy(AkmaTpm *self, uint32_t pcrs, GError **error)
{
    const TPML_PCR_SELECTION selection = select_pcrs(pcrs);
    const TPM2B_DIGEST as_they_are = {0};

    if (pcrs != 0 && failed(Esys_PolicyPCR(self->esys,
                                           self->session,
                                           ESYS_TR_NONE,
                                           ESYS_TR_NONE,
                                           ESYS_TR_NONE,
                                           &as_they_are,
                                           &selection),
                            "policy",
                            error))
        return false;

    return !failed(
        Esys_PolicyCommandCode(
            self->esys, self->session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CC_Unseal),
        "policy",
        error);
}

static bool
compute_policy(AkmaTpm *self, uint32_t pcrs, TPM2B_DIGEST *ret, GError **error)
{
    TPM2B_DIGEST *digest = NULL;

    if (!start_session(self, TPM2_SE_TRIAL, error) || !run_policy(self, pcrs, error) ||
        failed(Esys_PolicyGetDigest(
                   self->esys, self->session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest),
               "policy",
               error))
        return false;
    *ret = *digest;
    Esys_Free(digest);

    return true;
}

/* Makes the sealed object; the plain key in @sensitive is the caller's to wipe. */
static bool
create(AkmaTpm *self,
       const TPM2B_SENSITIVE_CREATE *sensitive,
       uint32_t pcrs,
       TPM2B_PRIVATE **ret_private,
       TPM2B_PUBLIC **ret_public,
       GError **error)
{
    const TPM2B_DATA no_data = {0};
    const TPML_PCR_SELECTION no_pcrs = {0};
    TPM2B_PUBLIC template = {
        .publicArea =
            {
                .type = TPM2_ALG_KEYEDHASH,
                .nameAlg = TPM2_ALG_SHA256,
                /* no TPMA_OBJECT_USERWITHAUTH: by the policy alone */
                .objectAttributes =
                    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA,
                .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL,
            },
    };

    return compute_policy(self, pcrs, &template.publicArea.authPolicy, error) &&
           start_session(self, TPM2_SE_HMAC, error) &&
           !failed(Esys_Create(self->esys,
                               self->primary,
                               self->session,
                               ESYS_TR_NONE,
                               ESYS_TR_NONE,
                               sensitive,
                               &template,
                               &no_data,
                               &no_pcrs,
                               ret_private,
                               ret_public,
                               NULL,
                               NULL,
                               NULL),
                   "sealing",
                   error);
}

static GByteArray *
marshal(const TPM2B_PRIVATE *private_part,
        const TPM2B_PUBLIC *public_part,
        uint32_t pcrs,
        GError **error)
{
    uint8_t public_bytes[AKMA_TPM_BLOB_PART_MAX];
    uint8_t private_bytes[AKMA_TPM_BLOB_PART_MAX];
    AkmaTpmBlob blob = {.pcrs = pcrs, .public_part = public_bytes, .private_part = private_bytes};

    if (failed(Tss2_MU_TPM2B_PUBLIC_Marshal(
                   public_part, public_bytes, sizeof public_bytes, &blob.public_len),
               "sealing",
               error) ||
        failed(Tss2_MU_TPM2B_PRIVATE_Marshal(
                   private_part, private_bytes, sizeof private_bytes, &blob.private_len),
               "sealing",
               error))
        return NULL;

    return akma_tpm_blob_write(&blob);
}

GByteArray *
akma_tpm_seal(AkmaTpm *self, const AkmaSecret *key, uint32_t pcrs, GError **error)
{
    TPM2B_SENSITIVE_CREATE sensitive = {0};
    TPM2B_PRIVATE *private_part = NULL;
    TPM2B_PUBLIC *public_part = NULL;
    GByteArray *blob = NULL;
    size_t len;
    const uint8_t *bytes = akma_secret_peek(key, &len);

    g_return_val_if_fail(len == AKMA_TPM_KEY_LEN, NULL);
    if (!load_primary(self, error) || !has_pcrs(self, pcrs, error)) {
        flush_all(self);
        return NULL;
    }

    sensitive.sensitive.data.size = AKMA_TPM_KEY_LEN;
    memcpy(sensitive.sensitive.data.buffer, bytes, AKMA_TPM_KEY_LEN);
    if (create(self, &sensitive, pcrs, &private_part, &public_part, error))
        blob = marshal(private_part, public_part, pcrs, error);
    OPENSSL_cleanse(&sensitive, sizeof sensitive);
    Esys_Free(private_part);
    Esys_Free(public_part);
    flush_all(self);

    return blob;
}

static bool
unmarshal(const AkmaTpmBlob *blob,
          TPM2B_PRIVATE *ret_private,
          TPM2B_PUBLIC *ret_public,
          GError **error)
{
    size_t public_end = 0, private_end = 0;

    if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(
            blob->public_part, blob->public_len, &public_end, ret_public) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(
            blob->private_part, blob->private_len, &private_end, ret_private) != TSS2_RC_SUCCESS ||
        public_end != blob->public_len || private_end != blob->private_len) {
        akma_tpm_explain(TPM2_RC_INTEGRITY, "sealing.tpm", error);
        return false;
    }

    return true;
}

static bool
load_object(AkmaTpm *self, const AkmaTpmBlob *blob, GError **error)
{
    TPM2B_PRIVATE private_part = {0};
    TPM2B_PUBLIC public_part = {0};
    TSS2_RC rc;

    if (!unmarshal(blob, &private_part, &public_part, error) || !load_primary(self, error) ||
        !start_session(self, TPM2_SE_HMAC, error))
        return false;
    rc = Esys_Load(self->esys,
                   self->primary,
                   self->session,
                   ESYS_TR_NONE,
                   ESYS_TR_NONE,
                   &private_part,
                   &public_part,
                   &self->object);

    return !failed(akma_tpm_is_parameter(rc) ? TPM2_RC_INTEGRITY : rc, "sealing.tpm", error);
}

/* Wipes @data, which the library made. */
static AkmaSecret *
take_key(TPM2B_SENSITIVE_DATA *data, GError **error)
{
    AkmaSecret *key = NULL;

    if (data->size == AKMA_TPM_KEY_LEN)
        key = akma_secret_new(data->buffer, data->size, error);
    else
        akma_tpm_explain(TPM2_RC_INTEGRITY, "sealing.tpm", error);
    OPENSSL_cleanse(data, sizeof *data);
    Esys_Free(data);

    return key;
}

AkmaSecret *
akma_tpm_unseal(AkmaTpm *self, const uint8_t *blob, size_t len, GError **error)
{
    AkmaTpmBlob parts;
    TPM2B_SENSITIVE_DATA *data = NULL;
    AkmaSecret *key = NULL;

    if (!akma_tpm_blob_read(blob, len, &parts, error))
        return NULL;

    if (load_object(self, &parts, error) && has_pcrs(self, parts.pcrs, error) &&
        start_session(self, TPM2_SE_POLICY, error) && run_policy(self, parts.pcrs, error) &&
        !failed(
            Esys_Unseal(self->esys, self->object, self->session, ESYS_TR_NONE, ESYS_TR_NONE, &data),
            "sealing.tpm",
            error))
        key = take_key(data, error);
    flush_all(self);

    return key;
}
