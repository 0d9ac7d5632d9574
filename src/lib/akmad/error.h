/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * AKMAD_ERROR:
 *
 * Domain of every error of this library but %G_IO_ERROR_CANCELLED. Codes are of #AkmadError.
 */
#define AKMAD_ERROR      (akmad_error_quark())
#define AKMAD_TYPE_ERROR (akmad_error_get_type())

/**
 * AkmadError:
 * @AKMAD_ERROR_INTERNAL: a fault in akmad, an answer that is not one of akmad's, no memory that
 *   can be locked
 * @AKMAD_ERROR_INVALID_ARGUMENT: the name of a key version is none
 * @AKMAD_ERROR_NOT_AUTHORIZED: this process is not among users, groups and units of the application
 * @AKMAD_ERROR_CONFIG_INVALID: a configuration file of akmad is wrong
 * @AKMAD_ERROR_NOT_RUNNING: there is no bus, or no akmad on it and it does not start
 * @AKMAD_ERROR_NOT_READY: no key yet, or the key has expired; watch the application
 * @AKMAD_ERROR_RATE_LIMITED: too many calls
 * @AKMAD_ERROR_NO_MODEM: no modem
 * @AKMAD_ERROR_MODEM_FAILED: the modem does not answer as it should
 * @AKMAD_ERROR_NO_SIM: no SIM
 * @AKMAD_ERROR_PIN_REQUIRED: the SIM waits for its PIN
 * @AKMAD_ERROR_SIM_BLOCKED: PIN or PUK of the SIM are blocked
 * @AKMAD_ERROR_ANCHOR_UNSUPPORTED: the SIM has no service that a key can be derived with
 * @AKMAD_ERROR_ANCHOR_NOT_READY: the modem has not registered on 5G yet
 * @AKMAD_ERROR_ANCHOR_REJECTED: SIM and operator do not accept each other
 * @AKMAD_ERROR_SERVER_UNREACHABLE: the key server cannot be reached
 * @AKMAD_ERROR_SERVER_NOT_AUTHENTIC: the key server is not the one that is configured
 * @AKMAD_ERROR_SERVER_REFUSED: the key server refused the request
 * @AKMAD_ERROR_ANCHOR_KEY_UNKNOWN: the operator does not know the first key
 * @AKMAD_ERROR_NOT_ENTITLED: the key server does not let this gateway have the key
 * @AKMAD_ERROR_KEY_UNKNOWN: no such application, or no such version, or its grace time is over
 * @AKMAD_ERROR_KEY_REVOKED: the server took the key away: stop using it
 * @AKMAD_ERROR_STORE_FAILED: akmad cannot keep keys on its disk
 * @AKMAD_ERROR_UPSTREAM_FAILED: the key server could not get the key from its own provider
 *
 * What went wrong; the code is also the exit status of akmactl. The codes from
 * %AKMAD_ERROR_NO_MODEM on, but for %AKMAD_ERROR_KEY_UNKNOWN and %AKMAD_ERROR_KEY_REVOKED, are
 * not given by a call of this library: they come from akmad_application_dup_last_error().
 * More codes may be added.
 */
typedef enum {
    AKMAD_ERROR_INTERNAL = 1,
    AKMAD_ERROR_INVALID_ARGUMENT = 2,
    AKMAD_ERROR_NOT_AUTHORIZED = 4,
    AKMAD_ERROR_CONFIG_INVALID = 6,
    AKMAD_ERROR_NOT_RUNNING = 7,
    AKMAD_ERROR_NOT_READY = 8,
    AKMAD_ERROR_RATE_LIMITED = 9,
    AKMAD_ERROR_NO_MODEM = 10,
    AKMAD_ERROR_MODEM_FAILED = 11,
    AKMAD_ERROR_NO_SIM = 12,
    AKMAD_ERROR_PIN_REQUIRED = 13,
    AKMAD_ERROR_SIM_BLOCKED = 14,
    AKMAD_ERROR_ANCHOR_UNSUPPORTED = 15,
    AKMAD_ERROR_ANCHOR_NOT_READY = 16,
    AKMAD_ERROR_ANCHOR_REJECTED = 17,
    AKMAD_ERROR_SERVER_UNREACHABLE = 20,
    AKMAD_ERROR_SERVER_NOT_AUTHENTIC = 21,
    AKMAD_ERROR_SERVER_REFUSED = 22,
    AKMAD_ERROR_ANCHOR_KEY_UNKNOWN = 23,
    AKMAD_ERROR_NOT_ENTITLED = 24,
    AKMAD_ERROR_KEY_UNKNOWN = 25,
    AKMAD_ERROR_KEY_REVOKED = 26,
    AKMAD_ERROR_STORE_FAILED = 30,
    AKMAD_ERROR_UPSTREAM_FAILED = 31,
} AkmadError;

GQuark akmad_error_quark(void);
GType akmad_error_get_type(void);

/**
 * akmad_error_get_name:
 * @error: an error
 *
 * Returns: (nullable): its name in the table of akmad-bus(5), "NotReady"; %NULL if @error is not
 *   of %AKMAD_ERROR. Valid for ever.
 */
const gchar *akmad_error_get_name(const GError *error);

/**
 * akmad_error_get_next:
 * @error: an error
 *
 * What the person who reads it can do next: for the log, below the message. Where akmad knows the
 * cause better than the code says, the message ends in it: "; next: ...".
 *
 * Returns: (nullable): one line in English without a full stop; %NULL if @error is not of
 *   %AKMAD_ERROR. It may be a part of the message: valid as long as @error.
 */
const gchar *akmad_error_get_next(const GError *error);

/**
 * akmad_error_dup_message:
 * @error: an error
 *
 * The message without what is next, where it ends in that: for the line above that of
 * akmad_error_get_next(), so that nothing stands there twice.
 *
 * Returns: (transfer full): its message. g_free() it.
 */
gchar *akmad_error_dup_message(const GError *error);

G_END_DECLS
