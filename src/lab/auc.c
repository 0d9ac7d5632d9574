/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/auc.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/error.h"
#include "kdf/fiveg.h"

#define IND_BITS 5
#define SEQ_MAX  ((UINT64_C(1) << (48 - IND_BITS)) - 1)

void
akma_auth_vector_clear(AkmaAuthVector *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

static void
put_sqn(uint64_t sqn, uint8_t ret[static 6])
{
    for (size_t i = 0; i < 6; i++)
        ret[i] = (uint8_t)(sqn >> (40 - 8 * i));
}

static uint64_t
get_sqn(const uint8_t bytes[static 6])
{
    uint64_t sqn = 0;

    for (size_t i = 0; i < 6; i++)
        sqn = sqn << 8 | bytes[i];

    return sqn;
}

/*= TS 33.102 C.1.1.1: SQN = SEQ || IND; each vector has a higher SEQ and the next IND */
static bool
step_sqn(AkmaSubscriber *subscriber, GError **error)
{
    uint64_t seq = subscriber->sqn >> IND_BITS;
    uint64_t ind = subscriber->sqn & ((1U << IND_BITS) - 1);

    if (seq >= SEQ_MAX) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no sequence number is left for this card");
        return false;
    }
    subscriber->sqn = (seq + 1) << IND_BITS | ((ind + 1) & ((1U << IND_BITS) - 1));

    return true;
}

/* The next challenge and what a card makes of it. */
static bool
make(AkmaSubscriber *subscriber,
     const uint8_t amf[static 2],
     uint8_t ret_rand[static 16],
     uint8_t ret_autn[static 16],
     AkmaMilenageF2345 *ret,
     GError **error)
{
    uint8_t sqn[6];

    if (!step_sqn(subscriber, error))
        return false;
    if (RAND_bytes(ret_rand, 16) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "libcrypto: no randomness");
        return false;
    }
    put_sqn(subscriber->sqn, sqn);

    return akma_milenage_autn(&subscriber->keys, ret_rand, sqn, amf, ret_autn, error) &&
           akma_milenage_f2345(&subscriber->keys, ret_rand, ret, error);
}

bool
akma_auc_make_vector(AkmaSubscriber *subscriber,
                     const char *sn,
                     AkmaAuthVector *ret,
                     GError **error)
{
    g_auto(AkmaAuthVector) vector = {0};
    g_auto(AkmaMilenageF2345) out = {0};

    if (!make(subscriber, subscriber->amf, vector.rand, vector.autn, &out, error) ||
        !akma_kdf_res_star(
            &out.ck, &out.ik, sn, vector.rand, out.res, sizeof out.res, vector.xres_star, error) ||
        !akma_kdf_hxres_star(vector.rand, vector.xres_star, vector.hxres_star, error) ||
        !akma_kdf_k_ausf(&out.ck, &out.ik, sn, vector.autn, &vector.k_ausf, error))
        return false;
    *ret = vector;

    return true;
}

void
akma_gba_vector_clear(AkmaGbaVector *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

/*= TS 33.102 Annex H: the separation bit is 1 for EPS and 5G only */
bool
akma_auc_make_gba_vector(AkmaSubscriber *subscriber, AkmaGbaVector *ret, GError **error)
{
    const uint8_t amf[2] = {subscriber->amf[0] & 0x7f, subscriber->amf[1]};
    g_auto(AkmaGbaVector) vector = {0};
    g_auto(AkmaMilenageF2345) out = {0};

    if (!make(subscriber, amf, vector.rand, vector.autn, &out, error))
        return false;
    memcpy(vector.xres, out.res, sizeof vector.xres);
    vector.ck = out.ck;
    vector.ik = out.ik;
    *ret = vector;

    return true;
}

bool
akma_auc_resynchronise(AkmaSubscriber *subscriber,
                       const uint8_t rand[static 16],
                       const uint8_t auts[static 14],
                       GError **error)
{
    uint8_t sqn_ms[6];

    if (!akma_milenage_check_auts(&subscriber->keys, rand, auts, sqn_ms, error))
        return false;

    /*= TS 33.102 6.3.5: if the next SQN would not be accepted, SQN_HE becomes SQN_MS */
    subscriber->sqn = MAX(subscriber->sqn, get_sqn(sqn_ms));

    return true;
}
