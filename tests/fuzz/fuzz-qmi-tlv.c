/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A message of a QMI service, read as every answer and indication that we know. */
#include "modem/qmi/general.h"
#include "modem/qmi/uim.h"
#include "tests/fuzz/fuzz.h"

static void
read_card(const AkmaQmiAnswer *answer)
{
    AkmaQmiCardStatus status;
    AkmaReader value;
    uint8_t logical;
    int tries;

    if (!akma_qmi_answer_find(answer, AKMA_QMI_UIM_TLV_STATUS, &value))
        return;
    for (unsigned slot = 1; slot <= AKMA_QMI_SLOT_MAX; slot++) {
        akma_qmi_parse_slot_status(value, slot, &logical);
        if (akma_qmi_parse_card_status(value, slot, &status)) {
            akma_qmi_card_status_get_sim(&status, &tries);
            g_assert(akma_qmi_card_status_equal(&status, &status));
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AkmaQmiAnswer answer;
    uint8_t channel;

    fuzz_secret(NULL, 0); /* the heap for answers of the card */
    if (!akma_qmi_answer_init(&answer, data, size))
        return 0;

    read_card(&answer);
    akma_response_free(akma_qmi_parse_read(&answer, NULL));
    akma_response_free(akma_qmi_parse_apdu(&answer, NULL));
    akma_qmi_parse_registration(&answer);
    g_free(akma_qmi_parse_name(&answer));
    if (akma_qmi_parse_channel(&answer, &channel))
        g_assert(channel >= 1 && channel <= 19);

    return 0;
}
