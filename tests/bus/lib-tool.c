/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * lib-tool: a program that uses libakmad, told what to do line by line on stdin.
 *
 * Answers "key KID LENGTH", "ok", or "error NAME: message"; events are lines "event ...", and say
 * so if they come in a main context that is not the one of the watch. Key bytes go from the
 * library straight into a file, so that the only copy in this process is the library's.
 */

#include <akmad/akmad.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define LINE_MAX_LEN 512

typedef struct {
    const char *tag; /* of its lines */
    GMainContext *context;
    AkmadApplication *application;
    AkmadKey *key;
    GMainLoop *loop;
    char *shared_bus; /* NULL: a connection of its own */
} Tool;

static void
say_error(const GError *error)
{
    const char *name = akmad_error_get_name(error);

    if (name && !akmad_error_get_next(error))
        name = "without next";
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        name = "cancelled";
    printf("error %s: %s\n", name ? name : "of another domain", error->message);
}

static void
take_key(Tool *tool, AkmadKey *key, GError *error)
{
    gsize len = 0;

    if (!key) {
        say_error(error);
        g_error_free(error);
        return;
    }
    akmad_key_unref(tool->key);
    tool->key = key;
    akmad_key_peek(key, &len);
    printf("key %s %zu\n", akmad_key_get_kid(key), (size_t)len);
}

/* -- events ---------------------------------------------------------------------------------- */

static void
say_event(Tool *tool, const char *what, const char *detail)
{
    bool right = g_main_context_is_owner(tool->context);

    printf("event %s%s %s%s\n", tool->tag, what, detail, right ? "" : " IN ANOTHER CONTEXT");
    fflush(stdout);
}

static void
key_changed(AkmadApplication *application G_GNUC_UNUSED, const char *kid, gpointer tool)
{
    say_event(tool, "key-changed", kid);
}

static void
key_revoked(AkmadApplication *application G_GNUC_UNUSED, const char *kid, gpointer tool)
{
    say_event(tool, "key-revoked", kid);
}

static const char *
nick(AkmadState state)
{
    GEnumClass *class = g_type_class_ref(AKMAD_TYPE_STATE);
    const char *word = g_enum_get_value(class, (int)state)->value_nick;

    g_type_class_unref(class);

    return word;
}

static void
state_changed(AkmadApplication *application, AkmadState state, gpointer tool)
{
    if (akmad_application_get_state(application) != state)
        say_event(tool, "state", "IS NOT WHAT IT SAYS");
    say_event(tool, "state", nick(state));
}

static void
watch(Tool *tool)
{
    tool->context = g_main_context_ref_thread_default();
    g_signal_connect(tool->application, "key-changed", G_CALLBACK(key_changed), tool);
    g_signal_connect(tool->application, "key-revoked", G_CALLBACK(key_revoked), tool);
    g_signal_connect(tool->application, "state", G_CALLBACK(state_changed), tool);
    akmad_application_watch(tool->application);
}

/* One more watch in a thread with a loop of its own, to the end of the program. */
static gpointer
watch_in_thread(gpointer name)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GMainLoop) loop = g_main_loop_new(context, FALSE);
    Tool tool = {.tag = "thread-"};

    g_main_context_push_thread_default(context);
    tool.application = akmad_application_new(name);
    watch(&tool);
    g_main_loop_run(loop);

    return NULL;
}

/* -- commands -------------------------------------------------------------------------------- */

static void
open_application(Tool *tool, const char *name)
{
    g_clear_object(&tool->application);
    if (tool->shared_bus) {
        g_autoptr(GDBusConnection) connection = g_dbus_connection_new_for_address_sync(
            tool->shared_bus,
            G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
            NULL,
            NULL,
            NULL);

        tool->application = akmad_application_new_for_connection(connection, name);
    } else {
        tool->application = akmad_application_new(name);
    }
    printf("ok\n");
}

static void
get(Tool *tool, const char *kid, bool cancelled)
{
    g_autoptr(GCancellable) cancellable = cancelled ? g_cancellable_new() : NULL;
    GError *error = NULL;
    AkmadKey *key;

    if (cancelled)
        g_cancellable_cancel(cancellable);
    key = *kid ? akmad_application_get_key_version(tool->application, kid, cancellable, &error)
               : akmad_application_get_key(tool->application, cancellable, &error);
    take_key(tool, key, error);
}

static void
got(GObject *source, GAsyncResult *result, gpointer user_data)
{
    AkmadApplication *application = AKMAD_APPLICATION(source);
    GError *error = NULL;
    AkmadKey *key = akmad_application_get_key_finish(application, result, &error);

    take_key(user_data, key, error);
    fflush(stdout);
}

