/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/server.h"

#include "agent/timer.h"
#include "base/error.h"

struct _AkmaServer {
    gatomicrefcount refs; /* a run holds one */
    AkmaServerContext context;
    AkmaConfig *config;
    const AkmaConfigServer *section; /* NULL: it is gone */
    char *name;
    GPtrArray *applications; /* AkmaApplication, owned, by name */
    AkmaEnrolment *machine;
    AkmaServerClock clock;
    int64_t not_before_ms; /* back-off; 0: none */
    int64_t hold_ms;       /* the server wants no request before; 0: any time */
    GError *hold_error;
    /* while one runs */
    GCancellable *running;
    GPtrArray *asked; /* names of applications */
    AkmaModem *modem;
    guint kick_source;
};

static void
server_unref(AkmaServer *self)
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
static void
kick_later(AkmaServer *self)
{
    if (self->kick_source == 0)
        self->kick_source = g_idle_add(kick_idle, self);
}

static void
application_due(gpointer user_data)
{
    kick_later(user_data);
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
    self->clock.floor = MAX(AKMA_BUILD_TIME, akma_store_get_last_time(context->store));
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
    server_unref(self);
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
        g_message("application %s: not configured any more, its key is wiped",
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
    kick_later(self);
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

/* What is due, at most what fits into one request. @ret_asked: names of their applications. */
static GPtrArray *
collect_due(AkmaServer *self, GPtrArray **ret_asked)
{
    GPtrArray *key_ids = g_ptr_array_new();
    GPtrArray *asked = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < self->applications->len; i++) {
        AkmaApplication *application = self->applications->pdata[i];
        const char *key_id = akma_application_get_key_id(application);
        bool known = g_ptr_array_find_with_equal_func(key_ids, key_id, g_str_equal, NULL);

        if (!akma_application_is_due(application) || (!known && key_ids->len == AKMA_KEY_IDS_MAX))
            continue;
        if (!known)
            g_ptr_array_add(key_ids, (gpointer)key_id);
        g_ptr_array_add(asked, g_strdup(akma_application_get_name(application)));
    }
    g_ptr_array_add(key_ids, NULL);
    *ret_asked = asked;

    return key_ids;
}

static void
fail_asked(AkmaServer *self, const GPtrArray *asked, const GError *error, uint64_t retry_ms)
{
    for (guint i = 0; i < asked->len; i++) {
        AkmaApplication *application = akma_server_find(self, asked->pdata[i]);

        if (application)
            akma_application_failed(application, error, retry_ms);
    }
}

static const AkmaKey *
find_key(const AkmaKeySet *set, const char *key_id)
{
    for (guint i = 0; i < set->keys->len; i++) {
        const AkmaKey *key = set->keys->pdata[i];

        if (g_str_equal(key->key_id, key_id))
            return key;
    }

    return NULL;
}

static AkmaCause
find_cause(const AkmaKeySet *set, const char *key_id)
{
    for (guint i = 0; i < set->errors->len; i++) {
        const AkmaKeyError *error = set->errors->pdata[i];

        if (g_str_equal(error->key_id, key_id))
            return error->cause;
    }

    return AKMA_CAUSE_NONE;
}

static void
hand_out(AkmaServer *self, const GPtrArray *asked, const AkmaKeySet *set)
{
    for (guint i = 0; i < asked->len; i++) {
        AkmaApplication *application = akma_server_find(self, asked->pdata[i]);
        const AkmaKey *key;
        AkmaCause cause;

        if (!application)
            continue;
        key = find_key(set, akma_application_get_key_id(application));
        cause = find_cause(set, akma_application_get_key_id(application));
        if (key)
            akma_application_delivered(application, key, set->ask_again_s);
        else if (cause != AKMA_CAUSE_NONE)
            akma_application_refused(application, cause, set->ask_again_s);
        else
            akma_application_set_due(application); /* another key-id since the run began */
    }
}

static void
run_failed(AkmaServer *self, const GPtrArray *asked, const GError *error)
{
    uint64_t wait_ms = akma_enrolment_get_wait_ms(self->machine);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_info("server %s: card or configuration changed, starting again", self->name);
        for (guint i = 0; i < asked->len; i++) {
            AkmaApplication *application = akma_server_find(self, asked->pdata[i]);

            if (application)
                akma_application_set_due(application);
        }
        return;
    }

    g_warning(
        "server %s: %s; again in %.1f s", self->name, error->message, (double)wait_ms / 1000.0);
    self->not_before_ms = akma_boottime_ms() + (int64_t)wait_ms;
    self->hold_ms = akma_boottime_ms() + (int64_t)akma_enrolment_get_hold_ms(self->machine);
    g_clear_error(&self->hold_error);
    self->hold_error = g_error_copy(error);
    fail_asked(self, asked, error, wait_ms);
}

