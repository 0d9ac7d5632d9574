/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/modems.h"

#include <string.h>

#include "agent/modem-keeper.h"
#include "base/error.h"
#include "modem/discovery.h"

#define CARDS_MS 2000

struct _AkmaModems {
    AkmaConfig *config;
    AkmaModemKeeperContext context;
    AkmaDiscovery *discovery;
    GPtrArray *keepers; /* AkmaModemKeeper, owned, by device */
    unsigned next_number;
};

static void
remove_keeper(gpointer data)
{
    akma_modem_keeper_remove(data);
}

static void ports_changed(AkmaDiscovery *discovery, gpointer user_data);

AkmaModems *
akma_modems_new(AkmaService *service,
                AkmaSecret *sim_id_key,
                AkmaCards *cards,
                AkmaModemsFunc func,
                gpointer user_data)
{
    AkmaModems *self = g_new0(AkmaModems, 1);

    self->context.service = service;
    self->context.sim_id_key = akma_secret_ref(sim_id_key);
    self->context.cards = akma_cards_ref(cards);
    self->context.func = func;
    self->context.user_data = user_data;
    self->keepers = g_ptr_array_new_with_free_func(remove_keeper);
    self->discovery = akma_discovery_new();
    g_signal_connect(self->discovery, "changed", G_CALLBACK(ports_changed), self);

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

    g_signal_handlers_disconnect_by_data(self->discovery, self);
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
    g_object_unref(self->discovery);
    akma_secret_unref(self->context.sim_id_key);
    akma_cards_unref(self->context.cards);
    akma_config_unref(self->config);
    g_free(self);
}

/* A modem that should be kept. */
typedef struct {
    const AkmaConfigModem *section;
    AkmaFoundModem *place; /* NULL: was taken */
} Wanted;

static void
wanted_clear(gpointer data)
{
    Wanted *self = data;

    akma_found_modem_free(self->place);
}

static void
want(GArray *wanted, const AkmaConfigModem *section, AkmaFoundModem *place)
{
    const Wanted one = {section, place};

    g_array_append_val(wanted, one);
}

/* Does another section name a port of it? */
static bool
is_named(const AkmaFoundModem *found, const GPtrArray *sections)
{
    for (guint i = 0; i < sections->len; i++) {
        const AkmaConfigModem *section = sections->pdata[i];

        for (guint j = 0; j < found->ports->len && !akma_config_modem_is_auto(section); j++) {
            const AkmaFoundPort *port = found->ports->pdata[j];

            if (akma_discovery_is_same_port(section->device, port->node))
                return true;
        }
    }

    return false;
}

/* The ports that the section allows; NULL: none. AT commands reach the first slot only. */
static AkmaFoundModem *
select_ports(const AkmaFoundModem *found, const AkmaConfigModem *section)
{
    AkmaFoundModem *place = akma_found_modem_new(found->id);

    for (guint i = 0; i < found->ports->len; i++) {
        const AkmaFoundPort *port = found->ports->pdata[i];

        if (!g_str_equal(section->protocol, "auto") &&
            !g_str_equal(section->protocol, port->protocol))
            continue;
        if (section->slot == 1 || !g_str_equal(port->protocol, "at"))
            akma_found_modem_add(place, port->node, port->protocol, port->is_guess);
    }
    if (place->ports->len == 0)
        g_clear_pointer(&place, akma_found_modem_free);

    return place;
}

static void
want_found(AkmaModems *self, GArray *wanted, const AkmaConfigModem *section)
{
    const GPtrArray *all = akma_discovery_get_modems(self->discovery);

    for (guint i = 0; i < all->len; i++) {
        const AkmaFoundModem *found = all->pdata[i];
        AkmaFoundModem *place = NULL;

        if (!is_named(found, akma_config_get_modems(self->config)))
            place = select_ports(found, section);
        if (place)
            want(wanted, section, place);
    }
}

static GArray *
list_wanted(AkmaModems *self)
{
    const GPtrArray *sections = akma_config_get_modems(self->config);
    GArray *wanted = g_array_new(FALSE, FALSE, sizeof(Wanted));

    g_array_set_clear_func(wanted, wanted_clear);
    for (guint i = 0; i < sections->len; i++) {
        const AkmaConfigModem *section = sections->pdata[i];
        AkmaFoundModem *place;

        if (akma_config_modem_is_auto(section)) {
            want_found(self, wanted, section);
            continue;
        }
        place = akma_found_modem_new(section->device);
        akma_found_modem_add(place, section->device, g_intern_string(section->protocol), false);
        want(wanted, section, place);
    }

    return wanted;
}

/* Takes the keeper of the same modem out of @old; NULL: there is none. */
static AkmaModemKeeper *
steal_keeper(GPtrArray *old, const Wanted *wanted)
{
    for (guint i = 0; i < old->len; i++) {
        if (akma_modem_keeper_suits(old->pdata[i], wanted->section, wanted->place))
            return g_ptr_array_steal_index(old, i);
    }

    return NULL;
}

static gint
compare_keepers(gconstpointer a, gconstpointer b)
{
    const AkmaModemKeeper *const *x = a;
    const AkmaModemKeeper *const *y = b;

    return strcmp(akma_modem_keeper_get_node(*x), akma_modem_keeper_get_node(*y));
}

