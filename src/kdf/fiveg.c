/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/fiveg.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "kdf/kdf.h"
#include "kdf/plmn.h"
#include "kdf/sha256.h"

#define FC_CK_IK_PRIME 0x20
#define FC_K_AUSF      0x6a
#define FC_RES_STAR    0x6b
#define FC_K_SEAF      0x6c

/* CK || IK: the key of all derivations from one run of AKA */
static void
join(const AkmaKey128 *ck, const AkmaKey128 *ik, AkmaKey256 *ret)
{
    memcpy(ret->bytes, ck->bytes, sizeof ck->bytes);
    memcpy(ret->bytes + sizeof ck->bytes, ik->bytes, sizeof ik->bytes);
}

char *
akma_kdf_serving_network(const char *mcc, const char *mnc, GError **error)
{
    g_autofree char *domain = akma_plmn_dup_domain(mcc, mnc, error);

    /*= TS 24.501 9.12.1: "5G:" and the domain of the serving network */
    return domain ? g_strconcat("5G:", domain, NULL) : NULL;
}

/* K_AUSF and CK' || IK' differ in FC only. */
static bool
derive_from_sqn(const AkmaKey128 *ck,
                const AkmaKey128 *ik,
                uint8_t fc,
                const char *sn,
                const uint8_t sqn_xor_ak[static 6],
                AkmaKey256 *ret,
                GError **error)
{
    const AkmaKdfParameter parameters[] = {{sn, strlen(sn)}, {sqn_xor_ak, 6}};
    g_auto(AkmaKey256) key = {0};

    join(ck, ik, &key);

    return akma_kdf(
        key.bytes, sizeof key.bytes, fc, parameters, G_N_ELEMENTS(parameters), ret, error);
}

bool
akma_kdf_k_ausf(const AkmaKey128 *ck,
                const AkmaKey128 *ik,
                const char *sn,
                const uint8_t sqn_xor_ak[static 6],
                AkmaKey256 *ret,
                GError **error)
{
    /*= TS 33.501 A.2: K_AUSF = KDF(CK || IK, 0x6A, SN name, SQN xor AK) */
    return derive_from_sqn(ck, ik, FC_K_AUSF, sn, sqn_xor_ak, ret, error);
}

bool
akma_kdf_ck_ik_prime(const AkmaKey128 *ck,
                     const AkmaKey128 *ik,
                     const char *sn,
                     const uint8_t sqn_xor_ak[static 6],
                     AkmaKey128 *ret_ck_prime,
                     AkmaKey128 *ret_ik_prime,
                     GError **error)
{
    g_auto(AkmaKey256) both = {0};

    /*= TS 33.501 A.3: CK' || IK' = KDF(CK || IK, 0x20, SN name, SQN xor AK) */
    if (!derive_from_sqn(ck, ik, FC_CK_IK_PRIME, sn, sqn_xor_ak, &both, error))
        return false;

    memcpy(ret_ck_prime->bytes, both.bytes, sizeof ret_ck_prime->bytes);
    memcpy(ret_ik_prime->bytes, both.bytes + 16, sizeof ret_ik_prime->bytes);

    return true;
}

bool
akma_kdf_res_star(const AkmaKey128 *ck,
                  const AkmaKey128 *ik,
                  const char *sn,
                  const uint8_t rand[static 16],
                  const uint8_t *res,
                  size_t res_len,
                  uint8_t ret[static 16],
                  GError **error)
{
    const AkmaKdfParameter parameters[] = {{sn, strlen(sn)}, {rand, 16}, {res, res_len}};
    g_auto(AkmaKey256) key = {0};
    g_auto(AkmaKey256) out = {0};

    g_return_val_if_fail(res_len >= 4 && res_len <= 16, false);

    join(ck, ik, &key);
    if (!akma_kdf(key.bytes,
                  sizeof key.bytes,
                  FC_RES_STAR,
                  parameters,
                  G_N_ELEMENTS(parameters),
                  &out,
                  error))
        return false;

    /*= TS 33.501 A.4: RES* is the 128 least significant bits */
    memcpy(ret, out.bytes + 16, 16);

    return true;
}

bool
akma_kdf_hxres_star(const uint8_t rand[static 16],
                    const uint8_t xres_star[static 16],
                    uint8_t ret[static 16],
                    GError **error)
{
    uint8_t in[32];
    g_auto(AkmaKey256) out = {0};
    bool done;

    /*= TS 33.501 A.5: HXRES* is the 128 least significant bits of SHA-256(RAND || XRES*) */
    memcpy(in, rand, 16);
    memcpy(in + 16, xres_star, 16);
    done = akma_sha256(in, sizeof in, out.bytes);
    OPENSSL_cleanse(in, sizeof in);
    if (!done) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "libcrypto: SHA-256 failed");
        return false;
    }

    memcpy(ret, out.bytes + 16, 16);

    return true;
}

bool
akma_kdf_k_seaf(const AkmaKey256 *k_ausf, const char *sn, AkmaKey256 *ret, GError **error)
{
    const AkmaKdfParameter name = {sn, strlen(sn)};

    /*= TS 33.501 A.6: K_SEAF = KDF(K_AUSF, 0x6C, SN name) */
    return akma_kdf(k_ausf->bytes, sizeof k_ausf->bytes, FC_K_SEAF, &name, 1, ret, error);
}
