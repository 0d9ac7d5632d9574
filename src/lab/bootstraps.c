/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/bootstraps.h"

#include <string.h>

#define BOOTSTRAPS_MAX 2048

struct _AkmaBootstraps {
    GHashTable *by_b_tid;     /* owns */
    GQueue order;             /* the oldest first, borrowed */
    GHashTable *tmpi_by_supi; /* owns both strings */
    GHashTable *supi_by_tmpi; /* borrowed from the other */
};

static void
bootstrap_free(AkmaBootstrap *self)
{
    g_free(self->b_tid);
    g_free(self->supi);
    akma_secret_unref(self->ks);
    g_free(self);
}

AkmaBootstrap *
akma_bootstrap_new(const char *b_tid,
                   const char *supi,
                   const uint8_t rand[static 16],
                   const AkmaKey128 *ck,
                   const AkmaKey128 *ik)
{
    AkmaBootstrap *self;
    uint8_t *bytes;
    AkmaSecret *ks = akma_secret_new_blank(sizeof *ck + sizeof *ik, &bytes, NULL);

    if (!ks)
        return NULL;

    /*= TS 33.220 4.5.2: Ks = CK || IK */
    memcpy(bytes, ck->bytes, sizeof *ck);
    memcpy(bytes + sizeof *ck, ik->bytes, sizeof *ik);
    self = g_new0(AkmaBootstrap, 1);
    self->ks = ks;
    self->b_tid = g_strdup(b_tid);
    self->supi = g_strdup(supi);
    memcpy(self->rand, rand, sizeof self->rand);

    return self;
}

AkmaBootstraps *
akma_bootstraps_new(void)
{
    AkmaBootstraps *self = g_new0(AkmaBootstraps, 1);

    self->by_b_tid =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)bootstrap_free);
    g_queue_init(&self->order);
    self->tmpi_by_supi = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->supi_by_tmpi = g_hash_table_new(g_str_hash, g_str_equal);

    return self;
}

void
akma_bootstraps_free(AkmaBootstraps *self)
{
    if (!self)
        return;

    g_queue_clear(&self->order);
    g_hash_table_unref(self->by_b_tid);
    g_hash_table_unref(self->supi_by_tmpi);
    g_hash_table_unref(self->tmpi_by_supi);
    g_free(self);
}

static void
drop(AkmaBootstraps *self, AkmaBootstrap *one)
{
    g_queue_remove(&self->order, one);
    g_hash_table_remove(self->by_b_tid, one->b_tid);
}

void
akma_bootstraps_put(AkmaBootstraps *self, AkmaBootstrap *bootstrap)
{
    AkmaBootstrap *old = g_hash_table_lookup(self->by_b_tid, bootstrap->b_tid);

    if (old)
        drop(self, old);
    while ((old = g_queue_peek_head(&self->order)) &&
           (self->order.length >= BOOTSTRAPS_MAX || old->expiry <= bootstrap->created))
        drop(self, old);
    g_hash_table_insert(self->by_b_tid, bootstrap->b_tid, bootstrap);
    g_queue_push_tail(&self->order, bootstrap);
}

const AkmaBootstrap *
akma_bootstraps_find(const AkmaBootstraps *self, const char *b_tid, int64_t now)
{
    const AkmaBootstrap *one = g_hash_table_lookup(self->by_b_tid, b_tid);

    return one && one->expiry > now ? one : NULL;
}

static void
forget_tmpi(AkmaBootstraps *self, const char *supi)
{
    const char *tmpi = g_hash_table_lookup(self->tmpi_by_supi, supi);

    if (tmpi)
        g_hash_table_remove(self->supi_by_tmpi, tmpi);
    g_hash_table_remove(self->tmpi_by_supi, supi);
}

void
akma_bootstraps_put_tmpi(AkmaBootstraps *self, const char *supi, const char *tmpi)
{
    char *key = g_strdup(supi);
    char *value = g_strdup(tmpi);

    forget_tmpi(self, supi);
    g_hash_table_insert(self->tmpi_by_supi, key, value);
    g_hash_table_insert(self->supi_by_tmpi, value, key);
}

const char *
akma_bootstraps_find_tmpi(const AkmaBootstraps *self, const char *tmpi)
{
    return g_hash_table_lookup(self->supi_by_tmpi, tmpi);
}

void
akma_bootstraps_prune(AkmaBootstraps *self,
                      bool (*keep)(const char *supi, void *user_data),
                      void *user_data)
{
    g_autoptr(GList) supis = g_hash_table_get_keys(self->tmpi_by_supi);
    GList *next;

    for (GList *l = self->order.head; l; l = next) {
        AkmaBootstrap *one = l->data;

        next = l->next;
        if (!keep(one->supi, user_data))
            drop(self, one);
    }
    for (GList *l = supis; l; l = l->next) {
        if (!keep(l->data, user_data))
            forget_tmpi(self, l->data);
    }
}
