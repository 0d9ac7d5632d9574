/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "base/error.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MAC_CTX, EVP_MAC_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MAC, EVP_MAC_free)

/*
 * A context without a key, made once and only copied afterwards: to fetch HMAC and SHA-256
 * anew for each call costs more than the MAC itself. It lives as long as the process.
 */
static EVP_MAC_CTX *
new_template(void)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    g_autoptr(EVP_MAC) mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    g_autoptr(EVP_MAC_CTX) context = mac ? EVP_MAC_CTX_new(mac) : NULL;

    if (!context || EVP_MAC_CTX_set_params(context, params) != 1)
        return NULL;

    return g_steal_pointer(&context);
}

static const EVP_MAC_CTX *
get_template(void)
{
    static EVP_MAC_CTX *template;
    static gsize once;

    if (g_once_init_enter(&once)) {
        template = new_template();
        g_once_init_leave(&once, 1);
    }

    return template;
}

static bool
run(EVP_MAC_CTX *context,
    const void *key,
    size_t key_len,
    const AkmaHmacPiece *pieces,
    size_t n_pieces,
    uint8_t out[static 32])
{
    size_t len;

    if (EVP_MAC_init(context, key, key_len, NULL) != 1)
        return false;
    for (size_t i = 0; i < n_pieces; i++) {
        if (pieces[i].len > 0 && EVP_MAC_update(context, pieces[i].bytes, pieces[i].len) != 1)
            return false;
    }

    return EVP_MAC_final(context, out, &len, 32) == 1 && len == 32;
}

bool
akma_hmac_sha256(const void *key,
                 size_t key_len,
                 const AkmaHmacPiece *pieces,
                 size_t n_pieces,
                 uint8_t ret[static 32],
                 GError **error)
{
    const EVP_MAC_CTX *template = get_template();
    /* freeing the copy wipes the key in it */
    g_autoptr(EVP_MAC_CTX) context = template ? EVP_MAC_CTX_dup(template) : NULL;
    g_auto(AkmaKey256) out = {0};

    if (!context || !run(context, key, key_len, pieces, n_pieces, out.bytes)) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "libcrypto: HMAC failed");
        return false;
    }

    memcpy(ret, out.bytes, sizeof out.bytes);

    return true;
}
