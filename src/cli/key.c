/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/key.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/wait.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

typedef int Fd;

static void
fd_clear(Fd *fd)
{
    if (*fd >= 0)
        close(*fd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fd, fd_clear)

void
akma_cli_key_free(AkmaCliKey *self)
{
    if (!self)
        return;

    akma_secret_unref(self->bytes);
    g_free(self->kid);
    g_free(self->kty);
    g_free(self->alg);
    g_free(self->use);
    g_free(self->identity);
    g_free(self);
}

/* The memfd is input: a sealed file of a sane size, or nothing. */
static AkmaSecret *
read_memfd(int fd, GError **error)
{
    g_autoptr(AkmaSecret) secret = NULL;
    struct stat st;
    uint8_t *bytes;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS ||
        st.st_size < 1 || st.st_size > AKMA_SECRET_LEN_MAX) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "the key is not in a sealed memfd");
        return NULL;
    }

    secret = akma_secret_new_blank((size_t)st.st_size, &bytes, error);
    if (secret && pread(fd, bytes, (size_t)st.st_size, 0) != st.st_size) {
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot read the key: %s", g_strerror(errno));
        return NULL;
    }

    return g_steal_pointer(&secret);
}

static AkmaCliKey *
from_answer(GVariant *handle, GVariant *attributes, GUnixFDList *fds, GError **error)
{
    g_autoptr(AkmaCliKey) key = g_new0(AkmaCliKey, 1);
    g_auto(Fd) fd = fds ? g_unix_fd_list_get(fds, g_variant_get_handle(handle), NULL) : -1;

    g_variant_lookup(attributes, "kid", "s", &key->kid);
    g_variant_lookup(attributes, "kty", "s", &key->kty);
    g_variant_lookup(attributes, "alg", "s", &key->alg);
    g_variant_lookup(attributes, "use", "s", &key->use);
    g_variant_lookup(attributes, "identity", "s", &key->identity);
    g_variant_lookup(attributes, "not-before", "t", &key->not_before);
    g_variant_lookup(attributes, "not-after", "t", &key->not_after);
    if (fd < 0 || !key->kid || !key->kty) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "akmad's answer is not complete");
        return NULL;
    }

    key->bytes = read_memfd(fd, error);

    return key->bytes ? g_steal_pointer(&key) : NULL;
}

AkmaCliKey *
akma_cli_key_fetch(AkmaBusApplication *application, const char *kid, GError **error)
{
    g_autoptr(GVariant) handle = NULL;
    g_autoptr(GVariant) attributes = NULL;
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GError) local = NULL;
    gboolean ok;

    if (kid)
        ok = akma_bus_application_call_get_key_version_sync(application,
                                                            kid,
                                                            G_DBUS_CALL_FLAGS_NONE,
                                                            -1,
                                                            NULL,
                                                            &handle,
                                                            &attributes,
                                                            &fds,
                                                            NULL,
                                                            &local);
    else
        ok = akma_bus_application_call_get_key_sync(application,
                                                    G_DBUS_CALL_FLAGS_NONE,
                                                    -1,
                                                    NULL,
                                                    &handle,
                                                    &attributes,
                                                    &fds,
                                                    NULL,
                                                    &local);
    if (!ok) {
        akma_cli_take_error(g_steal_pointer(&local), error);
        return NULL;
    }

    return from_answer(handle, attributes, fds, error);
}

AkmaCliKey *
akma_cli_key_fetch_by_name(
    AkmaCli *cli, const char *name, const char *kid, gint64 deadline, GError **error)
{
    g_autoptr(AkmaBusApplication) application = akma_cli_get_application(cli, name, error);

    while (application) {
        g_autoptr(GError) local = NULL;
        AkmaCliKey *key = akma_cli_key_fetch(application, kid, &local);

        if (key)
            return key;
        if (!g_error_matches(local, AKMA_ERROR, AKMA_ERROR_NOT_READY) ||
            g_get_monotonic_time() >= deadline) {
            g_propagate_error(error, g_steal_pointer(&local));
            return NULL;
        }
        if (!akma_cli_wait_for_key(application, deadline, error))
            return NULL;
    }

    return NULL;
}

int
akma_cli_key_dup_memfd(const AkmaCliKey *self, GError **error)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(self->bytes, &len);
    g_auto(Fd) fd = memfd_create("akmad-key", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len || fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot make a memfd: %s", g_strerror(errno));
        return -1;
    }

    return g_steal_fd(&fd);
}
