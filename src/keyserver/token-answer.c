/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* token-answer: how a client proves itself to a token endpoint, and what that says. Pure. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "keyserver/anchor-token.h"
#include "keyserver/anchor-value.h"
#include "proto/json.h"

#define BEARER       "Bearer "
#define BASIC        "Basic "
#define TOKEN_MAX    4096
#define LIFETIME_S   60 /* of a token that does not say */
#define LIFETIME_MAX 86400
#define MARGIN_MAX_S 30
#define PAIR_MAX     (3 * (AKMA_CLIENT_SECRET_MAX + 255) + 1)

/*= RFC 6750 2.1: b64token */
static bool
is_token(const char *text)
{
    size_t len = 0;

    while (g_ascii_isalnum(text[len]) || (text[len] && strchr("-._~+/", text[len])))
        len++;

    return len > 0 && text[len + strspn(text + len, "=")] == '\0';
}

/* Not given out again when so little is left that it could end on its way. */
static unsigned
keep_for(unsigned lifetime_s)
{
    unsigned margin = CLAMP(lifetime_s / 10, 1, MARGIN_MAX_S);

    return lifetime_s > margin ? lifetime_s - margin : 0;
}

/*= RFC 6749 5.1: access_token, token_type in any case, expires_in perhaps */
bool
akma_token_answer_parse(const uint8_t *body,
                        size_t len,
                        AkmaSecret **ret_header,
                        unsigned *ret_lifetime_s)
{
    AkmaRefusal refusal;
    json_auto_t *root = akma_json_load(body, len, AKMA_ANCHOR_ANSWER_MAX, &refusal);
    int64_t lifetime_s = LIFETIME_S;
    const char *token;
    const char *type;
    uint8_t *bytes;
    size_t size;

    if (!root || !akma_json_get_text(root, "access_token", 1, TOKEN_MAX, &token) ||
        !is_token(token) || !akma_json_get_text(root, "token_type", 1, 16, &type) ||
        g_ascii_strcasecmp(type, "Bearer") != 0)
        return false;
    if (json_object_get(root, "expires_in") &&
        !akma_json_get_int(root, "expires_in", 1, INT32_MAX, &lifetime_s))
        return false;

    size = strlen(BEARER) + strlen(token) + 1;
    *ret_header = akma_secret_new_blank(size, &bytes, NULL);
    if (!*ret_header)
        return false;
    g_snprintf((char *)bytes, size, BEARER "%s", token);
    *ret_lifetime_s = keep_for((unsigned)MIN(lifetime_s, LIFETIME_MAX));

    return true;
}

/* Returns the end of what is written at @ret. */
static char *
escape(const char *text, size_t len, char *ret)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)text[i];

        if (g_ascii_isalnum(text[i]) || (byte && strchr("-._~", byte))) {
            *ret++ = text[i];
        } else {
            *ret++ = '%';
            *ret++ = digits[byte >> 4];
            *ret++ = digits[byte & 15];
        }
    }

    return ret;
}

/*= RFC 6749 2.3.1: id and secret are form-encoded before they are joined */
AkmaSecret *
akma_token_basic_new(const char *id, const AkmaSecret *secret)
{
    char pair[PAIR_MAX];
    AkmaSecret *header;
    const char *text;
    uint8_t *bytes;
    size_t len;
    char *end;

    text = (const char *)akma_secret_peek(secret, &len);
    g_return_val_if_fail(3 * (strlen(id) + len) + 1 <= sizeof pair, NULL);

    end = escape(id, strlen(id), pair);
    *end++ = ':';
    end = escape(text, len, end);
    len = (size_t)(end - pair);
    header = akma_secret_new_blank(strlen(BASIC) + AKMA_BASE64_LEN(len) + 1, &bytes, NULL);
    if (header)
        akma_base64_encode(pair, len, g_stpcpy((char *)bytes, BASIC));
    OPENSSL_cleanse(pair, sizeof pair);

    return header;
}
