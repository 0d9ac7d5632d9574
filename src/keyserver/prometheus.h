/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* prometheus: figures in the text format of Prometheus, version 0.0.4; pure. */
#pragma once

#include "keyserver/metrics.h"

G_BEGIN_DECLS

/* Results that never came are left out, ok and histograms never. Returns: (transfer full). */
GString *akma_prometheus_text(const AkmaTotals *totals, const AkmaFleet *fleet);

G_END_DECLS
