/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/gba-cache.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "kdf/gba.h"

#define ENTRIES_MAX 16 /* two for each of eight cards */

struct _AkmaGbaCache {
    gatomicrefcount refs;
    GPtrArray *entries; /* AkmaBootstrapping, the oldest first */
    GPtrArray *tmpis;   /* Tmpi, the same */
    void (*changed)(gpointer user_data);
    gpointer user_data;
    bool is_closed;
};

typedef struct {
    char *sim_id;
    uint8_t impi_digest[32];
    char *url;
    char *tmpi;
} Tmpi;

static void
tmpi_free(gpointer data)
{
    Tmpi *self = data;

    g_free(self->sim_id);
    g_free(self->url);
    g_free(self->tmpi);
    g_free(self);
}

void
akma_bootstrapping_free(AkmaBootstrapping *self)
{
    if (!self)
        return;

    akma_secret_unref(self->ks);
    g_free(self->b_tid);
    g_free(self->url);
    g_free(self->sim_id);
    OPENSSL_cleanse(self, sizeof *self);
    g_free(self);
}

/*= TS 33.220 4.5.2: Ks_NAF of each NAF is derived from Ks, RAND, IMPI and NAF_Id */
AkmaSecret *
akma_bootstrapping_derive(const AkmaBootstrapping *self,
                          const char *impi,
                          const AkmaAfId *naf_id,
                          GError **error)
{
    g_auto(AkmaKey128) ck = {0};
    g_auto(AkmaKey128) ik = {0};
    g_auto(AkmaKey256) ks_naf = {0};
    const uint8_t *ks;
    size_t len;

    g_return_val_if_fail(self->ks, NULL);

    ks = akma_secret_peek(self->ks, &len);
    g_return_val_if_fail(len == sizeof ck.bytes + sizeof ik.bytes, NULL);
    memcpy(ck.bytes, ks, sizeof ck.bytes);
    memcpy(ik.bytes, ks + sizeof ck.bytes, sizeof ik.bytes);
    if (!akma_kdf_ks_naf(&ck, &ik, self->rand, impi, naf_id, &ks_naf, error))
        return NULL;

    return akma_secret_new(ks_naf.bytes, sizeof ks_naf.bytes, error);
}

AkmaGbaCache *
akma_gba_cache_new(void (*changed)(gpointer user_data), gpointer user_data)
{
    AkmaGbaCache *self = g_new0(AkmaGbaCache, 1);

    g_atomic_ref_count_init(&self->refs);
    self->entries = g_ptr_array_new_with_free_func((GDestroyNotify)akma_bootstrapping_free);
    self->tmpis = g_ptr_array_new_with_free_func(tmpi_free);
    self->changed = changed;
    self->user_data = user_data;

    return self;
}

AkmaGbaCache *
akma_gba_cache_ref(AkmaGbaCache *self)
{
    g_atomic_ref_count_inc(&self->refs);

    return self;
}

void
akma_gba_cache_unref(AkmaGbaCache *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;

    g_ptr_array_unref(self->entries);
    g_ptr_array_unref(self->tmpis);
    g_free(self);
}

void
akma_gba_cache_drop(AkmaGbaCache *self, AkmaGbaKind kind, const char *sim_id)
{
    for (guint i = self->entries->len; i > 0; i--) {
        const AkmaBootstrapping *entry = self->entries->pdata[i - 1];

        if (g_str_equal(entry->sim_id, sim_id) && entry->kind == kind)
            g_ptr_array_remove_index(self->entries, i - 1);
    }
}

void
akma_gba_cache_keep(AkmaGbaCache *self,
                    bool (*here)(const char *sim_id, gpointer user_data),
                    gpointer user_data)
{
    for (guint i = self->entries->len; i > 0; i--) {
        const AkmaBootstrapping *entry = self->entries->pdata[i - 1];

        if (!here(entry->sim_id, user_data))
            g_ptr_array_remove_index(self->entries, i - 1);
    }
    for (guint i = self->tmpis->len; i > 0; i--) {
        const Tmpi *each = self->tmpis->pdata[i - 1];

        if (!here(each->sim_id, user_data))
            g_ptr_array_remove_index(self->tmpis, i - 1);
    }
}

