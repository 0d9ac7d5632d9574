/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/authenticate.h"

#include <openssl/crypto.h>

#include "base/bytes.h"

#define IND_BITS 5
#define SQN_LEN  6
#define MAC_LEN  8
#define AUTS_LEN 14

enum {
    TAG_OK = 0xdb,
    TAG_SYNC_FAILURE = 0xdc,
};

void
akma_soft_sqn_init(AkmaSoftSqn *self, uint64_t sqn, uint64_t delta)
{
    const uint64_t seq = sqn >> IND_BITS;
    const unsigned ind = sqn % AKMA_SOFT_SQN_INDEXES;

    /* SQN_MS must be @sqn itself: another IND with the same SEQ would come first or last */
    for (unsigned i = 0; i < AKMA_SOFT_SQN_INDEXES; i++)
        self->seq[i] = i <= ind || seq == 0 ? seq : seq - 1;
    self->delta = delta;
}

static unsigned
highest_index(const AkmaSoftSqn *self)
{
    unsigned best = 0;

    for (unsigned i = 1; i < AKMA_SOFT_SQN_INDEXES; i++) {
        if (self->seq[i] >= self->seq[best] && self->seq[i] != 0)
            best = i;
    }

    return best;
}

uint64_t
akma_soft_sqn_get_highest(const AkmaSoftSqn *self)
{
    unsigned best = highest_index(self);

    return self->seq[best] << IND_BITS | best;
}

/*= TS 33.102 C.2.1: not more than delta ahead of the highest; above the last one of its IND */
bool
akma_soft_sqn_accept(AkmaSoftSqn *self, uint64_t sqn)
{
    const uint64_t seq = sqn >> IND_BITS;
    const unsigned ind = sqn % AKMA_SOFT_SQN_INDEXES;
    const uint64_t highest = self->seq[highest_index(self)];

    if (seq > highest && seq - highest > self->delta)
        return false;
    if (seq <= self->seq[ind])
        return false;
    self->seq[ind] = seq;

    return true;
}

/*= TS 31.102 7.1.2.1: DB, RES, CK, IK, each with its length */
static void
answer_keys(const AkmaMilenageF2345 *keys, AkmaSoftResponse *ret)
{
    AkmaWriter writer = akma_writer_init(ret->data, sizeof ret->data);

    akma_writer_u8(&writer, TAG_OK);
    akma_writer_u8(&writer, sizeof keys->res);
    akma_writer_put(&writer, keys->res, sizeof keys->res);
    akma_writer_u8(&writer, sizeof keys->ck);
    akma_writer_put(&writer, &keys->ck, sizeof keys->ck);
    akma_writer_u8(&writer, sizeof keys->ik);
    akma_writer_put(&writer, &keys->ik, sizeof keys->ik);
    ret->len = writer.len;
    ret->sw = AKMA_SOFT_SW_OK;
}

/*= TS 31.102 7.1.2.1: DC, AUTS with its length */
static void
answer_auts(const AkmaMilenage *milenage,
            const AkmaSoftSqn *sqn,
            const uint8_t rand[static 16],
            AkmaSoftResponse *ret)
{
    const uint64_t highest = akma_soft_sqn_get_highest(sqn);
    uint8_t sqn_ms[SQN_LEN];

    for (unsigned i = 0; i < SQN_LEN; i++)
        sqn_ms[i] = (uint8_t)(highest >> 8 * (SQN_LEN - 1 - i));
    ret->data[0] = TAG_SYNC_FAILURE;
    ret->data[1] = AUTS_LEN;
    if (!akma_milenage_auts(milenage, rand, sqn_ms, ret->data + 2, NULL)) {
        ret->sw = AKMA_SOFT_SW_FAILED;
        return;
    }
    ret->len = 2 + AUTS_LEN;
    ret->sw = AKMA_SOFT_SW_OK;
}

bool
akma_soft_check_challenge(const AkmaMilenage *milenage,
                          AkmaSoftSqn *sqn,
                          const uint8_t rand[static 16],
                          const uint8_t autn[static 16],
                          AkmaMilenageF2345 *ret_keys,
                          AkmaSoftResponse *ret)
{
    g_auto(AkmaMilenageF2345) keys = {0};
    const uint8_t *amf = autn + SQN_LEN;
    uint8_t mac_a[MAC_LEN];
    uint8_t mac_s[MAC_LEN];
    uint8_t received[SQN_LEN];
    uint64_t number = 0;

    ret->len = 0;
    ret->sw = AKMA_SOFT_SW_FAILED;
    if (!akma_milenage_f2345(milenage, rand, &keys, NULL))
        return false;
    for (unsigned i = 0; i < SQN_LEN; i++) {
        received[i] = autn[i] ^ keys.ak[i];
        number = number << 8 | received[i];
    }
    if (!akma_milenage_f1(milenage, rand, received, amf, mac_a, mac_s, NULL))
        return false;

    /*= TS 33.102 6.3.3: first the MAC, then the sequence number */
    if (CRYPTO_memcmp(mac_a, amf + 2, MAC_LEN) != 0) {
        ret->sw = AKMA_SOFT_SW_MAC;
        return false;
    }
    if (!akma_soft_sqn_accept(sqn, number)) {
        answer_auts(milenage, sqn, rand, ret);
        return false;
    }
    *ret_keys = keys;

    return true;
}

void
akma_soft_authenticate(const AkmaMilenage *milenage,
                       AkmaSoftSqn *sqn,
                       const uint8_t rand[static 16],
                       const uint8_t autn[static 16],
                       AkmaSoftResponse *ret)
{
    g_auto(AkmaMilenageF2345) keys = {0};

    if (akma_soft_check_challenge(milenage, sqn, rand, autn, &keys, ret))
        answer_keys(&keys, ret);
}
