/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/modem-keeper-private.h"

#include "base/error.h"
#include "modem/modem-card.h"

AkmaModemKeeper *
akma_modem_keeper_ref(AkmaModemKeeper *self)
{
    g_atomic_ref_count_inc(&self->refs);

    return self;
}

void
akma_modem_keeper_unref(AkmaModemKeeper *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;

    akma_found_modem_free(self->place);
    g_strfreev(self->anchors);
    g_clear_error(&self->pin_error);
    g_clear_error(&self->error);
    g_clear_error(&self->first_error);
    g_object_unref(self->cancellable);
    g_free(self);
}

const AkmaFoundPort *
akma_modem_keeper_get_port(const AkmaModemKeeper *self)
{
    return self->place->ports->pdata[self->port];
}

void
akma_modem_keeper_tell(AkmaModemKeeper *self, AkmaModemsEvent event)
{
    const AkmaModemKeeperContext *context = self->context;

    if (context)
        context->func(event, event == AKMA_MODEMS_CHANGED ? NULL : self->modem, context->user_data);
}

void
akma_modem_keeper_retry_in(AkmaModemKeeper *self, unsigned ms)
{
    akma_timer_set(self->retry, akma_boottime_ms() + ms);
}

static void
hide(AkmaModemKeeper *self)
{
    if (self->shown && self->context->service)
        akma_service_remove_modem(self->context->service, self->number);
    self->shown = false;
}

static void
close_modem(AkmaModemKeeper *self)
{
    if (!self->modem)
        return;

    hide(self);
    g_signal_handlers_disconnect_by_data(self->modem, self);
    akma_modem_close(self->modem);
    g_clear_object(&self->modem);
    g_clear_pointer(&self->anchors, g_strfreev);
}

static void
modem_changed(AkmaModem *modem, gpointer user_data)
{
    (void)modem;
    akma_modem_keeper_take_card(user_data, false);
}

static void
modem_gone(AkmaModem *modem, gpointer user_data)
{
    g_autoptr(AkmaModemKeeper) self = akma_modem_keeper_ref(user_data);

    (void)modem;
    g_message("modem %s: gone", akma_modem_keeper_get_port(self)->node);
    self->sim_state = AKMA_SIM_UNKNOWN;
    g_clear_error(&self->pin_error);
    close_modem(self);
    g_clear_error(&self->error);
    self->error = g_error_new(AKMA_ERROR,
                              AKMA_ERROR_NO_MODEM,
                              "%s: the modem is gone",
                              akma_modem_keeper_get_port(self)->node);
    self->port = 0;
    self->retry_ms = RETRY_MIN_MS;
    akma_modem_keeper_retry_in(self, RETRY_MIN_MS);
    akma_modem_keeper_tell(self, AKMA_MODEMS_CHANGED);
}

static void open_modem(AkmaModemKeeper *self);

/* The port could not be opened: the next one of the device; at last what the best one said. */
static void
open_failed(AkmaModemKeeper *self, GError *taken)
{
    g_autoptr(GError) error = taken;

    if (!self->first_error)
        self->first_error = g_error_copy(error);
    if (self->port + 1 < self->place->ports->len) {
        g_info("modem %s: %s; trying its next port",
               akma_modem_keeper_get_port(self)->node,
               error->message);
        self->port++;
        open_modem(self);
        return;
    }

    self->port = 0;
    g_clear_error(&error);
    error = g_steal_pointer(&self->first_error);
    if (g_strcmp0(self->error ? self->error->message : NULL, error->message) != 0)
        g_message("modem %s: %s",
                  akma_modem_keeper_get_port(self)->node,
                  error->message); /* once for each reason */
    g_clear_error(&self->error);
    self->error = g_steal_pointer(&error);
    if (g_error_matches(self->error, AKMA_ERROR, AKMA_ERROR_NO_MODEM)) {
        akma_modem_keeper_retry_in(self, RETRY_GONE_MS);
    } else {
        akma_modem_keeper_retry_in(self, self->retry_ms);
        self->retry_ms = MIN(2 * self->retry_ms, RETRY_MAX_MS);
    }
    akma_modem_keeper_tell(self, AKMA_MODEMS_CHANGED);
}

static void
open_done(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(AkmaModemKeeper) self = user_data;
    g_autoptr(GError) error = NULL;
    AkmaModem *modem = akma_modem_open_finish(res, &error);

    self->opening = false;
    if (!self->context) {
        if (modem)
            akma_modem_close(modem);
        g_clear_object(&modem);
        return;
    }
    if (!modem) {
        open_failed(self, g_steal_pointer(&error));
        return;
    }

    self->modem = modem;
    self->retry_ms = RETRY_MIN_MS;
    g_clear_error(&self->error);
    g_clear_error(&self->first_error);
    g_signal_connect(modem, "changed", G_CALLBACK(modem_changed), self);
    g_signal_connect(modem, "gone", G_CALLBACK(modem_gone), self);
    g_message("modem %s: found, %s, %s %s (%.1f ms)",
              akma_modem_keeper_get_port(self)->node,
              akma_modem_get_protocol(modem),
              akma_modem_get_manufacturer(modem),
              akma_modem_get_model(modem),
              (double)(g_get_monotonic_time() - self->opened_us) / 1000.0);
    akma_modem_keeper_take_card(self, true);
}

