/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/worker.h"

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/program.h"
#include "http/tls.h"
#include "keyserver/digest-face.h"
#include "keyserver/place.h"
#include "keyserver/psk-face.h"
#include "keyserver/vitals.h"

/*
 * The secure heap: what one open session keeps in it (its first key, 64 with the block's
 * overhead; the rest is room for what an answer needs for a moment), and what there must be for
 * handshakes, the store and the answers under way.
 */
#define SESSION_BYTES 256
#define RESERVE_BYTES ((size_t)512 * 1024)

#define STREAMS      4
#define HEADER_BYTES (8 * 1024)
#define BODY_BYTES   (16 * 1024)
#define HANDSHAKE_MS 10000
#define STOP_MS      2000

/*
 * Arenas of malloc: the loop's, and one for all other threads (the store's, those of libuv). They
 * allocate little; one each is another 160 KiB whenever one gets its first work.
 */
#define ARENAS 2

typedef struct {
    const AkmaWorkerStart *start;
    AkmaServerConfig *config;
    uv_loop_t loop;
    uv_signal_t terminate;
    uv_signal_t interrupt;
    uv_signal_t hangup;
    AkmaH2Server *servers[AKMA_N_FACES]; /* NULL: not configured */
    unsigned n_serving;
    AkmaFront front;
    AkmaDigestFace digest;
    AkmaVitals vitals;
    AkmaFleetCounter counter;
    AkmaPskFace psk;
    bool stopping;
} Worker;

static bool
init_heap(Worker *self, GError **error)
{
    unsigned wanted = MAX(self->config->connections / self->config->workers, 1);
    size_t size;

    if (!akma_secret_heap_init(wanted * (size_t)SESSION_BYTES + RESERVE_BYTES, &size, error))
        return false;

    self->front.sessions_max = size > RESERVE_BYTES
                                   ? (unsigned)MIN((size - RESERVE_BYTES) / SESSION_BYTES, wanted)
                                   : (unsigned)(size / 2 / SESSION_BYTES);
    if (self->front.sessions_max < wanted)
        g_warning("the limit on locked memory has room for %u open sessions, not %u: raise "
                  "LimitMEMLOCK=",
                  self->front.sessions_max,
                  wanted);

    return true;
}

static bool
open_store(Worker *self, GError **error)
{
    self->front.store = akma_place_open(self->config, true, error);

    return self->front.store && akma_ks_attach(self->front.store, &self->loop, error);
}

/* TLS 1.3, and for the clients of others 1.2 too; with PSKs no certificate. */
static SSL_CTX *
load_tls(const AkmaServerConfig *config, AkmaFace face, GError **error)
{
    SSL_CTX *tls;

    if (face == AKMA_FACE_PSK)
        return akma_tls_psk_server_new(error);
    tls = akma_tls_server_new(config->certificate_file, config->key_file, NULL, error);

    if (tls && face == AKMA_FACE_MESSAGE && config->client_ca_file &&
        !akma_tls_server_ask_client(tls, config->client_ca_file, error))
        g_clear_pointer(&tls, SSL_CTX_free);
    if (tls && face == AKMA_FACE_DIGEST && !akma_tls_server_allow_1_2(tls, error))
        g_clear_pointer(&tls, SSL_CTX_free);

    return tls;
}

