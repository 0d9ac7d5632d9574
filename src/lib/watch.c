/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 *          begin()          have_connection()      proxy_made()
 *   [idle] --------> [connecting] --------> [loading] --------> [watching]
 *                         ^                     |  fails            |  bus closed
 *                         +---- RETRY_MS -------+-------------------+
 *
 * While [watching] the proxy follows akmad: its owner goes and comes, properties are loaded again.
 *
 * An answer that comes after akma_lib_watch_free() finds its reference, and that it is over.
 */

#include "lib/watch.h"

#include <stdbool.h>
#include <string.h>

#include "lib/connect.h"
#include "lib/error-private.h"
#include "lib/path.h"

#define RETRY_MS 5000
#define LATE_MS  1000

struct _AkmaLibWatch {
    GMainContext *context;
    bool over;
    GDBusConnection *given; /* NULL: @connection is our own */
    GDBusConnection *connection;
    gulong closed_handler;
    char *path;
    const AkmaLibWatchEvents *events;
    gpointer user_data;
    GCancellable *cancellable; /* of what is asked on the way to @proxy */
    GDBusProxy *proxy;
    GSource *retry; /* NULL: not armed; also @late */
    GSource *late;
    AkmadState state;
    char *announced; /* the version told last; NULL: none, or it was revoked */
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaLibWatch, akma_lib_watch_free)

static void begin(AkmaLibWatch *self);
static void lose(AkmaLibWatch *self);

static AkmaLibWatch *
watch_ref(AkmaLibWatch *self)
{
    return g_atomic_rc_box_acquire(self);
}

static void
clear_last(gpointer data)
{
    AkmaLibWatch *self = data;

    g_main_context_unref(self->context);
}

/* Also from another thread: the connection may be let go there. */
static void
watch_unref(gpointer self)
{
    g_atomic_rc_box_release_full(self, clear_last);
}

static void
watch_unref_of_closure(gpointer self, GClosure *closure G_GNUC_UNUSED)
{
    watch_unref(self);
}

/* -- timers ---------------------------------------------------------------------------------- */

static void
disarm(GSource **slot)
{
    if (*slot)
        g_source_destroy(*slot);
    g_clear_pointer(slot, g_source_unref);
}

static void
arm(AkmaLibWatch *self, GSource **slot, guint ms, GSourceFunc function)
{
    disarm(slot);
    *slot = g_timeout_source_new(ms);
    g_source_set_callback(*slot, function, watch_ref(self), watch_unref);
    g_source_attach(*slot, self->context);
}

static gboolean
try_again(gpointer user_data)
{
    AkmaLibWatch *self = user_data;

    disarm(&self->retry);
    begin(self);

    return G_SOURCE_REMOVE;
}

/* -- what akmad says ------------------------------------------------------------------------- */

static const struct {
    const char *word;
    AkmadState state;
} states[] = {
    {"pending", AKMAD_STATE_PENDING},
    {"ready", AKMAD_STATE_READY},
    {"stale", AKMAD_STATE_STALE},
    {"revoked", AKMAD_STATE_REVOKED},
    {"failed", AKMAD_STATE_FAILED},
};

static bool
is_there(const AkmaLibWatch *self)
{
    g_autofree char *owner = self->proxy ? g_dbus_proxy_get_name_owner(self->proxy) : NULL;

    return owner != NULL;
}

/* A property of type s; "" if it is not there. */
static char *
dup_text(const AkmaLibWatch *self, const char *property)
{
    g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(self->proxy, property);

    if (!value || !g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        return g_strdup("");

    return g_variant_dup_string(value, NULL);
}

static AkmadState
read_state(const AkmaLibWatch *self)
{
    g_autofree char *word = NULL;

    if (!is_there(self))
        return AKMAD_STATE_UNKNOWN;

    word = dup_text(self, "State");
    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        if (strcmp(states[i].word, word) == 0)
            return states[i].state;
    }

    return AKMAD_STATE_UNKNOWN;
}

