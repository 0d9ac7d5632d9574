/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* akma-modemsim: a modem with a SIM card, for labs, tests and the demo. */
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "base/log.h"
#include "base/program.h"
#include "base/settings.h"
#include "modem/simulator/at.h"
#include "modem/simulator/control.h"
#include "modem/simulator/mbim.h"
#include "modem/simulator/qmi-link.h"
#include "modem/simulator/qmi-socket.h"

#define SUMMARY                                                                                    \
    "A simulated modem with a soft SIM card, for labs and tests: the card file and the\n"          \
    "control socket hold subscriber keys in clear. Not for use with real subscriptions."

/* One port of each may be asked for; the options of them stand in this order. */
static const AkmaSoftFace *const faces[] = {
    &akma_soft_at_face, &akma_soft_mbim_face, &akma_soft_qmi_face};

typedef struct {
    char *card;
    char *paths[G_N_ELEMENTS(faces)];
    char *qmi_socket;
    char *usb;
    char *core;
    char *core_ca;
    char *control;
    char *dialect;
    char *ready;
    char *log_level;
} Options;

typedef struct {
    Options options;
    GMainLoop *loop;
    AkmaSoftDesk desk;
    AkmaSoftControl *control;
    bool serving;
    int status;
} Program;

static void
options_clear(Options *self)
{
    g_free(self->card);
    for (size_t i = 0; i < G_N_ELEMENTS(faces); i++)
        g_free(self->paths[i]);
    g_free(self->qmi_socket);
    g_free(self->usb);
    g_free(self->core);
    g_free(self->core_ca);
    g_free(self->control);
    g_free(self->dialect);
    g_free(self->ready);
    g_free(self->log_level);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool
refuse(GError **error, const char *message)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, message);

    return false;
}

static bool
is_url(const char *text)
{
    g_autofree char *host = NULL;
    uint16_t port;
    bool tls;

    return akma_setting_parse_url(text, &tls, &host, &port);
}

static bool
has_face(const Options *options)
{
    for (size_t i = 0; i < G_N_ELEMENTS(faces); i++) {
        if (options->paths[i])
            return true;
    }

    return options->qmi_socket || options->usb;
}

static bool
parse(int argc, char **argv, Options *options, GError **error)
{
    g_autofree char *dialects = akma_soft_dialect_dup_names();
    g_autofree char *epilog = g_strdup_printf("Dialects: %s.\n", dialects);
    const GOptionEntry entries[] = {
        {"card", 0, 0, G_OPTION_ARG_FILENAME, &options->card, "The card file", "FILE"},
        {"at", 0, 0, G_OPTION_ARG_FILENAME, &options->paths[0], "Serve AT at this symlink", "PATH"},
        {"mbim",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &options->paths[1],
         "Serve MBIM at this symlink",
         "PATH"},
        {"qmi",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &options->paths[2],
         "Serve QMI at this symlink",
         "PATH"},
        {"qmi-socket",
         0,
         0,
         G_OPTION_ARG_STRING,
         &options->qmi_socket,
         "Serve QMI like qmi-proxy at this abstract socket",
         "NAME"},
        {"usb", 0, 0, G_OPTION_ARG_STRING, &options->usb, "Plug into vhci-hcd: mbim, qmi", "MODEL"},
        {"core", 0, 0, G_OPTION_ARG_STRING, &options->core, "Register at this core", "URL"},
        {"core-ca", 0, 0, G_OPTION_ARG_FILENAME, &options->core_ca, "Its authority", "FILE"},
        {"control", 0, 0, G_OPTION_ARG_FILENAME, &options->control, "Control socket", "PATH"},
        {"dialect", 0, 0, G_OPTION_ARG_STRING, &options->dialect, "How a face speaks", "NAME"},
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

    if (!akma_program_parse(&argc, &argv, entries, NULL, SUMMARY, epilog, true, error))
        return false;
    if (!akma_log_init(options->log_level))
        return refuse(error, "--log-level: must be error, warning, info or debug");
    if (options->core && !is_url(options->core))
        return refuse(error, "--core: must be http://HOST[:PORT] or https://HOST[:PORT]");
    if (!options->card)
        return refuse(error, "--card FILE is missing");
    if (!has_face(options))
        return refuse(error,
                      "no face to serve: --at, --mbim, --qmi, --qmi-socket or --usb is missing");
    if (options->usb && !akma_soft_usb_model_find(options->usb))
        return refuse(error, "--usb: must be mbim or qmi");
    if (options->dialect && !akma_soft_dialect_find(options->dialect))
        return refuse(error, "--dialect: no such dialect, --help lists them");

    return true;
}

static gboolean
on_stop(gpointer user_data)
{
    Program *program = user_data;

    g_main_loop_quit(program->loop);

    return G_SOURCE_CONTINUE;
}

/* As if the card were taken out and the one of the file put in. */
static gboolean
on_reload(gpointer user_data)
{
    Program *program = user_data;
    g_autoptr(GError) error = NULL;

    akma_program_notify_reloading();
    if (akma_soft_desk_change_card(&program->desk, program->options.card, &error))
        g_message("the card was changed for the one in %s", program->options.card);
    else
        g_warning("%s, keeping the card there is", error->message);
    akma_program_notify("READY=1");

    return G_SOURCE_CONTINUE;
}

static gboolean
on_watchdog(gpointer user_data)
{
    (void)user_data;
    akma_program_notify("WATCHDOG=1");

    return G_SOURCE_CONTINUE;
}

static void
add_pair(GStrvBuilder *builder, const char *name, const char *value)
{
    g_autofree char *pair = value ? g_strconcat(name, "=", value, NULL) : NULL;

    if (pair)
        g_strv_builder_add(builder, pair);
}

/* Says that it serves, once. */
static void
serve(void *user_data)
{
    Program *program = user_data;
    const Options *options = &program->options;
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) pairs = NULL;
    g_autoptr(GError) error = NULL;

    if (program->serving)
        return;
    program->serving = true;
    for (size_t i = 0; i < G_N_ELEMENTS(faces); i++)
        add_pair(builder, faces[i]->name, options->paths[i]);
    add_pair(builder, "qmi-socket", options->qmi_socket);
    add_pair(builder, "usb", options->usb);
    add_pair(builder, "control", options->control);
    pairs = g_strv_builder_end(builder);
    if (!akma_program_write_ready(options->ready, (const char *const *)pairs, &error)) {
        g_prefix_error(&error, "--ready: ");
        program->status = akma_program_fail(error, false);
        g_main_loop_quit(program->loop);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(faces); i++) {
        if (options->paths[i])
            g_message("serving %s at %s", faces[i]->name, options->paths[i]);
    }
    if (options->qmi_socket)
        g_message("serving qmi at @%s", options->qmi_socket);
    if (options->usb)
        g_message("plugged in as a USB modem: %s", options->usb);
    akma_program_notify("READY=1");
}

