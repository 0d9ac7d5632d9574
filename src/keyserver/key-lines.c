/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/key-lines.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/wiping.h"

#define FIRST_SIZE 4096
#define KEY_MAX    64

void
akma_key_lines_clear(AkmaKeyLines *self)
{
    akma_wiping_free(g_steal_pointer(&self->bytes));
    self->len = self->size = 0;
}

static bool
append(AkmaKeyLines *self, const void *bytes, size_t len, GError **error)
{
    size_t size = MAX(self->size, FIRST_SIZE);
    char *grown;

    while (size - self->len < len)
        size *= 2;
    if (size > self->size) {
        grown = akma_wiping_realloc(self->bytes, size);
        if (!grown) {
            g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory");
            return false;
        }
        self->bytes = grown;
        self->size = size;
    }
    memcpy(self->bytes + self->len, bytes, len);
    self->len += len;

    return true;
}

static bool
append_text(AkmaKeyLines *self, const char *text, GError **error)
{
    return append(self, text, strlen(text), error);
}

static bool
add_mosquitto(AkmaKeyLines *self, const AkmaKey *key, GError **error)
{
    char hex[AKMA_HEX_LEN(KEY_MAX) + 1];
    size_t len;
    const uint8_t *bytes = akma_secret_peek(key->secret, &len);
    bool ok;

    g_return_val_if_fail(len <= KEY_MAX, false);

    akma_hex_encode(bytes, len, hex);
    ok = append_text(self, key->identity, error) && append(self, ":", 1, error) &&
         append_text(self, hex, error) && append(self, "\n", 1, error);
    OPENSSL_cleanse(hex, sizeof hex);

    return ok;
}

static bool
add_json(AkmaKeyLines *self, const AkmaKsKey *row, GError **error)
{
    static const char *const states[] = {"current", "previous", "revoked"};
    g_autoptr(AkmaSecret) jwk = akma_key_to_jwk(row->key, error);
    g_autofree char *not_after = row->not_after > 0
                                     ? g_strdup_printf("%" G_GINT64_FORMAT, row->not_after)
                                     : g_strdup("null");
    g_autofree char *terminal =
        row->terminal ? g_strdup_printf("\"%s\"", row->terminal) : g_strdup("null");
    g_autofree char *head = NULL;
    const uint8_t *bytes;
    size_t len;

    if (!jwk)
        return false;

    /* all of these consist of letters, digits and . _ - : and need no escapes */
    head = g_strdup_printf("{\"application\":\"%s\",\"terminal\":%s,\"kid\":\"%s\","
                           "\"state\":\"%s\",\"created\":%" G_GINT64_FORMAT
                           ",\"not_after\":%s,\"jwk\":",
                           row->application,
                           terminal,
                           row->kid,
                           states[row->state],
                           row->created,
                           not_after);
    bytes = akma_secret_peek(jwk, &len);

    return append_text(self, head, error) && append(self, bytes, len, error) &&
           append(self, "}\n", 2, error);
}

bool
akma_key_lines_add(AkmaKeyLines *self,
                   AkmaKeyLinesFormat format,
                   const AkmaKsKey *key,
                   GError **error)
{
    switch (format) {
    case AKMA_KEY_LINES_MOSQUITTO:
        return add_mosquitto(self, key->key, error);
    case AKMA_KEY_LINES_JSON:
        return add_json(self, key, error);
    }

    g_return_val_if_reached(false);
}
