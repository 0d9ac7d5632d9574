/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/application-private.h"

#include "base/error.h"
#include "base/event.h"

#define RETRY_SLACK_MS 100 /* those who failed together try again together */

int64_t
akma_application_now(const AkmaApplication *self)
{
    return akma_server_clock_get(self->context.clock, akma_boottime_ms(), akma_wall_ms() / 1000);
}

const AkmaStoredKey *
akma_application_peek_stored(const AkmaApplication *self)
{
    return akma_store_get(self->context.store, self->server, self->name);
}

bool
akma_stored_key_is_valid(const AkmaStoredKey *key, int64_t now)
{
    return key && (key->exp == 0 || now < key->exp);
}

bool
akma_application_is_revoked(const AkmaApplication *self)
{
    return self->is_revoked || akma_store_is_revoked(self->context.store, self->server, self->name);
}

bool
akma_application_has_key(const AkmaApplication *self)
{
    return !akma_application_is_revoked(self) &&
           akma_stored_key_is_valid(akma_application_peek_stored(self), akma_application_now(self));
}

static const char *
state_name(const AkmaApplication *self)
{
    if (akma_application_is_revoked(self))
        return "revoked";
    if (akma_application_has_key(self))
        return self->error ? "stale" : "ready";
    /* not registered yet is normal after boot */
    if (!self->error || g_error_matches(self->error, AKMA_ERROR, AKMA_ERROR_ANCHOR_NOT_READY))
        return "pending";

    return "failed";
}

void
akma_application_publish(AkmaApplication *self)
{
    const AkmaStoredKey *key =
        akma_application_has_key(self) ? akma_application_peek_stored(self) : NULL;
    int64_t wait_ms = self->next_ms - akma_boottime_ms();
    const AkmaApplicationStatus status = {
        .state = state_name(self),
        .kid = key ? key->kid : "",
        .not_after = key ? key->exp : 0,
        .next_renewal = self->next_ms > 0 ? (akma_wall_ms() + MAX(wait_ms, 0)) / 1000 : 0,
        .last_error = self->error,
    };

    self->shows_key = key != NULL;
    if (self->context.service)
        akma_service_update_application(self->context.service, self->name, &status);
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
    self->waiters = akma_waiters_new(AKMA_WAIT_MAX_S * 1000);
    self->timer = akma_timer_new(akma_application_timer_fired, self);
    akma_application_set_config(self, config, section);

    if (akma_application_has_key(self)) {
        const AkmaSchedule times = akma_application_get_schedule(self);

        g_info("application %s: key %s from the sealed file",
               self->name,
               akma_application_peek_stored(self)->kid);
        akma_application_plan(self, akma_schedule_first_ms(&times, g_random_int()));
    } else {
        self->due = true;
    }
    akma_application_publish(self);

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
    const AkmaStoredKey *key = akma_application_peek_stored(self);
    g_autofree char *prefix = g_strconcat(self->section->key_id, ":", NULL);

    if (!key || g_str_has_prefix(key->kid, prefix))
        return false;
    akma_event_log(AKMA_EVENT_KEY_WIPED,
                   self->name,
                   key->kid,
                   "application %s: key-id is %s now, %s is wiped",
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
        akma_application_publish(self);
    }
    self->due = self->due || refresh_changed;
}

void
akma_application_forget(AkmaApplication *self)
{
    g_autoptr(GError) error = NULL;

    if ((akma_application_peek_stored(self) || akma_application_is_revoked(self)) &&
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
    akma_application_plan(self, wait_ms);
    akma_application_publish(self);
}

const AkmaStoredKey *
akma_application_peek_key(AkmaApplication *self, const char *kid, GError **error)
{
    const AkmaStoredKey *key = akma_application_peek_stored(self);
    int64_t now = akma_application_now(self);
    int64_t until = 0;

    if (akma_application_is_revoked(self)) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_KEY_REVOKED, "the server has revoked this key");
        return NULL;
    }
    if (!akma_stored_key_is_valid(key, now)) {
        /* the wall clock drifts: who is refused must not read that it is ready */
        if (self->shows_key)
            akma_application_publish(self);
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_NOT_READY, key ? "the key has expired" : "no key yet");
        return NULL;
    }
    if (!kid || g_str_equal(kid, key->kid))
        return key;

    key = akma_store_get_previous(self->context.store, self->server, self->name, &until);
    if (akma_stored_key_is_valid(key, now) && now < until && g_str_equal(kid, key->kid))
        return key;
    g_set_error_literal(
        error, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "no such version, or its grace time is over");

    return NULL;
}
