/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * qmi-message: QMI messages in QMUX frames taken apart and put together.
 *
 * A frame: 01, length, 00 (or 80 from the modem), service, client id; then a message: flags,
 * transaction, message id, length; then TLVs of one byte of type and two of length. Numbers
 * are little endian. The service CTL (00) counts transactions in one byte, the others in two.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_SOFT_QMI_FRAME_MAX 8192

enum {
    QMI_CTL = 0x00,
    QMI_DMS = 0x02,
    QMI_NAS = 0x03,
    QMI_UIM = 0x0b,
};

#define QMI_CLIENT_ALL 0xff /* of an indication: every client of the service */

/* The error codes of the result TLV that this modem gives. */
enum {
    QMI_OK = 0,
    QMI_MALFORMED_MESSAGE = 1,
    QMI_INTERNAL = 3,
    QMI_CLIENT_IDS_EXHAUSTED = 5,
    QMI_INVALID_CLIENT_ID = 7,
    QMI_INVALID_PIN_ID = 11,
    QMI_INCORRECT_PIN = 12,
    QMI_NOT_PROVISIONED = 16,
    QMI_MISSING_ARGUMENT = 17,
    QMI_ARGUMENT_TOO_LONG = 19,
    QMI_NO_EFFECT = 26,
    QMI_INVALID_SERVICE_TYPE = 31,
    QMI_PIN_BLOCKED = 35,
    QMI_PIN_ALWAYS_BLOCKED = 36,
    QMI_UIM_UNINITIALIZED = 37,
    QMI_INVALID_ARGUMENT = 48,
    QMI_DEVICE_NOT_READY = 52,
    QMI_INSUFFICIENT_RESOURCES = 68,
    QMI_INVALID_QMI_COMMAND = 71,
    QMI_SIM_FILE_NOT_FOUND = 80,
    QMI_ACCESS_DENIED = 82,
    QMI_NOT_SUPPORTED = 94,
    QMI_INVALID_SESSION_TYPE = 100,
};

typedef struct {
    uint8_t service;
    uint8_t client;
    uint16_t transaction;
    uint16_t id;
    const uint8_t *tlvs; /* borrowed from the frame */
    size_t tlvs_len;
    bool malformed; /* the TLVs do not fill the message */
} QmiRequest;

/*
 * What stands at the start of @len bytes: 0 = more bytes are needed to tell; else their number,
 * and with *@ret_frame true they are one frame, with false nothing of QMUX.
 */
size_t akma_soft_qmi_measure(const uint8_t *bytes, size_t len, bool *ret_frame);

/* Of one frame. False: it is no request of a client. */
bool akma_soft_qmi_request_parse(const uint8_t *frame, size_t len, QmiRequest *ret);

/* Takes numbers and bytes from the start of a TLV; after the first that is missing all are 0. */
typedef struct {
    const uint8_t *bytes;
    size_t left;
    bool failed;
} QmiReader;

/* False: there is no TLV of that type. */
bool akma_soft_qmi_find(const QmiRequest *request, uint8_t type, QmiReader *ret);
uint8_t akma_soft_qmi_get_u8(QmiReader *self);
uint16_t akma_soft_qmi_get_u16(QmiReader *self);
uint32_t akma_soft_qmi_get_u32(QmiReader *self);
const uint8_t *akma_soft_qmi_get_bytes(QmiReader *self, size_t len); /* NULL: missing */
/* Nothing was missing and nothing is left. */
bool akma_soft_qmi_is_done(const QmiReader *self);

typedef struct {
    uint8_t bytes[AKMA_SOFT_QMI_FRAME_MAX];
    size_t len;
    size_t tlv; /* where the last TLV begins; 0 = none */
    bool full;  /* something did not fit */
} QmiWriter;

/* An answer to @request; TLVs follow. The result comes with akma_soft_qmi_answer_end(). */
void akma_soft_qmi_answer_begin(QmiWriter *self, const QmiRequest *request);
/* @error not 0: the answer says failure. If the TLVs did not fit it says QMI_INTERNAL alone. */
void akma_soft_qmi_answer_end(QmiWriter *self, uint16_t error);

void akma_soft_qmi_indication_begin(QmiWriter *self, uint8_t service, uint8_t client, uint16_t id);
void akma_soft_qmi_indication_end(QmiWriter *self);

/* Begins a TLV, which takes what is put until the next one. */
void akma_soft_qmi_put_tlv(QmiWriter *self, uint8_t type);
void akma_soft_qmi_put_u8(QmiWriter *self, uint8_t value);
void akma_soft_qmi_put_u16(QmiWriter *self, uint16_t value);
void akma_soft_qmi_put_u32(QmiWriter *self, uint32_t value);
void akma_soft_qmi_put_bytes(QmiWriter *self, const void *bytes, size_t len);
/* The last TLV begins with the number (u16) of its other bytes: writes it anew. */
void akma_soft_qmi_set_count(QmiWriter *self);

/* Bytes that were never sent, behind headers and result, so that the frame arrives. */
void akma_soft_qmi_garble(uint8_t *frame, size_t len);
/* An answer that ends in the middle of its TLVs, whose lengths say more; returns its length. */
size_t akma_soft_qmi_truncate(uint8_t *frame, size_t len);

G_END_DECLS
