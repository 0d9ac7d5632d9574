/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem-private: what modem-open.c needs of modem.c. */
#pragma once

#include "modem/modem-card.h"

G_BEGIN_DECLS

AkmaModem *akma_modem_new(const AkmaModemConfig *config);

/* The card behind it, once; takes a reference. */
void akma_modem_attach(AkmaModem *self, AkmaCard *card);

G_END_DECLS
