/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/server.h"

#include <openssl/crypto.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "base/program.h"
#include "base/wiping.h"
#include "http/tls.h"

#define GRACE_MS 2000

typedef struct _Server Server;

/* One socket and what is asked there. */
typedef struct {
    Server *server;
    const char *certificate_file;
    const char *key_file;
    const char *client_ca;
    void (*handle)(AkmaLab *lab, const AkmaH2Request *request, AkmaLabAnswer *ret);
    const char *product; /* of the Server field; NULL: none */
    AkmaH2Server *http;
} Face;

struct _Server {
    AkmaLab *lab;
    const AkmaLabServerOptions *options;
    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_timer_t watchdog;
    Face core;
    Face bsf;
    unsigned listening; /* faces */
    bool stopping;
};

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

/* Terminals ask seldom, and each with a connection of its own. */
static const AkmaH2Limits bsf_limits = {
    .connections = 256,
    .handshakes = 64,
    .streams = 1,
    .header_bytes = 8 * 1024,
    .body_bytes = 4 * 1024,
    .handshake_ms = 10 * 1000,
    .idle_ms = 30 * 1000,
    .lifetime_ms = 10 * 60 * 1000,
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
respond(AkmaH2Stream *stream, const char *product, const AkmaLabAnswer *answer)
{
    AkmaH2Header headers[7] = {{"cache-control", "no-store"}};
    char *json = answer->body ? json_dumps(answer->body, JSON_COMPACT) : NULL;
    const char *text = json ? json : answer->text;
    size_t len = text ? strlen(text) : 0;
    size_t n = 1;

    if (product)
        headers[n++] = (AkmaH2Header){"server", product};
    if (answer->location)
        headers[n++] = (AkmaH2Header){"location", answer->location};
    if (answer->allow)
        headers[n++] = (AkmaH2Header){"allow", answer->allow};
    if (answer->challenge)
        headers[n++] = (AkmaH2Header){"www-authenticate", answer->challenge};
    if (answer->digest)
        headers[n++] = (AkmaH2Header){"www-authenticate", answer->digest};
    if (answer->proof)
        headers[n++] = (AkmaH2Header){"authentication-info", answer->proof};
    akma_h2_respond(stream,
                    answer->status,
                    text ? answer->content_type : NULL,
                    headers,
                    n,
                    (const uint8_t *)text,
                    len,
                    NULL,
                    NULL);
    if (json) {
        OPENSSL_cleanse(json, len);
        akma_wiping_free(json);
    }
}

static void
on_request(AkmaH2Stream *stream, const AkmaH2Request *request, void *user_data)
{
    const Face *face = user_data;
    g_auto(AkmaLabAnswer) answer = {0};

    face->handle(face->server->lab, request, &answer);
    log_request(request, &answer);
    respond(stream, face->product, &answer);
}

/* NULL without error: clear text */
/* *@ret stays NULL where the face has no certificate: it speaks plainly. */
static bool
new_tls(const Face *face, SSL_CTX **ret, GError **error)
{
    if (!face->certificate_file)
        return true;

    *ret = akma_tls_server_new(face->certificate_file, face->key_file, face->client_ca, error);

    return *ret != NULL;
}

static bool
reload_lab(Server *self, GError **error)
{
    SSL_CTX *core = NULL;
    SSL_CTX *bsf = NULL;
    bool ok;

    ok = new_tls(&self->core, &core, error) &&
         (!self->bsf.http || new_tls(&self->bsf, &bsf, error)) && akma_lab_reload(self->lab, error);
    if (ok)
        akma_h2_server_set_tls(self->core.http, core);
    if (ok && self->bsf.http)
        akma_h2_server_set_tls(self->bsf.http, bsf);
    SSL_CTX_free(core);
    SSL_CTX_free(bsf);

    return ok;
}

static void
reload(Server *self)
{
    g_autoptr(GError) error = NULL;

    akma_program_notify_reloading();
    if (reload_lab(self, &error))
        g_message("reloaded");
    else
        g_warning("reload: %s; what was there before stays", error->message);
    akma_program_notify("READY=1");
}

static void
close_handles(Server *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->signals); i++)
        uv_close((uv_handle_t *)&self->signals[i], NULL);
    uv_close((uv_handle_t *)&self->watchdog, NULL);
}

