/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* adaptor: what the adaptors of all objects share. Private to dbus/. */
#pragma once

#include "base/error.h"
#include "base/event.h"
#include "dbus/callers.h"
#include "dbus/export.h"
#include "dbus/service.h"

G_BEGIN_DECLS

#define AKMA_ROOT_PATH "/org/akmad1"

/* What each adaptor needs; owned by the service. */
typedef struct {
    sd_bus *bus;
    AkmaCallers *callers;
    const AkmaServiceAgent *functions;
    gpointer agent;
} AkmaAdaptorContext;

/* What a caller wanted, and what became of it. */
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
void akma_adaptor_log(const AkmaCall *call, const AkmaDecision *decision, const char *result);

void akma_adaptor_refuse(AkmaCall *call, AkmaError code, const char *message);

/* Is the caller of @call a manager? If not it is refused. @id NULL: no application is meant. */
bool akma_adaptor_check_manager(AkmaCall *call, const char *method, const char *id);

/* Enroll and Renew: asks the agent and answers when it is done. Takes @call. */
typedef void (*AkmaEnrolledReply)(sd_bus_message *call, const char *id);
void akma_adaptor_enroll(const AkmaAdaptorContext *context,
                         AkmaCall *call,
                         const char *id,
                         AkmaEnrolledReply reply);

G_END_DECLS
