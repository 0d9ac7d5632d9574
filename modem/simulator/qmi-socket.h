/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * qmi-socket: the QMI face on an abstract Unix socket, as qmi-proxy has one: any number of
 * clients at once, each with client ids of its own. It goes and comes back with the plug.
 */
#pragma once

#include "modem/simulator/dialect.h"
#include "modem/simulator/modem.h"

G_BEGIN_DECLS

typedef struct _AkmaSoftQmiSocket AkmaSoftQmiSocket;

/*
 * Listens at the abstract @name; only root and the user of this process are served. @modem and
 * @dialect must outlive it, and @modem is not to say anything once it is freed.
 * Errors: AKMA_ERROR_INVALID_ARGUMENT (no such name can be, or it is taken), AKMA_ERROR_INTERNAL.
 */
AkmaSoftQmiSocket *akma_soft_qmi_socket_new(AkmaSoftModem *modem,
                                            const AkmaSoftDialect *dialect,
                                            const char *name,
                                            GError **error);
void akma_soft_qmi_socket_free(AkmaSoftQmiSocket *self); /* NULL is fine */

unsigned akma_soft_qmi_socket_count_clients(const AkmaSoftQmiSocket *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftQmiSocket, akma_soft_qmi_socket_free)

G_END_DECLS
