/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/server.h"

#include <openssl/crypto.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "base/program.h"
#include "base/wiping.h"
#include "http/tls.h"

#define GRACE_MS 2000

typedef struct {
    AkmaLab *lab;
    const AkmaLabServerOptions *options;
    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_timer_t watchdog;
    AkmaH2Server *server;
    bool stopping;
} Server;

static const AkmaH2Limits limits = {
    .connections = 1024,
    .handshakes = 256,
    .streams = 128,
    .header_bytes = 16 * 1024,
    .body_bytes = 16 * 1024,
    .handshake_ms = 10 * 1000,
    .idle_ms = 10 * 60 * 1000, /* an anchor client keeps its connection */
    .lifetime_ms = 0,
};

/* One line for each request: what was asked, about whom (redacted), how it ended. */
static void
log_request(const AkmaH2Request *request, const AkmaLabAnswer *answer)
{
    const char *cause =
        answer->body ? json_string_value(json_object_get(answer->body, "cause")) : NULL;

    /* the pattern: an id in a path is worth something until it is used, and others may be long */
    g_info("%s %s %s: %u%s%s",
           answer->route ? request->method : "?",
           answer->route ? answer->route : "(no such path)",
           answer->who ? answer->who : "-",
           answer->status,
           cause ? " " : "",
           cause ? cause : "");
}

static void
respond(AkmaH2Stream *stream, const AkmaLabAnswer *answer)
{
    AkmaH2Header headers[4] = {{"cache-control", "no-store"}};
    char *text = answer->body ? json_dumps(answer->body, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;
    size_t n = 1;

    if (answer->location)
        headers[n++] = (AkmaH2Header){"location", answer->location};
    if (answer->allow)
        headers[n++] = (AkmaH2Header){"allow", answer->allow};
    if (answer->challenge)
        headers[n++] = (AkmaH2Header){"www-authenticate", answer->challenge};
    akma_h2_respond(stream,
                    answer->status,
                    text ? answer->content_type : NULL,
                    headers,
                    n,
                    (const uint8_t *)text,
                    len,
                    NULL,
                    NULL);
    if (text) {
        OPENSSL_cleanse(text, len);
        akma_wiping_free(text);
    }
}

static void
on_request(AkmaH2Stream *stream, const AkmaH2Request *request, void *user_data)
{
    Server *self = user_data;
    g_auto(AkmaLabAnswer) answer = {0};

    akma_lab_handle(self->lab, request, &answer);
    log_request(request, &answer);
    respond(stream, &answer);
}

/* NULL without error: clear text */
static SSL_CTX *
new_tls(const AkmaLabServerOptions *options, GError **error)
{
    if (!options->certificate_file)
        return NULL;

    return akma_tls_server_new(
        options->certificate_file, options->key_file, options->client_ca, error);
}

static void
reload(Server *self)
{
    g_autoptr(GError) error = NULL;
    SSL_CTX *tls;

    akma_program_notify_reloading();
    tls = new_tls(self->options, &error);
    if (error || !akma_lab_reload(self->lab, &error)) {
        g_warning("reload: %s; what was there before stays", error->message);
    } else {
        akma_h2_server_set_tls(self->server, tls);
        g_message("reloaded");
    }
    SSL_CTX_free(tls);
    akma_program_notify("READY=1");
}

static void
close_handles(void *user_data)
{
    Server *self = user_data;

    for (size_t i = 0; i < G_N_ELEMENTS(self->signals); i++)
        uv_close((uv_handle_t *)&self->signals[i], NULL);
    uv_close((uv_handle_t *)&self->watchdog, NULL);
}

static void
on_signal(uv_signal_t *handle, int number)
{
    Server *self = handle->data;

    if (number == SIGHUP && !self->stopping) {
        reload(self);
    } else if (!self->stopping) {
        self->stopping = true;
        akma_program_notify("STOPPING=1");
        akma_h2_server_stop(self->server, GRACE_MS, close_handles, self);
    }
}

static void
on_watchdog(uv_timer_t *timer G_GNUC_UNUSED)
{
    akma_program_notify("WATCHDOG=1");
}

static void
start_handles(Server *self)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    unsigned watchdog_ms = akma_program_get_watchdog_ms();

    for (size_t i = 0; i < G_N_ELEMENTS(self->signals); i++) {
        uv_signal_init(&self->loop, &self->signals[i]);
        self->signals[i].data = self;
        uv_signal_start(&self->signals[i], on_signal, numbers[i]);
    }
    uv_timer_init(&self->loop, &self->watchdog);
    if (watchdog_ms > 0)
        uv_timer_start(&self->watchdog, on_watchdog, watchdog_ms, watchdog_ms);
}

static int
get_socket(const AkmaLabServerOptions *options, GError **error)
{
    int given = sd_listen_fds(1);

    if (given > 0 &&
        (given > 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, 1) <= 0)) {
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_CONFIG_INVALID,
                            "LISTEN_FDS: one listening stream socket is expected");
        return -1;
    }
    if (given == 1)
        return SD_LISTEN_FDS_START;

    return akma_h2_listen_socket(options->listen, false, error);
}

static bool
begin(Server *self, GError **error)
{
    const AkmaH2Handlers handlers = {.request = on_request};
    g_autofree char *address = NULL;
    g_autofree char *core = NULL;
    SSL_CTX *tls = new_tls(self->options, error);
    int fd = -1;

    if (!self->options->certificate_file || tls)
        fd = get_socket(self->options, error);
    if (fd < 0) {
        SSL_CTX_free(tls);
        return false;
    }

    address = akma_h2_dup_socket_address(fd);
    core = g_strconcat("core=", address, NULL);
    self->server = akma_h2_server_new(&self->loop, tls, &limits, &handlers, self);
    SSL_CTX_free(tls);
    if (!akma_h2_server_listen(self->server, fd, error))
        return false;

    start_handles(self);
    g_message("for labs only: this program holds the secrets of its subscribers in clear");
    g_message("serving AUSF, AAnF and NEF on %s (%s)",
              address,
              self->options->certificate_file ? "TLS" : "clear text");
    if (!akma_program_write_ready(
            self->options->ready_file, (const char *const[]){core, NULL}, error)) {
        self->stopping = true;
        akma_h2_server_stop(self->server, 0, close_handles, self);
        return false;
    }
    akma_program_notify("READY=1");

    return true;
}

bool
akma_lab_serve(AkmaLab *lab, const AkmaLabServerOptions *options, GError **error)
{
    Server self = {.lab = lab, .options = options};
    bool done;
    int rv = uv_loop_init(&self.loop);

    if (rv != 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "libuv: %s", uv_strerror(rv));
        return false;
    }

    done = begin(&self, error);
    uv_run(&self.loop, UV_RUN_DEFAULT);
    akma_h2_server_free(self.server);
    uv_loop_close(&self.loop);

    return done;
}
