/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fields: values of HTTP fields, as both clients and the server show them. Inside http only. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <string.h>

G_BEGIN_DECLS

#define AKMA_MEDIA_TYPE_SIZE 64

/*
 * "Application/JSON; charset=utf-8" -> "application/json". What does not fit becomes "?",
 * which is no media type and so never the expected one.
 */
static inline void
akma_field_media_type(const char *value, size_t len, char ret[static AKMA_MEDIA_TYPE_SIZE])
{
    const char *end = memchr(value, ';', len);
    size_t n = end ? (size_t)(end - value) : len;

    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    if (n >= AKMA_MEDIA_TYPE_SIZE) {
        value = "?";
        n = 1;
    }
    for (size_t i = 0; i < n; i++)
        ret[i] = g_ascii_tolower(value[i]);
    ret[n] = '\0';
}

/* Seconds of a Retry-After; 0 for a date, nonsense, or more than a day. */
static inline unsigned
akma_field_retry_after(const char *value, size_t len)
{
    unsigned seconds = 0;

    if (len == 0 || len > 5)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isdigit(value[i]))
            return 0;
        seconds = seconds * 10 + (unsigned)(value[i] - '0');
    }

    return seconds;
}

G_END_DECLS
