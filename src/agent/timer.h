/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* timer: a deadline on CLOCK_BOOTTIME, which goes on while the machine sleeps. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Milliseconds of CLOCK_BOOTTIME. */
int64_t akma_boottime_ms(void);
/* Milliseconds of CLOCK_REALTIME: Unix time, which may be wrong and may jump. */
int64_t akma_wall_ms(void);

typedef struct _AkmaTimer AkmaTimer;
typedef void (*AkmaTimerFunc)(gpointer user_data);

/* NULL: no descriptor left. */
AkmaTimer *akma_timer_new(AkmaTimerFunc func, gpointer user_data);
void akma_timer_free(AkmaTimer *self); /* NULL is fine; not from its own function */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaTimer, akma_timer_free)

/* Calls once at or after @boottime_ms; replaces what was set. */
void akma_timer_set(AkmaTimer *self, int64_t boottime_ms);
void akma_timer_stop(AkmaTimer *self);
bool akma_timer_is_set(const AkmaTimer *self);

G_END_DECLS
