/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "anchor/digest-parser.h"
#include "base/error.h"
#include "base/text.h"

#define NC       "00000001" /* each nonce is used for one request */
#define AUTS_LEN 14

typedef char Hex[AKMA_DIGEST_HEX_MAX + 1];

void
akma_digest_challenge_clear(AkmaDigestChallenge *self)
{
    g_free(self->realm);
    g_free(self->nonce);
    g_free(self->opaque);
    g_free(self->domain);
    *self = (AkmaDigestChallenge){0};
}

static bool
refuse(GError **error, const char *message)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED, message);

    return false;
}

static const char *const algorithm_names[] = {
    [AKMA_DIGEST_AKAV1_MD5] = "AKAv1-MD5",
    [AKMA_DIGEST_MD5] = "MD5",
    [AKMA_DIGEST_SHA_256] = "SHA-256",
};

/*= RFC 2617 3.2.1: without algorithm it is MD5 */
static bool
take_algorithm(const char *name, AkmaDigestAlgorithm *ret)
{
    for (size_t i = 0; i < G_N_ELEMENTS(algorithm_names); i++) {
        if (g_ascii_strcasecmp(name ? name : "MD5", algorithm_names[i]) == 0) {
            *ret = (AkmaDigestAlgorithm)i;
            return true;
        }
    }

    return false;
}

static void
take_qop(const char *list, AkmaDigestChallenge *ret)
{
    g_auto(GStrv) words = g_strsplit_set(list ? list : "", ", \t", -1);

    for (char **word = words; *word; word++) {
        ret->has_auth = ret->has_auth || g_ascii_strcasecmp(*word, "auth") == 0;
        ret->has_auth_int = ret->has_auth_int || g_ascii_strcasecmp(*word, "auth-int") == 0;
    }
}

bool
akma_digest_parse_challenge(const char *field, AkmaDigestChallenge *ret, GError **error)
{
    static const char scheme[] = "Digest ";
    g_auto(AkmaDigestParameters) all = {0};
    g_auto(AkmaDigestChallenge) challenge = {0};
    const char *realm;
    const char *nonce;
    const char *stale;

    if (g_ascii_strncasecmp(field, scheme, strlen(scheme)) != 0)
        return refuse(error, "the challenge is not one of HTTP Digest");
    if (!akma_digest_parse_parameters(field + strlen(scheme), &all))
        return refuse(error, "the challenge is malformed");
    realm = akma_digest_get_parameter(&all, "realm");
    nonce = akma_digest_get_parameter(&all, "nonce");
    stale = akma_digest_get_parameter(&all, "stale");
    if (!realm || !nonce || *nonce == '\0')
        return refuse(error, "the challenge has no realm or no nonce");
    if (!take_algorithm(akma_digest_get_parameter(&all, "algorithm"), &challenge.algorithm))
        return refuse(error, "the challenge wants an algorithm that is not known");
    take_qop(akma_digest_get_parameter(&all, "qop"), &challenge);
    if (!challenge.has_auth && !challenge.has_auth_int)
        return refuse(error, "the challenge offers neither auth nor auth-int");

    challenge.realm = g_strdup(realm);
    challenge.nonce = g_strdup(nonce);
    challenge.opaque = g_strdup(akma_digest_get_parameter(&all, "opaque"));
    challenge.domain = g_strdup(akma_digest_get_parameter(&all, "domain"));
    challenge.is_stale = stale && g_ascii_strcasecmp(stale, "true") == 0;
    *ret = challenge;
    challenge = (AkmaDigestChallenge){0};

    return true;
}

/* H(part:part:...) as lower case hex. */
typedef struct {
    const void *bytes;
    size_t len;
} Part;

static bool
hash(AkmaDigestAlgorithm algorithm, const Part *parts, size_t n, Hex ret, GError **error)
{
    const EVP_MD *md = algorithm == AKMA_DIGEST_SHA_256 ? EVP_sha256() : EVP_md5();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool ok = context && EVP_DigestInit_ex(context, md, NULL) == 1;

    for (size_t i = 0; ok && i < n; i++)
        ok = (i == 0 || EVP_DigestUpdate(context, ":", 1) == 1) &&
             EVP_DigestUpdate(context, parts[i].bytes, parts[i].len) == 1;
    ok = ok && EVP_DigestFinal_ex(context, sum, &len) == 1;
    EVP_MD_CTX_free(context);
    if (ok)
        akma_hex_encode(sum, len, ret);
    else
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no MD5 or SHA-256");
    OPENSSL_cleanse(sum, sizeof sum);

    return ok;
}

static Part
text(const char *value)
{
    return (Part){value, strlen(value)};
}

