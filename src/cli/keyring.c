/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

static bool
refuse(GError **error, const char *option, const char *value)
{
    g_set_error(
        error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "%s: there is no \"%s\"", option, value);

    return false;
}

bool
akma_keyring_parse(const char *keyring, const char *type, AkmaKeyring *ret_keyring, GError **error)
{
    bool of_user = strcmp(keyring, "@u") == 0;

    if (!of_user && strcmp(keyring, "@s") != 0)
        return refuse(error, "--keyring", keyring);
    if (type && strcmp(type, "user") != 0 && strcmp(type, "logon") != 0)
        return refuse(error, "--type", type);

    ret_keyring->keyring = of_user ? KEY_SPEC_USER_KEYRING : KEY_SPEC_SESSION_KEYRING;
    ret_keyring->type = type ? type : "user";

    return true;
}

bool
akma_keyring_put(const AkmaKeyring *self,
                 const char *application,
                 const AkmaSecret *text,
                 GError **error)
{
    /* a key of type logon must have a prefix */
    g_autofree char *description = g_strconcat("akmad:", application, NULL);
    size_t len;
    const uint8_t *bytes = akma_secret_peek(text, &len);

    if (syscall(SYS_add_key, self->type, description, bytes, len, self->keyring) >= 0)
        return true;
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "the kernel does not take the key %s: %s",
                description,
                g_strerror(errno));

    return false;
}
