/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* port-private: what port-open.c makes for port.c. */
#pragma once

#include <libqmi-glib.h>

#include "modem/qmi/port.h"

G_BEGIN_DECLS

/* Of the clients, in the order in which they are made. */
enum { AKMA_QMI_CLIENT_UIM, AKMA_QMI_CLIENT_NAS, AKMA_QMI_CLIENT_DMS, AKMA_QMI_CLIENTS };

extern const AkmaQmiService akma_qmi_client_services[AKMA_QMI_CLIENTS];

/* Takes @device, which is open. */
AkmaQmiPort *akma_qmi_port_new(QmiDevice *device, unsigned timeout_ms);
void akma_qmi_port_add_client(AkmaQmiPort *self, unsigned index, QmiClient *client); /* takes */

G_END_DECLS
