/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem: the adaptor of org.akmad1.Modem: properties and Probe. Private to dbus/. */
#pragma once

#include "dbus/adaptor.h"

G_BEGIN_DECLS

typedef struct _AkmaModemAdaptor AkmaModemAdaptor;

/* /org/akmad1/modem/@number, shown and announced at once. */
AkmaModemAdaptor *akma_modem_adaptor_new(const AkmaAdaptorContext *context,
                                         unsigned number,
                                         const AkmaModemStatus *status);
void akma_modem_adaptor_free(AkmaModemAdaptor *self); /* NULL is fine */
void akma_modem_adaptor_update(AkmaModemAdaptor *self, const AkmaModemStatus *status);

G_END_DECLS
