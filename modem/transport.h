/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* transport: the ways to a card that there are. Each folder below modem/ defines one. */
#pragma once

#include "modem/card.h"

G_BEGIN_DECLS

typedef struct {
    const char *device;  /* path of the port */
    unsigned slot;       /* 1.. */
    AkmaProxy proxy;     /* likewise; ports that cannot be shared have none */
    unsigned timeout_ms; /* of one answer of the modem */
    bool is_guess;       /* the port may be none of a modem: give up after a second of silence */
} AkmaPortConfig;

typedef struct {
    const char *protocol; /* "at", "mbim" or "qmi" */
    const char *proxy;    /* program that shares its ports, by its abstract socket; NULL: none */

    /*
     * Opens the port and makes it ready. @config is copied.
     * Errors: AKMA_ERROR_NO_MODEM (no such device), AKMA_ERROR_MODEM_FAILED,
     * AKMA_ERROR_CONFIG_INVALID (the transport cannot reach that slot), CANCELLED.
     */
    void (*open_async)(const AkmaPortConfig *config,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data);
    AkmaCard *(*open_finish)(GAsyncResult *res, GError **error); /* (transfer full) */
} AkmaTransport;

/* One row each in modem/transports.c. */
extern const AkmaTransport akma_transport_at;
extern const AkmaTransport akma_transport_mbim;
extern const AkmaTransport akma_transport_qmi;

/* NULL: none of that name. Borrowed for ever. */
const AkmaTransport *akma_transport_find(const char *protocol);

G_END_DECLS
