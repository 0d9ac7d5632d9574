/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/error.h"

#include <string.h>

#define NEXT "; next: "

typedef struct {
    AkmaError code;
    const char *name;
    const char *hint;
} Row;

static const Row rows[] = {
    {AKMA_ERROR_INTERNAL, "Internal", "this is a fault in akmad: report it with the log"},
    {AKMA_ERROR_INVALID_ARGUMENT, "InvalidArgument", "see what there is: --help"},
    {AKMA_ERROR_NOT_AUTHORIZED,
     "NotAuthorized",
     "a key is for users=, groups= and units= of the application, enroll and renew are for root or "
     "whom polkit allows them"},
    {AKMA_ERROR_CONFIG_INVALID, "ConfigInvalid", "correct the named file, then try again"},
    {AKMA_ERROR_NOT_RUNNING,
     "NotRunning",
     "see that the bus runs, then start the service: systemctl start akmad"},
    {AKMA_ERROR_NOT_READY, "NotReady", "wait for the key: akmactl watch APP, or get --wait"},
    {AKMA_ERROR_RATE_LIMITED, "RateLimited", "wait, then try again less often"},
    {AKMA_ERROR_NO_MODEM, "NoModem", "plug a modem in, or set device= in [modem]"},
    {AKMA_ERROR_MODEM_FAILED,
     "ModemFailed",
     "see whether another program holds the modem; plug it in again"},
    {AKMA_ERROR_NO_SIM, "NoSim", "insert a SIM"},
    {AKMA_ERROR_PIN_REQUIRED,
     "PinRequired",
     "set pin-file= in [modem], or take the PIN request off the SIM"},
    {AKMA_ERROR_SIM_BLOCKED, "SimBlocked", "unblock the SIM with its PUK in a telephone"},
    {AKMA_ERROR_ANCHOR_UNSUPPORTED,
     "AnchorUnsupported",
     "ask the operator for a USIM with the named service"},
    {AKMA_ERROR_ANCHOR_NOT_READY,
     "AnchorNotReady",
     "wait until the modem has registered on 5G; it is tried again by itself"},
    {AKMA_ERROR_ANCHOR_REJECTED,
     "AnchorRejected",
     "ask the operator whether the SIM is active, and with GBA whether it wants anchor=gba-u"},
    {AKMA_ERROR_SERVER_UNREACHABLE,
     "ServerUnreachable",
     "see whether the network is up and url= in [server] is right"},
    {AKMA_ERROR_SERVER_NOT_AUTHENTIC,
     "ServerNotAuthentic",
     "compare url= and ca-file= with the server's name, certificate and [server] name="},
    {AKMA_ERROR_SERVER_REFUSED, "ServerRefused", "read the server's log at this time"},
    {AKMA_ERROR_ANCHOR_KEY_UNKNOWN,
     "AnchorKeyUnknown",
     "let the modem register on 5G again; ask the operator whether AKMA is on for this SIM"},
    {AKMA_ERROR_NOT_ENTITLED,
     "NotEntitled",
     "let the server's operator run: akma-keyserver application allow ID TERMINAL"},
    {AKMA_ERROR_KEY_UNKNOWN, "KeyUnknown", "see the names that there are: akmactl list"},
    {AKMA_ERROR_KEY_REVOKED, "KeyRevoked", "ask the server's operator why the key was revoked"},
    {AKMA_ERROR_STORE_FAILED, "StoreFailed", "see whether the disk is full and the folder ours"},
    {AKMA_ERROR_UPSTREAM_FAILED, "UpstreamFailed", "ask the server's operator; it is tried again"},
};

GQuark
akma_error_quark(void)
{
    return g_quark_from_static_string("akma-error-quark");
}

static const Row *
find(const GError *error)
{
    if (error->domain == AKMA_ERROR) {
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
            if ((int)rows[i].code == error->code)
                return &rows[i];
        }
    }

    return &rows[0];
}

const char *
akma_error_get_name(const GError *error)
{
    return find(error)->name;
}

/* Only where no words of a peer are in a message: it could tell people what to do. */
static const char *
find_next(const GError *error)
{
    if (!g_error_matches(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED) &&
        !g_error_matches(error, AKMA_ERROR, AKMA_ERROR_SERVER_NOT_AUTHENTIC))
        return NULL;

    return strstr(error->message, NEXT);
}

const char *
akma_error_get_hint(const GError *error)
{
    const char *next = find_next(error);

    return next ? next + strlen(NEXT) : find(error)->hint;
}

char *
akma_error_dup_message(const GError *error)
{
    const char *next = find_next(error);

    return next ? g_strndup(error->message, (gsize)(next - error->message))
                : g_strdup(error->message);
}

int
akma_error_get_status(const GError *error)
{
    return error ? (int)find(error)->code : 0;
}

bool
akma_error_find(const char *dbus_name, AkmaError *ret_code)
{
    if (!dbus_name || !g_str_has_prefix(dbus_name, AKMA_ERROR_DBUS_PREFIX))
        return false;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].name, dbus_name + strlen(AKMA_ERROR_DBUS_PREFIX)) == 0) {
            *ret_code = rows[i].code;
            return true;
        }
    }

    return false;
}

bool
akma_error_get_row(unsigned index, AkmaError *ret_code, const char **ret_name)
{
    if (index >= G_N_ELEMENTS(rows))
        return false;

    *ret_code = rows[index].code;
    *ret_name = rows[index].name;

    return true;
}
