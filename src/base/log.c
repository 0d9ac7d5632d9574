/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    bool journal;
    GLogLevelFlags shown;
} Sink;

static const struct {
    const char *name;
    GLogLevelFlags shown;
} levels[] = {
    {"error", G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL},
    {"warning", G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING},
    {"info",
     G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE |
         G_LOG_LEVEL_INFO},
    {"debug", G_LOG_LEVEL_MASK},
};

static const char *
level_name(GLogLevelFlags level)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return "error";
    if (level & G_LOG_LEVEL_WARNING)
        return "warning";
    if (level & G_LOG_LEVEL_DEBUG)
        return "debug";

    return "info";
}

static const char *
field(const GLogField *fields, gsize n_fields, const char *key)
{
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, key) == 0 && fields[i].length < 0)
            return fields[i].value;
    }

    return "";
}

static GLogWriterOutput
write_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    const Sink *sink = user_data;
    struct timespec now;
    int of_day_s;

    if (!(level & sink->shown))
        return G_LOG_WRITER_HANDLED;
    if (sink->journal && g_log_writer_journald(level, fields, n_fields, NULL))
        return G_LOG_WRITER_HANDLED;

    clock_gettime(CLOCK_REALTIME, &now);
    of_day_s = (int)(now.tv_sec % (24 * 60 * 60));
    fprintf(stderr,
            "%02d:%02d:%02d.%03d %-7s %s: %s\n",
            of_day_s / 3600,
            of_day_s / 60 % 60,
            of_day_s % 60,
            (int)(now.tv_nsec / 1000000),
            level_name(level),
            field(fields, n_fields, "GLIB_DOMAIN"),
            field(fields, n_fields, "MESSAGE"));

    return G_LOG_WRITER_HANDLED;
}

bool
akma_log_init(const char *level)
{
    static Sink sink;

    for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
        if (g_strcmp0(level ? level : "info", levels[i].name) != 0)
            continue;
        sink.journal = g_log_writer_is_journald(STDERR_FILENO);
        sink.shown = levels[i].shown;
        g_log_set_writer_func(write_line, &sink, NULL);
        return true;
    }

    return false;
}
