/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-card: the card contract over the QMI services UIM, NAS and DMS. */
#pragma once

#include "modem/qmi/port.h"

G_BEGIN_DECLS

#define AKMA_TYPE_QMI_CARD (akma_qmi_card_get_type())
G_DECLARE_FINAL_TYPE(AkmaQmiCard, akma_qmi_card, AKMA, QMI_CARD, GObject)

G_END_DECLS
