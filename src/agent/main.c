/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* akmad: options, start, reload and stop. */

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/credentials.h"
#include "agent/keys.h"
#include "base/error.h"
#include "base/log.h"
#include "base/program.h"
#include "dbus/connection.h"

#define CONFIG_FILE AKMA_SYSCONFDIR "/akmad/akmad.conf"
#define STATE_DIR   AKMA_LOCALSTATEDIR "/lib/akmad"
#define SUMMARY     "Turns the SIM of this gateway into application keys and hands them out over D-Bus."

typedef struct {
    char *config;
    char *bus;
    char *state_dir;
    char *ready;
    char *log_level;
    gboolean check;
} Options;

typedef struct {
    const Options *options;
    const char *state_dir;
    const char *credential_socket;
    const AkmaConfig *started_with;
    AkmaAgent *agent;
    GMainLoop *loop;
    bool lost_bus;
} Program;

static void
options_clear(Options *options)
{
    g_free(options->config);
    g_free(options->bus);
    g_free(options->state_dir);
    g_free(options->ready);
    g_free(options->log_level);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool
parse(int argc, char **argv, Options *ret, GError **error)
{
    const GOptionEntry entries[] = {
        {"config",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &ret->config,
         "Configuration (" CONFIG_FILE ")",
         "FILE"},
        {"bus",
         0,
         0,
         G_OPTION_ARG_STRING,
         &ret->bus,
         "\"system\" (default), \"session\" or an address",
         "BUS"},
        {"state-dir",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &ret->state_dir,
         "Folder of the sealed keys",
         "DIR"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &ret->check, "Check the configuration and exit", NULL},
        {"ready",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &ret->ready,
         "Make FILE once everything is served",
         "FILE"},
        {"log-level",
         0,
         0,
         G_OPTION_ARG_STRING,
         &ret->log_level,
         "error, warning, info (default) or debug",
         "LEVEL"},
        G_OPTION_ENTRY_NULL,
    };

    if (!akma_program_parse(&argc, &argv, entries, NULL, SUMMARY, NULL, true, error))
        return false;
    if (!akma_log_init(ret->log_level)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "--log-level: \"%s\" is not error, warning, info or debug",
                    ret->log_level);
        return false;
    }
    if (!ret->config)
        ret->config = g_strdup(CONFIG_FILE);
    if (!ret->bus)
        ret->bus = g_strdup("system");

    return true;
}

/* --state-dir, else the configuration, else what systemd made, else the usual place. */
static const char *
choose_state_dir(const Options *options, const AkmaConfig *config)
{
    const char *configured = akma_config_get_state_dir(config);
    const char *given = g_getenv("STATE_DIRECTORY");

    if (options->state_dir)
        return options->state_dir;
    if (configured)
        return configured;

    return given && given[0] == '/' ? given : STATE_DIR;
}

static gboolean
stop(gpointer user_data)
{
    Program *program = user_data;

    akma_program_notify("STOPPING=1");
    g_main_loop_quit(program->loop);

    return G_SOURCE_CONTINUE;
}

/* The file is open, and what opens it is asked at the start only. */
static void
warn_of_sealing(const Program *program, const AkmaConfig *config)
{
    if (!akma_config_seals_alike(program->started_with, config))
        g_warning("sealing, sealing-key-file, tpm-*: the old values stay until the next start");
}

static gboolean
reload(gpointer user_data)
{
    Program *program = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaConfig) config = NULL;

    akma_program_notify_reloading();
    config = akma_config_load(program->options->config, &error);
    if (config) {
        if (g_strcmp0(choose_state_dir(program->options, config), program->state_dir) != 0)
            g_warning("state-dir: %s stays until the next start", program->state_dir);
        if (g_strcmp0(akma_config_get_credential_socket(config), program->credential_socket) != 0)
            g_warning("credential-socket: %s stays until the next start",
                      program->credential_socket ? program->credential_socket : "none");
        warn_of_sealing(program, config);
        akma_agent_configure(program->agent, config);
        g_message("configuration reloaded");
    } else {
        g_warning("%s; the old configuration stays", error->message);
    }
    akma_program_notify("READY=1");

    return G_SOURCE_CONTINUE;
}

