/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * at-query: AT+CPIN?, the tries of the PIN if the card waits for it, then how the modem is
 * registered, best system first.
 */
#include "base/error.h"
#include "modem/at/at-private.h"

typedef struct {
    AkmaCardState state;
    unsigned n_sim_states; /* +CPIN lines: the answer, and news that came by itself */
    size_t system;
} Query;

static void begin_system(GTask *owned);

static bool
tries_take(const char *line, size_t len G_GNUC_UNUSED, gpointer user_data)
{
    Query *query = g_task_get_task_data(user_data);

    return akma_at_parse_pin_tries(line, &query->state.pin_tries);
}

static void
tries_done(bool ok, int code G_GNUC_UNUSED, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);

    if (error) {
        g_task_return_error(task, g_error_copy(error));
        return;
    }

    self->lacks_cpinr = !ok;
    begin_system(g_steal_pointer(&task));
}

static bool
pin_take(const char *line, size_t len G_GNUC_UNUSED, gpointer user_data)
{
    Query *query = g_task_get_task_data(user_data);

    if (!akma_at_parse_sim_state(line, &query->state.sim))
        return false;
    query->n_sim_states++;

    return true;
}

static void
pin_done(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);
    Query *query = g_task_get_task_data(task);

    if (error) {
        g_task_return_error(task, g_error_copy(error));
        return;
    }

    /* one of them is the answer, if there is one; what is more came by itself meanwhile */
    if (query->n_sim_states > (ok ? 1 : 0))
        akma_at_card_take_news(self);
    if (!ok || query->n_sim_states == 0) {
        query->state.sim = code == AKMA_CME_SIM_ABSENT     ? AKMA_SIM_ABSENT
                           : code == AKMA_CME_PIN_REQUIRED ? AKMA_SIM_PIN_REQUIRED
                           : code == AKMA_CME_PUK_REQUIRED ? AKMA_SIM_BLOCKED
                                                           : AKMA_SIM_UNKNOWN;
    }
    if (query->state.sim == AKMA_SIM_PIN_REQUIRED && !self->lacks_cpinr)
        akma_at_card_send(
            self, "AT+CPINR=\"SIM PIN\"", tries_take, tries_done, g_steal_pointer(&task));
    else
        begin_system(g_steal_pointer(&task));
}

static bool
system_take(const char *line, size_t len G_GNUC_UNUSED, gpointer user_data)
{
    Query *query = g_task_get_task_data(user_data);
    g_autofree char *prefix = g_strconcat(akma_at_systems[query->system], ":", NULL);
    AkmaRegistration registration;

    if (!akma_at_parse_registration(line, prefix, &registration))
        return false;
    query->state.registration =
        akma_at_better_registration(query->state.registration, registration);

    return true;
}

static void
system_done(bool ok, int code G_GNUC_UNUSED, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);
    Query *query = g_task_get_task_data(task);

    if (error) {
        g_task_return_error(task, g_error_copy(error));
        return;
    }

    self->lacks_registration[query->system] = !ok;
    query->system++;
    begin_system(g_steal_pointer(&task));
}

static void
begin_system(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    AkmaAtCard *self = g_task_get_source_object(task);
    Query *query = g_task_get_task_data(task);
    g_autofree char *command = NULL;

    while (query->system < AKMA_AT_SYSTEMS && self->lacks_registration[query->system])
        query->system++;
    if (query->system == AKMA_AT_SYSTEMS || query->state.registration >= AKMA_REGISTRATION_HOME) {
        g_task_return_pointer(task, g_memdup2(&query->state, sizeof query->state), g_free);
        return;
    }

    command = g_strdup_printf("AT%s?", akma_at_systems[query->system]);
    akma_at_card_send(self, command, system_take, system_done, g_steal_pointer(&task));
}

void
akma_at_card_query(AkmaCard *card, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(card, NULL, callback, user_data);
    Query *query = g_new0(Query, 1);

    g_task_set_source_tag(task, akma_at_card_query);
    query->state.pin_tries = AKMA_PIN_TRIES_UNKNOWN;
    g_task_set_task_data(task, query, g_free);
    akma_at_card_send(AKMA_AT_CARD(card), "AT+CPIN?", pin_take, pin_done, task);
}
