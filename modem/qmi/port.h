/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * port: an open QMI device: requests out, answers and indications in. The only file beside
 * port-open.c that knows libqmi.
 *
 * Each request ends within the deadline. An answer that comes later is handed to @late and wiped:
 * whoever asked was told of a failure long ago.
 */
#pragma once

#include <gio/gio.h>

#include "modem/qmi/tlv.h"
#include "modem/transport.h"

G_BEGIN_DECLS

#define AKMA_TYPE_QMI_PORT (akma_qmi_port_get_type())
G_DECLARE_FINAL_TYPE(AkmaQmiPort, akma_qmi_port, AKMA, QMI_PORT, GObject)

/* An answer is borrowed, and wiped after the call. */
typedef struct {
    void (*indicate)(AkmaQmiService service, const AkmaQmiAnswer *indication, gpointer user_data);
    void (*late)(AkmaQmiService service, const AkmaQmiAnswer *answer, gpointer user_data);
    void (*gone)(gpointer user_data); /* once; not after akma_qmi_port_close() */
} AkmaQmiPortEvents;

/* @answer is NULL if @error is set: AKMA_ERROR_MODEM_FAILED, AKMA_ERROR_NO_MODEM. */
typedef void (*AkmaQmiDone)(const AkmaQmiAnswer *answer, const GError *error, gpointer user_data);

/*
 * Opens the device in QMI mode, or over MBIM: as the driver of the port wants it; where that is
 * not known, QMI first. UIM must be there; NAS and DMS need not.
 * Errors: AKMA_ERROR_NO_MODEM, AKMA_ERROR_MODEM_FAILED, CANCELLED.
 */
void akma_qmi_port_open_async(const AkmaPortConfig *config,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
AkmaQmiPort *akma_qmi_port_open_finish(GAsyncResult *res, GError **error); /* (transfer full) */

/* Who is told; @events is borrowed for ever. NULL: nobody any more. */
void akma_qmi_port_listen(AkmaQmiPort *self, const AkmaQmiPortEvents *events, gpointer user_data);

/* The modem has this service. */
bool akma_qmi_port_has(AkmaQmiPort *self, AkmaQmiService service);

/* Calls @done once, never from within; an answer is one to this request. */
void akma_qmi_port_send(AkmaQmiPort *self,
                        const AkmaQmiRequest *request,
                        AkmaQmiDone done,
                        gpointer user_data);

/* Gives clients back and lets go of the device. What runs ends with an error, soon. */
void akma_qmi_port_close(AkmaQmiPort *self);

G_END_DECLS
