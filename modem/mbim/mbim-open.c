/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-open: from a port to a card. */
#include <unistd.h>

#include "base/error.h"
#include "modem/mbim/mbim-private.h"

#define PROXY_EXTRA_MS 3000u /* to start the proxy, which opens the port first */

/*
 *   NEW --> OPEN through the proxy --> SERVICES --> MODEL --> SUBSCRIBE --> (SLOT) --> done
 *     |          | no proxy, and it may be without       ^
 *     +----------+--> OPEN the port ---------------------+
 *
 * The modem is asked first what it can do: nothing that it does not list is sent to it, and no
 * extension of MBIM is negotiated, since that would change what others see of the modem.
 */
typedef struct {
    AkmaMbimCard *card;
    char *device;
    unsigned slot;
    bool through_proxy;
    bool may_go_direct;
    GCancellable *stop; /* of libmbim's wait */
    GSource *timer;
    GSource *watch; /* of the caller's cancellable */
    bool is_late;
} Opening;

static void
stop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static void
opening_free(Opening *opening)
{
    stop_source(&opening->timer);
    stop_source(&opening->watch);
    g_clear_object(&opening->stop);
    if (opening->card)
        akma_card_close(AKMA_CARD(opening->card));
    g_clear_object(&opening->card);
    g_free(opening->device);
    g_free(opening);
}

/* The end without a card. Takes @error. */
static void
fail(GTask *task, GError *error)
{
    Opening *opening = g_task_get_task_data(task);

    stop_source(&opening->watch);
    g_task_return_error(task, error);
}

static void
removed(AkmaMbimCard *self)
{
    g_autoptr(AkmaMbimCard) card = g_object_ref(self);

    akma_mbim_card_become_gone(card);
}

static void
indicated(MbimDevice *device G_GNUC_UNUSED, MbimMessage *message, gpointer user_data)
{
    g_autoptr(AkmaMbimCard) self = g_object_ref(AKMA_MBIM_CARD(user_data));

    if (mbim_message_indicate_status_get_service(message) != MBIM_SERVICE_BASIC_CONNECT)
        return;

    switch (mbim_message_indicate_status_get_cid(message)) {
    case MBIM_CID_BASIC_CONNECT_SUBSCRIBER_READY_STATUS:
        akma_mbim_card_forget_card(self);
        akma_card_emit_card_changed(AKMA_CARD(self));
        break;
    case MBIM_CID_BASIC_CONNECT_REGISTER_STATE:
        akma_card_emit_registration_changed(AKMA_CARD(self));
        break;
    default:
        break;
    }
}

static void
finish_open(GTask *task)
{
    Opening *opening = g_task_get_task_data(task);
    AkmaMbimCard *self = opening->card;

    stop_source(&opening->watch);
    if (g_task_return_error_if_cancelled(task))
        return;
    self->habits = akma_mbim_habits_get("", self->model, self->firmware);
    g_task_return_pointer(task, g_steal_pointer(&opening->card), g_object_unref);
}

static void
slot_told(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    const Opening *opening = g_task_get_task_data(task);
    GError *own = error ? g_error_copy(error) : NULL;
    unsigned slot = 1;

    if (!own && answer && answer->status == AKMA_MBIM_STATUS_DONE)
        akma_mbim_take_slot(answer, &slot, &own);
    if (!own && slot != opening->slot)
        own = g_error_new(AKMA_ERROR,
                          AKMA_ERROR_MODEM_FAILED,
                          "slot %u is not the one that the modem uses: that is slot %u",
                          opening->slot,
                          slot);
    if (own)
        fail(task, own);
    else
        finish_open(task);
}

