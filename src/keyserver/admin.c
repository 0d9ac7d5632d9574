/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/admin.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/program.h"
#include "http/h2.h"
#include "keyserver/health.h"
#include "keyserver/history.h"
#include "keyserver/prometheus.h"
#include "keyserver/status-page.h"

#define STOP_MS 1000
#define PLAIN   "text/plain; charset=utf-8"
#define TAKE_MS 5000 /* how often the history looks at the counters */

/* A scraper, a few people and a check: whoever opens more keeps others of his kind out. */
static const AkmaH2Limits limits = {
    .connections = 64,
    .handshakes = 64,
    .streams = 1,
    .header_bytes = 8 * 1024,
    .body_bytes = 0,
    .handshake_ms = 5000,
    .idle_ms = 30000,
    .lifetime_ms = 600000,
};

typedef struct {
    const AkmaAdminStart *start;
    AkmaServerConfig *config;
    uv_loop_t loop;
    uv_signal_t terminate;
    uv_signal_t interrupt;
    uv_signal_t hangup;
    uv_timer_t take;
    AkmaHistory history;
    char *policy; /* of the status page */
    AkmaH2Server *server;
    bool stopping;
} Admin;

bool
akma_admin_is_host(const char *authority)
{
    g_autofree char *host = NULL;
    size_t len = 0;
    struct in_addr v4;

    if (!authority)
        return false;
    len = authority[0] == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":");
    if (len > strlen(authority))
        return false;
    if (authority[len] != '\0' &&
        (authority[len] != ':' || authority[len + 1] == '\0' ||
         strspn(authority + len + 1, "0123456789") != strlen(authority + len + 1)))
        return false;

    host = g_strndup(authority, len);

    return g_ascii_strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

/* --- answers --- */

static void
respond(AkmaH2Stream *stream, unsigned status, const char *type, const char *body)
{
    const AkmaH2Header headers[] = {
        {"cache-control", "no-store"}, {"x-content-type-options", "nosniff"}, {"allow", "GET"}};

    akma_h2_respond(stream,
                    status,
                    type,
                    headers,
                    status == 405 ? 3 : 2,
                    (const uint8_t *)body,
                    strlen(body),
                    NULL,
                    NULL);
}

static void
respond_metrics(Admin *self, AkmaH2Stream *stream, const AkmaTotals *totals)
{
    g_autoptr(GString) text = NULL;
    AkmaFleet fleet;

    akma_metrics_get_fleet(self->start->metrics, &fleet);
    text = akma_prometheus_text(totals, &fleet);
    respond(stream, 200, "text/plain; version=0.0.4; charset=utf-8", text->str);
}

static void
respond_health(AkmaH2Stream *stream, const AkmaTotals *totals)
{
    char *text = akma_health_to_json(totals);

    respond(
        stream, akma_health_is_well(totals) ? 200 : 503, "application/json", text ? text : "{}");
    free(text);
}

static void
respond_page(Admin *self, AkmaH2Stream *stream, const AkmaTotals *totals)
{
    const AkmaH2Header headers[] = {
        {"cache-control", "no-store"},
        {"x-content-type-options", "nosniff"},
        {"referrer-policy", "no-referrer"},
        {"content-security-policy", self->policy},
    };
    int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;
    g_autoptr(GString) html = NULL;
    AkmaFleet fleet;

    akma_metrics_get_fleet(self->start->metrics, &fleet);
    akma_history_take(&self->history, now_s, totals);
    html = akma_status_page(self->config->name, totals, &fleet, &self->history, now_s);
    akma_h2_respond(stream,
                    200,
                    "text/html; charset=utf-8",
                    headers,
                    G_N_ELEMENTS(headers),
                    (const uint8_t *)html->str,
                    html->len,
                    NULL,
                    NULL);
}

static void
add_up(Admin *self, AkmaTotals *totals)
{
    akma_metrics_add_up(self->start->metrics, g_get_monotonic_time() / G_USEC_PER_SEC, totals);
}

