/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/usb-private.h"

#define SERIAL_MAX 4096 /* bytes of a serial line in one transfer */

/* The oldest that waits at @endpoint; -1: none. */
static int
find_waiting(const AkmaSoftUsbDevice *self, uint8_t endpoint)
{
    for (guint i = 0; i < self->waiting->len; i++) {
        if (g_array_index(self->waiting, AkmaSoftUsbWaiting, i).endpoint == endpoint)
            return (int)i;
    }

    return -1;
}

static AkmaSoftUsbWaiting
take_waiting(AkmaSoftUsbDevice *self, int at)
{
    AkmaSoftUsbWaiting waiting = g_array_index(self->waiting, AkmaSoftUsbWaiting, at);

    g_array_remove_index(self->waiting, (guint)at);

    return waiting;
}

/* CDC WDM 1.1 clause 6.5: RESPONSE_AVAILABLE, one for each message. */
static void
notify(AkmaSoftUsbPort *port)
{
    AkmaSoftUsbDevice *self = port->owner;
    const uint8_t notification[] = {0xa1, 0x01, 0, 0, port->facts->interface, 0, 0, 0};
    int at;

    while (port->untold > 0 && (at = find_waiting(self, port->facts->notify)) >= 0) {
        const AkmaSoftUsbWaiting waiting = take_waiting(self, at);

        port->untold--;
        self->wire.ended(waiting.seqnum,
                         0,
                         notification,
                         MIN(sizeof notification, waiting.len),
                         self->user_data);
    }
}

