/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usim-gba: GBA_U: AUTHENTICATE in the GBA context, and EF_GBABP. The card keeps Ks; what it gives
 * is RES and Ks_ext_NAF. It holds one bootstrapping: a new one replaces that of whoever ran it
 * before, also that of the modem's own IMS client.
 *
 * Errors of every call: those of modem/usim.h.
 */
#pragma once

#include "modem/usim.h"

G_BEGIN_DECLS

#define AKMA_GBA_FIELD_MAX 255 /* each of NAF_Id, IMPI, B-TID and lifetime has one length byte */

extern const AkmaFile akma_usim_gbabp;

/*
 * Bootstrapping: @ret gets RES, or AUTS after a sync failure, which is an outcome; ck and ik stay
 * zero. Errors: also AKMA_ERROR_ANCHOR_REJECTED: the MAC of AUTN is wrong.
 */
void akma_usim_gba_bootstrap_async(AkmaChannel *channel,
                                   const uint8_t rand[static 16],
                                   const uint8_t autn[static 16],
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);
bool akma_usim_gba_bootstrap_finish(AkmaChannel *channel,
                                    GAsyncResult *res,
                                    AkmaAkaResult *ret,
                                    GError **error);

/*
 * Ks_ext_NAF of the bootstrapping that the card holds now. Errors: also
 * AKMA_ERROR_ANCHOR_UNSUPPORTED: @naf_id and @impi do not fit into one command.
 */
void akma_usim_gba_derive_async(AkmaChannel *channel,
                                const uint8_t *naf_id,
                                size_t naf_id_len,
                                const char *impi,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
/* Returns: (transfer full): 32 bytes. */
AkmaSecret *akma_usim_gba_derive_finish(AkmaChannel *channel, GAsyncResult *res, GError **error);

/*
 * Tells the card what its bootstrapping is called (TS 33.220 G.1). @lifetime as the BSF wrote it.
 * Errors: also AKMA_ERROR_ANCHOR_UNSUPPORTED: the file is too small for it.
 */
void akma_usim_write_gbabp_async(AkmaChannel *channel,
                                 const uint8_t rand[static 16],
                                 const char *b_tid,
                                 const char *lifetime,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
bool akma_usim_write_gbabp_finish(AkmaChannel *channel, GAsyncResult *res, GError **error);

/*
 * Is the bootstrapping of @rand still the one in the card? False with @error: the card could not
 * be asked; false without: another one is.
 */
void akma_usim_check_gbabp_async(AkmaChannel *channel,
                                 const uint8_t rand[static 16],
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
bool akma_usim_check_gbabp_finish(AkmaChannel *channel, GAsyncResult *res, GError **error);

/* What the card answers; pure. Errors: AKMA_ERROR_MODEM_FAILED. */
bool akma_usim_parse_gba(const uint8_t *bytes, size_t len, AkmaAkaResult *ret, GError **error);
AkmaSecret *akma_usim_parse_ks_ext_naf(const uint8_t *bytes, size_t len, GError **error);
/* EF_GBABP: does it begin with this RAND? */
bool akma_usim_gbabp_has_rand(const uint8_t *bytes, size_t len, const uint8_t rand[static 16]);

G_END_DECLS
