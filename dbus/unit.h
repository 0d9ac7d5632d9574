/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* unit: which unit of systemd a caller belongs to. */
#pragma once

#include "dbus/auth.h"

G_BEGIN_DECLS

/*
 * Could a process belong to a unit of this name: a service, scope, socket, mount or swap, whole
 * and not a template?
 */
bool akma_unit_name_is_valid(const char *name);

/*
 * The system unit that the caller's process is in now; a unit of a user's own manager is
 * "user@UID.service" here. The process is held by a pidfd, that of the bus if it gave one, must
 * run as the uid that the bus recorded, and must still be alive once the unit was read: a pid
 * that another user has meanwhile gives nothing. Without a pidfd of the bus it may give the unit
 * of another process of the same user.
 *
 * Returns: (transfer full): NULL: in no unit, gone, of another user, or the bus told no pid.
 */
char *akma_unit_dup_of_caller(const AkmaCaller *caller);

G_END_DECLS
