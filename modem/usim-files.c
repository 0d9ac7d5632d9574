/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/usim-files.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define TYPE_IMSI    0x01
#define TAG_K_AUSF   0x80
#define TAG_AKA_OK   0xdb
#define TAG_AKA_SYNC 0xdc
#define IMSI_MIN     6

static bool
broken(const char *what, GError **error)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "%s of the card is broken", what);

    return false;
}

/*= TS 31.102 4.2.2: EF_IMSI is a length and the coding of TS 24.008 10.5.1.4 */
bool
akma_usim_parse_imsi(const uint8_t *bytes,
                     size_t len,
                     char ret[static AKMA_IMSI_MAX + 1],
                     GError **error)
{
    char digits[AKMA_IMSI_MAX + 2];
    size_t n = 0;
    size_t used = len > 0 ? bytes[0] : 0;
    bool odd;

    if (used < 1 || used > 8 || len < used + 1 || (bytes[1] & 0x07) != TYPE_IMSI)
        return broken("EF_IMSI", error);
    odd = bytes[1] & 0x08;

    for (size_t i = 1; i < 2 * used; i++) {
        uint8_t digit = i % 2 == 1 ? bytes[1 + i / 2] >> 4 : bytes[1 + i / 2] & 0x0f;

        if (i == 2 * used - 1 && !odd) {
            if (digit != 0x0f)
                return broken("EF_IMSI", error);
            break;
        }
        if (digit > 9)
            return broken("EF_IMSI", error);
        digits[n++] = (char)('0' + digit);
    }
    if (n < IMSI_MIN)
        return broken("EF_IMSI", error);

    memcpy(ret, digits, n);
    ret[n] = '\0';

    return true;
}

/*= TS 31.102 4.2.18: EF_AD, byte 4: length of the MNC, 2 or 3 */
bool
akma_usim_parse_mnc_length(const uint8_t *bytes, size_t len, unsigned *ret, GError **error)
{
    unsigned mnc_length = len >= 4 ? bytes[3] & 0x0f : 0;

    if (mnc_length != 2 && mnc_length != 3)
        return broken("the length of the MNC in EF_AD", error);

    *ret = mnc_length;

    return true;
}

/*= TS 31.102 4.2.8: EF_UST, service n is bit (n - 1) % 8 of byte (n - 1) / 8 */
bool
akma_usim_has_service(const uint8_t *ust, size_t len, unsigned service)
{
    size_t byte = (service - 1) / 8;

    return service > 0 && byte < len && (ust[byte] >> ((service - 1) % 8) & 1);
}

/*= TS 31.102 4.4.11.11: EF_Routing_Indicator, up to 4 digits of BCD, the rest is F */
/*= TS 23.003 2.2B: a card without one has routing indicator 0 */
bool
akma_usim_parse_routing_indicator(const uint8_t *bytes,
                                  size_t len,
                                  char ret[static AKMA_RID_MAX + 1],
                                  GError **error)
{
    char digits[AKMA_RID_MAX + 1] = {0};
    size_t n = 0;
    bool ended = false;

    if (len < 2)
        return broken("EF_Routing_Indicator", error);

    for (size_t i = 0; i < AKMA_RID_MAX; i++) {
        uint8_t digit = i % 2 == 0 ? bytes[i / 2] & 0x0f : bytes[i / 2] >> 4;

        if (digit == 0x0f) {
            ended = true;
            continue;
        }
        if (digit > 9 || ended)
            return broken("EF_Routing_Indicator", error);
        digits[n++] = (char)('0' + digit);
    }
    if (n == 0)
        digits[0] = '0';

    memcpy(ret, digits, sizeof digits);

    return true;
}

/* All bytes FF or all 00: how a file looks that nobody has written. */
static bool
is_blank(const uint8_t *bytes, size_t len)
{
    uint8_t all = 0xff;
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++) {
        all &= bytes[i];
        any |= bytes[i];
    }

    return all == 0xff || any == 0;
}

/*= TS 102 221 13.2: EF_ICCID has ten bytes */
bool
akma_usim_check_iccid(const uint8_t *bytes, size_t len, GError **error)
{
    if (len != AKMA_ICCID_LEN || is_blank(bytes, len))
        return broken("EF_ICCID", error);

    return true;
}

static AkmaKAusfPlace
take_k_ausf(const uint8_t *value, AkmaKey256 *ret)
{
    if (is_blank(value, sizeof ret->bytes))
        return AKMA_K_AUSF_EMPTY;

    memcpy(ret->bytes, value, sizeof ret->bytes);

    return AKMA_K_AUSF_FOUND;
}

