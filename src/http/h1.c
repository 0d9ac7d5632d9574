/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/h1.h"

#include <string.h>

#define METHOD_MAX        16
#define LENGTH_DIGITS_MAX 15

static bool
is_token_char(char c)
{
    return g_ascii_isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_token(const char *text)
{
    size_t len = 0;

    while (is_token_char(text[len]))
        len++;

    return len > 0 && text[len] == '\0';
}

/*= RFC 9112 2.2: a line ends with CR LF; a bare CR or LF is invalid here */
AkmaH1Scan
akma_h1_scan(const char *bytes, size_t len, size_t seen, size_t *ret_len)
{
    if (len > 0 && bytes[0] == '\r')
        return AKMA_H1_BROKEN;

    for (size_t i = seen; i < len; i++) {
        bool after_cr = i > 0 && bytes[i - 1] == '\r';

        if ((bytes[i] == '\n') != after_cr)
            return AKMA_H1_BROKEN;
        if (g_ascii_iscntrl(bytes[i]) && (bytes[i] == '\0' || !strchr("\t\r\n", bytes[i])))
            return AKMA_H1_BROKEN;
        if (bytes[i] == '\n' && i >= 3 && bytes[i - 2] == '\n') {
            *ret_len = i + 1;
            return AKMA_H1_WHOLE;
        }
    }

    return AKMA_H1_PART;
}

/* Cuts at the next CR LF, which is there. */
static char *
take_line(char **next)
{
    char *line = *next;
    char *end = strstr(line, "\r\n");

    *end = '\0';
    *next = end + 2;

    return line;
}

/* HOST, HOST:PORT, [V6]:PORT: what they may consist of. */
static bool
is_authority(const char *text)
{
    size_t len = 0;

    while (g_ascii_isalnum(text[len]) || (text[len] != '\0' && strchr("-._:[]", text[len])))
        len++;

    return len > 0 && text[len] == '\0';
}

static bool
is_path(const char *text)
{
    if (*text != '/')
        return false;
    while (g_ascii_isgraph(*text) && *text != '#')
        text++;

    return *text == '\0';
}

/*= RFC 9112 3.2: origin-form; absolute-form, whose authority counts; "*" for OPTIONS */
static bool
parse_target(char *target, AkmaH1Head *head)
{
    size_t scheme = g_ascii_strncasecmp(target, "http://", 7) == 0    ? 7
                    : g_ascii_strncasecmp(target, "https://", 8) == 0 ? 8
                                                                      : 0;
    char *authority;
    size_t len;

    head->path = target;
    if (scheme == 0)
        return is_path(target) ||
               (strcmp(target, "*") == 0 && strcmp(head->method, "OPTIONS") == 0);

    /* one place to the left, over a "/", so that there is room for its end */
    authority = target + scheme - 1;
    len = strcspn(target + scheme, "/");
    head->path = target[scheme + len] ? target + scheme + len : "/";
    memmove(authority, target + scheme, len);
    authority[len] = '\0';
    head->authority = authority;

    return is_authority(authority) && is_path(head->path);
}

static unsigned
parse_request_line(char *line, AkmaH1Head *head)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;

    if (!version)
        return 400;
    *target++ = '\0';
    *version++ = '\0';
    head->method = line;
    if (!is_token(line) || strlen(line) > METHOD_MAX || !parse_target(target, head))
        return 400;

    /*= RFC 9112 2.3: HTTP-version = "HTTP/" DIGIT "." DIGIT */
    if (strncmp(version, "HTTP/", 5) != 0 || !g_ascii_isdigit(version[5]) || version[6] != '.' ||
        !g_ascii_isdigit(version[7]) || version[8] != '\0')
        return 400;

    return strcmp(version, "HTTP/1.1") == 0 ? 0 : 505;
}

static bool
parse_length(const char *text, uint64_t *ret)
{
    size_t len = strlen(text);

    if (len == 0 || len > LENGTH_DIGITS_MAX || strspn(text, "0123456789") != len)
        return false;
    *ret = g_ascii_strtoull(text, NULL, 10);

    return true;
}

static bool
has_close(const char *list)
{
    g_auto(GStrv) options = g_strsplit(list, ",", -1);

    for (size_t i = 0; options[i]; i++) {
        if (g_ascii_strcasecmp(g_strstrip(options[i]), "close") == 0)
            return true;
    }

    return false;
}

