/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/first-response.h"

#include "base/error.h"
#include "base/text.h"
#include "base/wiping.h"
#include "proto/json.h"
#include "proto/key-set.h"

#define SERVER_MAX 253

void
akma_first_response_clear(AkmaFirstResponse *self)
{
    g_free(self->sealed);
    *self = (AkmaFirstResponse){0};
}

GBytes *
akma_first_response_to_json(const AkmaFirstResponse *self)
{
    char session[AKMA_BASE64URL_LEN(AKMA_SESSION_ID_LEN) + 1];
    char nonce[AKMA_BASE64URL_LEN(AKMA_NONCE_LEN) + 1];
    json_auto_t *root = NULL;

    akma_base64url_encode(self->session, AKMA_SESSION_ID_LEN, session);
    akma_base64url_encode(self->nonce, AKMA_NONCE_LEN, nonce);
    root = json_pack("{s:s, s:s, s:I, s:s}",
                     "session",
                     session,
                     "nonce",
                     nonce,
                     "expires_in",
                     (json_int_t)self->expires_in_s,
                     "sealed",
                     self->sealed);

    return root ? akma_json_dump(root) : NULL;
}

bool
akma_first_response_from_json(const void *body,
                              size_t len,
                              AkmaFirstResponse *ret,
                              AkmaRefusal *ret_refusal)
{
    json_auto_t *root = akma_json_load(body, len, AKMA_RESPONSE_MAX, ret_refusal);
    AkmaFirstResponse response = {0};
    const char *detail = NULL;
    const char *sealed;
    int64_t expires_in;

    if (!root)
        return false;

    if (!akma_json_get_bytes(root, "session", response.session, sizeof response.session))
        detail = "session is not 16 bytes in base64url";
    else if (!akma_json_get_bytes(root, "nonce", response.nonce, sizeof response.nonce))
        detail = "nonce is not 32 bytes in base64url";
    else if (!akma_json_get_int(root, "expires_in", 1, AKMA_SESSION_LIFETIME_S, &expires_in))
        detail = "expires_in is not 1 to 60 seconds";
    else if (!akma_json_get_text(root, "sealed", 1, AKMA_RESPONSE_MAX, &sealed))
        detail = "sealed is not a string";

    if (detail)
        return akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, detail);

    response.expires_in_s = (unsigned)expires_in;
    response.sealed = g_strdup(sealed);
    *ret = response;

    return true;
}

void
akma_offer_clear(AkmaOffer *self)
{
    g_free(self->server);
    akma_wiping_free(self->terminal);
    g_strfreev(self->key_ids);
    *self = (AkmaOffer){0};
}

AkmaSecret *
akma_offer_to_json(const char *server,
                   const char *terminal,
                   const char *const *key_ids,
                   GError **error)
{
    json_auto_t *root =
        json_pack("{s:s, s:s*, s:[]}", "server", server, "terminal", terminal, "key_ids");
    json_t *array = json_object_get(root, "key_ids");

    for (size_t i = 0; key_ids && key_ids[i] && i < AKMA_OFFER_IDS_MAX; i++) {
        if (json_array_append_new(array, json_string(key_ids[i])) < 0) {
            g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "out of memory");
            return NULL;
        }
    }

    return akma_json_dump_secret(root, error);
}

bool
akma_offer_from_json(const AkmaSecret *plaintext, AkmaOffer *ret, AkmaRefusal *ret_refusal)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(plaintext, &len);
    json_auto_t *root = akma_json_load(bytes, len, AKMA_RESPONSE_MAX, ret_refusal);
    g_auto(GStrv) key_ids = NULL;
    const char *server;
    const char *terminal = NULL;
    const char *detail = NULL;

    if (!root)
        return false;

    if (!akma_json_get_text(root, "server", 1, SERVER_MAX, &server))
        detail = "server is not a host name";
    else if (json_object_get(root, "terminal") &&
             (!akma_json_get_text(root, "terminal", 1, AKMA_TERMINAL_MAX, &terminal) ||
              !akma_text_is_graphic(terminal)))
        detail = "terminal is not a name";
    else if (!akma_json_get_key_ids(root, "key_ids", 0, AKMA_OFFER_IDS_MAX, &key_ids))
        detail = "key_ids are not at most 64 different identifiers";

    if (detail)
        return akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, detail);

    *ret = (AkmaOffer){
        .server = g_strdup(server),
        .terminal = terminal ? akma_wiping_strdup(terminal) : NULL,
        .key_ids = g_steal_pointer(&key_ids),
    };

    return true;
}
