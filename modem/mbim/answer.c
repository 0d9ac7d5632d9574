/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* answer: of the card: channels, APDUs, files, applications, AKA. */
#include "modem/mbim/answer.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "modem/mbim/answer-private.h"

#define TAG_AKA_OK   0xdb
#define TAG_AKA_SYNC 0xdc
#define SW_DONE      0x9000
#define SW_WRONG_MAC 0x9862
#define RES_MIN      4
#define RES_MAX      16
#define KEY_LEN      16
#define AUTS_LEN     14

bool
akma_mbim_garbled(const char *what, GError **error)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem garbled %s", what);

    return false;
}

const uint8_t *
akma_mbim_peek(const AkmaMbimAnswer *answer, uint64_t offset, uint64_t len)
{
    return offset + len <= answer->len ? answer->info + offset : NULL;
}

/*= MBIM 1.0 10.3: numbers are little endian */
bool
akma_mbim_peek_u32(const AkmaMbimAnswer *answer, uint64_t offset, uint32_t *ret)
{
    const uint8_t *bytes = akma_mbim_peek(answer, offset, 4);

    if (!bytes)
        return false;
    *ret = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;

    return true;
}

const uint8_t *
akma_mbim_peek_part(const AkmaMbimAnswer *answer,
                    uint64_t offset_at,
                    uint64_t len_at,
                    uint32_t *ret_len)
{
    uint32_t offset;

    if (!akma_mbim_peek_u32(answer, offset_at, &offset) ||
        !akma_mbim_peek_u32(answer, len_at, ret_len))
        return NULL;

    return akma_mbim_peek(answer, *ret_len > 0 ? offset : 0, *ret_len);
}

/* One MBIM_UICC_APP_INFO: type, then where the AID is, counted from its own beginning. */
static void
take_application(const AkmaMbimAnswer *element, AkmaMbimApplications *ret)
{
    uint32_t len;
    const uint8_t *aid = akma_mbim_peek_part(element, 4, 8, &len);

    if (!aid || len == 0 || len > AKMA_AID_MAX || ret->n == AKMA_MBIM_APPLICATIONS_MAX)
        return;

    memcpy(ret->rows[ret->n].aid, aid, len);
    ret->rows[ret->n].len = len;
    ret->n++;
}

/*= MBIM MS UICC APP_LIST: version, count, active one, size of the list; offset and size of each */
bool
akma_mbim_take_applications(const AkmaMbimAnswer *answer, AkmaMbimApplications *ret, GError **error)
{
    AkmaMbimApplications found = {.n = 0};
    uint32_t n;

    if (!akma_mbim_peek_u32(answer, 4, &n))
        return akma_mbim_garbled("the list of applications", error);

    for (uint64_t i = 0; i < n; i++) {
        uint32_t len;
        const uint8_t *bytes = akma_mbim_peek_part(answer, 16 + 8 * i, 20 + 8 * i, &len);

        if (!bytes)
            return akma_mbim_garbled("the list of applications", error);
        take_application(&(AkmaMbimAnswer){.info = bytes, .len = len}, &found);
    }

    *ret = found;

    return true;
}

int
akma_mbim_applications_find(const AkmaMbimApplications *self, const uint8_t *aid, size_t aid_len)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->rows[i].len >= aid_len && CRYPTO_memcmp(self->rows[i].aid, aid, aid_len) == 0)
            return (int)i;
    }

    return -1;
}

static bool
take_sw(const AkmaMbimAnswer *answer, AkmaMbimHabits *habits, uint16_t *ret)
{
    uint32_t status;

    if (!akma_mbim_peek_u32(answer, 0, &status))
        return false;
    *ret = akma_mbim_habits_read_sw(habits, status);

    return *ret != 0;
}

