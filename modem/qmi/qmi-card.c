/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/qmi/qmi-card.h"

#include "base/error.h"
#include "modem/qmi/general.h"
#include "modem/qmi/qmi-private.h"
#include "modem/qmi/uim.h"

static void card_iface_init(AkmaCardInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(AkmaQmiCard,
                              akma_qmi_card,
                              G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(AKMA_TYPE_CARD, card_iface_init))

/* News that change nothing of the card are no news: some modems repeat them. */
static void
card_indicated(AkmaQmiCard *self, const AkmaQmiAnswer *indication)
{
    AkmaQmiCardStatus status;
    AkmaReader value;

    if (akma_qmi_answer_find(indication, AKMA_QMI_UIM_TLV_STATUS, &value) &&
        akma_qmi_parse_card_status(value, self->logical_slot, &status)) {
        if (akma_qmi_card_status_equal(&status, &self->status))
            return;
        self->status = status;
    }
    akma_card_emit_card_changed(AKMA_CARD(self));
}

static void
indicate(AkmaQmiService service, const AkmaQmiAnswer *indication, gpointer user_data)
{
    AkmaQmiCard *self = user_data;

    if (service == AKMA_QMI_UIM && indication->id == AKMA_QMI_UIM_CARD_STATUS_CHANGED) {
        card_indicated(self, indication);
    } else if (service == AKMA_QMI_UIM && indication->id == AKMA_QMI_UIM_SLOT_STATUS_CHANGED) {
        self->is_slot_old = true;
        akma_card_emit_card_changed(AKMA_CARD(self));
    } else if (service == AKMA_QMI_NAS && indication->id == AKMA_QMI_NAS_SERVING_SYSTEM) {
        akma_card_emit_registration_changed(AKMA_CARD(self));
    }
}

static void
late(AkmaQmiService service, const AkmaQmiAnswer *answer, gpointer user_data)
{
    AkmaQmiCard *self = user_data;
    uint8_t channel;

    if (service == AKMA_QMI_UIM &&
        (answer->id == AKMA_QMI_UIM_OPEN_CHANNEL || answer->id == AKMA_QMI_UIM_LOGICAL_CHANNEL) &&
        akma_qmi_parse_channel(answer, &channel))
        akma_qmi_card_drop_channel(self, channel);
}

static void
gone(gpointer user_data)
{
    akma_card_emit_gone(AKMA_CARD(user_data));
}

/*
 *   open: PORT --> each of first_requests in turn --> done
 *
 * A modem that refuses one of them, or lacks its service, is used as it is.
 */
static void
build_manufacturer(AkmaQmiRequest *ret)
{
    akma_qmi_request_init(ret, AKMA_QMI_DMS, AKMA_QMI_DMS_MANUFACTURER);
}

static void
build_model(AkmaQmiRequest *ret)
{
    akma_qmi_request_init(ret, AKMA_QMI_DMS, AKMA_QMI_DMS_MODEL);
}

static void
take_manufacturer(AkmaQmiCard *self, const AkmaQmiAnswer *answer)
{
    g_free(self->manufacturer);
    self->manufacturer = akma_qmi_parse_name(answer);
}

static void
take_model(AkmaQmiCard *self, const AkmaQmiAnswer *answer)
{
    g_free(self->model);
    self->model = akma_qmi_parse_name(answer);
}

static const struct {
    AkmaQmiService service;
    void (*build)(AkmaQmiRequest *ret);
    void (*take)(AkmaQmiCard *self, const AkmaQmiAnswer *answer); /* may be NULL */
} first_requests[] = {
    {AKMA_QMI_UIM, akma_qmi_build_register_events, NULL},
    {AKMA_QMI_NAS, akma_qmi_build_register_network, NULL},
    {AKMA_QMI_DMS, build_manufacturer, take_manufacturer},
    {AKMA_QMI_DMS, build_model, take_model},
};

typedef struct {
    AkmaQmiCard *card;
    size_t index;
} Opening;

static void
opening_free(Opening *opening)
{
    g_clear_object(&opening->card);
    g_free(opening);
}

static void begin_first(GTask *owned);

static void
first_done(const AkmaQmiAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Opening *opening = g_task_get_task_data(task);

    if (g_task_return_error_if_cancelled(task))
        return;
    if (error) {
        g_task_return_error(task, g_error_copy(error));
        return;
    }
    if (first_requests[opening->index].take)
        first_requests[opening->index].take(opening->card, answer);

    opening->index++;
    begin_first(g_steal_pointer(&task));
}

static void
begin_first(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    Opening *opening = g_task_get_task_data(task);
    AkmaQmiPort *port = opening->card->port;
    AkmaQmiRequest request;

    while (opening->index < G_N_ELEMENTS(first_requests) &&
           !akma_qmi_port_has(port, first_requests[opening->index].service))
        opening->index++;
    if (opening->index == G_N_ELEMENTS(first_requests)) {
        g_task_return_pointer(task, g_steal_pointer(&opening->card), g_object_unref);
        return;
    }

    first_requests[opening->index].build(&request);
    akma_qmi_port_send(port, &request, first_done, g_steal_pointer(&task));
}

static void
port_opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    static const AkmaQmiPortEvents events = {indicate, late, gone};
    g_autoptr(GTask) task = user_data;
    Opening *opening = g_task_get_task_data(task);
    GError *error = NULL;

    opening->card->port = akma_qmi_port_open_finish(res, &error);
    if (!opening->card->port) {
        g_task_return_error(task, error);
        return;
    }

    akma_qmi_port_listen(opening->card->port, &events, opening->card);
    begin_first(g_steal_pointer(&task));
}