GError *
akma_lib_watch_dup_error(const AkmaLibWatch *self)
{
    g_autoptr(GVariant) value = NULL;
    const char *name;
    const char *text;

    if (!is_there(self))
        return NULL;

    value = g_dbus_proxy_get_cached_property(self->proxy, "LastError");
    if (!value || !g_variant_is_of_type(value, G_VARIANT_TYPE("(ss)")))
        return NULL;
    g_variant_get(value, "(&s&s)", &name, &text);

    return akma_lib_error_new_of_name(name, text);
}

/* -- what is told ---------------------------------------------------------------------------- */

static void
tell_state(AkmaLibWatch *self)
{
    AkmadState state = read_state(self);

    if (state == self->state)
        return;
    self->state = state;
    self->events->state_changed(state, self->user_data);
}

static void
tell_changed(AkmaLibWatch *self, const char *kid)
{
    g_autofree char *copy = g_strdup(kid);

    g_free(self->announced);
    self->announced = g_strdup(kid);
    self->events->key_changed(copy, self->user_data);
}

static void
tell_revoked(AkmaLibWatch *self, const char *kid)
{
    g_autofree char *copy = g_strdup(kid);

    if (g_strcmp0(self->announced, kid) == 0)
        g_clear_pointer(&self->announced, g_free);
    self->events->key_revoked(copy, self->user_data);
}

/* What the properties say and no signal told: it came while nobody listened. */
static void
catch_up(AkmaLibWatch *self)
{
    g_autofree char *kid = NULL;

    if (self->over || !is_there(self))
        return;

    kid = dup_text(self, "KeyId");
    if (self->announced && read_state(self) == AKMAD_STATE_REVOKED)
        tell_revoked(self, self->announced);
    else if (*kid && g_strcmp0(kid, self->announced) != 0)
        tell_changed(self, kid);
}

static gboolean
signal_is_late(gpointer user_data)
{
    AkmaLibWatch *self = user_data;

    disarm(&self->late);
    catch_up(self);

    return G_SOURCE_REMOVE;
}

/* The signal of a new version follows its properties at once. */
static void
properties_changed(GDBusProxy *proxy G_GNUC_UNUSED,
                   GVariant *changed G_GNUC_UNUSED,
                   const char *const *invalidated G_GNUC_UNUSED,
                   gpointer user_data)
{
    AkmaLibWatch *self = watch_ref(user_data);

    tell_state(self);
    if (!self->over)
        arm(self, &self->late, LATE_MS, signal_is_late);
    watch_unref(self);
}

static void
owner_changed(GObject *proxy G_GNUC_UNUSED, GParamSpec *spec G_GNUC_UNUSED, gpointer user_data)
{
    AkmaLibWatch *self = watch_ref(user_data);

    tell_state(self);
    catch_up(self);
    watch_unref(self);
}

static void
signal_came(GDBusProxy *proxy,
            const char *sender,
            const char *signal,
            GVariant *arguments,
            gpointer user_data)
{
    AkmaLibWatch *self = watch_ref(user_data);
    g_autofree char *owner = g_dbus_proxy_get_name_owner(proxy);
    const char *kid;

    /* anybody on the bus can send us one */
    if (owner && g_strcmp0(sender, owner) == 0 &&
        g_variant_is_of_type(arguments, G_VARIANT_TYPE("(s)"))) {
        g_variant_get(arguments, "(&s)", &kid);
        if (strcmp(signal, "KeyChanged") == 0)
            tell_changed(self, kid);
        else if (strcmp(signal, "KeyRevoked") == 0)
            tell_revoked(self, kid);
    }
    watch_unref(self);
}

/* -- the way there --------------------------------------------------------------------------- */

static void
proxy_made(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    AkmaLibWatch *self = user_data;
    g_autoptr(GDBusProxy) proxy = g_dbus_proxy_new_finish(result, NULL);

    if (!self->over && !proxy) {
        lose(self);
    } else if (!self->over && !self->proxy) {
        self->proxy = g_steal_pointer(&proxy);
        g_signal_connect(self->proxy, "g-properties-changed", G_CALLBACK(properties_changed), self);
        g_signal_connect(self->proxy, "notify::g-name-owner", G_CALLBACK(owner_changed), self);
        g_signal_connect(self->proxy, "g-signal", G_CALLBACK(signal_came), self);
        tell_state(self);
        catch_up(self);
    }
    watch_unref(self);
}

