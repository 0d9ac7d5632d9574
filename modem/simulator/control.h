/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* control: the Unix stream socket that tests drive the simulated modem by. */
#pragma once

#include "modem/simulator/verbs.h"

G_BEGIN_DECLS

typedef struct _AkmaSoftControl AkmaSoftControl;

/*
 * Listens at @path for this user alone, or, with @fd not -1, at a socket that was handed in.
 * A socket at @path that nobody listens at is replaced. Borrows @desk.
 * Errors: AKMA_ERROR_INVALID_ARGUMENT.
 */
AkmaSoftControl *akma_soft_control_new(const char *path,
                                       int fd,
                                       const AkmaSoftDesk *desk,
                                       GError **error);
void akma_soft_control_free(AkmaSoftControl *self); /* removes @path; NULL is fine */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftControl, akma_soft_control_free)

G_END_DECLS
