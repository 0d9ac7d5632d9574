/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/consumer.h"

#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "kdf/sha256.h"

#define SCHEME    "Bearer "
#define TOKEN_MAX 1024

struct _AkmaConsumers {
    GPtrArray *all; /* AkmaConsumer */
};

static void
consumer_free(void *data)
{
    AkmaConsumer *self = data;

    g_free(self->name);
    g_free(self->certificate_name);
    g_strfreev(self->applications);
    g_free(self);
}

AkmaConsumers *
akma_consumers_new(const AkmaServerConfig *config)
{
    AkmaConsumers *self = g_new0(AkmaConsumers, 1);

    self->all = g_ptr_array_new_with_free_func(consumer_free);
    for (guint i = 0; i < config->consumers->len; i++) {
        const AkmaConsumerConfig *from = config->consumers->pdata[i];
        AkmaConsumer *consumer = g_new0(AkmaConsumer, 1);

        consumer->name = g_strdup(from->name);
        consumer->applications = g_strdupv(from->applications);
        consumer->certificate_name = g_strdup(from->certificate_name);
        consumer->has_token = from->has_token;
        memcpy(consumer->token_sha256, from->token_sha256, sizeof consumer->token_sha256);
        g_ptr_array_add(self->all, consumer);
    }

    return self;
}

void
akma_consumers_free(AkmaConsumers *self)
{
    if (!self)
        return;

    g_ptr_array_unref(self->all);
    g_free(self);
}

bool
akma_consumers_is_empty(const AkmaConsumers *self)
{
    return !self || self->all->len == 0;
}

/*= RFC 6750 2.1: Authorization: Bearer and a token of the letters of b64token */
static bool
hash_token(const char *authorization, uint8_t ret[static AKMA_SHA256_LEN])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-._~+/=";
    const char *token = authorization + strlen(SCHEME);
    size_t len;

    if (g_ascii_strncasecmp(authorization, SCHEME, strlen(SCHEME)) != 0)
        return false;
    len = strlen(token);
    if (len == 0 || len > TOKEN_MAX || strspn(token, letters) != len)
        return false;

    return akma_sha256(token, len, ret);
}

/* Names of hosts only, in the field for them, and letter for letter. */
static bool
bears_name(X509 *certificate, const char *name)
{
    return certificate &&
           X509_check_host(certificate,
                           name,
                           strlen(name),
                           X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                           NULL) == 1;
}

AkmaConsumer *
akma_consumers_find(AkmaConsumers *self, X509 *certificate, const char *authorization)
{
    uint8_t digest[AKMA_SHA256_LEN];
    AkmaConsumer *found = NULL;

    if (authorization && !hash_token(authorization, digest))
        return NULL;

    for (guint i = 0; i < self->all->len; i++) {
        AkmaConsumer *consumer = self->all->pdata[i];
        bool known = consumer->has_token == (authorization != NULL);

        if (known && authorization)
            known = CRYPTO_memcmp(digest, consumer->token_sha256, sizeof digest) == 0;
        if (known && consumer->certificate_name)
            known = bears_name(certificate, consumer->certificate_name);
        if (known && !found)
            found = consumer;
    }

    return found;
}
