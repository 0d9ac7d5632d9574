/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/callers.h"

#include "dbus/credentials.h"
#include "dbus/decision.h"
#include "dbus/limit.h"
#include "dbus/refusals.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

#define LOOKUP_TIMEOUT_US UINT64_C(5000000)

struct _AkmaCallers {
    sd_bus *bus;
    GHashTable *peers;  /* unique name -> Peer */
    GHashTable *limits; /* uid -> AkmaLimit; as many as there are users who ever called */
    AkmaRefusals *refusals;
};

/* One connection of the bus; counted, since its calls may outlive the service. */
typedef struct {
    AkmaCallers *owner;
    char *name;
    bool watched; /* the bus will say when it goes */
    AkmaCaller caller;
    AkmaLimit *limit; /* counted; of its uid; NULL until that is known */
    GQueue waiting;   /* AkmaCall, until the bus has answered */
    sd_bus_slot *lookup;
    sd_bus_slot *match;
} Peer;

struct _AkmaCall {
    Peer *peer;
    sd_bus_message *message;
    const char *application; /* as @user_data: not after the call was admitted */
    AkmaCallFunc func;
    gpointer user_data;
    bool counted;
};

static void
peer_clear(gpointer data)
{
    Peer *peer = data;

    akma_caller_clear(&peer->caller);
    g_clear_pointer(&peer->limit, g_rc_box_release);
    g_free(peer->name);
}

/* The connection is gone, or the service ends: nobody waits any more. */
static void
peer_forget(gpointer data)
{
    Peer *peer = data;

    peer->lookup = sd_bus_slot_unref(peer->lookup);
    peer->match = sd_bus_slot_unref(peer->match);
    g_queue_clear_full(&peer->waiting, (GDestroyNotify)akma_call_free);
    g_rc_box_release_full(peer, peer_clear);
}

AkmaCallers *
akma_callers_new(sd_bus *bus)
{
    AkmaCallers *self = g_new0(AkmaCallers, 1);

    self->bus = sd_bus_ref(bus);
    self->peers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, peer_forget);
    self->limits = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_rc_box_release);
    self->refusals = akma_refusals_new(AKMA_REFUSALS_PERIOD_MS);

    return self;
}

void
akma_callers_free(AkmaCallers *self)
{
    if (!self)
        return;

    g_hash_table_unref(self->peers);
    g_hash_table_unref(self->limits);
    akma_refusals_free(self->refusals);
    sd_bus_unref(self->bus);
    g_free(self);
}

static void
refuse(AkmaCall *self, AkmaError code, const char *message)
{
    g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, (int)code, message);

    akma_call_refuse(self, error);
}

/* Refuses before anybody has looked at what is wanted. */
static void
turn_away(AkmaCall *self, AkmaEvent event, AkmaError code, const char *why)
{
    const AkmaCaller *caller = &self->peer->caller;
    const AkmaDecision decision = {
        .event = event,
        .method = sd_bus_message_get_member(self->message),
        .application = self->application,
    };

    if (akma_refusals_is_first(self->peer->owner->refusals,
                               event,
                               caller->known ? caller->uid : AKMA_REFUSALS_NOBODY,
                               self->application))
        akma_decision_log(self, &decision, why);
    refuse(self, code, why);
}

/* The caller is known now, or never will be. Takes the call. */
static void
decide(AkmaCall *taken)
{
    g_autoptr(AkmaCall) call = taken;
    Peer *peer = call->peer;
    AkmaCallFunc func;
    gpointer user_data;

    if (!peer->caller.known) {
        turn_away(call,
                  AKMA_EVENT_CALLER_UNKNOWN,
                  AKMA_ERROR_NOT_AUTHORIZED,
                  "the bus does not say who is calling");
        return;
    }
    if (!akma_limit_begin(peer->limit, g_get_monotonic_time())) {
        turn_away(call, AKMA_EVENT_TOO_MANY_CALLS, AKMA_ERROR_RATE_LIMITED, "too many calls");
        return;
    }
    call->counted = true;
    func = call->func;
    user_data = call->user_data;
    func(g_steal_pointer(&call), user_data);
}

static AkmaLimit *
find_limit(AkmaCallers *self, uid_t uid)
{
    AkmaLimit *limit = g_hash_table_lookup(self->limits, GUINT_TO_POINTER(uid));

    if (!limit) {
        limit = g_rc_box_new0(AkmaLimit);
        g_hash_table_insert(self->limits, GUINT_TO_POINTER(uid), limit);
    }

    return limit;
}

/* The bus has answered, or could not be asked: nothing is known then. */
static void
looked_up(Peer *peer)
{
    AkmaCallers *self = peer->owner;
    AkmaCall *next;

    g_rc_box_acquire(peer);
    peer->lookup = sd_bus_slot_unref(peer->lookup);
    if (peer->caller.known)
        peer->limit = g_rc_box_acquire(find_limit(self, peer->caller.uid));
    while ((next = g_queue_pop_head(&peer->waiting)))
        decide(next);

    /* who went meanwhile, or whose end would not be heard of, is not kept */
    if (!peer->caller.known || !peer->watched)
        g_hash_table_remove(self->peers, peer->name);
    g_rc_box_release_full(peer, peer_clear);
}

