/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/anchor-token.h"

#include <string.h>

#include "base/error.h"
#include "http/h2-client.h"
#include "http/tls.h"
#include "keyserver/anchor-value.h"

struct _AkmaAnchorToken {
    unsigned refs; /* the owner's, and one while those who wait are told */
    uv_loop_t *loop;
    char *name; /* of the anchor */
    char *path;
    const char *form;
    AkmaSecret *basic;
    AkmaH2Client *client;
    AkmaH2Call *call;   /* under way for those in @waits */
    AkmaSecret *header; /* kept until @until_ms */
    uint64_t until_ms;
    GQueue waits;   /* AkmaTokenWait */
    unsigned round; /* answers so far */
    bool warned;
};

struct _AkmaTokenWait {
    AkmaAnchorToken *token;
    GList link;     /* in token->waits */
    unsigned round; /* of the answer that it waits for */
    AkmaTokenDone done;
    void *user_data;
};

/*
 * The scope is the name of the service, as the OpenAPI files of AAnF and BSF have it. That of the
 * NEF has one for who wants the GPSI, and none for the rest.
 */
static const char *
get_form(const AkmaAnchorConfig *anchor, AkmaIdentityKind kind)
{
    if (anchor->nef)
        return kind == AKMA_IDENTITY_GPSI
                   ? "grant_type=client_credentials&scope=nnef-akma%3Agpsi-access"
                   : "grant_type=client_credentials";

    return anchor->gba ? "grant_type=client_credentials&scope=nbsp-gba"
                       : "grant_type=client_credentials&scope=naanf-akma";
}

static bool
connect_to(AkmaAnchorToken *self, const AkmaAnchorConfig *anchor, GError **error)
{
    AkmaH2ClientConfig client = {
        .url = anchor->token_url,
        .timeout_ms = anchor->timeout_ms,
        .body_bytes = AKMA_ANCHOR_ANSWER_MAX,
        .in_flight = 2, /* one, and the one whose end asks again */
    };

    if (g_str_has_prefix(anchor->token_url, "https://")) {
        client.tls =
            akma_tls_client_new(anchor->ca_file, anchor->certificate_file, anchor->key_file, error);
        if (!client.tls)
            return false;
    }
    self->client = akma_h2_client_new(self->loop, &client, error);
    SSL_CTX_free(client.tls);

    return self->client;
}

AkmaAnchorToken *
akma_anchor_token_new(uv_loop_t *loop,
                      const AkmaServerConfig *config,
                      const AkmaAnchorConfig *anchor,
                      AkmaIdentityKind kind,
                      GError **error)
{
    g_autoptr(AkmaSecret) secret = akma_server_config_read_client_secret(config, anchor, error);
    AkmaAnchorToken *self;

    if (!secret)
        return NULL;

    self = g_new0(AkmaAnchorToken, 1);
    self->refs = 1;
    self->loop = loop;
    self->name = g_strdup(anchor->name);
    self->path = g_strdup(anchor->token_path);
    self->form = get_form(anchor, kind);
    self->basic = akma_token_basic_new(anchor->client_id, secret);
    if (!self->basic)
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no room left for keys");
    if (!self->basic || !connect_to(self, anchor, error)) {
        akma_anchor_token_free(self);
        return NULL;
    }

    return self;
}

void
akma_anchor_token_free(AkmaAnchorToken *self)
{
    if (!self || --self->refs > 0)
        return;

    g_return_if_fail(self->waits.length == 0);
    if (self->client)
        akma_h2_client_close(self->client, NULL, NULL);
    g_clear_pointer(&self->header, akma_secret_unref);
    g_clear_pointer(&self->basic, akma_secret_unref);
    g_free(self->name);
    g_free(self->path);
    g_free(self);
}

AkmaSecret *
akma_anchor_token_get(AkmaAnchorToken *self)
{
    if (self->header && uv_now(self->loop) >= self->until_ms)
        g_clear_pointer(&self->header, akma_secret_unref);

    return self->header;
}

void
akma_anchor_token_forget(AkmaAnchorToken *self, const AkmaSecret *header)
{
    if (self->header == header)
        g_clear_pointer(&self->header, akma_secret_unref);
}

/* --- the answer --- */

/* Who asks again while we call back waits for the next answer; the others may be cancelled. */
static void
tell_waiting(AkmaAnchorToken *self, AkmaSecret *header, const AkmaRefusal *refusal)
{
    unsigned round = self->round++;

    self->refs++;
    while (self->waits.head) {
        AkmaTokenWait *wait = self->waits.head->data;

        if (wait->round != round)
            break;
        g_queue_unlink(&self->waits, &wait->link);
        wait->done(header, refusal, wait->user_data);
        g_free(wait);
    }
    akma_anchor_token_free(self);
}

static void
fail(AkmaAnchorToken *self, AkmaCause cause, const char *detail, const GError *error)
{
    const AkmaRefusal refusal = {.cause = cause, .detail = detail};

    if (!self->warned)
        g_warning("anchor %s: %s%s%s",
                  self->name,
                  detail,
                  error ? ": " : "",
                  error ? error->message : "");
    self->warned = true;
    tell_waiting(self, NULL, &refusal);
}

static void
on_response(const AkmaH2Response *response, const GError *error, void *user_data)
{
    AkmaAnchorToken *self = user_data;
    g_autoptr(AkmaSecret) header = NULL;
    unsigned lifetime_s = 0;

    self->call = NULL;
    if (!response || response->status >= 500) {
        fail(self, AKMA_CAUSE_ANCHOR_UNAVAILABLE, "no token can be had now", error);
        return;
    }
    if (response->status != 200 || g_strcmp0(response->content_type, "application/json") != 0 ||
        !akma_token_answer_parse(response->body, response->body_len, &header, &lifetime_s)) {
        fail(self, AKMA_CAUSE_ANCHOR_REFUSED, "the token was refused", NULL);
        return;
    }

    self->warned = false;
    g_clear_pointer(&self->header, akma_secret_unref);
    if (lifetime_s > 0)
        self->header = akma_secret_ref(header);
    self->until_ms = uv_now(self->loop) + (uint64_t)lifetime_s * 1000;
    tell_waiting(self, header, NULL);
}

/* --- the question --- */

static void
ask(AkmaAnchorToken *self)
{
    size_t len;
    const AkmaH2Header headers[] = {
        {"content-type", "application/x-www-form-urlencoded"},
        {"accept", "application/json"},
        {"authorization", (const char *)akma_secret_peek(self->basic, &len)},
    };

    self->call = akma_h2_client_request(self->client,
                                        "POST",
                                        self->path,
                                        headers,
                                        G_N_ELEMENTS(headers),
                                        (const uint8_t *)self->form,
                                        strlen(self->form),
                                        on_response,
                                        self);
}

AkmaTokenWait *
akma_anchor_token_fetch(AkmaAnchorToken *self, AkmaTokenDone done, void *user_data)
{
    AkmaTokenWait *wait = g_new0(AkmaTokenWait, 1);

    wait->token = self;
    wait->link.data = wait;
    wait->round = self->round;
    wait->done = done;
    wait->user_data = user_data;
    g_queue_push_tail_link(&self->waits, &wait->link);
    if (!self->call)
        ask(self);

    return wait;
}

void
akma_anchor_token_cancel(AkmaTokenWait *wait)
{
    g_queue_unlink(&wait->token->waits, &wait->link);
    g_free(wait);
}
