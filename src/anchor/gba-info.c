/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/gba-info.h"

#include <string.h>

#include "base/error.h"

#define NAMESPACE "uri:3gpp-gba"
#define DEPTH_MAX 8
#define B_TID_MIN 3
#define B_TID_MAX 253

/* The elements that count; what is below others is ignored. */
typedef enum {
    FIELD_NONE,
    FIELD_B_TID,
    FIELD_LIFETIME,
    FIELD_CURRENT_TIME,
} Field;

typedef struct {
    unsigned depth;
    unsigned ignored; /* depth of an unknown element that we are in; 0: none */
    bool in_extension;
    bool is_ended;
    char *prefix; /* of the root: "" or "gba:" */
    Field field;
    GString *values[FIELD_CURRENT_TIME + 1];
} Parser;

static bool
refuse(GError **error, const char *why)
{
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_SERVER_REFUSED,
                "the answer about the bootstrapping is refused: %s",
                why);

    return false;
}

static bool
take_digits(const char **text, size_t n, int *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isdigit((*text)[i]))
            return false;
        *ret = *ret * 10 + ((*text)[i] - '0');
    }
    *text += n;

    return true;
}

static bool
take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;

    return true;
}

/*= TS 24.109 Annex C: lifetime is xs:dateTime in UTC, with a Z at its end */
bool
akma_gba_parse_time(const char *text, int64_t *ret)
{
    g_autoptr(GDateTime) time = NULL;
    int year, month, day, hour, minute, second;

    if (!take_digits(&text, 4, &year) || !take_char(&text, '-') || !take_digits(&text, 2, &month) ||
        !take_char(&text, '-') || !take_digits(&text, 2, &day) || !take_char(&text, 'T') ||
        !take_digits(&text, 2, &hour) || !take_char(&text, ':') ||
        !take_digits(&text, 2, &minute) || !take_char(&text, ':') ||
        !take_digits(&text, 2, &second))
        return false;
    if (*text == '.') {
        size_t n = strspn(text + 1, "0123456789");

        if (n == 0)
            return false;
        text += 1 + n;
    }
    if (!take_char(&text, 'Z') || *text != '\0' || year < 1970 || second > 59)
        return false;

    time = g_date_time_new_utc(year, month, day, hour, minute, second);
    if (!time)
        return false;
    *ret = g_date_time_to_unix(time);

    return true;
}

static bool
fail(GError **error, const char *why)
{
    g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, why);

    return false;
}

/* "BootstrappingInfo" or "p:BootstrappingInfo", in our namespace. */
static void
start_root(Parser *self, const char *name, const char **keys, const char **values, GError **error)
{
    const char *colon = strchr(name, ':');
    g_autofree char *xmlns = NULL;

    self->prefix = g_strndup(name, colon ? (size_t)(colon + 1 - name) : 0);
    xmlns = colon ? g_strdup_printf("xmlns:%.*s", (int)(colon - name), name) : g_strdup("xmlns");
    if (!g_str_equal(name + strlen(self->prefix), "BootstrappingInfo")) {
        fail(error, "another root");
        return;
    }
    for (; *keys; keys++, values++) {
        if (g_str_equal(*keys, xmlns) && g_str_equal(*values, NAMESPACE))
            return;
    }
    fail(error, "another namespace");
}

static Field
find_field(const Parser *self, const char *name)
{
    if (self->depth == 2 && g_str_equal(name, "btid"))
        return FIELD_B_TID;
    if (self->depth == 2 && g_str_equal(name, "lifetime"))
        return FIELD_LIFETIME;
    if (self->depth == 3 && self->in_extension && g_str_equal(name, "currenttime"))
        return FIELD_CURRENT_TIME;

    return FIELD_NONE;
}

/*= TS 24.109 Annex C: elements and attributes that are not known are ignored */
static void
start_element(GMarkupParseContext *context G_GNUC_UNUSED,
              const char *name,
              const char **keys,
              const char **values,
              gpointer user_data,
              GError **error)
{
    Parser *self = user_data;
    const char *local;
    Field field;

    if (++self->depth > DEPTH_MAX || self->is_ended) {
        fail(error, "too deep, or a second root");
        return;
    }
    if (self->depth == 1) {
        start_root(self, name, keys, values, error);
        return;
    }
    if (self->field != FIELD_NONE) {
        fail(error, "an element inside a value");
        return;
    }
    if (self->ignored > 0)
        return;

    local = g_str_has_prefix(name, self->prefix) ? name + strlen(self->prefix) : "";
    field = find_field(self, local);
    if (field != FIELD_NONE && self->values[field]) {
        fail(error, "a value twice");
    } else if (field != FIELD_NONE) {
        self->field = field;
        self->values[field] = g_string_new(NULL);
    } else if (self->depth == 2 && g_str_equal(local, "Extension")) {
        self->in_extension = true;
    } else {
        self->ignored = self->depth;
    }
}

