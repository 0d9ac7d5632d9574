/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * uim: the requests of the service UIM that reach the card, and what their answers bring. Pure.
 *
 * A slot is a logical one (1..5). A request may hold a PIN or an APDU: the caller clears it.
 */
#pragma once

#include "modem/qmi/card-status.h"
#include "modem/qmi/result.h"

G_BEGIN_DECLS

#define AKMA_QMI_SLOT_MAX 5

enum {
    AKMA_QMI_UIM_READ_TRANSPARENT = 0x0020,
    AKMA_QMI_UIM_VERIFY_PIN = 0x0026,
    AKMA_QMI_UIM_REGISTER_EVENTS = 0x002e,
    AKMA_QMI_UIM_CARD_STATUS = 0x002f,
    AKMA_QMI_UIM_CARD_STATUS_CHANGED = 0x0032, /* indication */
    AKMA_QMI_UIM_SEND_APDU = 0x003b,
    AKMA_QMI_UIM_LOGICAL_CHANNEL = 0x003f,
    AKMA_QMI_UIM_OPEN_CHANNEL = 0x0042,
    AKMA_QMI_UIM_SLOT_STATUS = 0x0047,
    AKMA_QMI_UIM_SLOT_STATUS_CHANGED = 0x0048, /* indication */
};

/* Of card status and slot status, in answers and indications. */
#define AKMA_QMI_UIM_TLV_STATUS 0x10

void akma_qmi_build_register_events(AkmaQmiRequest *ret); /* card status, slot status */

/*
 * Without @aid: a channel with nothing but the root of the card. @id: AKMA_QMI_UIM_OPEN_CHANNEL, or
 * AKMA_QMI_UIM_LOGICAL_CHANNEL, which older modems know alone.
 */
void akma_qmi_build_open_channel(
    AkmaQmiRequest *ret, uint16_t id, uint8_t slot, const uint8_t *aid, size_t aid_len);
void akma_qmi_build_close_channel(AkmaQmiRequest *ret, uint8_t slot, uint8_t channel);

/* Puts the channel into the class byte, too. */
void akma_qmi_build_send_apdu(AkmaQmiRequest *ret,
                              uint8_t slot,
                              uint8_t channel,
                              const AkmaCommand *command);

/* @app: whose file it is; not used for a file of the card itself. @len 0: all. */
void akma_qmi_build_read(
    AkmaQmiRequest *ret, uint8_t slot, const AkmaQmiApp *app, const AkmaFile *file, size_t len);

void akma_qmi_build_verify_pin(
    AkmaQmiRequest *ret, uint8_t slot, const AkmaQmiApp *app, const uint8_t *pin, size_t pin_len);

/* The channel of a successful answer; false: none, or the basic one. */
bool akma_qmi_parse_channel(const AkmaQmiAnswer *answer, uint8_t *ret);

/* Why no channel was opened. */
void akma_qmi_set_open_error(const AkmaQmiAnswer *answer, GError **error);

/* The answer of the card. Errors: AKMA_ERROR_MODEM_FAILED and those of the result. */
AkmaResponse *akma_qmi_parse_apdu(const AkmaQmiAnswer *answer, GError **error);

/* The file, or the card's status word. Errors: also G_IO_ERROR_NOT_SUPPORTED: send APDUs. */
AkmaResponse *akma_qmi_parse_read(const AkmaQmiAnswer *answer, GError **error);

G_END_DECLS
