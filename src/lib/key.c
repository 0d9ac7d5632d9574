/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* key: one version of an application's key, from the sealed memfd straight into locked pages. */

#include <akmad/key.h>

#include <unistd.h>

#include "base/error.h"
#include "base/memfd.h"
#include "lib/error-private.h"
#include "lib/key-private.h"
#include "lib/locked.h"

struct _AkmadKey {
    gatomicrefcount refs;
    AkmaLocked locked;
    char *kid;
    char *kty;
    char *alg;
    char *use;
    char *identity;
    guint64 not_before;
    guint64 not_after;
};

G_DEFINE_BOXED_TYPE(AkmadKey, akmad_key, akmad_key_ref, akmad_key_unref)

AkmadKey *
akmad_key_ref(AkmadKey *key)
{
    g_atomic_ref_count_inc(&key->refs);

    return key;
}

void
akmad_key_unref(AkmadKey *key)
{
    if (!key || !g_atomic_ref_count_dec(&key->refs))
        return;

    akma_locked_clear(&key->locked);
    g_free(key->kid);
    g_free(key->kty);
    g_free(key->alg);
    g_free(key->use);
    g_free(key->identity);
    g_free(key);
}

/* The descriptor is input, and so is the handle: GDBus does not compare it with what came along. */
static bool
read_bytes(AkmadKey *key, gint32 handle, GUnixFDList *fds, GError **error)
{
    size_t len = 0;
    bool ok;
    int fd;

    if (!fds || handle < 0 || handle >= g_unix_fd_list_get_length(fds)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "akmad's answer has no key");
        return false;
    }
    fd = g_unix_fd_list_get(fds, handle, error);
    if (fd < 0)
        return false;

    ok = akma_memfd_check_sealed(fd, AKMA_LIB_KEY_MAX, &len, error) &&
         akma_locked_init(&key->locked, len, error) &&
         akma_memfd_read(fd, key->locked.bytes, len, error) &&
         akma_locked_seal(&key->locked, error);
    close(fd);

    return ok;
}

AkmadKey *
akma_lib_key_new_of_answer(GVariant *answer, GUnixFDList *fds, GError **error)
{
    g_autoptr(AkmadKey) key = g_new0(AkmadKey, 1);
    g_autoptr(GVariant) attributes = g_variant_get_child_value(answer, 1);
    gint32 handle;

    g_atomic_ref_count_init(&key->refs);
    g_variant_get_child(answer, 0, "h", &handle);
    g_variant_lookup(attributes, "kid", "s", &key->kid);
    g_variant_lookup(attributes, "kty", "s", &key->kty);
    g_variant_lookup(attributes, "alg", "s", &key->alg);
    g_variant_lookup(attributes, "use", "s", &key->use);
    g_variant_lookup(attributes, "identity", "s", &key->identity);
    g_variant_lookup(attributes, "not-before", "t", &key->not_before);
    g_variant_lookup(attributes, "not-after", "t", &key->not_after);
    if (!key->kid || !key->kty || key->not_before > G_MAXINT64 || key->not_after > G_MAXINT64) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "akmad's answer is not complete");
        return NULL;
    }
    if (!read_bytes(key, handle, fds, error))
        return NULL;

    return g_steal_pointer(&key);
}

void
akmad_key_wipe(AkmadKey *key)
{
    akma_locked_clear(&key->locked);
}

const guint8 *
akmad_key_peek(AkmadKey *key, gsize *ret_length)
{
    *ret_length = key->locked.len;

    return key->locked.bytes;
}

gint
akmad_key_dup_fd(AkmadKey *key, GError **error)
{
    GError *local = NULL;
    int fd = -1;

    if (key->locked.bytes)
        fd = akma_memfd_new_sealed(key->locked.bytes, key->locked.len, &local);
    else
        g_set_error(&local, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "the key has been wiped");
    if (fd < 0)
        akma_lib_error_take(local, error);

    return fd;
}

const gchar *
akmad_key_get_kid(AkmadKey *key)
{
    return key->kid;
}

const gchar *
akmad_key_get_kty(AkmadKey *key)
{
    return key->kty;
}

const gchar *
akmad_key_get_alg(AkmadKey *key)
{
    return key->alg;
}

const gchar *
akmad_key_get_use(AkmadKey *key)
{
    return key->use;
}

const gchar *
akmad_key_get_identity(AkmadKey *key)
{
    return key->identity;
}

gint64
akmad_key_get_not_before(AkmadKey *key)
{
    return (gint64)key->not_before;
}

gint64
akmad_key_get_not_after(AkmadKey *key)
{
    return (gint64)key->not_after;
}
