/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/application.h"

#include <time.h>

#include "agent/timer.h"
#include "base/error.h"

#define RETRY_SLACK_MS 100 /* those who failed together try again together */

struct _AkmaApplication {
    AkmaApplicationContext context;
    AkmaConfig *config;
    const AkmaConfigApplication *section;
    char *name;
    char *server;
    AkmaWaiters *waiters;
    AkmaTimer *timer;
    GError *error;
    unsigned ask_again_s;
    bool due;
    bool is_revoked; /* and could not be sealed as that */
    unsigned store_failures;
    int64_t next_ms; /* on CLOCK_BOOTTIME; 0: not planned */
};

static int64_t
now_of_server(const AkmaApplication *self)
{
    return akma_server_clock_get(self->context.clock, akma_boottime_ms(), (int64_t)time(NULL));
}

static const AkmaStoredKey *
peek_stored(const AkmaApplication *self)
{
    return akma_store_get(self->context.store, self->server, self->name);
}

static bool
is_valid(const AkmaStoredKey *key, int64_t now)
{
    return key && (key->exp == 0 || now < key->exp);
}

static bool
is_revoked(const AkmaApplication *self)
{
    return self->is_revoked || akma_store_is_revoked(self->context.store, self->server, self->name);
}

bool
akma_application_has_key(const AkmaApplication *self)
{
    return !is_revoked(self) && is_valid(peek_stored(self), now_of_server(self));
}

static const char *
state_name(const AkmaApplication *self)
{
    if (is_revoked(self))
        return "revoked";
    if (akma_application_has_key(self))
        return self->error ? "stale" : "ready";
    /* not registered yet is normal after boot */
    if (!self->error || g_error_matches(self->error, AKMA_ERROR, AKMA_ERROR_ANCHOR_NOT_READY))
        return "pending";

    return "failed";
}

static void
publish(AkmaApplication *self)
{
    const AkmaStoredKey *key = akma_application_has_key(self) ? peek_stored(self) : NULL;
    int64_t wait_ms = self->next_ms - akma_boottime_ms();
    const AkmaApplicationStatus status = {
        .state = state_name(self),
        .kid = key ? key->kid : "",
        .not_after = key ? key->exp : 0,
        .next_renewal = self->next_ms > 0 ? (int64_t)time(NULL) + MAX(wait_ms, 0) / 1000 : 0,
        .last_error = self->error,
    };

    if (self->context.service)
        akma_service_update_application(self->context.service, self->name, &status);
}

/* The next moment at which something of this application changes by itself. */
static void
arm(AkmaApplication *self)
{
    const AkmaStoredKey *key = peek_stored(self);
    const AkmaStoredKey *previous;
    int64_t boottime_ms = akma_boottime_ms();
    int64_t now = now_of_server(self);
    int64_t next_ms = self->due || self->next_ms == 0 ? INT64_MAX : self->next_ms;
    int64_t until = 0;

    previous = akma_store_get_previous(self->context.store, self->server, self->name, &until);
    if (is_valid(key, now) && key->exp != 0)
        next_ms = MIN(next_ms, boottime_ms + (key->exp - now) * 1000);
    if (previous && until > now)
        next_ms = MIN(next_ms, boottime_ms + (until - now) * 1000);

    if (next_ms == INT64_MAX)
        akma_timer_stop(self->timer);
    else
        akma_timer_set(self->timer, next_ms);
}

/* Wipes what is past its end; only by a clock that a server gave in this run of the program. */
static void
expire(AkmaApplication *self)
{
    g_autoptr(GError) error = NULL;

    if (self->context.clock->known &&
        !akma_store_expire(self->context.store, self->server, now_of_server(self), &error))
        g_warning("application %s: %s", self->name, error->message);
}

static void
plan(AkmaApplication *self, uint64_t wait_ms)
{
    self->due = false;
    self->next_ms = akma_boottime_ms() + (int64_t)wait_ms;
    arm(self);
}

static void
timer_fired(gpointer user_data)
{
    AkmaApplication *self = user_data;

    expire(self);
    if (self->next_ms > 0 && akma_boottime_ms() >= self->next_ms)
        self->due = true;
    publish(self);
    arm(self);
    if (self->due)
        self->context.due(self->context.user_data);
}

static AkmaSchedule
schedule(const AkmaApplication *self)
{
    const AkmaStoredKey *key = peek_stored(self);

    return (AkmaSchedule){
        .refresh_s = self->section->refresh_s,
        .renew_before_percent = self->section->renew_before_percent,
        .ask_again_s = self->ask_again_s,
        .iat = key ? key->iat : 0,
        .exp = key ? key->exp : 0,
    };
}

static void
plan_next(AkmaApplication *self)
{
    const AkmaSchedule times = schedule(self);

    plan(self, akma_schedule_next_ms(&times, now_of_server(self), g_random_int()));
}

