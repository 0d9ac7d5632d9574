/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * clock-watch: tells when somebody set the system's clock. Ages count on CLOCK_BOOTTIME, which
 * nobody can set; but what is shown until a server has told the time, and whether certificates
 * are valid, hangs on that clock.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _AkmaClockWatch AkmaClockWatch;
typedef void (*AkmaClockWatchFunc)(gpointer user_data);

/* NULL: no descriptor left. */
AkmaClockWatch *akma_clock_watch_new(AkmaClockWatchFunc func, gpointer user_data);
void akma_clock_watch_free(AkmaClockWatch *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaClockWatch, akma_clock_watch_free)

G_END_DECLS
