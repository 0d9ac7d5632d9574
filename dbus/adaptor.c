/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/adaptor.h"

#include <unistd.h>

void
akma_decision_clear(AkmaDecision *self)
{
    g_clear_pointer(&self->unit, g_free);
}

void
akma_adaptor_log(const AkmaCall *call, const AkmaDecision *decision, const char *result)
{
    const AkmaCaller *caller = akma_call_get_caller(call);

    akma_event_log(decision->event,
                   decision->application,
                   decision->kid,
                   "%s %s kid %s by uid %u%s%s pid %ld: %s",
                   decision->method,
                   decision->application ? decision->application : "-",
                   decision->kid ? decision->kid : "-",
                   caller->uid,
                   decision->unit ? " unit " : "",
                   decision->unit ? decision->unit : "",
                   (long)caller->pid,
                   result);
}

void
akma_adaptor_refuse(AkmaCall *call, AkmaError code, const char *message)
{
    g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, (int)code, message);

    akma_call_refuse(call, error);
}

bool
akma_adaptor_check_manager(AkmaCall *call, const char *method, const char *id)
{
    bool may = akma_auth_may_manage(akma_call_get_caller(call), getuid());
    AkmaDecision decision = {.method = method, .application = id};

    decision.event = may ? AKMA_EVENT_MANAGEMENT_ALLOWED : AKMA_EVENT_MANAGEMENT_REFUSED;
    akma_adaptor_log(call, &decision, may ? "allowed" : "not authorized");
    if (!may)
        akma_adaptor_refuse(
            call, AKMA_ERROR_NOT_AUTHORIZED, "only root and the agent's own user may do this");

    return may;
}

typedef struct {
    AkmaCall *call;
    AkmaEnrolledReply reply;
    char *id;
} Enrolling;

static void
enrolled(const GError *error, gpointer user_data)
{
    Enrolling *enrolling = user_data;

    if (error)
        akma_call_refuse(enrolling->call, error);
    else
        enrolling->reply(akma_call_get_message(enrolling->call), enrolling->id);
    akma_call_free(enrolling->call);
    g_free(enrolling->id);
    g_free(enrolling);
}

void
akma_adaptor_enroll(const AkmaAdaptorContext *context,
                    AkmaCall *call,
                    const char *id,
                    AkmaEnrolledReply reply)
{
    Enrolling *enrolling = g_new0(Enrolling, 1);

    enrolling->call = call;
    enrolling->reply = reply;
    enrolling->id = g_strdup(id);
    context->functions->enroll(context->agent, enrolling->id, enrolled, enrolling);
}
