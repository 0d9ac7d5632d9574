/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * audit: who got which key when, and who changed what: one line of JSON an event.
 *
 * Members: time event terminal application kid cause address actor; null where one does not
 * apply; akma-keyserver.conf(5) says what each event means. A terminal is its terminal id, a kid
 * the name of an application key: nothing secret.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "proto/key-set.h"

G_BEGIN_DECLS

typedef struct _AkmaAudit AkmaAudit;

typedef struct {
    const char *event; /* one of those in audit.c */
    const char *terminal;
    const char *application;
    const char *kid;
    const char *cause;
    const char *address;
    const char *actor;
} AkmaAuditEvent;

/*
 * @file: appended to (0640); NULL: stderr, which under systemd is the journal; with @quiet
 * (a verb on somebody's terminal) the journal alone. Errors: AKMA_ERROR_CONFIG_INVALID.
 */
AkmaAudit *akma_audit_new(const char *file, bool quiet, GError **error);
void akma_audit_free(AkmaAudit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaAudit, akma_audit_free)

/* One write(2) of one line: several processes may share the file. */
void akma_audit_write(AkmaAudit *self, const AkmaAuditEvent *event);
/* One event for each key of @set and for each that was refused; @who: what they have in common. */
void akma_audit_write_answer(AkmaAudit *self, const AkmaAuditEvent *who, const AkmaKeySet *set);

G_END_DECLS
