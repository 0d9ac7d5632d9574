/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/text.h"

#define MD5_LEN 16

void
akma_lab_credentials_clear(AkmaLabCredentials *self)
{
    g_free(self->text);
    *self = (AkmaLabCredentials){0};
}

static char *
skip(char *text, const char *what)
{
    return text + strspn(text, what);
}

static bool
is_token_char(char c)
{
    return g_ascii_isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* The end of a token, in which there is at least one character; NULL: none. */
static char *
end_of_token(char *text)
{
    char *end = text;

    while (is_token_char(*end))
        end++;

    return end == text ? NULL : end;
}

/* "..." or a token at *@next; cut out of the text. NULL: neither. *@ret_after: what stood there. */
static char *
take_value(char **next, char *ret_after)
{
    bool quoted = **next == '"';
    char *value = quoted ? *next + 1 : *next;
    char *end = quoted ? value + strcspn(value, "\"\\") : end_of_token(value);

    if (!end || (quoted && *end != '"'))
        return NULL;
    for (char *c = value; c < end; c++) {
        if (g_ascii_iscntrl(*c))
            return NULL;
    }
    if (quoted) {
        *end++ = '\0';
        *ret_after = *end;
        *next = end;
    } else {
        *ret_after = *end;
        *end = '\0';
        *next = end;
    }

    return value;
}

/* False: it was there already. */
static bool
keep(AkmaLabCredentials *self, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } members[] = {
        {"username", &self->username},
        {"realm", &self->realm},
        {"nonce", &self->nonce},
        {"uri", &self->uri},
        {"response", &self->response},
        {"algorithm", &self->algorithm},
        {"cnonce", &self->cnonce},
        {"opaque", &self->opaque},
        {"qop", &self->qop},
        {"nc", &self->nc},
        {"auts", &self->auts},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        if (g_ascii_strcasecmp(name, members[i].name) != 0)
            continue;
        if (*members[i].place)
            return false;
        *members[i].place = value;
    }

    return true;
}

/* name = value, then "," or the end, which @ret_more tells. */
static bool
take_member(AkmaLabCredentials *self, char **next, bool *ret_more)
{
    char *name = skip(*next, " \t");
    char *end = end_of_token(name);
    char *value;
    char after;

    if (!end)
        return false;
    *next = skip(end, " \t");
    if (**next != '=')
        return false;
    *end = '\0';
    *next = skip(*next + 1, " \t");
    value = take_value(next, &after);
    if (!value)
        return false;

    /* the character after a token was overwritten by its end */
    if (after == ' ' || after == '\t') {
        *next = skip(*next + 1, " \t");
        after = **next;
    }
    *ret_more = after == ',';
    if (after != ',' && after != '\0')
        return false;
    if (*ret_more)
        *next += 1;

    return keep(self, name, value);
}

/*= RFC 2617 3.2.2: credentials = "Digest" 1#(name=value) */
bool
akma_lab_credentials_parse(const char *field, AkmaLabCredentials *ret)
{
    g_auto(AkmaLabCredentials) self = {0};
    bool more = true;
    char *next;

    if (g_ascii_strncasecmp(field, "Digest", 6) != 0 || (field[6] != ' ' && field[6] != '\t'))
        return false;

    self.text = next = g_strdup(field + 6);
    while (more) {
        if (!take_member(&self, &next, &more))
            return false;
    }
    *ret = self;
    self = (AkmaLabCredentials){0};

    return true;
}

typedef struct {
    const void *bytes;
    size_t len;
} Part;

static Part
text(const char *string)
{
    return (Part){string ? string : "", string ? strlen(string) : 0};
}

/* The parts with ":" between them. */
static bool
md5_hex(const Part *parts, size_t n, char ret[static AKMA_LAB_MD5_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t bytes[MD5_LEN];
    bool ok = context && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1;

    for (size_t i = 0; ok && i < n; i++)
        ok = (i == 0 || EVP_DigestUpdate(context, ":", 1) == 1) &&
             EVP_DigestUpdate(context, parts[i].bytes, parts[i].len) == 1;
    ok = ok && EVP_DigestFinal_ex(context, bytes, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (ok)
        akma_hex_encode(bytes, sizeof bytes, ret);
    OPENSSL_cleanse(bytes, sizeof bytes);

    return ok;
}

/*= RFC 3310 3.3: the password of Digest is RES; RFC 2617 3.2.2.1: request-digest */
bool
akma_lab_digest(const AkmaLabCredentials *credentials,
                const uint8_t *password,
                size_t password_len,
                const char *method,
                const uint8_t *body,
                size_t body_len,
                char ret[static AKMA_LAB_MD5_SIZE])
{
    const Part a1[] = {
        text(credentials->username), text(credentials->realm), {password, password_len}};
    const Part entity = {body, body_len};
    char h_a1[AKMA_LAB_MD5_SIZE] = "";
    char h_a2[AKMA_LAB_MD5_SIZE] = "";
    char h_body[AKMA_LAB_MD5_SIZE] = "";
    bool ok;

    ok = md5_hex(a1, G_N_ELEMENTS(a1), h_a1) && md5_hex(&entity, 1, h_body);
    if (ok) {
        const Part a2[] = {text(method), text(credentials->uri), text(h_body)};
        bool covers_body = g_strcmp0(credentials->qop, "auth-int") == 0;

        ok = md5_hex(a2, covers_body ? 3 : 2, h_a2);
    }
    if (ok) {
        const Part all[] = {text(h_a1),
                            text(credentials->nonce),
                            text(credentials->nc),
                            text(credentials->cnonce),
                            text(credentials->qop),
                            text(h_a2)};

        ok = md5_hex(all, G_N_ELEMENTS(all), ret);
    }
    OPENSSL_cleanse(h_a1, sizeof h_a1);

    return ok;
}
