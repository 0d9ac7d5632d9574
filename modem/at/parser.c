/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/parser.h"

#include <openssl/crypto.h>
#include <string.h>

void
akma_at_parser_init(AkmaAtParser *self, char *buffer, size_t size)
{
    g_return_if_fail(size > 1);

    *self = (AkmaAtParser){.buffer = buffer, .size = size};
}

void
akma_at_parser_clear(AkmaAtParser *self)
{
    OPENSSL_cleanse(self->buffer, self->size);
    self->start = self->next = self->end = 0;
    self->is_dropping = false;
}

/* Overwrites the line that was out. */
static void
wipe_used(AkmaAtParser *self)
{
    if (self->next > self->start)
        OPENSSL_cleanse(self->buffer + self->start, self->next - self->start);
    self->start = self->next;
}

char *
akma_at_parser_room(AkmaAtParser *self, size_t *ret_len)
{
    size_t kept;

    wipe_used(self);
    kept = self->end - self->start;
    if (self->start > 0) {
        memmove(self->buffer, self->buffer + self->start, kept);
        OPENSSL_cleanse(self->buffer + kept, self->end - kept);
        self->start = self->next = 0;
        self->end = kept;
    }
    if (self->end == self->size) {
        akma_at_parser_clear(self);
        self->is_dropping = true;
    }

    *ret_len = self->size - self->end;

    return self->buffer + self->end;
}

void
akma_at_parser_add(AkmaAtParser *self, size_t len)
{
    g_return_if_fail(len <= self->size - self->end);

    self->end += len;
}

static int
parse_code(const char *text)
{
    /*= TS 27.007 9.2: +CME ERROR, numeric or verbose */
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        {"operation not allowed", AKMA_CME_NOT_ALLOWED},
        {"operation not supported", AKMA_CME_NOT_SUPPORTED},
        {"SIM not inserted", AKMA_CME_SIM_ABSENT},
        {"SIM PIN required", AKMA_CME_PIN_REQUIRED},
        {"SIM PUK required", AKMA_CME_PUK_REQUIRED},
        {"SIM failure", AKMA_CME_SIM_FAILURE},
        {"SIM busy", AKMA_CME_SIM_BUSY},
        {"incorrect password", AKMA_CME_PASSWORD},
        {"not found", AKMA_CME_NOT_FOUND},
    };
    char *rest;
    guint64 number;

    while (*text == ' ')
        text++;
    if (g_ascii_isdigit(*text)) {
        number = g_ascii_strtoull(text, &rest, 10);
        return *rest == '\0' && number <= 9999 ? (int)number : AKMA_CME_UNKNOWN;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (g_ascii_strcasecmp(text, rows[i].text) == 0)
            return rows[i].code;
    }

    return AKMA_CME_UNKNOWN;
}

static void
classify(AkmaAtLine *line)
{
    static const char cme[] = "+CME ERROR:";
    static const char cms[] = "+CMS ERROR:";

    line->type = AKMA_AT_TEXT;
    line->code = AKMA_AT_NO_CODE;

    if (g_str_equal(line->text, "OK")) {
        line->type = AKMA_AT_OK;
    } else if (g_str_equal(line->text, "ERROR") || g_str_equal(line->text, "COMMAND NOT SUPPORT") ||
               g_str_has_prefix(line->text, cms)) {
        line->type = AKMA_AT_ERROR;
    } else if (g_str_has_prefix(line->text, cme)) {
        line->type = AKMA_AT_ERROR;
        line->code = parse_code(line->text + strlen(cme));
    }
}

/* NULs are noise of the port, blanks at both ends decoration. */
static void
tidy(char *text, size_t raw_len, AkmaAtLine *ret)
{
    size_t len = 0;
    size_t from = 0;

    for (size_t i = 0; i < raw_len; i++) {
        if (text[i] != '\0')
            text[len++] = text[i];
    }
    while (len > 0 && g_ascii_isspace(text[len - 1]))
        len--;
    while (from < len && g_ascii_isspace(text[from]))
        from++;

    OPENSSL_cleanse(text + len, raw_len - len + 1); /* one more: the end of line */
    ret->text = text + from;
    ret->len = len - from;
}

bool
akma_at_parser_next(AkmaAtParser *self, AkmaAtLine *ret)
{
    wipe_used(self);

    for (size_t i = self->start; i < self->end; i++) {
        bool was_dropping = self->is_dropping;

        if (self->buffer[i] != '\r' && self->buffer[i] != '\n')
            continue;

        tidy(self->buffer + self->start, i - self->start, ret);
        self->next = i + 1;
        self->is_dropping = false;
        if (was_dropping) {
            *ret = (AkmaAtLine){.type = AKMA_AT_OVERLONG, .text = "", .code = AKMA_AT_NO_CODE};
            return true;
        }
        if (ret->len > 0) {
            classify(ret);
            return true;
        }
        wipe_used(self);
    }

    return false;
}
