/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/seal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/error.h"

#define IV_LEN  12
#define TAG_LEN 16
#define LABEL   "akmad/1 store"

struct _AkmaKsSeal {
    EVP_CIPHER_CTX *closing; /* keyed once: a new IV is all that a message costs */
    EVP_CIPHER_CTX *opening;
    EVP_CIPHER_CTX *opening_old; /* NULL: there is no old key */
    bool was_old;
};

static bool
fail(GError **error)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot encrypt for the store");

    return false;
}

static EVP_CIPHER_CTX *
context_new(const AkmaSecret *store_key, bool encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const uint8_t *key;
    size_t len;

    key = akma_secret_peek(store_key, &len);
    if (!cipher || !context || len != AKMA_KS_KEY_LEN ||
        EVP_CipherInit_ex2(context, cipher, key, NULL, encrypt, NULL) != 1)
        g_clear_pointer(&context, EVP_CIPHER_CTX_free);
    EVP_CIPHER_free(cipher);

    return context;
}

AkmaKsSeal *
akma_ks_seal_new(const AkmaSecret *store_key, const AkmaSecret *old_store_key, GError **error)
{
    g_autoptr(AkmaKsSeal) self = g_new0(AkmaKsSeal, 1);

    self->closing = context_new(store_key, true);
    self->opening = context_new(store_key, false);
    if (old_store_key)
        self->opening_old = context_new(old_store_key, false);
    if (!self->closing || !self->opening || (old_store_key && !self->opening_old)) {
        fail(error);
        return NULL;
    }

    return g_steal_pointer(&self);
}

void
akma_ks_seal_free(AkmaKsSeal *self)
{
    if (!self)
        return;

    EVP_CIPHER_CTX_free(self->closing);
    EVP_CIPHER_CTX_free(self->opening);
    EVP_CIPHER_CTX_free(self->opening_old);
    g_free(self);
}

GBytes *
akma_ks_seal_close(
    AkmaKsSeal *self, const AkmaSecret *plain, const void *aad, size_t aad_len, GError **error)
{
    EVP_CIPHER_CTX *context = self->closing;
    size_t len;
    const uint8_t *bytes = akma_secret_peek(plain, &len);
    g_autofree uint8_t *sealed = g_malloc(len + AKMA_KS_SEAL_OVERHEAD);
    int done;

    if (RAND_bytes(sealed, IV_LEN) != 1 ||
        EVP_EncryptInit_ex2(context, NULL, NULL, sealed, NULL) != 1 ||
        EVP_EncryptUpdate(context, NULL, &done, aad, (int)aad_len) != 1 ||
        EVP_EncryptUpdate(context, sealed + IV_LEN, &done, bytes, (int)len) != 1 ||
        EVP_EncryptFinal_ex(context, sealed + IV_LEN + len, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, sealed + IV_LEN + len) != 1) {
        fail(error);
        return NULL;
    }

    return g_bytes_new_take(g_steal_pointer(&sealed), len + AKMA_KS_SEAL_OVERHEAD);
}

/* @room: as long as what is sealed, without the overhead. */
static bool
open_with(EVP_CIPHER_CTX *context,
          const uint8_t *sealed,
          size_t plain_len,
          const void *aad,
          size_t aad_len,
          uint8_t *room)
{
    uint8_t tag[TAG_LEN];
    int done;

    memcpy(tag, sealed + IV_LEN + plain_len, TAG_LEN);

    return EVP_DecryptInit_ex2(context, NULL, NULL, sealed, NULL) == 1 &&
           EVP_DecryptUpdate(context, NULL, &done, aad, (int)aad_len) == 1 &&
           EVP_DecryptUpdate(context, room, &done, sealed + IV_LEN, (int)plain_len) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
           EVP_DecryptFinal_ex(context, room + plain_len, &done) == 1;
}

AkmaSecret *
akma_ks_seal_open(AkmaKsSeal *self,
                  const void *sealed,
                  size_t len,
                  const void *aad,
                  size_t aad_len,
                  GError **error)
{
    g_autoptr(AkmaSecret) plain = NULL;
    uint8_t *room;
    bool opened;

    if (len <= AKMA_KS_SEAL_OVERHEAD || len > AKMA_SECRET_LEN_MAX) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "a key is torn");
        return NULL;
    }

    plain = akma_secret_new_blank(len - AKMA_KS_SEAL_OVERHEAD, &room, error);
    if (!plain)
        return NULL;
    opened = open_with(self->opening, sealed, len - AKMA_KS_SEAL_OVERHEAD, aad, aad_len, room);
    self->was_old = !opened && self->opening_old;
    if (self->was_old)
        opened =
            open_with(self->opening_old, sealed, len - AKMA_KS_SEAL_OVERHEAD, aad, aad_len, room);
    if (!opened) {
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_STORE_FAILED,
                            "a key does not open: another store key, or tampered with");
        return NULL;
    }

    return g_steal_pointer(&plain);
}

bool
akma_ks_seal_was_old(const AkmaKsSeal *self)
{
    return self->was_old;
}

GByteArray *
akma_ks_seal_key_place(const char *terminal, const char *kid)
{
    GByteArray *place = g_byte_array_sized_new(160);

    /* the labels go in with their final NUL, which is the separator */
    g_byte_array_append(place, (const uint8_t *)LABEL, sizeof LABEL);
    g_byte_array_append(place, (const uint8_t *)terminal, (guint)strlen(terminal) + 1);
    g_byte_array_append(place, (const uint8_t *)kid, (guint)strlen(kid));

    return place;
}