static bool
start_server(Worker *self, AkmaFace face, GError **error)
{
    const struct {
        const AkmaH2Handlers *handlers;
        void *user_data;
    } faces[AKMA_N_FACES] = {
        [AKMA_FACE_MESSAGE] = {&akma_front_handlers, &self->front},
        [AKMA_FACE_DIGEST] = {&akma_digest_face_handlers, &self->digest},
        [AKMA_FACE_PSK] = {&akma_psk_face_handlers, &self->psk},
    };
    const AkmaServerConfig *config = self->config;
    unsigned share = config->workers;
    const AkmaH2Limits limits = {
        .connections = MAX(config->connections / share, 1),
        .handshakes = MAX(config->handshakes / share, 1),
        .streams = STREAMS,
        .header_bytes = HEADER_BYTES,
        .body_bytes = BODY_BYTES,
        .handshake_ms = HANDSHAKE_MS,
        .idle_ms = config->idle_ms,
        .lifetime_ms = config->exchange_ms,
    };
    AkmaH2Server *server;
    SSL_CTX *tls;

    if (self->start->sockets.fds[face] < 0)
        return true;
    tls = load_tls(config, face, error);
    if (!tls)
        return false;

    server =
        akma_h2_server_new(&self->loop, tls, &limits, faces[face].handlers, faces[face].user_data);
    SSL_CTX_free(tls);
    if (face == AKMA_FACE_DIGEST)
        akma_h2_server_set_versions(server, AKMA_HTTP_1_1 | AKMA_HTTP_2);
    if (face == AKMA_FACE_PSK)
        akma_h2_server_use_psk(server);
    self->servers[face] = server;
    if (!akma_h2_server_listen(server, self->start->sockets.fds[face], error))
        return false;
    self->n_serving++;

    return true;
}

static bool
start_servers(Worker *self, GError **error)
{
    for (unsigned face = 0; face < AKMA_N_FACES; face++) {
        if (!start_server(self, face, error))
            return false;
    }

    return true;
}

/* What the faces take from the configuration. */
static bool
configure(Worker *self, const AkmaServerConfig *config, GError **error)
{
    AkmaAfId digest, psk;

    if (!akma_af_id_init(&digest, config->name, AKMA_UA_DIGEST, error) ||
        !akma_af_id_init(&psk, config->name, AKMA_UA_PSK, error))
        return false;

    akma_front_configure(&self->front, config);
    akma_digest_face_clear(&self->digest);
    akma_digest_face_init(&self->digest, &self->front, &digest);
    akma_psk_face_init(&self->psk, &self->front, &psk);

    return true;
}

/* --- reload --- */

static bool
reload(Worker *self, GError **error)
{
    g_autoptr(AkmaServerConfig) config = NULL;
    g_autoptr(AkmaAnchors) anchors = NULL;
    g_autoptr(AkmaProviders) providers = NULL;
    g_autoptr(AkmaAudit) audit = NULL;
    SSL_CTX *tls[AKMA_N_FACES] = {NULL};
    bool ok;

    config = akma_server_config_load_again(self->start->config_file, self->config, NULL, error);
    if (!config)
        return false;

    anchors = akma_anchors_new(&self->loop,
                               config,
                               self->front.figures,
                               akma_ks_get_identity_kind(self->front.store),
                               akma_ks_get_id_key(self->front.store),
                               error);
    providers =
        anchors ? akma_providers_new(&self->loop, config, self->front.figures, error) : NULL;
    audit = providers ? akma_audit_new(config->audit_file, false, error) : NULL;
    ok = audit;
    for (unsigned face = 0; ok && face < AKMA_N_FACES; face++) {
        tls[face] = load_tls(config, face, error);
        ok = tls[face];
    }
    ok = ok && configure(self, config, error);

    /* all of it is there: nothing below can fail */
    for (unsigned face = 0; face < AKMA_N_FACES; face++) {
        if (ok && self->servers[face])
            akma_h2_server_set_tls(self->servers[face], tls[face]);
        SSL_CTX_free(tls[face]);
    }
    if (!ok)
        return false;
    akma_anchors_unref(self->front.anchors);
    self->front.anchors = g_steal_pointer(&anchors);
    akma_providers_unref(self->front.providers);
    self->front.providers = g_steal_pointer(&providers);
    akma_figures_set_untried(self->front.figures);
    akma_audit_free(self->front.audit);
    self->front.audit = g_steal_pointer(&audit);
    /* the first one stays: the fleet counter has it */
    if (self->config != self->start->config)
        akma_server_config_free(self->config);
    self->config = g_steal_pointer(&config);

    return true;
}

static void
on_hangup(uv_signal_t *handle, int number G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    Worker *self = handle->data;

    if (!self->stopping && !reload(self, &error))
        g_warning("%s: the configuration stays as it was", error->message);
}

