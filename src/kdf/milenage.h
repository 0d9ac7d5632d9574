/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * milenage: f1 to f5* with their example algorithm set, TS 35.206. The soft USIM of
 * akma-modemsim and the AuC of akma-lab are its only users.
 */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

typedef struct {
    AkmaKey128 k;
    AkmaKey128 opc;
} AkmaMilenage;

void akma_milenage_clear(AkmaMilenage *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaMilenage, akma_milenage_clear)

typedef struct {
    uint8_t res[8];
    AkmaKey128 ck;
    AkmaKey128 ik;
    uint8_t ak[6];
} AkmaMilenageF2345;

void akma_milenage_f2345_clear(AkmaMilenageF2345 *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaMilenageF2345, akma_milenage_f2345_clear)

/* TS 35.206 4.1: OPc = OP xor E_K(OP). */
bool akma_milenage_opc(const AkmaKey128 *k,
                       const AkmaKey128 *op,
                       AkmaKey128 *ret_opc,
                       GError **error);

/* f1 (@ret_mac_a) and f1* (@ret_mac_s) */
bool akma_milenage_f1(const AkmaMilenage *self,
                      const uint8_t rand[static 16],
                      const uint8_t sqn[static 6],
                      const uint8_t amf[static 2],
                      uint8_t ret_mac_a[static 8],
                      uint8_t ret_mac_s[static 8],
                      GError **error);

/* f2 (RES), f3 (CK), f4 (IK), f5 (AK) */
bool akma_milenage_f2345(const AkmaMilenage *self,
                         const uint8_t rand[static 16],
                         AkmaMilenageF2345 *ret,
                         GError **error);

/* f5* */
bool akma_milenage_f5_star(const AkmaMilenage *self,
                           const uint8_t rand[static 16],
                           uint8_t ret_ak[static 6],
                           GError **error);

/* TS 33.102 6.3.2: AUTN = SQN xor AK || AMF || MAC-A */
bool akma_milenage_autn(const AkmaMilenage *self,
                        const uint8_t rand[static 16],
                        const uint8_t sqn[static 6],
                        const uint8_t amf[static 2],
                        uint8_t ret_autn[static 16],
                        GError **error);

/* TS 33.102 6.3.3: AUTS = SQN_MS xor AK* || MAC-S, with AMF 0000 */
bool akma_milenage_auts(const AkmaMilenage *self,
                        const uint8_t rand[static 16],
                        const uint8_t sqn_ms[static 6],
                        uint8_t ret_auts[static 14],
                        GError **error);

/*
 * TS 33.102 6.3.5: checks MAC-S of AUTS and gives SQN_MS.
 * Errors: AKMA_ERROR_ANCHOR_REJECTED (MAC-S is wrong), AKMA_ERROR_INTERNAL.
 */
bool akma_milenage_check_auts(const AkmaMilenage *self,
                              const uint8_t rand[static 16],
                              const uint8_t auts[static 14],
                              uint8_t ret_sqn_ms[static 6],
                              GError **error);

G_END_DECLS
