/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/anchors.h"

#include <string.h>

#include "base/error.h"
#include "http/h2-client.h"
#include "http/tls.h"
#include "keyserver/anchor-answer.h"
#include "keyserver/terminal-id.h"

#define PATH "/naanf-akma/v1/retrieve-applicationkey"

/* of all workers together */
#define IN_FLIGHT        2000
#define IN_FLIGHT_ANCHOR 1000

/* so many failures in a row, and an anchor is left alone for so long */
#define BREAK_AFTER 10
#define BREAK_MS    2000

typedef struct {
    char *name;
    char *operator;
    GStrv realms;
    AkmaH2Client *client;
    unsigned failures; /* in a row: time-outs, broken connections, 5xx: what no stranger causes */
    uint64_t closed_until_ms;
} Anchor;

struct _AkmaAnchors {
    unsigned refs; /* the owner's, and one a call */
    uv_loop_t *loop;
    char *af_id;
    AkmaIdentityKind kind;
    const AkmaSecret *id_key; /* the store's */
    GPtrArray *anchors;       /* Anchor */
    unsigned in_flight;
    unsigned in_flight_max;
};

struct _AkmaAnchorCall {
    AkmaAnchors *anchors;
    Anchor *anchor;
    AkmaH2Call *call;
    AkmaAnchorDone done;
    void *user_data;
};

static void
anchor_free(Anchor *self)
{
    g_free(self->name);
    g_free(self->operator);
    g_strfreev(self->realms);
    if (self->client)
        akma_h2_client_close(self->client, NULL, NULL);
    g_free(self);
}

static bool
add_anchor(AkmaAnchors *self, const AkmaAnchorConfig *config, unsigned share, GError **error)
{
    Anchor *anchor = g_new0(Anchor, 1);
    AkmaH2ClientConfig client = {
        .url = config->url,
        .timeout_ms = config->timeout_ms,
        .body_bytes = AKMA_ANCHOR_ANSWER_MAX,
        .in_flight = MAX(IN_FLIGHT_ANCHOR / share, 1),
    };

    g_ptr_array_add(self->anchors, anchor);
    anchor->name = g_strdup(config->name);
    anchor->operator= g_strdup(config->operator);
    anchor->realms = g_strdupv(config->realms);
    if (g_str_has_prefix(config->url, "https://")) {
        client.tls =
            akma_tls_client_new(config->ca_file, config->certificate_file, config->key_file, error);
        if (!client.tls)
            return false;
    }
    anchor->client = akma_h2_client_new(self->loop, &client, error);
    SSL_CTX_free(client.tls);

    return anchor->client;
}

AkmaAnchors *
akma_anchors_new(uv_loop_t *loop,
                 const AkmaServerConfig *config,
                 AkmaIdentityKind kind,
                 const AkmaSecret *id_key,
                 GError **error)
{
    g_autoptr(AkmaAnchors) self = g_new0(AkmaAnchors, 1);

    self->refs = 1;
    self->loop = loop;
    self->af_id = akma_af_id_dup_wire(&config->af_id);
    self->kind = kind;
    self->id_key = id_key;
    self->in_flight_max = MAX(IN_FLIGHT / config->workers, 1);
    self->anchors = g_ptr_array_new_with_free_func((GDestroyNotify)anchor_free);
    for (guint i = 0; i < config->anchors->len; i++) {
        if (!add_anchor(self, config->anchors->pdata[i], config->workers, error))
            return NULL;
    }

    return g_steal_pointer(&self);
}

void
akma_anchors_unref(AkmaAnchors *self)
{
    if (!self || --self->refs > 0)
        return;

    g_ptr_array_unref(self->anchors);
    g_free(self->af_id);
    g_free(self);
}

int
akma_realm_match(const char *const *patterns, const char *realm)
{
    int best = -1;

    for (; *patterns; patterns++) {
        size_t len = strlen(*patterns);
        int exact = strpbrk(*patterns, "*?") ? (int)MIN(len, G_MAXINT / 2) : G_MAXINT;

        if (g_pattern_match_simple(*patterns, realm))
            best = MAX(best, exact);
    }

    return best;
}

static Anchor *
find_anchor(AkmaAnchors *self, const char *realm)
{
    Anchor *found = NULL;
    int best = -1;

    for (guint i = 0; i < self->anchors->len; i++) {
        Anchor *anchor = self->anchors->pdata[i];
        int match = akma_realm_match((const char *const *)anchor->realms, realm);

        if (match > best) {
            best = match;
            found = anchor;
        }
    }

    return found;
}

/* --- the answer --- */

static void
count_failure(AkmaAnchors *self, Anchor *anchor, bool failed)
{
    anchor->failures = failed ? anchor->failures + 1 : 0;
    if (anchor->failures < BREAK_AFTER)
        return;

    if (anchor->failures == BREAK_AFTER)
        g_warning("anchor %s has failed %d times in a row: asked again every %d s only",
                  anchor->name,
                  BREAK_AFTER,
                  BREAK_MS / 1000);
    anchor->closed_until_ms = uv_now(self->loop) + BREAK_MS;
}

/*= TS 29.535 retrieve-applicationkey: 200 with the key, 204 if there is no material for this A-KID
 */
