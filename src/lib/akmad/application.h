/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <akmad/key.h>
#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * AkmadState:
 * @AKMAD_STATE_UNKNOWN: akmad is not there, or has no such application, or nothing is watched
 * @AKMAD_STATE_PENDING: no key yet; akmad is getting it
 * @AKMAD_STATE_READY: there is a key
 * @AKMAD_STATE_STALE: there is a key, but the server could not be asked in time whether it still
 *   holds
 * @AKMAD_STATE_REVOKED: the server took the key away
 * @AKMAD_STATE_FAILED: no key; akmad_application_dup_last_error() tells why
 */
typedef enum {
    AKMAD_STATE_UNKNOWN,
    AKMAD_STATE_PENDING,
    AKMAD_STATE_READY,
    AKMAD_STATE_STALE,
    AKMAD_STATE_REVOKED,
    AKMAD_STATE_FAILED,
} AkmadState;

#define AKMAD_TYPE_STATE (akmad_state_get_type())
GType akmad_state_get_type(void);

#define AKMAD_TYPE_APPLICATION (akmad_application_get_type())
G_DECLARE_FINAL_TYPE(AkmadApplication, akmad_application, AKMAD, APPLICATION, GObject)

/**
 * AkmadApplication:
 *
 * One application of akmad.conf(5), as this process sees it. Nothing is asked before the first
 * call; each call starts akmad if the bus can; a restart of akmad is survived. Keys are not kept
 * here.
 *
 * An object belongs to the thread that uses it; each thread may have its own.
 */

/**
 * AkmadApplication::key-changed:
 * @self: the application
 * @kid: name of the version that akmad_application_get_key() gives from now on
 *
 * After akmad_application_watch(): there is a version that was not told before, the present one
 * first. So a program that gets the key in this handler always has the newest, also when akmad
 * was away. In rare cases it comes twice for one version.
 */

/**
 * AkmadApplication::key-revoked:
 * @self: the application
 * @kid: name of the version that is gone
 *
 * After akmad_application_watch(): stop using this version, and wipe it. The server took it away,
 * or there is another SIM in the gateway.
 */

/**
 * AkmadApplication::state:
 * @self: the application
 * @state: its state now
 *
 * After akmad_application_watch(): the state is another one.
 */

/**
 * akmad_application_new:
 * @name: name of an [application NAME] section
 *
 * On the system bus, over a connection of its own: when that closes this program goes on. Does
 * not ask anything, and cannot fail.
 *
 * Returns: (transfer full): a new object
 */
AkmadApplication *akmad_application_new(const gchar *name);

/**
 * akmad_application_new_for_connection:
 * @connection: (transfer none): a connection to a message bus
 * @name: name of an [application NAME] section
 *
 * As akmad_application_new(), over a connection that is there already.
 *
 * Returns: (transfer full): a new object
 */
AkmadApplication *akmad_application_new_for_connection(GDBusConnection *connection,
                                                       const gchar *name);

/**
 * akmad_application_get_name:
 * @self: the application
 *
 * Returns: (transfer none): its name
 */
const gchar *akmad_application_get_name(AkmadApplication *self);

/**
 * akmad_application_get_key:
 * @self: the application
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Gets the current version. Waits for akmad's answer, at most 25 s, and runs no main loop; akmad
 * itself does not wait for a key, but answers %AKMAD_ERROR_NOT_READY.
 *
 * Errors: %AKMAD_ERROR_NOT_RUNNING, %AKMAD_ERROR_NOT_AUTHORIZED, %AKMAD_ERROR_NOT_READY,
 * %AKMAD_ERROR_KEY_REVOKED, %AKMAD_ERROR_KEY_UNKNOWN (no such application),
 * %AKMAD_ERROR_RATE_LIMITED, %AKMAD_ERROR_INTERNAL, %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full): the key
 */
AkmadKey *akmad_application_get_key(AkmadApplication *self,
                                    GCancellable *cancellable,
                                    GError **error);

/**
 * akmad_application_get_key_async:
 * @self: the application
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called in the thread-default main context of this call
 * @user_data: for @callback
 *
 * As akmad_application_get_key(), without waiting.
 */
void akmad_application_get_key_async(AkmadApplication *self,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);

/**
 * akmad_application_get_key_finish:
 * @self: the application
 * @result: what the callback was given
 * @error: return location for an error, as of akmad_application_get_key()
 *
 * Returns: (transfer full): the key
 */
AkmadKey *akmad_application_get_key_finish(AkmadApplication *self,
                                           GAsyncResult *result,
                                           GError **error);

/**
 * akmad_application_get_key_version:
 * @self: the application
 * @kid: name of a version
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Gets the current version, or the one before within its grace time, by its name: for a peer that
 * has not rotated yet.
 *
 * Errors: those of akmad_application_get_key(), %AKMAD_ERROR_KEY_UNKNOWN also if there is no such
 * version or its grace time is over, %AKMAD_ERROR_INVALID_ARGUMENT.
 *
 * Returns: (transfer full): the key
 */
AkmadKey *akmad_application_get_key_version(AkmadApplication *self,
                                            const gchar *kid,
                                            GCancellable *cancellable,
                                            GError **error);

/**
 * akmad_application_get_key_version_async:
 * @self: the application
 * @kid: name of a version
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called in the thread-default main context of this call
 * @user_data: for @callback
 *
 * As akmad_application_get_key_version(), without waiting.
 */
void akmad_application_get_key_version_async(AkmadApplication *self,
                                             const gchar *kid,
                                             GCancellable *cancellable,
                                             GAsyncReadyCallback callback,
                                             gpointer user_data);

/**
 * akmad_application_get_key_version_finish:
 * @self: the application
 * @result: what the callback was given
 * @error: return location for an error, as of akmad_application_get_key_version()
 *
 * Returns: (transfer full): the key
 */
AkmadKey *akmad_application_get_key_version_finish(AkmadApplication *self,
                                                   GAsyncResult *result,
                                                   GError **error);

/**
 * akmad_application_watch:
 * @self: the application
 *
 * Begins to emit the signals, in the thread-default main context of this call, from the next turn
 * of its loop on, until akmad_application_unwatch() or the last unref. Asks the bus to start
 * akmad once; after that, and when akmad or the bus is gone, waits until it is there again. Does
 * nothing if it is watched already. Connect the signals first.
 */
void akmad_application_watch(AkmadApplication *self);

/**
 * akmad_application_unwatch:
 * @self: the application
 *
 * No signal comes after it. The state is unknown.
 */
void akmad_application_unwatch(AkmadApplication *self);

/**
 * akmad_application_get_state:
 * @self: the application
 *
 * Returns: the state that ::state told last
 */
AkmadState akmad_application_get_state(AkmadApplication *self);

/**
 * akmad_application_dup_last_error:
 * @self: the application
 *
 * What went wrong last when akmad tried to get this key, while the application is watched.
 *
 * Returns: (transfer full) (nullable): an error of %AKMAD_ERROR; %NULL: nothing, or not known
 */
GError *akmad_application_dup_last_error(AkmadApplication *self);

G_END_DECLS
