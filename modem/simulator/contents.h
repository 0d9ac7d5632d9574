/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* contents: what stands in the files of a new card; each fills a file that is all FF. */
#pragma once

#include "modem/simulator/filesystem.h"
#include "modem/simulator/profile.h"

G_BEGIN_DECLS

void akma_soft_fill_dir(const AkmaSoftProfile *profile, uint8_t *content, size_t size);
void akma_soft_fill_arr(const AkmaSoftProfile *profile, uint8_t *content, size_t size);
void akma_soft_fill_iccid(const AkmaSoftProfile *profile, uint8_t *content, size_t size);
void akma_soft_fill_imsi(const AkmaSoftProfile *profile, uint8_t *content, size_t size);
void akma_soft_fill_ad(const AkmaSoftProfile *profile, uint8_t *content, size_t size);
void akma_soft_fill_ust(const AkmaSoftProfile *profile, uint8_t *content, size_t size);
void akma_soft_fill_acc(const AkmaSoftProfile *profile, uint8_t *content, size_t size);
void akma_soft_fill_loci(const AkmaSoftProfile *profile, uint8_t *content, size_t size);
void akma_soft_fill_routing_indicator(const AkmaSoftProfile *profile,
                                      uint8_t *content,
                                      size_t size);

/* Back from the files as they are now. False: EF_IMSI holds none. */
bool akma_soft_read_imsi(AkmaSoftFile *root, char ret[static AKMA_SOFT_IMSI_MAX + 1]);
void akma_soft_read_iccid(AkmaSoftFile *root, char ret[static AKMA_SOFT_ICCID_MAX + 1]);

G_END_DECLS
