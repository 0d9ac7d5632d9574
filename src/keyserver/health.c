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

static json_t *
peers_to_json(const AkmaPeersTotals *peers)
{
    json_t *array = json_array();

    for (unsigned i = 0; i < peers->n; i++)
        json_array_append_new(array,
                              json_pack("{s:s,s:s}",
                                        "name",
                                        peers->all[i].name,
                                        "state",
                                        peers->all[i].broken ? "failing" : "ok"));

    return array;
}

char *
akma_health_to_json(const AkmaTotals *totals)
{
    json_t *object;
    char *text;

    object = json_pack("{s:b,s:{s:i,s:i},s:s,s:o,s:o,s:I,s:I,s:I}",
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
                       peers_to_json(&totals->anchors),
                       "providers",
                       peers_to_json(&totals->providers),
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