static void
run_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    AkmaServer *self = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaKeySet) set = akma_enrol_finish(res, &error);
    g_autoptr(GPtrArray) asked = g_steal_pointer(&self->asked);

    (void)source;
    g_clear_object(&self->running);
    g_clear_object(&self->modem);
    if (!self->applications) {
        server_unref(self); /* it is gone meanwhile */
        return;
    }

    if (set) {
        akma_server_clock_set(&self->clock, set->now, akma_boottime_ms());
        akma_store_note_time(self->context.store, set->now);
        hand_out(self, asked, set);
    } else {
        run_failed(self, asked, error);
    }
    self->context.changed(self->context.user_data);
    kick_later(self);
    server_unref(self);
}

/* There is no modem: told at once, tried again when one comes. */
static void
no_modem(AkmaServer *self, GPtrArray *asked, const GError *error)
{
    g_info("server %s: %s", self->name, error->message);
    fail_asked(self, asked, error, AKMA_WAIT_MAX_S * UINT64_C(1000));
    self->context.changed(self->context.user_data);
}

/* The back-off of this server holds for those of its applications that did not fail too. */
static bool
must_wait(AkmaServer *self, const GPtrArray *asked)
{
    int64_t wait_ms = MAX(self->not_before_ms, self->hold_ms) - akma_boottime_ms();

    if (wait_ms <= 0)
        return false;
    for (guint i = 0; i < asked->len; i++)
        akma_application_postpone(akma_server_find(self, asked->pdata[i]), (uint64_t)wait_ms);

    return true;
}

void
akma_server_kick(AkmaServer *self)
{
    g_autoptr(GPtrArray) asked = NULL;
    g_autoptr(GPtrArray) key_ids = NULL;
    g_autoptr(GError) error = NULL;
    AkmaEnrolRequest request;
    AkmaModem *modem;

    if (self->running || !self->section)
        return;
    key_ids = collect_due(self, &asked);
    if (asked->len == 0 || akma_modems_is_busy(self->context.modems, self->section->modem))
        return;
    if (must_wait(self, asked))
        return;
    modem = akma_modems_choose(self->context.modems, self->section->modem, &error);
    if (!modem) {
        no_modem(self, asked, error);
        return;
    }

    request = (AkmaEnrolRequest){
        .config = self->config,
        .server = self->section,
        .modem = modem,
        .reader = self->context.reader,
        .key_ids = (const char *const *)key_ids->pdata,
        .machine = self->machine,
    };
    self->running = g_cancellable_new();
    self->asked = g_steal_pointer(&asked);
    self->modem = g_object_ref(modem);
    g_atomic_ref_count_inc(&self->refs);
    g_info("server %s: enrolling %u applications", self->name, self->asked->len);
    akma_enrol_async(&request, self->running, run_done, self);
    self->context.changed(self->context.user_data);
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
    kick_later(self);
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
    kick_later(self);
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
    kick_later(self);
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
