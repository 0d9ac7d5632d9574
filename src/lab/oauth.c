/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* oauth: client credentials for a bearer token, and the check of that token. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/redact.h"
#include "base/text.h"
#include "lab/roles.h"

#define TOKEN_LEN        32
#define TOKEN_LIFETIME_S 3600
#define TOKENS_MAX       1024
#define BASIC_MAX        1024
#define SCOPE_DEFAULT    "naanf-akma"

typedef struct {
    char *hash;
    GStrv scopes;
    gint64 deadline_us;
} Token;

struct _AkmaLabTokens {
    GHashTable *by_hash; /* SHA-256 of the token in hex; owns */
    GQueue order;        /* the oldest first, borrowed */
};

static const char *const known_scopes[] = {"naanf-akma",
                                           "naanf-akma:anchorkey",
                                           "naanf-akma:applicationkeyget",
                                           "naanf-akma:applicationkeyget:supi-access",
                                           "nnef-akma:gpsi-access",
                                           "nbsp-gba",
                                           "nbsp-gba:bootstrapping-info-retrieval:invoke",
                                           NULL};

static void
token_free(Token *self)
{
    g_free(self->hash);
    g_strfreev(self->scopes);
    g_free(self);
}

AkmaLabTokens *
akma_lab_tokens_new(void)
{
    AkmaLabTokens *self = g_new0(AkmaLabTokens, 1);

    self->by_hash =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)token_free);
    g_queue_init(&self->order);

    return self;
}

void
akma_lab_tokens_free(AkmaLabTokens *self)
{
    if (!self)
        return;

    g_queue_clear(&self->order);
    g_hash_table_unref(self->by_hash);
    g_free(self);
}

/* All tokens live equally long, so the oldest is the first to end. */
static void
make_room(AkmaLabTokens *self)
{
    Token *oldest;

    while ((oldest = g_queue_peek_head(&self->order))) {
        if (self->order.length < TOKENS_MAX && oldest->deadline_us > g_get_monotonic_time())
            return;
        g_queue_pop_head(&self->order);
        g_hash_table_remove(self->by_hash, oldest->hash);
    }
}

static void
refuse(AkmaLabAnswer *answer, unsigned status, const char *code)
{
    akma_lab_answer_set(answer, status, json_pack("{s:s}", "error", code));
    if (status == 401)
        answer->challenge = "Basic realm=\"akma-lab\"";
}

/* Client id and secret of a Basic header. NULL: it is not one. */
static char **
dup_basic(const char *authorization)
{
    char plain[BASIC_MAX + 1];
    g_auto(GStrv) parts = NULL;
    size_t len;

    if (g_ascii_strncasecmp(authorization, "Basic ", 6) != 0 ||
        !akma_base64_decode(authorization + 6, strlen(authorization + 6), plain, BASIC_MAX, &len))
        return NULL;
    plain[len] = '\0';
    if (strlen(plain) == len)
        parts = g_strsplit(plain, ":", 2);
    OPENSSL_cleanse(plain, sizeof plain);
    if (!parts || g_strv_length(parts) != 2)
        return NULL;

    /*= RFC 6749 2.3.1: id and secret are form-encoded before they are joined */
    for (size_t i = 0; i < 2; i++) {
        char *decoded = g_uri_unescape_string(parts[i], NULL);

        if (!decoded)
            return NULL;
        g_free(parts[i]);
        parts[i] = decoded;
    }

    return g_steal_pointer(&parts);
}

/* The form as a table; NULL: it is none, or has a name twice. */
static GHashTable *
parse_form(const AkmaH2Request *request)
{
    g_autoptr(GHashTable) form = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    const char *text = (const char *)request->body;
    GUriParamsIter iter;
    char *name;
    char *value;

    if (request->body_len == 0 || !g_utf8_validate(text, (gssize)request->body_len, NULL))
        return NULL;

    g_uri_params_iter_init(&iter, text, (gssize)request->body_len, "&", G_URI_PARAMS_WWW_FORM);
    for (;;) {
        g_autoptr(GError) error = NULL;

        if (!g_uri_params_iter_next(&iter, &name, &value, &error))
            return error ? NULL : g_steal_pointer(&form);
        if (!g_hash_table_insert(form, name, value))
            return NULL;
    }
}

