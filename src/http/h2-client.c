/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/h2-client.h"

#include <netdb.h>
#include <string.h>

#include "base/error.h"
#include "base/settings.h"
#include "http/h2-client-internal.h"

static void on_later(uv_idle_t *later);
static void on_timer(uv_timer_t *timer);

static char *
dup_authority(const char *url)
{
    const char *authority = strstr(url, "://") + strlen("://");

    return g_strndup(authority, strcspn(authority, "/"));
}

AkmaH2Client *
akma_h2_client_new(uv_loop_t *loop, const AkmaH2ClientConfig *config, GError **error)
{
    AkmaH2Client *self = g_new0(AkmaH2Client, 1);
    bool tls = false;

    if (!akma_setting_parse_url(config->url, &tls, &self->host, &self->port) ||
        tls != (config->tls != NULL)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_CONFIG_INVALID,
                    self->host ? "%s: https:// needs TLS settings, http:// has none"
                               : "%s is not http://HOST[:PORT] or https://HOST[:PORT]",
                    config->url);
        g_free(self->host);
        g_free(self);
        return NULL;
    }
    if (!akma_io_init(&self->io, loop)) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory");
        akma_io_clear(&self->io);
        g_free(self->host);
        g_free(self);
        return NULL;
    }

    akma_h2_link_set_callbacks(&self->io);
    self->authority = dup_authority(config->url);
    self->tls = config->tls;
    if (tls)
        SSL_CTX_up_ref(self->tls);
    self->timeout_ms = config->timeout_ms;
    self->body_bytes = config->body_bytes;
    self->in_flight = config->in_flight;
    akma_io_start(&self->io, self);
    uv_timer_init(loop, &self->timer);
    uv_idle_init(loop, &self->later);
    self->timer.data = self->later.data = self;
    self->handles = 3;

    return self;
}

void
akma_h2_client_touch(AkmaH2Client *self)
{
    if (!self->closing)
        uv_idle_start(&self->later, on_later);
}

static void
arm(AkmaH2Client *self)
{
    const AkmaH2Call *oldest = self->calls.head ? self->calls.head->data : NULL;
    uint64_t now = uv_now(self->io.loop);

    if (oldest && !self->closing && !uv_is_active((uv_handle_t *)&self->timer))
        uv_timer_start(
            &self->timer, on_timer, oldest->until_ms > now ? oldest->until_ms - now : 0, 0);
}

AkmaH2Call *
akma_h2_client_request(AkmaH2Client *self,
                       const char *method,
                       const char *path,
                       const AkmaH2Header *headers,
                       size_t n_headers,
                       const uint8_t *body,
                       size_t body_len,
                       AkmaH2Done done,
                       void *user_data)
{
    AkmaH2Call *call;

    g_return_val_if_fail(!self->closing && method && path && path[0] == '/' && done, NULL);

    call = akma_h2_call_new(self, method, path, headers, n_headers, body, body_len);
    g_return_val_if_fail(call, NULL);
    call->done = done;
    call->user_data = user_data;
    call->until_ms = uv_now(self->io.loop) + self->timeout_ms;
    if (!call->error && self->calls.length >= self->in_flight)
        call->error = g_error_new(AKMA_ERROR,
                                  AKMA_ERROR_RATE_LIMITED,
                                  "%u requests are under way already",
                                  self->in_flight);

    g_queue_push_tail_link(&self->calls, &call->age);
    akma_h2_call_move(call, call->error ? &self->refused : &self->waiting);
    arm(self);
    akma_h2_client_touch(self);

    return call;
}

void
akma_h2_client_connect(AkmaH2Client *self)
{
    g_return_if_fail(!self->closing);

    if (self->link)
        return;
    self->wanted = true;
    akma_h2_client_touch(self);
}

void
akma_h2_client_cancel(AkmaH2Call *call)
{
    g_return_if_fail(!call->ending);

    akma_h2_call_abandon(call);
    akma_h2_call_free(call);
}

/* All that wait for a connection; not what the user asks anew while we call back. */
static void
fail_waiting(AkmaH2Client *self, const GError *error)
{
    for (GList *l = self->waiting.head; l; l = l->next)
        ((AkmaH2Call *)l->data)->error = g_error_copy(error);
    while (self->waiting.head && ((AkmaH2Call *)self->waiting.head->data)->error)
        akma_h2_call_end(self->waiting.head->data, NULL);
}

static void
forget_addresses(AkmaH2Client *self)
{
    if (self->found)
        uv_freeaddrinfo(self->found);
    self->found = self->next = NULL;
}

static void
connect_next(AkmaH2Client *self, GError *last)
{
    g_autoptr(GError) error = last;
    g_autoptr(GError) named = NULL;

    while (self->next && !self->link) {
        const struct addrinfo *address = self->next;

        self->next = address->ai_next;
        g_clear_error(&error);
        self->link = akma_h2_link_new(self, address, &error);
    }
    if (self->link)
        return;

    self->wanted = false;
    forget_addresses(self);
    named = g_error_new(AKMA_ERROR,
                        error ? error->code : AKMA_ERROR_SERVER_UNREACHABLE,
                        "cannot connect to %s: %s",
                        self->authority,
                        error ? error->message : "no address");
    fail_waiting(self, named);
}

static bool
is_wanted(const AkmaH2Client *self)
{
    return self->waiting.head || self->wanted;
}

