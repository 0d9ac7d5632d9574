/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/front.h"

#include <string.h>

#include "keyserver/exchange.h"
#include "keyserver/provider-face.h"
#include "proto/problem.h"
#include "proto/provider-request.h"

#define SESSIONS      "/v1/sessions"
#define KEYS          "/keys"
#define RETRY_AFTER_S 5
#define SESSION_MAX   64 /* longer ones are of nobody */

/*
 * Connections are let in at twice the rate of first requests: a terminal that asks too often is
 * told when to come back; only one that does not listen finds the door shut.
 */
#define ACCEPT_FACTOR 2

/* Nobody fills the log by being refused: so many lines of a consumer, and of all strangers. */
#define LINES   10
#define LINES_S 60

void
akma_front_configure(AkmaFront *self, const AkmaServerConfig *config)
{
    const AkmaRate *address = &config->address;
    const AkmaRate *total = &config->total;
    unsigned share = config->workers;
    AkmaFlow flow;

    g_free(self->name);
    self->name = g_strdup(config->name);
    self->af_id = config->af_id;
    self->exchange_ms = config->exchange_ms;
    self->ask_again_s = config->ask_again_s;

    akma_consumers_free(self->consumers);
    self->consumers = akma_consumers_new(config);

    akma_rate_table_free(self->accepts);
    akma_rate_table_free(self->addresses);
    akma_rate_table_free(self->kids);
    flow = akma_flow(address->events, address->seconds, share, ACCEPT_FACTOR);
    self->accepts = akma_rate_table_new(&flow);
    flow = akma_flow(address->events, address->seconds, share, 1);
    self->addresses = akma_rate_table_new(&flow);
    flow = akma_flow(config->kid.events, config->kid.seconds, share, 1);
    self->kids = akma_rate_table_new(&flow);
    akma_rate_table_free(self->lines);
    flow = akma_flow(LINES, LINES_S, 1, 1);
    self->lines = akma_rate_table_new(&flow);
    self->total_flow = akma_flow(total->events, total->seconds, share, 1);
    self->accept_flow = akma_flow(total->events, total->seconds, share, ACCEPT_FACTOR);
}

void
akma_front_clear(AkmaFront *self)
{
    g_clear_pointer(&self->name, g_free);
    g_clear_pointer(&self->consumers, akma_consumers_free);
    g_clear_pointer(&self->accepts, akma_rate_table_free);
    g_clear_pointer(&self->addresses, akma_rate_table_free);
    g_clear_pointer(&self->kids, akma_rate_table_free);
    g_clear_pointer(&self->lines, akma_rate_table_free);
}

AkmaRoute
akma_front_route(const char *path, const char **ret_session, size_t *ret_len)
{
    const char *session;
    const char *slash;

    if (strcmp(path, SESSIONS) == 0)
        return AKMA_ROUTE_SESSIONS;
    if (strcmp(path, AKMA_PROVIDER_PATH) == 0)
        return AKMA_ROUTE_PROVIDER;
    if (!g_str_has_prefix(path, SESSIONS "/"))
        return AKMA_ROUTE_NONE;

    session = path + strlen(SESSIONS "/");
    slash = strchr(session, '/');
    if (!slash || slash == session || strcmp(slash, KEYS) != 0)
        return AKMA_ROUTE_NONE;
    *ret_session = session;
    *ret_len = (size_t)(slash - session);

    return AKMA_ROUTE_KEYS;
}

bool
akma_front_is_for(const char *authority, const char *name)
{
    size_t len = strlen(name);
    const char *port;

    if (!authority || g_ascii_strncasecmp(authority, name, len) != 0)
        return false;

    port = authority + len;
    if (*port == ':' && port[1] != '\0')
        port += 1 + strspn(port + 1, "0123456789");

    return *port == '\0';
}

bool
akma_front_is_media_type(const char *content_type, const char *wanted)
{
    size_t len = strlen(wanted);

    if (!content_type || g_ascii_strncasecmp(content_type, wanted, len) != 0)
        return false;

    return content_type[len] == '\0' || content_type[len] == ';' || content_type[len] == ' ';
}

static unsigned
retry_after(AkmaCause cause)
{
    return akma_cause_get_status(cause) == 503 || akma_cause_get_status(cause) == 429
               ? RETRY_AFTER_S
               : 0;
}

