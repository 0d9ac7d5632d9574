/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/state.h"

const char *
akma_sim_state_get_name(AkmaSimState state)
{
    switch (state) {
    case AKMA_SIM_UNKNOWN:
        return "unknown";
    case AKMA_SIM_ABSENT:
        return "absent";
    case AKMA_SIM_PIN_REQUIRED:
        return "pin-required";
    case AKMA_SIM_BLOCKED:
        return "blocked";
    case AKMA_SIM_READY:
        return "ready";
    }

    return "unknown";
}

const char *
akma_registration_get_name(AkmaRegistration registration)
{
    switch (registration) {
    case AKMA_REGISTRATION_UNKNOWN:
        return "unknown";
    case AKMA_REGISTRATION_IDLE:
        return "idle";
    case AKMA_REGISTRATION_SEARCHING:
        return "searching";
    case AKMA_REGISTRATION_DENIED:
        return "denied";
    case AKMA_REGISTRATION_HOME:
        return "home";
    case AKMA_REGISTRATION_ROAMING:
        return "roaming";
    }

    return "unknown";
}
