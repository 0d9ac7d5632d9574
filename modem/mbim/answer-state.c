/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* answer-state: of the modem: its services, its slot, the state of card, PIN and registration. */
#include <openssl/crypto.h>

#include "modem/mbim/answer-private.h"

#define CID_AKA          1
#define CID_OPEN_CHANNEL 2
#define CID_APPLICATIONS 7
#define CID_READ_BINARY  9
#define CID_SLOTS        7
#define PIN_TYPE_PIN1    2
#define PIN_TYPE_PUK1    11
#define PIN_LOCKED       1
#define TRIES_MAX        127 /* what is above does not count tries */
#define NAME_MAX_UNITS   64
#define UUID_LEN         16

static const uint8_t uuid_uicc[UUID_LEN] = {
    0xc2, 0xf6, 0x58, 0x8e, 0xf0, 0x37, 0x4b, 0xc9, 0x86, 0x65, 0xf4, 0xd4, 0x4b, 0xd0, 0x93, 0x67};
static const uint8_t uuid_auth[UUID_LEN] = {
    0x1d, 0x2b, 0x5f, 0xf7, 0x0a, 0xa1, 0x48, 0xb2, 0xaa, 0x52, 0x50, 0xf1, 0x57, 0x67, 0x17, 0x4e};
static const uint8_t uuid_basic_extensions[UUID_LEN] = {
    0x3d, 0x01, 0xdc, 0xc5, 0xfe, 0xf5, 0x4d, 0x05, 0x0d, 0x3a, 0xbe, 0xf7, 0x05, 0x8e, 0x9a, 0xaf};

/* One MBIM_DEVICE_SERVICE_ELEMENT: UUID, two numbers, count of commands, commands. */
static bool
has_command(const AkmaMbimAnswer *element, const uint8_t *uuid, uint32_t cid)
{
    const uint8_t *own = akma_mbim_peek(element, 0, UUID_LEN);
    uint32_t n = 0;
    uint32_t one;

    if (!own || CRYPTO_memcmp(own, uuid, UUID_LEN) != 0 || !akma_mbim_peek_u32(element, 24, &n))
        return false;
    for (uint64_t i = 0; i < n && akma_mbim_peek_u32(element, 28 + 4 * i, &one); i++) {
        if (one == cid)
            return true;
    }

    return false;
}

/*= MBIM 1.0 10.5.29: count, number of sessions, offset and size of each service */
bool
akma_mbim_take_services(const AkmaMbimAnswer *answer, AkmaMbimServices *ret, GError **error)
{
    AkmaMbimServices found = {.has_channels = false};
    uint32_t n;

    if (!akma_mbim_peek_u32(answer, 0, &n))
        return akma_mbim_garbled("the list of its services", error);

    for (uint64_t i = 0; i < n; i++) {
        AkmaMbimAnswer element = {.len = 0};
        uint32_t len;

        element.info = akma_mbim_peek_part(answer, 8 + 8 * i, 12 + 8 * i, &len);
        if (!element.info)
            return akma_mbim_garbled("the list of its services", error);
        element.len = len;
        found.has_channels |= has_command(&element, uuid_uicc, CID_OPEN_CHANNEL);
        found.has_applications |= has_command(&element, uuid_uicc, CID_APPLICATIONS);
        found.has_files |= has_command(&element, uuid_uicc, CID_READ_BINARY);
        found.has_aka |= has_command(&element, uuid_auth, CID_AKA);
        found.has_slots |= has_command(&element, uuid_basic_extensions, CID_SLOTS);
    }

    *ret = found;

    return true;
}

/* The string that the pair of numbers at @at points to, in place of *@to. */
static void
take_string(const AkmaMbimAnswer *answer, uint64_t at, char **to)
{
    gunichar2 units[NAME_MAX_UNITS];
    g_autofree char *text = NULL;
    uint32_t len;
    const uint8_t *bytes = akma_mbim_peek_part(answer, at, at + 4, &len);
    size_t n = bytes ? len / 2 : 0;

    if (n == 0 || n > NAME_MAX_UNITS)
        return;
    for (size_t i = 0; i < n; i++)
        units[i] = (gunichar2)(bytes[2 * i] | bytes[2 * i + 1] << 8);

    text = g_utf16_to_utf8(units, (long)n, NULL, NULL, NULL);
    for (const char *p = text; p && *p; p = g_utf8_next_char(p)) {
        if (!g_unichar_isprint(g_utf8_get_char(p)))
            return;
    }
    if (text) {
        g_free(*to);
        *to = g_steal_pointer(&text);
    }
}

