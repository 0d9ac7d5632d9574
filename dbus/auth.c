/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/auth.h"

#include <unistd.h>

void
akma_caller_clear(AkmaCaller *self)
{
    g_clear_pointer(&self->gids, g_array_unref);
    if (self->process_fd > 0)
        close(self->process_fd);
    *self = (AkmaCaller){0};
}

static bool
is_in_group(const AkmaCaller *caller, gid_t gid)
{
    for (guint i = 0; caller->gids && i < caller->gids->len; i++) {
        if (g_array_index(caller->gids, gid_t, i) == gid)
            return true;
    }

    return false;
}

bool
akma_auth_may_get_key(const AkmaCaller *caller, const AkmaAuthRule *rule)
{
    if (!caller->known)
        return false;

    for (size_t i = 0; i < rule->n_uids; i++) {
        if (rule->uids[i] == caller->uid)
            return true;
    }
    for (size_t i = 0; i < rule->n_gids; i++) {
        if (is_in_group(caller, rule->gids[i]))
            return true;
    }

    return false;
}

bool
akma_auth_unit_may_get_key(const char *unit, const AkmaAuthRule *rule)
{
    return unit && rule->units && g_strv_contains(rule->units, unit);
}

bool
akma_auth_may_manage(const AkmaCaller *caller, uid_t own)
{
    return caller->known && (caller->uid == 0 || caller->uid == own);
}
