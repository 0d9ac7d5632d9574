/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/status-page.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/text.h"
#include "keyserver/health.h"
#include "keyserver/status-plot.h"

#define REFRESH_S 15

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2330;--dim:#5c6675;--line:#dde2ea;--ground:#f5f7fa;"
    "--card:#fff;--good:#1a7f4b;--bad:#c0362c;--ok:#2f6fde;--okdim:#e3ecfd}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--dim:#98a2b3;--line:#2b3340;"
    "--ground:#12161d;--card:#1a202a;--good:#4cc38a;--bad:#ff8a80;--ok:#6ea2ff;--okdim:#22304a}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--ground);color:var(--ink);"
    "font:15px/1.45 system-ui,\"DejaVu Sans\",sans-serif}"
    "main{max-width:1060px;margin:0 auto;padding:24px 20px 40px}"
    "header{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 14px;margin-bottom:18px}"
    "h1{font-size:22px;margin:0}h2{font-size:15px;margin:0 0 10px}"
    "header p{margin:0 0 0 auto;color:var(--dim);font-size:13px}"
    ".badge{border-radius:999px;padding:2px 12px;font-weight:600;font-size:13px;color:#fff}"
    ".well{background:var(--good)}.unwell{background:var(--bad)}"
    "@media(prefers-color-scheme:dark){.badge{color:#12161d}}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(124px,1fr));gap:12px;"
    "margin:0 0 14px}"
    ".tiles div,section{background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:14px 16px}"
    ".tiles dt{color:var(--dim);font-size:13px}"
    ".tiles dd{margin:2px 0 0;font-size:24px;font-weight:600;font-variant-numeric:tabular-nums}"
    ".tiles small{display:block;font-size:12px;font-weight:400;color:var(--dim)}"
    "section{margin-bottom:14px}"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:0 14px}"
    "table{border-collapse:collapse;width:100%}"
    "th{text-align:left;font-weight:500;color:var(--dim);font-size:13px}"
    "th,td{padding:5px 8px 5px 0;border-bottom:1px solid var(--line)}"
    "tr:last-child td{border-bottom:0}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".none{color:var(--dim);margin:0}.state-bad{color:var(--bad);font-weight:600}"
    "svg{display:block;width:100%;height:auto}"
    "svg text{font-size:11px;fill:var(--dim)}"
    ".number{text-anchor:end}.time{text-anchor:middle}"
    ".grid{stroke:var(--line)}.axis{stroke:var(--dim)}"
    ".ok{fill:var(--ok)}.failed{fill:var(--bad)}"
    "footer{color:var(--dim);font-size:13px}";

char *
akma_status_page_dup_policy(void)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char text[AKMA_BASE64_LEN(SHA256_DIGEST_LENGTH) + 1];

    if (!SHA256((const uint8_t *)style, strlen(style), digest))
        return NULL;
    akma_base64_encode(digest, sizeof digest, text);

    return g_strdup_printf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; "
                           "form-action 'none'; frame-ancestors 'none'",
                           text);
}

static void
put_text(GString *html, const char *text)
{
    g_autofree char *escaped = g_markup_escape_text(text, -1);

    g_string_append(html, escaped);
}

static void
put_tile(GString *html, const char *name, uint64_t value, const char *more)
{
    g_string_append_printf(html,
                           "<div><dt>%s</dt><dd>%" G_GUINT64_FORMAT
                           "<small>%s</small></dd></div>\n",
                           name,
                           value,
                           more);
}

static void
put_head(GString *html, const char *server, const AkmaTotals *totals, int64_t now_s)
{
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(now_s);
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%d %H:%M:%S UTC");
    bool well = akma_health_is_well(totals);

    g_string_append_printf(html,
                           "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                           "<meta name=\"viewport\" content=\"width=device-width\">"
                           "<meta http-equiv=\"refresh\" content=\"%d\"><title>",
                           REFRESH_S);
    put_text(html, server);
    g_string_append_printf(
        html, "</title>\n<style>%s</style></head>\n<body><main><header><h1>", style);
    put_text(html, server);
    g_string_append_printf(
        html,
        "</h1><span class=\"badge %s\">%s</span><p><time>%s</time></p></header>\n",
        well ? "well" : "unwell",
        well ? "well" : "unwell",
        time);
}

static void
put_tiles(GString *html, const AkmaTotals *totals, const AkmaFleet *fleet)
{
    g_autofree char *of = g_strdup_printf("of %u serve", totals->workers);
    g_autofree char *revoked =
        g_strdup_printf("%" G_GUINT64_FORMAT " revoked", fleet->revoked_terminals);
    g_autofree char *waiting =
        g_strdup_printf("%" G_GUINT64_FORMAT " in the handshake", totals->gauges.handshakes);
    uint64_t keys = 0;

    for (uint64_t i = 0; i < fleet->n_rows; i++)
        keys += fleet->rows[i].keys[0];
    g_string_append(html, "<dl class=\"tiles\">\n");
    put_tile(html, "Workers", totals->serving, of);
    put_tile(html, "Open sessions", totals->gauges.sessions, "first key still here");
    put_tile(html, "Connections", totals->gauges.connections, waiting);
    if (fleet->counted_s > 0) {
        put_tile(html, "Terminals", fleet->terminals, revoked);
        put_tile(html, "Applications", fleet->applications, "in the store");
        put_tile(html, "Keys", keys, "current versions");
    }
    g_string_append(html, "</dl>\n");
    if (totals->store == AKMA_STORE_FAILED)
        g_string_append(
            html,
            "<section><p class=\"none state-bad\">The store does not answer.</p></section>\n");
}

