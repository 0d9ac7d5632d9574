/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/key-reply.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

/* -1 with errno. */
static int
new_memfd(const AkmaSecret *secret)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(secret, &len);
    int fd = memfd_create("akmad-key", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -1;
    /* pwrite leaves the offset at 0; at most 64 KiB are written whole or not at all */
    if (pwrite(fd, bytes, len, 0) != (ssize_t)len || fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }

    return fd;
}

int
akma_key_reply_new_memfd(const AkmaStoredKey *key, GError **error)
{
    int fd = new_memfd(key->secret);

    if (fd < 0)
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INTERNAL,
                    "cannot make a sealed memfd: %s",
                    g_strerror(errno));

    return fd;
}

static int
append_text(sd_bus_message *reply, const char *name, const char *text)
{
    return text ? sd_bus_message_append(reply, "{sv}", name, "s", text) : 0;
}

static int
append_number(sd_bus_message *reply, const char *name, int64_t number)
{
    return sd_bus_message_append(reply, "{sv}", name, "t", (uint64_t)number);
}

int
akma_key_reply_append_attributes(sd_bus_message *reply, const AkmaStoredKey *key)
{
    int r = sd_bus_message_open_container(reply, 'a', "{sv}");

    if (r >= 0)
        r = append_text(reply, "kid", key->kid);
    if (r >= 0)
        r = append_text(reply, "kty", key->kty);
    if (r >= 0)
        r = append_text(reply, "alg", key->alg);
    if (r >= 0)
        r = append_text(reply, "use", key->use);
    if (r >= 0)
        r = append_text(reply, "identity", key->identity);
    if (r >= 0)
        r = append_number(reply, "not-before", key->iat);
    if (r >= 0)
        r = append_number(reply, "not-after", key->exp);
    if (r >= 0)
        r = sd_bus_message_close_container(reply);

    return r;
}

bool
akma_key_reply_send(sd_bus_message *call, const AkmaStoredKey *key, GError **error)
{
    sd_bus_message *reply = NULL;
    int fd = akma_key_reply_new_memfd(key, error);
    int r;

    if (fd < 0)
        return false;

    r = sd_bus_message_new_method_return(call, &reply);
    /* the message has a copy of the descriptor */
    if (r >= 0)
        r = sd_bus_message_append(reply, "h", fd);
    if (r >= 0)
        r = akma_key_reply_append_attributes(reply, key);
    if (r >= 0)
        r = sd_bus_send(NULL, reply, NULL);
    sd_bus_message_unref(reply);
    close(fd);
    if (r < 0)
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot answer: %s", g_strerror(-r));

    return r >= 0;
}
