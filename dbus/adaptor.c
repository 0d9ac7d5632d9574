/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/adaptor.h"

void
akma_adaptor_refuse(AkmaCall *call, AkmaError code, const char *message)
{
    g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, (int)code, message);

    akma_call_refuse(call, error);
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