static void
end_element(GMarkupParseContext *context G_GNUC_UNUSED,
            const char *name G_GNUC_UNUSED,
            gpointer user_data,
            GError **error G_GNUC_UNUSED)
{
    Parser *self = user_data;

    if (self->ignored == self->depth)
        self->ignored = 0;
    if (self->depth == 2)
        self->in_extension = false;
    self->field = FIELD_NONE;
    self->depth--;
    self->is_ended = self->depth == 0;
}

static void
take_text(GMarkupParseContext *context G_GNUC_UNUSED,
          const char *text,
          gsize len,
          gpointer user_data,
          GError **error)
{
    Parser *self = user_data;

    if (self->field != FIELD_NONE) {
        g_string_append_len(self->values[self->field], text, (gssize)len);
        return;
    }
    for (gsize i = 0; self->ignored == 0 && i < len; i++) {
        if (!g_ascii_isspace(text[i])) {
            fail(error, "text between elements");
            return;
        }
    }
}

/* Comments, processing instructions, DTD, CDATA: of these only the declaration in front is fine. */
static void
take_other(GMarkupParseContext *context G_GNUC_UNUSED,
           const char *text,
           gsize len,
           gpointer user_data,
           GError **error)
{
    static const char declaration[] = "<?xml ";
    Parser *self = user_data;

    if (self->depth > 0 || self->is_ended || len < strlen(declaration) ||
        strncmp(text, declaration, strlen(declaration)) != 0)
        fail(error, "markup that has no place in it");
}

static bool
run(Parser *self, const char *xml, size_t len)
{
    static const GMarkupParser functions = {
        start_element, end_element, take_text, take_other, NULL};
    g_autoptr(GMarkupParseContext) context =
        g_markup_parse_context_new(&functions, G_MARKUP_DEFAULT_FLAGS, self, NULL);

    return g_markup_parse_context_parse(context, xml, (gssize)len, NULL) &&
           g_markup_parse_context_end_parse(context, NULL) && self->is_ended;
}

/* As a `kid` of the key-delivery protocol. */
static bool
check_b_tid(const char *b_tid)
{
    size_t len = strlen(b_tid);
    const char *at = strchr(b_tid, '@');

    for (size_t i = 0; i < len; i++) {
        if (b_tid[i] < 0x21 || b_tid[i] > 0x7e)
            return false;
    }

    return len >= B_TID_MIN && len <= B_TID_MAX && at && at != b_tid && at[1] != '\0' &&
           !strchr(at + 1, '@');
}

static bool
take_values(const Parser *self, AkmaGbaInfo *ret, GError **error)
{
    const GString *b_tid = self->values[FIELD_B_TID];
    const GString *lifetime = self->values[FIELD_LIFETIME];
    const GString *current_time = self->values[FIELD_CURRENT_TIME];
    AkmaGbaInfo info = {0};

    if (!b_tid || !lifetime)
        return refuse(error, "no B-TID or no lifetime");
    if (!check_b_tid(b_tid->str))
        return refuse(error, "its B-TID is none");
    if (lifetime->len >= sizeof info.lifetime_text ||
        !akma_gba_parse_time(lifetime->str, &info.lifetime))
        return refuse(error, "its lifetime is not a time in UTC");
    if (current_time && !akma_gba_parse_time(current_time->str, &info.current_time))
        return refuse(error, "its current time is not a time in UTC");

    g_strlcpy(info.b_tid, b_tid->str, sizeof info.b_tid);
    g_strlcpy(info.lifetime_text, lifetime->str, sizeof info.lifetime_text);
    *ret = info;

    return true;
}

bool
akma_gba_info_parse(const uint8_t *xml, size_t len, AkmaGbaInfo *ret, GError **error)
{
    const char *text = (const char *)xml;
    Parser parser = {0};
    bool ok;

    if (len == 0 || len > AKMA_GBA_INFO_MAX)
        return refuse(error, "its length");
    /* no entity, and with that nothing that grows */
    if (memchr(text, '&', len) || memchr(text, '\0', len))
        return refuse(error, "characters that have no place in it");

    ok = run(&parser, text, len) ? take_values(&parser, ret, error)
                                 : refuse(error, "it is not the XML that it should be");
    for (size_t i = 0; i < G_N_ELEMENTS(parser.values); i++) {
        if (parser.values[i])
            g_string_free(parser.values[i], TRUE);
    }
    g_free(parser.prefix);

    return ok;
}

/*= TS 24.109 C.1: currenttime tells how long the key is good for whatever our own clock says */
int64_t
akma_gba_info_get_left_s(const AkmaGbaInfo *self, int64_t now)
{
    int64_t since = self->current_time > 0 ? self->current_time : now;

    return MAX(self->lifetime - since, 0);
}
