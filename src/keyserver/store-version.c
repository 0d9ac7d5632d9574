/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store-version: the versions of a key: read, made, brought, and as others see them. */
#include "keyserver/store-private.h"

#include <openssl/rand.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "kdf/sha256.h"

#define IDENTITY_HASH_LEN 22

void
akma_ks_version_clear(AkmaKsVersion *self)
{
    g_clear_pointer(&self->secret, akma_secret_unref);
}

const char *
akma_ks_get_place(const AkmaKsApplication *application, const char *terminal)
{
    return application->shared ? AKMA_KS_SHARED : terminal;
}

char *
akma_ks_dup_kid(const char *application, int64_t version)
{
    return g_strdup_printf("%s:%" G_GINT64_FORMAT, application, version);
}

static AkmaSecret *
open_key(AkmaKsTransaction *self,
         const char *terminal,
         const char *application,
         int64_t version,
         AkmaRow *row,
         int column,
         GError **error)
{
    g_autofree char *kid = akma_ks_dup_kid(application, version);
    g_autoptr(GByteArray) place = akma_ks_seal_key_place(terminal, kid);
    size_t len;
    const void *sealed = akma_row_get_blob(row, column, &len);

    return akma_ks_seal_open(self->seal, sealed, len, place->data, place->len, error);
}

static bool
read_version(AkmaKsTransaction *self,
             const char *terminal,
             const char *application,
             AkmaRow *row,
             AkmaKsVersion *ret,
             GError **error)
{
    ret->version = akma_row_get_int(row, 0);
    ret->state = akma_row_get_int(row, 1);
    ret->created = akma_row_get_int(row, 3);
    ret->not_after = akma_row_get_int(row, 4);
    ret->secret = open_key(self, terminal, application, ret->version, row, 2, error);

    return ret->secret;
}

bool
akma_ks_get_versions(AkmaKsTransaction *self,
                     const char *terminal,
                     const AkmaKsApplication *application,
                     AkmaKsVersion *ret_newest,
                     AkmaKsVersion *ret_before,
                     GError **error)
{
    const char *place = akma_ks_get_place(application, terminal);
    AkmaRow *row =
        akma_sql_bind(self->sql, AKMA_SQL_KEY_LATEST, error, "tt", terminal, application->id);
    AkmaKsVersion *versions[] = {ret_newest, ret_before};
    int more = row ? 1 : -1;

    for (size_t i = 0; more == 1 && i < G_N_ELEMENTS(versions); i++) {
        more = akma_sql_step(self->sql, row, error);
        if (more == 1 && !read_version(self, place, application->id, row, versions[i], error))
            more = -1;
    }
    if (row)
        akma_row_reset(row);

    return more >= 0;
}

static AkmaSecret *
make_secret(unsigned len, GError **error)
{
    uint8_t *bytes;
    AkmaSecret *secret = akma_secret_new_blank(len, &bytes, error);

    if (secret && RAND_priv_bytes(bytes, (int)len) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no random numbers");
        g_clear_pointer(&secret, akma_secret_unref);
    }

    return secret;
}

/* Random bytes, unless it has its own; the row is in the database when this returns true. */
static bool
insert_version(AkmaKsTransaction *self,
               const char *terminal,
               const AkmaKsApplication *application,
               AkmaKsVersion *made,
               GError **error)
{
    g_autofree char *kid = akma_ks_dup_kid(application->id, made->version);
    g_autoptr(GByteArray) place = akma_ks_seal_key_place(terminal, kid);
    g_autoptr(GBytes) sealed = NULL;

    if (!made->secret && !(made->secret = make_secret(application->length, error)))
        return false;
    sealed = akma_ks_seal_close(self->seal, made->secret, place->data, place->len, error);

    return sealed && akma_sql_exec(self->sql,
                                   AKMA_SQL_KEY_INSERT,
                                   error,
                                   "ttiibii",
                                   terminal,
                                   application->id,
                                   made->version,
                                   made->state,
                                   sealed,
                                   made->created,
                                   made->not_after);
}

/* The version before lives for the grace time, but not longer than it would have anyway. */
static bool
retire(AkmaKsTransaction *self,
       const char *terminal,
       const AkmaKsApplication *application,
       int64_t now,
       AkmaKsVersion *version,
       GError **error)
{
    int64_t end = now + application->grace_s;

    if (version->not_after == 0 || version->not_after > end)
        version->not_after = end;
    version->state = AKMA_KEY_PREVIOUS;

    return akma_sql_exec(self->sql,
                         AKMA_SQL_KEY_SET_STATE,
                         error,
                         "ttiii",
                         terminal,
                         application->id,
                         version->version,
                         version->state,
                         version->not_after);
}

bool
akma_ks_make_version(AkmaKsTransaction *self,
                     const char *terminal,
                     const AkmaKsApplication *application,
                     int64_t now,
                     AkmaKsVersion *newest,
                     AkmaKsVersion *ret_made,
                     GError **error)
{
    const char *place = akma_ks_get_place(application, terminal);
    int64_t floor;

    if (!akma_sql_number(self->sql, AKMA_SQL_FLOOR_GET, &floor, error, "t", application->id))
        return false;

    ret_made->version = MAX(newest->version, floor) + 1;
    ret_made->state = AKMA_KEY_CURRENT;
    ret_made->created = now;
    ret_made->not_after = application->max_age_s > 0 ? now + application->max_age_s : 0;

    if (newest->version > 0 && newest->state == AKMA_KEY_CURRENT &&
        !retire(self, place, application, now, newest, error))
        return false;

    return insert_version(self, place, application, ret_made, error) &&
           akma_sql_exec(self->sql,
                         AKMA_SQL_KEY_DELETE_BEFORE,
                         error,
                         "tti",
                         place,
                         application->id,
                         newest->version);
}

/* One for each version of each key: what it is called where it is a name with a password. */
static char *
dup_identity(const AkmaKsApplication *application, int64_t version, const char *terminal)
{
    char hash[AKMA_BASE64URL_LEN(AKMA_SHA256_LEN) + 1];
    uint8_t digest[AKMA_SHA256_LEN];

    if (!akma_sha256(terminal, strlen(terminal), digest))
        return NULL;
    akma_base64url_encode(digest, sizeof digest, hash);
    hash[IDENTITY_HASH_LEN] = '\0';

    return g_strdup_printf("%s.%" G_GINT64_FORMAT ".%s",
                           application->id,
                           version,
                           application->shared ? "shared" : hash);
}

AkmaKey *
akma_ks_to_key(const char *terminal,
               const AkmaKsApplication *application,
               const AkmaKsVersion *newest,
               const AkmaKsVersion *before,
               int64_t now)
{
    AkmaKey *key = akma_key_new();

    key->key_id = g_strdup(application->id);
    key->kid = akma_ks_dup_kid(application->id, newest->version);
    key->kty = g_strdup("oct");
    key->alg = g_strdup(application->alg);
    key->use = g_strdup(application->use);
    key->identity = dup_identity(application, newest->version, terminal);
    key->iat = newest->created;
    key->exp = newest->not_after;
    if (before->version > 0 && before->state == AKMA_KEY_PREVIOUS && before->not_after > now) {
        key->previous_kid = akma_ks_dup_kid(application->id, before->version);
        key->previous_exp = before->not_after;
    }
    key->secret = akma_secret_ref(newest->secret);

    return key;
}
