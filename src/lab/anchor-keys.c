/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/anchor-keys.h"

#include <string.h>

#include "base/error.h"

struct _AkmaAnchorKeys {
    GHashTable *by_supi;  /* owns */
    GHashTable *by_a_kid; /* borrows from the other */
};

static void
anchor_key_free(AkmaAnchorKey *self)
{
    g_free(self->supi);
    g_free(self->a_kid);
    akma_secret_unref(self->k_akma);
    g_free(self);
}

AkmaAnchorKeys *
akma_anchor_keys_new(void)
{
    AkmaAnchorKeys *self = g_new0(AkmaAnchorKeys, 1);

    self->by_supi =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)anchor_key_free);
    self->by_a_kid = g_hash_table_new(g_str_hash, g_str_equal);

    return self;
}

void
akma_anchor_keys_free(AkmaAnchorKeys *self)
{
    if (!self)
        return;

    g_hash_table_unref(self->by_a_kid);
    g_hash_table_unref(self->by_supi);
    g_free(self);
}

bool
akma_anchor_keys_put(AkmaAnchorKeys *self,
                     const char *supi,
                     const char *a_kid,
                     const AkmaKey256 *k_akma,
                     GError **error)
{
    const AkmaAnchorKey *other = akma_anchor_keys_find(self, a_kid);
    g_autoptr(AkmaSecret) secret = NULL;
    AkmaAnchorKey *key;

    if (other && strcmp(other->supi, supi) != 0) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "another subscriber has this A-KID");
        return false;
    }
    secret = akma_secret_new(k_akma->bytes, sizeof k_akma->bytes, error);
    if (!secret)
        return false;

    key = g_new0(AkmaAnchorKey, 1);
    key->supi = g_strdup(supi);
    key->a_kid = g_strdup(a_kid);
    key->k_akma = g_steal_pointer(&secret);

    /*= TS 33.535 6.1: the AAnF shall store the latest information sent by the AUSF */
    akma_anchor_keys_remove(self, supi);
    g_hash_table_insert(self->by_supi, key->supi, key);
    g_hash_table_insert(self->by_a_kid, key->a_kid, key);

    return true;
}

const AkmaAnchorKey *
akma_anchor_keys_find(const AkmaAnchorKeys *self, const char *a_kid)
{
    return g_hash_table_lookup(self->by_a_kid, a_kid);
}

bool
akma_anchor_keys_remove(AkmaAnchorKeys *self, const char *supi)
{
    const AkmaAnchorKey *key = g_hash_table_lookup(self->by_supi, supi);

    if (!key)
        return false;
    g_hash_table_remove(self->by_a_kid, key->a_kid);
    g_hash_table_remove(self->by_supi, supi);

    return true;
}

void
akma_anchor_keys_prune(AkmaAnchorKeys *self,
                       bool (*keep)(const char *supi, void *user_data),
                       void *user_data)
{
    g_autofree char **supis = (char **)g_hash_table_get_keys_as_array(self->by_supi, NULL);

    for (size_t i = 0; supis[i]; i++) {
        if (!keep(supis[i], user_data))
            akma_anchor_keys_remove(self, supis[i]);
    }
}