static int
credentials_done(sd_bus_message *answer, void *user_data, sd_bus_error *error)
{
    Peer *peer = user_data;

    (void)error;
    akma_caller_set_credentials(&peer->caller, answer);
    looked_up(peer);

    return 1;
}

static int
name_changed(sd_bus_message *signal, void *user_data, sd_bus_error *error)
{
    Peer *peer = user_data;
    const char *name;
    const char *new_owner;

    (void)error;
    if (sd_bus_message_read(signal, "sss", &name, NULL, &new_owner) >= 0 && new_owner[0] == '\0')
        g_hash_table_remove(peer->owner->peers, name);

    return 0;
}

/* Answered before the credentials are: the bus keeps the order. */
static int
match_done(sd_bus_message *answer, void *user_data, sd_bus_error *error)
{
    Peer *peer = user_data;

    (void)error;
    peer->watched = sd_bus_message_is_method_error(answer, NULL) == 0;

    return 1;
}

/* Asks the bus. */
static void
look_up(AkmaCallers *self, Peer *peer)
{
    g_autofree char *match =
        g_strdup_printf("type='signal',sender='" BUS_NAME "',path='" BUS_PATH
                        "',interface='" BUS_NAME "',member='NameOwnerChanged',arg0='%s'",
                        peer->name);
    sd_bus_message *question = NULL;
    int r = sd_bus_add_match_async(self->bus, &peer->match, match, name_changed, match_done, peer);

    if (r >= 0)
        r = sd_bus_message_new_method_call(
            self->bus, &question, BUS_NAME, BUS_PATH, BUS_NAME, "GetConnectionCredentials");
    if (r >= 0)
        r = sd_bus_message_append(question, "s", peer->name);
    if (r >= 0)
        r = sd_bus_call_async(
            self->bus, &peer->lookup, question, credentials_done, peer, LOOKUP_TIMEOUT_US);
    sd_bus_message_unref(question);
    if (r < 0)
        looked_up(peer);
}

static Peer *
add_peer(AkmaCallers *self, const char *name)
{
    Peer *peer = g_rc_box_new0(Peer);

    peer->owner = self;
    peer->name = g_strdup(name);
    g_queue_init(&peer->waiting);
    g_hash_table_insert(self->peers, peer->name, peer);

    return peer;
}

int
akma_callers_admit(AkmaCallers *self,
                   sd_bus_message *message,
                   const char *application,
                   AkmaCallFunc func,
                   gpointer user_data)
{
    const char *name = sd_bus_message_get_sender(message);
    Peer *peer = name ? g_hash_table_lookup(self->peers, name) : NULL;
    bool is_new = !peer;
    AkmaCall *call;

    /* no bus in between, nobody to vouch for the caller */
    if (!name)
        return -EACCES;
    if (is_new)
        peer = add_peer(self, name);

    call = g_new0(AkmaCall, 1);
    call->peer = g_rc_box_acquire(peer);
    call->message = sd_bus_message_ref(message);
    call->application = application;
    call->func = func;
    call->user_data = user_data;

    if (peer->caller.known) {
        decide(call);
    } else if (peer->waiting.length < AKMA_LIMIT_IN_FLIGHT) {
        g_queue_push_tail(&peer->waiting, call);
        if (is_new)
            look_up(self, peer);
    } else {
        turn_away(call, AKMA_EVENT_TOO_MANY_CALLS, AKMA_ERROR_RATE_LIMITED, "too many calls");
        akma_call_free(call);
    }

    return 1;
}

static void
forget_in_peer(Peer *peer, gpointer user_data, AkmaError code, const char *why)
{
    GList *next;

    for (GList *l = peer->waiting.head; l; l = next) {
        AkmaCall *call = l->data;

        next = l->next;
        if (call->user_data != user_data)
            continue;
        g_queue_delete_link(&peer->waiting, l);
        turn_away(call, AKMA_EVENT_CALLER_UNKNOWN, code, why);
        akma_call_free(call);
    }
}

void
akma_callers_forget(AkmaCallers *self, gpointer user_data, AkmaError code, const char *why)
{
    GHashTableIter iter;
    gpointer peer;

    g_hash_table_iter_init(&iter, self->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        forget_in_peer(peer, user_data, code, why);
}

void
akma_call_free(AkmaCall *self)
{
    if (!self)
        return;

    if (self->counted)
        akma_limit_end(self->peer->limit);
    sd_bus_message_unref(self->message);
    g_rc_box_release_full(self->peer, peer_clear);
    g_free(self);
}

const AkmaCaller *
akma_call_get_caller(const AkmaCall *self)
{
    return &self->peer->caller;
}

sd_bus_message *
akma_call_get_message(const AkmaCall *self)
{
    return self->message;
}

void
akma_call_refuse(AkmaCall *self, const GError *error)
{
    g_autofree char *name = g_strconcat(AKMA_ERROR_DBUS_PREFIX, akma_error_get_name(error), NULL);
    g_autofree char *text = g_utf8_make_valid(error->message, -1);
    const sd_bus_error answer = SD_BUS_ERROR_MAKE_CONST(name, text);

    sd_bus_reply_method_error(self->message, &answer);
}
