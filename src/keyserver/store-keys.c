/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store-keys: what verbs do to keys: list, rotate, revoke. A long run goes in pages, each a
 * transaction of its own, so that terminals are served in between.
 */
#include "keyserver/store-private.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define PAGE 256

/* The keys of one terminal for one application. */
typedef struct {
    char *terminal;
    char *application;
} Place;

static void
place_free(Place *self)
{
    g_free(self->terminal);
    g_free(self->application);
    g_free(self);
}

AkmaKsKey *
akma_ks_add_key_row(AkmaKsOp *op,
                    const char *place,
                    const char *application,
                    const AkmaKsVersion *version)
{
    AkmaKsKey *row = g_new0(AkmaKsKey, 1);
    uint8_t digest[SHA256_DIGEST_LENGTH];
    const uint8_t *bytes;
    size_t len;

    bytes = akma_secret_peek(version->secret, &len);
    SHA256(bytes, len, digest);
    akma_hex_encode(digest, sizeof digest, row->sha256);

    row->terminal = strcmp(place, AKMA_KS_SHARED) == 0 ? NULL : g_strdup(place);
    row->application = g_strdup(application);
    row->kid = akma_ks_dup_kid(application, version->version);
    row->state = (AkmaKeyState)version->state;
    row->length = (unsigned)len;
    row->created = version->created;
    row->not_after = version->not_after;
    g_ptr_array_add(op->rows, row);

    return row;
}

/* "mqtt:3" narrows the application too. */
static bool
parse_kid(AkmaKsOp *op, int64_t *ret_version, GError **error)
{
    const char *colon = op->kid ? strrchr(op->kid, ':') : NULL;
    g_autofree char *application = NULL;
    guint64 version;

    *ret_version = 0;
    if (!op->kid)
        return true;

    application = colon ? g_strndup(op->kid, (gsize)(colon - op->kid)) : NULL;
    if (!colon ||
        !g_ascii_string_to_unsigned(
            colon + 1, 10, 1, G_GUINT64_CONSTANT(999999999999999), &version, NULL) ||
        (op->application && strcmp(op->application, application) != 0)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "\"%s\" is not a kid of this application",
                    op->kid);
        return false;
    }
    if (!op->application)
        op->application = g_steal_pointer(&application);
    *ret_version = (int64_t)version;

    return true;
}

static AkmaRow *
bind_page(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    return akma_sql_bind(self->sql,
                         AKMA_SQL_KEY_LIST,
                         error,
                         "ttttii",
                         op->application,
                         op->terminal,
                         op->after.terminal,
                         op->after.application,
                         op->after.version,
                         (int64_t)PAGE);
}

void
akma_ks_move_cursor(AkmaKsOp *op, const char *terminal, const char *application, int64_t version)
{
    char *last_terminal = g_strdup(terminal);
    char *last_application = g_strdup(application);

    g_free(op->after.terminal);
    g_free(op->after.application);
    op->after = (AkmaKsCursor){last_terminal, last_application, version};
}

static bool
list_row(AkmaKsTransaction *self, AkmaKsOp *op, int64_t only_version, AkmaRow *row, GError **error)
{
    const char *terminal = akma_row_get_text(row, 0);
    const char *application = akma_row_get_text(row, 1);
    g_auto(AkmaKsVersion) version = {.version = akma_row_get_int(row, 2),
                                     .state = akma_row_get_int(row, 3),
                                     .created = akma_row_get_int(row, 5),
                                     .not_after = akma_row_get_int(row, 6)};
    g_autofree char *kid = akma_ks_dup_kid(application, version.version);
    g_autoptr(GByteArray) place = akma_ks_seal_key_place(terminal, kid);
    const void *sealed;
    size_t len;

    /* past its time: nobody accepts it, it only waits to be cleared away */
    if ((version.state == AKMA_KEY_PREVIOUS && version.not_after <= op->now) ||
        (only_version > 0 && version.version != only_version))
        return true;

    sealed = akma_row_get_blob(row, 4, &len);
    version.secret = akma_ks_seal_open(self->seal, sealed, len, place->data, place->len, error);
    if (!version.secret) {
        g_prefix_error(error, "%s of terminal %s: ", kid, terminal);
        return false;
    }
    akma_ks_add_key_row(op, terminal, application, &version);

    return true;
}

static bool
list_page(AkmaKsTransaction *self, AkmaKsOp *op, int64_t version, GError **error)
{
    AkmaRow *row = bind_page(self, op, error);
    AkmaKsCursor last = {0};
    int n = 0;
    int more = -1;

    while (row && (more = akma_sql_step(self->sql, row, error)) == 1) {
        if (!list_row(self, op, version, row, error)) {
            more = -1;
            akma_row_reset(row);
            break;
        }
        if (++n == PAGE)
            last = (AkmaKsCursor){g_strdup(akma_row_get_text(row, 0)),
                                  g_strdup(akma_row_get_text(row, 1)),
                                  akma_row_get_int(row, 2)};
    }
    op->more = n == PAGE;
    if (op->more)
        akma_ks_move_cursor(op, last.terminal, last.application, last.version);
    g_free(last.terminal);
    g_free(last.application);

    return more == 0;
}