void
akma_front_refuse_plain(AkmaH2Stream *stream,
                        unsigned status,
                        const char *detail,
                        AkmaCause cause,
                        const AkmaH2Header *more,
                        size_t n_more)
{
    g_autoptr(GBytes) body = akma_problem_new(status, detail, cause);
    AkmaH2Header headers[1 + AKMA_FRONT_MORE_MAX] = {{"cache-control", "no-store"}};
    gsize len = 0;
    const void *bytes = body ? g_bytes_get_data(body, &len) : NULL;

    g_return_if_fail(n_more <= AKMA_FRONT_MORE_MAX);

    for (size_t i = 0; i < n_more; i++)
        headers[1 + i] = more[i];
    akma_h2_respond(
        stream, status, "application/problem+json", headers, 1 + n_more, bytes, len, NULL, NULL);
}

void
akma_front_refuse(AkmaH2Stream *stream, const AkmaRefusal *refusal, unsigned retry_after_s)
{
    unsigned wait = retry_after_s > 0 ? retry_after_s : retry_after(refusal->cause);
    g_autofree char *seconds = g_strdup_printf("%u", wait);
    const AkmaH2Header header = {"retry-after", seconds};

    akma_front_refuse_plain(stream,
                            akma_cause_get_status(refusal->cause),
                            refusal->detail,
                            refusal->cause,
                            &header,
                            wait > 0);
}

void
akma_front_refuse_resource(AkmaH2Stream *stream)
{
    akma_front_refuse_plain(stream, 404, "there is nothing here", AKMA_CAUSE_NONE, NULL, 0);
}

void
akma_front_refuse_method(AkmaH2Stream *stream, const char *method)
{
    const AkmaH2Header allow = {"allow", method};
    g_autofree char *detail = g_strconcat(method, " only", NULL);

    akma_front_refuse_plain(stream, 405, detail, AKMA_CAUSE_NONE, &allow, 1);
}

bool
akma_front_check_envelope(const AkmaFront *self,
                          const AkmaH2Request *request,
                          const char *media_type,
                          AkmaRefusal *ret_refusal)
{
    if (!akma_front_is_for(request->authority, self->name))
        return akma_refuse(ret_refusal, AKMA_CAUSE_WRONG_SERVER, "this server has another name");
    if (request->content_encoding)
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_UNSUPPORTED_MEDIA_TYPE, "the body must not be encoded");
    if (!akma_front_is_media_type(request->content_type, media_type))
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_UNSUPPORTED_MEDIA_TYPE, "the body has another media type");
    if (request->too_large)
        return akma_refuse(ret_refusal, AKMA_CAUSE_TOO_LARGE, "the body is too large");

    return true;
}

bool
akma_front_take_request_of(AkmaFront *self, const char *peer, unsigned *ret_wait_s)
{
    uint64_t now = uv_now(self->loop);
    uint8_t key[AKMA_ADDRESS_KEY_LEN];

    akma_address_key_from_text(peer, key);

    return akma_rate_table_take(self->addresses, key, sizeof key, now, ret_wait_s) &&
           akma_bucket_take(&self->total, &self->total_flow, now, ret_wait_s);
}

bool
akma_front_take_request(AkmaFront *self, AkmaH2Stream *stream, unsigned *ret_wait_s)
{
    return akma_front_take_request_of(
        self, akma_h2_conn_get_peer(akma_h2_stream_get_conn(stream)), ret_wait_s);
}

bool
akma_front_take_kid(AkmaFront *self, const char *peer, const char *kid, unsigned *ret_wait_s)
{
    size_t len = strlen(kid);
    uint8_t key[AKMA_ADDRESS_KEY_LEN + AKMA_ANCHOR_KID_MAX];

    g_return_val_if_fail(len <= AKMA_ANCHOR_KID_MAX, false);

    akma_address_key_from_text(peer, key);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes of a key, no string */
    memcpy(key + AKMA_ADDRESS_KEY_LEN, kid, len);

    return akma_rate_table_take(
        self->kids, key, AKMA_ADDRESS_KEY_LEN + len, uv_now(self->loop), ret_wait_s);
}

/* One operation under way. */
typedef struct {
    AkmaFigures *figures;
    uint64_t begun_ns;
    AkmaKsDone done;
    void *user_data;
} Timed;

static void
on_timed(AkmaKsOp *op, const GError *error, void *user_data)
{
    g_autofree Timed *timed = user_data;
    bool failed = error && error->code == AKMA_ERROR_STORE_FAILED;

    akma_figures_time_store(timed->figures, (uv_hrtime() - timed->begun_ns) / 1000);
    akma_figures_set_store(timed->figures, failed ? AKMA_STORE_FAILED : AKMA_STORE_OK);
    timed->done(op, error, timed->user_data);
}

