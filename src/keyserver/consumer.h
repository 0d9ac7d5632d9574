/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * consumer: the third servers that may ask this one for keys, and how they are recognised: by the
 * name in a TLS certificate, by a bearer token, or by both where both are configured.
 */
#pragma once

#include <openssl/x509.h>

#include "keyserver/config.h"
#include "keyserver/rate.h"

G_BEGIN_DECLS

typedef struct {
    char *name;
    GStrv applications; /* what it may ask for */
    char *certificate_name;
    bool has_token;
    uint8_t token_sha256[32];
    AkmaBucket bucket; /* its own: no flood of strangers empties it */
} AkmaConsumer;

typedef struct _AkmaConsumers AkmaConsumers;

AkmaConsumers *akma_consumers_new(const AkmaServerConfig *config);
void akma_consumers_free(AkmaConsumers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaConsumers, akma_consumers_free)

bool akma_consumers_is_empty(const AkmaConsumers *self);

/*
 * @certificate: verified, or NULL. @authorization: the field, or NULL; with one, the token in it
 * decides. Returns: (transfer none): NULL: nobody that we know.
 */
AkmaConsumer *akma_consumers_find(AkmaConsumers *self,
                                  X509 *certificate,
                                  const char *authorization);

G_END_DECLS
