/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* adaptor: what the adaptors of all objects share. Private to dbus/. */
#pragma once

#include "base/error.h"
#include "dbus/callers.h"
#include "dbus/decision.h"
#include "dbus/export.h"
#include "dbus/managers.h"
#include "dbus/service.h"

G_BEGIN_DECLS

#define AKMA_ROOT_PATH "/org/akmad1"

/* What each adaptor needs; owned by the service. */
typedef struct {
    sd_bus *bus;
    AkmaCallers *callers;
    AkmaManagers *managers;
    const AkmaServiceAgent *functions;
    gpointer agent;
} AkmaAdaptorContext;

void akma_adaptor_refuse(AkmaCall *call, AkmaError code, const char *message);

/* Enroll and Renew: asks the agent and answers when it is done. Takes @call. */
typedef void (*AkmaEnrolledReply)(sd_bus_message *call, const char *id);
void akma_adaptor_enroll(const AkmaAdaptorContext *context,
                         AkmaCall *call,
                         const char *id,
                         AkmaEnrolledReply reply);

G_END_DECLS