/* --- stop --- */

static void
on_stopped(void *user_data)
{
    Worker *self = user_data;

    if (--self->n_serving > 0)
        return;

    for (unsigned face = 0; face < AKMA_N_FACES; face++)
        akma_h2_server_free(g_steal_pointer(&self->servers[face]));
    akma_vitals_stop(&self->vitals);
    g_clear_pointer(&self->front.anchors, akma_anchors_unref);
    g_clear_pointer(&self->front.providers, akma_providers_unref);
    g_clear_pointer(&self->front.store, akma_ks_close);
    uv_close((uv_handle_t *)&self->terminate, NULL);
    uv_close((uv_handle_t *)&self->interrupt, NULL);
    uv_close((uv_handle_t *)&self->hangup, NULL);
}

static void
on_terminate(uv_signal_t *handle, int number G_GNUC_UNUSED)
{
    Worker *self = handle->data;

    if (self->stopping)
        return;

    self->stopping = true;
    for (unsigned face = 0; face < AKMA_N_FACES; face++) {
        if (self->servers[face])
            akma_h2_server_stop(self->servers[face], STOP_MS, on_stopped, self);
    }
}

static void
watch_signal(Worker *self, uv_signal_t *handle, uv_signal_cb callback, int number)
{
    uv_signal_init(&self->loop, handle);
    handle->data = self;
    uv_signal_start(handle, callback, number);
}

static bool
begin(Worker *self, GError **error)
{
    AkmaFront *front = &self->front;

    if (!init_heap(self, error) || !open_store(self, error))
        return false;
    front->loop = &self->loop;
    front->figures = self->start->figures;
    if (!configure(self, self->config, error))
        return false;
    front->audit = akma_audit_new(self->config->audit_file, false, error);
    if (!front->audit)
        return false;
    front->anchors = akma_anchors_new(&self->loop,
                                      self->config,
                                      front->figures,
                                      akma_ks_get_identity_kind(front->store),
                                      akma_ks_get_id_key(front->store),
                                      error);
    front->providers = front->anchors
                           ? akma_providers_new(&self->loop, self->config, front->figures, error)
                           : NULL;
    if (!front->providers || !start_servers(self, error))
        return false;

    if (self->start->metrics)
        akma_fleet_counter_init(
            &self->counter, &self->loop, self->start->metrics, self->start->config);
    akma_vitals_start(&self->vitals,
                      front,
                      self->servers,
                      AKMA_N_FACES,
                      self->start->metrics ? &self->counter : NULL);
    watch_signal(self, &self->terminate, on_terminate, SIGTERM);
    watch_signal(self, &self->interrupt, on_terminate, SIGINT);
    watch_signal(self, &self->hangup, on_hangup, SIGHUP);

    return true;
}

static void
clear(Worker *self)
{
    akma_fleet_counter_clear(&self->counter);
    akma_digest_face_clear(&self->digest);
    akma_front_clear(&self->front);
    g_clear_pointer(&self->front.audit, akma_audit_free);
    if (self->config != self->start->config)
        akma_server_config_free(self->config);
    akma_server_config_free(self->start->config);
    uv_loop_close(&self->loop);
}

int
akma_worker_run(const AkmaWorkerStart *start)
{
    Worker self = {.start = start, .config = start->config};
    g_autoptr(GError) error = NULL;

    /* a peer that goes away is an error of one write, not the end of the process */
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_ARENA_MAX, ARENAS);
    if (uv_loop_init(&self.loop) != 0) {
        g_critical("cannot make an event loop");
        return AKMA_ERROR_INTERNAL;
    }
    if (!begin(&self, &error))
        /* half-built: the end of the process takes it down */
        return akma_program_fail(error, start->json);

    if (write(start->status_fd, "+", 1) != 1) {
        g_critical("the supervisor is gone");
        return AKMA_ERROR_INTERNAL;
    }
    close(start->status_fd);
    uv_run(&self.loop, UV_RUN_DEFAULT);
    clear(&self);

    return 0;
}
