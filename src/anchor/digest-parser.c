/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/digest-parser.h"

#include <string.h>

/* RFC 7230 3.2.6 */
#define TOKEN_EXTRA "!#$%&'*+-.^_`|~"

void
akma_digest_parameters_clear(AkmaDigestParameters *self)
{
    for (size_t i = 0; i < self->len; i++) {
        g_free(self->items[i].name);
        g_free(self->items[i].value);
    }
    self->len = 0;
}

const char *
akma_digest_get_parameter(const AkmaDigestParameters *self, const char *name)
{
    for (size_t i = 0; i < self->len; i++) {
        if (g_str_equal(self->items[i].name, name))
            return self->items[i].value;
    }

    return NULL;
}

static size_t
count_token(const char *text)
{
    size_t n = 0;

    while (g_ascii_isalnum(text[n]) || (text[n] != '\0' && strchr(TOKEN_EXTRA, text[n])))
        n++;

    return n;
}

/* An escape could mean two things to two readers of the digest: there is none. */
static size_t
count_quoted(const char *text)
{
    size_t n = 0;

    while (text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
        n++;

    return n;
}

static void
skip_space(const char **text)
{
    *text += strspn(*text, " \t");
}

/* name=token or name="text"; moves @text behind it. */
static bool
take_parameter(const char **text, AkmaDigestParameters *ret)
{
    size_t name_len = count_token(*text);
    g_autofree char *name = g_ascii_strdown(*text, (gssize)name_len);
    const char *value;
    size_t value_len;
    bool quoted;

    *text += name_len;
    skip_space(text);
    if (name_len == 0 || **text != '=' || ret->len == AKMA_DIGEST_PARAMETERS_MAX ||
        akma_digest_get_parameter(ret, name))
        return false;
    (*text)++;
    skip_space(text);

    quoted = **text == '"';
    value = *text + (quoted ? 1 : 0);
    value_len = quoted ? count_quoted(value) : count_token(value);
    if (value_len > AKMA_DIGEST_VALUE_MAX || (quoted ? value[value_len] != '"' : value_len == 0))
        return false;
    *text = value + value_len + (quoted ? 1 : 0);

    ret->items[ret->len++] = (AkmaDigestParameter){
        .name = g_steal_pointer(&name),
        .value = g_strndup(value, value_len),
        .is_quoted = quoted,
    };

    return true;
}

static bool
take_all(const char *text, AkmaDigestParameters *ret)
{
    if (strlen(text) > AKMA_DIGEST_FIELD_MAX)
        return false;

    for (;;) {
        skip_space(&text);
        if (!take_parameter(&text, ret))
            return false;
        skip_space(&text);
        if (*text == '\0')
            return true;
        if (*text++ != ',')
            return false;
    }
}

/*= RFC 2617 3.2.1: a Digest field is a list of name=token and name="text" */
bool
akma_digest_parse_parameters(const char *field, AkmaDigestParameters *ret)
{
    g_auto(AkmaDigestParameters) all = {0};

    if (!take_all(field, &all))
        return false;
    *ret = all;
    all.len = 0;

    return true;
}