static gboolean
feed_watchdog(gpointer user_data)
{
    (void)user_data;
    akma_program_notify("WATCHDOG=1");

    return G_SOURCE_CONTINUE;
}

static void
bus_gone(gpointer user_data)
{
    Program *program = user_data;

    g_warning("the bus is gone");
    program->lost_bus = true;
    g_main_loop_quit(program->loop);
}

/* Until a signal or the end of the bus. */
static bool
run(Program *program, AkmaBus *bus, GError **error)
{
    unsigned watchdog_ms = akma_program_get_watchdog_ms();
    guint sources[] = {
        g_unix_signal_add(SIGTERM, stop, program),
        g_unix_signal_add(SIGINT, stop, program),
        g_unix_signal_add(SIGHUP, reload, program),
        watchdog_ms > 0 ? g_timeout_add(watchdog_ms, feed_watchdog, NULL) : 0,
    };
    g_autofree char *bus_line = g_strconcat("bus=", program->options->bus, NULL);
    const char *const pairs[] = {bus_line, NULL};
    bool ok;

    akma_bus_set_gone_func(bus, bus_gone, program);
    /* whoever reads it may send a signal the next moment */
    ok = akma_program_write_ready(program->options->ready, pairs, error);
    if (ok) {
        g_message("serving org.akmad1");
        akma_program_notify("READY=1");
        g_main_loop_run(program->loop);
    }

    akma_bus_set_gone_func(bus, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
        g_clear_handle_id(&sources[i], g_source_remove);
    if (ok && program->lost_bus)
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING, "the bus is gone");

    return ok && !program->lost_bus;
}

/* What was cancelled gets the time to wipe: bounded, since nothing new begins. */
static void
drain(void)
{
    for (unsigned i = 0; i < 1000 && g_main_context_iteration(NULL, FALSE); i++)
        continue;
}

/* Nothing is served yet, and the TPM may take its time: the end of the process ends all. */
static void
stop_early(int number)
{
    (void)number;
    _exit(0);
}

static bool
serve(const Options *options, AkmaConfig *config, GError **error)
{
    g_autofree char *state_dir = g_strdup(choose_state_dir(options, config));
    g_autofree char *socket = g_strdup(akma_config_get_credential_socket(config));
    Program program = {.options = options,
                       .state_dir = state_dir,
                       .credential_socket = socket,
                       .started_with = config};
    g_autoptr(AkmaBus) bus = NULL;
    g_autoptr(GMainLoop) loop = NULL;
    int credentials;
    bool ok;

    signal(SIGTERM, stop_early);
    signal(SIGINT, stop_early);
    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, error) ||
        !akma_keys_check_sealing(config, state_dir, error) ||
        !akma_credentials_listen(config, &credentials, error))
        return false;
    bus = akma_bus_connect(options->bus, error);
    if (!bus)
        return false;
    program.agent = akma_agent_new(bus, config, state_dir, error);
    if (!program.agent)
        return false;

    if (credentials >= 0)
        akma_agent_serve_credentials(program.agent, credentials);
    loop = g_main_loop_new(NULL, FALSE);
    program.loop = loop;
    ok = akma_bus_own_name(bus, error) && run(&program, bus, error);

    akma_agent_free(program.agent);
    drain();
    g_clear_pointer(&bus, akma_bus_free);
    akma_secret_scrub_stack();

    return ok;
}

/* The configuration was read already; of what else a start needs only the sealing key is looked at.
 */
static bool
check(const Options *options, const AkmaConfig *config, GError **error)
{
    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, error) ||
        !akma_keys_check_sealing(config, choose_state_dir(options, config), error))
        return false;
    printf("%s: ok\n", options->config);

    return true;
}

int
main(int argc, char **argv)
{
    g_auto(Options) options = {0};
    g_autoptr(AkmaConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    akma_program_init("akmad");
    if (!parse(argc, argv, &options, &error))
        return akma_program_fail(error, false);
    config = akma_config_load(options.config, &error);
    if (!config ||
        !(options.check ? check(&options, config, &error) : serve(&options, config, &error)))
        return akma_program_fail(error, false);

    return 0;
}
