/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-pin: AT+CPIN="...", sent once whatever comes back. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "modem/at/at-private.h"

static GError *
error_new(int code)
{
    switch (code) {
    case AKMA_CME_PASSWORD:
    case AKMA_CME_PIN_REQUIRED:
        return g_error_new_literal(AKMA_ERROR, AKMA_ERROR_PIN_REQUIRED, "the PIN is wrong");
    default:
        return akma_at_card_error_new("giving the PIN", code);
    }
}

static void
verified(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;

    if (error)
        g_task_return_error(task, g_error_copy(error));
    else if (ok)
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error_new(code));
}

static bool
is_pin(const uint8_t *digits, size_t len)
{
    if (len < AKMA_PIN_MIN || len > AKMA_PIN_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isdigit(digits[i]))
            return false;
    }

    return true;
}

/*= TS 27.007 8.3: AT+CPIN=<pin> */
void
akma_at_card_verify_pin(AkmaCard *card,
                        AkmaSecret *pin,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    static const char head[] = "AT+CPIN=\"";
    g_autoptr(GTask) task = g_task_new(card, NULL, callback, user_data);
    char text[sizeof head + AKMA_PIN_MAX + 1] = {0};
    size_t len;
    const uint8_t *digits = akma_secret_peek(pin, &len);

    g_task_set_source_tag(task, akma_at_card_verify_pin);
    if (!is_pin(digits, len)) {
        g_task_return_new_error(task,
                                AKMA_ERROR,
                                AKMA_ERROR_INVALID_ARGUMENT,
                                "a PIN has %d to %d digits",
                                AKMA_PIN_MIN,
                                AKMA_PIN_MAX);
        return;
    }

    memcpy(text, head, sizeof head - 1);
    memcpy(text + sizeof head - 1, digits, len);
    text[sizeof head - 1 + len] = '"';
    /* not by akma_at_card_send(), which repeats what a busy card refuses: each PIN may cost a try
     */
    akma_at_port_send(AKMA_AT_CARD(card)->port, text, NULL, verified, g_steal_pointer(&task));
    OPENSSL_cleanse(text, sizeof text);
}
