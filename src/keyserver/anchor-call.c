/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* anchor-call: one question to an anchor, and what its answer means. */
#include <string.h>

#include "base/error.h"
#include "keyserver/anchor-answer.h"
#include "keyserver/anchors-private.h"
#include "keyserver/bsf-answer.h"
#include "keyserver/terminal-id.h"

/* ask --> [wait for a token] --> call --> done; once more from the token on after a 401 */
struct _AkmaAnchorCall {
    AkmaAnchors *anchors;
    AkmaAnchorPeer *anchor;
    GBytes *body;
    AkmaTokenWait *wait; /* one of them is under way */
    AkmaH2Call *call;
    AkmaSecret *header; /* the token shown */
    uint64_t hash;      /* of the kid */
    bool again;         /* with another token */
    bool trial;         /* the one that finds out whether the anchor is well again */
    AkmaAnchorDone done;
    void *user_data;
};

/* --- the answer --- */

static void
count_failure(AkmaAnchors *self, AkmaAnchorPeer *anchor, bool failed)
{
    if (akma_breaker_count(&anchor->breaker, uv_now(self->loop), failed))
        g_warning("anchor %s has failed %d times in a row: one request every %d s from here on",
                  anchor->name,
                  AKMA_BREAKER_FAILURES,
                  AKMA_BREAKER_MS / 1000);
    akma_figures_set_anchor(self->figures, anchor->name, akma_breaker_is_broken(&anchor->breaker));
}

/*= TS 29.535 retrieve-applicationkey: 200 with the key, 204 if there is no material for this A-KID
 */
/* A BSF that does not know the B-TID says 404. So does a gateway that knows no NEF: other text. */
static AkmaRefusal
judge(const AkmaAnchorPeer *anchor, const AkmaH2Response *response)
{
    if (anchor->nef && response->status == 404 &&
        g_strcmp0(response->content_type, "application/problem+json") != 0)
        return (AkmaRefusal){AKMA_CAUSE_ANCHOR_REFUSED, "there is no NEF at the anchor's URL"};
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

static AkmaPseudonyms *
name_to_providers(const AkmaAnchorCall *call, const AkmaAnchorAnswer *answer)
{
    size_t len;
    const char *identity = (const char *)akma_secret_peek(answer->identity, &len);

    return akma_pseudonyms_new(call->anchors->id_key,
                               (const char *const *)call->anchors->providers,
                               call->anchor->operator,
                               identity,
                               len,
                               NULL);
}

static void
read_answer(AkmaAnchorCall *call, const AkmaH2Response *response, AkmaRefusal *refusal)
{
    bool gba = call->anchor->kind == AKMA_ANCHOR_KIND_GBA;
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    g_auto(AkmaAnchorAnswer) answer = {0};
    g_autoptr(AkmaPseudonyms) pseudonyms = NULL;
    g_autofree char *terminal = NULL;
    AkmaAnchorResult result;
    bool ok;

    ok = gba ? akma_bsf_answer_parse(
                   response->body, response->body_len, call->anchors->kind, now, &answer, refusal)
             : akma_anchor_answer_parse(
                   response->body, response->body_len, call->anchors->kind, now, &answer, refusal);
    if (!ok)
        return;
    terminal = name_terminal(call, &answer);
    pseudonyms = terminal ? name_to_providers(call, &answer) : NULL;
    if (!pseudonyms) {
        *refusal = (AkmaRefusal){AKMA_CAUSE_STORE_UNAVAILABLE, "no memory"};
        return;
    }

    result = (AkmaAnchorResult){answer.first_key, answer.expiry, terminal, pseudonyms};
    call->done(&result, NULL, call->user_data);
}

/* @result: AkmaCause or AKMA_RESULT_UNFINISHED. */
static void
call_end(AkmaAnchorCall *call, unsigned result)
{
    akma_figures_count_anchor(call->anchors->figures, call->anchor->name, result);
    if (call->trial)
        akma_breaker_release(&call->anchor->breaker);
    call->anchors->in_flight--;
    call->anchor->in_flight--;
    akma_anchors_unref(call->anchors);
    g_bytes_unref(call->body);
    g_clear_pointer(&call->header, akma_secret_unref);
    g_free(call);
}

static void
refuse(AkmaAnchorCall *call, const AkmaRefusal *refusal, const GError *error)
{
    g_info("anchor %s: %s%s%s",
           call->anchor->name,
           refusal->detail,
           error ? ": " : "",
           error ? error->message : "");
    call->done(NULL, refusal, call->user_data);
}

static void begin(AkmaAnchorCall *call);

/* The token ended before its time, or was taken back: a new one, once. */
static bool
ask_again(AkmaAnchorCall *call, const AkmaH2Response *response)
{
    if (!response || response->status != 401 || !call->header || call->again)
        return false;

    akma_anchor_token_forget(call->anchor->token, call->header);
    g_clear_pointer(&call->header, akma_secret_unref);
    call->again = true;
    begin(call);

    return true;
}

static void
on_response(const AkmaH2Response *response, const GError *error, void *user_data)
{
    AkmaAnchorCall *call = user_data;
    AkmaRefusal refusal = response ? judge(call->anchor, response) : judge_error(error);

    call->call = NULL;
    if (ask_again(call, response))
        return;
    count_failure(call->anchors, call->anchor, refusal.cause == AKMA_CAUSE_ANCHOR_UNAVAILABLE);
    if (refusal.cause == AKMA_CAUSE_ANCHOR_KEY_UNKNOWN)
        akma_unknown_kids_add(call->anchor->unknown, call->hash, uv_now(call->anchors->loop));
    if (refusal.cause == AKMA_CAUSE_NONE)
        read_answer(call, response, &refusal);
    if (refusal.cause != AKMA_CAUSE_NONE)
        refuse(call, &refusal, error);
    call_end(call, refusal.cause);
}

/* --- the question --- */

static void
send_request(AkmaAnchorCall *call)
{
    const AkmaAnchorPeer *anchor = call->anchor;
    size_t n = 2;
    size_t len;
    AkmaH2Header headers[] = {
        {"content-type", "application/json"},
        {"accept", "application/json, application/problem+json"},
        {"authorization", NULL},
    };

    if (call->header)
        headers[n++].value = (const char *)akma_secret_peek(call->header, &len);
    call->call = akma_h2_client_request(anchor->client,
                                        "POST",
                                        anchor->path,
                                        headers,
                                        n,
                                        g_bytes_get_data(call->body, NULL),
                                        g_bytes_get_size(call->body),
                                        on_response,
                                        call);
}

static void
on_token(AkmaSecret *header, const AkmaRefusal *refusal, void *user_data)
{
    AkmaAnchorCall *call = user_data;

    call->wait = NULL;
    if (header) {
        call->header = akma_secret_ref(header);
        send_request(call);
        return;
    }

    /* no stranger causes this, so it counts, whatever it was */
    count_failure(call->anchors, call->anchor, true);
    refuse(call, refusal, NULL);
    call_end(call, refusal->cause);
}

static void
begin(AkmaAnchorCall *call)
{
    AkmaAnchorToken *token = call->anchor->token;
    AkmaSecret *header = token ? akma_anchor_token_get(token) : NULL;

    if (header)
        call->header = akma_secret_ref(header);
    if (token && !header)
        call->wait = akma_anchor_token_fetch(token, on_token, call);
    else
        send_request(call);
}

/* What is full is our own room: the anchor is not to blame, and did not hear of it. */
static bool
refuse_full(const AkmaAnchors *self, AkmaRoom room, AkmaRefusal *ret_refusal)
{
    akma_figures_count_full(self->figures, room);

    return akma_refuse(
        ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "too many requests wait for anchors");
}

static bool
may_ask(AkmaAnchors *self,
        AkmaAnchorPeer *anchor,
        uint64_t hash,
        bool *ret_trial,
        AkmaRefusal *ret_refusal)
{
    uint64_t now = uv_now(self->loop);

    if (akma_unknown_kids_have(anchor->unknown, hash, now))
        return akma_refuse(ret_refusal,
                           AKMA_CAUSE_ANCHOR_KEY_UNKNOWN,
                           "the anchor had no key for this kid a moment ago");
    if (anchor->in_flight >= anchor->in_flight_max)
        return refuse_full(self, AKMA_ROOM_ANCHOR, ret_refusal);
    if (self->in_flight >= self->in_flight_max)
        return refuse_full(self, AKMA_ROOM_ANCHORS, ret_refusal);
    if (!akma_breaker_take(&anchor->breaker, now, ret_trial))
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_ANCHOR_UNAVAILABLE, "the anchor has failed just now");

    return true;
}

