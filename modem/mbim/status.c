/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* status: what the status of an MBIM answer means. */
#include "base/error.h"
#include "modem/mbim/answer.h"

/*= MBIM 1.0 9.4.5: status codes */
GError *
akma_mbim_status_error_new(const char *what, uint32_t status)
{
    static const struct {
        uint32_t status;
        AkmaError code;
        const char *text;
    } rows[] = {
        {1, AKMA_ERROR_MODEM_FAILED, "the modem is busy"},
        {3, AKMA_ERROR_NO_SIM, "no card in the modem"},
        {4, AKMA_ERROR_MODEM_FAILED, "the modem cannot use this card"},
        {5, AKMA_ERROR_PIN_REQUIRED, "the card waits for its PIN"},
        {9, AKMA_ERROR_MODEM_FAILED, "the modem does not support it"},
        {14, AKMA_ERROR_MODEM_FAILED, "the card is not ready yet"},
        {AKMA_MBIM_STATUS_NO_CHANNEL, AKMA_ERROR_MODEM_FAILED, "no channel to the card is left"},
        {AKMA_MBIM_STATUS_INVALID_CHANNEL, AKMA_ERROR_MODEM_FAILED, "the channel is closed"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].status == status)
            return g_error_new(AKMA_ERROR, (int)rows[i].code, "%s: %s", what, rows[i].text);
    }

    return g_error_new(
        AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "%s: the modem refuses (MBIM %u)", what, status);
}

bool
akma_mbim_status_is_refusal(uint32_t status)
{
    switch (status) {
    case AKMA_MBIM_STATUS_FAILURE:
    case 9:  /* no device support */
    case 21: /* invalid parameters */
    case 26: /* parameter too long */
    case 28: /* operation not allowed */
    case 34: /* invalid device service operation */
    case 37: /* AMF not set: only AKA' demands it */
    case AKMA_MBIM_STATUS_SELECT_FAILED:
        return true;
    default:
        return false;
    }
}
