/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/digest-credentials.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/text.h"
#include "base/wiping.h"

#define SCHEME     "Digest"
#define TOKEN_EXT  "!#$%&'*+-.^_`|~"
#define CNONCE_MAX 256

typedef enum {
    PARAM_USERNAME,
    PARAM_REALM,
    PARAM_NONCE,
    PARAM_URI,
    PARAM_RESPONSE,
    PARAM_CNONCE,
    PARAM_NC,
    PARAM_QOP,
    PARAM_ALGORITHM, /* this one and the next may be missing */
    PARAM_OPAQUE,    /* we send none */
    N_PARAMS,
} Param;

static const char *const names[N_PARAMS] = {
    [PARAM_USERNAME] = "username",
    [PARAM_REALM] = "realm",
    [PARAM_NONCE] = "nonce",
    [PARAM_URI] = "uri",
    [PARAM_RESPONSE] = "response",
    [PARAM_CNONCE] = "cnonce",
    [PARAM_NC] = "nc",
    [PARAM_QOP] = "qop",
    [PARAM_ALGORITHM] = "algorithm",
    [PARAM_OPAQUE] = "opaque",
};

void
akma_digest_credentials_clear(AkmaDigestCredentials *self)
{
    akma_wiping_free(self->text);
    *self = (AkmaDigestCredentials){0};
}

bool
akma_digest_is_scheme(const char *authorization)
{
    size_t len = strlen(SCHEME);

    return authorization && g_ascii_strncasecmp(authorization, SCHEME, len) == 0 &&
           (authorization[len] == ' ' || authorization[len] == '\0');
}

/* --- what a client sent --- */

static bool
is_token_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr(TOKEN_EXT, c));
}

static void
skip_space(char **at)
{
    *at += strspn(*at, " \t");
}

/* Cuts nothing: the caller does, once it has seen what follows. */
static char *
take_token(char **at, char **ret_end)
{
    char *start = *at;

    while (is_token_char(**at))
        ++*at;
    *ret_end = *at;

    return *at > start ? start : NULL;
}

/* The text of a quoted string, unescaped where it stands. */
static char *
take_quoted(char **at)
{
    char *start = ++*at;
    char *to = start;

    for (; **at != '"'; ++*at) {
        if (**at == '\\')
            ++*at;
        if ((unsigned char)**at < ' ' || **at == 0x7f)
            return NULL;
        *to++ = **at;
    }
    ++*at;
    *to = '\0';

    return start;
}

/* name "=" ( token / quoted string ) */
static bool
take_param(char **at, char **ret_name, char **ret_value)
{
    char *name_end;
    char *value_end = NULL;
    char next;

    *ret_name = take_token(at, &name_end);
    skip_space(at);
    if (!*ret_name || **at != '=')
        return false;
    ++*at;
    *name_end = '\0';
    skip_space(at);

    *ret_value = **at == '"' ? take_quoted(at) : take_token(at, &value_end);
    if (!*ret_value)
        return false;
    skip_space(at);

    next = **at;
    if (value_end)
        *value_end = '\0';
    if (next == ',') {
        ++*at;
        skip_space(at);
    }

    /* after a comma comes another one */
    return next == '\0' || (next == ',' && **at != '\0');
}

/* False: it stands there twice. */
static bool
keep_param(const char *name, const char *value, const char *values[static N_PARAMS])
{
    for (size_t i = 0; i < N_PARAMS; i++) {
        if (g_ascii_strcasecmp(name, names[i]) != 0)
            continue;
        if (values[i])
            return false;
        values[i] = value;
    }

    return true;
}

static bool
read_values(const char *const values[static N_PARAMS], AkmaDigestCredentials *self)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    const char *response = values[PARAM_RESPONSE];
    const char *algorithm = values[PARAM_ALGORITHM];
    const char *qop = values[PARAM_QOP];
    const char *nc = values[PARAM_NC];

    for (size_t i = 0; i < PARAM_ALGORITHM; i++) {
        if (!values[i] || !*values[i])
            return false;
    }
    if ((algorithm && g_ascii_strcasecmp(algorithm, "MD5") != 0) ||
        (strcmp(qop, "auth") != 0 && strcmp(qop, "auth-int") != 0))
        return false;
    if (strlen(nc) != 8 || strspn(nc, hex) != 8 || strcmp(nc, "00000000") == 0)
        return false;
    if (strlen(values[PARAM_CNONCE]) > CNONCE_MAX || strpbrk(values[PARAM_CNONCE], "\"\\"))
        return false;
    if (!akma_hex_decode(response, strlen(response), self->response, AKMA_DIGEST_LEN))
        return false;

    self->username = values[PARAM_USERNAME];
    self->realm = values[PARAM_REALM];
    self->nonce = values[PARAM_NONCE];
    self->uri = values[PARAM_URI];
    self->cnonce = values[PARAM_CNONCE];
    self->nc = nc;
    self->auth_int = strcmp(qop, "auth-int") == 0;

    return true;
}

