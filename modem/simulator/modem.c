/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/modem.h"

typedef struct {
    AkmaSoftListener tell;
    void *user_data;
} Listener;

struct _AkmaSoftModem {
    AkmaSoftUicc *card;
    bool ejected;
    AkmaSoftSimState sim; /* as the listeners know it */
    AkmaSoftRegistrationState registration;
    bool radio_off;
    bool unplugged;
    AkmaSoftFaults faults;
    unsigned delay_ms;
    AkmaSoftCounts counts;
    GArray *listeners;
};

AkmaSoftModem *
akma_soft_modem_new(AkmaSoftUicc *card)
{
    AkmaSoftModem *self = g_new0(AkmaSoftModem, 1);

    self->card = card;
    self->listeners = g_array_new(FALSE, FALSE, sizeof(Listener));
    akma_soft_faults_init(&self->faults);
    self->sim = akma_soft_modem_get_sim_state(self);

    return self;
}

void
akma_soft_modem_free(AkmaSoftModem *self)
{
    if (!self)
        return;

    akma_soft_uicc_free(self->card);
    akma_soft_faults_clear(&self->faults);
    g_array_unref(self->listeners);
    g_free(self);
}

void
akma_soft_modem_listen(AkmaSoftModem *self, AkmaSoftListener listener, void *user_data)
{
    const Listener added = {listener, user_data};

    g_array_append_val(self->listeners, added);
}

static void
emit(AkmaSoftModem *self, AkmaSoftEvent event, const char *text)
{
    for (guint i = 0; i < self->listeners->len; i++) {
        const Listener *listener = &g_array_index(self->listeners, Listener, i);

        listener->tell(event, text, listener->user_data);
    }
}

AkmaSoftUicc *
akma_soft_modem_get_card(AkmaSoftModem *self)
{
    return self->ejected ? NULL : self->card;
}

AkmaSoftSimState
akma_soft_modem_get_sim_state(AkmaSoftModem *self)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self);
    const AkmaSoftPin *pin = card ? akma_soft_uicc_get_pin(card) : NULL;

    if (!pin)
        return AKMA_SOFT_SIM_ABSENT;
    if (akma_soft_pin_is_blocked(pin))
        return AKMA_SOFT_SIM_PUK;

    return akma_soft_pin_is_satisfied(pin) ? AKMA_SOFT_SIM_READY : AKMA_SOFT_SIM_PIN;
}

void
akma_soft_modem_check_sim(AkmaSoftModem *self)
{
    AkmaSoftSimState now = akma_soft_modem_get_sim_state(self);

    if (now == self->sim)
        return;
    self->sim = now;
    emit(self, AKMA_SOFT_EVENT_SIM, NULL);
}

void
akma_soft_modem_eject(AkmaSoftModem *self)
{
    self->ejected = true;
    akma_soft_modem_set_registration(self, AKMA_SOFT_REGISTRATION_IDLE);
    akma_soft_modem_check_sim(self);
}

bool
akma_soft_modem_insert(AkmaSoftModem *self, AkmaSoftUicc *card)
{
    g_autoptr(AkmaSoftUicc) taken = card;

    if (akma_soft_modem_get_card(self) || (!taken && !self->card))
        return false;

    if (taken) {
        akma_soft_uicc_free(self->card);
        self->card = g_steal_pointer(&taken);
    }
    akma_soft_uicc_reset(self->card);
    self->ejected = false;
    akma_soft_modem_check_sim(self);

    return true;
}

AkmaSoftFault
akma_soft_modem_begin(AkmaSoftModem *self)
{
    self->counts.lines++;

    return akma_soft_faults_take_line(&self->faults);
}

