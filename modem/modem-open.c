/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem-open: from a configuration to a modem that has told what it is. */
#include "base/error.h"
#include "modem/discovery.h"
#include "modem/modem-private.h"
#include "modem/port/port-card.h"
#include "modem/port/route.h"
#include "modem/transport.h"

/*
 *   open: TRANSPORT, or akmad-port --> refresh --> done
 */
typedef struct {
    AkmaModem *modem;
    const AkmaTransport *transport;
    bool by_helper;
} Opening;

static void
opening_free(Opening *opening)
{
    g_clear_object(&opening->modem);
    g_free(opening);
}

static void
first_refreshed(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Opening *opening = g_task_get_task_data(task);

    if (!akma_modem_refresh_finish(AKMA_MODEM(source), res, &error)) {
        akma_modem_close(opening->modem);
        g_task_return_error(task, g_steal_pointer(&error));
    } else {
        g_task_return_pointer(task, g_steal_pointer(&opening->modem), g_object_unref);
    }
}

static void
begin_card(GTask *owned, AkmaCard *card)
{
    Opening *opening = g_task_get_task_data(owned);
    GCancellable *cancellable = g_task_get_cancellable(owned);

    akma_modem_attach(opening->modem, card);
    akma_modem_refresh_async(opening->modem, cancellable, first_refreshed, owned);
}

static void
transport_opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    const Opening *opening = g_task_get_task_data(task);
    g_autoptr(AkmaCard) card = opening->by_helper ? akma_port_card_open_finish(res, &error)
                                                  : opening->transport->open_finish(res, &error);

    if (!card)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        begin_card(g_steal_pointer(&task), card);
}

static GTask *
opening_new(const AkmaModemConfig *config,
            gpointer tag,
            GCancellable *cancellable,
            GAsyncReadyCallback callback,
            gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    Opening *opening = g_new0(Opening, 1);

    g_task_set_source_tag(task, tag);
    g_task_set_task_data(task, opening, (GDestroyNotify)opening_free);
    opening->modem = akma_modem_new(config);

    return task;
}

static void
begin_port(GTask *owned, const AkmaModemConfig *config)
{
    Opening *opening = g_task_get_task_data(owned);
    GCancellable *cancellable = g_task_get_cancellable(owned);
    const char *socket = config->port_socket ? config->port_socket : AKMA_PORT_SOCKET;
    const AkmaTransport *transport = opening->transport;
    AkmaPortConfig port = {.device = config->device,
                           .slot = config->slot,
                           .proxy = config->proxy,
                           .timeout_ms = config->timeout_ms,
                           .is_guess = config->is_guess};

    opening->by_helper = akma_port_is_needed(socket, transport->proxy, config->proxy);
    if (opening->by_helper) {
        port.proxy = AKMA_PROXY_ALWAYS;
        akma_port_card_open_async(
            socket, transport->protocol, &port, cancellable, transport_opened, owned);
    } else {
        transport->open_async(&port, cancellable, transport_opened, owned);
    }
}

void
akma_modem_open_async(const AkmaModemConfig *config,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
    const char *protocol = config->protocol;
    g_autoptr(GTask) task = NULL;
    Opening *opening;

    g_return_if_fail(config->device && config->sim_id_key);

    task = opening_new(config, akma_modem_open_async, cancellable, callback, user_data);
    opening = g_task_get_task_data(task);
    if (!protocol || g_str_equal(protocol, "auto"))
        protocol = akma_discovery_guess_protocol(config->device);
    opening->transport = akma_transport_find(protocol);
    if (!opening->transport) {
        g_task_return_new_error(
            task, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "no such modem protocol: %s", protocol);
        return;
    }

    begin_port(g_steal_pointer(&task), config);
}

void
akma_modem_open_card_async(AkmaCard *card,
                           const AkmaModemConfig *config,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    begin_card(opening_new(config, akma_modem_open_async, cancellable, callback, user_data), card);
}

AkmaModem *
akma_modem_open_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
