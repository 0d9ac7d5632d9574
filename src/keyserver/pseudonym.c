/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/pseudonym.h"

#include <openssl/crypto.h>
#include <string.h>

#include "keyserver/terminal-id.h"

struct _AkmaPseudonyms {
    unsigned refs;
    GStrv providers;
    GStrv ids; /* in the order of @providers */
};

AkmaPseudonyms *
akma_pseudonyms_new(const AkmaSecret *id_key,
                    const char *const *providers,
                    const char *
                    operator,
                    const char * identity,
                    size_t identity_len,
                    GError **error)
{
    g_autoptr(AkmaPseudonyms) self = g_new0(AkmaPseudonyms, 1);

    self->refs = 1;
    self->providers = g_strdupv((GStrv)providers);
    self->ids = g_new0(char *, g_strv_length(self->providers) + 1);
    for (size_t i = 0; providers[i]; i++) {
        self->ids[i] =
            akma_terminal_id_new(id_key, providers[i], operator, identity, identity_len, error);
        if (!self->ids[i])
            return NULL;
    }

    return g_steal_pointer(&self);
}

AkmaPseudonyms *
akma_pseudonyms_ref(AkmaPseudonyms *self)
{
    self->refs++;

    return self;
}

void
akma_pseudonyms_unref(AkmaPseudonyms *self)
{
    if (!self || --self->refs > 0)
        return;

    for (size_t i = 0; self->ids[i]; i++)
        OPENSSL_cleanse(self->ids[i], strlen(self->ids[i]));
    g_strfreev(self->ids);
    g_strfreev(self->providers);
    g_free(self);
}

const char *
akma_pseudonyms_get(const AkmaPseudonyms *self, const char *provider)
{
    for (size_t i = 0; self && self->providers[i]; i++) {
        if (strcmp(self->providers[i], provider) == 0)
            return self->ids[i];
    }

    return NULL;
}
