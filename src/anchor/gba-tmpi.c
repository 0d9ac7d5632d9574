/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/gba-tmpi.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define UA_ID    "0100000100" /* TS 33.220 H.3 */
#define DOMAIN   "@tmpi.bsf.3gppnetwork.org"
#define TEMP_LEN 24

bool
akma_gba_tmpi_is_known(const char *server)
{
    g_auto(GStrv) words = g_strsplit_set(server ? server : "", " \t;", -1);

    return g_strv_contains((const char *const *)words, AKMA_TMPI_TOKEN);
}

/*= TS 33.220 B.4: TMPI = base64(24 octets of KDF(Ks, "gba-me", RAND, IMPI, BSF_Id))@tmpi.bsf... */
char *
akma_gba_dup_tmpi(const AkmaBootstrapping *self, const char *impi, GError **error)
{
    const char *at = strchr(self->b_tid, '@');
    g_autofree char *wire = g_strconcat(at ? at + 1 : "", UA_ID, NULL);
    char temp[AKMA_BASE64_LEN(TEMP_LEN) + 1];
    g_autoptr(AkmaSecret) key = NULL;
    AkmaAfId bsf_id;
    size_t len;

    if (!akma_af_id_parse_wire(wire, &bsf_id, error))
        return NULL;
    key = akma_bootstrapping_derive(self, impi, &bsf_id, error);
    if (!key)
        return NULL;
    akma_base64_encode(akma_secret_peek(key, &len), TEMP_LEN, temp);

    return g_strconcat(temp, DOMAIN, NULL);
}
