/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * status-page: the figures for a person: one page of HTML without scripts, that loads nothing
 * else; pure. Its policy allows its own style sheet and nothing besides.
 */
#pragma once

#include "keyserver/history.h"

G_BEGIN_DECLS

/* @server: its name. @now_s: Unix time. Returns: (transfer full). */
GString *akma_status_page(const char *server,
                          const AkmaTotals *totals,
                          const AkmaFleet *fleet,
                          const AkmaHistory *history,
                          int64_t now_s);

/* The value of Content-Security-Policy that goes with it. g_free(); NULL: no memory. */
char *akma_status_page_dup_policy(void);

G_END_DECLS