/* The disk was full: what the server gave is asked for again soon. */
static void
plan_after_store_failure(AkmaApplication *self)
{
    self->store_failures++;
    plan(self, akma_schedule_retry_ms(self->store_failures, g_random_int()));
}

AkmaApplication *
akma_application_new(const AkmaApplicationContext *context,
                     AkmaConfig *config,
                     const AkmaConfigApplication *section)
{
    AkmaApplication *self = g_new0(AkmaApplication, 1);

    self->context = *context;
    self->name = g_strdup(section->name);
    self->server = g_strdup(section->server);
    self->waiters = akma_waiters_new();
    self->timer = akma_timer_new(timer_fired, self);
    akma_application_set_config(self, config, section);

    if (akma_application_has_key(self)) {
        const AkmaSchedule times = schedule(self);

        g_info("application %s: key %s from the sealed file", self->name, peek_stored(self)->kid);
        plan(self, akma_schedule_first_ms(&times, g_random_int()));
    } else {
        self->due = true;
    }
    publish(self);

    return self;
}

void
akma_application_free(AkmaApplication *self)
{
    if (!self)
        return;

    akma_timer_free(self->timer);
    akma_waiters_free(self->waiters);
    if (self->context.service)
        akma_service_remove_application(self->context.service, self->name);
    g_clear_error(&self->error);
    akma_config_unref(self->config);
    g_free(self->name);
    g_free(self->server);
    g_free(self);
}

/* The stored key is of the key-id that was configured before: not what is asked for now. */
static bool
forget_other_key_id(AkmaApplication *self)
{
    const AkmaStoredKey *key = peek_stored(self);
    g_autofree char *prefix = g_strconcat(self->section->key_id, ":", NULL);

    if (!key || g_str_has_prefix(key->kid, prefix))
        return false;
    g_message("application %s: key-id is %s now, %s is wiped",
              self->name,
              self->section->key_id,
              key->kid);
    akma_application_forget(self);

    return true;
}

void
akma_application_set_config(AkmaApplication *self,
                            AkmaConfig *config,
                            const AkmaConfigApplication *section)
{
    AkmaAuthRule rule = akma_config_application_get_rule(section);
    bool refresh_changed = self->section && self->section->refresh_s != section->refresh_s;

    akma_config_ref(config);
    akma_config_unref(self->config);
    self->config = config;
    self->section = section;
    if (self->context.service)
        akma_service_set_application(self->context.service, self->name, self->server, &rule);
    if (forget_other_key_id(self)) {
        self->due = true;
        publish(self);
    }
    self->due = self->due || refresh_changed;
}

void
akma_application_forget(AkmaApplication *self)
{
    g_autoptr(GError) error = NULL;

    if ((peek_stored(self) || is_revoked(self)) &&
        !akma_store_remove(self->context.store, self->server, self->name, false, &error))
        g_warning("application %s: %s", self->name, error->message);
    self->is_revoked = false;
}

const char *
akma_application_get_name(const AkmaApplication *self)
{
    return self->name;
}

const char *
akma_application_get_key_id(const AkmaApplication *self)
{
    return self->section->key_id;
}

const GError *
akma_application_get_error(const AkmaApplication *self)
{
    return self->error;
}

AkmaWaiters *
akma_application_get_waiters(AkmaApplication *self)
{
    return self->waiters;
}

bool
akma_application_is_due(const AkmaApplication *self)
{
    int64_t slack_ms = self->error ? RETRY_SLACK_MS : (int64_t)self->section->refresh_s * 100;

    return self->due || !akma_waiters_is_empty(self->waiters) ||
           (self->next_ms > 0 && akma_boottime_ms() + slack_ms >= self->next_ms);
}

void
akma_application_set_due(AkmaApplication *self)
{
    self->due = true;
}

void
akma_application_postpone(AkmaApplication *self, uint64_t wait_ms)
{
    plan(self, wait_ms);
    publish(self);
}

const AkmaStoredKey *
akma_application_peek_key(const AkmaApplication *self, const char *kid, GError **error)
{
    const AkmaStoredKey *key = peek_stored(self);
    int64_t now = now_of_server(self);
    int64_t until = 0;

    if (is_revoked(self)) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_KEY_REVOKED, "the server has revoked this key");
        return NULL;
    }
    if (!is_valid(key, now)) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_NOT_READY, key ? "the key has expired" : "no key yet");
        return NULL;
    }
    if (!kid || g_str_equal(kid, key->kid))
        return key;

    key = akma_store_get_previous(self->context.store, self->server, self->name, &until);
    if (is_valid(key, now) && now < until && g_str_equal(kid, key->kid))
        return key;
    g_set_error_literal(
        error, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "no such version, or its grace time is over");

    return NULL;
}

