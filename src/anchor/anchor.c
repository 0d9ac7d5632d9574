/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/anchor.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "kdf/akma.h"

struct _AkmaAnchor {
    gatomicrefcount refs;
    char *kind;
    char *kid;
    AkmaSecret *key;    /* K_AKMA, or Ks_NAF for naf_id */
    AkmaAfId naf_id;    /* of GBA */
    int64_t expires_ms; /* 0: never */
    bool is_new;
};

AkmaAnchor *
akma_anchor_new(const char *kind, const char *kid, AkmaSecret *key)
{
    AkmaAnchor *self = g_new0(AkmaAnchor, 1);

    g_atomic_ref_count_init(&self->refs);
    self->kind = g_strdup(kind);
    self->kid = g_strdup(kid);
    self->key = akma_secret_ref(key);

    return self;
}

AkmaAnchor *
akma_anchor_new_gba(
    const char *kid, const AkmaAfId *naf_id, AkmaSecret *ks_naf, int64_t expires_ms, bool is_new)
{
    AkmaAnchor *self = akma_anchor_new("gba", kid, ks_naf);

    self->naf_id = *naf_id;
    self->expires_ms = expires_ms;
    self->is_new = is_new;

    return self;
}

AkmaAnchor *
akma_anchor_ref(AkmaAnchor *self)
{
    g_atomic_ref_count_inc(&self->refs);

    return self;
}

void
akma_anchor_unref(AkmaAnchor *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;

    akma_secret_unref(self->key);
    g_free(self->kid);
    g_free(self->kind);
    g_free(self);
}

const char *
akma_anchor_get_kind(const AkmaAnchor *self)
{
    return self->kind;
}

const char *
akma_anchor_get_kid(const AkmaAnchor *self)
{
    return self->kid;
}

bool
akma_anchor_is_expired(const AkmaAnchor *self, int64_t now_ms)
{
    return self->expires_ms > 0 && now_ms >= self->expires_ms;
}

bool
akma_anchor_is_new(const AkmaAnchor *self)
{
    return self->is_new;
}

/* Ks_NAF is for one NAF. */
static AkmaSecret *
get_ks_naf(const AkmaAnchor *self, const AkmaAfId *naf_id, GError **error)
{
    if (self->naf_id.len != naf_id->len ||
        CRYPTO_memcmp(self->naf_id.bytes, naf_id->bytes, naf_id->len) != 0) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "Ks_NAF is for another server");
        return NULL;
    }

    return akma_secret_ref(self->key);
}

/*= TS 33.535 A.4: K_AF from K_AKMA and AF_ID */
AkmaSecret *
akma_anchor_derive_first_key(const AkmaAnchor *self, const AkmaAfId *af_id, GError **error)
{
    g_auto(AkmaKey256) k_akma = {0};
    g_auto(AkmaKey256) k_af = {0};
    size_t len;
    const uint8_t *bytes = akma_secret_peek(self->key, &len);

    if (self->naf_id.len > 0)
        return get_ks_naf(self, af_id, error);
    if (len != sizeof k_akma.bytes) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "K_AKMA is not 32 bytes");
        return NULL;
    }
    memcpy(k_akma.bytes, bytes, len);
    if (!akma_kdf_k_af(&k_akma, af_id, &k_af, error))
        return NULL;

    return akma_secret_new(k_af.bytes, sizeof k_af.bytes, error);
}
