/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * watch: each change of a key, as a line or as a run of a command.
 *
 * The tree of objects follows the agent through its restarts. A command runs alone: versions
 * that come while it runs are not lost, the newest is handed over when it has ended.
 */

#include <gio/gio.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/show.h"

typedef struct {
    AkmaCli *cli;
    GMainLoop *loop;
    GDBusObjectManager *objects;
    GHashTable *states;   /* application -> the state last shown */
    GSubprocess *running; /* the command; NULL: none */
    char *served;         /* kid that the command had last; NULL: none */
    char *wanted;         /* kid that it shall have next; NULL: none */
    GError *error;
} Watch;

static void run_command(Watch *watch);

static void
stop(Watch *watch, GError *error)
{
    if (!watch->error)
        watch->error = error;
    else
        g_clear_error(&error);
    g_main_loop_quit(watch->loop);
}

static bool
is_wanted(const Watch *watch, const char *application)
{
    const char *word = watch->cli->words ? watch->cli->words[0] : NULL;

    return application && (!word || strcmp(word, application) == 0);
}

static void
show_event(const Watch *watch, AkmaBusApplication *application, const char *event, const char *kid)
{
    const char *id = akma_bus_application_get_id(application);
    const char *state = akma_bus_application_get_state(application);
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    g_autoptr(GDateTime) local = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(local, "%H:%M:%S");

    if (watch->cli->command)
        return;
    if (watch->cli->json) {
        akma_json_print(json_pack("{s:s,s:s,s:s?,s:s?,s:I}",
                                  "event",
                                  event,
                                  "application",
                                  id,
                                  "kid",
                                  kid,
                                  "state",
                                  state,
                                  "time",
                                  (json_int_t)now));
        return;
    }

    printf("%s  %s  %s  %s  %s\n",
           time,
           id,
           event,
           state ? state : "unknown",
           kid && *kid ? kid : "no key");
    fflush(stdout);
}

static void
want_command(Watch *watch, const char *kid)
{
    if (!watch->cli->command || !kid || !*kid || g_strcmp0(kid, watch->served) == 0)
        return;

    g_free(watch->wanted);
    watch->wanted = g_strdup(kid);
    if (!watch->running)
        run_command(watch);
}

/* Shows @application's state if it is another than the one shown last. */
static void
look_at(Watch *watch, AkmaBusApplication *application)
{
    const char *id = akma_bus_application_get_id(application);
    const char *state = akma_bus_application_get_state(application);

    if (!is_wanted(watch, id) || !state ||
        g_strcmp0(g_hash_table_lookup(watch->states, id), state) == 0)
        return;

    g_hash_table_insert(watch->states, g_strdup(id), g_strdup(state));
    show_event(watch, application, "state", akma_bus_application_get_key_id(application));
    want_command(watch, akma_bus_application_get_key_id(application));
}

static void
properties_changed(GDBusObjectManagerClient *objects G_GNUC_UNUSED,
                   GDBusObjectProxy *object G_GNUC_UNUSED,
                   GDBusProxy *proxy,
                   GVariant *changed G_GNUC_UNUSED,
                   const char *const *invalidated G_GNUC_UNUSED,
                   gpointer user_data)
{
    if (AKMA_BUS_IS_APPLICATION(proxy))
        look_at(user_data, AKMA_BUS_APPLICATION(proxy));
}

static void
signal_came(GDBusObjectManagerClient *objects G_GNUC_UNUSED,
            GDBusObjectProxy *object G_GNUC_UNUSED,
            GDBusProxy *proxy,
            const char *sender G_GNUC_UNUSED,
            const char *signal,
            GVariant *arguments,
            gpointer user_data)
{
    Watch *watch = user_data;
    AkmaBusApplication *application;
    const char *kid;

    if (!AKMA_BUS_IS_APPLICATION(proxy) || !g_variant_is_of_type(arguments, G_VARIANT_TYPE("(s)")))
        return;
    application = AKMA_BUS_APPLICATION(proxy);
    if (!is_wanted(watch, akma_bus_application_get_id(application)))
        return;

    g_variant_get(arguments, "(&s)", &kid);
    if (strcmp(signal, "KeyChanged") == 0) {
        show_event(watch, application, "key-changed", kid);
        want_command(watch, kid);
    } else if (strcmp(signal, "KeyRevoked") == 0) {
        show_event(watch, application, "key-revoked", kid);
    }
}

static void
object_added(GDBusObjectManager *objects G_GNUC_UNUSED, GDBusObject *object, gpointer user_data)
{
    g_autoptr(AkmaBusApplication) application =
        akma_bus_object_get_application(AKMA_BUS_OBJECT(object));

    if (application)
        look_at(user_data, application);
}

static void
owner_changed(GObject *objects, GParamSpec *spec G_GNUC_UNUSED, gpointer user_data)
{
    Watch *watch = user_data;
    g_autofree char *owner =
        g_dbus_object_manager_client_get_name_owner(G_DBUS_OBJECT_MANAGER_CLIENT(objects));

    if (!owner) {
        g_hash_table_remove_all(watch->states);
        fprintf(stderr, "%s: akmad has gone; waiting for it\n", g_get_prgname());
    }
}

