/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * health: is this server well? All workers serve, and the store answers each of them.
 *
 * An anchor that fails is told, but does not make the server unwell: another server would not
 * reach it either, and a balancer must not turn all of them away.
 */
#pragma once

#include "keyserver/metrics.h"

G_BEGIN_DECLS

bool akma_health_is_well(const AkmaTotals *totals);

/* One object: what GET /healthz answers. Returns: malloc'ed; NULL: no memory. */
char *akma_health_to_json(const AkmaTotals *totals);

G_END_DECLS