/*= MBIM MS UICC OPEN_CHANNEL: status word, channel, size and offset of the response */
bool
akma_mbim_take_channel(const AkmaMbimAnswer *answer,
                       AkmaMbimHabits *habits,
                       unsigned *ret_channel,
                       uint16_t *ret_sw,
                       GError **error)
{
    uint32_t channel;
    uint16_t sw;

    if (!take_sw(answer, habits, &sw) || !akma_mbim_peek_u32(answer, 4, &channel) ||
        channel > AKMA_MBIM_CHANNEL_MAX)
        return akma_mbim_garbled("the number of the channel", error);

    *ret_channel = channel;
    *ret_sw = sw;

    return true;
}

/*= MBIM MS UICC APDU: status word, size and offset of the response */
bool
akma_mbim_take_apdu(const AkmaMbimAnswer *answer,
                    AkmaMbimHabits *habits,
                    AkmaResponse *ret,
                    GError **error)
{
    uint32_t len;
    const uint8_t *bytes = akma_mbim_peek_part(answer, 8, 4, &len);
    uint16_t sw;

    if (!bytes || len > AKMA_RESPONSE_DATA_MAX || !take_sw(answer, habits, &sw))
        return akma_mbim_garbled("the card's answer", error);

    memcpy(ret->bytes, bytes, len);
    ret->len = len;
    ret->sw = sw;

    return true;
}

/*= MBIM MS UICC RESPONSE: version, SW1, SW2, offset and size of the data */
bool
akma_mbim_take_file(const AkmaMbimAnswer *answer, AkmaResponse *ret, GError **error)
{
    uint32_t len;
    const uint8_t *bytes = akma_mbim_peek_part(answer, 12, 16, &len);
    uint32_t sw1;
    uint32_t sw2;

    if (!bytes || len > AKMA_RESPONSE_DATA_MAX || !akma_mbim_peek_u32(answer, 4, &sw1) ||
        !akma_mbim_peek_u32(answer, 8, &sw2) || sw1 > 0xff || sw2 > 0xff)
        return akma_mbim_garbled("a file of the card", error);

    memcpy(ret->bytes, bytes, len);
    ret->len = len;
    ret->sw = (uint16_t)(sw1 << 8 | sw2);

    return true;
}

static void
put(AkmaResponse *ret, const uint8_t *bytes, size_t len)
{
    ret->bytes[ret->len++] = (uint8_t)len;
    memcpy(ret->bytes + ret->len, bytes, len);
    ret->len += len;
}

/*= MBIM 1.0 10.11.1.3: RES (16), its length, IK, CK, AUTS */
/*= TS 31.102 7.1.2.1: DB RES CK IK, or DC AUTS */
bool
akma_mbim_take_aka(const AkmaMbimAnswer *answer, AkmaResponse *ret, GError **error)
{
    const uint8_t *res = akma_mbim_peek(answer, 0, RES_MAX);
    const uint8_t *ik = akma_mbim_peek(answer, 20, KEY_LEN);
    const uint8_t *ck = akma_mbim_peek(answer, 36, KEY_LEN);
    const uint8_t *auts = akma_mbim_peek(answer, 52, AUTS_LEN);
    uint32_t res_len = 0;

    ret->sw = SW_DONE;
    ret->len = 1;
    switch (answer->status) {
    case AKMA_MBIM_STATUS_WRONG_MAC:
        ret->sw = SW_WRONG_MAC;
        ret->len = 0;
        return true;

    case AKMA_MBIM_STATUS_SYNC_FAILURE:
        ret->bytes[0] = TAG_AKA_SYNC;
        if (!auts)
            break;
        put(ret, auts, AUTS_LEN);
        return true;

    case AKMA_MBIM_STATUS_DONE:
        ret->bytes[0] = TAG_AKA_OK;
        if (!auts || !akma_mbim_peek_u32(answer, 16, &res_len) || res_len < RES_MIN ||
            res_len > RES_MAX)
            break;
        put(ret, res, res_len);
        put(ret, ck, KEY_LEN);
        put(ret, ik, KEY_LEN);
        return true;

    default:
        break;
    }

    return akma_mbim_garbled("the answer to AKA", error);
}