void
akma_soft_modem_transmit(AkmaSoftModem *self,
                         bool own,
                         const uint8_t *apdu,
                         size_t len,
                         AkmaSoftResponse *ret,
                         AkmaSoftFault *fault)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self);
    AkmaSoftFault hit = {.kind = AKMA_SOFT_FAULT_NONE};

    g_return_if_fail(card);

    if (len >= 2)
        hit = akma_soft_faults_take_apdu(&self->faults, apdu[1]);
    if (hit.kind == AKMA_SOFT_FAULT_SW) {
        ret->len = 0;
        ret->sw = (uint16_t)hit.value;
    } else if (own) {
        akma_soft_uicc_transmit_own(card, apdu, len, ret);
    } else {
        akma_soft_uicc_transmit(card, apdu, len, ret);
    }
    if (hit.kind != AKMA_SOFT_FAULT_NONE && hit.kind != AKMA_SOFT_FAULT_SW)
        *fault = hit;

    self->counts.commands++;
    self->counts.bytes_in += len;
    self->counts.bytes_out += ret->len + sizeof ret->sw;
    akma_soft_modem_check_sim(self);
}

AkmaSoftRegistrationState
akma_soft_modem_get_registration(AkmaSoftModem *self)
{
    return self->registration;
}

void
akma_soft_modem_set_registration(AkmaSoftModem *self, AkmaSoftRegistrationState state)
{
    if (self->registration == state)
        return;
    self->registration = state;
    emit(self, AKMA_SOFT_EVENT_REGISTRATION, NULL);
}

void
akma_soft_modem_leave(AkmaSoftModem *self)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self);
    AkmaSoftFile *keys =
        card ? akma_soft_filesystem_find(akma_soft_uicc_get_root(card), "7FFF/5FC0/4F05") : NULL;

    if (keys)
        akma_soft_file_blank(keys);
    akma_soft_modem_set_registration(self, AKMA_SOFT_REGISTRATION_IDLE);
}

const char *
akma_soft_registration_state_get_name(AkmaSoftRegistrationState state)
{
    switch (state) {
    case AKMA_SOFT_REGISTRATION_IDLE:
        return "idle";
    case AKMA_SOFT_REGISTRATION_HOME:
        return "home";
    case AKMA_SOFT_REGISTRATION_SEARCHING:
        return "searching";
    case AKMA_SOFT_REGISTRATION_DENIED:
        return "denied";
    case AKMA_SOFT_REGISTRATION_ROAMING:
        return "roaming";
    }

    g_return_val_if_reached("idle");
}

bool
akma_soft_modem_is_radio_on(AkmaSoftModem *self)
{
    return !self->radio_off;
}

void
akma_soft_modem_set_radio(AkmaSoftModem *self, bool on)
{
    if (self->radio_off != on)
        return;
    self->radio_off = !on;
    if (!on)
        akma_soft_modem_set_registration(self, AKMA_SOFT_REGISTRATION_IDLE);
    emit(self, AKMA_SOFT_EVENT_RADIO, NULL);
}

bool
akma_soft_modem_is_plugged(AkmaSoftModem *self)
{
    return !self->unplugged;
}

void
akma_soft_modem_set_plugged(AkmaSoftModem *self, bool plugged)
{
    if (self->unplugged != plugged)
        return;
    self->unplugged = !plugged;
    emit(self, AKMA_SOFT_EVENT_PLUG, NULL);
}

void
akma_soft_modem_say(AkmaSoftModem *self, const char *text)
{
    emit(self, AKMA_SOFT_EVENT_UNSOLICITED, text);
}

bool
akma_soft_modem_add_fault(AkmaSoftModem *self, const AkmaSoftFault *fault)
{
    return akma_soft_faults_add(&self->faults, fault);
}

unsigned
akma_soft_modem_get_delay_ms(AkmaSoftModem *self)
{
    return self->delay_ms;
}

void
akma_soft_modem_set_delay_ms(AkmaSoftModem *self, unsigned delay_ms)
{
    self->delay_ms = delay_ms;
}

AkmaSoftCounts
akma_soft_modem_get_counts(AkmaSoftModem *self)
{
    return self->counts;
}

void
akma_soft_modem_reset(AkmaSoftModem *self)
{
    akma_soft_faults_reset(&self->faults);
    self->delay_ms = 0;
    self->counts = (AkmaSoftCounts){0};
}