static void
bus_closed(GDBusConnection *connection G_GNUC_UNUSED,
           gboolean vanished G_GNUC_UNUSED,
           GError *cause G_GNUC_UNUSED,
           gpointer user_data)
{
    stop(user_data,
         g_error_new(AKMA_ERROR, AKMA_ERROR_NOT_RUNNING, "the bus has closed the connection"));
}

static gboolean
asked_to_end(gpointer user_data)
{
    stop(user_data, NULL);

    return G_SOURCE_CONTINUE;
}

/* The command ended: watching goes on only if it is content. */
static void
command_done(GObject *process, GAsyncResult *result, gpointer user_data)
{
    Watch *watch = user_data;
    GSubprocess *command = G_SUBPROCESS(process);

    g_subprocess_wait_finish(command, result, NULL);
    if (g_subprocess_get_if_signaled(command))
        watch->cli->status = 128 + g_subprocess_get_term_sig(command);
    else
        watch->cli->status = g_subprocess_get_exit_status(command);
    g_clear_object(&watch->running);

    if (watch->cli->status != 0)
        stop(watch, NULL);
    else if (watch->wanted)
        run_command(watch);
}

static GSubprocess *
spawn(
    Watch *watch, const char *application, const AkmaCliKey *key, const char *event, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_INHERIT);
    g_auto(GStrv) environment = akma_command_dup_environment(watch->cli, application, key, event);
    const char *const *command = watch->cli->command;
    g_autoptr(GError) local = NULL;
    GSubprocess *process;
    mode_t own;
    int fd = akma_cli_key_dup_memfd(key, error);

    if (fd < 0)
        return NULL;

    g_subprocess_launcher_set_environ(launcher, environment);
    g_subprocess_launcher_take_fd(launcher, fd, 3);
    own = umask(watch->cli->umask);
    process = g_subprocess_launcher_spawnv(launcher, command, &local);
    umask(own);
    if (!process) {
        bool missing = g_error_matches(local, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);

        akma_command_fail(watch->cli, missing, local->message, error);
    }

    return process;
}

/* akmad restarts, or the version has ended just now: what comes next is told. */
static bool
is_passing(const GError *error)
{
    return g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING) ||
           g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NOT_READY) ||
           g_error_matches(error, AKMA_ERROR, AKMA_ERROR_KEY_REVOKED);
}

/* Hands the newest version to the command, which may be newer than the one wanted. */
static void
run_command(Watch *watch)
{
    const char *application = watch->cli->words[0];
    /* not what came first: a state that changes with the key is told before KeyChanged */
    const char *event = watch->served ? "key-changed" : "state";
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaCliKey) key =
        akma_cli_key_fetch_by_name(watch->cli, application, NULL, 0, &error);

    g_clear_pointer(&watch->wanted, g_free);
    if (!key) {
        if (!is_passing(error))
            stop(watch, g_steal_pointer(&error));
        return;
    }

    g_free(watch->served);
    watch->served = g_strdup(key->kid);
    watch->running = spawn(watch, application, key, event, &error);
    if (watch->running)
        g_subprocess_wait_async(watch->running, NULL, command_done, watch);
    else
        stop(watch, g_steal_pointer(&error));
}

/* The present state of each application comes first. */
static bool
show_present(Watch *watch, GError **error)
{
    g_autoptr(GPtrArray) applications = akma_cli_sort_applications(watch->objects);

    for (guint i = 0; i < applications->len; i++)
        look_at(watch, applications->pdata[i]);
    if (watch->cli->words && g_hash_table_size(watch->states) == 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "no such application");
        return false;
    }

    return true;
}

static void
watch_until_stopped(Watch *watch)
{
    guint term = g_unix_signal_add(SIGTERM, asked_to_end, watch);
    guint interrupt = g_unix_signal_add(SIGINT, asked_to_end, watch);

    g_signal_connect(watch->cli->connection, "closed", G_CALLBACK(bus_closed), watch);
    g_signal_connect(watch->objects,
                     "interface-proxy-properties-changed",
                     G_CALLBACK(properties_changed),
                     watch);
    g_signal_connect(watch->objects, "interface-proxy-signal", G_CALLBACK(signal_came), watch);
    g_signal_connect(watch->objects, "object-added", G_CALLBACK(object_added), watch);
    g_signal_connect(watch->objects, "notify::name-owner", G_CALLBACK(owner_changed), watch);

    if (show_present(watch, &watch->error) && !watch->error && watch->cli->status == 0)
        g_main_loop_run(watch->loop);

    g_signal_handlers_disconnect_by_data(watch->objects, watch);
    g_signal_handlers_disconnect_by_data(watch->cli->connection, watch);
    g_source_remove(interrupt);
    g_source_remove(term);
}

bool
akma_verb_watch(AkmaCli *cli, GError **error)
{
    Watch watch = {.cli = cli};
    bool ok;

    if (cli->command && !cli->words) {
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "a command needs the name of APP");
        return false;
    }
    watch.objects = akma_cli_get_objects(cli, error);
    if (!watch.objects)
        return false;
    watch.loop = g_main_loop_new(NULL, FALSE);
    watch.states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    watch_until_stopped(&watch);

    ok = !watch.error;
    if (watch.error)
        g_propagate_error(error, watch.error);
    g_free(watch.served);
    g_free(watch.wanted);
    g_clear_object(&watch.running);
    g_hash_table_unref(watch.states);
    g_main_loop_unref(watch.loop);
    g_object_unref(watch.objects);

    return ok;
}
