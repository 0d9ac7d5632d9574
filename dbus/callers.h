/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * callers: the credentials and limits of everybody who calls. Private to dbus/.
 *
 * The bus is asked once for each connection (its unique name is never given to another) and the
 * answer is dropped when the connection goes. Limits count for each uid.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "base/error.h"
#include "dbus/auth.h"

G_BEGIN_DECLS

typedef struct _AkmaCallers AkmaCallers;
typedef struct _AkmaCall AkmaCall;

AkmaCallers *akma_callers_new(sd_bus *bus);
/* Calls that still wait for their credentials go with it; those that were admitted do not. */
void akma_callers_free(AkmaCallers *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaCallers, akma_callers_free)

/* Takes @call; at once if the caller is known already. */
typedef void (*AkmaCallFunc)(AkmaCall *call, gpointer user_data);

/*
 * Answers @message itself with RateLimited or NotAuthorized (the bus knows nothing of the
 * caller), and logs that as refusals.h says; else @func gets the call. @application: what it is
 * about, for the log, NULL: none; borrowed as @user_data is. Returns: what a handler of sd-bus
 * returns.
 */
int akma_callers_admit(AkmaCallers *self,
                       sd_bus_message *message,
                       const char *application,
                       AkmaCallFunc func,
                       gpointer user_data);

/*
 * @user_data ends: calls that wait to be admitted to it are refused with @code and @why, and logged
 * as refusals.h says.
 */
void akma_callers_forget(AkmaCallers *self, gpointer user_data, AkmaError code, const char *why);

/* Counts as in flight until it is freed. */
void akma_call_free(AkmaCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaCall, akma_call_free)

const AkmaCaller *akma_call_get_caller(const AkmaCall *self);
/* With the arguments, and to reply to. Borrowed. */
sd_bus_message *akma_call_get_message(const AkmaCall *self);
/* Answers with @error (AKMA_ERROR). */
void akma_call_refuse(AkmaCall *self, const GError *error);

G_END_DECLS
