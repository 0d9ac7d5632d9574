/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* akmad-port: opens ports of modems for akmad that akmad itself may not: those behind a proxy. */
#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/program.h"
#include "base/secret.h"
#include "base/settings.h"
#include "modem/port/guest.h"
#include "modem/port/port-card.h"

#define GUESTS_MAX 8

#define SUMMARY                                                                                    \
    "Opens modem ports for akmad through mbim-proxy and qmi-proxy, which serve uid 0\n"            \
    "only, and hands it card transactions over a socket. systemd starts it on demand."

typedef struct {
    char *socket;
    char *user;
    char **devices;
    char *idle;
    char *ready;
    char *log_level;
} Options;

typedef struct {
    Options options;
    GMainLoop *loop;
    AkmaListener *listener;
    uid_t uid; /* of akmad */
    AkmaGuestHost host;
    GPtrArray *guests;
    uint64_t idle_s; /* 0: stays */
    unsigned idle_id;
    bool serving;
} Program;

static bool
refuse(GError **error, const char *message)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, message);

    return false;
}

static bool
check_devices(char **devices)
{
    for (char **device = devices; device && *device; device++) {
        if (!g_str_has_prefix(*device, "/dev/"))
            return false;
    }

    return true;
}

static bool
find_user(Program *program, GError **error)
{
    const char *name = program->options.user ? program->options.user : "akmad";
    const struct passwd *user = getpwnam(name);

    if (!user) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID, "--user: no user %s here", name);
        return false;
    }
    program->uid = user->pw_uid;

    return true;
}

static bool
parse(int argc, char **argv, Program *program, GError **error)
{
    Options *options = &program->options;
    const GOptionEntry entries[] = {
        {"socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket, "Listen here", "PATH"},
        {"user", 0, 0, G_OPTION_ARG_STRING, &options->user, "Whom it serves (akmad)", "NAME"},
        {"device",
         0,
         0,
         G_OPTION_ARG_STRING_ARRAY,
         &options->devices,
         "What may be opened: may be repeated; as it stands, cdc-wdm, wwan, ttyUSB, ttyACM",
         "PATTERN"},
        {"idle", 0, 0, G_OPTION_ARG_STRING, &options->idle, "End when unused so long", "DURATION"},
        {"ready", 0, 0, G_OPTION_ARG_FILENAME, &options->ready, "Made once it serves", "FILE"},
        {"log-level",
         0,
         0,
         G_OPTION_ARG_STRING,
         &options->log_level,
         "error, warning, info (default) or debug",
         "LEVEL"},
        G_OPTION_ENTRY_NULL,
    };

    if (!akma_program_parse(&argc, &argv, entries, NULL, SUMMARY, NULL, true, error))
        return false;
    if (!akma_log_init(options->log_level))
        return refuse(error, "--log-level: must be error, warning, info or debug");
    if (!check_devices(options->devices))
        return refuse(error, "--device: a pattern must begin with /dev/");
    if (options->idle && !akma_setting_parse_duration(options->idle, &program->idle_s))
        return refuse(error, "--idle: must be a duration, such as 60s");

    return find_user(program, error);
}

static gboolean
on_stop(gpointer user_data)
{
    Program *program = user_data;

    g_main_loop_quit(program->loop);

    return G_SOURCE_CONTINUE;
}

static gboolean
on_watchdog(gpointer user_data)
{
    (void)user_data;
    akma_program_notify("WATCHDOG=1");

    return G_SOURCE_CONTINUE;
}

static gboolean
on_idle(gpointer user_data)
{
    Program *program = user_data;

    program->idle_id = 0;
    g_message("nobody asks, ending");
    g_main_loop_quit(program->loop);

    return G_SOURCE_REMOVE;
}

static void
watch_idle(Program *program)
{
    g_clear_handle_id(&program->idle_id, g_source_remove);
    if (program->idle_s > 0 && program->guests->len == 0)
        program->idle_id = g_timeout_add_seconds((guint)program->idle_s, on_idle, program);
}

static void
guest_left(AkmaGuest *guest, gpointer user_data)
{
    Program *program = user_data;

    g_ptr_array_remove_fast(program->guests, guest);
    watch_idle(program);
}

/* akmad and root, by what the kernel says of the peer. */
static bool
may_enter(const Program *program, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    if (peer.uid == program->uid || peer.uid == 0)
        return true;
    g_warning("uid %u may not use modem ports, hanging up", (unsigned)peer.uid);

    return false;
}

static void
receive(int fd,
        const struct sockaddr_un *address G_GNUC_UNUSED,
        socklen_t len G_GNUC_UNUSED,
        gpointer user_data)
{
    Program *program = user_data;

    if (program->guests->len >= GUESTS_MAX) {
        g_warning("%d ports are open already, hanging up", GUESTS_MAX);
        close(fd);
    } else if (!may_enter(program, fd)) {
        close(fd);
    } else {
        g_ptr_array_add(program->guests, akma_guest_new(fd, &program->host));
        watch_idle(program);
    }
}

static void
cannot_receive(int error, gpointer user_data G_GNUC_UNUSED)
{
    g_warning("cannot let in who connects: %s; trying again", g_strerror(error));
}

static int
listen_at(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int code;

    errno = ENAMETOOLONG;
    if (fd >= 0 &&
        g_strlcpy(address.sun_path, path, sizeof address.sun_path) < sizeof address.sun_path &&
        (g_unlink(path) == 0 || errno == ENOENT) &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        g_chmod(path, 0666) == 0 && /* SO_PEERCRED decides */
        listen(fd, GUESTS_MAX) == 0)
        return fd;

    code = errno;
    if (fd >= 0)
        close(fd);
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "%s: %s", path, g_strerror(code));

    return -1;
}

