/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * verb-import: key import: a key that was made elsewhere becomes the next version. It is read
 * from a file that others may not read, raw or as a JWK, and never stands in a command line.
 */
#include "keyserver/verb.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "keyserver/rights.h"

#define KEY_MIN  16
#define KEY_MAX  64
#define FILE_MAX 4096 /* a JWK with what others write into it */

static bool
invalid(GError **error, const char *message)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "key import: %s", message);

    return false;
}

/* RFC 7518 6.4: "k" of a symmetric key. Returns: (transfer full). */
static AkmaSecret *
key_of_jwk(const json_t *jwk, GError **error)
{
    const char *kty = json_string_value(json_object_get(jwk, "kty"));
    const json_t *k = json_object_get(jwk, "k");
    AkmaSecret *key;
    uint8_t *bytes;
    size_t len;

    if (g_strcmp0(kty, "oct") != 0 || !json_is_string(k)) {
        invalid(error, "the JWK must have \"kty\":\"oct\" and \"k\"");
        return NULL;
    }
    /* how long it is becomes known by decoding it: no other copy is made */
    len = json_string_length(k) / 4 * 3 + (json_string_length(k) % 4) * 3 / 4;
    key = akma_secret_new_blank(MAX(len, 1), &bytes, error);
    if (key &&
        (!akma_base64url_decode(json_string_value(k), json_string_length(k), bytes, len, &len) ||
         len == 0)) {
        invalid(error, "\"k\" of the JWK is not base64url");
        g_clear_pointer(&key, akma_secret_unref);
    }

    return key;
}

/* What the file holds: a JWK is an object of JSON from its first to its last character. */
static AkmaSecret *
read_key(const char *file, GError **error)
{
    g_autoptr(AkmaSecret) content = akma_file_read_secret(file, KEY_MIN, FILE_MAX, false, error);
    AkmaSecret *key;
    json_t *jwk = NULL;
    const uint8_t *bytes;
    size_t len;

    if (!content)
        return NULL;

    bytes = akma_secret_peek(content, &len);
    if (bytes[0] == '{')
        jwk = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    key = jwk ? key_of_jwk(jwk, error) : akma_secret_ref(content);
    json_decref(jwk);
    if (!key)
        return NULL;
    len = akma_secret_get_length(key);
    if (len < KEY_MIN || len > KEY_MAX) {
        invalid(error, "a key is 16 to 64 bytes, or a JWK with one");
        g_clear_pointer(&key, akma_secret_unref);
    }

    return key;
}

static bool
import(AkmaVerb *verb, AkmaKsOp *op, const char *file, GError **error)
{
    const AkmaKsKey *key;

    if (!op->application || !file)
        return invalid(error, "--application and --file must be given");
    if (op->terminal && !akma_terminal_id_is_valid(op->terminal))
        return invalid(error, "a terminal id is 43 characters of A-Z a-z 0-9 - _");
    if (!akma_verb_open(verb, error))
        return false;
    op->secret = read_key(file, error);
    if (!op->secret || !akma_ks_run(verb->store, op, error))
        return false;

    key = op->rows->pdata[0];
    akma_audit_write(verb->audit,
                     &(const AkmaAuditEvent){.event = "imported",
                                             .terminal = key->terminal,
                                             .application = key->application,
                                             .kid = key->kid,
                                             .actor = akma_verb_get_actor()});

    return true;
}

int
akma_verb_key_import(AkmaVerb *verb, int argc, char **argv)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_KEY_IMPORT);
    g_autofree char *file = NULL;
    const GOptionEntry entries[] = {
        {"application", 0, 0, G_OPTION_ARG_STRING, &op->application, "What it is for", "ID"},
        {"terminal", 0, 0, G_OPTION_ARG_STRING, &op->terminal, "Whose, unless all share it", "ID"},
        {"file", 0, 0, G_OPTION_ARG_FILENAME, &file, "16 to 64 bytes, or a JWK", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         entries,
                         "key import",
                         "Bring a key of your own: it becomes the next version, and the one before "
                         "is accepted\nfor the grace time of its application. FILE holds 16 to 64 "
                         "bytes as they are, or a JWK\nof kty oct, and nobody but its owner and "
                         "group may read it. Prints the new version.",
                         0,
                         0,
                         &error) ||
        !import(verb, op, file, &error))
        return akma_verb_fail(verb, error);
    akma_verb_print_keys(verb, op);

    return 0;
}
