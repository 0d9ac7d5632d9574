/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/prometheus.h"

/* akma_metrics_bounds_us, as Prometheus writes numbers. */
static const char *const bounds[AKMA_METRICS_BUCKETS] = {
    "0.0005",
    "0.001",
    "0.0025",
    "0.005",
    "0.01",
    "0.025",
    "0.05",
    "0.1",
    "0.25",
    "0.5",
    "1.0",
    "2.5",
    "5.0",
    "10.0",
    "+Inf",
};

static void
put_head(GString *text, const char *name, const char *type, const char *help)
{
    g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_gauge(GString *text, const char *name, const char *help, uint64_t value)
{
    put_head(text, name, "gauge", help);
    g_string_append_printf(text, "%s %" G_GUINT64_FORMAT "\n", name, value);
}

/* A label value: \, " and line ends are escaped. Names come from a configuration. */
static void
put_value(GString *text, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n') {
            g_string_append(text, "\\n");
            continue;
        }
        if (*value == '\\' || *value == '"')
            g_string_append_c(text, '\\');
        g_string_append_c(text, *value);
    }
}

static void
put_exchanges(GString *text, const AkmaTotals *totals)
{
    put_head(text,
             "akma_exchanges_total",
             "counter",
             "Exchanges with terminals that ended, by kind of anchor, profile and result.");
    for (unsigned kind = 0; kind < AKMA_N_KINDS; kind++) {
        for (unsigned profile = 0; profile < AKMA_N_PROFILES; profile++) {
            for (unsigned result = 0; result < AKMA_N_RESULTS; result++) {
                uint64_t n = totals->exchanges[kind][profile][result];

                if (n == 0 && (result != AKMA_CAUSE_NONE || kind == AKMA_KIND_UNKNOWN))
                    continue;
                g_string_append_printf(
                    text,
                    "akma_exchanges_total{anchor=\"%s\",profile=\"%s\",result=\"%s\"} "
                    "%" G_GUINT64_FORMAT "\n",
                    akma_metrics_kind_name(kind),
                    akma_metrics_profile_name((AkmaProfile)profile),
                    akma_metrics_result_name(result),
                    n);
            }
        }
    }
}

static void
put_keys_answered(GString *text, const AkmaTotals *totals)
{
    put_head(text,
             "akma_keys_answered_total",
             "counter",
             "Second identifiers answered inside exchanges, by result.");
    for (unsigned result = 0; result < AKMA_N_RESULTS; result++) {
        if (totals->keys[result] > 0 || result == AKMA_CAUSE_NONE)
            g_string_append_printf(text,
                                   "akma_keys_answered_total{result=\"%s\"} %" G_GUINT64_FORMAT
                                   "\n",
                                   akma_metrics_result_name(result),
                                   totals->keys[result]);
    }
}

static void
put_limits(GString *text, const AkmaTotals *totals)
{
    put_head(text,
             "akma_connections_limited_total",
             "counter",
             "Connections that were refused, cut off or closed because of a limit, by the first.");
    for (unsigned limit = 0; limit < AKMA_N_LIMITS; limit++)
        g_string_append_printf(text,
                               "akma_connections_limited_total{limit=\"%s\"} %" G_GUINT64_FORMAT
                               "\n",
                               akma_metrics_limit_name(limit),
                               totals->limits[limit]);

    put_head(text,
             "akma_requests_limited_total",
             "counter",
             "Requests that found as many under way as may be, by whose.");
    for (AkmaRoom room = 0; room < AKMA_N_ROOMS; room++)
        g_string_append_printf(text,
                               "akma_requests_limited_total{limit=\"%s\"} %" G_GUINT64_FORMAT "\n",
                               akma_metrics_room_name(room),
                               totals->full[room]);
}

/* Whom this server asks, or who asks it, and how that is told. */
typedef struct {
    const char *label;
    const char *requests, *requests_help;
    const char *broken; /* NULL: that is theirs to know */
} Peers;

static const Peers anchors = {
    "anchor",
    "akma_anchor_requests_total",
    "Requests to anchors, by [anchor NAME] and result.",
    "akma_anchor_broken",
};

static const Peers providers = {
    "provider",
    "akma_provider_requests_total",
    "Requests to providers, by [provider NAME] and result.",
    "akma_provider_broken",
};

static const Peers consumers = {
    "consumer",
    "akma_consumer_requests_total",
    "Requests of other servers for keys, by [consumer NAME] and result.",
    NULL,
};