/*= RFC 7616 3.4: the Authorization field; a parameter is there at most once */
bool
akma_digest_parse(const char *authorization, AkmaDigestCredentials *ret)
{
    g_auto(AkmaDigestCredentials) self = {0};
    const char *values[N_PARAMS] = {0};
    char *at;

    if (!akma_digest_is_scheme(authorization))
        return false;
    self.text = akma_wiping_strdup(authorization + strlen(SCHEME));
    if (!self.text)
        return false;

    at = self.text;
    skip_space(&at);
    do {
        char *name;
        char *value;

        if (!take_param(&at, &name, &value) || !keep_param(name, value, values))
            return false;
    } while (*at);
    if (!read_values(values, &self))
        return false;

    *ret = self;
    self = (AkmaDigestCredentials){0};

    return true;
}

/* --- what must stand there --- */

/* MD5 in hex of @strings, with a colon between them. NULL at the end. */
static bool
hash(const char *const *strings, char ret[static AKMA_DIGEST_HEX + 1])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool ok = context && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1;

    for (size_t i = 0; ok && strings[i]; i++)
        ok = (i == 0 || EVP_DigestUpdate(context, ":", 1) == 1) &&
             EVP_DigestUpdate(context, strings[i], strlen(strings[i])) == 1;
    ok = ok && EVP_DigestFinal_ex(context, digest, &len) == 1 && len == AKMA_DIGEST_LEN;
    if (ok)
        akma_hex_encode(digest, len, ret);
    EVP_MD_CTX_free(context);
    OPENSSL_cleanse(digest, sizeof digest);

    return ok;
}

static bool
hash_body(const AkmaDigestMessage *message, char ret[static AKMA_DIGEST_HEX + 1])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (EVP_Digest(message->body_len > 0 ? message->body : (const uint8_t *)"",
                   message->body_len,
                   digest,
                   &len,
                   EVP_md5(),
                   NULL) != 1 ||
        len != AKMA_DIGEST_LEN)
        return false;
    akma_hex_encode(digest, len, ret);

    return true;
}

/*= RFC 7616 3.4.1: H(H(A1):nonce:nc:cnonce:qop:H(A2)); 3.5: rspauth without the method */
bool
akma_digest_compute(const AkmaDigestCredentials *credentials,
                    const char *password,
                    const AkmaDigestMessage *message,
                    uint8_t ret[static AKMA_DIGEST_LEN])
{
    const AkmaDigestCredentials *c = credentials;
    const char *qop = c->auth_int ? "auth-int" : "auth";
    char body[AKMA_DIGEST_HEX + 1], a1[AKMA_DIGEST_HEX + 1], a2[AKMA_DIGEST_HEX + 1];
    char response[AKMA_DIGEST_HEX + 1];
    const char *const of_a1[] = {c->username, c->realm, password, NULL};
    const char *const of_a2[] = {message->method, c->uri, c->auth_int ? body : NULL, NULL};
    const char *const of_all[] = {a1, c->nonce, c->nc, c->cnonce, qop, a2, NULL};
    bool ok = (!c->auth_int || hash_body(message, body)) && hash(of_a1, a1) && hash(of_a2, a2) &&
              hash(of_all, response) &&
              akma_hex_decode(response, AKMA_DIGEST_HEX, ret, AKMA_DIGEST_LEN);

    OPENSSL_cleanse(a1, sizeof a1);
    OPENSSL_cleanse(response, sizeof response);

    return ok;
}

/*= TS 33.535 B.1.2: K_AF is the password; as with Ks_NAF in TS 24.109, in base64 */
void
akma_digest_password(const AkmaSecret *first_key, char ret[static AKMA_DIGEST_PASSWORD_SIZE])
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(first_key, &len);

    ret[0] = '\0';
    g_return_if_fail(AKMA_BASE64_LEN(len) < AKMA_DIGEST_PASSWORD_SIZE);

    akma_base64_encode(bytes, len, ret);
}
