/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/af-id.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define LABEL_MAX 63

static bool
reject(GError **error, const char *message)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, message);

    return false;
}

/* Copies @text as a host name in lower case. Returns: its length, 0 = it is none. */
static size_t
copy_fqdn(const char *text, size_t len, uint8_t ret[static AKMA_FQDN_MAX])
{
    size_t label = 0;

    if (len > 0 && text[len - 1] == '.')
        len--;
    if (len == 0 || len > AKMA_FQDN_MAX)
        return 0;

    for (size_t i = 0; i < len; i++) {
        char c = g_ascii_tolower(text[i]);

        if (!g_ascii_isalnum(c) && c != '-' && c != '.')
            return 0;
        if (c == '.' && label == 0)
            return 0;
        label = c == '.' ? 0 : label + 1;
        if (label > LABEL_MAX)
            return 0;
        ret[i] = (uint8_t)c;
    }

    return label > 0 ? len : 0;
}

/*= TS 33.535 A.4: AF_ID = FQDN of the AF || Ua* security protocol identifier */
static bool
assemble(AkmaAfId *ret,
         const char *fqdn,
         size_t fqdn_len,
         const uint8_t ua_id[static AKMA_UA_ID_LEN],
         GError **error)
{
    AkmaAfId id = {0};

    id.len = copy_fqdn(fqdn, fqdn_len, id.bytes);
    if (id.len == 0)
        return reject(error, "not a host name in ASCII");

    memcpy(id.bytes + id.len, ua_id, AKMA_UA_ID_LEN);
    id.len += AKMA_UA_ID_LEN;
    *ret = id;

    return true;
}

bool
akma_af_id_init(AkmaAfId *ret, const char *fqdn, AkmaUaProfile profile, GError **error)
{
    /*= TS 33.220 H.3: 01 is 3GPP with the protocols it lists, FF is for local use */
    static const uint8_t ids[][AKMA_UA_ID_LEN] = {
        [AKMA_UA_MESSAGE] = {0xff, 0x00, 0x00, 0x00, 0x01},
        [AKMA_UA_PSK] = {0x01, 0x00, 0x00, 0x00, 0x07},
        [AKMA_UA_DIGEST] = {0x01, 0x00, 0x00, 0x00, 0x02},
    };

    g_return_val_if_fail((size_t)profile < G_N_ELEMENTS(ids), false);

    return assemble(ret, fqdn, strlen(fqdn), ids[profile], error);
}

char *
akma_af_id_dup_fqdn(const AkmaAfId *self)
{
    g_return_val_if_fail(self->len > AKMA_UA_ID_LEN && self->len <= sizeof self->bytes, NULL);

    return g_strndup((const char *)self->bytes, self->len - AKMA_UA_ID_LEN);
}

char *
akma_af_id_dup_wire(const AkmaAfId *self)
{
    g_autofree char *fqdn = akma_af_id_dup_fqdn(self);
    char digits[AKMA_HEX_LEN(AKMA_UA_ID_LEN) + 1];

    g_return_val_if_fail(fqdn, NULL);

    akma_hex_encode(self->bytes + self->len - AKMA_UA_ID_LEN, AKMA_UA_ID_LEN, digits);

    return g_strconcat(fqdn, digits, NULL);
}

bool
akma_af_id_parse_wire(const char *text, AkmaAfId *ret, GError **error)
{
    const size_t digits = AKMA_HEX_LEN(AKMA_UA_ID_LEN);
    size_t len = strlen(text);
    uint8_t ua_id[AKMA_UA_ID_LEN];

    if (len <= digits || !akma_hex_decode(text + len - digits, digits, ua_id, sizeof ua_id))
        return reject(error, "no Ua* protocol identifier of 10 hex digits at the end");

    return assemble(ret, text, len - digits, ua_id, error);
}