static gboolean
bus_is_gone(gpointer user_data)
{
    AkmaLibWatch *self = user_data;

    if (!self->over && self->connection && g_dbus_connection_is_closed(self->connection))
        lose(self);

    return G_SOURCE_REMOVE;
}

/* In whichever context the connection was made in. */
static void
bus_closed(GDBusConnection *connection G_GNUC_UNUSED,
           gboolean vanished G_GNUC_UNUSED,
           GError *cause G_GNUC_UNUSED,
           gpointer user_data)
{
    AkmaLibWatch *self = user_data;
    g_autoptr(GSource) source = g_idle_source_new();

    g_source_set_callback(source, bus_is_gone, watch_ref(self), watch_unref);
    g_source_attach(source, self->context);
}

/* Takes @connection. */
static void
have_connection(AkmaLibWatch *self, GDBusConnection *connection)
{
    self->connection = connection;
    self->closed_handler = g_signal_connect_data(connection,
                                                 "closed",
                                                 G_CALLBACK(bus_closed),
                                                 watch_ref(self),
                                                 watch_unref_of_closure,
                                                 G_CONNECT_DEFAULT);
    if (g_dbus_connection_is_closed(connection)) {
        lose(self);
        return;
    }

    /* whether or not it can: we see when akmad is there */
    g_dbus_connection_call(connection,
                           "org.freedesktop.DBus",
                           "/org/freedesktop/DBus",
                           "org.freedesktop.DBus",
                           "StartServiceByName",
                           g_variant_new("(su)", AKMA_LIB_BUS_NAME, 0),
                           NULL,
                           G_DBUS_CALL_FLAGS_NONE,
                           -1,
                           NULL,
                           NULL,
                           NULL);
    g_main_context_push_thread_default(self->context);
    g_dbus_proxy_new(connection,
                     G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START,
                     NULL,
                     AKMA_LIB_BUS_NAME,
                     self->path,
                     AKMA_LIB_INTERFACE,
                     self->cancellable,
                     proxy_made,
                     watch_ref(self));
    g_main_context_pop_thread_default(self->context);
}

static void
connected(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    AkmaLibWatch *self = user_data;
    g_autoptr(GDBusConnection) connection = akma_lib_connect_finish(result, NULL);

    if (!self->over && connection)
        have_connection(self, g_steal_pointer(&connection));
    else if (!self->over)
        lose(self);
    watch_unref(self);
}

static void
begin(AkmaLibWatch *self)
{
    self->cancellable = g_cancellable_new();
    if (self->given) {
        have_connection(self, g_object_ref(self->given));
        return;
    }

    g_main_context_push_thread_default(self->context);
    akma_lib_connect_async(self->cancellable, connected, watch_ref(self));
    g_main_context_pop_thread_default(self->context);
}

/* Lets go of the bus; nothing asked before is waited for. */
static void
let_go(AkmaLibWatch *self)
{
    disarm(&self->retry);
    disarm(&self->late);
    if (self->cancellable)
        g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    if (self->proxy)
        g_signal_handlers_disconnect_by_data(self->proxy, self);
    g_clear_object(&self->proxy);
    if (self->connection)
        g_clear_signal_handler(&self->closed_handler, self->connection);
    g_clear_object(&self->connection);
}

/* No bus, or not this time: again in a while. A given connection that is closed stays so. */
static void
lose(AkmaLibWatch *self)
{
    let_go(self);
    if (!self->given || !g_dbus_connection_is_closed(self->given))
        arm(self, &self->retry, RETRY_MS, try_again);
    tell_state(self);
}

AkmaLibWatch *
akma_lib_watch_new(GDBusConnection *connection,
                   const char *path,
                   const AkmaLibWatchEvents *events,
                   gpointer user_data)
{
    AkmaLibWatch *self = g_atomic_rc_box_new0(AkmaLibWatch);

    self->context = g_main_context_ref_thread_default();
    self->given = connection ? g_object_ref(connection) : NULL;
    self->path = g_strdup(path);
    self->events = events;
    self->user_data = user_data;
    begin(self);

    return self;
}

void
akma_lib_watch_free(AkmaLibWatch *self)
{
    if (!self)
        return;

    self->over = true;
    let_go(self);
    g_clear_object(&self->given);
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->announced, g_free);
    watch_unref(self);
}
