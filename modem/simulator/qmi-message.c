/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/qmi-message.h"

#include <string.h>

#define MARKER      0x01
#define FROM_MODEM  0x80
#define HEADER      6 /* marker, length, flags, service, client id */
#define CTL_HEADER  6 /* flags, transaction, message id, length */
#define USER_HEADER 7
#define TLV_HEADER  3
#define RESULT      0x02
#define RESULT_LEN  4

/* The flags of a message: in CTL, and elsewhere. */
#define CTL_RESPONSE    0x01
#define CTL_INDICATION  0x02
#define USER_RESPONSE   0x02
#define USER_INDICATION 0x04

static unsigned
get_u16(const uint8_t *bytes)
{
    return bytes[0] | ((unsigned)bytes[1] << 8);
}

static void
set_u16(uint8_t *bytes, size_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static size_t
headers_len(uint8_t service)
{
    return HEADER + (service == QMI_CTL ? CTL_HEADER : USER_HEADER);
}

size_t
akma_soft_qmi_measure(const uint8_t *bytes, size_t len, bool *ret_frame)
{
    size_t total;

    *ret_frame = false;
    if (len == 0)
        return 0;
    if (bytes[0] != MARKER)
        return 1;
    if (len < 3)
        return 0;
    total = get_u16(bytes + 1) + 1;
    if (total < HEADER || total > AKMA_SOFT_QMI_FRAME_MAX)
        return 1; /* no frame begins here */
    if (len < total)
        return 0;
    *ret_frame = true;

    return total;
}

static bool
are_tlvs(const uint8_t *bytes, size_t len)
{
    while (len >= TLV_HEADER && get_u16(bytes + 1) <= len - TLV_HEADER) {
        size_t used = TLV_HEADER + get_u16(bytes + 1);

        bytes += used;
        len -= used;
    }

    return len == 0;
}

bool
akma_soft_qmi_request_parse(const uint8_t *frame, size_t len, QmiRequest *ret)
{
    QmiRequest request = {0};
    const uint8_t *p = frame + HEADER;

    if (len < HEADER || frame[3] != 0)
        return false;
    request.service = frame[4];
    request.client = frame[5];
    if (len < headers_len(request.service) || p[0] != 0)
        return false;

    if (request.service == QMI_CTL) {
        request.transaction = p[1];
        p += 2;
    } else {
        request.transaction = (uint16_t)get_u16(p + 1);
        p += 3;
    }
    request.id = (uint16_t)get_u16(p);
    request.tlvs = p + 4;
    request.tlvs_len = (size_t)(frame + len - request.tlvs);
    request.malformed =
        get_u16(p + 2) != request.tlvs_len || !are_tlvs(request.tlvs, request.tlvs_len);
    *ret = request;

    return true;
}

bool
akma_soft_qmi_find(const QmiRequest *request, uint8_t type, QmiReader *ret)
{
    const uint8_t *end = request->tlvs + request->tlvs_len;

    for (const uint8_t *p = request->tlvs; p < end; p += TLV_HEADER + get_u16(p + 1)) {
        if (p[0] != type)
            continue;
        *ret = (QmiReader){.bytes = p + TLV_HEADER, .left = get_u16(p + 1)};
        return true;
    }

    return false;
}

const uint8_t *
akma_soft_qmi_get_bytes(QmiReader *self, size_t len)
{
    const uint8_t *bytes = self->bytes;

    if (self->failed || len > self->left) {
        self->failed = true;
        return NULL;
    }
    self->bytes += len;
    self->left -= len;

    return bytes;
}

uint8_t
akma_soft_qmi_get_u8(QmiReader *self)
{
    const uint8_t *bytes = akma_soft_qmi_get_bytes(self, 1);

    return bytes ? bytes[0] : 0;
}

uint16_t
akma_soft_qmi_get_u16(QmiReader *self)
{
    const uint8_t *bytes = akma_soft_qmi_get_bytes(self, 2);

    return bytes ? (uint16_t)get_u16(bytes) : 0;
}

uint32_t
akma_soft_qmi_get_u32(QmiReader *self)
{
    const uint8_t *bytes = akma_soft_qmi_get_bytes(self, 4);

    return bytes ? get_u16(bytes) | ((uint32_t)get_u16(bytes + 2) << 16) : 0;
}

bool
akma_soft_qmi_is_done(const QmiReader *self)
{
    return !self->failed && self->left == 0;
}

/* Writes the lengths of frame and message for @len bytes. */
static void
set_length(uint8_t *frame, size_t len)
{
    const size_t headers = headers_len(frame[4]);

    set_u16(frame + 1, len - 1);
    set_u16(frame + headers - 2, len - headers);
}

static void
begin(QmiWriter *self, uint8_t service, uint8_t client, uint8_t flags, uint16_t transaction)
{
    uint8_t *p = self->bytes + HEADER;

    self->len = headers_len(service);
    self->tlv = 0;
    self->full = false;
    memset(self->bytes, 0, self->len);
    self->bytes[0] = MARKER;
    self->bytes[3] = FROM_MODEM;
    self->bytes[4] = service;
    self->bytes[5] = client;
    p[0] = flags;
    if (service == QMI_CTL)
        p[1] = (uint8_t)transaction;
    else
        set_u16(p + 1, transaction);
}

static void
set_id(QmiWriter *self, uint8_t service, uint16_t id)
{
    set_u16(self->bytes + headers_len(service) - 4, id);
}

void
akma_soft_qmi_answer_begin(QmiWriter *self, const QmiRequest *request)
{
    begin(self,
          request->service,
          request->client,
          request->service == QMI_CTL ? CTL_RESPONSE : USER_RESPONSE,
          request->transaction);
    set_id(self, request->service, request->id);
    akma_soft_qmi_put_tlv(self, RESULT);
    akma_soft_qmi_put_u32(self, 0);
}

void
akma_soft_qmi_answer_end(QmiWriter *self, uint16_t error)
{
    const size_t result = headers_len(self->bytes[4]);

    if (self->full) {
        self->len = result + TLV_HEADER + RESULT_LEN;
        error = QMI_INTERNAL;
    }
    set_u16(self->bytes + result + TLV_HEADER, error != QMI_OK ? 1 : 0);
    set_u16(self->bytes + result + TLV_HEADER + 2, error);
    set_length(self->bytes, self->len);
}

void
akma_soft_qmi_indication_begin(QmiWriter *self, uint8_t service, uint8_t client, uint16_t id)
{
    begin(self, service, client, service == QMI_CTL ? CTL_INDICATION : USER_INDICATION, 0);
    set_id(self, service, id);
}

void
akma_soft_qmi_indication_end(QmiWriter *self)
{
    set_length(self->bytes, self->len);
}

void
akma_soft_qmi_put_tlv(QmiWriter *self, uint8_t type)
{
    const uint8_t head[TLV_HEADER] = {type, 0, 0};

    self->tlv = 0;
    akma_soft_qmi_put_bytes(self, head, sizeof head);
    self->tlv = self->len - TLV_HEADER;
}

void
akma_soft_qmi_put_bytes(QmiWriter *self, const void *bytes, size_t len)
{
    if (self->full || len > sizeof self->bytes - self->len) {
        self->full = true;
        return;
    }
    if (len > 0)
        memcpy(self->bytes + self->len, bytes, len);
    self->len += len;
    if (self->tlv != 0)
        set_u16(self->bytes + self->tlv + 1, self->len - self->tlv - TLV_HEADER);
}

void
akma_soft_qmi_set_count(QmiWriter *self)
{
    uint8_t *count = self->bytes + self->tlv + TLV_HEADER;

    if (!self->full)
        set_u16(count, self->len - self->tlv - TLV_HEADER - 2);
}

void
akma_soft_qmi_put_u8(QmiWriter *self, uint8_t value)
{
    akma_soft_qmi_put_bytes(self, &value, 1);
}

void
akma_soft_qmi_put_u16(QmiWriter *self, uint16_t value)
{
    uint8_t bytes[2];

    set_u16(bytes, value);
    akma_soft_qmi_put_bytes(self, bytes, sizeof bytes);
}

void
akma_soft_qmi_put_u32(QmiWriter *self, uint32_t value)
{
    akma_soft_qmi_put_u16(self, (uint16_t)value);
    akma_soft_qmi_put_u16(self, (uint16_t)(value >> 16));
}

/* Where the first TLV behind the result begins in an answer; @len if there is none. */
static size_t
find_payload(const uint8_t *frame, size_t len)
{
    return MIN(headers_len(frame[4]) + TLV_HEADER + RESULT_LEN, len);
}

void
akma_soft_qmi_garble(uint8_t *frame, size_t len)
{
    size_t begin = find_payload(frame, len);

    if (begin == len)
        begin -= 2; /* no TLV but the result: its error code */
    for (size_t i = begin; i < len; i += 3)
        frame[i] ^= 0x15;
}

size_t
akma_soft_qmi_truncate(uint8_t *frame, size_t len)
{
    size_t begin = find_payload(frame, len);

    len = begin == len ? len - 1 : begin + (len - begin) / 2;
    set_length(frame, len);

    return len;
}
