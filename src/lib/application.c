/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* application: what a program holds; gets keys, and hands on what the watch sees. */

#include <akmad/application.h>

#include <stdbool.h>

#include "base/error.h"
#include "lib/connect.h"
#include "lib/error-private.h"
#include "lib/key-private.h"
#include "lib/path.h"
#include "lib/watch.h"

struct _AkmadApplication {
    GObject parent;
    char *name;
    char *path;
    GDBusConnection *given; /* NULL: @own is made when it is needed */
    GDBusConnection *own;
    AkmaLibWatch *watch; /* NULL: not watched */
    AkmadState state;
};

enum { KEY_CHANGED, KEY_REVOKED, STATE, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(AkmadApplication, akmad_application, G_TYPE_OBJECT)

#define VALUE(name, nick) G_DEFINE_ENUM_VALUE(AKMAD_STATE_##name, nick)

G_DEFINE_ENUM_TYPE(AkmadState,
                   akmad_state,
                   VALUE(UNKNOWN, "unknown"),
                   VALUE(PENDING, "pending"),
                   VALUE(READY, "ready"),
                   VALUE(STALE, "stale"),
                   VALUE(REVOKED, "revoked"),
                   VALUE(FAILED, "failed"))

static void
dispose(GObject *object)
{
    AkmadApplication *self = AKMAD_APPLICATION(object);

    g_clear_pointer(&self->watch, akma_lib_watch_free);
    g_clear_object(&self->own);
    g_clear_object(&self->given);
    G_OBJECT_CLASS(akmad_application_parent_class)->dispose(object);
}

static void
finalize(GObject *object)
{
    AkmadApplication *self = AKMAD_APPLICATION(object);

    g_free(self->name);
    g_free(self->path);
    G_OBJECT_CLASS(akmad_application_parent_class)->finalize(object);
}

static guint
new_signal(const char *name, GType argument)
{
    return g_signal_new(name,
                        AKMAD_TYPE_APPLICATION,
                        G_SIGNAL_RUN_LAST,
                        0,
                        NULL,
                        NULL,
                        NULL,
                        G_TYPE_NONE,
                        1,
                        argument);
}

static void
akmad_application_class_init(AkmadApplicationClass *class)
{
    G_OBJECT_CLASS(class)->dispose = dispose;
    G_OBJECT_CLASS(class)->finalize = finalize;
    signals[KEY_CHANGED] = new_signal("key-changed", G_TYPE_STRING);
    signals[KEY_REVOKED] = new_signal("key-revoked", G_TYPE_STRING);
    signals[STATE] = new_signal("state", AKMAD_TYPE_STATE);
}

static void
akmad_application_init(AkmadApplication *self G_GNUC_UNUSED)
{
}

AkmadApplication *
akmad_application_new(const gchar *name)
{
    AkmadApplication *self;

    g_return_val_if_fail(name, NULL);

    self = g_object_new(AKMAD_TYPE_APPLICATION, NULL);
    self->name = g_strdup(name);
    self->path = akma_lib_dup_path(name);

    return self;
}

AkmadApplication *
akmad_application_new_for_connection(GDBusConnection *connection, const gchar *name)
{
    AkmadApplication *self;

    g_return_val_if_fail(G_IS_DBUS_CONNECTION(connection), NULL);

    self = akmad_application_new(name);
    if (self)
        self->given = g_object_ref(connection);

    return self;
}

const gchar *
akmad_application_get_name(AkmadApplication *self)
{
    g_return_val_if_fail(AKMAD_IS_APPLICATION(self), NULL);

    return self->name;
}

/* -- keys ------------------------------------------------------------------------------------ */

/* (transfer full) (nullable): what there is; our own one only while it works. */
static GDBusConnection *
ref_connection(AkmadApplication *self)
{
    if (self->own && g_dbus_connection_is_closed(self->own))
        g_clear_object(&self->own);
    if (self->given)
        return g_object_ref(self->given);

    return self->own ? g_object_ref(self->own) : NULL;
}

/* @kid NULL: the current version. */
static GVariant *
new_arguments(const char *kid)
{
    return kid ? g_variant_new("(s)", kid) : NULL;
}

static const char *
method_of(const char *kid)
{
    return kid ? "GetKeyVersion" : "GetKey";
}

/* No bus carries it otherwise. */
static bool
validate_kid(const char *kid, GError **error)
{
    if (!kid || g_utf8_validate(kid, -1, NULL))
        return true;
    g_set_error(
        error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "kid: not the name of a key version");

    return false;
}

static AkmadKey *
fetch(AkmadApplication *self, const char *kid, GCancellable *cancellable, GError **error)
{
    g_autoptr(GDBusConnection) connection = ref_connection(self);
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GVariant) answer = NULL;

    if (!validate_kid(kid, error))
        return NULL;
    if (!connection) {
        connection = akma_lib_connect(cancellable, error);
        if (!connection)
            return NULL;
        self->own = g_object_ref(connection);
    }

    answer = g_dbus_connection_call_with_unix_fd_list_sync(connection,
                                                           AKMA_LIB_BUS_NAME,
                                                           self->path,
                                                           AKMA_LIB_INTERFACE,
                                                           method_of(kid),
                                                           new_arguments(kid),
                                                           G_VARIANT_TYPE(AKMA_LIB_KEY_ANSWER),
                                                           G_DBUS_CALL_FLAGS_NONE,
                                                           -1,
                                                           NULL,
                                                           &fds,
                                                           cancellable,
                                                           error);

    return answer ? akma_lib_key_new_of_answer(answer, fds, error) : NULL;
}

static AkmadKey *
fetch_or_tell(AkmadApplication *self, const char *kid, GCancellable *cancellable, GError **error)
{
    GError *local = NULL;
    AkmadKey *key = fetch(self, kid, cancellable, &local);

    if (!key)
        akma_lib_error_take(local, error);

    return key;
}

