/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* general: what the services NAS and DMS tell of the network and of the modem. Pure. */
#pragma once

#include "modem/qmi/result.h"
#include "modem/state.h"

G_BEGIN_DECLS

enum {
    AKMA_QMI_NAS_REGISTER_INDICATIONS = 0x0003,
    AKMA_QMI_NAS_SERVING_SYSTEM = 0x0024, /* as an indication, too */
    AKMA_QMI_DMS_MANUFACTURER = 0x0021,
    AKMA_QMI_DMS_MODEL = 0x0022,
};

void akma_qmi_build_register_network(AkmaQmiRequest *ret);

/* AKMA_REGISTRATION_UNKNOWN where the answer does not say. */
AkmaRegistration akma_qmi_parse_registration(const AkmaQmiAnswer *answer);

/* Manufacturer or model; "" where there is none that can be printed. Owned. */
char *akma_qmi_parse_name(const AkmaQmiAnswer *answer);

G_END_DECLS