/* What is wrong with the request, whatever it asks for; true: answered. */
static bool
refuse(AkmaH2Stream *stream, const AkmaH2Request *request)
{
    if (!akma_admin_is_host(request->authority))
        respond(stream, 421, PLAIN, "ask for localhost\n");
    else if (strcmp(request->method, "GET") != 0)
        respond(stream, 405, PLAIN, "GET only\n");
    else if (request->too_large)
        respond(stream, 413, PLAIN, "no body is wanted\n");
    else
        return false;

    return true;
}

static void
on_request(AkmaH2Stream *stream, const AkmaH2Request *request, void *user_data)
{
    Admin *self = user_data;
    AkmaTotals totals;

    if (refuse(stream, request))
        return;

    add_up(self, &totals);
    if (strcmp(request->path, "/metrics") == 0)
        respond_metrics(self, stream, &totals);
    else if (strcmp(request->path, "/healthz") == 0)
        respond_health(stream, &totals);
    else if (strcmp(request->path, "/") == 0 && self->config->admin_page)
        respond_page(self, stream, &totals);
    else
        respond(stream, 404, PLAIN, "there is nothing here\n");
}

static const AkmaH2Handlers handlers = {.request = on_request};

/* --- the process --- */

static void
on_take(uv_timer_t *timer)
{
    Admin *self = timer->data;
    AkmaTotals totals;

    add_up(self, &totals);
    akma_history_take(&self->history, g_get_real_time() / G_USEC_PER_SEC, &totals);
}

static void
on_hangup(uv_signal_t *handle, int number G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    Admin *self = handle->data;
    AkmaServerConfig *config =
        akma_server_config_load_again(self->start->config_file, self->config, NULL, &error);

    if (!config) {
        g_warning("%s: the configuration stays as it was", error->message);
        return;
    }
    akma_server_config_free(self->config);
    self->config = config;
}

static void
on_stopped(void *user_data)
{
    Admin *self = user_data;

    akma_h2_server_free(g_steal_pointer(&self->server));
    uv_close((uv_handle_t *)&self->take, NULL);
    uv_close((uv_handle_t *)&self->terminate, NULL);
    uv_close((uv_handle_t *)&self->interrupt, NULL);
    uv_close((uv_handle_t *)&self->hangup, NULL);
}

static void
on_terminate(uv_signal_t *handle, int number G_GNUC_UNUSED)
{
    Admin *self = handle->data;

    if (self->stopping)
        return;

    self->stopping = true;
    akma_h2_server_stop(self->server, STOP_MS, on_stopped, self);
}

static void
watch_signal(Admin *self, uv_signal_t *handle, uv_signal_cb callback, int number)
{
    uv_signal_init(&self->loop, handle);
    handle->data = self;
    uv_signal_start(handle, callback, number);
}

int
akma_admin_run(const AkmaAdminStart *start)
{
    Admin self = {.start = start, .config = start->config};
    g_autoptr(GError) error = NULL;

    signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&self.loop) != 0) {
        g_critical("cannot make an event loop");
        return AKMA_ERROR_INTERNAL;
    }
    self.server = akma_h2_server_new(&self.loop, NULL, &limits, &handlers, &self);
    akma_h2_server_set_versions(self.server, AKMA_HTTP_1_1);
    if (!akma_h2_server_listen(self.server, start->fd, &error))
        return akma_program_fail(error, start->json);
    self.policy = akma_status_page_dup_policy();
    uv_timer_init(&self.loop, &self.take);
    self.take.data = &self;
    on_take(&self.take);
    uv_timer_start(&self.take, on_take, TAKE_MS, TAKE_MS);
    watch_signal(&self, &self.terminate, on_terminate, SIGTERM);
    watch_signal(&self, &self.interrupt, on_terminate, SIGINT);
    watch_signal(&self, &self.hangup, on_hangup, SIGHUP);

    if (write(start->status_fd, "+", 1) != 1) {
        g_critical("the supervisor is gone");
        return AKMA_ERROR_INTERNAL;
    }
    close(start->status_fd);
    uv_run(&self.loop, UV_RUN_DEFAULT);
    akma_server_config_free(self.config);
    g_free(self.policy);
    uv_loop_close(&self.loop);

    return 0;
}
