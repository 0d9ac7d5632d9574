/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/qmi/general.h"

#define TLV_SERVING_SYSTEM 0x01
#define TLV_ROAMING        0x10
#define TLV_SERVING_EVENTS 0x13
#define TLV_NAME           0x01
#define ROAMING_OFF        1
#define NAME_LEN_MAX       64

void
akma_qmi_build_register_network(AkmaQmiRequest *ret)
{
    akma_qmi_request_init(ret, AKMA_QMI_NAS, AKMA_QMI_NAS_REGISTER_INDICATIONS);
    akma_qmi_put_type(ret, TLV_SERVING_EVENTS);
    akma_qmi_put_u8(ret, 1);
}

AkmaRegistration
akma_qmi_parse_registration(const AkmaQmiAnswer *answer)
{
    AkmaReader value;
    AkmaReader roaming;
    uint8_t state;

    if (!akma_qmi_answer_find(answer, TLV_SERVING_SYSTEM, &value))
        return AKMA_REGISTRATION_UNKNOWN;
    state = akma_reader_u8(&value);
    if (value.bad)
        return AKMA_REGISTRATION_UNKNOWN;

    switch (state) {
    case 0:
        return AKMA_REGISTRATION_IDLE;
    case 1:
        if (akma_qmi_answer_find(answer, TLV_ROAMING, &roaming) &&
            akma_reader_u8(&roaming) != ROAMING_OFF)
            return AKMA_REGISTRATION_ROAMING;
        return AKMA_REGISTRATION_HOME;
    case 2:
        return AKMA_REGISTRATION_SEARCHING;
    case 3:
        return AKMA_REGISTRATION_DENIED;
    default:
        return AKMA_REGISTRATION_UNKNOWN;
    }
}

char *
akma_qmi_parse_name(const AkmaQmiAnswer *answer)
{
    AkmaReader value;

    if (!akma_qmi_answer_check(answer, "", NULL) ||
        !akma_qmi_answer_find(answer, TLV_NAME, &value) || value.left > NAME_LEN_MAX)
        return g_strdup("");
    for (size_t i = 0; i < value.left; i++) {
        if (!g_ascii_isprint((char)value.next[i]))
            return g_strdup("");
    }

    return g_strndup((const char *)value.next, value.left);
}