static void
put_peer(GString *text, const char *metric, const char *label, const char *name)
{
    g_string_append_printf(text, "%s{%s=\"", metric, label);
    put_value(text, name);
    g_string_append_c(text, '"');
}

static void
put_requests(GString *text, const Peers *peers, const AkmaPeerTotals *peer)
{
    for (unsigned result = 0; result < AKMA_N_RESULTS; result++) {
        if (peer->requests[result] == 0 && result != AKMA_CAUSE_NONE)
            continue;
        put_peer(text, peers->requests, peers->label, peer->name);
        g_string_append_printf(text,
                               ",result=\"%s\"} %" G_GUINT64_FORMAT "\n",
                               akma_metrics_result_name(result),
                               peer->requests[result]);
    }
}

static void
put_peers(GString *text, const Peers *peers, const AkmaPeersTotals *totals)
{
    put_head(text, peers->requests, "counter", peers->requests_help);
    for (unsigned i = 0; i < totals->n; i++)
        put_requests(text, peers, &totals->all[i]);
    if (!peers->broken)
        return;

    put_head(text, peers->broken, "gauge", "1: it failed too often and is left alone.");
    for (unsigned i = 0; i < totals->n; i++) {
        put_peer(text, peers->broken, peers->label, totals->all[i].name);
        g_string_append_printf(text, "} %d\n", totals->all[i].broken);
    }
}

static void
put_times(GString *text, const char *name, const char *help, const AkmaTimes *times)
{
    uint64_t n = 0;

    put_head(text, name, "histogram", help);
    for (unsigned i = 0; i < AKMA_METRICS_BUCKETS; i++) {
        n += times->buckets[i];
        g_string_append_printf(
            text, "%s_bucket{le=\"%s\"} %" G_GUINT64_FORMAT "\n", name, bounds[i], n);
    }
    g_string_append_printf(text,
                           "%s_sum %" G_GUINT64_FORMAT ".%06u\n%s_count %" G_GUINT64_FORMAT "\n",
                           name,
                           times->sum_us / 1000000,
                           (unsigned)(times->sum_us % 1000000),
                           name,
                           n);
}

static void
put_fleet(GString *text, const AkmaFleet *fleet)
{
    static const char *const states[] = {"current", "previous", "revoked"};

    /* no figure is better than a wrong zero */
    if (fleet->counted_s == 0)
        return;

    put_head(text, "akma_keys", "gauge", "Keys in the store, by application and state.");
    for (uint64_t i = 0; i < fleet->n_rows; i++) {
        for (unsigned state = 0; state < G_N_ELEMENTS(states); state++) {
            g_string_append(text, "akma_keys{application=\"");
            put_value(text, fleet->rows[i].application);
            g_string_append_printf(text,
                                   "\",state=\"%s\"} %" G_GUINT64_FORMAT "\n",
                                   states[state],
                                   fleet->rows[i].keys[state]);
        }
    }
    put_gauge(text, "akma_terminals", "Terminals in the store.", fleet->terminals);
    put_gauge(
        text, "akma_terminals_revoked", "Terminals that are revoked.", fleet->revoked_terminals);
    put_gauge(text, "akma_counted_time_seconds", "When these were counted.", fleet->counted_s);
}

GString *
akma_prometheus_text(const AkmaTotals *totals, const AkmaFleet *fleet)
{
    const AkmaGauges *gauges = &totals->gauges;
    GString *text = g_string_new(NULL);

    put_exchanges(text, totals);
    put_times(text,
              "akma_exchange_seconds",
              "From the first request to the second response, of exchanges that ended well.",
              &totals->exchange_times);
    put_keys_answered(text, totals);
    put_peers(text, &anchors, &totals->anchors);
    put_peers(text, &providers, &totals->providers);
    put_peers(text, &consumers, &totals->consumers);
    put_times(text, "akma_store_seconds", "Operations of the store.", &totals->store_times);
    put_gauge(text, "akma_sessions", "Open sessions.", gauges->sessions);
    put_gauge(text, "akma_connections", "Open connections.", gauges->connections);
    put_gauge(text,
              "akma_handshakes_waiting",
              "TLS handshakes that have begun and not ended.",
              gauges->handshakes);
    put_limits(text, totals);
    put_gauge(text, "akma_workers", "Workers that are to serve.", totals->workers);
    put_gauge(text, "akma_workers_serving", "Workers that serve.", totals->serving);
    put_gauge(
        text, "akma_store_up", "0: the store does not answer.", totals->store != AKMA_STORE_FAILED);

    put_fleet(text, fleet);

    return text;
}