static void
open_modem(AkmaModemKeeper *self)
{
    const AkmaFoundPort *port = akma_modem_keeper_get_port(self);
    const AkmaModemConfig config = {
        .device = port->node,
        .protocol = port->protocol,
        .slot = self->section->slot,
        .proxy = self->section->proxy,
        .port_socket = self->context->port_socket,
        .timeout_ms = self->section->timeout_ms,
        .is_guess = port->is_guess,
        .sim_id_key = self->context->sim_id_key,
    };

    self->opening = true;
    self->opened_us = g_get_monotonic_time();
    akma_modem_open_async(&config, self->cancellable, open_done, akma_modem_keeper_ref(self));
}

static void
refresh_done(GObject *modem, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(AkmaModemKeeper) self = user_data;
    g_autoptr(GError) error = NULL;

    /* what is another one comes by "changed" */
    if (!akma_modem_refresh_finish(AKMA_MODEM(modem), res, &error))
        g_debug("modem: cannot ask: %s", error->message);
    if (!self->context || !self->modem)
        return;
    if (self->sim_state != AKMA_SIM_READY)
        akma_modem_keeper_retry_in(self, REFRESH_MS);
    else
        akma_modem_keeper_probe(self);
    akma_modem_keeper_unlock(self);
}

static void
refresh(AkmaModemKeeper *self)
{
    akma_modem_refresh_async(
        self->modem, self->cancellable, refresh_done, akma_modem_keeper_ref(self));
}

static void
retry(gpointer user_data)
{
    AkmaModemKeeper *self = user_data;

    if (self->modem)
        refresh(self);
    else if (!self->opening)
        open_modem(self);
}

void
akma_modem_keeper_remove(AkmaModemKeeper *self)
{
    close_modem(self);
    g_clear_pointer(&self->retry, akma_timer_free);
    self->context = NULL;
    g_cancellable_cancel(self->cancellable);
    akma_modem_keeper_unref(self);
}

AkmaModemKeeper *
akma_modem_keeper_new(const AkmaModemKeeperContext *context,
                      const AkmaConfigModem *section,
                      AkmaFoundModem *place,
                      unsigned number)
{
    AkmaModemKeeper *self = g_new0(AkmaModemKeeper, 1);

    g_atomic_ref_count_init(&self->refs);
    self->context = context;
    self->section = section;
    self->place = place;
    self->number = number;
    self->cancellable = g_cancellable_new();
    self->retry = akma_timer_new(retry, self);
    self->retry_ms = RETRY_MIN_MS;

    return self;
}

void
akma_modem_keeper_try_now(AkmaModemKeeper *self)
{
    retry(self);
}

static bool
is_same_port(const AkmaFoundPort *a, const AkmaFoundPort *b)
{
    return g_str_equal(a->node, b->node) && g_str_equal(a->protocol, b->protocol);
}

/* ret_index may be NULL. */
static bool
find_port(const AkmaFoundModem *place, const AkmaFoundPort *port, guint *ret_index)
{
    for (guint i = 0; i < place->ports->len; i++) {
        if (!is_same_port(place->ports->pdata[i], port))
            continue;
        if (ret_index)
            *ret_index = i;
        return true;
    }

    return false;
}

/* AT was all that there was, and now the port for MBIM or QMI has come. */
static bool
has_better_port(const AkmaModemKeeper *self, const AkmaFoundModem *place)
{
    const AkmaFoundPort *best = place->ports->pdata[0];

    return g_str_equal(akma_modem_keeper_get_port(self)->protocol, "at") &&
           !g_str_equal(best->protocol, "at") && !find_port(self->place, best, NULL) &&
           !akma_modem_keeper_is_card_busy(self);
}

bool
akma_modem_keeper_suits(const AkmaModemKeeper *self,
                        const AkmaConfigModem *section,
                        const AkmaFoundModem *place)
{
    if (!akma_config_modem_equal(self->section, section) ||
        !g_str_equal(self->place->id, place->id))
        return false;
    if (!self->modem && !self->opening)
        return true;

    return find_port(place, akma_modem_keeper_get_port(self), NULL) &&
           !has_better_port(self, place);
}

void
akma_modem_keeper_update(AkmaModemKeeper *self,
                         const AkmaConfigModem *section,
                         AkmaFoundModem *place)
{
    guint port = 0;

    find_port(place, akma_modem_keeper_get_port(self), &port);
    self->section = section;
    akma_found_modem_free(self->place);
    self->place = place;
    self->port = self->modem || self->opening ? port : 0;
}

const char *
akma_modem_keeper_get_node(const AkmaModemKeeper *self)
{
    return akma_modem_keeper_get_port(self)->node;
}

const AkmaConfigModem *
akma_modem_keeper_get_section(const AkmaModemKeeper *self)
{
    return self->section;
}

unsigned
akma_modem_keeper_get_number(const AkmaModemKeeper *self)
{
    return self->number;
}

AkmaModem *
akma_modem_keeper_get_modem(const AkmaModemKeeper *self)
{
    return self->modem;
}

const GError *
akma_modem_keeper_get_error(const AkmaModemKeeper *self)
{
    return self->error;
}

const GError *
akma_modem_keeper_get_pin_error(const AkmaModemKeeper *self)
{
    return self->pin_error;
}

bool
akma_modem_keeper_can(const AkmaModemKeeper *self, const char *anchor)
{
    return self->anchors && g_strv_contains((const char *const *)self->anchors, anchor);
}

bool
akma_modem_keeper_is_opening(const AkmaModemKeeper *self)
{
    return (self->opening && !self->error) || self->unlocking;
}

bool
akma_modem_keeper_is_card_busy(const AkmaModemKeeper *self)
{
    return self->modem && akma_card_queue_get_length(akma_modem_get_queue(self->modem)) > 0;
}

bool
akma_modem_keeper_is_probing(const AkmaModemKeeper *self)
{
    return self->probing;
}
