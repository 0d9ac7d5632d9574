/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * auth: who may do what. All policy of the bus stands here; deny by default.
 *
 * A caller is what the bus recorded when it connected: never /proc, never what it says itself. Its
 * unit alone is read from /proc, as unit.h says.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct {
    bool known; /* false: the bus told nothing; may do nothing */
    uid_t uid;
    pid_t pid;      /* for the log and the unit; 0: not told */
    int process_fd; /* a pidfd, owned; 0: not told */
    GArray *gids;   /* gid_t: primary and supplementary; NULL: not told */
} AkmaCaller;

void akma_caller_clear(AkmaCaller *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaCaller, akma_caller_clear)

/* users=, groups= and units= of one application. All empty: nobody. */
typedef struct {
    const uid_t *uids;
    size_t n_uids;
    const gid_t *gids;
    size_t n_gids;
    const char *const *units; /* NULL: none */
} AkmaAuthRule;

/* GetKey and GetKeyVersion, by user and group. Nobody is above the rule, uid 0 neither. */
bool akma_auth_may_get_key(const AkmaCaller *caller, const AkmaAuthRule *rule);
/* The same, and the credential of a unit, by unit. @unit NULL: in none; may not. */
bool akma_auth_unit_may_get_key(const char *unit, const AkmaAuthRule *rule);

/* Enroll, Scan and Renew: uid 0 and @own, the agent's own uid. */
bool akma_auth_may_manage(const AkmaCaller *caller, uid_t own);

G_END_DECLS
