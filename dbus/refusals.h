/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * refusals: in the log, calls that are turned away before anybody looks at what they want: there
 * are too many, or the bus does not say whose they are. The first of a user for an application has
 * a line of its own at once; those that follow are counted, and their number is one line every
 * while. So none is left out, and whoever calls without end does not fill the journal. Private to
 * dbus/.
 */
#pragma once

#include "base/event.h"

#include <stdbool.h>
#include <sys/types.h>

G_BEGIN_DECLS

#define AKMA_REFUSALS_PERIOD_MS 10000
#define AKMA_REFUSALS_NOBODY    ((uid_t)-1) /* not known */

typedef struct _AkmaRefusals AkmaRefusals;

/* @period_ms: between two lines about the same. */
AkmaRefusals *akma_refusals_new(unsigned period_ms);
/* Logs what was counted and not said yet. */
void akma_refusals_free(AkmaRefusals *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaRefusals, akma_refusals_free)

/*
 * One call of @uid was turned away. @application NULL: none was meant. True: it is the first, log
 * it. False: it is counted.
 */
bool akma_refusals_is_first(AkmaRefusals *self,
                            AkmaEvent event,
                            uid_t uid,
                            const char *application);

G_END_DECLS
