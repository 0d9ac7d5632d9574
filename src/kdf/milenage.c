/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/milenage.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "kdf/aes.h"

void
akma_milenage_clear(AkmaMilenage *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

void
akma_milenage_f2345_clear(AkmaMilenageF2345 *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

static void
xor_into(uint8_t *into, const uint8_t *with, size_t len)
{
    for (size_t i = 0; i < len; i++)
        into[i] ^= with[i];
}

bool
akma_milenage_opc(const AkmaKey128 *k, const AkmaKey128 *op, AkmaKey128 *ret_opc, GError **error)
{
    g_auto(AkmaAes) aes = {0};
    g_auto(AkmaKey128) block = {0};

    /*= TS 35.206 4.1: OPc = OP xor E[OP]_K */
    if (!akma_aes_init(&aes, k, error) || !akma_aes_encrypt(&aes, op->bytes, block.bytes, error))
        return false;

    xor_into(block.bytes, op->bytes, sizeof block.bytes);
    *ret_opc = block;

    return true;
}

/*= TS 35.206 4.1: TEMP = E[RAND xor OPc]_K */
static bool
begin(const AkmaMilenage *self,
      const uint8_t rand[static 16],
      AkmaAes *ret_aes,
      AkmaKey128 *ret_temp,
      GError **error)
{
    g_auto(AkmaKey128) block = self->opc;

    xor_into(block.bytes, rand, 16);

    return akma_aes_init(ret_aes, &self->k, error) &&
           akma_aes_encrypt(ret_aes, block.bytes, ret_temp->bytes, error);
}

/*= TS 35.206 4.1: OUT2..OUT5 = E[rot(TEMP xor OPc, r) xor c]_K xor OPc */
static bool
out_block(const AkmaMilenage *self,
          AkmaAes *aes,
          const AkmaKey128 *temp,
          size_t rotate_octets,
          uint8_t constant,
          AkmaKey128 *ret,
          GError **error)
{
    g_auto(AkmaKey128) block = {0};

    for (size_t i = 0; i < 16; i++) {
        size_t from = (i + rotate_octets) % 16;

        block.bytes[i] = temp->bytes[from] ^ self->opc.bytes[from];
    }
    block.bytes[15] ^= constant;
    if (!akma_aes_encrypt(aes, block.bytes, block.bytes, error))
        return false;

    xor_into(block.bytes, self->opc.bytes, sizeof block.bytes);
    *ret = block;

    return true;
}

bool
akma_milenage_f1(const AkmaMilenage *self,
                 const uint8_t rand[static 16],
                 const uint8_t sqn[static 6],
                 const uint8_t amf[static 2],
                 uint8_t ret_mac_a[static 8],
                 uint8_t ret_mac_s[static 8],
                 GError **error)
{
    g_auto(AkmaKey128) temp = {0};
    g_auto(AkmaKey128) in1 = {0};
    g_auto(AkmaAes) aes = {0};

    if (!begin(self, rand, &aes, &temp, error))
        return false;

    /*= TS 35.206 4.1: OUT1 = E[TEMP xor rot(IN1 xor OPc, 64)]_K xor OPc */
    for (size_t i = 0; i < 16; i++) {
        size_t from = (i + 8) % 16;
        uint8_t octet = from % 8 < 6 ? sqn[from % 8] : amf[from % 8 - 6];

        in1.bytes[i] = temp.bytes[i] ^ octet ^ self->opc.bytes[from];
    }
    if (!akma_aes_encrypt(&aes, in1.bytes, in1.bytes, error))
        return false;
    xor_into(in1.bytes, self->opc.bytes, sizeof in1.bytes);

    memcpy(ret_mac_a, in1.bytes, 8);
    memcpy(ret_mac_s, in1.bytes + 8, 8);

    return true;
}

bool
akma_milenage_f2345(const AkmaMilenage *self,
                    const uint8_t rand[static 16],
                    AkmaMilenageF2345 *ret,
                    GError **error)
{
    g_auto(AkmaKey128) temp = {0};
    g_auto(AkmaKey128) out2 = {0};
    g_auto(AkmaMilenageF2345) out = {0};
    g_auto(AkmaAes) aes = {0};

    /*= TS 35.206 4.1: r2..r4 = 0, 32, 64 bits, c2..c4 = 1, 2, 4 */
    if (!begin(self, rand, &aes, &temp, error) ||
        !out_block(self, &aes, &temp, 0, 1, &out2, error) ||
        !out_block(self, &aes, &temp, 4, 2, &out.ck, error) ||
        !out_block(self, &aes, &temp, 8, 4, &out.ik, error))
        return false;

    memcpy(out.ak, out2.bytes, sizeof out.ak);
    memcpy(out.res, out2.bytes + 8, sizeof out.res);
    *ret = out;

    return true;
}

bool
akma_milenage_f5_star(const AkmaMilenage *self,
                      const uint8_t rand[static 16],
                      uint8_t ret_ak[static 6],
                      GError **error)
{
    g_auto(AkmaKey128) temp = {0};
    g_auto(AkmaKey128) out5 = {0};
    g_auto(AkmaAes) aes = {0};

    /*= TS 35.206 4.1: r5 = 96 bits, c5 = 8 */
    if (!begin(self, rand, &aes, &temp, error) ||
        !out_block(self, &aes, &temp, 12, 8, &out5, error))
        return false;

    memcpy(ret_ak, out5.bytes, 6);

    return true;
}

bool
akma_milenage_autn(const AkmaMilenage *self,
                   const uint8_t rand[static 16],
                   const uint8_t sqn[static 6],
                   const uint8_t amf[static 2],
                   uint8_t ret_autn[static 16],
                   GError **error)
{
    g_auto(AkmaMilenageF2345) out = {0};
    uint8_t mac_a[8];
    uint8_t mac_s[8];

    if (!akma_milenage_f1(self, rand, sqn, amf, mac_a, mac_s, error) ||
        !akma_milenage_f2345(self, rand, &out, error))
        return false;

    /*= TS 33.102 6.3.2: AUTN = SQN xor AK || AMF || MAC */
    memcpy(ret_autn, sqn, 6);
    xor_into(ret_autn, out.ak, 6);
    memcpy(ret_autn + 6, amf, 2);
    memcpy(ret_autn + 8, mac_a, 8);

    return true;
}

/* MAC-S of a resynchronisation, whose AMF is zero */
static bool
resync_mac(const AkmaMilenage *self,
           const uint8_t rand[static 16],
           const uint8_t sqn_ms[static 6],
           uint8_t ret_mac_s[static 8],
           GError **error)
{
    static const uint8_t amf[2];
    uint8_t mac_a[8];
    bool done = akma_milenage_f1(self, rand, sqn_ms, amf, mac_a, ret_mac_s, error);

    OPENSSL_cleanse(mac_a, sizeof mac_a);

    return done;
}

bool
akma_milenage_auts(const AkmaMilenage *self,
                   const uint8_t rand[static 16],
                   const uint8_t sqn_ms[static 6],
                   uint8_t ret_auts[static 14],
                   GError **error)
{
    uint8_t ak[6];
    uint8_t mac_s[8];

    if (!akma_milenage_f5_star(self, rand, ak, error) ||
        !resync_mac(self, rand, sqn_ms, mac_s, error))
        return false;

    /*= TS 33.102 6.3.3: AUTS = SQN_MS xor AK* || MAC-S, with an AMF of zero */
    memcpy(ret_auts, sqn_ms, 6);
    xor_into(ret_auts, ak, 6);
    memcpy(ret_auts + 6, mac_s, 8);

    return true;
}

bool
akma_milenage_check_auts(const AkmaMilenage *self,
                         const uint8_t rand[static 16],
                         const uint8_t auts[static 14],
                         uint8_t ret_sqn_ms[static 6],
                         GError **error)
{
    uint8_t sqn[6];
    uint8_t mac_s[8];

    if (!akma_milenage_f5_star(self, rand, sqn, error))
        return false;
    xor_into(sqn, auts, 6);
    if (!resync_mac(self, rand, sqn, mac_s, error))
        return false;

    /*= TS 33.102 6.3.5: SQN_MS counts only if MAC-S is right */
    if (CRYPTO_memcmp(mac_s, auts + 6, sizeof mac_s) != 0) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED, "MAC-S is wrong");
        return false;
    }
    memcpy(ret_sqn_ms, sqn, sizeof sqn);

    return true;
}
