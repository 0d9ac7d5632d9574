/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "base/error.h"
#include "proto/json.h"
#include "proto/jwk.h"
#include "proto/key-set.h"

AkmaKey *
akma_key_new(void)
{
    return g_new0(AkmaKey, 1);
}

AkmaKey *
akma_key_copy(const AkmaKey *self)
{
    AkmaKey *copy = g_memdup2(self, sizeof *self);

    copy->key_id = g_strdup(self->key_id);
    copy->kid = g_strdup(self->kid);
    copy->kty = g_strdup(self->kty);
    copy->alg = g_strdup(self->alg);
    copy->use = g_strdup(self->use);
    copy->identity = g_strdup(self->identity);
    copy->previous_kid = g_strdup(self->previous_kid);
    copy->secret = self->secret ? akma_secret_ref(self->secret) : NULL;

    return copy;
}

void
akma_key_free(AkmaKey *self)
{
    if (!self)
        return;

    g_free(self->key_id);
    g_free(self->kid);
    g_free(self->kty);
    g_free(self->alg);
    g_free(self->use);
    g_free(self->identity);
    g_free(self->previous_kid);
    akma_secret_unref(self->secret);
    g_free(self);
}

bool
akma_key_id_is_valid(const char *key_id)
{
    size_t len = strlen(key_id);

    return len >= 1 && len <= AKMA_KEY_ID_MAX && g_ascii_isalnum(key_id[0]) &&
           strspn(key_id, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

AkmaSecret *
akma_key_to_jwk(const AkmaKey *self, GError **error)
{
    json_auto_t *jwk = akma_jwk_to_json(self);

    if (!jwk) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "a key is not well formed");
        return NULL;
    }

    return akma_json_dump_secret(jwk, error);
}