static bool
open_qmi_socket(Program *program, const AkmaSoftDialect *dialect, GError **error)
{
    if (!program->options.qmi_socket)
        return true;
    program->desk.qmi_socket =
        akma_soft_qmi_socket_new(program->desk.modem, dialect, program->options.qmi_socket, error);
    if (!program->desk.qmi_socket)
        g_prefix_error(error, "--qmi-socket ");

    return program->desk.qmi_socket != NULL;
}

static bool
open_usb(Program *program, const AkmaSoftDialect *dialect, GError **error)
{
    if (!program->options.usb)
        return true;
    program->desk.vhci = akma_soft_vhci_new(program->desk.modem,
                                            akma_soft_usb_model_find(program->options.usb),
                                            dialect,
                                            AKMA_SOFT_VHCI_FOLDER,
                                            error);
    if (!program->desk.vhci)
        g_prefix_error(error, "--usb: ");

    return program->desk.vhci != NULL;
}

static bool
open_ports(Program *program, GError **error)
{
    const Options *options = &program->options;
    const AkmaSoftDialect *dialect =
        akma_soft_dialect_find(options->dialect ? options->dialect : "plain");
    GPtrArray *ports = g_ptr_array_new_with_free_func((GDestroyNotify)akma_soft_port_free);

    program->desk.ports = ports;
    for (size_t i = 0; i < G_N_ELEMENTS(faces); i++) {
        AkmaSoftPort *port;

        if (!options->paths[i])
            continue;
        port = akma_soft_port_new(program->desk.modem, faces[i], dialect, options->paths[i], error);
        if (!port) {
            g_prefix_error(error, "--%s ", faces[i]->name);
            return false;
        }
        g_ptr_array_add(ports, port);
    }

    return open_qmi_socket(program, dialect, error) && open_usb(program, dialect, error);
}

static bool
open_all(Program *program, GError **error)
{
    const Options *options = &program->options;
    AkmaSoftProfile *profile = akma_soft_profile_load(options->card, error);
    AkmaSoftUicc *card = profile ? akma_soft_uicc_new(profile, error) : NULL;
    int fds = sd_listen_fds(1);

    if (!card) {
        g_prefix_error(error, "card: ");
        return false;
    }
    program->desk.modem = akma_soft_modem_new(card);
    program->desk.card_file = options->card;
    if (!open_ports(program, error))
        return false;
    if (options->core)
        program->desk.registration =
            akma_soft_registration_new(program->desk.modem, options->core, options->core_ca);
    if (options->control || fds > 0) {
        program->control = akma_soft_control_new(
            options->control, fds > 0 ? SD_LISTEN_FDS_START : -1, &program->desk, error);
        if (!program->control)
            return false;
    }

    return true;
}

static void
close_all(Program *program)
{
    if (program->serving && program->options.ready)
        g_unlink(program->options.ready);
    akma_soft_registration_free(program->desk.registration);
    akma_soft_control_free(program->control);
    while (g_main_context_iteration(NULL, FALSE)) /* what was cancelled ends */
        ;
    g_clear_pointer(&program->desk.ports, g_ptr_array_unref);
    akma_soft_qmi_socket_free(program->desk.qmi_socket);
    akma_soft_vhci_free(program->desk.vhci);
    akma_soft_modem_free(program->desk.modem);
    g_clear_pointer(&program->loop, g_main_loop_unref);
    options_clear(&program->options);
}

static void
run(Program *program)
{
    unsigned watchdog_ms = akma_program_get_watchdog_ms();

    program->loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGTERM, on_stop, program);
    g_unix_signal_add(SIGINT, on_stop, program);
    g_unix_signal_add(SIGHUP, on_reload, program);
    if (watchdog_ms > 0)
        g_timeout_add(watchdog_ms, on_watchdog, NULL);
    g_message("for labs only: this process holds subscriber keys in clear");
    if (program->desk.registration)
        akma_soft_registration_start(program->desk.registration, serve, program);
    else
        serve(program);
    g_main_loop_run(program->loop);
    akma_program_notify("STOPPING=1");
}

int
main(int argc, char **argv)
{
    Program program = {.status = 0};
    g_autoptr(GError) error = NULL;

    akma_program_init("akma-modemsim");
    signal(SIGPIPE, SIG_IGN);
    if (parse(argc, argv, &program.options, &error) && open_all(&program, &error))
        run(&program);
    else
        program.status = akma_program_fail(error, false);
    close_all(&program);

    return program.status;
}
