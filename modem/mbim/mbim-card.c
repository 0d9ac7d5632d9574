/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/mbim/mbim-card.h"

#include "modem/mbim/mbim-private.h"

static void card_iface_init(AkmaCardInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(AkmaMbimCard,
                              akma_mbim_card,
                              G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(AKMA_TYPE_CARD, card_iface_init))

const AkmaTransport akma_transport_mbim = {
    "mbim",
    "mbim-proxy",
    akma_mbim_card_open_async,
    akma_mbim_card_open_finish,
};

void
akma_mbim_card_forget_card(AkmaMbimCard *self)
{
    self->knows_applications = false;
    self->n_refused = 0;
}

void
akma_mbim_card_become_gone(AkmaMbimCard *self)
{
    if (self->is_gone || self->is_closed)
        return;

    self->is_gone = true;
    self->session.channel = 0;
    akma_mbim_stop_request(self);
    akma_card_emit_gone(AKMA_CARD(self));
}

static const char *
get_manufacturer(AkmaCard *card G_GNUC_UNUSED)
{
    return ""; /* MBIM has no such field */
}

static const char *
get_model(AkmaCard *card)
{
    return AKMA_MBIM_CARD(card)->model;
}

static void
device_closed(GObject *device, GAsyncResult *res, gpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    if (!mbim_device_close_finish(MBIM_DEVICE(device), res, &error))
        g_debug("closing the modem: %s, ignoring", error->message);
    mbim_device_close_force(MBIM_DEVICE(device), NULL);
}

static void
channel_closed(GObject *device, GAsyncResult *res, gpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    akma_mbim_message_free(mbim_device_command_finish(MBIM_DEVICE(device), res, &error));
    mbim_device_close(MBIM_DEVICE(device), 1, NULL, device_closed, NULL);
}

/* The channel first: the device lives until the modem has answered that, or has not. */
static void
let_go(AkmaMbimCard *self)
{
    g_autoptr(MbimDevice) device = g_steal_pointer(&self->device);
    MbimMessage *message;

    if (!device)
        return;
    if (self->session.channel == 0 && !self->may_leak && !self->is_opening) {
        mbim_device_close(device, 1, NULL, device_closed, NULL);
        return;
    }

    message = akma_mbim_close_request_new(self->session.channel);
    mbim_device_command(device, message, 1, NULL, channel_closed, NULL);
    akma_mbim_message_free(message);
    self->session.channel = 0;
}

static void
close_card(AkmaCard *card)
{
    g_autoptr(AkmaMbimCard) self = g_object_ref(AKMA_MBIM_CARD(card));

    if (self->is_closed)
        return;

    self->is_closed = true;
    akma_mbim_stop_request(self);
    if (self->device)
        g_signal_handlers_disconnect_by_data(self->device, self);
    let_go(self);
}

static void
card_iface_init(AkmaCardInterface *iface)
{
    iface->protocol = "mbim";
    iface->open_channel_async = akma_mbim_card_open_channel;
    iface->transmit_async = akma_mbim_card_transmit;
    iface->close_channel_async = akma_mbim_card_close_channel;
    iface->query_async = akma_mbim_card_query;
    iface->verify_pin_async = akma_mbim_card_verify_pin;
    iface->read_async = akma_mbim_card_read;
    iface->authenticate_async = akma_mbim_card_authenticate;
    iface->channel_ends_with_card = akma_mbim_card_channel_ends_with_card;
    iface->get_manufacturer = get_manufacturer;
    iface->get_model = get_model;
    iface->close = close_card;
}

static void
akma_mbim_card_finalize(GObject *object)
{
    AkmaMbimCard *self = AKMA_MBIM_CARD(object);

    self->is_closed = true; /* no request runs: each holds a reference */
    let_go(self);
    akma_mbim_habits_unref(self->habits);
    g_free(self->model);
    g_free(self->firmware);

    G_OBJECT_CLASS(akma_mbim_card_parent_class)->finalize(object);
}

static void
akma_mbim_card_class_init(AkmaMbimCardClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = akma_mbim_card_finalize;
}

static void
akma_mbim_card_init(AkmaMbimCard *self)
{
    g_queue_init(&self->requests);
    self->model = g_strdup("");
    self->firmware = g_strdup("");
}
