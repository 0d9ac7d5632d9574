/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fleet-terminal: one terminal registers its K_AKMA and gets its key, again and again. */
#include <dlfcn.h>
#include <netdb.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "agent/schedule.h"
#include "base/error.h"
#include "base/text.h"
#include "tests/bench/fleet.h"

/* Every name is this machine: the server has the name of its certificate, and no DNS. */
int
getaddrinfo(const char *host,
            const char *service,
            const struct addrinfo *hints,
            struct addrinfo **ret)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    (void)host;
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");

    return next("127.0.0.1", service, hints, ret);
}

static void begin_exchange(Terminal *self);

static void
on_timer(uv_timer_t *timer)
{
    begin_exchange(timer->data);
}

static void
begin_in(Terminal *self, uint64_t ms)
{
    if (!self->has_timer) {
        uv_timer_init(&self->fleet->loop, &self->timer);
        self->timer.data = self;
        self->has_timer = true;
    }
    uv_timer_start(&self->timer, on_timer, ms, 0);
}

/* -- registering ------------------------------------------------------------------------------ */

static void
make_anchor_key(Terminal *self)
{
    g_auto(AkmaKey256) k_ausf = {0};
    uint8_t a_tid[32];
    char imsi[16];

    g_snprintf(imsi, sizeof imsi, "00101%010u", self->number);
    RAND_bytes(k_ausf.bytes, sizeof k_ausf.bytes);
    if (!akma_kdf_k_akma(&k_ausf, imsi, &self->k_akma, NULL) ||
        !akma_kdf_a_tid(&k_ausf, imsi, a_tid, NULL))
        fleet_die("libcrypto", NULL);
    self->a_kid = akma_kdf_a_kid(AKMA_A_KID_DOT_BASE64URL, "0", a_tid, "", "001", "01", NULL);
}

static void
registered(const AkmaH2Response *response, const GError *error, void *user_data)
{
    Terminal *self = user_data;
    Fleet *fleet = self->fleet;

    if (fleet->exchanging) {
        begin_in(self, akma_schedule_retry_ms(self->failures, g_random_int()));
        return;
    }
    if (error || response->status / 100 != 2)
        fleet_die("the AAnF does not take the keys", error);
    if (--fleet->left == 0)
        uv_stop(&fleet->loop);
    else
        fleet_begin_next(fleet);
}

static void
register_terminal(Terminal *self)
{
    static const AkmaH2Header headers[] = {{"content-type", "application/json"}};
    char hex[AKMA_HEX_LEN(sizeof self->k_akma.bytes) + 1];
    g_autofree char *body = NULL;

    if (!self->a_kid)
        make_anchor_key(self);
    akma_hex_encode(self->k_akma.bytes, sizeof self->k_akma.bytes, hex);
    body = g_strdup_printf("{\"supi\":\"imsi-00101%010u\",\"aKId\":\"%s\",\"kAkma\":\"%s\"}",
                           self->number,
                           self->a_kid,
                           hex);
    akma_h2_client_request(self->fleet->core,
                           "POST",
                           "/naanf-akma/v1/register-anchorkey",
                           headers,
                           G_N_ELEMENTS(headers),
                           (const uint8_t *)body,
                           strlen(body),
                           registered,
                           self);
}

/* -- exchanging ------------------------------------------------------------------------------- */

static void
on_closed(void *psk)
{
    akma_http_psk_free(psk);
}

static void
leave(Terminal *self)
{
    g_clear_pointer(&self->session, akma_terminal_session_free);
    if (self->client)
        akma_h2_client_close(
            g_steal_pointer(&self->client), on_closed, g_steal_pointer(&self->psk));
}

static void
finish(Terminal *self)
{
    Fleet *fleet = self->fleet;

    leave(self);
    self->failures = 0;
    if (--fleet->left == 0) {
        uv_stop(&fleet->loop);
        return;
    }
    if (fleet->storm && self->begun < fleet->rounds) {
        begin_in(self, g_random_int() % ((unsigned)fleet->pause_ms + 1));
        return;
    }
    if (self->begun < fleet->rounds)
        g_queue_push_tail(&fleet->waiting, self);
    fleet_begin_next(fleet);
}

static void
try_again(Terminal *self, const GError *error, unsigned retry_after_s)
{
    uint64_t wait_ms = akma_schedule_retry_ms(++self->failures, g_random_int());

    leave(self);
    /* a handshake that fails does not say why */
    if (self->fleet->psk || g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_KEY_UNKNOWN)) {
        register_terminal(self);
        return;
    }
    if (retry_after_s > 0)
        wait_ms = MAX(wait_ms, retry_after_s * 1000u + g_random_int() % (retry_after_s * 1000u));
    begin_in(self, wait_ms);
}

void
fleet_terminal_fail(Terminal *self, const GError *error, unsigned retry_after_s)
{
    Fleet *fleet = self->fleet;
    const char *name = akma_error_get_name(error);
    unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(fleet->causes, name));

    if (n == 0)
        fprintf(stderr, "fleet: the first of its kind: %s: %s\n", name, error->message);
    g_hash_table_insert(fleet->causes, g_strdup(name), GUINT_TO_POINTER(n + 1));
    fleet->failed++;
    if (fleet->storm)
        try_again(self, error, retry_after_s);
    else
        finish(self);
}

/* A kid names one value, for ever. */
static void
compare(Terminal *self, const AkmaKey *key)
{
    const char *before = g_hash_table_lookup(self->seen, key->kid);
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char hex[AKMA_HEX_LEN(SHA256_DIGEST_LENGTH) + 1];
    size_t len;
    const uint8_t *bytes = akma_secret_peek(key->secret, &len);

    SHA256(bytes, len, digest);
    akma_hex_encode(digest, sizeof digest, hex);
    if (!before)
        g_hash_table_insert(self->seen, g_strdup(key->kid), g_strdup(hex));
    else if (strcmp(before, hex) != 0)
        self->fleet->conflicts++;
}

