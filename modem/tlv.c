/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/tlv.h"

#include <string.h>

#include "base/error.h"

#define TAG_FCP             0x62
#define TAG_FILE_SIZE       0x80
#define TAG_FILE_DESCRIPTOR 0x82
#define TAG_FILE_ID         0x83
#define TAG_DF_NAME         0x84
#define TAG_LIFE_CYCLE      0x8a
#define TAG_APPLICATION     0x61
#define TAG_AID             0x4f

/*= TS 102 221 11.1.1.3: BER-TLV, length in one byte, or 81 xx, or 82 xx xx */
bool
akma_tlv_next(AkmaReader *reader, uint8_t *ret_tag, AkmaReader *ret_value)
{
    uint8_t tag;
    size_t len;
    const uint8_t *value;

    if (reader->bad || reader->left == 0 || *reader->next == 0xff || *reader->next == 0x00)
        return false;

    tag = akma_reader_u8(reader);
    len = akma_reader_u8(reader);
    if (len == 0x81)
        len = akma_reader_u8(reader);
    else if (len == 0x82)
        len = akma_reader_u16(reader);
    else if (len > 0x7f)
        reader->bad = true;

    value = akma_reader_take(reader, len);
    if (reader->bad)
        return false;

    *ret_tag = tag;
    *ret_value = akma_reader_init(value, len);

    return true;
}

bool
akma_tlv_find(AkmaReader reader, uint8_t tag, AkmaReader *ret_value)
{
    AkmaReader value;
    uint8_t found;

    while (akma_tlv_next(&reader, &found, &value)) {
        if (found == tag) {
            *ret_value = value;
            return true;
        }
    }

    return false;
}

static void
take_descriptor(AkmaReader value, AkmaFcp *fcp)
{
    fcp->is_folder = (akma_reader_u8(&value) & 0xbf) == 0x38;
    (void)akma_reader_u8(&value);
    if (value.left >= 3) {
        uint16_t record_len = akma_reader_u16(&value);

        fcp->record_len = record_len <= 255 ? (uint8_t)record_len : 0;
        fcp->n_records = akma_reader_u8(&value);
    }
}

static void
take_field(uint8_t tag, AkmaReader value, AkmaFcp *fcp)
{
    switch (tag) {
    case TAG_FILE_DESCRIPTOR:
        take_descriptor(value, fcp);
        break;
    case TAG_FILE_SIZE:
        if (value.left <= 4)
            while (value.left > 0)
                fcp->size = fcp->size << 8 | akma_reader_u8(&value);
        break;
    case TAG_FILE_ID:
        if (value.left == 2)
            fcp->id = akma_reader_u16(&value);
        break;
    case TAG_DF_NAME:
        if (value.left > 0 && value.left <= AKMA_AID_MAX) {
            fcp->aid_len = value.left;
            memcpy(fcp->aid, value.next, value.left);
        }
        break;
    case TAG_LIFE_CYCLE:
        if (value.left == 1)
            fcp->is_deactivated = (akma_reader_u8(&value) & 0xfd) == 0x04;
        break;
    default: /* access conditions, proprietary: nothing we act on */
        break;
    }
}

/*= TS 102 221 11.1.1.3.1: the FCP template 62 and what stands in it */
bool
akma_fcp_parse(const uint8_t *bytes, size_t len, AkmaFcp *ret, GError **error)
{
    AkmaReader all = akma_reader_init(bytes, len);
    AkmaReader body;
    AkmaReader value;
    AkmaFcp fcp = {0};
    uint8_t tag;

    if (!akma_tlv_next(&all, &tag, &body) || tag != TAG_FCP) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the card does not describe its file");
        return false;
    }
    while (akma_tlv_next(&body, &tag, &value))
        take_field(tag, value, &fcp);
    if (body.bad) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the card's file description is broken");
        return false;
    }

    *ret = fcp;

    return true;
}

/*= TS 102 221 13.1: EF.DIR holds application templates 61 with the AID in 4F */
bool
akma_dir_parse_record(const uint8_t *bytes,
                      size_t len,
                      uint8_t ret_aid[static AKMA_AID_MAX],
                      size_t *ret_aid_len)
{
    AkmaReader all = akma_reader_init(bytes, len);
    AkmaReader body;
    AkmaReader aid;
    uint8_t tag;

    if (!akma_tlv_next(&all, &tag, &body) || tag != TAG_APPLICATION)
        return false;
    if (!akma_tlv_find(body, TAG_AID, &aid) || aid.left < 5 || aid.left > AKMA_AID_MAX)
        return false;

    *ret_aid_len = aid.left;
    memcpy(ret_aid, aid.next, aid.left);

    return true;
}