static void
on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    AkmaH2Client *self = lookup->data;

    self->looking = false;
    forget_addresses(self);
    self->found = self->next = found;
    if (self->closing) {
        akma_h2_client_link_freed(self);
        return;
    }
    if (!is_wanted(self))
        return;
    connect_next(
        self,
        status == 0
            ? NULL
            : g_error_new(AKMA_ERROR, AKMA_ERROR_SERVER_UNREACHABLE, "%s", uv_strerror(status)));
}

/* An address needs no thread to be found. */
static void
look_up(AkmaH2Client *self)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    int rv;

    self->lookup.data = self;
    g_snprintf(service, sizeof service, "%u", self->port);
    if (g_hostname_is_ip_address(self->host)) {
        hints.ai_flags |= AI_NUMERICHOST;
        rv = getaddrinfo(self->host, service, &hints, &found);
        on_found(&self->lookup, rv == 0 ? 0 : UV_EAI_NONAME, found);
        return;
    }

    rv = uv_getaddrinfo(self->io.loop, &self->lookup, on_found, self->host, service, &hints);
    self->looking = rv == 0;
    if (rv != 0)
        on_found(&self->lookup, rv, NULL);
}

static void
send_waiting(AkmaH2Client *self)
{
    while (self->waiting.head)
        akma_h2_call_send(self->waiting.head->data, self->link);
}

static void
on_later(uv_idle_t *later)
{
    AkmaH2Client *self = later->data;

    uv_idle_stop(later);
    while (self->refused.head)
        akma_h2_call_end(self->refused.head->data, NULL);

    if (!is_wanted(self) || self->closing || self->looking)
        return;
    if (!self->link)
        look_up(self);
    if (self->link && self->link->base.state == AKMA_CONN_OPEN)
        akma_h2_client_link_open(self, self->link);
}

void
akma_h2_client_link_open(AkmaH2Client *self, AkmaH2Link *link)
{
    if (self->link != link)
        return;

    self->wanted = false;
    send_waiting(self);
}

void
akma_h2_client_link_ended(AkmaH2Client *self, AkmaH2Link *link)
{
    AkmaConnState where = link->base.ended_in;

    if (self->closing || self->link || where == AKMA_CONN_OPEN || where == AKMA_CONN_LINGER)
        return;
    if (is_wanted(self))
        connect_next(self, g_error_copy(link->base.error));
}

/* A connection that was silent half of the time: the next call had better not wait for it. */
static void
suspect(AkmaH2Client *self, AkmaH2Link *link)
{
    uint64_t silent_ms = uv_now(self->io.loop) - link->base.read_ms;

    if (link->base.state == AKMA_CONN_OPEN && silent_ms >= self->timeout_ms / 2)
        akma_conn_fail(&link->base,
                       g_error_new_literal(
                           AKMA_ERROR, AKMA_ERROR_SERVER_UNREACHABLE, "the connection is dead"));
}

static void
time_out(AkmaH2Client *self, AkmaH2Call *call)
{
    g_autoptr(GError) error = g_error_new(AKMA_ERROR,
                                          AKMA_ERROR_SERVER_UNREACHABLE,
                                          "%s gave no answer within %u ms",
                                          self->authority,
                                          self->timeout_ms);

    if (call->owner) {
        akma_h2_call_abandon(call);
        suspect(self, call->owner);
    } else if (self->link && self->link->base.state < AKMA_CONN_OPEN) {
        /* the others try the next address */
        akma_conn_fail(&self->link->base, g_error_copy(error));
    }
    akma_h2_call_end(call, call->error ? NULL : error);
}

static void
on_timer(uv_timer_t *timer)
{
    AkmaH2Client *self = timer->data;
    uint64_t now = uv_now(self->io.loop);

    while (self->calls.head && !self->closing) {
        AkmaH2Call *call = self->calls.head->data;

        if (call->until_ms > now)
            break;
        time_out(self, call);
    }
    arm(self);
}

static void
on_closed(uv_handle_t *handle)
{
    AkmaH2Client *self = handle->data;
    void (*closed)(void *) = self->closed;
    void *closed_data = self->closed_data;

    if (--self->handles > 0)
        return;

    forget_addresses(self);
    SSL_CTX_free(self->tls);
    akma_io_clear(&self->io);
    g_free(self->host);
    g_free(self->authority);
    g_free(self);
    if (closed)
        closed(closed_data);
}

void
akma_h2_client_link_freed(AkmaH2Client *self)
{
    if (!self->closing || self->links.length > 0 || self->looking)
        return;

    uv_close((uv_handle_t *)&self->timer, on_closed);
    uv_close((uv_handle_t *)&self->later, on_closed);
    uv_close((uv_handle_t *)&self->io.idle, on_closed);
}

void
akma_h2_client_close(AkmaH2Client *self, void (*closed)(void *user_data), void *user_data)
{
    g_return_if_fail(!self->closing);

    self->closing = true;
    self->closed = closed;
    self->closed_data = user_data;
    uv_timer_stop(&self->timer);
    uv_idle_stop(&self->later);
    for (GList *l = self->calls.head, *next; l; l = next) {
        AkmaH2Call *call = l->data;

        next = l->next;
        if (!call->ending)
            akma_h2_client_cancel(call);
    }
    for (GList *l = self->links.head; l; l = l->next)
        akma_h2_link_close(l->data);
    if (self->looking)
        uv_cancel((uv_req_t *)&self->lookup);
    akma_h2_client_link_freed(self);
}
