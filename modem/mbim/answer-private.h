/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* answer-private: reading an information buffer without leaving it. */
#pragma once

#include "modem/mbim/answer.h"

G_BEGIN_DECLS

/* False, and says so. */
bool akma_mbim_garbled(const char *what, GError **error);

/* @len bytes at @offset; NULL: they are not there. */
const uint8_t *akma_mbim_peek(const AkmaMbimAnswer *answer, uint64_t offset, uint64_t len);
bool akma_mbim_peek_u32(const AkmaMbimAnswer *answer, uint64_t offset, uint32_t *ret);

/* What the numbers at @offset_at and @len_at point to. NULL: it is not there. */
const uint8_t *akma_mbim_peek_part(const AkmaMbimAnswer *answer,
                                   uint64_t offset_at,
                                   uint64_t len_at,
                                   uint32_t *ret_len);

G_END_DECLS
