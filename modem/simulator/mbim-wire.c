/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/mbim-wire.h"

#include <string.h>

uint32_t
akma_soft_mbim_load_u32(const uint8_t bytes[static 4])
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

void
akma_soft_mbim_store_u32(uint8_t bytes[static 4], uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

AkmaSoftMbimReader
akma_soft_mbim_reader_init(const uint8_t *bytes, size_t len)
{
    return (AkmaSoftMbimReader){.bytes = bytes, .len = len};
}

const uint8_t *
akma_soft_mbim_reader_take(AkmaSoftMbimReader *self, size_t len)
{
    if (self->bad || len > self->len - self->at) {
        self->bad = true;
        return NULL;
    }
    self->at += len;

    return self->bytes + (self->at - len);
}

uint32_t
akma_soft_mbim_reader_u32(AkmaSoftMbimReader *self)
{
    const uint8_t *bytes = akma_soft_mbim_reader_take(self, 4);

    return bytes ? akma_soft_mbim_load_u32(bytes) : 0;
}

const uint8_t *
akma_soft_mbim_reader_ref(AkmaSoftMbimReader *self, AkmaSoftMbimOrder order, size_t *ret_len)
{
    uint32_t first = akma_soft_mbim_reader_u32(self);
    uint32_t second = akma_soft_mbim_reader_u32(self);
    uint32_t offset = order == AKMA_SOFT_MBIM_OFFSET_SIZE ? first : second;
    uint32_t len = order == AKMA_SOFT_MBIM_OFFSET_SIZE ? second : first;

    *ret_len = 0;
    if (self->bad || len == 0)
        return NULL;
    if (offset > self->len || len > self->len - offset) {
        self->bad = true;
        return NULL;
    }
    *ret_len = len;

    return self->bytes + offset;
}

void
akma_soft_mbim_reader_text(AkmaSoftMbimReader *self, char *ret, size_t size)
{
    size_t len;
    const uint8_t *bytes = akma_soft_mbim_reader_ref(self, AKMA_SOFT_MBIM_OFFSET_SIZE, &len);

    ret[0] = '\0';
    if (len % 2 != 0 || len / 2 >= size) {
        self->bad = true;
        return;
    }
    for (size_t i = 0; i < len / 2; i++) {
        if (bytes[2 * i] == 0 || bytes[2 * i] > 0x7e || bytes[2 * i + 1] != 0) {
            self->bad = true;
            ret[0] = '\0';
            return;
        }
        ret[i] = (char)bytes[2 * i];
    }
    ret[len / 2] = '\0';
}

AkmaSoftMbimWriter
akma_soft_mbim_writer_init(uint8_t *buffer, size_t size)
{
    return (AkmaSoftMbimWriter){.bytes = buffer, .size = size};
}

void
akma_soft_mbim_writer_begin(AkmaSoftMbimWriter *self, size_t fixed)
{
    self->at = 0;
    self->bad = fixed > self->size;
    self->fixed = self->bad ? 0 : fixed;
    self->len = self->fixed;
    memset(self->bytes, 0, self->fixed);
}

void
akma_soft_mbim_writer_put(AkmaSoftMbimWriter *self, const void *bytes, size_t len)
{
    if (self->bad || len > self->fixed - self->at) {
        self->bad = true;
        return;
    }
    memcpy(self->bytes + self->at, bytes, len);
    self->at += len;
}

void
akma_soft_mbim_writer_u32(AkmaSoftMbimWriter *self, uint32_t value)
{
    uint8_t bytes[4];

    akma_soft_mbim_store_u32(bytes, value);
    akma_soft_mbim_writer_put(self, bytes, sizeof bytes);
}

void
akma_soft_mbim_writer_u64(AkmaSoftMbimWriter *self, uint64_t value)
{
    akma_soft_mbim_writer_u32(self, (uint32_t)value);
    akma_soft_mbim_writer_u32(self, (uint32_t)(value >> 32));
}

/* Room for @len bytes behind the numbers, at a multiple of four; NULL: there is none. */
static uint8_t *
reserve(AkmaSoftMbimWriter *self, AkmaSoftMbimOrder order, size_t len)
{
    size_t offset = (self->len + 3) & ~(size_t)3;

    if (self->bad || offset > self->size || len > self->size - offset) {
        self->bad = true;
        return NULL;
    }
    memset(self->bytes + self->len, 0, offset - self->len);
    akma_soft_mbim_writer_u32(self, (uint32_t)(order == AKMA_SOFT_MBIM_OFFSET_SIZE ? offset : len));
    akma_soft_mbim_writer_u32(self, (uint32_t)(order == AKMA_SOFT_MBIM_OFFSET_SIZE ? len : offset));
    self->len = offset + len;

    return self->bytes + offset;
}

void
akma_soft_mbim_writer_ref(AkmaSoftMbimWriter *self,
                          AkmaSoftMbimOrder order,
                          const void *bytes,
                          size_t len)
{
    uint8_t *room;

    if (len == 0) { /* an empty one points nowhere */
        akma_soft_mbim_writer_u64(self, 0);
        return;
    }
    room = reserve(self, order, len);
    if (room)
        memcpy(room, bytes, len);
}

void
akma_soft_mbim_writer_text(AkmaSoftMbimWriter *self, const char *ascii)
{
    size_t len = strlen(ascii);
    uint8_t *room;

    if (len == 0) {
        akma_soft_mbim_writer_u64(self, 0);
        return;
    }
    room = reserve(self, AKMA_SOFT_MBIM_OFFSET_SIZE, 2 * len);
    for (size_t i = 0; room && i < len; i++) {
        room[2 * i] = (uint8_t)ascii[i];
        room[2 * i + 1] = 0;
    }
}
