/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/server-private.h"
#include "agent/timer.h"
#include "base/error.h"
#include "base/event.h"

void
akma_server_unref(AkmaServer *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;

    akma_enrolment_free(self->machine);
    g_clear_pointer(&self->asked, g_ptr_array_unref);
    g_clear_object(&self->modem);
    g_clear_error(&self->hold_error);
    akma_config_unref(self->config);
    g_free(self->name);
    g_free(self);
}

/* What a person or an event may shorten; not the hold. */
static void
forget_back_off(AkmaServer *self)
{
    self->not_before_ms = 0;
    if (!self->running)
        akma_enrolment_reset(self->machine);
}

static gboolean
kick_idle(gpointer user_data)
{
    AkmaServer *self = user_data;

    self->kick_source = 0;
    akma_server_kick(self);

    return G_SOURCE_REMOVE;
}

/* Not from inside a callback of an application, a modem or the end of a run. */
void
akma_server_kick_later(AkmaServer *self)
{
    if (self->kick_source == 0)
        self->kick_source = g_idle_add(kick_idle, self);
}

static void
application_due(gpointer user_data)
{
    akma_server_kick_later(user_data);
}

AkmaServer *
akma_server_new(const AkmaServerContext *context,
                AkmaConfig *config,
                const AkmaConfigServer *section)
{
    AkmaServer *self = g_new0(AkmaServer, 1);

    g_atomic_ref_count_init(&self->refs);
    self->context = *context;
    self->name = g_strdup(section->name);
    self->machine = akma_enrolment_new();
    self->clock.floor = MAX(AKMA_BUILD_TIME, akma_store_get_time(context->store, section->name));
    self->applications = g_ptr_array_new_with_free_func((GDestroyNotify)akma_application_free);
    akma_server_configure(self, config, section);

    return self;
}

void
akma_server_free(AkmaServer *self)
{
    if (!self)
        return;

    g_clear_handle_id(&self->kick_source, g_source_remove);
    if (self->running)
        g_cancellable_cancel(self->running);
    self->section = NULL;
    g_clear_pointer(&self->applications, g_ptr_array_unref);
    akma_server_unref(self);
}

const char *
akma_server_get_name(const AkmaServer *self)
{
    return self->name;
}

static const AkmaConfigApplication *
find_section(const AkmaServer *self, const char *name)
{
    const GPtrArray *all = akma_config_get_applications(self->config);

    for (guint i = 0; self->section && i < all->len; i++) {
        const AkmaConfigApplication *section = all->pdata[i];

        if (g_str_equal(section->name, name) && g_str_equal(section->server, self->name))
            return section;
    }

    return NULL;
}

/* Those that the configuration does not name any more leave the bus, and their keys are wiped. */
static void
drop_applications(AkmaServer *self)
{
    for (guint i = self->applications->len; i > 0; i--) {
        AkmaApplication *application = self->applications->pdata[i - 1];
        const AkmaConfigApplication *section =
            find_section(self, akma_application_get_name(application));

        if (section) {
            akma_application_set_config(application, self->config, section);
            continue;
        }
        akma_event_log(AKMA_EVENT_KEY_WIPED,
                       akma_application_get_name(application),
                       NULL,
                       "application %s: not configured any more, its key is wiped",
                       akma_application_get_name(application));
        akma_application_forget(application);
        g_ptr_array_remove_index(self->applications, i - 1);
    }
}

static void
add_applications(AkmaServer *self)
{
    const GPtrArray *all = akma_config_get_applications(self->config);
    const AkmaApplicationContext context = {
        .store = self->context.store,
        .service = self->context.service,
        .clock = &self->clock,
        .due = application_due,
        .user_data = self,
    };

    for (guint i = 0; self->section && i < all->len; i++) {
        const AkmaConfigApplication *section = all->pdata[i];

        if (g_str_equal(section->server, self->name) && !akma_server_find(self, section->name))
            g_ptr_array_add(self->applications,
                            akma_application_new(&context, self->config, section));
    }
}

/* It is another server now: who it was before has no say any more. */
static void
start_again(AkmaServer *self)
{
    self->hold_ms = 0;
    if (self->running)
        g_cancellable_cancel(self->running);
    for (guint i = 0; i < self->applications->len; i++)
        akma_application_set_due(self->applications->pdata[i]);
}

void
akma_server_configure(AkmaServer *self, AkmaConfig *config, const AkmaConfigServer *section)
{
    AkmaConfig *old = self->config;
    bool moved = self->section && section && !akma_config_server_equal(self->section, section);

    self->config = akma_config_ref(config);
    self->section = section;
    forget_back_off(self);
    drop_applications(self);
    add_applications(self);
    akma_config_unref(old);
    if (moved)
        start_again(self);
    akma_server_kick_later(self);
}

