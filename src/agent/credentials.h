/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * credentials: the socket that LoadCredential= of a unit reads its key from.
 *
 * Unit and application stand in the address that systemd connects from. That is believed of
 * uid 0 alone; the unit must stand in units= of the application. A key that is not there yet is
 * waited for. Who is refused sees the end of the connection and not one byte, and one line in the
 * log says what to change.
 */
#pragma once

#include "agent/config.h"
#include "store/store.h"

G_BEGIN_DECLS

typedef struct _AkmaCredentials AkmaCredentials;

/* As AkmaServiceAgent.peek_key. */
typedef const AkmaStoredKey *(*AkmaCredentialsPeek)(gpointer agent,
                                                    const char *application,
                                                    const char *kid,
                                                    GError **error);

/*
 * The socket that systemd passed, else one that is bound to credential-socket=, if that is set,
 * with mode 0600. @ret_fd: -1: neither. Errors: AKMA_ERROR_CONFIG_INVALID.
 */
bool akma_credentials_listen(const AkmaConfig *config, int *ret_fd, GError **error);

/* Takes @fd, a listening socket. @agent outlives it. */
AkmaCredentials *akma_credentials_new(int fd,
                                      AkmaConfig *config,
                                      AkmaCredentialsPeek peek,
                                      gpointer agent);
/* Those who wait are refused. NULL is fine. */
void akma_credentials_free(AkmaCredentials *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaCredentials, akma_credentials_free)

void akma_credentials_configure(AkmaCredentials *self, AkmaConfig *config);
/* Keys may have come or gone: those who wait are looked at again. */
void akma_credentials_retry(AkmaCredentials *self);

G_END_DECLS
