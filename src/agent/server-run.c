/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* server-run: one exchange of a server: who takes part in it, and what it gave to each. */
#include "agent/server-private.h"

#include "agent/timer.h"
#include "base/event.h"

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
    g_autofree char *message = akma_error_dup_message(error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_info("server %s: card or configuration changed, starting again", self->name);
        for (guint i = 0; i < asked->len; i++) {
            AkmaApplication *application = akma_server_find(self, asked->pdata[i]);

            if (application)
                akma_application_set_due(application);
        }
        return;
    }

    akma_event_log_all(AKMA_EVENT_EXCHANGE_FAILED,
                       asked,
                       "server %s: %s (tried again in %.1f s); next: %s",
                       self->name,
                       message,
                       (double)wait_ms / 1000.0,
                       akma_error_get_hint(error));
    self->not_before_ms = akma_boottime_ms() + (int64_t)wait_ms;
    self->hold_ms = akma_boottime_ms() + (int64_t)akma_enrolment_get_hold_ms(self->machine);
    g_clear_error(&self->hold_error);
    self->hold_error = g_error_copy(error);
    fail_asked(self, asked, error, wait_ms);
}

/* Also one that is less than before: each server judges its own keys. */
static void
take_time(AkmaServer *self, int64_t now)
{
    g_autoptr(GError) error = NULL;

    akma_server_clock_set(&self->clock, now, akma_boottime_ms());
    if (!akma_store_note_time(self->context.store, self->name, now, &error))
        g_warning("server %s: cannot keep its time: %s", self->name, error->message);
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
        akma_server_unref(self); /* it is gone meanwhile */
        return;
    }

    if (set) {
        take_time(self, set->now);
        hand_out(self, asked, set);
    } else {
        run_failed(self, asked, error);
    }
    akma_server_heed_news(self);
    self->context.changed(self->context.user_data);
    akma_server_kick_later(self);
    akma_server_unref(self);
}

/* There is no modem: told at once, tried again when one comes. */
static void
no_modem(AkmaServer *self, GPtrArray *asked, const GError *error)
{
    akma_event_log_all(AKMA_EVENT_CARD_MISSING, asked, "server %s: %s", self->name, error->message);
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

/* What the card should do, the dearest first. */
static const char *const *
get_anchors(const AkmaConfigServer *section)
{
    static const char *const anchors[][3] = {
        [AKMA_ANCHOR_AUTO] = {"akma", "gba-me", NULL},
        [AKMA_ANCHOR_AKMA] = {"akma", NULL},
        [AKMA_ANCHOR_GBA] = {"gba-me", NULL},
        [AKMA_ANCHOR_GBA_U] = {"gba-u", NULL},
    };

    return anchors[section->anchor];
}

/*
 * A NAF of TS 24.109 does not tell the time: what its keys are judged by is the clock of this
 * machine, if it can be right, so that one which was ahead for once is not taken for the NAF's.
 */
static int64_t
get_now(const AkmaServer *self)
{
    int64_t wall = akma_wall_ms() / 1000;

    if (self->section->profile == AKMA_UA_DIGEST && wall >= AKMA_BUILD_TIME)
        return wall;

    return akma_server_clock_get(&self->clock, akma_boottime_ms(), wall);
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
    modem = akma_modems_choose(
        self->context.modems, self->section->modem, get_anchors(self->section), &error);
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
        .cache = self->context.cache,
        .cards = self->context.cards,
        .now = get_now(self),
        .time_seen = akma_store_get_time(self->context.store, self->name),
    };
    self->running = g_cancellable_new();
    self->asked = g_steal_pointer(&asked);
    self->modem = g_object_ref(modem);
    g_atomic_ref_count_inc(&self->refs);
    g_info("server %s: enrolling %u applications", self->name, self->asked->len);
    akma_enrol_async(&request, self->running, run_done, self);
    self->context.changed(self->context.user_data);
}
