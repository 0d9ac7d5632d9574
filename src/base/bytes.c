/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/bytes.h"

#include <string.h>

AkmaReader
akma_reader_init(const void *bytes, size_t len)
{
    return (AkmaReader){.next = bytes, .left = len};
}

const uint8_t *
akma_reader_take(AkmaReader *self, size_t len)
{
    const uint8_t *taken = self->next;

    if (self->bad || len > self->left) {
        self->bad = true;
        return NULL;
    }

    self->left -= len;
    if (len > 0)
        self->next += len;

    return taken;
}

uint8_t
akma_reader_u8(AkmaReader *self)
{
    const uint8_t *p = akma_reader_take(self, 1);

    return p ? p[0] : 0;
}

uint16_t
akma_reader_u16(AkmaReader *self)
{
    const uint8_t *p = akma_reader_take(self, 2);

    return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

bool
akma_reader_is_done(const AkmaReader *self)
{
    return !self->bad && self->left == 0;
}

AkmaWriter
akma_writer_init(void *buffer, size_t size)
{
    return (AkmaWriter){.start = buffer, .size = size};
}

void
akma_writer_put(AkmaWriter *self, const void *bytes, size_t len)
{
    if (self->bad || len > self->size - self->len) {
        self->bad = true;
        return;
    }

    if (len > 0)
        memcpy(self->start + self->len, bytes, len);
    self->len += len;
}

void
akma_writer_u8(AkmaWriter *self, uint8_t value)
{
    akma_writer_put(self, &value, 1);
}

void
akma_writer_u16(AkmaWriter *self, uint16_t value)
{
    uint8_t both[2] = {(uint8_t)(value >> 8), (uint8_t)value};

    akma_writer_put(self, both, sizeof both);
}
