/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem-keeper-card: the card in the modem: what it can do, whether it is another one, its PIN. */
#include "agent/modem-keeper-private.h"
#include "agent/unlock.h"
#include "anchor/services.h"

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
probe_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(AkmaModemKeeper) self = user_data;
    g_autoptr(GError) error = NULL;
    GStrv anchors = akma_anchor_services_finish(res, &error);

    (void)source;
    self->probing = false;
    if (!self->context || !self->modem) {
        g_strfreev(anchors);
        return;
    }

    g_strfreev(self->anchors);
    self->anchors = anchors;
    if (error) {
        g_info("modem %s: cannot tell what its card can do: %s",
               akma_modem_keeper_get_port(self)->node,
               error->message);
        akma_modem_keeper_retry_in(self, self->retry_ms);
        self->retry_ms = MIN(2 * self->retry_ms, RETRY_MAX_MS);
    } else {
        self->retry_ms = RETRY_MIN_MS;
    }
    show(self);
    akma_modem_keeper_tell(self, error ? AKMA_MODEMS_CHANGED : AKMA_MODEMS_APPEARED);
}

void
akma_modem_keeper_probe(AkmaModemKeeper *self)
{
    if (self->probing || self->anchors || self->sim_state != AKMA_SIM_READY)
        return;

    self->probing = true;
    akma_anchor_services_async(
        self->modem, self->cancellable, probe_done, akma_modem_keeper_ref(self));
}

static void
unlock_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(AkmaModemKeeper) self = user_data;
    g_autoptr(GError) error = NULL;
    bool ok = akma_unlock_finish(AKMA_MODEM(source), res, &error);

    self->unlocking = false;
    self->unlocked = ok;
    if (ok)
        g_message("modem %s: the card took its PIN", akma_modem_keeper_get_port(self)->node);
    else if (g_strcmp0(self->pin_error ? self->pin_error->message : NULL, error->message) != 0)
        g_warning("modem %s: %s", akma_modem_keeper_get_port(self)->node, error->message);
    g_clear_error(&self->pin_error);
    if (self->sim_state == AKMA_SIM_PIN_REQUIRED)
        self->pin_error = g_steal_pointer(&error);
    akma_modem_keeper_tell(self, AKMA_MODEMS_CHANGED);
}

void
akma_modem_keeper_unlock(AkmaModemKeeper *self)
{
    if (self->sim_state != AKMA_SIM_PIN_REQUIRED) {
        self->unlocked = false;
        g_clear_error(&self->pin_error);
    } else if (self->section->pin_file && !self->unlocking && !self->unlocked) {
        self->unlocking = true;
        akma_unlock_async(self->modem,
                          self->context->cards,
                          self->place->id,
                          self->section->pin_file,
                          unlock_done,
                          akma_modem_keeper_ref(self));
    }
}

/* A card that comes back is the same one; one that nobody can name yet is no other. */
static void
compare_card(AkmaModemKeeper *self)
{
    const char *sim_id = akma_modem_get_sim_id(self->modem);
    AkmaCards *cards = self->context->cards;

    if (self->sim_state == AKMA_SIM_ABSENT)
        akma_cards_taken_out(cards, self->place->id);
    if (akma_cards_is_other(cards, self->place->id, sim_id)) {
        g_message("modem %s: another card", akma_modem_keeper_get_port(self)->node);
        self->other_card = true;
        akma_modem_keeper_tell(self, AKMA_MODEMS_CARD_REPLACED);
    }
    akma_cards_set(cards, self->place->id, sim_id);
}

/* Looks at what is another one now, and says so once. */
void
akma_modem_keeper_take_card(AkmaModemKeeper *self, bool fresh)
{
    AkmaModem *modem = self->modem;
    AkmaSimState before = self->sim_state;
    const char *registration = akma_modem_get_registration(modem);
    bool registered = g_strcmp0(registration, self->registration) != 0;
    bool lost_card;

    self->sim_state = akma_modem_get_sim_state(modem);
    self->registration = registration;
    lost_card = before == AKMA_SIM_READY && self->sim_state != AKMA_SIM_READY;

    if (fresh || self->sim_state != before)
        g_info("modem %s: card %s",
               akma_modem_keeper_get_port(self)->node,
               akma_sim_state_get_name(self->sim_state));
    compare_card(self);
    if (self->other_card || self->sim_state != AKMA_SIM_READY)
        g_clear_pointer(&self->anchors, g_strfreev);
    show(self);
    akma_modem_keeper_probe(self);
    akma_modem_keeper_unlock(self);
    if (self->sim_state != AKMA_SIM_READY)
        akma_modem_keeper_retry_in(self, REFRESH_MS);

    if (lost_card || (self->other_card && self->sim_state == AKMA_SIM_READY)) {
        self->other_card = self->other_card && self->sim_state != AKMA_SIM_READY;
        akma_modem_keeper_tell(self, AKMA_MODEMS_CARD_CHANGED);
    }
    if (fresh || registered || (self->sim_state == AKMA_SIM_READY && before != AKMA_SIM_READY))
        akma_modem_keeper_tell(self, AKMA_MODEMS_APPEARED);
    else
        akma_modem_keeper_tell(self, AKMA_MODEMS_CHANGED);
}
