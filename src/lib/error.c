/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* error: the one table of akmad under the name of this library. */

#include <akmad/error.h>

#include <gio/gio.h>

#include "base/bus-error.h"
#include "base/error.h"
#include "lib/error-private.h"

GQuark
akmad_error_quark(void)
{
    return g_quark_from_static_string("akmad-error-quark");
}

#define VALUE(code, nick) G_DEFINE_ENUM_VALUE(AKMAD_ERROR_##code, nick)

G_DEFINE_ENUM_TYPE(AkmadError,
                   akmad_error,
                   VALUE(INTERNAL, "internal"),
                   VALUE(INVALID_ARGUMENT, "invalid-argument"),
                   VALUE(NOT_AUTHORIZED, "not-authorized"),
                   VALUE(CONFIG_INVALID, "config-invalid"),
                   VALUE(NOT_RUNNING, "not-running"),
                   VALUE(NOT_READY, "not-ready"),
                   VALUE(RATE_LIMITED, "rate-limited"),
                   VALUE(NO_MODEM, "no-modem"),
                   VALUE(MODEM_FAILED, "modem-failed"),
                   VALUE(NO_SIM, "no-sim"),
                   VALUE(PIN_REQUIRED, "pin-required"),
                   VALUE(SIM_BLOCKED, "sim-blocked"),
                   VALUE(ANCHOR_UNSUPPORTED, "anchor-unsupported"),
                   VALUE(ANCHOR_NOT_READY, "anchor-not-ready"),
                   VALUE(ANCHOR_REJECTED, "anchor-rejected"),
                   VALUE(SERVER_UNREACHABLE, "server-unreachable"),
                   VALUE(SERVER_NOT_AUTHENTIC, "server-not-authentic"),
                   VALUE(SERVER_REFUSED, "server-refused"),
                   VALUE(ANCHOR_KEY_UNKNOWN, "anchor-key-unknown"),
                   VALUE(NOT_ENTITLED, "not-entitled"),
                   VALUE(KEY_UNKNOWN, "key-unknown"),
                   VALUE(KEY_REVOKED, "key-revoked"),
                   VALUE(STORE_FAILED, "store-failed"),
                   VALUE(UPSTREAM_FAILED, "upstream-failed"))

/* The same error as the table knows it; to look at, not to keep. */
static GError
as_ours(const GError *error)
{
    GError ours = *error;

    ours.domain = AKMA_ERROR;

    return ours;
}

const gchar *
akmad_error_get_name(const GError *error)
{
    GError ours = as_ours(error);

    return error->domain == AKMAD_ERROR ? akma_error_get_name(&ours) : NULL;
}

const gchar *
akmad_error_get_next(const GError *error)
{
    GError ours = as_ours(error);

    return error->domain == AKMAD_ERROR ? akma_error_get_hint(&ours) : NULL;
}

gchar *
akmad_error_dup_message(const GError *error)
{
    GError ours = as_ours(error);

    return error->domain == AKMAD_ERROR ? akma_error_dup_message(&ours) : g_strdup(error->message);
}

void
akma_lib_error_take(GError *local, GError **error)
{
    GError *ours = NULL;

    akma_bus_error_take(local, &ours);
    if (ours->domain == AKMA_ERROR)
        ours->domain = AKMAD_ERROR;
    g_propagate_error(error, ours);
}

GError *
akma_lib_error_new_of_name(const char *name, const char *text)
{
    GError *error = NULL;

    if (*name == '\0' && *text == '\0')
        return NULL;
    akma_lib_error_take(g_dbus_error_new_for_dbus_error(name, text), &error);

    return error;
}