static void
put_plots(GString *html, const AkmaHistory *history, int64_t now_s)
{
    g_string_append(html, "<section><h2>Exchanges that ended well, a minute</h2>\n");
    akma_status_plot(html, history, "Exchanges that ended well", akma_minute_get_ok, "ok", now_s);
    g_string_append(html, "</section>\n<section><h2>Refused or not finished, a minute</h2>\n");
    akma_status_plot(
        html, history, "Refused or not finished", akma_minute_get_failed, "failed", now_s);
    g_string_append(html, "</section>\n");
}

static void
put_refusals(GString *html, const AkmaHistory *history)
{
    uint64_t hour[AKMA_N_RESULTS] = {0};
    bool any = false;

    for (unsigned ago = 0; ago < AKMA_HISTORY_MINUTES; ago++) {
        const AkmaMinute *minute = akma_history_get(history, ago);

        for (unsigned i = AKMA_CAUSE_NONE + 1; i < AKMA_N_RESULTS; i++)
            hour[i] += minute->results[i] + minute->keys[i];
    }

    g_string_append(html, "<section><h2>Refusals in the last hour</h2>\n");
    for (unsigned i = AKMA_CAUSE_NONE + 1; i < AKMA_N_RESULTS; i++) {
        if (hour[i] == 0)
            continue;
        if (!any)
            g_string_append(html, "<table><tr><th>Cause</th><th class=\"n\">Number</th></tr>\n");
        any = true;
        g_string_append_printf(html,
                               "<tr><td>%s</td><td class=\"n\">%" G_GUINT64_FORMAT "</td></tr>\n",
                               akma_metrics_result_name(i),
                               hour[i]);
    }
    g_string_append(html, any ? "</table></section>\n" : "<p class=\"none\">None.</p></section>\n");
}

static void
put_anchors(GString *html, const AkmaTotals *totals)
{
    g_string_append(html, "<section><h2>Anchors</h2>\n");
    if (totals->anchors.n == 0)
        g_string_append(html, "<p class=\"none\">None was asked yet.</p>");
    else
        g_string_append(html,
                        "<table><tr><th>Name</th><th>State</th><th class=\"n\">Answered</th>"
                        "<th class=\"n\">Unavailable</th></tr>\n");
    for (unsigned i = 0; i < totals->anchors.n; i++) {
        const AkmaPeerTotals *anchor = &totals->anchors.all[i];
        uint64_t unavailable = anchor->requests[AKMA_CAUSE_ANCHOR_UNAVAILABLE];
        uint64_t answered = 0;

        for (unsigned j = 0; j < AKMA_RESULT_UNFINISHED; j++)
            answered += anchor->requests[j];
        g_string_append(html, "<tr><td>");
        put_text(html, anchor->name);
        g_string_append_printf(html,
                               "</td><td%s</td><td class=\"n\">%" G_GUINT64_FORMAT
                               "</td><td class=\"n\">%" G_GUINT64_FORMAT "</td></tr>\n",
                               anchor->broken ? " class=\"state-bad\">failing" : ">ok",
                               answered - unavailable,
                               unavailable);
    }
    g_string_append(html, totals->anchors.n > 0 ? "</table></section>\n" : "</section>\n");
}

static void
put_applications(GString *html, const AkmaFleet *fleet)
{
    if (fleet->n_rows == 0)
        return;

    g_string_append(html,
                    "<section><h2>Keys by application</h2>\n<table><tr><th>Application</th>"
                    "<th class=\"n\">Current</th><th class=\"n\">Previous</th>"
                    "<th class=\"n\">Revoked</th></tr>\n");
    for (uint64_t i = 0; i < fleet->n_rows; i++) {
        g_string_append(html, "<tr><td>");
        put_text(html, fleet->rows[i].application);
        g_string_append(html, "</td>");
        for (unsigned state = 0; state < 3; state++)
            g_string_append_printf(
                html, "<td class=\"n\">%" G_GUINT64_FORMAT "</td>", fleet->rows[i].keys[state]);
        g_string_append(html, "</tr>\n");
    }
    g_string_append(html, "</table></section>\n");
}

GString *
akma_status_page(const char *server,
                 const AkmaTotals *totals,
                 const AkmaFleet *fleet,
                 const AkmaHistory *history,
                 int64_t now_s)
{
    GString *html = g_string_new(NULL);

    put_head(html, server, totals, now_s);
    put_tiles(html, totals, fleet);
    put_plots(html, history, now_s);
    g_string_append(html, "<div class=\"pair\"><div>\n");
    put_refusals(html, history);
    g_string_append(html, "</div><div>\n");
    put_anchors(html, totals);
    put_applications(html, fleet);
    g_string_append_printf(
        html,
        "</div></div>\n<footer>Times are UTC. This page comes anew every %d s; "
        "the plots begin with the admin process.</footer></main></body></html>\n",
        REFRESH_S);

    return html;
}
