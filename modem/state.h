/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* state: what a modem says about its card and its network, in words that every transport shares. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
    AKMA_SIM_UNKNOWN, /* not asked yet */
    AKMA_SIM_ABSENT,
    AKMA_SIM_PIN_REQUIRED,
    AKMA_SIM_BLOCKED,
    AKMA_SIM_READY,
} AkmaSimState;

typedef enum {
    AKMA_REGISTRATION_UNKNOWN,
    AKMA_REGISTRATION_IDLE,
    AKMA_REGISTRATION_SEARCHING,
    AKMA_REGISTRATION_DENIED,
    AKMA_REGISTRATION_HOME,
    AKMA_REGISTRATION_ROAMING,
} AkmaRegistration;

typedef enum {
    AKMA_PROXY_AUTO,   /* through the proxy if there may be one that holds the port */
    AKMA_PROXY_ALWAYS, /* mbim-proxy, qmi-proxy */
    AKMA_PROXY_NEVER,
} AkmaProxy;

#define AKMA_PIN_MIN           4 /* digits; TS 31.101 9.5.1 */
#define AKMA_PIN_MAX           8
#define AKMA_PIN_TRIES_UNKNOWN (-1)

/* "unknown", "absent", "pin-required", "blocked", "ready"; borrowed for ever. */
const char *akma_sim_state_get_name(AkmaSimState state);

/* "unknown", "idle", "searching", "denied", "home", "roaming"; borrowed for ever. */
const char *akma_registration_get_name(AkmaRegistration registration);

G_END_DECLS
