/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bytes: a reader and a writer that cannot leave their buffer.
 *
 * A read or write that does not fit makes the reader or writer bad for good; the caller
 * may check once at the end. They borrow the buffer and allocate nothing.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct {
    const uint8_t *next;
    size_t left;
    bool bad;
} AkmaReader;

typedef struct {
    uint8_t *start;
    size_t size; /* of the buffer */
    size_t len;  /* written so far */
    bool bad;
} AkmaWriter;

AkmaReader akma_reader_init(const void *bytes, size_t len);
uint8_t akma_reader_u8(AkmaReader *self);   /* 0 once bad */
uint16_t akma_reader_u16(AkmaReader *self); /* big endian; 0 once bad */
/* Borrowed pointer to the next @len bytes; NULL once bad. */
const uint8_t *akma_reader_take(AkmaReader *self, size_t len);
/* True if nothing was read past the end and nothing is left. */
bool akma_reader_is_done(const AkmaReader *self);

AkmaWriter akma_writer_init(void *buffer, size_t size);
void akma_writer_u8(AkmaWriter *self, uint8_t value);
void akma_writer_u16(AkmaWriter *self, uint16_t value); /* big endian */
void akma_writer_put(AkmaWriter *self, const void *bytes, size_t len);

G_END_DECLS
