/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/qmi/result.h"

#include "base/error.h"

#define TLV_RESULT 0x02

/* Errors of the protocol, as the modem numbers them. */
enum {
    OK = 0,
    INCORRECT_PIN = 12,
    DEVICE_UNSUPPORTED = 25,
    PIN_BLOCKED = 35,
    PIN_ALWAYS_BLOCKED = 36,
    UIM_UNINITIALIZED = 37,
    INVALID_ARGUMENT = 48,
    DEVICE_NOT_READY = 52,
    INSUFFICIENT_RESOURCES = 68,
    INVALID_QMI_COMMAND = 71,
    SIM_FILE_NOT_FOUND = 80,
    ACCESS_DENIED = 82,
    NOT_SUPPORTED = 94,
    INVALID_SESSION_TYPE = 100,
    NO_SIM = 102,
    PIN_RESTRICTION = 104,
    PUK_RESTRICTION = 106,
};

static bool
get_result(const AkmaQmiAnswer *self, unsigned *ret_error)
{
    AkmaReader value;
    uint16_t failed;
    uint16_t code;

    if (!akma_qmi_answer_find(self, TLV_RESULT, &value))
        return false;
    failed = akma_qmi_get_u16(&value);
    code = akma_qmi_get_u16(&value);
    if (!akma_reader_is_done(&value) || failed > 1 || (failed == 0) != (code == OK))
        return false;

    *ret_error = code;

    return true;
}

bool
akma_qmi_answer_check(const AkmaQmiAnswer *self, const char *what, GError **error)
{
    static const struct {
        unsigned qmi;
        AkmaError code;
        const char *text;
    } rows[] = {
        {INCORRECT_PIN, AKMA_ERROR_PIN_REQUIRED, "it is the wrong PIN"},
        {PIN_BLOCKED, AKMA_ERROR_SIM_BLOCKED, "the PIN of the card is blocked"},
        {PIN_ALWAYS_BLOCKED, AKMA_ERROR_SIM_BLOCKED, "the PIN of the card is blocked for ever"},
        {UIM_UNINITIALIZED, AKMA_ERROR_MODEM_FAILED, "the card is not ready yet"},
        {DEVICE_NOT_READY, AKMA_ERROR_MODEM_FAILED, "the modem is not ready yet"},
        {INSUFFICIENT_RESOURCES, AKMA_ERROR_MODEM_FAILED, "no channel left"},
        {SIM_FILE_NOT_FOUND, AKMA_ERROR_ANCHOR_UNSUPPORTED, "it is not on this card"},
        {NO_SIM, AKMA_ERROR_NO_SIM, "no card in the modem"},
        {PIN_RESTRICTION, AKMA_ERROR_PIN_REQUIRED, "the card waits for its PIN"},
        {PUK_RESTRICTION, AKMA_ERROR_SIM_BLOCKED, "the PIN of the card is blocked"},
    };
    unsigned code;

    if (!get_result(self, &code)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_MODEM_FAILED,
                    "%s: the modem's answer has no result",
                    what);
        return false;
    }
    if (code == OK)
        return true;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].qmi == code) {
            g_set_error(error, AKMA_ERROR, (int)rows[i].code, "%s: %s", what, rows[i].text);
            return false;
        }
    }
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_MODEM_FAILED,
                "%s: the modem refuses (QMI error %u)",
                what,
                code);

    return false;
}

bool
akma_qmi_answer_is_busy(const AkmaQmiAnswer *self)
{
    unsigned code;

    return get_result(self, &code) && (code == DEVICE_NOT_READY || code == UIM_UNINITIALIZED);
}

bool
akma_qmi_answer_is_unknown(const AkmaQmiAnswer *self)
{
    unsigned code;

    return get_result(self, &code) &&
           (code == DEVICE_UNSUPPORTED || code == INVALID_QMI_COMMAND || code == NOT_SUPPORTED);
}

bool
akma_qmi_answer_is_unsupported(const AkmaQmiAnswer *self)
{
    unsigned code;

    return akma_qmi_answer_is_unknown(self) ||
           (get_result(self, &code) &&
            (code == INVALID_ARGUMENT || code == ACCESS_DENIED || code == INVALID_SESSION_TYPE));
}

bool
akma_qmi_answer_get_sw(const AkmaQmiAnswer *self, uint8_t type, uint16_t *ret)
{
    AkmaReader value;
    uint16_t sw;

    if (!akma_qmi_answer_find(self, type, &value))
        return false;
    sw = akma_reader_u16(&value); /* SW1 first */
    if (!akma_reader_is_done(&value) || (sw >> 12 != 6 && sw >> 12 != 9))
        return false;

    *ret = sw;

    return true;
}
