/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/unlock.h"

#include "base/error.h"
#include "base/file.h"

typedef struct {
    AkmaCards *cards;
    char *place;
    char *sim_id;
} Unlock;

static void
unlock_free(Unlock *unlock)
{
    akma_cards_unref(unlock->cards);
    g_free(unlock->place);
    g_free(unlock->sim_id);
    g_free(unlock);
}

static void
fail(GTask *task, GError *owned)
{
    akma_modem_explain_pin(g_task_get_source_object(task), owned->message);
    g_task_return_error(task, owned);
}

/* Without the number there is no telling which try is the last. */
static bool
check_tries(int tries, GError **error)
{
    if (tries >= AKMA_UNLOCK_TRIES_MIN)
        return true;

    if (tries == AKMA_PIN_TRIES_UNKNOWN)
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_PIN_REQUIRED,
                            "the card waits for its PIN and does not say how many tries are left: "
                            "the one in pin-file= is not given");
    else
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_PIN_REQUIRED,
                    "the card waits for its PIN and leaves %d of its tries: the one in pin-file= "
                    "is given only with %d",
                    tries,
                    AKMA_UNLOCK_TRIES_MIN);

    return false;
}

static AkmaSecret *
read_pin(const char *file, GError **error)
{
    g_autoptr(AkmaSecret) pin =
        akma_file_read_secret(file, AKMA_PIN_MIN, AKMA_PIN_MAX, true, error);
    size_t len;
    const uint8_t *digits;

    if (!pin)
        return NULL;
    digits = akma_secret_peek(pin, &len);
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isdigit(digits[i])) {
            g_set_error(error,
                        AKMA_ERROR,
                        AKMA_ERROR_CONFIG_INVALID,
                        "%s must hold %d to %d digits",
                        file,
                        AKMA_PIN_MIN,
                        AKMA_PIN_MAX);
            return NULL;
        }
    }

    return g_steal_pointer(&pin);
}

static void
verified(GObject *modem, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    const Unlock *unlock = g_task_get_task_data(task);

    if (akma_modem_verify_pin_finish(AKMA_MODEM(modem), res, &error)) {
        akma_cards_end_pin(unlock->cards, unlock->place, unlock->sim_id);
        g_task_return_boolean(task, TRUE);
        return;
    }
    if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_PIN_REQUIRED)) {
        g_clear_error(&error);
        error = akma_cards_wrong_pin_error_new();
    }
    fail(task, g_steal_pointer(&error));
}

void
akma_unlock_async(AkmaModem *modem,
                  AkmaCards *cards,
                  const char *place,
                  const char *pin_file,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(modem, NULL, callback, user_data);
    Unlock *unlock = g_new0(Unlock, 1);
    g_autoptr(AkmaSecret) pin = NULL;
    GError *error = NULL;

    g_task_set_source_tag(task, akma_unlock_async);
    g_task_set_task_data(task, unlock, (GDestroyNotify)unlock_free);
    unlock->cards = akma_cards_ref(cards);
    unlock->place = g_strdup(place);
    unlock->sim_id = g_strdup(akma_modem_get_sim_id(modem));

    pin = read_pin(pin_file, &error);
    if (!pin || !check_tries(akma_modem_get_pin_tries(modem), &error) ||
        !akma_cards_begin_pin(cards, place, unlock->sim_id, pin, &error))
        fail(task, error);
    else
        akma_modem_verify_pin_async(modem, pin, verified, g_steal_pointer(&task));
}

bool
akma_unlock_finish(AkmaModem *modem, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, modem), false);

    return g_task_propagate_boolean(G_TASK(res), error);
}