/* Keeps what is wanted and nothing else. */
static void
reconcile(AkmaModems *self)
{
    g_autoptr(GArray) wanted = list_wanted(self);
    g_autoptr(GPtrArray) old = self->keepers;
    g_autoptr(GPtrArray) fresh = g_ptr_array_new();

    self->keepers = g_ptr_array_new_with_free_func(remove_keeper);
    for (guint i = 0; i < wanted->len; i++) {
        Wanted *each = &g_array_index(wanted, Wanted, i);
        AkmaModemKeeper *keeper = steal_keeper(old, each);

        if (keeper) {
            akma_modem_keeper_update(keeper, each->section, g_steal_pointer(&each->place));
        } else {
            keeper = akma_modem_keeper_new(
                &self->context, each->section, g_steal_pointer(&each->place), self->next_number++);
            g_ptr_array_add(fresh, keeper);
        }
        g_ptr_array_add(self->keepers, keeper);
    }
    g_ptr_array_sort(self->keepers, compare_keepers);

    /* a port that another section had is closed before it is opened again */
    g_ptr_array_set_size(old, 0);
    for (guint i = 0; i < fresh->len; i++)
        akma_modem_keeper_try_now(fresh->pdata[i]);
}

void
akma_modems_configure(AkmaModems *self, AkmaConfig *config)
{
    AkmaConfig *old = self->config;

    self->config = akma_config_ref(config);
    self->context.port_socket =
        akma_settings_get(akma_config_get_settings(config), "agent", "port-socket");
    reconcile(self);
    akma_config_unref(old);
}

static void
try_closed(AkmaModems *self)
{
    for (guint i = 0; i < self->keepers->len; i++) {
        if (!akma_modem_keeper_get_modem(self->keepers->pdata[i]))
            akma_modem_keeper_try_now(self->keepers->pdata[i]);
    }
}

static void
ports_changed(AkmaDiscovery *discovery, gpointer user_data)
{
    AkmaModems *self = user_data;

    (void)discovery;
    if (!self->config)
        return;
    reconcile(self);
    try_closed(self);
    self->context.func(AKMA_MODEMS_CHANGED, NULL, self->context.user_data);
}

void
akma_modems_scan(AkmaModems *self)
{
    akma_discovery_scan(self->discovery);
    reconcile(self);
    for (guint i = 0; i < self->keepers->len; i++)
        akma_modem_keeper_try_now(self->keepers->pdata[i]);
}

static bool
is_meant(const AkmaModemKeeper *keeper, const char *name)
{
    return !name || g_str_equal(akma_modem_keeper_get_section(keeper)->name, name);
}

static AkmaModem *
find_able(AkmaModems *self, const char *name, const char *anchor)
{
    for (guint i = 0; i < self->keepers->len; i++) {
        AkmaModemKeeper *keeper = self->keepers->pdata[i];

        if (is_meant(keeper, name) && akma_modem_keeper_can(keeper, anchor))
            return akma_modem_keeper_get_modem(keeper);
    }

    return NULL;
}

AkmaModem *
akma_modems_choose(AkmaModems *self, const char *name, const char *const *anchors, GError **error)
{
    const GError *why = NULL;
    AkmaModem *first = NULL;

    for (; *anchors && !first; anchors++)
        first = find_able(self, name, *anchors);
    for (guint i = 0; i < self->keepers->len && !first; i++) {
        AkmaModemKeeper *keeper = self->keepers->pdata[i];

        if (!is_meant(keeper, name))
            continue;
        first = akma_modem_keeper_get_modem(keeper);
        if (!why)
            why = akma_modem_keeper_get_error(keeper);
    }
    if (first)
        return first;

    if (why)
        g_propagate_error(error, g_error_copy(why));
    else
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "no modem was found");

    return NULL;
}

AkmaModem *
akma_modems_find(AkmaModems *self, unsigned number, GError **error)
{
    for (guint i = 0; i < self->keepers->len; i++) {
        AkmaModemKeeper *keeper = self->keepers->pdata[i];
        AkmaModem *modem = akma_modem_keeper_get_modem(keeper);

        if (modem && akma_modem_keeper_get_number(keeper) == number)
            return modem;
    }
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "no modem has this number");

    return NULL;
}

const char *
akma_modems_get_name(const AkmaModems *self, const AkmaModem *modem)
{
    for (guint i = 0; i < self->keepers->len; i++) {
        const AkmaModemKeeper *keeper = self->keepers->pdata[i];

        if (akma_modem_keeper_get_modem(keeper) == modem)
            return akma_modem_keeper_get_section(keeper)->name;
    }

    return "";
}

bool
akma_modems_has_card(const AkmaModems *self, const char *sim_id)
{
    for (guint i = 0; i < self->keepers->len; i++) {
        AkmaModem *modem = akma_modem_keeper_get_modem(self->keepers->pdata[i]);

        if (modem && g_str_equal(akma_modem_get_sim_id(modem), sim_id))
            return true;
    }

    return false;
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
        if (akma_modem_keeper_get_pin_error(keeper))
            return akma_modem_keeper_get_pin_error(keeper);
    }

    return NULL;
}
