/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/contents.h"

#include <string.h>

#include "base/bytes.h"

#define LABEL "USIM"

/* Digits as swapped nibbles from nibble @first on; the file is FF where none stands. */
static void
put_digits(uint8_t *content, size_t first, const char *digits)
{
    for (size_t i = first; *digits; i++, digits++) {
        uint8_t *octet = &content[i / 2];
        unsigned digit = (unsigned)(*digits - '0');

        *octet = i % 2 == 0 ? (uint8_t)((*octet & 0xf0) | digit)
                            : (uint8_t)((*octet & 0x0f) | digit << 4);
    }
}

/*= TS 102 221 13.1: application template with AID and label */
void
akma_soft_fill_dir(const AkmaSoftProfile *profile, uint8_t *content, size_t size)
{
    AkmaWriter writer = akma_writer_init(content, size);

    akma_writer_u8(&writer, 0x61);
    akma_writer_u8(&writer, (uint8_t)(profile->aid_len + strlen(LABEL) + 4));
    akma_writer_u8(&writer, 0x4f);
    akma_writer_u8(&writer, (uint8_t)profile->aid_len);
    akma_writer_put(&writer, profile->aid, profile->aid_len);
    akma_writer_u8(&writer, 0x50);
    akma_writer_u8(&writer, (uint8_t)strlen(LABEL));
    akma_writer_put(&writer, LABEL, strlen(LABEL));
}

/*= TS 102 221 9.2.7: access rules in expanded format, one record for each AkmaSoftAccess */
void
akma_soft_fill_arr(const AkmaSoftProfile *profile, uint8_t *content, size_t size)
{
    static const uint8_t always_never[] = {0x80, 1, 1, 0x90, 0, 0x80, 1, 2, 0x97, 0};
    static const uint8_t always_adm[] = {
        0x80, 1, 1, 0x90, 0, 0x80, 1, 2, 0xa4, 6, 0x83, 1, 0x0a, 0x95, 1, 8};
    static const uint8_t pin_adm[] = {0x80, 1, 1, 0xa4, 6, 0x83, 1, 1,    0x95, 1, 8,
                                      0x80, 1, 2, 0xa4, 6, 0x83, 1, 0x0a, 0x95, 1, 8};
    static const uint8_t pin_pin[] = {0x80, 1, 3, 0xa4, 6, 0x83, 1, 1, 0x95, 1, 8};
    const size_t record_len = size / 4;

    (void)profile;
    memcpy(content, always_never, sizeof always_never);
    memcpy(content + record_len, always_adm, sizeof always_adm);
    memcpy(content + 2 * record_len, pin_adm, sizeof pin_adm);
    memcpy(content + 3 * record_len, pin_pin, sizeof pin_pin);
}

/*= TS 102 221 13.2: EF_ICCID */
void
akma_soft_fill_iccid(const AkmaSoftProfile *profile, uint8_t *content, size_t size)
{
    (void)size;
    put_digits(content, 0, profile->iccid);
}

/*= TS 31.102 4.2.2: EF_IMSI: length, then parity and digits */
void
akma_soft_fill_imsi(const AkmaSoftProfile *profile, uint8_t *content, size_t size)
{
    size_t len = strlen(profile->imsi);

    (void)size;
    content[0] = (uint8_t)(len / 2 + 1);
    content[1] = len % 2 ? 0xf9 : 0xf1;
    put_digits(content + 1, 1, profile->imsi);
}

/*= TS 31.102 4.2.18: EF_AD: normal operation, length of the MNC in octet 4 */
void
akma_soft_fill_ad(const AkmaSoftProfile *profile, uint8_t *content, size_t size)
{
    memset(content, 0, size);
    content[3] = (uint8_t)profile->mnc_len;
}

/*= TS 31.102 4.2.8: EF_UST: service n is bit (n - 1) % 8 of octet (n - 1) / 8 */
void
akma_soft_fill_ust(const AkmaSoftProfile *profile, uint8_t *content, size_t size)
{
    memset(content, 0, size);
    for (unsigned n = 1; n <= 8 * size && n < G_N_ELEMENTS(profile->services); n++) {
        if (profile->services[n])
            content[(n - 1) / 8] |= (uint8_t)(1u << (n - 1) % 8);
    }
}

/*= TS 31.102 4.2.15: EF_ACC: the class is the last digit of the IMSI */
void
akma_soft_fill_acc(const AkmaSoftProfile *profile, uint8_t *content, size_t size)
{
    unsigned class = 1u << (profile->imsi[strlen(profile->imsi) - 1] - '0');

    (void)size;
    content[0] = (uint8_t)(class >> 8);
    content[1] = (uint8_t) class;
}

/*= TS 31.102 4.2.17: EF_LOCI: no TMSI, not updated */
void
akma_soft_fill_loci(const AkmaSoftProfile *profile, uint8_t *content, size_t size)
{
    (void)profile;
    content[8] = 0xfe; /* LAC FFFE: deleted */
    content[size - 1] = 0x01;
}

/*= TS 31.102 4.4.11.11: EF_Routing_Indicator: digits, F where none, 2 octets RFU */
void
akma_soft_fill_routing_indicator(const AkmaSoftProfile *profile, uint8_t *content, size_t size)
{
    (void)size;
    put_digits(content, 0, profile->routing_indicator);
}

/* Up to @max digits from nibble @first on; returns how many. */
static size_t
get_digits(const AkmaSoftFile *file, size_t first, size_t max, char *ret)
{
    size_t n = 0;

    for (size_t i = first; n < max && i < 2 * file->size; i++) {
        unsigned digit = i % 2 == 0 ? file->content[i / 2] & 0x0fu : file->content[i / 2] >> 4;

        if (digit > 9)
            break;
        ret[n++] = (char)('0' + digit);
    }
    ret[n] = '\0';

    return n;
}

bool
akma_soft_read_imsi(AkmaSoftFile *root, char ret[static AKMA_SOFT_IMSI_MAX + 1])
{
    AkmaSoftFile *file = akma_soft_filesystem_find(root, "7FFF/6F07");

    return get_digits(file, 3, AKMA_SOFT_IMSI_MAX, ret) >= 6;
}

void
akma_soft_read_iccid(AkmaSoftFile *root, char ret[static AKMA_SOFT_ICCID_MAX + 1])
{
    AkmaSoftFile *file = akma_soft_filesystem_find(root, "3F00/2FE2");

    get_digits(file, 0, AKMA_SOFT_ICCID_MAX, ret);
}
