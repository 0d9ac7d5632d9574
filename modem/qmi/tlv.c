/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/qmi/tlv.h"

#include <openssl/crypto.h>
#include <string.h>

#define TLV_HEADER       3
#define FLAGS_ANSWER     0x02
#define FLAGS_INDICATION 0x04
#define TYPES            256

void
akma_qmi_request_init(AkmaQmiRequest *ret, AkmaQmiService service, uint16_t id)
{
    memset(ret, 0, sizeof *ret);
    ret->service = service;
    ret->id = id;
}

void
akma_qmi_request_clear(AkmaQmiRequest *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

void
akma_qmi_put_type(AkmaQmiRequest *self, uint8_t type)
{
    g_return_if_fail(self->len + TLV_HEADER <= sizeof self->bytes);

    self->tlv = self->len;
    self->bytes[self->tlv] = type;
    self->len += TLV_HEADER;
}

void
akma_qmi_put_bytes(AkmaQmiRequest *self, const void *bytes, size_t len)
{
    size_t value_len;

    g_return_if_fail(self->len >= TLV_HEADER && len <= sizeof self->bytes - self->len);

    if (len > 0)
        memcpy(self->bytes + self->len, bytes, len);
    self->len += len;

    value_len = self->len - self->tlv - TLV_HEADER;
    self->bytes[self->tlv + 1] = (uint8_t)value_len;
    self->bytes[self->tlv + 2] = (uint8_t)(value_len >> 8);
}

void
akma_qmi_put_u8(AkmaQmiRequest *self, uint8_t value)
{
    akma_qmi_put_bytes(self, &value, 1);
}

void
akma_qmi_put_u16(AkmaQmiRequest *self, uint16_t value)
{
    akma_qmi_put_u8(self, (uint8_t)value);
    akma_qmi_put_u8(self, (uint8_t)(value >> 8));
}

void
akma_qmi_put_u32(AkmaQmiRequest *self, uint32_t value)
{
    akma_qmi_put_u16(self, (uint16_t)value);
    akma_qmi_put_u16(self, (uint16_t)(value >> 16));
}

uint16_t
akma_qmi_get_u16(AkmaReader *reader)
{
    const uint8_t *bytes = akma_reader_take(reader, 2);

    return bytes ? (uint16_t)(bytes[0] | bytes[1] << 8) : 0;
}

uint32_t
akma_qmi_get_u32(AkmaReader *reader)
{
    uint32_t low = akma_qmi_get_u16(reader);

    return low | (uint32_t)akma_qmi_get_u16(reader) << 16;
}

const uint8_t *
akma_qmi_get_block8(AkmaReader *reader, size_t *ret_len)
{
    *ret_len = akma_reader_u8(reader);

    return akma_reader_take(reader, *ret_len);
}

const uint8_t *
akma_qmi_get_block16(AkmaReader *reader, size_t *ret_len)
{
    *ret_len = akma_qmi_get_u16(reader);

    return akma_reader_take(reader, *ret_len);
}

bool
akma_qmi_answer_init(AkmaQmiAnswer *ret, const uint8_t *bytes, size_t len)
{
    AkmaReader all = akma_reader_init(bytes, len);
    AkmaReader tlvs;
    bool seen[TYPES] = {false};
    uint8_t flags = akma_reader_u8(&all);
    uint16_t id;

    akma_qmi_get_u16(&all); /* the transaction */
    id = akma_qmi_get_u16(&all);
    if (akma_qmi_get_u16(&all) != all.left || all.bad ||
        (flags != FLAGS_ANSWER && flags != FLAGS_INDICATION))
        return false;

    tlvs = all;
    while (all.left > 0) {
        uint8_t type = akma_reader_u8(&all);
        size_t value_len;

        if (!akma_qmi_get_block16(&all, &value_len) || seen[type])
            return false;
        seen[type] = true;
    }

    *ret = (AkmaQmiAnswer){.id = id, .tlvs = tlvs};

    return true;
}

bool
akma_qmi_answer_find(const AkmaQmiAnswer *self, uint8_t type, AkmaReader *ret_value)
{
    AkmaReader all = self->tlvs;

    while (all.left > 0) {
        uint8_t this_type = akma_reader_u8(&all);
        size_t len;
        const uint8_t *value = akma_qmi_get_block16(&all, &len);

        if (!value)
            return false;
        if (this_type == type) {
            *ret_value = akma_reader_init(value, len);
            return true;
        }
    }

    return false;
}