static void
subscribed(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    const Opening *opening = g_task_get_task_data(task);
    AkmaMbimCard *self = opening->card;

    if (!answer) {
        fail(task, g_error_copy(error));
        return;
    }
    if (answer->status != AKMA_MBIM_STATUS_DONE)
        g_debug("the modem takes no list of indications, ignoring"); /* it sends all it has */

    if (self->services.has_slots)
        akma_mbim_send(
            self,
            mbim_message_ms_basic_connect_extensions_device_slot_mappings_query_new(NULL),
            slot_told,
            g_steal_pointer(&task));
    else if (opening->slot != 1)
        fail(task,
             g_error_new_literal(AKMA_ERROR,
                                 AKMA_ERROR_MODEM_FAILED,
                                 "the modem tells nothing of slots: only slot 1 can be used"));
    else
        finish_open(task);
}

/*= MBIM 1.0 10.5.30: the indications that are wanted */
static void
begin_subscribe(GTask *owned)
{
    const Opening *opening = g_task_get_task_data(owned);
    uint32_t cids[] = {MBIM_CID_BASIC_CONNECT_SUBSCRIBER_READY_STATUS,
                       MBIM_CID_BASIC_CONNECT_REGISTER_STATE};
    const MbimEventEntry entry = {.device_service_id = *MBIM_UUID_BASIC_CONNECT,
                                  .cids_count = G_N_ELEMENTS(cids),
                                  .cids = cids};
    const MbimEventEntry *const entries[] = {&entry, NULL};

    akma_mbim_send(opening->card,
                   mbim_message_device_service_subscribe_list_set_new(1, entries, NULL),
                   subscribed,
                   owned);
}

static void
model_told(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    const Opening *opening = g_task_get_task_data(task);
    AkmaMbimCard *self = opening->card;

    if (!answer) {
        fail(task, g_error_copy(error));
        return;
    }
    if (answer->status == AKMA_MBIM_STATUS_DONE)
        akma_mbim_take_model(answer, &self->model, &self->firmware);
    begin_subscribe(g_steal_pointer(&task));
}

static void
services_told(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    const Opening *opening = g_task_get_task_data(task);
    AkmaMbimCard *self = opening->card;
    GError *own = error ? g_error_copy(error) : NULL;

    if (!own && answer->status != AKMA_MBIM_STATUS_DONE)
        own = akma_mbim_status_error_new("asking the modem for its services", answer->status);
    if (own || !akma_mbim_take_services(answer, &self->services, &own)) {
        fail(task, own);
        return;
    }

    akma_mbim_send(
        self, mbim_message_device_caps_query_new(NULL), model_told, g_steal_pointer(&task));
}

static void
begin_services(GTask *owned)
{
    const Opening *opening = g_task_get_task_data(owned);
    AkmaMbimCard *self = opening->card;

    g_signal_connect_object(
        self->device, MBIM_DEVICE_SIGNAL_REMOVED, G_CALLBACK(removed), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->device,
                            MBIM_DEVICE_SIGNAL_INDICATE_STATUS,
                            G_CALLBACK(indicated),
                            self,
                            G_CONNECT_DEFAULT);
    akma_mbim_send(self, mbim_message_device_services_query_new(NULL), services_told, owned);
}

/* Takes what libmbim says; its text names the device and the reason. */
static GError *
open_error_new(const Opening *opening, GError *foreign)
{
    bool is_missing = g_error_matches(foreign, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
                      access(opening->device, F_OK) < 0;
    GError *error;

    if (opening->is_late)
        error = g_error_new(AKMA_ERROR,
                            AKMA_ERROR_MODEM_FAILED,
                            "opening %s: no answer from the modem",
                            opening->device);
    else if (is_missing)
        error = g_error_new(AKMA_ERROR, AKMA_ERROR_NO_MODEM, "no such device: %s", opening->device);
    else
        error = g_error_new(AKMA_ERROR,
                            AKMA_ERROR_MODEM_FAILED,
                            "opening %s: %s",
                            opening->device,
                            foreign->message);
    g_error_free(foreign);

    return error;
}

static void begin_open(GTask *owned);

static void
opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Opening *opening = g_task_get_task_data(task);
    GError *error = NULL;

    stop_source(&opening->timer);
    if (mbim_device_open_full_finish(MBIM_DEVICE(source), res, &error)) {
        if (!g_task_return_error_if_cancelled(task))
            begin_services(g_steal_pointer(&task));
        return;
    }

    mbim_device_close_force(MBIM_DEVICE(source), NULL);
    if (opening->through_proxy && opening->may_go_direct &&
        !g_cancellable_is_cancelled(g_task_get_cancellable(task))) {
        g_debug("no proxy: %s", error->message);
        g_error_free(error);
        opening->through_proxy = false;
        begin_open(g_steal_pointer(&task));
        return;
    }
    fail(task, open_error_new(opening, error));
}

