/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * apdu: one command to the card, one answer from it, and what its status word means
 * (ISO 7816-4, ETSI TS 102 221). Short APDUs only. Pure.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_COMMAND_DATA_MAX  255
#define AKMA_COMMAND_MAX       (5 + AKMA_COMMAND_DATA_MAX + 1)
#define AKMA_RESPONSE_DATA_MAX 256
#define AKMA_RESPONSE_MAX      (AKMA_RESPONSE_DATA_MAX + 2)

#define AKMA_NO_LE (-1) /* the command asks for no data */

#define AKMA_INS_VERIFY         0x20
#define AKMA_INS_MANAGE_CHANNEL 0x70
#define AKMA_INS_AUTHENTICATE   0x88
#define AKMA_INS_SELECT         0xa4
#define AKMA_INS_READ_BINARY    0xb0
#define AKMA_INS_READ_RECORD    0xb2
#define AKMA_INS_GET_RESPONSE   0xc0
#define AKMA_INS_UPDATE_BINARY  0xd6

typedef struct {
    uint8_t bytes[AKMA_COMMAND_MAX];
    size_t len;
} AkmaCommand;

/* Class 00, basic channel. @le: 0..255 (0 = up to 256 bytes) or AKMA_NO_LE. */
void akma_command_init(AkmaCommand *ret,
                       uint8_t ins,
                       uint8_t p1,
                       uint8_t p2,
                       const uint8_t *data,
                       size_t data_len,
                       int le);

/* The same command, asking for @le bytes. */
void akma_command_set_le(AkmaCommand *self, uint8_t le);

/* True if it has an Le. */
bool akma_command_wants_data(const AkmaCommand *self);

/* Puts the logical channel (0..19) into the class byte, which stays of the same kind (b8). */
void akma_command_set_channel(AkmaCommand *self, unsigned channel);

/* An answer. It may hold CK, IK or K_AUSF: it lives in the secure heap and is wiped. */
typedef struct {
    uint8_t bytes[AKMA_RESPONSE_MAX];
    size_t len;  /* of the data, without the status word */
    uint16_t sw; /* SW1 SW2 */
} AkmaResponse;

/* Empty. NULL with AKMA_ERROR_INTERNAL if the secure heap is full. */
AkmaResponse *akma_response_new(GError **error);
void akma_response_free(AkmaResponse *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaResponse, akma_response_free)

/*
 * The first @raw_len bytes of @self->bytes are data and status word, as they came. False
 * (AKMA_ERROR_MODEM_FAILED): no status word in it.
 */
bool akma_response_split(AkmaResponse *self, size_t raw_len, GError **error);

/* Done, with or without a warning: 9000, 91xx, 61xx, 9Fxx, 62xx, 63xx except 63Cx. */
bool akma_sw_is_done(uint16_t sw);

/*
 * Says what @sw means for "@what" ("reading EF_IMSI"):
 * AKMA_ERROR_PIN_REQUIRED (6982), AKMA_ERROR_SIM_BLOCKED (6983), AKMA_ERROR_ANCHOR_UNSUPPORTED
 * (6A82, 6A83: not on this card), AKMA_ERROR_ANCHOR_REJECTED (9862), else AKMA_ERROR_MODEM_FAILED.
 */
void akma_sw_set_error(uint16_t sw, const char *what, GError **error);

G_END_DECLS
