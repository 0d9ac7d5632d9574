/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/health.h"

#include <jansson.h>

bool
akma_health_is_well(const AkmaTotals *totals)
{
    return totals->serving == totals->workers && totals->store != AKMA_STORE_FAILED;
}

static const char *
get_store_name(AkmaStoreState state)
{
    switch (state) {
    case AKMA_STORE_UNKNOWN:
        return "unknown";
    case AKMA_STORE_OK:
        return "ok";
    case AKMA_STORE_FAILED:
        return "failed";
    }

    g_return_val_if_reached(NULL);
}

char *
akma_health_to_json(const AkmaTotals *totals)
{
    json_t *anchors = json_array();
    json_t *object;
    char *text;

    for (unsigned i = 0; i < totals->n_anchors; i++)
        json_array_append_new(anchors,
                              json_pack("{s:s,s:s}",
                                        "name",
                                        totals->anchors[i].name,
                                        "state",
                                        totals->anchors[i].broken ? "failing" : "ok"));
    object = json_pack("{s:b,s:{s:i,s:i},s:s,s:o,s:I,s:I,s:I}",
                       "healthy",
                       akma_health_is_well(totals),
                       "workers",
                       "configured",
                       (int)totals->workers,
                       "serving",
                       (int)totals->serving,
                       "store",
                       get_store_name(totals->store),
                       "anchors",
                       anchors,
                       "sessions",
                       (json_int_t)totals->gauges.sessions,
                       "connections",
                       (json_int_t)totals->gauges.connections,
                       "handshakes_waiting",
                       (json_int_t)totals->gauges.handshakes);
    text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);

    return text;
}
