/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * mbim-wire: an MBIM information buffer read and written: little-endian numbers first, then the
 * byte arrays and strings that pairs of numbers among them point at (MBIM 1.0 clause 10).
 *
 * A read or write that does not fit makes the reader or writer bad for good. Both borrow the
 * buffer and allocate nothing.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/* How a pair points at its bytes: MBIM has the offset first, low-level UICC access the size. */
typedef enum {
    AKMA_SOFT_MBIM_OFFSET_SIZE,
    AKMA_SOFT_MBIM_SIZE_OFFSET,
} AkmaSoftMbimOrder;

typedef struct {
    const uint8_t *bytes;
    size_t len;
    size_t at; /* the next number */
    bool bad;
} AkmaSoftMbimReader;

typedef struct {
    uint8_t *bytes;
    size_t size;  /* of the buffer */
    size_t at;    /* where the next number goes */
    size_t fixed; /* where the numbers end */
    size_t len;   /* with what stands behind them */
    bool raw;     /* holds something else, and is not filled up to a multiple of 4 bytes */
    bool bad;
} AkmaSoftMbimWriter;

uint32_t akma_soft_mbim_load_u32(const uint8_t bytes[static 4]);
void akma_soft_mbim_store_u32(uint8_t bytes[static 4], uint32_t value);

AkmaSoftMbimReader akma_soft_mbim_reader_init(const uint8_t *bytes, size_t len);
uint32_t akma_soft_mbim_reader_u32(AkmaSoftMbimReader *self); /* 0 once bad */
/* The next @len bytes among the numbers; borrowed. NULL once bad. */
const uint8_t *akma_soft_mbim_reader_take(AkmaSoftMbimReader *self, size_t len);
/* What a pair points at; borrowed. NULL with *@ret_len 0: nothing, or bad. */
const uint8_t *akma_soft_mbim_reader_ref(AkmaSoftMbimReader *self,
                                         AkmaSoftMbimOrder order,
                                         size_t *ret_len);
/* A string of ASCII characters in UTF-16; bad if it is none or does not fit. "" once bad. */
void akma_soft_mbim_reader_text(AkmaSoftMbimReader *self, char *ret, size_t size);

/* Nothing is written; akma_soft_mbim_writer_begin() comes first. */
AkmaSoftMbimWriter akma_soft_mbim_writer_init(uint8_t *buffer, size_t size);
/* From here on: a buffer whose numbers take @fixed bytes. */
void akma_soft_mbim_writer_begin(AkmaSoftMbimWriter *self, size_t fixed);
void akma_soft_mbim_writer_u32(AkmaSoftMbimWriter *self, uint32_t value);
void akma_soft_mbim_writer_u64(AkmaSoftMbimWriter *self, uint64_t value);
void akma_soft_mbim_writer_put(AkmaSoftMbimWriter *self, const void *bytes, size_t len);
void akma_soft_mbim_writer_ref(AkmaSoftMbimWriter *self,
                               AkmaSoftMbimOrder order,
                               const void *bytes,
                               size_t len);
void akma_soft_mbim_writer_text(AkmaSoftMbimWriter *self, const char *ascii);

G_END_DECLS