static void
got_version(GObject *source, GAsyncResult *result, gpointer user_data)
{
    AkmadApplication *application = AKMAD_APPLICATION(source);
    GError *error = NULL;
    AkmadKey *key = akmad_application_get_key_version_finish(application, result, &error);

    take_key(user_data, key, error);
    fflush(stdout);
}

static void
begin_get(Tool *tool, const char *kid, bool cancelled)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();

    if (*kid)
        akmad_application_get_key_version_async(
            tool->application, kid, cancellable, got_version, tool);
    else
        akmad_application_get_key_async(tool->application, cancellable, got, tool);
    if (cancelled)
        g_cancellable_cancel(cancellable);
}

static void
write_key(Tool *tool, const char *path, bool through_fd)
{
    g_autoptr(GError) error = NULL;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    gsize len = 0;
    const guint8 *bytes = akmad_key_peek(tool->key, &len);
    int fd = through_fd ? akmad_key_dup_fd(tool->key, &error) : -1;

    if (through_fd && fd < 0)
        say_error(error);
    else if ((through_fd ? sendfile(file, fd, NULL, len) : write(file, bytes, len)) == (ssize_t)len)
        printf("ok\n");
    else
        printf("error of the test: cannot write\n");
    if (fd >= 0)
        close(fd);
    close(file);
}

static void
say_last_error(Tool *tool)
{
    g_autoptr(GError) error = akmad_application_dup_last_error(tool->application);

    if (error)
        say_error(error);
    else
        printf("ok\n");
}

static void
run(Tool *tool, const char *verb, const char *word)
{
    if (strcmp(verb, "open") == 0)
        open_application(tool, word);
    else if (strcmp(verb, "get") == 0)
        get(tool, word, false);
    else if (strcmp(verb, "get-cancelled") == 0)
        get(tool, "", true);
    else if (strcmp(verb, "async") == 0)
        begin_get(tool, word, false);
    else if (strcmp(verb, "async-cancelled") == 0)
        begin_get(tool, "", true);
    else if (strcmp(verb, "write") == 0)
        write_key(tool, word, false);
    else if (strcmp(verb, "write-fd") == 0)
        write_key(tool, word, true);
    else if (strcmp(verb, "last-error") == 0)
        say_last_error(tool);
    else if (strcmp(verb, "state") == 0)
        printf("state %s\n", nick(akmad_application_get_state(tool->application)));
    else
        printf("error of the test: no verb %s\n", verb);
}

/* Those that only say ok. */
static bool
run_quiet(Tool *tool, const char *verb, const char *word)
{
    if (strcmp(verb, "free") == 0)
        g_clear_pointer(&tool->key, akmad_key_unref);
    else if (strcmp(verb, "wipe") == 0)
        akmad_key_wipe(tool->key);
    else if (strcmp(verb, "watch") == 0)
        watch(tool);
    else if (strcmp(verb, "unwatch") == 0)
        akmad_application_unwatch(tool->application);
    else if (strcmp(verb, "drop") == 0)
        g_clear_object(&tool->application);
    else if (strcmp(verb, "thread") == 0)
        g_thread_unref(g_thread_new("watch", watch_in_thread, g_strdup(word)));
    else
        return false;
    printf("ok\n");

    return true;
}

static gboolean
line_came(GIOChannel *channel G_GNUC_UNUSED, GIOCondition why G_GNUC_UNUSED, gpointer user_data)
{
    Tool *tool = user_data;
    char line[LINE_MAX_LEN];
    char *word;

    if (!fgets(line, sizeof line, stdin)) {
        g_main_loop_quit(tool->loop);
        return G_SOURCE_REMOVE;
    }
    g_strchomp(line);
    word = strchr(line, ' ');
    if (word)
        *word++ = '\0';
    if (!run_quiet(tool, line, word ? word : ""))
        run(tool, line, word ? word : "");
    fflush(stdout);

    return G_SOURCE_CONTINUE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GIOChannel) channel = g_io_channel_unix_new(STDIN_FILENO);
    Tool tool = {.tag = "", .loop = loop, .shared_bus = argc > 1 ? argv[1] : NULL};

    setvbuf(stdin, NULL, _IONBF, 0);
    g_io_channel_set_encoding(channel, NULL, NULL);
    g_io_channel_set_buffered(channel, FALSE);
    g_io_add_watch(channel, G_IO_IN | G_IO_HUP, line_came, &tool);
    g_main_loop_run(loop);
    g_clear_pointer(&tool.key, akmad_key_unref);
    g_clear_object(&tool.application);
    g_clear_pointer(&tool.context, g_main_context_unref);

    return 0;
}
