/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* apdu: a command to the soft card taken apart, and its answer. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_SOFT_RESPONSE_MAX 256

/* Instructions of TS 102 221 table 10.5 that the card knows. */
enum {
    AKMA_SOFT_INS_VERIFY = 0x20,
    AKMA_SOFT_INS_CHANGE_PIN = 0x24,
    AKMA_SOFT_INS_DISABLE_PIN = 0x26,
    AKMA_SOFT_INS_ENABLE_PIN = 0x28,
    AKMA_SOFT_INS_UNBLOCK_PIN = 0x2c,
    AKMA_SOFT_INS_MANAGE_CHANNEL = 0x70,
    AKMA_SOFT_INS_AUTHENTICATE = 0x88,
    AKMA_SOFT_INS_SELECT = 0xa4,
    AKMA_SOFT_INS_READ_BINARY = 0xb0,
    AKMA_SOFT_INS_READ_RECORD = 0xb2,
    AKMA_SOFT_INS_GET_RESPONSE = 0xc0,
    AKMA_SOFT_INS_UPDATE_BINARY = 0xd6,
    AKMA_SOFT_INS_UPDATE_RECORD = 0xdc,
    AKMA_SOFT_INS_STATUS = 0xf2,
};

/* Status words of TS 102 221 10.2 that the card gives. */
enum {
    AKMA_SOFT_SW_OK = 0x9000,
    AKMA_SOFT_SW_MORE = 0x6100,     /* | length that waits */
    AKMA_SOFT_SW_TRIES = 0x63c0,    /* | tries left */
    AKMA_SOFT_SW_WRONG_LE = 0x6c00, /* | right length */
    AKMA_SOFT_SW_WRONG_LENGTH = 0x6700,
    AKMA_SOFT_SW_NO_CHANNEL = 0x6881, /* logical channel not supported or not open */
    AKMA_SOFT_SW_STRUCTURE = 0x6981,  /* command does not fit the file */
    AKMA_SOFT_SW_SECURITY = 0x6982,
    AKMA_SOFT_SW_BLOCKED = 0x6983,
    AKMA_SOFT_SW_INVALIDATED = 0x6984,
    AKMA_SOFT_SW_CONDITIONS = 0x6985,
    AKMA_SOFT_SW_NO_FILE_SELECTED = 0x6986,
    AKMA_SOFT_SW_WRONG_DATA = 0x6a80,
    AKMA_SOFT_SW_NOT_SUPPORTED = 0x6a81,
    AKMA_SOFT_SW_NO_FILE = 0x6a82,
    AKMA_SOFT_SW_NO_RECORD = 0x6a83,
    AKMA_SOFT_SW_NO_ROOM = 0x6a84,
    AKMA_SOFT_SW_WRONG_P1P2 = 0x6a86,
    AKMA_SOFT_SW_NO_REFERENCE = 0x6a88,
    AKMA_SOFT_SW_OFFSET = 0x6b00,
    AKMA_SOFT_SW_INS = 0x6d00,
    AKMA_SOFT_SW_CLA = 0x6e00,
    AKMA_SOFT_SW_FAILED = 0x6f00, /* libcrypto failed */
    AKMA_SOFT_SW_MAC = 0x9862,
};

typedef struct {
    bool proprietary; /* class 8X or CX: STATUS */
    unsigned channel; /* from the class byte */
    uint8_t ins;
    uint8_t p1;
    uint8_t p2;
    const uint8_t *data; /* borrowed from the command */
    size_t data_len;
    bool has_le;
    unsigned le; /* 1..256; 256 if there was none */
} AkmaSoftApdu;

typedef struct {
    uint8_t data[AKMA_SOFT_RESPONSE_MAX];
    size_t len;
    uint16_t sw;
} AkmaSoftResponse;

void akma_soft_response_clear(AkmaSoftResponse *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaSoftResponse, akma_soft_response_clear)

/*
 * Short length fields only. Returns AKMA_SOFT_SW_OK, or the status word that the card answers
 * with to something that is no command (_WRONG_LENGTH, _CLA).
 */
uint16_t akma_soft_apdu_parse(const uint8_t *bytes, size_t len, AkmaSoftApdu *ret);

G_END_DECLS