/*= RFC 2617 3.2.2: response = H(H(A1):nonce:nc:cnonce:qop:H(A2)) */
/*= RFC 2617 3.2.2.3: with auth-int A2 ends with H(body) */
/*= RFC 2617 3.2.3: rspauth is made with an empty method */
/*= RFC 3310 3.3: the password of AKAv1-MD5 is RES, its bytes */
static bool
prove(const AkmaDigestInput *input,
      const char *method,
      const uint8_t *body,
      size_t body_len,
      Hex ret,
      GError **error)
{
    const AkmaDigestChallenge *challenge = input->challenge;
    AkmaDigestAlgorithm algorithm = challenge->algorithm;
    const Part a1[] = {
        text(input->username), text(challenge->realm), {input->password, input->password_len}};
    const Part entity[] = {{body_len > 0 ? (const void *)body : "", body_len}};
    Hex ha1, ha2, hbody;
    const Part a2[] = {text(method), text(input->uri), {hbody, 0}};
    Part a2_parts[G_N_ELEMENTS(a2)];
    bool ok;

    memcpy(a2_parts, a2, sizeof a2);
    ok = hash(algorithm, a1, G_N_ELEMENTS(a1), ha1, error) &&
         hash(algorithm, entity, G_N_ELEMENTS(entity), hbody, error);
    if (ok) {
        a2_parts[2].len = strlen(hbody);
        ok = hash(algorithm, a2_parts, input->auth_int ? 3 : 2, ha2, error);
    }
    if (ok) {
        const Part parts[] = {text(ha1),
                              text(challenge->nonce),
                              text(NC),
                              text(input->cnonce),
                              text(input->auth_int ? "auth-int" : "auth"),
                              text(ha2)};

        ok = hash(algorithm, parts, G_N_ELEMENTS(parts), ret, error);
    }
    OPENSSL_cleanse(ha1, sizeof ha1);

    return ok;
}

/* Room for all of it, and no formatting of the name: it leaves no copy of the identity behind. */
static GString *
begin_field(const char *username)
{
    GString *field = g_string_sized_new(2 * AKMA_DIGEST_FIELD_MAX);

    g_string_append(field, "Digest username=\"");
    g_string_append(field, username);
    g_string_append_c(field, '"');

    return field;
}

/*= RFC 3310 3.4: with auts the response is made with an empty password */
char *
akma_digest_authorization(const AkmaDigestInput *input,
                          const uint8_t *body,
                          size_t body_len,
                          const uint8_t *auts,
                          GError **error)
{
    const AkmaDigestChallenge *challenge = input->challenge;
    AkmaDigestInput proof = *input;
    char auts_text[AKMA_BASE64_LEN(AUTS_LEN) + 1];
    GString *field;
    Hex response;

    if (strpbrk(input->username, "\"\\"))
        return refuse(error, "the identifier does not fit into HTTP Digest"), NULL;
    if (auts)
        proof.password_len = 0;
    if (!prove(&proof, input->method, body, body_len, response, error))
        return NULL;

    field = begin_field(input->username);
    g_string_append_printf(field,
                           ", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
                           "qop=%s, nc=" NC ", cnonce=\"%s\", response=\"%s\", algorithm=%s",
                           challenge->realm,
                           challenge->nonce,
                           input->uri,
                           input->auth_int ? "auth-int" : "auth",
                           input->cnonce,
                           response,
                           algorithm_names[challenge->algorithm]);
    if (challenge->opaque)
        g_string_append_printf(field, ", opaque=\"%s\"", challenge->opaque);
    if (auts) {
        akma_base64_encode(auts, AUTS_LEN, auts_text);
        g_string_append_printf(field, ", auts=\"%s\"", auts_text);
    }

    return g_string_free(field, FALSE);
}

char *
akma_digest_first_authorization(const char *username, const char *realm, const char *uri)
{
    GString *field = begin_field(username);

    /*= TS 24.109 A.3: nonce and response of the first request are empty */
    g_string_append_printf(
        field, ", realm=\"%s\", nonce=\"\", uri=\"%s\", response=\"\"", realm, uri);

    return g_string_free(field, FALSE);
}

/* What is there must be what was sent. */
static bool
is_same(const AkmaDigestParameters *all, const char *name, const char *value)
{
    const char *given = akma_digest_get_parameter(all, name);

    return !given || g_str_equal(given, value);
}

bool
akma_digest_check_answer(const AkmaDigestInput *input,
                         const char *field,
                         const uint8_t *body,
                         size_t body_len,
                         GError **error)
{
    g_auto(AkmaDigestParameters) all = {0};
    const char *given;
    Hex rspauth;

    if (field && !akma_digest_parse_parameters(field, &all))
        return refuse(error, "Authentication-Info is malformed");
    given = akma_digest_get_parameter(&all, "rspauth");
    if (!prove(input, "", body, body_len, rspauth, error))
        return false;

    if (given && strlen(given) == strlen(rspauth) &&
        CRYPTO_memcmp(given, rspauth, strlen(rspauth)) == 0 &&
        is_same(&all, "qop", input->auth_int ? "auth-int" : "auth") &&
        is_same(&all, "cnonce", input->cnonce) && is_same(&all, "nc", NC))
        return true;
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_SERVER_NOT_AUTHENTIC,
                "the answer does not prove that it knows the key (%s rspauth)",
                given ? "wrong" : "no");

    return false;
}