static bool
authenticate(const AkmaLab *lab,
             const AkmaH2Request *request,
             GHashTable *form,
             AkmaLabAnswer *answer)
{
    g_auto(GStrv) basic = request->authorization ? dup_basic(request->authorization) : NULL;
    const char *id = basic ? basic[0] : g_hash_table_lookup(form, "client_id");
    const char *secret = basic ? basic[1] : g_hash_table_lookup(form, "client_secret");

    if (!id || !secret || (request->authorization && !basic))
        return false;
    answer->who = akma_log_redact(id);

    return akma_subscribers_know_client(lab->subscribers, id, secret);
}

static bool
check_scopes(char **scopes)
{
    for (size_t i = 0; scopes[i]; i++) {
        if (!g_strv_contains(known_scopes, scopes[i]))
            return false;
    }

    return scopes[0] != NULL;
}

static void
issue(AkmaLabTokens *tokens, const char *scope, char **scopes, AkmaLabAnswer *answer)
{
    uint8_t bytes[TOKEN_LEN];
    char text[AKMA_BASE64URL_LEN(TOKEN_LEN) + 1];
    Token *token;

    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", "libcrypto: no randomness");
        return;
    }
    akma_base64url_encode(bytes, sizeof bytes, text);

    token = g_new0(Token, 1);
    token->hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    token->scopes = g_strdupv(scopes);
    token->deadline_us = g_get_monotonic_time() + (gint64)TOKEN_LIFETIME_S * G_USEC_PER_SEC;
    make_room(tokens);
    g_hash_table_insert(tokens->by_hash, token->hash, token);
    g_queue_push_tail(&tokens->order, token);

    akma_lab_answer_set(answer,
                        200,
                        json_pack("{s:s, s:s, s:i, s:s}",
                                  "access_token",
                                  text,
                                  "token_type",
                                  "Bearer",
                                  "expires_in",
                                  TOKEN_LIFETIME_S,
                                  "scope",
                                  scope));
    OPENSSL_cleanse(bytes, sizeof bytes);
    OPENSSL_cleanse(text, sizeof text);
}

/*= RFC 6749 4.4.2: grant_type=client_credentials, the client authenticates */
void
akma_lab_oauth_token(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer)
{
    g_autoptr(GHashTable) form = parse_form(call->request);
    const char *scope = form ? g_hash_table_lookup(form, "scope") : NULL;
    g_auto(GStrv) scopes = g_strsplit(scope ? scope : SCOPE_DEFAULT, " ", -1);
    const char *grant = form ? g_hash_table_lookup(form, "grant_type") : NULL;

    if (!grant)
        refuse(answer, 400, "invalid_request");
    else if (strcmp(grant, "client_credentials") != 0)
        refuse(answer, 400, "unsupported_grant_type");
    else if (!authenticate(lab, call->request, form, answer))
        refuse(answer, 401, "invalid_client");
    else if (!check_scopes(scopes))
        refuse(answer, 400, "invalid_scope");
    else
        issue(lab->tokens, scope ? scope : SCOPE_DEFAULT, scopes, answer);
}

static const Token *
find_token(const AkmaLab *lab, const char *header)
{
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, header + 7, -1);

    return g_hash_table_lookup(lab->tokens->by_hash, hash);
}

bool
akma_lab_oauth_has(AkmaLab *lab, const AkmaH2Request *request, const char *scope)
{
    const Token *token = find_token(lab, request->authorization);

    return token && g_strv_contains((const char *const *)token->scopes, scope);
}

/*= RFC 6750 3: no token or a bad one is 401, one for something else 403 */
bool
akma_lab_oauth_check(AkmaLab *lab,
                     const AkmaH2Request *request,
                     const char *scope,
                     AkmaLabAnswer *answer)
{
    const char *header = request->authorization;
    const Token *token;

    if (!header || g_ascii_strncasecmp(header, "Bearer ", 7) != 0) {
        akma_lab_problem(answer, 401, "UNAUTHORIZED", "a bearer token is needed");
        answer->challenge = "Bearer";
        return false;
    }
    make_room(lab->tokens);
    token = find_token(lab, header);
    if (!token) {
        akma_lab_problem(answer, 401, "UNAUTHORIZED", "the bearer token is not valid");
        answer->challenge = "Bearer error=\"invalid_token\"";
        return false;
    }
    if (scope && !g_strv_contains((const char *const *)token->scopes, scope)) {
        akma_lab_problem(
            answer, 403, "INSUFFICIENT_SCOPE", "the bearer token is for another scope");
        answer->challenge = "Bearer error=\"insufficient_scope\"";
        return false;
    }

    return true;
}
