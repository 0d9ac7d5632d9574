/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/redact.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define SALT_LEN  16
#define SHOWN_LEN 4

char *
akma_log_redact(const char *identity)
{
    static uint8_t salt[SALT_LEN];
    static gsize salted;
    g_autoptr(GByteArray) input = g_byte_array_new();
    uint8_t digest[EVP_MAX_MD_SIZE];
    char text[1 + AKMA_HEX_LEN(SHOWN_LEN) + 1] = "#";

    if (!identity)
        return g_strdup("-");

    if (g_once_init_enter(&salted))
        g_once_init_leave(&salted, RAND_bytes(salt, sizeof salt) == 1 ? 1 : 2);

    g_byte_array_append(input, salt, sizeof salt);
    g_byte_array_append(input, (const uint8_t *)identity, (guint)strlen(identity));
    /* without a salt (2) or a digest, tell nothing at all */
    if (salted != 1 || !EVP_Digest(input->data, input->len, digest, NULL, EVP_sha256(), NULL))
        return g_strdup("#");

    akma_hex_encode(digest, SHOWN_LEN, text + 1);

    return g_strdup(text);
}
