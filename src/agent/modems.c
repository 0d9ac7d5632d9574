/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/modems.h"

#include "agent/modem-keeper.h"
#include "base/error.h"

#define ANCHOR_WANTED "akma"
#define CARDS_MS      2000

struct _AkmaModems {
    AkmaConfig *config;
    AkmaModemKeeperContext context;
    GPtrArray *keepers; /* AkmaModemKeeper, owned, by device */
    unsigned next_number;
};

static void
remove_keeper(gpointer data)
{
    akma_modem_keeper_remove(data);
}

AkmaModems *
akma_modems_new(AkmaService *service,
                AkmaSecret *sim_id_key,
                AkmaModemsFunc func,
                gpointer user_data)
{
    AkmaModems *self = g_new0(AkmaModems, 1);

    self->context.service = service;
    self->context.sim_id_key = akma_secret_ref(sim_id_key);
    self->context.func = func;
    self->context.user_data = user_data;
    self->keepers = g_ptr_array_new_with_free_func(remove_keeper);

    return self;
}

static void
tell_nobody(AkmaModemsEvent event, AkmaModem *modem, gpointer user_data)
{
    (void)event, (void)modem, (void)user_data;
}

void
akma_modems_mute(AkmaModems *self)
{
    if (!self)
        return;

    self->context.service = NULL;
    self->context.func = tell_nobody;
}

static gboolean
time_is_over(gpointer user_data)
{
    bool *over = user_data;

    *over = true;

    return G_SOURCE_CONTINUE;
}

static bool
is_card_busy(const AkmaModems *self)
{
    for (guint i = 0; i < self->keepers->len; i++) {
        if (akma_modem_keeper_is_card_busy(self->keepers->pdata[i]))
            return true;
    }

    return false;
}

/* A modem keeps the channels of who went away: the card has few of them. */
static void
wait_for_cards(const AkmaModems *self)
{
    bool over = false;
    guint timeout = g_timeout_add(CARDS_MS, time_is_over, &over);

    while (!over && is_card_busy(self))
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timeout);
}

void
akma_modems_free(AkmaModems *self)
{
    if (!self)
        return;

    akma_modems_mute(self);
    wait_for_cards(self);
    g_ptr_array_unref(self->keepers);
    akma_secret_unref(self->context.sim_id_key);
    akma_config_unref(self->config);
    g_free(self);
}

/* Takes the keeper of the same modem out of @old; NULL: there is none. */
static AkmaModemKeeper *
steal_keeper(GPtrArray *old, const AkmaConfigModem *section)
{
    for (guint i = 0; i < old->len; i++) {
        AkmaModemKeeper *keeper = old->pdata[i];

        if (akma_config_modem_equal(akma_modem_keeper_get_section(keeper), section))
            return g_ptr_array_steal_index(old, i);
    }

    return NULL;
}

void
akma_modems_configure(AkmaModems *self, AkmaConfig *config)
{
    const GPtrArray *sections = akma_config_get_modems(config);
    g_autoptr(GPtrArray) old = self->keepers;
    AkmaConfig *old_config = self->config;
    g_autoptr(GPtrArray) fresh = g_ptr_array_new();

    self->config = akma_config_ref(config);
    self->keepers = g_ptr_array_new_with_free_func(remove_keeper);
    for (guint i = 0; i < sections->len; i++) {
        const AkmaConfigModem *section = sections->pdata[i];
        AkmaModemKeeper *keeper = steal_keeper(old, section);

        if (!keeper) {
            keeper = akma_modem_keeper_new(&self->context, section, self->next_number++);
            g_ptr_array_add(fresh, keeper);
        }
        akma_modem_keeper_set_section(keeper, section);
        g_ptr_array_add(self->keepers, keeper);
    }

    /* a port that another section had is closed before it is opened again */
    g_ptr_array_set_size(old, 0);
    akma_config_unref(old_config);
    for (guint i = 0; i < fresh->len; i++)
        akma_modem_keeper_try_now(fresh->pdata[i]);
}

void
akma_modems_scan(AkmaModems *self)
{
    for (guint i = 0; i < self->keepers->len; i++)
        akma_modem_keeper_try_now(self->keepers->pdata[i]);
}

static bool
is_meant(const AkmaModemKeeper *keeper, const char *name)
{
    return !name || g_str_equal(akma_modem_keeper_get_section(keeper)->name, name);
}

AkmaModem *
akma_modems_choose(AkmaModems *self, const char *name, GError **error)
{
    const GError *why = NULL;
    AkmaModem *first = NULL;

    for (guint i = 0; i < self->keepers->len; i++) {
        AkmaModemKeeper *keeper = self->keepers->pdata[i];

        if (!is_meant(keeper, name))
            continue;
        if (akma_modem_keeper_can(keeper, ANCHOR_WANTED))
            return akma_modem_keeper_get_modem(keeper);
        if (!first)
            first = akma_modem_keeper_get_modem(keeper);
        if (!why)
            why = akma_modem_keeper_get_error(keeper);
    }
    if (first)
        return first;

    if (why)
        g_propagate_error(error, g_error_copy(why));
    else
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "no modem is configured");

    return NULL;
}

bool
akma_modems_is_busy(const AkmaModems *self, const char *name)
{
    bool several = self->keepers->len > 1 && !name;

    for (guint i = 0; i < self->keepers->len; i++) {
        const AkmaModemKeeper *keeper = self->keepers->pdata[i];

        if (is_meant(keeper, name) && (akma_modem_keeper_is_opening(keeper) ||
                                       (several && akma_modem_keeper_is_probing(keeper))))
            return true;
    }

    return false;
}

const char *
akma_modems_get_state(const AkmaModems *self)
{
    static const char *const names[] = {"no-modem", "no-sim", "pin-required", "ready"};
    unsigned best = 0;

    for (guint i = 0; i < self->keepers->len; i++) {
        const AkmaModemKeeper *keeper = self->keepers->pdata[i];
        AkmaModem *modem = akma_modem_keeper_get_modem(keeper);
        unsigned rank = 0;

        if (!modem)
            continue;
        switch (akma_modem_get_sim_state(modem)) {
        case AKMA_SIM_UNKNOWN:
        case AKMA_SIM_ABSENT:
            rank = 1;
            break;
        case AKMA_SIM_PIN_REQUIRED:
        case AKMA_SIM_BLOCKED:
            rank = 2;
            break;
        case AKMA_SIM_READY:
            rank = 3;
            break;
        }
        best = MAX(best, rank);
    }

    return names[best];
}

const GError *
akma_modems_get_error(const AkmaModems *self)
{
    for (guint i = 0; i < self->keepers->len; i++) {
        const AkmaModemKeeper *keeper = self->keepers->pdata[i];

        if (akma_modem_keeper_get_error(keeper))
            return akma_modem_keeper_get_error(keeper);
    }

    return NULL;
}
