/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/pin.h"

#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/apdu.h"

#define PADDING 0xff

/*= TS 102 221 9.5.1: 4 to 8 digits, the rest FF */
bool
akma_soft_pin_encode(const char *text, size_t len, uint8_t ret[static AKMA_SOFT_PIN_LEN])
{
    if (len < 4 || len > AKMA_SOFT_PIN_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isdigit(text[i]))
            return false;
    }

    memset(ret, PADDING, AKMA_SOFT_PIN_LEN);
    memcpy(ret, text, len);

    return true;
}

/* Is @block what akma_soft_pin_encode() would have made? */
static bool
is_encoded(const uint8_t block[static AKMA_SOFT_PIN_LEN])
{
    size_t digits = 0;

    while (digits < AKMA_SOFT_PIN_LEN && block[digits] >= '0' && block[digits] <= '9')
        digits++;
    for (size_t i = digits; i < AKMA_SOFT_PIN_LEN; i++) {
        if (block[i] != PADDING)
            return false;
    }

    return digits >= 4;
}

bool
akma_soft_pin_init(AkmaSoftPin *self, const char *pin, const char *puk, bool enabled)
{
    AkmaSoftPin made = {
        .enabled = enabled, .pin_tries = AKMA_SOFT_PIN_TRIES, .puk_tries = AKMA_SOFT_PUK_TRIES};

    if (!akma_soft_pin_encode(pin, strlen(pin), made.pin) || strlen(puk) != AKMA_SOFT_PIN_LEN ||
        !akma_soft_pin_encode(puk, strlen(puk), made.puk))
        return false;
    *self = made;

    return true;
}

bool
akma_soft_pin_is_satisfied(const AkmaSoftPin *self)
{
    return !self->enabled || self->verified;
}

bool
akma_soft_pin_is_blocked(const AkmaSoftPin *self)
{
    return self->enabled && self->pin_tries == 0;
}

/* Counts a try of @value against @block. */
static uint16_t
try_value(uint8_t *tries,
          uint8_t most,
          const uint8_t value[static AKMA_SOFT_PIN_LEN],
          const uint8_t *block)
{
    if (*tries == 0)
        return AKMA_SOFT_SW_BLOCKED;
    if (CRYPTO_memcmp(value, block, AKMA_SOFT_PIN_LEN) != 0)
        return (uint16_t)(AKMA_SOFT_SW_TRIES | --*tries);
    *tries = most;

    return AKMA_SOFT_SW_OK;
}

static uint16_t
try_pin(AkmaSoftPin *self, const uint8_t *block)
{
    uint16_t sw = try_value(&self->pin_tries, AKMA_SOFT_PIN_TRIES, self->pin, block);

    self->verified = sw == AKMA_SOFT_SW_OK;

    return sw;
}

static uint16_t
count(uint8_t tries)
{
    return tries == 0 ? AKMA_SOFT_SW_BLOCKED : (uint16_t)(AKMA_SOFT_SW_TRIES | tries);
}

/*= TS 102 221 11.1.9: VERIFY PIN; without data it tells the counter */
uint16_t
akma_soft_pin_verify(AkmaSoftPin *self, const uint8_t *data, size_t len)
{
    if (len == 0)
        return count(self->pin_tries);
    if (len != AKMA_SOFT_PIN_LEN)
        return AKMA_SOFT_SW_WRONG_LENGTH;
    if (!self->enabled)
        return AKMA_SOFT_SW_INVALIDATED;

    return try_pin(self, data);
}

/*= TS 102 221 11.1.10: CHANGE PIN, only while the PIN is enabled */
uint16_t
akma_soft_pin_change(AkmaSoftPin *self, const uint8_t *data, size_t len)
{
    uint16_t sw;

    if (len != 2 * AKMA_SOFT_PIN_LEN)
        return AKMA_SOFT_SW_WRONG_LENGTH;
    if (!self->enabled)
        return AKMA_SOFT_SW_INVALIDATED;
    if (!is_encoded(data + AKMA_SOFT_PIN_LEN))
        return AKMA_SOFT_SW_WRONG_DATA;

    sw = try_pin(self, data);
    if (sw == AKMA_SOFT_SW_OK)
        memcpy(self->pin, data + AKMA_SOFT_PIN_LEN, AKMA_SOFT_PIN_LEN);

    return sw;
}

/*= TS 102 221 11.1.11: DISABLE PIN */
uint16_t
akma_soft_pin_disable(AkmaSoftPin *self, const uint8_t *data, size_t len)
{
    uint16_t sw;

    if (len != AKMA_SOFT_PIN_LEN)
        return AKMA_SOFT_SW_WRONG_LENGTH;
    if (!self->enabled)
        return AKMA_SOFT_SW_INVALIDATED;

    sw = try_pin(self, data);
    if (sw == AKMA_SOFT_SW_OK)
        self->enabled = false;

    return sw;
}

/*= TS 102 221 11.1.12: ENABLE PIN */
uint16_t
akma_soft_pin_enable(AkmaSoftPin *self, const uint8_t *data, size_t len)
{
    uint16_t sw;

    if (len != AKMA_SOFT_PIN_LEN)
        return AKMA_SOFT_SW_WRONG_LENGTH;
    if (self->enabled)
        return AKMA_SOFT_SW_INVALIDATED;

    sw = try_pin(self, data);
    if (sw == AKMA_SOFT_SW_OK)
        self->enabled = true;

    return sw;
}

/*= TS 102 221 11.1.13: UNBLOCK PIN sets a new PIN, enables it and counts it as verified */
uint16_t
akma_soft_pin_unblock(AkmaSoftPin *self, const uint8_t *data, size_t len)
{
    uint16_t sw;

    if (len == 0)
        return count(self->puk_tries);
    if (len != 2 * AKMA_SOFT_PIN_LEN)
        return AKMA_SOFT_SW_WRONG_LENGTH;
    if (!is_encoded(data + AKMA_SOFT_PIN_LEN))
        return AKMA_SOFT_SW_WRONG_DATA;

    sw = try_value(&self->puk_tries, AKMA_SOFT_PUK_TRIES, self->puk, data);
    if (sw != AKMA_SOFT_SW_OK)
        return sw;
    memcpy(self->pin, data + AKMA_SOFT_PIN_LEN, AKMA_SOFT_PIN_LEN);
    self->pin_tries = AKMA_SOFT_PIN_TRIES;
    self->enabled = true;
    self->verified = true;

    return AKMA_SOFT_SW_OK;
}
