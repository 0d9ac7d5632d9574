/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/modem-keeper.h"

#include <string.h>

#include "agent/timer.h"
#include "anchor/akma-usim.h"
#include "base/error.h"
#include "modem/modem-card.h"

#define RETRY_MIN_MS  1000
#define RETRY_MAX_MS  (30 * 1000)
#define RETRY_GONE_MS 2000        /* to see a port come back costs one open(2) */
#define REFRESH_MS    (30 * 1000) /* of a modem whose card is not ready */

struct _AkmaModemKeeper {
    gatomicrefcount refs;                  /* each call that runs holds one */
    const AkmaModemKeeperContext *context; /* NULL: removed meanwhile */
    const AkmaConfigModem *section;
    AkmaFoundModem *place;
    unsigned number;
    guint port;       /* of @place: the one that is open, being opened, or tried next */
    AkmaModem *modem; /* NULL: not open */
    GCancellable *cancellable;
    bool opening;
    GError *first_error; /* of the best port, while others are tried */
    int64_t opened_us;   /* when opening began */
    bool probing;
    bool shown;
    GStrv anchors; /* NULL: not known */
    char *sim_id;  /* of the last card that was ready; "" before */
    AkmaSimState sim_state;
    const char *registration;
    GError *error;
    AkmaTimer *retry;
    unsigned retry_ms;
};

static AkmaModemKeeper *
keeper_ref(AkmaModemKeeper *self)
{
    g_atomic_ref_count_inc(&self->refs);

    return self;
}

static void
keeper_unref(AkmaModemKeeper *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;

    akma_found_modem_free(self->place);
    g_strfreev(self->anchors);
    g_free(self->sim_id);
    g_clear_error(&self->error);
    g_clear_error(&self->first_error);
    g_object_unref(self->cancellable);
    g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaModemKeeper, keeper_unref)

static const AkmaFoundPort *
get_port(const AkmaModemKeeper *self)
{
    return self->place->ports->pdata[self->port];
}

static void
tell(AkmaModemKeeper *self, AkmaModemsEvent event)
{
    const AkmaModemKeeperContext *context = self->context;

    if (context)
        context->func(event, event == AKMA_MODEMS_CHANGED ? NULL : self->modem, context->user_data);
}