static bool
open_all(Program *program, GError **error)
{
    static const char *const devices[] = {
        "/dev/cdc-wdm*", "/dev/wwan*", "/dev/ttyUSB*", "/dev/ttyACM*", NULL};
    int fds = sd_listen_fds(1);
    int fd;

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, error))
        return false;
    if (fds > 1 || (fds == 1 && program->options.socket) || (fds < 1 && !program->options.socket))
        return refuse(error, "it needs one socket: --socket PATH, or one of systemd's");
    if (fds == 1 && sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 1) <= 0)
        return refuse(error, "the socket of systemd must be a ListenSequentialPacket=");

    fd = fds == 1 ? SD_LISTEN_FDS_START : listen_at(program->options.socket, error);
    if (fd < 0)
        return false;
    program->host.devices =
        program->options.devices ? (const char *const *)program->options.devices : devices;
    program->host.left = guest_left;
    program->host.user_data = program;
    program->guests = g_ptr_array_new_with_free_func((GDestroyNotify)akma_guest_free);
    program->listener = akma_listener_new(fd, receive, cannot_receive, program);

    return true;
}

static bool
serve(Program *program, GError **error)
{
    g_autofree char *listening =
        program->options.socket ? g_strconcat("socket=", program->options.socket, NULL) : NULL;
    const char *const pairs[] = {listening, NULL};

    if (!akma_program_write_ready(program->options.ready, pairs, error)) {
        g_prefix_error(error, "--ready: ");
        return false;
    }
    program->serving = true;
    akma_program_notify("READY=1");
    watch_idle(program);
    g_main_loop_run(program->loop);
    akma_program_notify("STOPPING=1");

    return true;
}

static bool
run(Program *program, GError **error)
{
    unsigned watchdog_ms = akma_program_get_watchdog_ms();

    program->loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGTERM, on_stop, program);
    g_unix_signal_add(SIGINT, on_stop, program);
    if (watchdog_ms > 0)
        g_timeout_add(watchdog_ms, on_watchdog, NULL);

    return serve(program, error);
}

static void
close_all(Program *program)
{
    const Options *options = &program->options;

    if (program->serving && options->ready)
        g_unlink(options->ready);
    if (program->serving && options->socket)
        g_unlink(options->socket);
    g_clear_pointer(&program->listener, akma_listener_free);
    g_clear_pointer(&program->guests, g_ptr_array_unref);
    g_clear_pointer(&program->loop, g_main_loop_unref);
    g_free(options->socket);
    g_free(options->user);
    g_strfreev(options->devices);
    g_free(options->idle);
    g_free(options->ready);
    g_free(options->log_level);
}

int
main(int argc, char **argv)
{
    Program program = {0};
    g_autoptr(GError) error = NULL;
    int status = 0;

    akma_program_init("akmad-port");
    signal(SIGPIPE, SIG_IGN);
    if (!parse(argc, argv, &program, &error) || !open_all(&program, &error) ||
        !run(&program, &error))
        status = akma_program_fail(error, false);
    close_all(&program);

    return status;
}