AkmaAnchorCall *
akma_anchors_ask(AkmaAnchors *self,
                 AkmaAnchorKind kind,
                 const AkmaAfId *af_id,
                 const char *realm,
                 const char *kid,
                 AkmaAnchorDone done,
                 void *user_data,
                 AkmaRefusal *ret_refusal)
{
    AkmaAnchorPeer *anchor = akma_anchors_find(self, kind, realm);
    AkmaAnchorCall *call;
    GBytes *body;
    uint64_t hash;
    bool trial = false;

    if (!anchor) {
        akma_refuse(ret_refusal, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, "no anchor for this realm");
        return NULL;
    }
    hash = akma_unknown_kids_hash(anchor->unknown, kid, strlen(kid));
    if (!may_ask(self, anchor, hash, &trial, ret_refusal))
        return NULL;
    body = kind == AKMA_ANCHOR_KIND_GBA ? akma_bsf_request_new(af_id, kid)
                                        : akma_anchor_request_new(af_id, kid);
    if (!body) {
        if (trial)
            akma_breaker_release(&anchor->breaker);
        akma_refuse(ret_refusal, AKMA_CAUSE_ANCHOR_UNAVAILABLE, "no memory");
        return NULL;
    }

    call = g_new0(AkmaAnchorCall, 1);
    call->anchors = self;
    call->anchor = anchor;
    call->body = body;
    call->hash = hash;
    call->trial = trial;
    call->done = done;
    call->user_data = user_data;
    self->refs++;
    self->in_flight++;
    anchor->in_flight++;
    begin(call);

    return call;
}

void
akma_anchor_call_cancel(AkmaAnchorCall *call)
{
    if (call->wait)
        akma_anchor_token_cancel(call->wait);
    if (call->call)
        akma_h2_client_cancel(call->call);
    call_end(call, AKMA_RESULT_UNFINISHED);
}
