/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/key.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "base/bus-error.h"
#include "base/error.h"
#include "base/memfd.h"
#include "cli/wait.h"

#define ASK_AGAIN_US 100000
#define NEXT_FOR_VERSION                                                                           \
    "leave --kid out for the current version; the one before can be had within its grace time "    \
    "only"

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
    size_t len = 0;
    uint8_t *bytes;

    if (!akma_memfd_check_sealed(fd, AKMA_SECRET_LEN_MAX, &len, error))
        return NULL;

    secret = akma_secret_new_blank(len, &bytes, error);
    if (!secret || !akma_memfd_read(fd, bytes, len, error))
        return NULL;

    return g_steal_pointer(&secret);
}

/* GDBus does not compare the handle with what came along. */
static int
dup_descriptor(GVariant *handle, GUnixFDList *fds)
{
    gint32 index = g_variant_get_handle(handle);

    if (!fds || index < 0 || index >= g_unix_fd_list_get_length(fds))
        return -1;

    return g_unix_fd_list_get(fds, index, NULL);
}

static AkmaCliKey *
from_answer(GVariant *handle, GVariant *attributes, GUnixFDList *fds, GError **error)
{
    g_autoptr(AkmaCliKey) key = g_new0(AkmaCliKey, 1);
    g_auto(Fd) fd = dup_descriptor(handle, fds);

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
        akma_bus_error_take(g_steal_pointer(&local), error);
        return NULL;
    }

    return from_answer(handle, attributes, fds, error);
}

/* There was no key, but the state that we know may be from before it ended: not without a pause. */
static void
take_breath(unsigned tries)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    if (tries > 0)
        g_usleep(ASK_AGAIN_US);
}

AkmaCliKey *
akma_cli_key_fetch_by_name(
    AkmaCli *cli, const char *name, const char *kid, gint64 deadline, GError **error)
{
    g_autoptr(AkmaBusApplication) application =
        akma_cli_await_application(cli, name, deadline, error);

    for (unsigned tries = 0; application; tries++) {
        g_autoptr(GError) local = NULL;
        AkmaCliKey *key = akma_cli_key_fetch(application, kid, &local);

        if (key)
            return key;
        if (kid && g_error_matches(local, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN))
            cli->hint = NEXT_FOR_VERSION;
        if (!g_error_matches(local, AKMA_ERROR, AKMA_ERROR_NOT_READY) ||
            g_get_monotonic_time() >= deadline) {
            g_propagate_error(error, g_steal_pointer(&local));
            return NULL;
        }
        take_breath(tries);
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

    return akma_memfd_new_sealed(bytes, len, error);
}