void
fleet_terminal_take(Terminal *self, const AkmaKeySet *keys)
{
    double took_ms = (double)(g_get_monotonic_time() - (int64_t)self->began_us) / 1e3;

    if (keys->keys->len != 1) {
        g_autoptr(GError) error =
            g_error_new_literal(AKMA_ERROR, AKMA_ERROR_NOT_ENTITLED, "no key came");

        fleet_terminal_fail(self, error, 0);
        return;
    }

    compare(self, keys->keys->pdata[0]);
    g_array_append_val(self->fleet->took_ms, took_ms);
    self->done++;
    finish(self);
}

static AkmaAnswer
to_answer(const AkmaH2Response *response)
{
    return (AkmaAnswer){.status = response->status,
                        .content_type = response->content_type,
                        .body = response->body,
                        .len = response->body_len,
                        .retry_after_s = response->retry_after_s};
}

static void
second_response(const AkmaH2Response *response, const GError *failure, void *user_data)
{
    Terminal *self = user_data;
    g_autoptr(GError) error = failure ? g_error_copy(failure) : NULL;
    g_autoptr(AkmaKeySet) keys = NULL;

    if (response) {
        const AkmaAnswer answer = to_answer(response);

        keys = akma_terminal_session_second_response(self->session, &answer, &error);
    }
    if (keys)
        fleet_terminal_take(self, keys);
    else
        fleet_terminal_fail(self, error, response ? response->retry_after_s : 0);
}

static void
first_response(const AkmaH2Response *response, const GError *failure, void *user_data)
{
    static const AkmaH2Header headers[] = {{"content-type", "application/jose"}};
    Terminal *self = user_data;
    g_autoptr(GError) error = failure ? g_error_copy(failure) : NULL;
    g_autoptr(GBytes) body = NULL;
    g_autofree char *path = NULL;
    uint8_t iv[12];
    size_t len;

    if (response) {
        const AkmaAnswer answer = to_answer(response);

        RAND_bytes(iv, sizeof iv);
        body = akma_terminal_session_first_response(self->session, &answer, iv, &path, &error);
    }
    if (!body) {
        fleet_terminal_fail(self, error, response ? response->retry_after_s : 0);
        return;
    }

    akma_h2_client_request(self->client,
                           "POST",
                           path,
                           headers,
                           G_N_ELEMENTS(headers),
                           g_bytes_get_data(body, &len),
                           g_bytes_get_size(body),
                           second_response,
                           self);
}

AkmaSecret *
fleet_terminal_derive(Terminal *self)
{
    g_auto(AkmaKey256) k_af = {0};
    AkmaSecret *first_key;

    if (!akma_kdf_k_af(&self->k_akma, &self->fleet->af_id, &k_af, NULL))
        fleet_die("libcrypto", NULL);
    first_key = akma_secret_new(k_af.bytes, sizeof k_af.bytes, NULL);
    if (!first_key)
        fleet_die("the secure heap is full: fewer at once, or a higher limit on locked memory",
                  NULL);

    return first_key;
}

void
fleet_terminal_connect(Terminal *self, SSL_CTX *tls)
{
    const AkmaH2ClientConfig config = {.url = self->fleet->server_url,
                                       .tls = tls,
                                       .timeout_ms = 30000,
                                       .body_bytes = (size_t)64 * 1024,
                                       .in_flight = 2}; /* the answered one counts too */
    g_autoptr(GError) error = NULL;

    self->client = akma_h2_client_new(&self->fleet->loop, &config, &error);
    if (!self->client)
        fleet_die("a terminal cannot begin", error);
}

static AkmaTerminalSession *
new_session(Terminal *self)
{
    const char *const key_ids[] = {self->fleet->application, NULL};
    g_autoptr(AkmaSecret) first_key = fleet_terminal_derive(self);
    AkmaTerminalParameters parameters = {.anchor = "akma",
                                         .kid = self->a_kid,
                                         .fqdn = self->fleet->fqdn,
                                         .af_id = &self->fleet->af_id,
                                         .key_ids = key_ids,
                                         .first_key = first_key};

    RAND_bytes(parameters.nonce, sizeof parameters.nonce);

    return akma_terminal_session_new(&parameters);
}

static void
begin_message(Terminal *self)
{
    static const AkmaH2Header headers[] = {{"content-type", "application/json"}};
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) body = NULL;

    self->session = new_session(self);
    fleet_terminal_connect(self, self->fleet->tls);
    body = akma_terminal_session_first_request(self->session, &error);
    if (!body)
        fleet_die("a terminal cannot begin", error);

    akma_h2_client_request(self->client,
                           "POST",
                           "/v1/sessions",
                           headers,
                           G_N_ELEMENTS(headers),
                           g_bytes_get_data(body, NULL),
                           g_bytes_get_size(body),
                           first_response,
                           self);
}

static void
begin_exchange(Terminal *self)
{
    if (self->failures == 0) {
        self->began_us = (uint64_t)g_get_monotonic_time();
        self->begun++;
    }
    self->requests++;
    if (self->fleet->psk)
        fleet_psk_begin(self);
    else
        begin_message(self);
}

void
fleet_begin_next(Fleet *self)
{
    Terminal *terminal = g_queue_pop_head(&self->waiting);

    if (terminal && self->exchanging)
        begin_exchange(terminal);
    else if (terminal)
        register_terminal(terminal);
}
