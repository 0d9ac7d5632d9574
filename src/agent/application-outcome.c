/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* application-outcome: what an exchange gave for an application. */
#include "agent/application-private.h"
#include "base/error.h"
#include "base/event.h"

/* The exchange is over for this application; @error NULL: well. */
static void
conclude(AkmaApplication *self, const GError *error)
{
    GError *copy = error ? g_error_copy(error) : NULL;

    g_clear_error(&self->error);
    self->error = copy;
    akma_application_publish(self);
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
    const AkmaStoredKey *stored = akma_application_peek_stored(self);

    return stored && text_equal(stored->kid, key->kid) &&
           akma_secret_equal(stored->secret, key->secret);
}

/* Nothing in it that is not in the store already. */
static bool
is_stored(const AkmaApplication *self, const AkmaKey *key)
{
    const AkmaStoredKey *stored = akma_application_peek_stored(self);
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
    bool has_previous = key->previous_kid && key->previous_exp > akma_application_now(self);

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
        akma_event_log(AKMA_EVENT_RENEWAL_FAILED,
                       self->name,
                       key->kid,
                       "application %s: key %s: %s",
                       self->name,
                       key->kid,
                       error->message);
        akma_application_plan_store_retry(self);
        conclude(self, error);
        return;
    }

    self->is_revoked = false;
    self->store_failures = 0;
    self->upstream_failures = 0;
    akma_application_plan_next(self);
    if (changed)
        akma_event_log(AKMA_EVENT_KEY_NEW,
                       self->name,
                       key->kid,
                       "application %s: key %s is new",
                       self->name,
                       key->kid);
    else
        g_info("application %s: key %s is unchanged", self->name, key->kid);
    g_clear_error(&self->error);
    akma_application_publish(self);
    if (changed && self->context.service)
        akma_service_emit_key_changed(self->context.service, self->name, key->kid);
    conclude(self, NULL);
}

/* Nobody gets it any more, whether or not the disk takes that. False: it does not. */
static bool
take_away(AkmaApplication *self)
{
    const AkmaStoredKey *key = akma_application_peek_stored(self);
    g_autofree char *kid = g_strdup(key ? key->kid : "");
    g_autoptr(GError) error = NULL;
    bool known = akma_application_is_revoked(self);
    bool sealed = akma_store_is_revoked(self->context.store, self->server, self->name) ||
                  akma_store_remove(self->context.store, self->server, self->name, true, &error);

    if (!sealed)
        g_warning("application %s: cannot wipe a revoked key: %s", self->name, error->message);
    self->is_revoked = true;
    if (known)
        return sealed;
    akma_event_log(AKMA_EVENT_KEY_REVOKED,
                   self->name,
                   kid,
                   "application %s: key %s revoked by the server",
                   self->name,
                   kid);
    akma_application_publish(self);
    if (self->context.service)
        akma_service_emit_key_revoked(self->context.service, self->name, kid);

    return sealed;
}

void
akma_application_wipe(AkmaApplication *self)
{
    const AkmaStoredKey *key = akma_application_peek_stored(self);
    g_autofree char *kid = g_strdup(key ? key->kid : "");
    g_autoptr(GError) error = NULL;

    self->due = true;
    if (!key)
        return;
    if (!akma_store_remove(self->context.store, self->server, self->name, false, &error)) {
        g_warning("application %s: cannot wipe its key: %s", self->name, error->message);
        self->is_revoked = true; /* nobody gets it until there is a new one */
    }
    akma_event_log(AKMA_EVENT_KEY_WIPED,
                   self->name,
                   kid,
                   "application %s: another SIM, key %s is wiped",
                   self->name,
                   kid);
    akma_application_publish(self);
    if (self->context.service)
        akma_service_emit_key_revoked(self->context.service, self->name, kid);
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
        akma_event_log(AKMA_EVENT_RENEWAL_FAILED,
                       self->name,
                       NULL,
                       "application %s: %s",
                       self->name,
                       error->message);
    if (cause != AKMA_CAUSE_UPSTREAM_UNAVAILABLE)
        self->upstream_failures = 0;
    if (cause == AKMA_CAUSE_REVOKED && !take_away(self))
        akma_application_plan_store_retry(self);
    else if (cause == AKMA_CAUSE_UPSTREAM_UNAVAILABLE)
        akma_application_plan_upstream_retry(self);
    else
        akma_application_plan_next(self);
    conclude(self, error);
}

void
akma_application_failed(AkmaApplication *self, const GError *error, uint64_t retry_ms)
{
    akma_application_plan(self, retry_ms);
    conclude(self, error);
}
