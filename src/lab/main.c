/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* akma-lab: a small operator core for labs, tests and the demo. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/program.h"
#include "base/settings.h"
#include "lab/server.h"

#define SUMMARY                                                                                    \
    "A small operator core for labs: AUSF, UDM and AuC (5G AKA), AAnF, NEF and BSF over\n"         \
    "HTTP/2, and Ub over HTTP/1.1.\n"                                                              \
    "FOR LABS ONLY: it holds the secrets of its subscribers in clear."
#define LIFETIME_MAX_S (UINT64_C(3650) * 24 * 60 * 60)

#define EPILOG "Signals: SIGHUP reads the subscribers again, SIGTERM stops. See akma-lab(8)."

typedef struct {
    char *subscribers;
    char *kaf_lifetime;
    char *gba_lifetime;
    char *state;
    char *a_kid_format;
    char *a_kid_realm_prefix;
    char *log_level;
    char *listen;
    char *bsf_listen;
    char *bsf_certificate;
    char *bsf_key;
    char *certificate;
    char *key;
    char *client_ca;
    char *ready;
    gboolean oauth;
} CommandLine;

static void
command_line_clear(CommandLine *self)
{
    g_free(self->subscribers);
    g_free(self->kaf_lifetime);
    g_free(self->gba_lifetime);
    g_free(self->state);
    g_free(self->a_kid_format);
    g_free(self->a_kid_realm_prefix);
    g_free(self->log_level);
    g_free(self->listen);
    g_free(self->bsf_listen);
    g_free(self->bsf_certificate);
    g_free(self->bsf_key);
    g_free(self->certificate);
    g_free(self->key);
    g_free(self->client_ca);
    g_free(self->ready);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandLine, command_line_clear)

static bool
refuse(GError **error, const char *message)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, message);

    return false;
}

static bool
parse(int argc, char **argv, CommandLine *ret, GError **error)
{
    /* clang-format off */
    const GOptionEntry entries[] = {
        {"subscribers", 0, 0, G_OPTION_ARG_FILENAME, &ret->subscribers,
         "Who there is, with keys; [af] and [client] groups too", "FILE"},
        {"listen", 0, 0, G_OPTION_ARG_STRING, &ret->listen,
         "Where to serve; port 0 takes any [127.0.0.1:0]", "HOST:PORT"},
        {"bsf-listen", 0, 0, G_OPTION_ARG_STRING, &ret->bsf_listen,
         "Where to serve Ub, in HTTP/1.1 [not at all]", "HOST:PORT"},
        {"bsf-certificate", 0, 0, G_OPTION_ARG_FILENAME, &ret->bsf_certificate,
         "Ub in TLS with this certificate", "FILE"},
        {"bsf-key", 0, 0, G_OPTION_ARG_FILENAME, &ret->bsf_key,
         "The key of --bsf-certificate", "FILE"},
        {"certificate", 0, 0, G_OPTION_ARG_FILENAME, &ret->certificate,
         "Serve TLS with this certificate instead of clear text", "FILE"},
        {"key", 0, 0, G_OPTION_ARG_FILENAME, &ret->key,
         "The key of --certificate", "FILE"},
        {"client-ca", 0, 0, G_OPTION_ARG_FILENAME, &ret->client_ca,
         "Clients must show a certificate of this CA", "FILE"},
        {"oauth", 0, 0, G_OPTION_ARG_NONE, &ret->oauth,
         "Give tokens at /oauth2/token; AAnF, NEF and BSF ask for them", NULL},
        {"kaf-lifetime", 0, 0, G_OPTION_ARG_STRING, &ret->kaf_lifetime,
         "How long a K_AF is valid [24h]", "TIME"},
        {"gba-lifetime", 0, 0, G_OPTION_ARG_STRING, &ret->gba_lifetime,
         "How long a bootstrapping of GBA is valid [1h]", "TIME"},
        {"a-kid-format", 0, 0, G_OPTION_ARG_STRING, &ret->a_kid_format,
         "dot-base64url or hex, as the terminals have it [dot-base64url]", "NAME"},
        {"a-kid-realm-prefix", 0, 0, G_OPTION_ARG_STRING, &ret->a_kid_realm_prefix,
         "In front of 5gc.mnc... in an A-KID, with its dot", "TEXT"},
        {"state", 0, 0, G_OPTION_ARG_FILENAME, &ret->state,
         "Keep the SQNs here over a restart", "FILE"},
        {"ready", 0, 0, G_OPTION_ARG_FILENAME, &ret->ready,
         "Write pid, core=ADDRESS and bsf=ADDRESS here once it serves", "FILE"},
        {"log-level", 0, 0, G_OPTION_ARG_STRING, &ret->log_level,
         "error, warning, info or debug [info]", "LEVEL"},
        G_OPTION_ENTRY_NULL,
    };
    /* clang-format on */

    if (!akma_program_parse(&argc, &argv, entries, NULL, SUMMARY, EPILOG, true, error))
        return false;
    if (!ret->subscribers)
        return refuse(error, "--subscribers: must be given");
    if (!ret->certificate != !ret->key)
        return refuse(error, "--certificate and --key: both or neither");
    if (ret->client_ca && !ret->certificate)
        return refuse(error, "--client-ca: needs --certificate");
    if (!ret->bsf_certificate != !ret->bsf_key)
        return refuse(error, "--bsf-certificate and --bsf-key: both or neither");
    if (ret->bsf_certificate && !ret->bsf_listen)
        return refuse(error, "--bsf-certificate: needs --bsf-listen");

    return true;
}

