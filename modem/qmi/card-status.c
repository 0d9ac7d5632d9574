/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/qmi/card-status.h"

#include <openssl/crypto.h>
#include <string.h>

#define CARD_PRESENT 1
#define NO_INDEX     0xffff

/* The state of an application. */
enum {
    APP_UNKNOWN = 0,
    APP_DETECTED = 1,
    APP_PIN_REQUIRED = 2,
    APP_PUK_REQUIRED = 3,
    APP_PERSONALIZATION = 4,
    APP_PIN_BLOCKED = 5,
    APP_ILLEGAL = 6,
    APP_READY = 7,
};

/* The state of a PIN. */
enum {
    PIN_UNKNOWN = 0,
    PIN_NOT_VERIFIED = 1,
    PIN_VERIFIED = 2,
    PIN_DISABLED = 3,
    PIN_BLOCKED = 4,
    PIN_BLOCKED_FOR_EVER = 5,
};

/* Reads on; false where its AID is longer than any that we know. */
static bool
read_app(AkmaReader *reader, uint8_t upin_state, uint8_t upin_tries, AkmaQmiApp *ret)
{
    const uint8_t *aid;
    size_t aid_len;

    ret->type = akma_reader_u8(reader);
    ret->state = akma_reader_u8(reader);
    akma_reader_take(reader, 4); /* personalisation: state, feature, tries, tries to unblock */
    aid = akma_qmi_get_block8(reader, &aid_len);
    ret->by_upin = akma_reader_u8(reader) != 0;
    ret->pin_state = akma_reader_u8(reader);
    ret->pin_tries = akma_reader_u8(reader);
    akma_reader_take(reader, 4); /* tries of PUK 1; state and tries of PIN 2, tries of PUK 2 */
    if (ret->by_upin) {
        ret->pin_state = upin_state;
        ret->pin_tries = upin_tries;
    }
    if (reader->bad || aid_len > sizeof ret->aid)
        return false;

    if (aid_len > 0)
        memcpy(ret->aid, aid, aid_len);
    ret->aid_len = aid_len;

    return true;
}

static void
read_card(AkmaReader *reader, unsigned card, uint16_t primary, AkmaQmiCardStatus *ret)
{
    uint8_t upin_state;
    uint8_t upin_tries;
    unsigned n_apps;

    ret->is_present = akma_reader_u8(reader) == CARD_PRESENT;
    upin_state = akma_reader_u8(reader);
    upin_tries = akma_reader_u8(reader);
    akma_reader_take(reader, 2); /* tries of the universal PUK; why the card does not work */
    n_apps = akma_reader_u8(reader);

    for (unsigned i = 0; i < n_apps && !reader->bad; i++) {
        AkmaQmiApp app = {0};

        app.is_primary = primary != NO_INDEX && primary == (card << 8 | i);
        if (read_app(reader, upin_state, upin_tries, &app) && ret->n_apps < AKMA_QMI_APPS_MAX)
            ret->apps[ret->n_apps++] = app;
    }
}

bool
akma_qmi_parse_card_status(AkmaReader value, unsigned slot, AkmaQmiCardStatus *ret)
{
    AkmaQmiCardStatus found = {0};
    uint16_t primary = akma_qmi_get_u16(&value); /* card and application, a byte each */
    unsigned n_cards;

    akma_reader_take(&value, 6); /* the other provisioning sessions */
    n_cards = akma_reader_u8(&value);
    for (unsigned card = 0; card < n_cards && !value.bad; card++) {
        AkmaQmiCardStatus this = {0};

        read_card(&value, card, primary, &this);
        if (card + 1 == slot)
            found = this;
    }
    if (!akma_reader_is_done(&value))
        return false;

    *ret = found;

    return true;
}

static bool
begins_with(const AkmaQmiApp *app, const uint8_t *aid, size_t len)
{
    return len <= app->aid_len && (len == 0 || CRYPTO_memcmp(app->aid, aid, len) == 0);
}