AkmaApplication *
akma_server_find(AkmaServer *self, const char *application)
{
    for (guint i = 0; i < self->applications->len; i++) {
        AkmaApplication *each = self->applications->pdata[i];

        if (g_str_equal(akma_application_get_name(each), application))
            return each;
    }

    return NULL;
}

void
akma_server_enroll(AkmaServer *self,
                   AkmaApplication *application,
                   AkmaEnrolledFunc done,
                   gpointer user_data)
{
    int64_t hold_ms = self->hold_ms - akma_boottime_ms();

    if (!self->running && hold_ms > 0) {
        g_autoptr(GError) error = g_error_copy(self->hold_error);

        g_prefix_error(&error, "not before %" G_GINT64_FORMAT " s: ", (hold_ms + 999) / 1000);
        done(error, user_data);
        return;
    }
    akma_waiters_add(akma_application_get_waiters(application), done, user_data);
    forget_back_off(self);
    akma_server_kick_later(self);
}

/* What a modem, its card or its registration can cure. */
static bool
is_of_the_card(const GError *error)
{
    return error && error->domain == AKMA_ERROR &&
           ((error->code >= AKMA_ERROR_NO_MODEM && error->code <= AKMA_ERROR_ANCHOR_REJECTED) ||
            error->code == AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
}

void
akma_server_card_appeared(AkmaServer *self)
{
    bool any = false;

    for (guint i = 0; i < self->applications->len; i++) {
        AkmaApplication *application = self->applications->pdata[i];

        if (is_of_the_card(akma_application_get_error(application))) {
            akma_application_set_due(application);
            any = true;
        }
    }
    if (any)
        forget_back_off(self);
    akma_server_kick_later(self);
}

void
akma_server_retry(AkmaServer *self, AkmaError code)
{
    bool any = false;

    /* what runs may still fail by what it began before: akma_server_heed_news() */
    if (self->running) {
        self->news |= UINT64_C(1) << code;
        return;
    }

    for (guint i = 0; i < self->applications->len; i++) {
        AkmaApplication *application = self->applications->pdata[i];

        if (g_error_matches(akma_application_get_error(application), AKMA_ERROR, (int)code)) {
            akma_application_set_due(application);
            any = true;
        }
    }
    if (!any)
        return;
    forget_back_off(self);
    akma_server_kick_later(self);
}

void
akma_server_heed_news(AkmaServer *self)
{
    uint64_t news = self->news;

    self->news = 0;
    for (unsigned code = 0; code < 64; code++) {
        if (news >> code & 1)
            akma_server_retry(self, (AkmaError)code);
    }
}

void
akma_server_clock_was_set(AkmaServer *self)
{
    for (guint i = 0; i < self->applications->len; i++)
        akma_application_clock_was_set(self->applications->pdata[i]);
    akma_server_retry(self, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
}

void
akma_server_card_changed(AkmaServer *self, AkmaModem *modem)
{
    if (self->running && self->modem == modem)
        g_cancellable_cancel(self->running);
    if (akma_modem_get_sim_state(modem) != AKMA_SIM_READY)
        return;

    for (guint i = 0; i < self->applications->len; i++)
        akma_application_set_due(self->applications->pdata[i]);
    forget_back_off(self);
    akma_server_kick_later(self);
}

bool
akma_server_may_use(const AkmaServer *self, const char *name)
{
    return self->section && (!self->section->modem || g_str_equal(self->section->modem, name));
}

void
akma_server_wipe_keys(AkmaServer *self)
{
    for (guint i = 0; i < self->applications->len; i++)
        akma_application_wipe(self->applications->pdata[i]);
}

bool
akma_server_is_running(const AkmaServer *self)
{
    return self->running != NULL;
}

bool
akma_server_has_all_keys(const AkmaServer *self)
{
    for (guint i = 0; i < self->applications->len; i++) {
        if (!akma_application_has_key(self->applications->pdata[i]))
            return false;
    }

    return true;
}

bool
akma_server_is_degraded(const AkmaServer *self)
{
    return akma_enrolment_is_degraded(self->machine);
}

const GError *
akma_server_get_error(const AkmaServer *self)
{
    for (guint i = 0; i < self->applications->len; i++) {
        const GError *error = akma_application_get_error(self->applications->pdata[i]);

        if (error)
            return error;
    }

    return NULL;
}