/*= TS 31.102 4.4.11.6: EF_5GAUTHKEYS begins with tag 80, length 32, K_AUSF */
AkmaKAusfPlace
akma_usim_peek_k_ausf(const uint8_t *bytes, size_t len, AkmaKey256 *ret)
{
    if (len == 0)
        return AKMA_K_AUSF_BROKEN;
    if (is_blank(bytes, len))
        return AKMA_K_AUSF_EMPTY;
    if (len < 2 || bytes[0] == 0xff || bytes[0] == 0x00)
        return AKMA_K_AUSF_BROKEN;
    if (bytes[0] != TAG_K_AUSF)
        return AKMA_K_AUSF_ELSEWHERE;
    if (bytes[1] == 0)
        return AKMA_K_AUSF_EMPTY;
    if (bytes[1] != sizeof ret->bytes || len < AKMA_5GAUTHKEYS_FIRST)
        return AKMA_K_AUSF_BROKEN;

    return take_k_ausf(bytes + 2, ret);
}

/*= TS 31.102 4.4.11.6: the objects of EF_5GAUTHKEYS may stand in any order */
AkmaKAusfPlace
akma_usim_find_k_ausf(const uint8_t *bytes, size_t len, AkmaKey256 *ret)
{
    AkmaReader all = akma_reader_init(bytes, len);

    if (len == 0)
        return AKMA_K_AUSF_BROKEN;
    if (is_blank(bytes, len))
        return AKMA_K_AUSF_EMPTY;

    while (all.left > 0 && *all.next != 0xff && *all.next != 0x00) {
        uint8_t tag = akma_reader_u8(&all);
        size_t value_len = akma_reader_u8(&all);
        const uint8_t *value = akma_reader_take(&all, value_len);

        if (all.bad)
            return AKMA_K_AUSF_BROKEN;
        if (tag != TAG_K_AUSF)
            continue;
        if (value_len == 0)
            return AKMA_K_AUSF_EMPTY;
        if (value_len != sizeof ret->bytes)
            return AKMA_K_AUSF_BROKEN;

        return take_k_ausf(value, ret);
    }

    return AKMA_K_AUSF_EMPTY;
}

void
akma_aka_result_clear(AkmaAkaResult *result)
{
    OPENSSL_cleanse(result, sizeof *result);
}

static bool
take_aka(AkmaReader *all, AkmaAkaResult *aka)
{
    size_t res_len = akma_reader_u8(all);
    const uint8_t *res = akma_reader_take(all, res_len);
    const uint8_t *ck;
    const uint8_t *ik;

    if (!res || res_len < 4 || res_len > sizeof aka->res)
        return false;
    if (akma_reader_u8(all) != sizeof aka->ck.bytes)
        return false;
    ck = akma_reader_take(all, sizeof aka->ck.bytes);
    if (akma_reader_u8(all) != sizeof aka->ik.bytes)
        return false;
    ik = akma_reader_take(all, sizeof aka->ik.bytes);
    if (all->left > 0 && (akma_reader_u8(all) != 8 || !akma_reader_take(all, 8)))
        return false; /* Kc, where service 27 is there */
    if (!akma_reader_is_done(all))
        return false;

    aka->outcome = AKMA_AKA_OK;
    aka->res_len = res_len;
    memcpy(aka->res, res, res_len);
    memcpy(aka->ck.bytes, ck, sizeof aka->ck.bytes);
    memcpy(aka->ik.bytes, ik, sizeof aka->ik.bytes);

    return true;
}

static bool
take_auts(AkmaReader *all, AkmaAkaResult *aka)
{
    const uint8_t *auts;

    if (akma_reader_u8(all) != sizeof aka->auts)
        return false;
    auts = akma_reader_take(all, sizeof aka->auts);
    if (!auts || !akma_reader_is_done(all))
        return false;

    aka->outcome = AKMA_AKA_SYNC_FAILURE;
    memcpy(aka->auts, auts, sizeof aka->auts);

    return true;
}

/*= TS 31.102 7.1.2.1: DB RES CK IK [Kc], or DC AUTS */
bool
akma_usim_parse_aka(const uint8_t *bytes, size_t len, AkmaAkaResult *ret, GError **error)
{
    AkmaReader all = akma_reader_init(bytes, len);
    g_auto(AkmaAkaResult) aka = {0};
    bool good;

    switch (akma_reader_u8(&all)) {
    case TAG_AKA_OK:
        good = take_aka(&all, &aka);
        break;
    case TAG_AKA_SYNC:
        good = take_auts(&all, &aka);
        break;
    default:
        good = false;
        break;
    }
    if (!good)
        return broken("the answer to AUTHENTICATE", error);

    *ret = aka;

    return true;
}
