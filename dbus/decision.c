/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/decision.h"

void
akma_decision_clear(AkmaDecision *self)
{
    g_clear_pointer(&self->unit, g_free);
}

void
akma_decision_log(const AkmaCall *call, const AkmaDecision *decision, const char *result)
{
    const AkmaCaller *caller = akma_call_get_caller(call);
    g_autofree char *who =
        caller->known
            ? g_strdup_printf("uid %u%s%s pid %ld",
                              caller->uid,
                              decision->unit ? " unit " : "",
                              decision->unit ? decision->unit : "",
                              (long)caller->pid)
            : g_strdup_printf("caller %s", sd_bus_message_get_sender(akma_call_get_message(call)));

    akma_event_log(decision->event,
                   decision->application,
                   decision->kid,
                   "%s %s kid %s by %s: %s",
                   decision->method,
                   decision->application ? decision->application : "-",
                   decision->kid ? decision->kid : "-",
                   who,
                   result);
}