/* The places of the next page, each once; nothing is changed while a list is open. */
static GPtrArray *
collect_places(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    g_autoptr(GPtrArray) places = g_ptr_array_new_with_free_func((GDestroyNotify)place_free);
    AkmaRow *row = bind_page(self, op, error);
    int n = 0;
    int more = -1;

    while (row && (more = akma_sql_step(self->sql, row, error)) == 1) {
        const Place *last = places->len > 0 ? places->pdata[places->len - 1] : NULL;
        const char *terminal = akma_row_get_text(row, 0);
        const char *application = akma_row_get_text(row, 1);
        Place *place;

        n++;
        if (last && strcmp(last->terminal, terminal) == 0 &&
            strcmp(last->application, application) == 0)
            continue;
        place = g_new0(Place, 1);
        place->terminal = g_strdup(terminal);
        place->application = g_strdup(application);
        g_ptr_array_add(places, place);
    }
    if (more != 0)
        return NULL;

    op->more = n == PAGE;
    if (op->more) {
        const Place *last = places->pdata[places->len - 1];

        /* past all versions of it, those made now included */
        akma_ks_move_cursor(op, last->terminal, last->application, G_MAXINT64);
    }

    return g_steal_pointer(&places);
}

static bool
rotate_place(AkmaKsTransaction *self,
             AkmaKsOp *op,
             const Place *place,
             const AkmaKsApplication *application,
             AkmaKsVersion *newest,
             GError **error)
{
    g_auto(AkmaKsVersion) made = {0};

    if (!akma_ks_make_version(self, place->terminal, application, op->now, newest, &made, error))
        return false;
    akma_ks_add_key_row(op, place->terminal, place->application, &made);

    return true;
}

static bool
revoke_version(AkmaKsTransaction *self,
               AkmaKsOp *op,
               const Place *place,
               AkmaKsVersion *version,
               bool previous_too,
               GError **error)
{
    if (version->state == AKMA_KEY_REVOKED)
        return true;

    version->state = AKMA_KEY_REVOKED;
    if (!akma_sql_exec(self->sql,
                       AKMA_SQL_KEY_SET_STATE,
                       error,
                       "ttiii",
                       place->terminal,
                       place->application,
                       version->version,
                       version->state,
                       version->not_after))
        return false;
    if (previous_too && !akma_sql_exec(self->sql,
                                       AKMA_SQL_KEY_REVOKE_PREVIOUS,
                                       error,
                                       "tt",
                                       place->terminal,
                                       place->application))
        return false;
    akma_ks_add_key_row(op, place->terminal, place->application, version);

    return true;
}

static bool
change_place(
    AkmaKsTransaction *self, AkmaKsOp *op, const Place *place, int64_t only_version, GError **error)
{
    g_autoptr(AkmaKsApplication) application = NULL;
    g_auto(AkmaKsVersion) newest = {0};
    g_auto(AkmaKsVersion) before = {0};

    if (!akma_ks_get_application(self, place->application, &application, error))
        return false;
    if (!application)
        return true;
    if (!akma_ks_get_versions(self, place->terminal, application, &newest, &before, error))
        return false;

    if (op->action == AKMA_KS_KEY_ROTATE)
        return (only_version > 0 && newest.version != only_version) ||
               rotate_place(self, op, place, application, &newest, error);
    if (only_version > 0 && before.version == only_version)
        return revoke_version(self, op, place, &before, false, error);

    return (only_version > 0 && newest.version != only_version) ||
           revoke_version(self, op, place, &newest, only_version == 0, error);
}

/* What is kept by a provider must be changed there. */
static bool
check_is_ours(AkmaKsTransaction *self, const AkmaKsOp *op, GError **error)
{
    g_autoptr(AkmaKsApplication) application = NULL;

    if (!op->application)
        return true;
    if (!akma_ks_get_application(self, op->application, &application, error))
        return false;
    if (!application || !application->provider)
        return true;

    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_INVALID_ARGUMENT,
                "the keys of \"%s\" are kept by the provider %s",
                op->application,
                application->provider);

    return false;
}

AkmaKsOutcome
akma_ks_run_keys(AkmaKsTransaction *self, AkmaKsOp *op, GError **error)
{
    g_autoptr(GPtrArray) places = NULL;
    int64_t version;

    if (!parse_kid(op, &version, error))
        return AKMA_KS_FAILED;
    if (op->action == AKMA_KS_KEY_LIST)
        return list_page(self, op, version, error) ? AKMA_KS_DONE : AKMA_KS_FAILED;
    if (!check_is_ours(self, op, error))
        return AKMA_KS_FAILED;

    places = collect_places(self, op, error);
    for (guint i = 0; places && i < places->len; i++) {
        if (!change_place(self, op, places->pdata[i], version, error))
            return AKMA_KS_FAILED;
    }

    return places ? AKMA_KS_DONE : AKMA_KS_FAILED;
}