static void
transport_open_async(const AkmaPortConfig *config,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    Opening *opening = g_new0(Opening, 1);

    g_task_set_source_tag(task, transport_open_async);
    g_task_set_task_data(task, opening, (GDestroyNotify)opening_free);
    opening->card = g_object_new(AKMA_TYPE_QMI_CARD, NULL);
    opening->card->slot = MAX(config->slot, 1);
    akma_qmi_port_open_async(config, cancellable, port_opened, g_steal_pointer(&task));
}

static AkmaCard *
transport_open_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

const AkmaTransport akma_transport_qmi = {
    .protocol = "qmi",
    .proxy = "qmi-proxy",
    .open_async = transport_open_async,
    .open_finish = transport_open_finish,
};

static const char *
get_manufacturer(AkmaCard *card)
{
    return AKMA_QMI_CARD(card)->manufacturer;
}

static const char *
get_model(AkmaCard *card)
{
    return AKMA_QMI_CARD(card)->model;
}

static void
close_card(AkmaCard *card)
{
    AkmaQmiCard *self = AKMA_QMI_CARD(card);

    if (!self->port)
        return;

    akma_qmi_card_drop_channel(self, self->session.channel);
    akma_qmi_port_close(self->port);
}

static void
card_iface_init(AkmaCardInterface *iface)
{
    iface->protocol = "qmi";
    iface->open_channel_async = akma_qmi_card_open_channel;
    iface->transmit_async = akma_qmi_card_transmit;
    iface->close_channel_async = akma_qmi_card_close_channel;
    iface->query_async = akma_qmi_card_query;
    iface->verify_pin_async = akma_qmi_card_verify_pin;
    iface->read_async = akma_qmi_card_read;
    iface->get_manufacturer = get_manufacturer;
    iface->get_model = get_model;
    iface->close = close_card;
}

static void
akma_qmi_card_finalize(GObject *object)
{
    AkmaQmiCard *self = AKMA_QMI_CARD(object);

    if (self->port)
        akma_qmi_port_close(self->port);
    g_clear_object(&self->port);
    g_free(self->manufacturer);
    g_free(self->model);

    G_OBJECT_CLASS(akma_qmi_card_parent_class)->finalize(object);
}

static void
akma_qmi_card_class_init(AkmaQmiCardClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = akma_qmi_card_finalize;
}

static void
akma_qmi_card_init(AkmaQmiCard *self)
{
    self->manufacturer = g_strdup("");
    self->model = g_strdup("");
}
