/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/providers.h"

#include <string.h>

#include "base/error.h"
#include "http/h2-client.h"
#include "http/tls.h"
#include "keyserver/breaker.h"
#include "keyserver/upstream-answer.h"
#include "proto/provider-request.h"

#define SCHEME    "Bearer "
#define IN_FLIGHT 1000 /* of all workers together, for one provider */

typedef struct {
    char *name;
    AkmaH2Client *client;
    AkmaSecret *header; /* of Authorization, with its final NUL; NULL: no token is shown */
    AkmaBreaker breaker;
    unsigned in_flight;
    unsigned in_flight_max;
} Provider;

struct _AkmaProviders {
    unsigned refs; /* the owner's, and one a call */
    uv_loop_t *loop;
    AkmaFigures *figures;
    GPtrArray *all; /* Provider */
};

struct _AkmaProviderCall {
    AkmaProviders *providers;
    Provider *provider;
    GStrv key_ids;
    AkmaH2Call *call;
    bool trial; /* the one that finds out whether the provider is well again */
    AkmaProviderDone done;
    void *user_data;
};

static void
provider_free(void *data)
{
    Provider *self = data;

    if (self->client)
        akma_h2_client_close(self->client, NULL, NULL);
    g_clear_pointer(&self->header, akma_secret_unref);
    g_free(self->name);
    g_free(self);
}

static AkmaSecret *
new_header(const AkmaServerConfig *server, const AkmaProviderConfig *config, GError **error)
{
    g_autoptr(AkmaSecret) token = akma_server_config_read_provider_token(server, config, error);
    AkmaSecret *header;
    const uint8_t *text;
    uint8_t *bytes;
    size_t len;

    if (!token)
        return NULL;

    text = akma_secret_peek(token, &len);
    header = akma_secret_new_blank(strlen(SCHEME) + len + 1, &bytes, error);
    if (header) {
        memcpy(g_stpcpy((char *)bytes, SCHEME), text, len);
    }

    return header;
}

static bool
add_provider(AkmaProviders *self,
             const AkmaServerConfig *server,
             const AkmaProviderConfig *config,
             GError **error)
{
    Provider *provider = g_new0(Provider, 1);
    AkmaH2ClientConfig client = {
        .url = config->url,
        .timeout_ms = config->timeout_ms,
        .body_bytes = AKMA_RESPONSE_MAX,
        .in_flight = MAX(IN_FLIGHT / server->workers, 1),
    };

    g_ptr_array_add(self->all, provider);
    provider->name = g_strdup(config->name);
    provider->in_flight_max = MAX(IN_FLIGHT / server->workers, 1);
    if (config->has_token) {
        provider->header = new_header(server, config, error);
        if (!provider->header)
            return false;
    }
    client.tls =
        akma_tls_client_new(config->ca_file, config->certificate_file, config->key_file, error);
    if (!client.tls)
        return false;
    provider->client = akma_h2_client_new(self->loop, &client, error);
    SSL_CTX_free(client.tls);

    return provider->client;
}

AkmaProviders *
akma_providers_new(uv_loop_t *loop,
                   const AkmaServerConfig *config,
                   AkmaFigures *figures,
                   GError **error)
{
    g_autoptr(AkmaProviders) self = g_new0(AkmaProviders, 1);

    self->refs = 1;
    self->loop = loop;
    self->figures = figures;
    self->all = g_ptr_array_new_with_free_func(provider_free);
    for (guint i = 0; i < config->providers->len; i++) {
        const AkmaProviderConfig *provider = config->providers->pdata[i];

        if (!add_provider(self, config, provider, error)) {
            g_prefix_error(error, "[provider %s]: ", provider->name);
            return NULL;
        }
    }

    return g_steal_pointer(&self);
}

void
akma_providers_unref(AkmaProviders *self)
{
    if (!self || --self->refs > 0)
        return;

    g_ptr_array_unref(self->all);
    g_free(self);
}

bool
akma_providers_is_empty(const AkmaProviders *self)
{
    return self->all->len == 0;
}

static Provider *
find(AkmaProviders *self, const char *name)
{
    for (guint i = 0; i < self->all->len; i++) {
        Provider *provider = self->all->pdata[i];

        if (strcmp(provider->name, name) == 0)
            return provider;
    }

    return NULL;
}

/* --- the answer --- */

static void
count_failure(AkmaProviders *self, Provider *provider, bool failed)
{
    if (akma_breaker_count(&provider->breaker, uv_now(self->loop), failed))
        g_warning("provider %s has failed %d times in a row: one request every %d s from here on",
                  provider->name,
                  AKMA_BREAKER_FAILURES,
                  AKMA_BREAKER_MS / 1000);
    akma_figures_set_provider(
        self->figures, provider->name, akma_breaker_is_broken(&provider->breaker));
}