bool
akma_front_submit(AkmaFront *self, AkmaKsOp *op, AkmaKsDone done, void *user_data)
{
    Timed *timed = g_new0(Timed, 1);

    *timed = (Timed){self->figures, uv_hrtime(), done, user_data};
    if (akma_ks_submit(self->store, op, on_timed, timed))
        return true;
    g_free(timed);

    return false;
}

static void
first_request(AkmaFront *self, AkmaH2Stream *stream, const AkmaH2Request *request)
{
    AkmaRefusal refusal;
    unsigned wait_s = 0;

    /* a connection has one session: asking for another one ends it, whatever comes of it */
    akma_exchange_end_on(akma_h2_stream_get_conn(stream));
    if (akma_front_check_envelope(self, request, "application/json", &refusal)) {
        if (akma_front_take_request(self, stream, &wait_s)) {
            akma_exchange_begin(self, stream, request);
            return;
        }
        akma_refuse(&refusal, AKMA_CAUSE_RATE_LIMITED, "too many first requests");
    }

    akma_figures_count_exchange(
        self->figures, AKMA_KIND_UNKNOWN, AKMA_PROFILE_MESSAGE, refusal.cause);
    akma_front_refuse(stream, &refusal, wait_s);
}

static void
second_request(AkmaFront *self,
               AkmaH2Stream *stream,
               const AkmaH2Request *request,
               const char *session,
               size_t len)
{
    AkmaH2Conn *conn = akma_h2_stream_get_conn(stream);
    g_autofree char *id = len <= SESSION_MAX ? g_strndup(session, len) : NULL;
    AkmaRefusal refusal;

    if (!akma_front_check_envelope(self, request, "application/jose", &refusal)) {
        /* every answer to a second request but 409 ends the session */
        akma_exchange_end_on(conn);
        akma_front_refuse(stream, &refusal, 0);
        return;
    }
    if (!id) {
        akma_exchange_end_on(conn);
        akma_refuse(&refusal, AKMA_CAUSE_SESSION_UNKNOWN, "there is no such session");
        akma_front_refuse(stream, &refusal, 0);
        return;
    }

    akma_exchange_continue(stream, request, id);
}

static void
on_request(AkmaH2Stream *stream, const AkmaH2Request *request, void *user_data)
{
    AkmaFront *self = user_data;
    const char *session;
    size_t len;
    AkmaRoute route = akma_front_route(request->path, &session, &len);
    bool post = strcmp(request->method, "POST") == 0;

    /* a server without consumers is none that provides */
    if (route == AKMA_ROUTE_PROVIDER && akma_consumers_is_empty(self->consumers))
        route = AKMA_ROUTE_NONE;
    if (route == AKMA_ROUTE_NONE)
        akma_front_refuse_resource(stream);
    else if (!post)
        akma_front_refuse_method(stream, "POST");
    else if (route == AKMA_ROUTE_SESSIONS)
        first_request(self, stream, request);
    else if (route == AKMA_ROUTE_PROVIDER)
        akma_provider_face_request(self, stream, request);
    else
        second_request(self, stream, request, session, len);
}

static bool
on_accept(const struct sockaddr *peer, void *user_data)
{
    AkmaFront *self = user_data;
    uint64_t now = uv_now(self->loop);
    uint8_t key[AKMA_ADDRESS_KEY_LEN];
    unsigned wait_s;

    akma_address_key(peer, key);
    if (!akma_rate_table_take(self->accepts, key, sizeof key, now, &wait_s)) {
        akma_figures_count_limit(self->figures, AKMA_LIMIT_ADDRESS);
        return false;
    }
    if (!akma_bucket_take(&self->accept_total, &self->accept_flow, now, &wait_s)) {
        akma_figures_count_limit(self->figures, AKMA_LIMIT_TOTAL);
        return false;
    }

    return true;
}

static void
on_limited(AkmaH2Limit limit, void *user_data)
{
    const AkmaFront *self = user_data;

    akma_figures_count_limit(self->figures, limit);
}

static void
on_stream_closed(AkmaH2Stream *stream, void *user_data G_GNUC_UNUSED)
{
    akma_exchange_stream_closed(stream);
}

static void
on_conn_closed(AkmaH2Conn *conn, void *user_data G_GNUC_UNUSED)
{
    akma_exchange_end_on(conn);
}

const AkmaH2Handlers akma_front_handlers = {
    .accept = on_accept,
    .request = on_request,
    .stream_closed = on_stream_closed,
    .limited = on_limited,
    .conn_closed = on_conn_closed,
};
