/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * error: the one error domain of akmad.
 *
 * A code is at once the exit status of every program and, through the table in
 * error.c, one D-Bus name (org.akmad1.Error.*) and one "what to do next".
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define AKMA_ERROR             (akma_error_quark())
#define AKMA_ERROR_DBUS_PREFIX "org.akmad1.Error."

typedef enum {
    AKMA_ERROR_INTERNAL = 1,            /* our bug, or no memory */
    AKMA_ERROR_INVALID_ARGUMENT = 2,    /* also wrong usage */
    AKMA_ERROR_NOT_AUTHORIZED = 4,      /* the caller may not */
    AKMA_ERROR_CONFIG_INVALID = 6,      /* a file of ours does not say what it should */
    AKMA_ERROR_NOT_RUNNING = 7,         /* the bus or the admin socket is not there */
    AKMA_ERROR_NOT_READY = 8,           /* no key yet */
    AKMA_ERROR_RATE_LIMITED = 9,        /* too many calls; wait */
    AKMA_ERROR_NO_MODEM = 10,           /* no device */
    AKMA_ERROR_MODEM_FAILED = 11,       /* timeout, unplugged, garbled, no channel left */
    AKMA_ERROR_NO_SIM = 12,             /* no card */
    AKMA_ERROR_PIN_REQUIRED = 13,       /* the card waits for its PIN */
    AKMA_ERROR_SIM_BLOCKED = 14,        /* PIN or PUK blocked */
    AKMA_ERROR_ANCHOR_UNSUPPORTED = 15, /* the card lacks the service: will not change by itself */
    AKMA_ERROR_ANCHOR_NOT_READY = 16,   /* the file is there but empty */
    AKMA_ERROR_ANCHOR_REJECTED = 17, /* the card refused AUTN, or resynchronisation failed twice */
    AKMA_ERROR_SERVER_UNREACHABLE = 20,   /* DNS, TCP, TLS alert, timeout, 5xx */
    AKMA_ERROR_SERVER_NOT_AUTHENTIC = 21, /* certificate, name, or `sealed` does not open */
    AKMA_ERROR_SERVER_REFUSED = 22,       /* other 4xx, not_authentic, broken answer */
    AKMA_ERROR_ANCHOR_KEY_UNKNOWN =
        23,                       /* the operator does not know the identifier, after the re-read */
    AKMA_ERROR_NOT_ENTITLED = 24, /* this terminal may not have this key */
    AKMA_ERROR_KEY_UNKNOWN = 25,  /* no such application, version or terminal */
    AKMA_ERROR_KEY_REVOKED = 26,  /* taken away by the server */
    AKMA_ERROR_STORE_FAILED = 30, /* disk full, torn or tampered file, database gone */
    AKMA_ERROR_UPSTREAM_FAILED = 31, /* the server's own key provider failed */
} AkmaError;

GQuark akma_error_quark(void);

/* "NoSim"; "Internal" for a code or a domain that is not ours. Borrowed for ever. */
const char *akma_error_get_name(const GError *error);

/*
 * What the person who reads it can do next, one line without a full stop. Borrowed from @error.
 * Where the cause is known better than the code says, the message of a StoreFailed or
 * ServerNotAuthentic ends in "; next: what to do".
 */
const char *akma_error_get_hint(const GError *error);

/* The message without that end. g_free(). */
char *akma_error_dup_message(const GError *error);

/* The exit status of every program: the code, 1 for a foreign domain, 0 for NULL. */
int akma_error_get_status(const GError *error);

/* The code of org.akmad1.Error.*; false, and nothing is set: @dbus_name is none of ours, or NULL.
 */
bool akma_error_find(const char *dbus_name, AkmaError *ret_code);

/* Walks the table: true while @index has a row. Both strings are borrowed for ever. */
bool akma_error_get_row(unsigned index, AkmaError *ret_code, const char **ret_name);

G_END_DECLS
