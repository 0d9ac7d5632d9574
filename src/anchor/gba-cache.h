/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * gba-cache: the bootstrappings that are good for now: Ks in secret memory until its lifetime ends,
 * so that the next server costs no new one. Each belongs to a card. Time is an argument
 * (milliseconds of CLOCK_BOOTTIME), the owner sets the timer.
 */
#pragma once

#include "base/secret.h"
#include "kdf/af-id.h"

G_BEGIN_DECLS

typedef enum {
    AKMA_GBA_ME, /* Ks is here */
    AKMA_GBA_U,  /* Ks is in the card */
} AkmaGbaKind;

typedef struct {
    AkmaGbaKind kind;
    char *sim_id;            /* of the modem: which card */
    uint8_t imsi_digest[32]; /* whose: neither IMSI nor IMPI is kept */
    uint8_t impi_digest[32];
    char *url; /* of the BSF that made it */
    char *b_tid;
    uint8_t rand[16];
    AkmaSecret *ks;     /* CK || IK; NULL with AKMA_GBA_U */
    int64_t expires_ms; /* from then on it is not used */
} AkmaBootstrapping;

void akma_bootstrapping_free(AkmaBootstrapping *self); /* wipes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaBootstrapping, akma_bootstrapping_free)

/*
 * Ks_NAF of AKMA_GBA_ME, with the @impi that it was made for. Returns: (transfer full): 32 bytes.
 * Errors: AKMA_ERROR_INTERNAL.
 */
AkmaSecret *akma_bootstrapping_derive(const AkmaBootstrapping *self,
                                      const char *impi,
                                      const AkmaAfId *naf_id,
                                      GError **error);

typedef struct _AkmaGbaCache AkmaGbaCache;

/* @changed: the next end may be another one (NULL: nobody wants to know). */
AkmaGbaCache *akma_gba_cache_new(void (*changed)(gpointer user_data), gpointer user_data);
AkmaGbaCache *akma_gba_cache_ref(AkmaGbaCache *self);
void akma_gba_cache_unref(AkmaGbaCache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaGbaCache, akma_gba_cache_unref)

/* The owner goes: wipes all, and from now on keeps nothing and tells nobody. */
void akma_gba_cache_close(AkmaGbaCache *self);

/* Takes @entry; the one with the same card and kind goes. */
void akma_gba_cache_put(AkmaGbaCache *self, AkmaBootstrapping *entry);

/*
 * Borrowed until the next call; NULL: none that is good at @now_ms. Made for another IMSI, IMPI or
 * BSF than asked for: it is dropped.
 */
const AkmaBootstrapping *akma_gba_cache_find(AkmaGbaCache *self,
                                             AkmaGbaKind kind,
                                             const char *sim_id,
                                             const uint8_t imsi_digest[static 32],
                                             const uint8_t impi_digest[static 32],
                                             const char *url,
                                             int64_t now_ms);

/*
 * The TMPI that stands for @impi_digest at the BSF of @url; it outlives its bootstrapping. NULL:
 * none. Borrowed until the next call; copied.
 */
const char *akma_gba_cache_get_tmpi(const AkmaGbaCache *self,
                                    const char *sim_id,
                                    const uint8_t impi_digest[static 32],
                                    const char *url);
void akma_gba_cache_set_tmpi(AkmaGbaCache *self,
                             const char *sim_id,
                             const uint8_t impi_digest[static 32],
                             const char *url,
                             const char *tmpi);

/* Keeps those whose card is @here. */
void akma_gba_cache_keep(AkmaGbaCache *self,
                         bool (*here)(const char *sim_id, gpointer user_data),
                         gpointer user_data);
/* It is not known any more. */
void akma_gba_cache_drop(AkmaGbaCache *self, AkmaGbaKind kind, const char *sim_id);

/* Wipes what has ended. Returns: when the next one ends; 0: none is left. */
int64_t akma_gba_cache_expire(AkmaGbaCache *self, int64_t now_ms);

G_END_DECLS
