/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * managers: who may manage akmad. uid 0 and the agent's own user; of everybody else polkit is
 * asked, and where there is none, or it does not answer, nobody else may. Private to dbus/.
 */
#pragma once

#include "dbus/callers.h"

G_BEGIN_DECLS

typedef struct _AkmaManagers AkmaManagers;

AkmaManagers *akma_managers_new(sd_bus *bus);
/* Calls that still wait for polkit go with it. NULL is fine. */
void akma_managers_free(AkmaManagers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaManagers, akma_managers_free)

/*
 * Takes @call. @func gets it if its caller may do what polkit knows as @action, a name of
 * packaging/org.akmad1.policy; else it is refused. @method and @application (NULL: none is meant)
 * are for the log; @action and @method: for ever.
 */
void akma_managers_admit(AkmaManagers *self,
                         AkmaCall *call,
                         const char *action,
                         const char *method,
                         const char *application,
                         AkmaCallFunc func,
                         gpointer user_data);

/* @user_data ends: calls that wait to be admitted to it are refused with @code and @why, and
 * logged. */
void akma_managers_forget(AkmaManagers *self, gpointer user_data, AkmaError code, const char *why);

G_END_DECLS