static AkmaRefusal
judge(const AkmaH2Response *response)
{
    if (response->status == 204 || response->status == 404)
        return (AkmaRefusal){AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, "the anchor has no key for this kid"};
    if (response->status >= 500)
        return (AkmaRefusal){AKMA_CAUSE_ANCHOR_UNAVAILABLE, "the anchor is in trouble"};
    if (response->status != 200)
        return (AkmaRefusal){AKMA_CAUSE_ANCHOR_REFUSED, "the anchor refused"};
    if (g_strcmp0(response->content_type, "application/json") != 0)
        return (AkmaRefusal){AKMA_CAUSE_ANCHOR_REFUSED, "the anchor's answer is not JSON"};

    return (AkmaRefusal){.cause = AKMA_CAUSE_NONE};
}

static AkmaRefusal
judge_error(const GError *error)
{
    if (error->code == AKMA_ERROR_SERVER_REFUSED)
        return (AkmaRefusal){AKMA_CAUSE_ANCHOR_REFUSED, "the anchor's answer is broken"};

    return (AkmaRefusal){AKMA_CAUSE_ANCHOR_UNAVAILABLE, "the anchor cannot be reached now"};
}

static char *
name_terminal(const AkmaAnchorCall *call, const AkmaAnchorAnswer *answer)
{
    g_autoptr(GError) error = NULL;
    size_t len;
    const char *identity = (const char *)akma_secret_peek(answer->identity, &len);
    char *terminal = akma_terminal_id_new(
        call->anchors->id_key, "", call->anchor->operator, identity, len, &error);

    if (!terminal)
        g_critical("%s", error->message);

    return terminal;
}

static void
read_answer(AkmaAnchorCall *call, const AkmaH2Response *response, AkmaRefusal *refusal)
{
    g_auto(AkmaAnchorAnswer) answer = {0};
    g_autofree char *terminal = NULL;
    AkmaAnchorResult result;

    if (!akma_anchor_answer_parse(response->body,
                                  response->body_len,
                                  call->anchors->kind,
                                  g_get_real_time() / G_USEC_PER_SEC,
                                  &answer,
                                  refusal))
        return;
    terminal = name_terminal(call, &answer);
    if (!terminal) {
        *refusal = (AkmaRefusal){AKMA_CAUSE_STORE_UNAVAILABLE, "no memory"};
        return;
    }

    result = (AkmaAnchorResult){answer.first_key, answer.expiry, terminal};
    call->done(&result, NULL, call->user_data);
}

static void
call_free(AkmaAnchorCall *call)
{
    call->anchors->in_flight--;
    akma_anchors_unref(call->anchors);
    g_free(call);
}

static void
on_response(const AkmaH2Response *response, const GError *error, void *user_data)
{
    AkmaAnchorCall *call = user_data;
    AkmaRefusal refusal = response ? judge(response) : judge_error(error);

    if (response || error->code != AKMA_ERROR_RATE_LIMITED)
        count_failure(call->anchors, call->anchor, refusal.cause == AKMA_CAUSE_ANCHOR_UNAVAILABLE);
    if (refusal.cause == AKMA_CAUSE_NONE)
        read_answer(call, response, &refusal);
    if (refusal.cause != AKMA_CAUSE_NONE) {
        g_info("anchor %s: %s%s%s",
               call->anchor->name,
               refusal.detail,
               error ? ": " : "",
               error ? error->message : "");
        call->done(NULL, &refusal, call->user_data);
    }
    call_free(call);
}

/* --- the question --- */

static bool
may_ask(AkmaAnchors *self, Anchor *anchor, AkmaRefusal *ret_refusal)
{
    if (self->in_flight >= self->in_flight_max)
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_ANCHOR_UNAVAILABLE, "too many requests wait for anchors");
    if (uv_now(self->loop) < anchor->closed_until_ms)
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_ANCHOR_UNAVAILABLE, "the anchor has failed just now");

    return true;
}

AkmaAnchorCall *
akma_anchors_ask(AkmaAnchors *self,
                 AkmaAnchorKind kind,
                 const char *realm,
                 const char *kid,
                 AkmaAnchorDone done,
                 void *user_data,
                 AkmaRefusal *ret_refusal)
{
    const AkmaH2Header headers[] = {
        {"content-type", "application/json"},
        {"accept", "application/json, application/problem+json"},
    };
    Anchor *anchor = kind == AKMA_ANCHOR_KIND_AKMA ? find_anchor(self, realm) : NULL;
    g_autoptr(GBytes) body = NULL;
    AkmaAnchorCall *call;
    const void *bytes;
    gsize len;

    if (!anchor) {
        akma_refuse(ret_refusal, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, "no anchor for this realm");
        return NULL;
    }
    if (!may_ask(self, anchor, ret_refusal))
        return NULL;
    body = akma_anchor_request_new(self->af_id, kid);
    if (!body) {
        akma_refuse(ret_refusal, AKMA_CAUSE_ANCHOR_UNAVAILABLE, "no memory");
        return NULL;
    }

    call = g_new0(AkmaAnchorCall, 1);
    call->anchors = self;
    call->anchor = anchor;
    call->done = done;
    call->user_data = user_data;
    self->refs++;
    self->in_flight++;
    bytes = g_bytes_get_data(body, &len);
    call->call = akma_h2_client_request(anchor->client,
                                        "POST",
                                        PATH,
                                        headers,
                                        G_N_ELEMENTS(headers),
                                        bytes,
                                        len,
                                        on_response,
                                        call);

    return call;
}

void
akma_anchor_call_cancel(AkmaAnchorCall *call)
{
    akma_h2_client_cancel(call->call);
    call_free(call);
}