static void
show(AkmaModemKeeper *self)
{
    static const char *const none[] = {NULL};
    AkmaModem *modem = self->modem;
    AkmaModemStatus status;

    if (!self->context->service)
        return;

    status = (AkmaModemStatus){
        .device = akma_modem_get_device(modem),
        .protocol = akma_modem_get_protocol(modem),
        .manufacturer = akma_modem_get_manufacturer(modem),
        .model = akma_modem_get_model(modem),
        .sim_state = akma_sim_state_get_name(akma_modem_get_sim_state(modem)),
        .sim_id = akma_modem_get_sim_id(modem),
        .anchors = self->anchors ? (const char *const *)self->anchors : none,
        .registration = akma_modem_get_registration(modem),
    };
    akma_service_update_modem(self->context->service, self->number, &status);
    self->shown = true;
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
retry_in(AkmaModemKeeper *self, unsigned ms)
{
    akma_timer_set(self->retry, akma_boottime_ms() + ms);
}

static void
probe_done(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(AkmaModemKeeper) self = user_data;
    g_autoptr(GError) error = NULL;
    GStrv anchors = akma_akma_usim_probe_finish(res, &error);

    self->probing = false;
    if (!self->context || !self->modem) {
        g_strfreev(anchors);
        return;
    }

    g_strfreev(self->anchors);
    self->anchors = anchors;
    if (error) {
        g_info(
            "modem %s: cannot tell what its card can do: %s", get_port(self)->node, error->message);
        retry_in(self, self->retry_ms);
        self->retry_ms = MIN(2 * self->retry_ms, RETRY_MAX_MS);
    } else {
        self->retry_ms = RETRY_MIN_MS;
    }
    show(self);
    tell(self, error ? AKMA_MODEMS_CHANGED : AKMA_MODEMS_APPEARED);
}

static void
probe(AkmaModemKeeper *self)
{
    if (self->probing || self->anchors || self->sim_state != AKMA_SIM_READY)
        return;

    self->probing = true;
    akma_akma_usim_probe_async(self->modem, self->cancellable, probe_done, keeper_ref(self));
}

/* Looks at what is another one now, and says so once. */
static void
take_state(AkmaModemKeeper *self, bool fresh)
{
    AkmaModem *modem = self->modem;
    AkmaSimState before = self->sim_state;
    const char *sim_id = akma_modem_get_sim_id(modem);
    const char *registration = akma_modem_get_registration(modem);
    bool other_card;
    bool registered;

    self->sim_state = akma_modem_get_sim_state(modem);
    other_card =
        (sim_id[0] != '\0' && self->sim_id[0] != '\0' && strcmp(sim_id, self->sim_id) != 0) ||
        (before == AKMA_SIM_READY && self->sim_state != AKMA_SIM_READY);
    registered = g_strcmp0(registration, self->registration) != 0;
    self->registration = registration;
    if (sim_id[0] != '\0') {
        g_free(self->sim_id);
        self->sim_id = g_strdup(sim_id);
    }

    if (fresh || self->sim_state != before)
        g_info("modem %s: card %s", get_port(self)->node, akma_sim_state_get_name(self->sim_state));
    if (other_card || self->sim_state != AKMA_SIM_READY)
        g_clear_pointer(&self->anchors, g_strfreev);
    show(self);
    probe(self);
    if (self->sim_state != AKMA_SIM_READY)
        retry_in(self, REFRESH_MS);

    if (other_card)
        tell(self, AKMA_MODEMS_CARD_CHANGED);
    if (fresh || registered || (self->sim_state == AKMA_SIM_READY && before != AKMA_SIM_READY))
        tell(self, AKMA_MODEMS_APPEARED);
    else
        tell(self, AKMA_MODEMS_CHANGED);
}

static void
modem_changed(AkmaModem *modem, gpointer user_data)
{
    (void)modem;
    take_state(user_data, false);
}

static void
modem_gone(AkmaModem *modem, gpointer user_data)
{
    g_autoptr(AkmaModemKeeper) self = keeper_ref(user_data);

    (void)modem;
    g_message("modem %s: gone", get_port(self)->node);
    self->sim_state = AKMA_SIM_UNKNOWN;
    close_modem(self);
    g_clear_error(&self->error);
    self->error =
        g_error_new(AKMA_ERROR, AKMA_ERROR_NO_MODEM, "%s: the modem is gone", get_port(self)->node);
    self->port = 0;
    self->retry_ms = RETRY_MIN_MS;
    retry_in(self, RETRY_MIN_MS);
    tell(self, AKMA_MODEMS_CHANGED);
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
        g_info("modem %s: %s; trying its next port", get_port(self)->node, error->message);
        self->port++;
        open_modem(self);
        return;
    }

    self->port = 0;
    g_clear_error(&error);
    error = g_steal_pointer(&self->first_error);
    if (g_strcmp0(self->error ? self->error->message : NULL, error->message) != 0)
        g_message("modem %s: %s", get_port(self)->node, error->message); /* once for each reason */
    g_clear_error(&self->error);
    self->error = g_steal_pointer(&error);
    if (g_error_matches(self->error, AKMA_ERROR, AKMA_ERROR_NO_MODEM)) {
        retry_in(self, RETRY_GONE_MS);
    } else {
        retry_in(self, self->retry_ms);
        self->retry_ms = MIN(2 * self->retry_ms, RETRY_MAX_MS);
    }
    tell(self, AKMA_MODEMS_CHANGED);
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
              get_port(self)->node,
              akma_modem_get_protocol(modem),
              akma_modem_get_manufacturer(modem),
              akma_modem_get_model(modem),
              (double)(g_get_monotonic_time() - self->opened_us) / 1000.0);
    take_state(self, true);
}

static void
open_modem(AkmaModemKeeper *self)
{
    const AkmaFoundPort *port = get_port(self);
    const AkmaModemConfig config = {
        .device = port->node,
        .protocol = port->protocol,
        .slot = self->section->slot,
        .proxy = self->section->proxy,
        .timeout_ms = self->section->timeout_ms,
        .is_guess = port->is_guess,
        .sim_id_key = self->context->sim_id_key,
    };

    self->opening = true;
    self->opened_us = g_get_monotonic_time();
    akma_modem_open_async(&config, self->cancellable, open_done, keeper_ref(self));
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
        retry_in(self, REFRESH_MS);
    else
        probe(self);
}

static void
refresh(AkmaModemKeeper *self)
{
    akma_modem_refresh_async(self->modem, self->cancellable, refresh_done, keeper_ref(self));
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
    keeper_unref(self);
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
    self->sim_id = g_strdup("");
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

    return g_str_equal(get_port(self)->protocol, "at") && !g_str_equal(best->protocol, "at") &&
           !find_port(self->place, best, NULL) && !akma_modem_keeper_is_card_busy(self);
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

    return find_port(place, get_port(self), NULL) && !has_better_port(self, place);
}

void
akma_modem_keeper_update(AkmaModemKeeper *self,
                         const AkmaConfigModem *section,
                         AkmaFoundModem *place)
{
    guint port = 0;

    find_port(place, get_port(self), &port);
    self->section = section;
    akma_found_modem_free(self->place);
    self->place = place;
    self->port = self->modem || self->opening ? port : 0;
}

const char *
akma_modem_keeper_get_node(const AkmaModemKeeper *self)
{
    return get_port(self)->node;
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

bool
akma_modem_keeper_can(const AkmaModemKeeper *self, const char *anchor)
{
    return self->anchors && g_strv_contains((const char *const *)self->anchors, anchor);
}

bool
akma_modem_keeper_is_opening(const AkmaModemKeeper *self)
{
    return self->opening && !self->error;
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
