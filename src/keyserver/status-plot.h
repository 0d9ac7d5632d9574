/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* status-plot: the last hour as bars, one a minute, in SVG; pure. */
#pragma once

#include "keyserver/history.h"

G_BEGIN_DECLS

/*
 * Appends one <svg>. @title: plain text. @get: what a bar is as high as. @series: the class of the
 * bars, for the style sheet. @now_s: Unix time, for the axis, which is in UTC.
 */
void akma_status_plot(GString *html,
                      const AkmaHistory *history,
                      const char *title,
                      uint64_t (*get)(const AkmaMinute *minute),
                      const char *series,
                      int64_t now_s);

G_END_DECLS
