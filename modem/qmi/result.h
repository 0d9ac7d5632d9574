/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* result: how an answer of a QMI service says that it went, and what that means here. Pure. */
#pragma once

#include "modem/apdu.h"
#include "modem/qmi/tlv.h"

G_BEGIN_DECLS

/*
 * True: success. False: the modem refused "@what"; AKMA_ERROR_NO_SIM, AKMA_ERROR_PIN_REQUIRED,
 * AKMA_ERROR_SIM_BLOCKED, AKMA_ERROR_ANCHOR_UNSUPPORTED (not on this card), else
 * AKMA_ERROR_MODEM_FAILED: also for an answer without a result.
 */
bool akma_qmi_answer_check(const AkmaQmiAnswer *self, const char *what, GError **error);

/* The modem or the card is not ready yet: ask again soon. */
bool akma_qmi_answer_is_busy(const AkmaQmiAnswer *self);

/* The modem refused because it has no such request at all. */
bool akma_qmi_answer_is_unknown(const AkmaQmiAnswer *self);

/* The same, or it does not do it with these arguments. */
bool akma_qmi_answer_is_unsupported(const AkmaQmiAnswer *self);

/* SW1 SW2 of the TLV @type; false: not there, or no status word. */
bool akma_qmi_answer_get_sw(const AkmaQmiAnswer *self, uint8_t type, uint16_t *ret);

G_END_DECLS
