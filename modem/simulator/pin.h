/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pin: PIN1 of the soft card with its counters, TS 102 221 9.5 and 11.1.9 to 11.1.13. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_SOFT_PIN_LEN   8 /* padded with FF */
#define AKMA_SOFT_PIN_TRIES 3
#define AKMA_SOFT_PUK_TRIES 10

typedef struct {
    uint8_t pin[AKMA_SOFT_PIN_LEN];
    uint8_t puk[AKMA_SOFT_PIN_LEN];
    bool enabled;
    bool verified;
    uint8_t pin_tries;
    uint8_t puk_tries;
} AkmaSoftPin;

/* @pin: 4 to 8 digits; @puk: 8 digits. False: they are not. */
bool akma_soft_pin_init(AkmaSoftPin *self, const char *pin, const char *puk, bool enabled);

/* 4 to 8 digits as the card wants them; false: not that. */
bool akma_soft_pin_encode(const char *text, size_t len, uint8_t ret[static AKMA_SOFT_PIN_LEN]);

/* May a file with access condition PIN be used? */
bool akma_soft_pin_is_satisfied(const AkmaSoftPin *self);
bool akma_soft_pin_is_blocked(const AkmaSoftPin *self);

/*
 * The commands; each returns the status word. Zero bytes of @data ask for the counter where
 * the command allows it.
 */
uint16_t akma_soft_pin_verify(AkmaSoftPin *self, const uint8_t *data, size_t len);
uint16_t akma_soft_pin_change(AkmaSoftPin *self, const uint8_t *data, size_t len);
uint16_t akma_soft_pin_disable(AkmaSoftPin *self, const uint8_t *data, size_t len);
uint16_t akma_soft_pin_enable(AkmaSoftPin *self, const uint8_t *data, size_t len);
uint16_t akma_soft_pin_unblock(AkmaSoftPin *self, const uint8_t *data, size_t len);

G_END_DECLS