static gboolean
too_late(gpointer user_data)
{
    Opening *opening = user_data;
    g_autoptr(GCancellable) stop = g_object_ref(opening->stop);

    opening->is_late = true;
    g_cancellable_cancel(stop); /* ends in opened() */

    return G_SOURCE_REMOVE;
}

static void
begin_open(GTask *owned)
{
    Opening *opening = g_task_get_task_data(owned);
    AkmaMbimCard *self = opening->card;
    unsigned ms = self->timeout_ms + (opening->through_proxy ? PROXY_EXTRA_MS : 0);

    g_clear_object(&opening->stop);
    opening->stop = g_cancellable_new();
    opening->is_late = false;
    opening->timer = g_timeout_source_new(ms);
    g_source_set_callback(opening->timer, too_late, opening, NULL);
    g_source_attach(opening->timer, g_main_context_get_thread_default());

    mbim_device_open_full(self->device,
                          opening->through_proxy ? MBIM_DEVICE_OPEN_FLAGS_PROXY
                                                 : MBIM_DEVICE_OPEN_FLAGS_NONE,
                          ms / 1000 + 2, /* seconds; ours comes first */
                          opening->stop,
                          opened,
                          owned);
}

static void
device_made(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    const Opening *opening = g_task_get_task_data(task);
    GError *error = NULL;

    opening->card->device = mbim_device_new_finish(res, &error);
    if (!opening->card->device)
        fail(task, open_error_new(opening, error));
    else
        begin_open(g_steal_pointer(&task));
}

/* Whatever runs ends at once, with an error that the task makes "cancelled". */
static gboolean
cancelled(GCancellable *cancellable G_GNUC_UNUSED, gpointer user_data)
{
    g_autoptr(GTask) task = g_object_ref(G_TASK(user_data));
    Opening *opening = g_task_get_task_data(task);
    g_autoptr(GCancellable) stop = opening->stop ? g_object_ref(opening->stop) : NULL;

    g_clear_pointer(&opening->watch, g_source_unref);
    if (stop)
        g_cancellable_cancel(stop);
    akma_mbim_stop_request(opening->card);

    return G_SOURCE_REMOVE;
}

void
akma_mbim_card_open_async(const AkmaPortConfig *config,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    g_autoptr(GFile) file = g_file_new_for_path(config->device);
    Opening *opening = g_new0(Opening, 1);

    g_task_set_source_tag(task, akma_mbim_card_open_async);
    g_task_set_task_data(task, opening, (GDestroyNotify)opening_free);
    if (g_task_return_error_if_cancelled(task))
        return;

    opening->card = g_object_new(AKMA_TYPE_MBIM_CARD, NULL);
    opening->card->timeout_ms = config->timeout_ms;
    opening->device = g_strdup(config->device);
    opening->slot = config->slot;
    /* the proxies of Debian serve uid 0 only */
    opening->through_proxy =
        config->proxy == AKMA_PROXY_ALWAYS || (config->proxy == AKMA_PROXY_AUTO && geteuid() == 0);
    opening->may_go_direct = config->proxy == AKMA_PROXY_AUTO;
    if (cancellable) {
        opening->watch = g_cancellable_source_new(cancellable);
        g_source_set_callback(opening->watch, G_SOURCE_FUNC(cancelled), task, NULL);
        g_source_attach(opening->watch, g_task_get_context(task));
    }

    mbim_device_new(file, cancellable, device_made, g_steal_pointer(&task));
}

AkmaCard *
akma_mbim_card_open_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