/* The exchange is over for this application; @error NULL: well. */
static void
conclude(AkmaApplication *self, const GError *error)
{
    GError *copy = error ? g_error_copy(error) : NULL;

    g_clear_error(&self->error);
    self->error = copy;
    publish(self);
    akma_waiters_complete(self->waiters, self->error);
}

static bool
text_equal(const char *a, const char *b)
{
    return g_strcmp0(a, b) == 0;
}

/* Is it the version that stands in the store? */
static bool
is_current(const AkmaApplication *self, const AkmaKey *key)
{
    const AkmaStoredKey *stored = peek_stored(self);

    return stored && text_equal(stored->kid, key->kid) &&
           akma_secret_equal(stored->secret, key->secret);
}

/* Nothing in it that is not in the store already. */
static bool
is_stored(const AkmaApplication *self, const AkmaKey *key)
{
    const AkmaStoredKey *stored = peek_stored(self);
    const AkmaStoredKey *previous;
    int64_t until = 0;

    previous = akma_store_get_previous(self->context.store, self->server, self->name, &until);

    return is_current(self, key) && text_equal(stored->kty, key->kty) &&
           text_equal(stored->alg, key->alg) && text_equal(stored->use, key->use) &&
           text_equal(stored->identity, key->identity) && stored->iat == key->iat &&
           stored->exp == key->exp &&
           (previous ? text_equal(previous->kid, key->previous_kid) && until == key->previous_exp
                     : true);
}

static bool
keep(AkmaApplication *self, const AkmaKey *key, GError **error)
{
    /* borrowed: the store copies */
    const AkmaStoredKey stored = {
        .kid = key->kid,
        .kty = key->kty,
        .alg = key->alg,
        .use = key->use,
        .identity = key->identity,
        .iat = key->iat,
        .exp = key->exp,
        .secret = key->secret,
    };
    bool has_previous = key->previous_kid && key->previous_exp > now_of_server(self);

    return akma_store_put(self->context.store,
                          self->server,
                          self->name,
                          &stored,
                          has_previous ? key->previous_kid : NULL,
                          has_previous ? key->previous_exp : 0,
                          error);
}

void
akma_application_delivered(AkmaApplication *self, const AkmaKey *key, unsigned ask_again_s)
{
    g_autoptr(GError) error = NULL;
    bool changed = !is_current(self, key);

    self->ask_again_s = ask_again_s;
    if (!is_stored(self, key) && !keep(self, key, &error)) {
        g_warning("application %s: key %s: %s", self->name, key->kid, error->message);
        plan_after_store_failure(self);
        conclude(self, error);
        return;
    }

    self->is_revoked = false;
    self->store_failures = 0;
    plan_next(self);
    g_info("application %s: key %s %s", self->name, key->kid, changed ? "is new" : "is unchanged");
    g_clear_error(&self->error);
    publish(self);
    if (changed && self->context.service)
        akma_service_emit_key_changed(self->context.service, self->name, key->kid);
    conclude(self, NULL);
}

/* Nobody gets it any more, whether or not the disk takes that. False: it does not. */
static bool
take_away(AkmaApplication *self)
{
    const AkmaStoredKey *key = peek_stored(self);
    g_autofree char *kid = g_strdup(key ? key->kid : "");
    g_autoptr(GError) error = NULL;
    bool known = is_revoked(self);
    bool sealed = akma_store_is_revoked(self->context.store, self->server, self->name) ||
                  akma_store_remove(self->context.store, self->server, self->name, true, &error);

    if (!sealed)
        g_warning("application %s: cannot wipe a revoked key: %s", self->name, error->message);
    self->is_revoked = true;
    if (known)
        return sealed;
    g_message("application %s: key %s revoked by the server", self->name, kid);
    publish(self);
    if (self->context.service)
        akma_service_emit_key_revoked(self->context.service, self->name, kid);

    return sealed;
}

void
akma_application_refused(AkmaApplication *self, AkmaCause cause, unsigned ask_again_s)
{
    g_autoptr(GError) error = g_error_new(AKMA_ERROR,
                                          (int)akma_cause_get_error(cause),
                                          "the server refuses the key: %s",
                                          akma_cause_get_name(cause));

    self->ask_again_s = ask_again_s;
    if (cause != AKMA_CAUSE_REVOKED)
        g_warning("application %s: %s", self->name, error->message);
    if (cause != AKMA_CAUSE_REVOKED || take_away(self))
        plan_next(self);
    else
        plan_after_store_failure(self);
    conclude(self, error);
}

void
akma_application_failed(AkmaApplication *self, const GError *error, uint64_t retry_ms)
{
    plan(self, retry_ms);
    conclude(self, error);
}