/*= MBIM 1.0 10.5.1: eight numbers; custom class, device id, firmware, hardware */
void
akma_mbim_take_model(const AkmaMbimAnswer *answer, char **model, char **firmware)
{
    take_string(answer, 48, firmware);
    take_string(answer, 56, model);
}

/* MBIM_MS_DEVICE_SLOT_MAPPINGS: count, offset and size of each; the modem that we talk to is 0. */
bool
akma_mbim_take_slot(const AkmaMbimAnswer *answer, unsigned *ret, GError **error)
{
    uint32_t n;
    uint32_t len;
    uint32_t slot;
    AkmaMbimAnswer first = {.info = akma_mbim_peek_part(answer, 4, 8, &len)};

    first.len = first.info ? len : 0;
    if (!akma_mbim_peek_u32(answer, 0, &n) || n == 0 || !akma_mbim_peek_u32(&first, 0, &slot) ||
        slot > 255)
        return akma_mbim_garbled("the slot in use", error);

    *ret = slot + 1;

    return true;
}

/*= MBIM 1.0 10.5.2: the state of the card is the first number */
bool
akma_mbim_take_ready(const AkmaMbimAnswer *answer, AkmaCardState *ret, GError **error)
{
    uint32_t state;

    if (!akma_mbim_peek_u32(answer, 0, &state))
        return akma_mbim_garbled("the state of the card", error);

    switch (state) {
    case 1: /* initialized */
    case 5: /* not activated: the card works, the subscription does not */
        ret->sim = AKMA_SIM_READY;
        break;
    case 2: /* not inserted */
    case 7: /* no profile on the eUICC */
        ret->sim = AKMA_SIM_ABSENT;
        break;
    default: /* not initialized, bad, failure, locked: the PIN tells more */
        ret->sim = AKMA_SIM_UNKNOWN;
        break;
    }

    return true;
}

/*= MBIM 1.0 10.5.4: the PIN that is asked for, its state, the attempts that are left */
bool
akma_mbim_take_pin(const AkmaMbimAnswer *answer, AkmaCardState *ret, GError **error)
{
    uint32_t type;
    uint32_t state;
    uint32_t tries;

    if (!akma_mbim_peek_u32(answer, 0, &type) || !akma_mbim_peek_u32(answer, 4, &state) ||
        !akma_mbim_peek_u32(answer, 8, &tries))
        return akma_mbim_garbled("the state of the PIN", error);
    if (state != PIN_LOCKED)
        return true;

    if (type == PIN_TYPE_PIN1) {
        ret->sim = AKMA_SIM_PIN_REQUIRED;
        ret->pin_tries = tries <= TRIES_MAX ? (int)tries : AKMA_PIN_TRIES_UNKNOWN;
    } else if (type == PIN_TYPE_PUK1) {
        ret->sim = AKMA_SIM_BLOCKED;
        ret->pin_tries = 0;
    }

    return true;
}

/*= MBIM 1.0 10.5.9: the state of the registration is the second number */
bool
akma_mbim_take_registration(const AkmaMbimAnswer *answer, AkmaCardState *ret, GError **error)
{
    static const AkmaRegistration states[] = {
        AKMA_REGISTRATION_UNKNOWN,
        AKMA_REGISTRATION_IDLE,
        AKMA_REGISTRATION_SEARCHING,
        AKMA_REGISTRATION_HOME,
        AKMA_REGISTRATION_ROAMING,
        AKMA_REGISTRATION_ROAMING, /* with a partner */
        AKMA_REGISTRATION_DENIED,
    };
    uint32_t state;

    if (!akma_mbim_peek_u32(answer, 4, &state))
        return akma_mbim_garbled("the state of the registration", error);

    ret->registration = state < G_N_ELEMENTS(states) ? states[state] : AKMA_REGISTRATION_UNKNOWN;

    return true;
}