/* False: @text is there and is no time that may be. */
static bool
read_lifetime(const char *text, uint64_t *ret)
{
    return !text || (akma_setting_parse_duration(text, ret) && *ret > 0 && *ret <= LIFETIME_MAX_S);
}

static bool
read_options(const CommandLine *line, AkmaLabOptions *ret, GError **error)
{
    *ret = (AkmaLabOptions){
        .subscribers = line->subscribers,
        .state = line->state,
        .kaf_lifetime_s = 24 * 60 * 60,
        .gba_lifetime_s = 60 * 60,
        .a_kid_format = AKMA_A_KID_DOT_BASE64URL,
        .a_kid_realm_prefix = line->a_kid_realm_prefix ? line->a_kid_realm_prefix : "",
        .oauth = line->oauth,
        .tls = line->certificate != NULL,
    };

    if (!read_lifetime(line->kaf_lifetime, &ret->kaf_lifetime_s))
        return refuse(error, "--kaf-lifetime: not a time such as 90s, 15m, 24h, up to 3650d");
    if (!read_lifetime(line->gba_lifetime, &ret->gba_lifetime_s))
        return refuse(error, "--gba-lifetime: not a time such as 90s, 15m, 24h, up to 3650d");
    if (g_strcmp0(line->a_kid_format, "hex") == 0)
        ret->a_kid_format = AKMA_A_KID_HEX;
    else if (line->a_kid_format && strcmp(line->a_kid_format, "dot-base64url") != 0)
        return refuse(error, "--a-kid-format: neither dot-base64url nor hex");
    if (!akma_log_init(line->log_level))
        return refuse(error, "--log-level: none of error, warning, info, debug");

    return true;
}

static bool
run(int argc, char **argv, GError **error)
{
    g_auto(CommandLine) line = {0};
    g_autoptr(AkmaLab) lab = NULL;
    AkmaLabServerOptions server;
    AkmaLabOptions options;

    if (!parse(argc, argv, &line, error) || !read_options(&line, &options, error))
        return false;
    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, error))
        return false;
    lab = akma_lab_new(&options, error);
    if (!lab)
        return false;

    server = (AkmaLabServerOptions){
        .bsf_listen = line.bsf_listen,
        .bsf_certificate_file = line.bsf_certificate,
        .bsf_key_file = line.bsf_key,
        .listen = line.listen ? line.listen : "127.0.0.1:0",
        .certificate_file = line.certificate,
        .key_file = line.key,
        .client_ca = line.client_ca,
        .ready_file = line.ready,
    };

    return akma_lab_serve(lab, &server, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    akma_program_init("akma-lab");
    if (!run(argc, argv, &error))
        return akma_program_fail(error, false);

    return 0;
}