static bool
find_tmpi(const AkmaGbaCache *self,
          const char *sim_id,
          const uint8_t *impi_digest,
          const char *url,
          guint *ret_index)
{
    for (guint i = 0; i < self->tmpis->len; i++) {
        const Tmpi *each = self->tmpis->pdata[i];

        if (g_str_equal(each->sim_id, sim_id) && g_str_equal(each->url, url) &&
            CRYPTO_memcmp(each->impi_digest, impi_digest, sizeof each->impi_digest) == 0) {
            *ret_index = i;
            return true;
        }
    }

    return false;
}

const char *
akma_gba_cache_get_tmpi(const AkmaGbaCache *self,
                        const char *sim_id,
                        const uint8_t impi_digest[static 32],
                        const char *url)
{
    guint index;

    return find_tmpi(self, sim_id, impi_digest, url, &index)
               ? ((const Tmpi *)self->tmpis->pdata[index])->tmpi
               : NULL;
}

void
akma_gba_cache_set_tmpi(AkmaGbaCache *self,
                        const char *sim_id,
                        const uint8_t impi_digest[static 32],
                        const char *url,
                        const char *tmpi)
{
    guint index;
    Tmpi *entry;

    if (find_tmpi(self, sim_id, impi_digest, url, &index))
        g_ptr_array_remove_index(self->tmpis, index);
    if (!tmpi || self->is_closed)
        return;
    if (self->tmpis->len == ENTRIES_MAX)
        g_ptr_array_remove_index(self->tmpis, 0);

    entry = g_new0(Tmpi, 1);
    entry->sim_id = g_strdup(sim_id);
    memcpy(entry->impi_digest, impi_digest, sizeof entry->impi_digest);
    entry->url = g_strdup(url);
    entry->tmpi = g_strdup(tmpi);
    g_ptr_array_add(self->tmpis, entry);
}

void
akma_gba_cache_close(AkmaGbaCache *self)
{
    self->is_closed = true;
    g_ptr_array_set_size(self->entries, 0);
    g_ptr_array_set_size(self->tmpis, 0);
}

void
akma_gba_cache_put(AkmaGbaCache *self, AkmaBootstrapping *entry)
{
    if (self->is_closed) {
        akma_bootstrapping_free(entry);
        return;
    }
    akma_gba_cache_drop(self, entry->kind, entry->sim_id);
    if (self->entries->len == ENTRIES_MAX)
        g_ptr_array_remove_index(self->entries, 0);
    g_ptr_array_add(self->entries, entry);
    if (self->changed)
        self->changed(self->user_data);
}

const AkmaBootstrapping *
akma_gba_cache_find(AkmaGbaCache *self,
                    AkmaGbaKind kind,
                    const char *sim_id,
                    const uint8_t imsi_digest[static 32],
                    const uint8_t impi_digest[static 32],
                    const char *url,
                    int64_t now_ms)
{
    akma_gba_cache_expire(self, now_ms);
    for (guint i = 0; i < self->entries->len; i++) {
        const AkmaBootstrapping *entry = self->entries->pdata[i];

        if (entry->kind != kind || !g_str_equal(entry->sim_id, sim_id))
            continue;
        if (CRYPTO_memcmp(entry->imsi_digest, imsi_digest, sizeof entry->imsi_digest) == 0 &&
            CRYPTO_memcmp(entry->impi_digest, impi_digest, sizeof entry->impi_digest) == 0 &&
            g_str_equal(entry->url, url))
            return entry;
        akma_gba_cache_drop(self, kind, sim_id);
        return NULL;
    }

    return NULL;
}

int64_t
akma_gba_cache_expire(AkmaGbaCache *self, int64_t now_ms)
{
    int64_t next_ms = 0;

    for (guint i = self->entries->len; i > 0; i--) {
        const AkmaBootstrapping *entry = self->entries->pdata[i - 1];

        if (now_ms >= entry->expires_ms)
            g_ptr_array_remove_index(self->entries, i - 1);
        else if (next_ms == 0 || entry->expires_ms < next_ms)
            next_ms = entry->expires_ms;
    }

    return next_ms;
}
