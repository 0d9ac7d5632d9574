/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * tlv: requests and answers of QMI services as bytes: a type of one byte, a length of two, a
 * value; numbers are little endian. Pure. What comes in is borrowed, and checked as a whole before
 * anything of it is read.
 */
#pragma once

#include "base/bytes.h"

G_BEGIN_DECLS

/* As they are numbered on the wire. */
typedef enum {
    AKMA_QMI_DMS = 0x02,
    AKMA_QMI_NAS = 0x03,
    AKMA_QMI_UIM = 0x0b,
} AkmaQmiService;

/* An APDU of the greatest length, and what goes with it. */
#define AKMA_QMI_REQUEST_MAX 300

/* It may hold a PIN or an APDU: wiped by akma_qmi_request_clear(). */
typedef struct {
    AkmaQmiService service;
    uint16_t id;
    uint8_t bytes[AKMA_QMI_REQUEST_MAX]; /* TLVs */
    size_t len;
    size_t tlv; /* where the last one begins */
} AkmaQmiRequest;

void akma_qmi_request_init(AkmaQmiRequest *ret, AkmaQmiService service, uint16_t id);
void akma_qmi_request_clear(AkmaQmiRequest *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaQmiRequest, akma_qmi_request_clear)

/* Begins a TLV; what is put next belongs to it. More than fits is a programmer error. */
void akma_qmi_put_type(AkmaQmiRequest *self, uint8_t type);
void akma_qmi_put_u8(AkmaQmiRequest *self, uint8_t value);
void akma_qmi_put_u16(AkmaQmiRequest *self, uint16_t value);
void akma_qmi_put_u32(AkmaQmiRequest *self, uint32_t value);
void akma_qmi_put_bytes(AkmaQmiRequest *self, const void *bytes, size_t len);

/* An answer or an indication. */
typedef struct {
    uint16_t id;
    AkmaReader tlvs;
} AkmaQmiAnswer;

/*
 * A message of a service without its frame: flags, transaction, id, length, TLVs. False: lengths
 * that do not meet, a type that is there twice, or neither an answer nor an indication.
 */
bool akma_qmi_answer_init(AkmaQmiAnswer *ret, const uint8_t *bytes, size_t len);

/* The value of @type; false: not there. */
bool akma_qmi_answer_find(const AkmaQmiAnswer *self, uint8_t type, AkmaReader *ret_value);

/* Little endian; 0 once the reader is bad. */
uint16_t akma_qmi_get_u16(AkmaReader *reader);
uint32_t akma_qmi_get_u32(AkmaReader *reader);

/* Bytes behind their count, of one byte or of two. Borrowed; NULL once bad. */
const uint8_t *akma_qmi_get_block8(AkmaReader *reader, size_t *ret_len);
const uint8_t *akma_qmi_get_block16(AkmaReader *reader, size_t *ret_len);

G_END_DECLS