static void
send_serial(AkmaSoftUsbPort *port)
{
    AkmaSoftUsbDevice *self = port->owner;
    uint8_t bytes[SERIAL_MAX];
    int at;

    while (!akma_soft_usb_pipe_is_empty(port->pipe) &&
           (at = find_waiting(self, port->facts->in)) >= 0) {
        const AkmaSoftUsbWaiting waiting = take_waiting(self, at);
        const size_t len =
            akma_soft_usb_pipe_read(port->pipe, bytes, MIN(sizeof bytes, waiting.len), false);

        self->wire.ended(waiting.seqnum, 0, bytes, len, self->user_data);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
}

static void
serve(AkmaSoftUsbPort *port)
{
    if (port->facts->notify)
        notify(port);
    else
        send_serial(port);
}

static void
on_said(void *user_data)
{
    AkmaSoftUsbPort *port = user_data;

    port->untold++;
    serve(port);
}

static void
on_hangup(void *user_data)
{
    const AkmaSoftUsbPort *port = user_data;

    port->owner->wire.hangup(port->owner->user_data);
}

AkmaSoftUsbDevice *
akma_soft_usb_device_new(AkmaSoftModem *modem,
                         const AkmaSoftUsbModel *model,
                         const AkmaSoftDialect *dialect,
                         const AkmaSoftUsbWire *wire,
                         void *user_data)
{
    static const AkmaSoftUsbPipeUser user = {on_said, on_hangup};
    g_autoptr(AkmaSoftUsbDevice) self = g_new0(AkmaSoftUsbDevice, 1);

    self->model = model;
    self->wire = *wire;
    self->user_data = user_data;
    self->waiting = g_array_new(FALSE, FALSE, sizeof(AkmaSoftUsbWaiting));
    for (size_t i = 0; i < model->n_functions; i++) {
        AkmaSoftUsbPort *port = &self->ports[i];

        port->owner = self;
        port->facts = &model->functions[i];
        port->pipe = akma_soft_usb_pipe_new(modem, port->facts->face, dialect, &user, port);
        if (!port->pipe)
            return NULL;
    }
    akma_soft_usb_device_restart(self);

    return g_steal_pointer(&self);
}

void
akma_soft_usb_device_free(AkmaSoftUsbDevice *self)
{
    if (!self)
        return;

    for (size_t i = 0; i < self->model->n_functions; i++)
        akma_soft_usb_pipe_free(self->ports[i].pipe);
    g_array_unref(self->waiting);
    g_free(self);
}

/* The port whose endpoint that is, in that direction; NULL: nobody's, or one that is silent. */
static AkmaSoftUsbPort *
find_port(AkmaSoftUsbDevice *self, uint8_t endpoint, bool in)
{
    for (size_t i = 0; i < self->model->n_functions; i++) {
        const AkmaSoftUsbFunction *facts = self->ports[i].facts;

        if (in ? endpoint == facts->in || endpoint == facts->notify : endpoint == facts->out)
            return &self->ports[i];
    }

    return NULL;
}

/* Nothing comes from an endpoint that is silent: the transfer waits until it is unlinked. */
static void
wait_for_data(AkmaSoftUsbDevice *self, const AkmaSoftUsbTransfer *transfer)
{
    const AkmaSoftUsbWaiting waiting = {transfer->seqnum, transfer->len, transfer->endpoint};
    AkmaSoftUsbPort *port = find_port(self, transfer->endpoint, true);

    if (self->waiting->len >= AKMA_SOFT_USB_WAITING_MAX) {
        self->wire.ended(transfer->seqnum, -EPIPE, NULL, 0, self->user_data);
        return;
    }
    g_array_append_val(self->waiting, waiting);
    if (port) {
        akma_soft_usb_pipe_set_listening(port->pipe, true);
        serve(port);
    }
}

void
akma_soft_usb_device_submit(AkmaSoftUsbDevice *self, const AkmaSoftUsbTransfer *transfer)
{
    AkmaSoftUsbPort *port;

    if (transfer->endpoint == 0) {
        akma_soft_usb_control(self, transfer);
        return;
    }
    if (transfer->in) {
        wait_for_data(self, transfer);
        return;
    }
    port = find_port(self, transfer->endpoint, false);
    self->wire.ended(transfer->seqnum, 0, NULL, transfer->len, self->user_data);
    if (port)
        akma_soft_usb_pipe_write(port->pipe, transfer->data, transfer->len);
}

/*
 * A driver gives up the transfers of a port when the last program closes it. A serial line then
 * hangs up; messages of a WDM function stay for who comes next, as in a real modem.
 */
static void
stop_listening(AkmaSoftUsbPort *port)
{
    akma_soft_usb_pipe_set_listening(port->pipe, false);
    if (!port->facts->notify)
        akma_soft_usb_pipe_forget(port->pipe);
}

bool
akma_soft_usb_device_unlink(AkmaSoftUsbDevice *self, uint32_t seqnum)
{
    for (guint i = 0; i < self->waiting->len; i++) {
        const AkmaSoftUsbWaiting waiting = g_array_index(self->waiting, AkmaSoftUsbWaiting, i);
        AkmaSoftUsbPort *port;

        if (waiting.seqnum != seqnum)
            continue;
        g_array_remove_index(self->waiting, i);
        port = find_port(self, waiting.endpoint, true);
        if (port && find_waiting(self, waiting.endpoint) < 0)
            stop_listening(port);
        return true;
    }

    return false;
}

void
akma_soft_usb_device_tell(AkmaSoftUsbDevice *self, AkmaSoftEvent event, const char *text)
{
    for (size_t i = 0; i < self->model->n_functions; i++)
        akma_soft_usb_pipe_tell(self->ports[i].pipe, event, text);
}

void
akma_soft_usb_device_restart(AkmaSoftUsbDevice *self)
{
    g_array_set_size(self->waiting, 0);
    self->configuration = 0;
    self->ntb_size = AKMA_SOFT_USB_NTB_SIZE;
    memset(self->alternates, 0, sizeof self->alternates);
    for (size_t i = 0; i < self->model->n_functions; i++) {
        self->ports[i].untold = 0;
        akma_soft_usb_pipe_restart(self->ports[i].pipe);
    }
}

unsigned
akma_soft_usb_device_count_clients(const AkmaSoftUsbDevice *self)
{
    unsigned n = 0;

    for (size_t i = 0; i < self->model->n_functions; i++)
        n += akma_soft_usb_pipe_is_listening(self->ports[i].pipe) ? 1 : 0;

    return n;
}
