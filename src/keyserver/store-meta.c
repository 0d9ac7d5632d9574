/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store-meta: what a store says about itself: its kind of identity and the key of terminal ids. */
#include <openssl/rand.h>
#include <string.h>

#include "base/error.h"
#include "keyserver/store-private.h"

#define ID_KEY_LEN   32
#define ID_KEY_PLACE "akmad/1 id key"

static AkmaSecret *
make_id_key(GError **error)
{
    g_autoptr(AkmaSecret) id_key = NULL;
    uint8_t *bytes;

    id_key = akma_secret_new_blank(ID_KEY_LEN, &bytes, error);
    if (!id_key)
        return NULL;
    if (RAND_priv_bytes(bytes, ID_KEY_LEN) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no random numbers");
        return NULL;
    }

    return g_steal_pointer(&id_key);
}

bool
akma_ks_write_meta(AkmaSql *sql,
                   AkmaKsSeal *seal,
                   AkmaIdentityKind identity,
                   const AkmaSecret *id_key,
                   GError **error)
{
    g_autoptr(GBytes) kind = g_bytes_new(identity == AKMA_IDENTITY_SUPI ? "supi" : "gpsi", 4);
    g_autoptr(AkmaSecret) made = id_key ? NULL : make_id_key(error);
    g_autoptr(GBytes) wrapped = NULL;

    if (!id_key && !made)
        return false;
    wrapped =
        akma_ks_seal_close(seal, id_key ? id_key : made, ID_KEY_PLACE, strlen(ID_KEY_PLACE), error);

    return wrapped && akma_sql_exec(sql, AKMA_SQL_META_SET, error, "tb", "id_key", wrapped) &&
           akma_sql_exec(sql, AKMA_SQL_META_SET, error, "tb", "identity", kind);
}

static GBytes *
get_meta(AkmaSql *sql, const char *name, GError **error)
{
    AkmaRow *row = akma_sql_bind(sql, AKMA_SQL_META_GET, error, "t", name);
    int more = row ? akma_sql_step(sql, row, error) : -1;
    GBytes *value = NULL;
    const void *bytes;
    size_t len;

    if (more == 1) {
        bytes = akma_row_get_blob(row, 0, &len);
        value = g_bytes_new(bytes, len);
        akma_row_reset(row);
    } else if (more == 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store: no %s in it", name);
    }

    return value;
}

bool
akma_ks_check_meta(AkmaKsStore *self,
                   AkmaKsSeal *seal,
                   GBytes *wrapped_id_key,
                   GBytes *identity,
                   const char *where,
                   GError **error)
{
    g_autoptr(AkmaSecret) id_key = NULL;
    const void *bytes;
    gsize len;

    bytes = g_bytes_get_data(wrapped_id_key, &len);
    id_key = akma_ks_seal_open(seal, bytes, len, ID_KEY_PLACE, strlen(ID_KEY_PLACE), NULL);
    if (!id_key || akma_secret_get_length(id_key) != ID_KEY_LEN) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "%s: the store key does not fit this store",
                    where);
        return false;
    }
    if (self->id_key && !akma_secret_equal(self->id_key, id_key)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "%s: another store has taken its place",
                    where);
        return false;
    }

    /* once, before there is a thread: others read both without a lock */
    if (!self->id_key) {
        bytes = g_bytes_get_data(identity, &len);
        self->identity =
            len == 4 && strncmp(bytes, "gpsi", 4) == 0 ? AKMA_IDENTITY_GPSI : AKMA_IDENTITY_SUPI;
        self->id_key = g_steal_pointer(&id_key);
    }

    return true;
}

bool
akma_ks_read_meta(
    AkmaKsStore *self, AkmaSql *sql, AkmaKsSeal *seal, const char *where, GError **error)
{
    g_autoptr(GBytes) id_key = get_meta(sql, "id_key", error);
    g_autoptr(GBytes) identity = id_key ? get_meta(sql, "identity", error) : NULL;

    return identity && akma_ks_check_meta(self, seal, id_key, identity, where, error);
}

bool
akma_ks_rewrap_meta(AkmaKsTransaction *self, bool *ret_changed, GError **error)
{
    g_autoptr(GBytes) wrapped = get_meta(self->sql, "id_key", error);
    g_autoptr(AkmaSecret) id_key = NULL;
    g_autoptr(GBytes) anew = NULL;
    const void *bytes;
    gsize len;

    if (!wrapped)
        return false;

    bytes = g_bytes_get_data(wrapped, &len);
    id_key = akma_ks_seal_open(self->seal, bytes, len, ID_KEY_PLACE, strlen(ID_KEY_PLACE), error);
    *ret_changed = id_key && akma_ks_seal_was_old(self->seal);
    if (!id_key || !*ret_changed)
        return id_key;
    anew = akma_ks_seal_close(self->seal, id_key, ID_KEY_PLACE, strlen(ID_KEY_PLACE), error);

    return anew && akma_sql_exec(self->sql, AKMA_SQL_META_CHANGE, error, "tb", "id_key", anew);
}
