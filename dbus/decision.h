/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* decision: what a caller wanted, what became of it, and its line in the log. Private to dbus/. */
#pragma once

#include "base/event.h"
#include "dbus/callers.h"

G_BEGIN_DECLS

typedef struct {
    AkmaEvent event;
    const char *method;
    const char *application; /* NULL: none is meant; so is @kid */
    const char *kid;
    char *unit; /* of the caller, owned; NULL: in none, or not asked */
} AkmaDecision;

void akma_decision_clear(AkmaDecision *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaDecision, akma_decision_clear)

/* The one line about each decision. */
void akma_decision_log(const AkmaCall *call, const AkmaDecision *decision, const char *result);

G_END_DECLS