static void
on_stopped(void *user_data)
{
    const Face *face = user_data;

    if (--face->server->listening == 0)
        close_handles(face->server);
}

static void
stop(Server *self, unsigned grace_ms)
{
    self->stopping = true;
    akma_h2_server_stop(self->core.http, grace_ms, on_stopped, &self->core);
    if (self->listening > 1)
        akma_h2_server_stop(self->bsf.http, grace_ms, on_stopped, &self->bsf);
}

static void
on_signal(uv_signal_t *handle, int number)
{
    Server *self = handle->data;

    if (number == SIGHUP && !self->stopping) {
        reload(self);
    } else if (!self->stopping) {
        akma_program_notify("STOPPING=1");
        stop(self, GRACE_MS);
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

/* @fd is taken over in any case. Returns: (transfer full): "NAME=ADDRESS"; NULL: @error. */
static char *
open_face(Face *face,
          const char *name,
          int fd,
          unsigned versions,
          const AkmaH2Limits *face_limits,
          GError **error)
{
    const AkmaH2Handlers handlers = {.request = on_request};
    g_autofree char *address = akma_h2_dup_socket_address(fd);
    SSL_CTX *tls = NULL;

    if (!new_tls(face, &tls, error)) {
        close(fd);
        return NULL;
    }
    face->http = akma_h2_server_new(&face->server->loop, tls, face_limits, &handlers, face);
    SSL_CTX_free(tls);
    akma_h2_server_set_versions(face->http, versions);
    if (!akma_h2_server_listen(face->http, fd, error)) {
        close(fd);
        return NULL;
    }
    face->server->listening++;
    g_message("%s on %s (%s)",
              versions == AKMA_HTTP_2 ? "serving AUSF, AAnF, NEF and BSF" : "serving Ub",
              address,
              face->certificate_file ? "TLS" : "clear text");

    return g_strconcat(name, "=", address, NULL);
}

static bool
open_faces(Server *self, GError **error)
{
    int fd = get_socket(self->options, error);
    g_autofree char *core =
        fd < 0 ? NULL : open_face(&self->core, "core", fd, AKMA_HTTP_2, &limits, error);
    g_autofree char *bsf = NULL;

    if (!core)
        return false;
    if (self->options->bsf_listen) {
        fd = akma_h2_listen_socket(self->options->bsf_listen, false, error);
        bsf = fd < 0 ? NULL : open_face(&self->bsf, "bsf", fd, AKMA_HTTP_1_1, &bsf_limits, error);
        if (!bsf)
            return false;
    }

    return akma_program_write_ready(
        self->options->ready_file, (const char *const[]){core, bsf, NULL}, error);
}

static bool
begin(Server *self, GError **error)
{
    start_handles(self);
    g_message("for labs only: this program holds the secrets of its subscribers in clear");
    if (!open_faces(self, error)) {
        if (self->listening > 0)
            stop(self, 0);
        else
            close_handles(self);
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

    self.core = (Face){.server = &self,
                       .certificate_file = options->certificate_file,
                       .key_file = options->key_file,
                       .client_ca = options->client_ca,
                       .handle = akma_lab_handle};
    /*= TS 24.109 4.2: a BSF that knows TMPIs says so with a product token */
    self.bsf = (Face){.server = &self,
                      .certificate_file = options->bsf_certificate_file,
                      .key_file = options->bsf_key_file,
                      .handle = akma_lab_handle_ub,
                      .product = "akma-lab 3gpp-gba-tmpi"};
    done = begin(&self, error);
    uv_run(&self.loop, UV_RUN_DEFAULT);
    akma_h2_server_free(self.core.http);
    akma_h2_server_free(self.bsf.http);
    uv_loop_close(&self.loop);

    return done;
}
