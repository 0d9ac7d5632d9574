/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * port: AT commands over a file descriptor, one at a time, in the thread-default main context.
 *
 * A command that gets no answer in time fails; its answer may still come and would look like that
 * of the next one: so before the next command the port finds its step with the modem again and
 * drops what comes meanwhile.
 */
#pragma once

#include <glib.h>

#include "modem/at/parser.h"

G_BEGIN_DECLS

typedef struct _AkmaAtPort AkmaAtPort;

typedef struct {
    /* A line that no command asked for. */
    void (*unsolicited)(const char *line, gpointer user_data);
    /* The other end is away; once. What ran has failed already. */
    void (*gone)(gpointer user_data);
} AkmaAtPortEvents;

/* Owns @fd from now on, also on failure. NULL: AKMA_ERROR_INTERNAL. */
AkmaAtPort *akma_at_port_new(int fd,
                             unsigned timeout_ms,
                             const AkmaAtPortEvents *events,
                             gpointer user_data,
                             GError **error);
AkmaAtPort *akma_at_port_ref(AkmaAtPort *self);
void akma_at_port_unref(AkmaAtPort *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaAtPort, akma_at_port_unref)

/* Until the first answer: one try of a second, for a port that may be no modem's. */
void akma_at_port_be_brief(AkmaAtPort *self);

/* True: the line answers the command. It is overwritten after the call. */
typedef bool (*AkmaAtTake)(const char *line, size_t len, gpointer user_data);

/*
 * How a command ended: @error: AKMA_ERROR_NO_MODEM (gone before), AKMA_ERROR_MODEM_FAILED
 * (timeout, unplugged); else @ok, or the code of +CME ERROR (AKMA_AT_NO_CODE: plain ERROR).
 */
typedef void (*AkmaAtDone)(bool ok, int code, const GError *error, gpointer user_data);

/* @command without its CR. @take may be NULL. */
void akma_at_port_send(
    AkmaAtPort *self, const char *command, AkmaAtTake take, AkmaAtDone done, gpointer user_data);

/*
 * What this modem answers to AT+CGMI. With it the port knows for sure where an answer begins; ""
 * or nothing: it waits until the line is quiet.
 */
void akma_at_port_set_token(AkmaAtPort *self, const char *manufacturer);

/* What runs or waits fails; no event comes after. */
void akma_at_port_close(AkmaAtPort *self);

G_END_DECLS