static bool
app_equal(const AkmaQmiApp *a, const AkmaQmiApp *b)
{
    return a->type == b->type && a->state == b->state && a->aid_len == b->aid_len &&
           begins_with(a, b->aid, b->aid_len) && a->is_primary == b->is_primary &&
           a->by_upin == b->by_upin && a->pin_state == b->pin_state && a->pin_tries == b->pin_tries;
}

bool
akma_qmi_card_status_equal(const AkmaQmiCardStatus *a, const AkmaQmiCardStatus *b)
{
    if (a->is_present != b->is_present || a->n_apps != b->n_apps)
        return false;
    for (size_t i = 0; i < a->n_apps; i++) {
        if (!app_equal(&a->apps[i], &b->apps[i]))
            return false;
    }

    return true;
}

const AkmaQmiApp *
akma_qmi_card_status_find(const AkmaQmiCardStatus *self, const uint8_t *aid, size_t aid_len)
{
    for (size_t i = 0; i < self->n_apps; i++) {
        if (begins_with(&self->apps[i], aid, aid_len))
            return &self->apps[i];
    }

    return NULL;
}

const AkmaQmiApp *
akma_qmi_card_status_get_usim(const AkmaQmiCardStatus *self)
{
    for (size_t i = 0; i < self->n_apps; i++) {
        if (self->apps[i].type == AKMA_QMI_APP_USIM)
            return &self->apps[i];
    }

    return self->n_apps > 0 ? &self->apps[0] : NULL;
}

static AkmaSimState
get_state_by_pin(uint8_t pin_state)
{
    switch (pin_state) {
    case PIN_NOT_VERIFIED:
        return AKMA_SIM_PIN_REQUIRED;
    case PIN_VERIFIED:
    case PIN_DISABLED:
        return AKMA_SIM_READY;
    case PIN_BLOCKED:
    case PIN_BLOCKED_FOR_EVER:
        return AKMA_SIM_BLOCKED;
    default:
        return AKMA_SIM_UNKNOWN;
    }
}

AkmaSimState
akma_qmi_card_status_get_sim(const AkmaQmiCardStatus *self, int *ret_pin_tries)
{
    const AkmaQmiApp *app = akma_qmi_card_status_get_usim(self);

    *ret_pin_tries = app && app->pin_state != PIN_UNKNOWN ? app->pin_tries : AKMA_PIN_TRIES_UNKNOWN;
    if (!self->is_present)
        return AKMA_SIM_ABSENT;
    if (!app)
        return AKMA_SIM_UNKNOWN;

    switch (app->state) {
    case APP_DETECTED: /* no session of the modem uses it: its PIN says whether we can */
        return get_state_by_pin(app->pin_state);
    case APP_PIN_REQUIRED:
        return AKMA_SIM_PIN_REQUIRED;
    case APP_PUK_REQUIRED:
    case APP_PIN_BLOCKED:
        return AKMA_SIM_BLOCKED;
    case APP_PERSONALIZATION: /* the modem may not use it, we can */
    case APP_READY:
        return AKMA_SIM_READY;
    case APP_ILLEGAL:
    default:
        return AKMA_SIM_UNKNOWN;
    }
}

AkmaQmiSlot
akma_qmi_parse_slot_status(AkmaReader value, unsigned slot, uint8_t *ret_logical)
{
    unsigned n_slots = akma_reader_u8(&value);
    AkmaQmiSlot found = AKMA_QMI_SLOT_MISSING;
    uint8_t logical = 0;

    for (unsigned i = 1; i <= n_slots && !value.bad; i++) {
        size_t iccid_len;
        bool is_active;
        uint8_t this_logical;

        akma_qmi_get_u32(&value); /* the card: the card status tells more */
        is_active = akma_qmi_get_u32(&value) == 1;
        this_logical = akma_reader_u8(&value);
        akma_qmi_get_block8(&value, &iccid_len);
        if (i == slot) {
            found = is_active && this_logical > 0 ? AKMA_QMI_SLOT_OK : AKMA_QMI_SLOT_INACTIVE;
            logical = this_logical;
        }
    }
    if (!akma_reader_is_done(&value))
        return AKMA_QMI_SLOT_BROKEN;

    if (found == AKMA_QMI_SLOT_OK)
        *ret_logical = logical;

    return found;
}