/* What a status other than 200 means. */
static AkmaCause
judge(const AkmaH2Response *response)
{
    if (response->status >= 500 || response->status == 429)
        return AKMA_CAUSE_UPSTREAM_UNAVAILABLE;
    if (response->status != 200)
        return AKMA_CAUSE_UPSTREAM_REFUSED;
    if (g_strcmp0(response->content_type, AKMA_KEY_SET_MEDIA_TYPE) != 0 &&
        g_strcmp0(response->content_type, "application/json") != 0)
        return AKMA_CAUSE_UPSTREAM_REFUSED;

    return AKMA_CAUSE_NONE;
}

static AkmaCause
judge_error(const GError *error)
{
    return error->code == AKMA_ERROR_SERVER_REFUSED ? AKMA_CAUSE_UPSTREAM_REFUSED
                                                    : AKMA_CAUSE_UPSTREAM_UNAVAILABLE;
}

/* @result: AkmaCause or AKMA_RESULT_UNFINISHED. */
static void
call_end(AkmaProviderCall *call, unsigned result)
{
    akma_figures_count_provider(call->providers->figures, call->provider->name, result);
    if (call->trial)
        akma_breaker_release(&call->provider->breaker);
    call->provider->in_flight--;
    akma_providers_unref(call->providers);
    g_strfreev(call->key_ids);
    g_free(call);
}

static void
tell(const AkmaProviderCall *call, const AkmaH2Response *response, const GError *error)
{
    const char *name = call->provider->name;

    /* this server is not taken for who it is: only an operator can mend that */
    if (response && (response->status == 401 || response->status == 403))
        g_warning("provider %s does not let this server in: status %u", name, response->status);
    else if (response && response->status != 200)
        g_info("provider %s: status %u", name, response->status);
    else
        g_info("provider %s: %s", name, error ? error->message : "an answer that cannot be used");
}

static void
on_response(const AkmaH2Response *response, const GError *error, void *user_data)
{
    AkmaProviderCall *call = user_data;
    AkmaCause cause = response ? judge(response) : judge_error(error);
    bool failed = !response || response->status >= 500;
    g_autoptr(AkmaKeySet) set = NULL;

    call->call = NULL;
    /* the provider's word about others says nothing about its health */
    count_failure(call->providers, call->provider, failed);
    if (cause == AKMA_CAUSE_NONE)
        set = akma_upstream_parse(
            response->body, response->body_len, (const char *const *)call->key_ids, &cause);
    if (!set)
        tell(call, response, error);
    call->done(set, cause, call->user_data);
    call_end(call, set ? AKMA_CAUSE_NONE : cause);
}

/* --- the question --- */

AkmaProviderCall *
akma_providers_ask(AkmaProviders *self,
                   const char *provider_name,
                   const char *pseudonym,
                   const char *const *key_ids,
                   AkmaProviderDone done,
                   void *user_data)
{
    g_autoptr(GBytes) body = akma_provider_request_to_json(pseudonym, key_ids);
    Provider *provider = find(self, provider_name);
    AkmaProviderCall *call;
    bool trial;
    size_t len;
    AkmaH2Header headers[] = {
        {"content-type", "application/json"},
        {"accept", AKMA_KEY_SET_MEDIA_TYPE ", application/problem+json"},
        {"authorization", NULL},
    };

    if (!provider)
        g_warning("provider %s is not in the configuration", provider_name);
    if (!provider || !body)
        return NULL;
    if (provider->in_flight >= provider->in_flight_max) {
        akma_figures_count_full(self->figures, AKMA_ROOM_PROVIDER);
        return NULL;
    }
    if (!akma_breaker_take(&provider->breaker, uv_now(self->loop), &trial))
        return NULL;

    call = g_new0(AkmaProviderCall, 1);
    call->providers = self;
    call->provider = provider;
    call->key_ids = g_strdupv((GStrv)key_ids);
    call->trial = trial;
    call->done = done;
    call->user_data = user_data;
    self->refs++;
    provider->in_flight++;
    if (provider->header)
        headers[2].value = (const char *)akma_secret_peek(provider->header, &len);
    call->call = akma_h2_client_request(provider->client,
                                        "POST",
                                        AKMA_PROVIDER_PATH,
                                        headers,
                                        provider->header ? 3 : 2,
                                        g_bytes_get_data(body, NULL),
                                        g_bytes_get_size(body),
                                        on_response,
                                        call);

    return call;
}

void
akma_provider_call_cancel(AkmaProviderCall *call)
{
    if (call->call)
        akma_h2_client_cancel(call->call);
    call_end(call, AKMA_RESULT_UNFINISHED);
}

void
akma_providers_warm(AkmaProviders *self, const char *provider_name)
{
    Provider *provider = find(self, provider_name);

    if (provider && !akma_breaker_is_broken(&provider->breaker))
        akma_h2_client_connect(provider->client);
}
