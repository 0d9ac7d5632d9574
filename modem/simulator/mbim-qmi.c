/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-qmi: the QMI service that some MBIM modems have: a QMUX frame each way in a buffer. */
#include <string.h>

#include "modem/simulator/mbim-private.h"

#define MSG 1

static void
on_indication(const uint8_t *frame, size_t len, void *user_data)
{
    AkmaSoftMbim *self = user_data;

    if (self->open && akma_soft_mbim_is_wanted(self, &akma_soft_mbim_qmi, MSG))
        akma_soft_mbim_indicate(self, akma_soft_mbim_qmi.uuid, MSG, frame, len);
}

bool
akma_soft_mbim_qmi_init(AkmaSoftMbim *self)
{
    self->qmi = akma_soft_qmi_new(self->modem, self->dialect);
    self->qmi_user = (AkmaSoftQmiUser){on_indication, self, false};

    return self->qmi != NULL;
}

/* A fault that damages an answer hits the QMI in it; the others are those of any command. */
static uint32_t
message(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    AkmaSoftFault fault = {.kind = AKMA_SOFT_FAULT_NONE};
    const uint8_t *answer = NULL;
    bool frame = false;
    size_t len = 0;

    if (akma_soft_qmi_measure(in->bytes, in->len, &frame) == in->len && frame)
        len = akma_soft_qmi_run(self->qmi, &self->qmi_user, in->bytes, in->len, &answer, &fault);
    if (len == 0)
        return MBIM_STATUS_INVALID_PARAMETERS;

    out->raw = true;
    akma_soft_mbim_writer_begin(out, len);
    akma_soft_mbim_writer_put(out, answer, len);
    if (fault.kind == AKMA_SOFT_FAULT_GARBLE)
        akma_soft_qmi_garble(out->bytes, out->len);
    else if (fault.kind == AKMA_SOFT_FAULT_TRUNCATE)
        out->len = akma_soft_qmi_truncate(out->bytes, out->len);
    else if (fault.kind == AKMA_SOFT_FAULT_DROP || fault.kind == AKMA_SOFT_FAULT_CLOSE)
        self->fault = fault;

    return MBIM_STATUS_SUCCESS;
}

static bool
has(const AkmaSoftDialect *dialect, uint32_t cid)
{
    (void)cid;

    return dialect->mbim_qmi;
}

static const AkmaSoftMbimCid cids[] = {{MSG, AKMA_SOFT_MBIM_NO_CARD, NULL, message}};

const AkmaSoftMbimService akma_soft_mbim_qmi = {
    {0xd1,
     0xa3,
     0x0b,
     0xc2,
     0xf9,
     0x7a,
     0x6e,
     0x43,
     0xbf,
     0x65,
     0xc7,
     0xe2,
     0x4f,
     0xb0,
     0xf0,
     0xd3},
    cids,
    G_N_ELEMENTS(cids),
    has,
};
