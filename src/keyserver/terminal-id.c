/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/terminal-id.h"

#include <string.h>

#include "base/text.h"
#include "kdf/hmac.h"

#define LABEL "akmad/1 terminal"
#define IMSI  "imsi-"
#define PHONE "msisdn-"
#define EXTID "extid-"

char *
akma_terminal_id_new(const AkmaSecret *id_key,
                     const char *scope,
                     const char *
                     operator,
                     const char * identity,
                     size_t identity_len,
                     GError **error)
{
    char text[AKMA_BASE64URL_LEN(32) + 1];
    const uint8_t *key;
    uint8_t id[32];
    size_t key_len;
    /* each name with its final NUL, which is the separator */
    const AkmaHmacPiece pieces[] = {
        {LABEL, sizeof LABEL},
        {scope, strlen(scope) + 1},
        {operator, strlen(operator) + 1},
        {identity, identity_len},
    };

    key = akma_secret_peek(id_key, &key_len);
    if (!akma_hmac_sha256(key, key_len, pieces, G_N_ELEMENTS(pieces), id, error))
        return NULL;
    akma_base64url_encode(id, sizeof id, text);

    return g_strdup(text);
}

static bool
is_number(const char *text, size_t len)
{
    if (len < 5 || len > 15)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isdigit(text[i]))
            return false;
    }

    return true;
}

static bool
starts_with(const char *text, size_t len, const char *prefix)
{
    return len >= strlen(prefix) && strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
is_external_id(const char *text, size_t len)
{
    size_t ats = 0;

    if (len < 3 || text[0] == '@' || text[len - 1] == '@')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isgraph(text[i]))
            return false;
        ats += text[i] == '@';
    }

    return ats == 1;
}

bool
akma_identity_is_valid(AkmaIdentityKind kind, const char *identity, size_t len)
{
    if (len > AKMA_IDENTITY_MAX)
        return false;

    switch (kind) {
    case AKMA_IDENTITY_SUPI:
        return starts_with(identity, len, IMSI) &&
               is_number(identity + strlen(IMSI), len - strlen(IMSI));
    case AKMA_IDENTITY_GPSI:
        return (starts_with(identity, len, PHONE) &&
                is_number(identity + strlen(PHONE), len - strlen(PHONE))) ||
               (starts_with(identity, len, EXTID) &&
                is_external_id(identity + strlen(EXTID), len - strlen(EXTID)));
    }

    g_return_val_if_reached(false);
}
