/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-auth: the service Authentication: AKA and AKA', as the card does them. */
#include <openssl/crypto.h>
#include <string.h>

#include "kdf/fiveg.h"
#include "modem/simulator/mbim-private.h"

#define RAND_LEN       16
#define AUTN_LEN       16
#define AMF_AT         6    /* in AUTN */
#define SEPARATION_BIT 0x80 /* of the AMF */
#define RES_MAX        16
#define AUTS_LEN       14
#define NETWORK_SIZE   256

enum {
    AKA = 1,
    AKA_PRIME = 2,
};

enum {
    TAG_OK = 0xdb,
    TAG_SYNC_FAILURE = 0xdc,
};

typedef struct {
    const uint8_t *rand;
    const uint8_t *autn;
} Challenge;

typedef struct {
    uint8_t res[RES_MAX];
    size_t res_len;
    AkmaKey128 ck;
    AkmaKey128 ik;
    uint8_t auts[AUTS_LEN];
} Outcome;

static void
outcome_clear(Outcome *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static bool
get_challenge(AkmaSoftMbimReader *in, Challenge *ret)
{
    ret->rand = akma_soft_mbim_reader_take(in, RAND_LEN);
    ret->autn = akma_soft_mbim_reader_take(in, AUTN_LEN);

    return ret->rand && ret->autn;
}

/* A field with its length in front; false: it is not there, or longer than @size. */
static bool
take_field(const uint8_t **at, const uint8_t *end, uint8_t *ret, size_t size, size_t *ret_len)
{
    const size_t len = *at < end ? **at : 0;

    if (len == 0 || len > size || len > (size_t)(end - *at) - 1)
        return false;
    memcpy(ret, *at + 1, len);
    *at += 1 + len;
    *ret_len = len;

    return true;
}

/* `DB RES CK IK` or `DC AUTS`; returns the status. */
static uint32_t
parse_answer(const AkmaSoftResponse *answer, Outcome *ret)
{
    const uint8_t *at = answer->data + 1;
    const uint8_t *end = answer->data + answer->len;
    size_t ck_len = 0;
    size_t ik_len = 0;
    size_t auts_len = 0;

    if (answer->len < 2)
        return MBIM_STATUS_FAILURE;
    if (answer->data[0] == TAG_SYNC_FAILURE)
        return take_field(&at, end, ret->auts, sizeof ret->auts, &auts_len)
                   ? MBIM_STATUS_AUTH_SYNC_FAILURE
                   : MBIM_STATUS_FAILURE;

    return answer->data[0] == TAG_OK &&
                   take_field(&at, end, ret->res, sizeof ret->res, &ret->res_len) &&
                   take_field(&at, end, ret->ck.bytes, sizeof ret->ck, &ck_len) &&
                   take_field(&at, end, ret->ik.bytes, sizeof ret->ik, &ik_len) &&
                   ck_len == sizeof ret->ck && ik_len == sizeof ret->ik
               ? MBIM_STATUS_SUCCESS
               : MBIM_STATUS_FAILURE;
}

/*= TS 31.102 7.1.2: AUTHENTICATE in the 3G context */
static uint32_t
authenticate(AkmaSoftMbim *self, const Challenge *challenge, Outcome *ret)
{
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    uint8_t apdu[6 + RAND_LEN + 1 + AUTN_LEN + 1] = {
        0x00, AKMA_SOFT_INS_AUTHENTICATE, 0x00, 0x81, RAND_LEN + AUTN_LEN + 2, RAND_LEN};

    memcpy(apdu + 6, challenge->rand, RAND_LEN);
    apdu[6 + RAND_LEN] = AUTN_LEN;
    memcpy(apdu + 6 + RAND_LEN + 1, challenge->autn, AUTN_LEN);
    akma_soft_mbim_exchange(self, true, apdu, sizeof apdu, &response);

    switch (response.sw) {
    case AKMA_SOFT_SW_OK:
        return parse_answer(&response, ret);
    case AKMA_SOFT_SW_MAC:
        return MBIM_STATUS_AUTH_INCORRECT_AUTN;
    case AKMA_SOFT_SW_SECURITY:
        return MBIM_STATUS_PIN_REQUIRED;
    default:
        return MBIM_STATUS_FAILURE;
    }
}

/* AUTS stands in the answer that says sync failure. */
static uint32_t
put_outcome(AkmaSoftMbimWriter *out, const Outcome *outcome, uint32_t status)
{
    if (status != MBIM_STATUS_SUCCESS && status != MBIM_STATUS_AUTH_SYNC_FAILURE)
        return status;

    akma_soft_mbim_writer_begin(out, RES_MAX + 4 + 16 + 16 + AUTS_LEN);
    akma_soft_mbim_writer_put(out, outcome->res, sizeof outcome->res);
    akma_soft_mbim_writer_u32(out, (uint32_t)outcome->res_len);
    akma_soft_mbim_writer_put(out, &outcome->ik, sizeof outcome->ik);
    akma_soft_mbim_writer_put(out, &outcome->ck, sizeof outcome->ck);
    akma_soft_mbim_writer_put(out, outcome->auts, sizeof outcome->auts);

    return status;
}

static uint32_t
aka(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    g_auto(Outcome) outcome = {.res_len = 0};
    Challenge challenge;

    if (!get_challenge(in, &challenge))
        return MBIM_STATUS_INVALID_PARAMETERS;

    return put_outcome(out, &outcome, authenticate(self, &challenge, &outcome));
}

/*= TS 33.402 A.2: CK' and IK' are bound to the name of the network */
static uint32_t
aka_prime(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    g_auto(Outcome) outcome = {.res_len = 0};
    g_auto(AkmaKey128) ck = {0};
    g_auto(AkmaKey128) ik = {0};
    char network[NETWORK_SIZE];
    Challenge challenge;
    uint32_t status;

    if (!get_challenge(in, &challenge))
        return MBIM_STATUS_INVALID_PARAMETERS;
    akma_soft_mbim_reader_text(in, network, sizeof network);
    if (in->bad || network[0] == '\0')
        return MBIM_STATUS_INVALID_PARAMETERS;
    if ((challenge.autn[AMF_AT] & SEPARATION_BIT) == 0)
        return MBIM_STATUS_AUTH_AMF_NOT_SET;

    status = authenticate(self, &challenge, &outcome);
    if (status == MBIM_STATUS_SUCCESS) {
        ck = outcome.ck;
        ik = outcome.ik;
        if (!akma_kdf_ck_ik_prime(
                &ck, &ik, network, challenge.autn, &outcome.ck, &outcome.ik, NULL))
            return MBIM_STATUS_FAILURE;
    }

    return put_outcome(out, &outcome, status);
}

static bool
has(const AkmaSoftDialect *dialect, uint32_t cid)
{
    (void)cid;

    return !dialect->mbim_no_auth;
}

static const AkmaSoftMbimCid cids[] = {
    {AKA, AKMA_SOFT_MBIM_NEEDS_CARD, aka, NULL},
    {AKA_PRIME, AKMA_SOFT_MBIM_NEEDS_CARD, aka_prime, NULL},
};

const AkmaSoftMbimService akma_soft_mbim_auth = {
    {0x1d,
     0x2b,
     0x5f,
     0xf7,
     0x0a,
     0xa1,
     0x48,
     0xb2,
     0xaa,
     0x52,
     0x50,
     0xf1,
     0x57,
     0x67,
     0x17,
     0x4e},
    cids,
    G_N_ELEMENTS(cids),
    has,
};