/* What is collected of the fields; those that may stand there once only. */
typedef struct {
    const char *host, *length, *encoding, *expect;
    AkmaH1Head *head;
} Fields;

static unsigned
take_field(Fields *self, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } once[] = {
        {"host", &self->host},
        {"content-length", &self->length},
        {"transfer-encoding", &self->encoding},
        {"expect", &self->expect},
        {"content-type", &self->head->content_type},
        {"content-encoding", &self->head->content_encoding},
        {"authorization", &self->head->authorization},
        {"user-agent", &self->head->user_agent},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(once); i++) {
        if (g_ascii_strcasecmp(name, once[i].name) != 0)
            continue;
        if (*once[i].place)
            return 400;
        *once[i].place = value;
    }
    if (g_ascii_strcasecmp(name, "connection") == 0 && has_close(value))
        self->head->close = true;

    return 0;
}

/*= RFC 9112 5.1, 5.2: no white space before the colon, no folded line */
static unsigned
parse_field(Fields *fields, char *line)
{
    char *value = strchr(line, ':');
    size_t len;

    if (!value)
        return 400;
    *value++ = '\0';
    if (!is_token(line))
        return 400;
    value += strspn(value, " \t");
    for (len = strlen(value); len > 0 && strchr(" \t", value[len - 1]); len--)
        value[len - 1] = '\0';

    return take_field(fields, line, value);
}

/*= RFC 9112 3.2, 6.1, 6.3: one Host; a body of a known length or none */
static unsigned
check_fields(const Fields *fields, AkmaH1Head *head)
{
    if (!fields->host || !is_authority(fields->host))
        return 400;
    if (!head->authority)
        head->authority = fields->host;
    if (fields->encoding)
        return fields->length ? 400 : 411;
    if (fields->length && !parse_length(fields->length, &head->body_len))
        return 400;

    /* who asks first may as well send: a body that is too long is refused by its length */
    return fields->expect ? 417 : 0;
}

unsigned
akma_h1_parse(char *head, size_t len, AkmaH1Head *ret)
{
    AkmaH1Head result = {0};
    Fields fields = {.head = &result};
    char *next = head;
    unsigned status;
    size_t n = 0;

    g_return_val_if_fail(len >= 4 && strncmp(head + len - 4, "\r\n\r\n", 4) == 0, 400);

    head[len - 2] = '\0'; /* instead of the empty line */
    status = parse_request_line(take_line(&next), &result);
    while (status == 0 && *next) {
        if (++n > AKMA_H1_FIELDS_MAX)
            return 431;
        status = parse_field(&fields, take_line(&next));
    }
    if (status == 0)
        status = check_fields(&fields, &result);
    if (status == 0)
        *ret = result;

    return status;
}

static const char *
get_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } known[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (known[i].status == status)
            return known[i].reason;
    }

    return ""; /* RFC 9112 4: may be absent */
}

static void
put_text(AkmaWriter *writer, const char *text)
{
    akma_writer_put(writer, text, strlen(text));
}

void
akma_h1_put_status(AkmaWriter *writer, unsigned status)
{
    char line[64];

    g_snprintf(line, sizeof line, "HTTP/1.1 %03u %s\r\n", status, get_reason(status));
    put_text(writer, line);
}

void
akma_h1_put_field(AkmaWriter *writer, const char *name, const char *value)
{
    /* an answer that ends sooner than it was meant to would begin another */
    if (!is_token(name) || strpbrk(value, "\r\n"))
        writer->bad = true;
    put_text(writer, name);
    put_text(writer, ": ");
    put_text(writer, value);
    put_text(writer, "\r\n");
}

void
akma_h1_put_date(AkmaWriter *writer, int64_t unix_s)
{
    /* strftime() would ask the locale, and time_t may end in 2038 */
    static const char days[][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char months[][4] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(unix_s);
    char text[64];

    if (!date)
        return;
    g_snprintf(text,
               sizeof text,
               "%s, %02d %s %04d %02d:%02d:%02d GMT",
               days[g_date_time_get_day_of_week(date) - 1],
               g_date_time_get_day_of_month(date),
               months[g_date_time_get_month(date) - 1],
               g_date_time_get_year(date),
               g_date_time_get_hour(date),
               g_date_time_get_minute(date),
               g_date_time_get_second(date));
    akma_h1_put_field(writer, "date", text);
}

void
akma_h1_put_end(AkmaWriter *writer)
{
    put_text(writer, "\r\n");
}
