/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/status-plot.h"

#define WIDTH     720
#define HEIGHT    170
#define LEFT      48 /* room for numbers */
#define RIGHT     8
#define TOP       10
#define BOTTOM    22 /* room for times */
#define BAR_GAP   2
#define TICKS     4  /* lines above the axis */
#define TIME_STEP 10 /* minutes between two times */

/* The least round number (1, 2, 5 times a power of ten, TICKS of them) that nothing exceeds. */
static uint64_t
get_step(uint64_t highest)
{
    uint64_t power = 1;

    for (;;) {
        static const uint64_t factors[] = {1, 2, 5};

        for (unsigned i = 0; i < G_N_ELEMENTS(factors); i++) {
            if (factors[i] * power * TICKS >= highest)
                return factors[i] * power;
        }
        if (power > UINT64_MAX / 1000)
            return power;
        power *= 10;
    }
}

static void
put_lines(GString *html, uint64_t step)
{
    for (unsigned i = 0; i <= TICKS; i++) {
        unsigned y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * i / TICKS;

        g_string_append_printf(html,
                               "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%u.5\" y2=\"%u.5\"/>"
                               "<text class=\"number\" x=\"%d\" y=\"%u\">%" G_GUINT64_FORMAT
                               "</text>\n",
                               i == 0 ? "axis" : "grid",
                               LEFT,
                               WIDTH - RIGHT,
                               y,
                               y,
                               LEFT - 6,
                               y + 4,
                               step * i);
    }
}

static void
put_time(GString *html, int64_t minute, double x)
{
    g_string_append_printf(html,
                           "<text class=\"time\" x=\"%.1f\" y=\"%d\">%02d:%02d</text>\n",
                           x,
                           HEIGHT - 6,
                           (int)(minute / 60 % 24),
                           (int)(minute % 60));
}

void
akma_status_plot(GString *html,
                 const AkmaHistory *history,
                 const char *title,
                 uint64_t (*get)(const AkmaMinute *minute),
                 const char *series,
                 int64_t now_s)
{
    const double slot = (double)(WIDTH - LEFT - RIGHT) / AKMA_HISTORY_MINUTES;
    uint64_t highest = 0;
    uint64_t total = 0;
    uint64_t step;

    for (unsigned ago = 0; ago < AKMA_HISTORY_MINUTES; ago++) {
        uint64_t n = get(akma_history_get(history, ago));

        highest = MAX(highest, n);
        total += n;
    }
    step = get_step(highest);

    g_string_append_printf(
        html,
        "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s: %" G_GUINT64_FORMAT
        " in the last hour, at most %" G_GUINT64_FORMAT " a minute\">\n",
        WIDTH,
        HEIGHT,
        title,
        total,
        highest);
    put_lines(html, step);
    for (unsigned ago = 0; ago < AKMA_HISTORY_MINUTES; ago++) {
        uint64_t n = get(akma_history_get(history, ago));
        int64_t minute = now_s / 60 - ago;
        double x = WIDTH - RIGHT - slot * (ago + 1);
        double height = (double)n / (double)(step * TICKS) * (HEIGHT - TOP - BOTTOM);

        if (n > 0)
            g_string_append_printf(
                html,
                "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1\">"
                "<title>%02d:%02d: %" G_GUINT64_FORMAT "</title></rect>\n",
                series,
                x + BAR_GAP / 2.0,
                HEIGHT - BOTTOM - MAX(height, 1.0),
                slot - BAR_GAP,
                MAX(height, 1.0),
                (int)(minute / 60 % 24),
                (int)(minute % 60),
                n);
        if (minute % TIME_STEP == 0)
            put_time(html, minute, x + slot / 2);
    }
    g_string_append(html, "</svg>\n");
}