AkmadKey *
akmad_application_get_key(AkmadApplication *self, GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail(AKMAD_IS_APPLICATION(self), NULL);

    return fetch_or_tell(self, NULL, cancellable, error);
}

AkmadKey *
akmad_application_get_key_version(AkmadApplication *self,
                                  const gchar *kid,
                                  GCancellable *cancellable,
                                  GError **error)
{
    g_return_val_if_fail(AKMAD_IS_APPLICATION(self), NULL);
    g_return_val_if_fail(kid, NULL);

    return fetch_or_tell(self, kid, cancellable, error);
}

static void
return_error(GTask *task, GError *local)
{
    GError *error = NULL;

    akma_lib_error_take(local, &error);
    g_task_return_error(task, error);
}

static void
answered(GObject *connection, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GUnixFDList) fds = NULL;
    GError *error = NULL;
    AkmadKey *key = NULL;
    g_autoptr(GVariant) answer = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(connection), &fds, result, &error);

    if (answer)
        key = akma_lib_key_new_of_answer(answer, fds, &error);
    if (key)
        g_task_return_pointer(task, key, (GDestroyNotify)akmad_key_unref);
    else
        return_error(task, error);
}

/* Takes @task. */
static void
ask(GTask *task, GDBusConnection *connection)
{
    AkmadApplication *self = g_task_get_source_object(task);
    const char *kid = g_task_get_task_data(task);
    GMainContext *context = g_task_get_context(task);

    g_main_context_push_thread_default(context);
    g_dbus_connection_call_with_unix_fd_list(connection,
                                             AKMA_LIB_BUS_NAME,
                                             self->path,
                                             AKMA_LIB_INTERFACE,
                                             method_of(kid),
                                             new_arguments(kid),
                                             G_VARIANT_TYPE(AKMA_LIB_KEY_ANSWER),
                                             G_DBUS_CALL_FLAGS_NONE,
                                             -1,
                                             NULL,
                                             g_task_get_cancellable(task),
                                             answered,
                                             task);
    g_main_context_pop_thread_default(context);
}

static void
connected(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmadApplication *self = g_task_get_source_object(task);
    GError *error = NULL;
    g_autoptr(GDBusConnection) connection = akma_lib_connect_finish(result, &error);

    if (!connection) {
        return_error(task, error);
        return;
    }

    g_set_object(&self->own, connection);
    ask(g_steal_pointer(&task), connection);
}

static void
begin(AkmadApplication *self,
      const char *kid,
      GCancellable *cancellable,
      GAsyncReadyCallback callback,
      gpointer user_data,
      gpointer tag)
{
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, user_data);
    g_autoptr(GDBusConnection) connection = ref_connection(self);
    GError *error = NULL;

    g_task_set_source_tag(task, tag);
    g_task_set_task_data(task, g_strdup(kid), g_free);
    if (!validate_kid(kid, &error))
        return_error(task, error);
    else if (connection)
        ask(g_steal_pointer(&task), connection);
    else
        akma_lib_connect_async(cancellable, connected, g_steal_pointer(&task));
}

void
akmad_application_get_key_async(AkmadApplication *self,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
    g_return_if_fail(AKMAD_IS_APPLICATION(self));

    begin(self, NULL, cancellable, callback, user_data, akmad_application_get_key_async);
}

AkmadKey *
akmad_application_get_key_finish(AkmadApplication *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
akmad_application_get_key_version_async(AkmadApplication *self,
                                        const gchar *kid,
                                        GCancellable *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer user_data)
{
    g_return_if_fail(AKMAD_IS_APPLICATION(self));
    g_return_if_fail(kid);

    begin(self, kid, cancellable, callback, user_data, akmad_application_get_key_version_async);
}

AkmadKey *
akmad_application_get_key_version_finish(AkmadApplication *self,
                                         GAsyncResult *result,
                                         GError **error)
{
    return akmad_application_get_key_finish(self, result, error);
}

/* -- watching -------------------------------------------------------------------------------- */

static void
key_changed(const char *kid, gpointer user_data)
{
    g_signal_emit(user_data, signals[KEY_CHANGED], 0, kid);
}

static void
key_revoked(const char *kid, gpointer user_data)
{
    g_signal_emit(user_data, signals[KEY_REVOKED], 0, kid);
}

static void
state_changed(AkmadState state, gpointer user_data)
{
    AkmadApplication *self = user_data;

    self->state = state;
    g_signal_emit(self, signals[STATE], 0, state);
}

static const AkmaLibWatchEvents events = {
    .key_changed = key_changed,
    .key_revoked = key_revoked,
    .state_changed = state_changed,
};

void
akmad_application_watch(AkmadApplication *self)
{
    g_return_if_fail(AKMAD_IS_APPLICATION(self));

    if (!self->watch)
        self->watch = akma_lib_watch_new(self->given, self->path, &events, self);
}

void
akmad_application_unwatch(AkmadApplication *self)
{
    g_return_if_fail(AKMAD_IS_APPLICATION(self));

    g_clear_pointer(&self->watch, akma_lib_watch_free);
    self->state = AKMAD_STATE_UNKNOWN;
}

AkmadState
akmad_application_get_state(AkmadApplication *self)
{
    g_return_val_if_fail(AKMAD_IS_APPLICATION(self), AKMAD_STATE_UNKNOWN);

    return self->state;
}

GError *
akmad_application_dup_last_error(AkmadApplication *self)
{
    g_return_val_if_fail(AKMAD_IS_APPLICATION(self), NULL);

    return self->watch ? akma_lib_watch_dup_error(self->watch) : NULL;
}
