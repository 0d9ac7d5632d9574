/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/gba-names.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/settings.h"
#include "kdf/plmn.h"

#define MCC_LEN  3
#define IMPI_MAX 255

static void
wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    g_free(text);
}

void
akma_gba_names_clear(AkmaGbaNames *self)
{
    wipe(self->impi);
    g_free(self->url);
    g_free(self->host);
    g_free(self->home);
    *self = (AkmaGbaNames){0};
}

bool
akma_gba_impi_is_valid(const char *impi)
{
    size_t len = strlen(impi);
    const char *at = strchr(impi, '@');

    for (size_t i = 0; i < len; i++) {
        if (impi[i] < 0x21 || impi[i] > 0x7e || impi[i] == '"' || impi[i] == '\\')
            return false;
    }

    return len <= IMPI_MAX && at && at != impi && at[1] != '\0' && !strchr(at + 1, '@');
}

/*= TS 23.003 13.3: IMPI of a USIM is <IMSI>@ims.mnc<MNC>.mcc<MCC>.3gppnetwork.org */
/*= TS 23.003 16.2: the BSF is bsf.mnc<MNC>.mcc<MCC>.pub.3gppnetwork.org */
static bool
make(AkmaGbaNames *ret, const char *imsi, unsigned mnc_length, GError **error)
{
    static const char suffix[] = ".3gppnetwork.org";
    char mcc[MCC_LEN + 1] = {0};
    char mnc[MCC_LEN + 1] = {0};
    g_autofree char *domain = NULL;
    g_autofree char *plmn = NULL;

    memcpy(mcc, imsi, MCC_LEN);
    memcpy(mnc, imsi + MCC_LEN, mnc_length);
    domain = akma_plmn_dup_domain(mcc, mnc, error);
    if (!domain)
        return false;

    plmn = g_strndup(domain, strlen(domain) - strlen(suffix));
    ret->impi = g_strdup_printf("%s@ims.%s", imsi, domain);
    ret->home = g_strdup_printf("bsf.%s.pub%s", plmn, suffix);

    return true;
}

bool
akma_gba_names_init(AkmaGbaNames *ret,
                    const char *imsi,
                    unsigned mnc_length,
                    const char *url,
                    const char *impi,
                    GError **error)
{
    g_auto(AkmaGbaNames) names = {0};
    uint16_t port;
    bool tls;

    g_return_val_if_fail(strlen(imsi) >= MCC_LEN + mnc_length && mnc_length <= MCC_LEN, false);

    if (!make(&names, imsi, mnc_length, error))
        return false;
    if (impi) {
        wipe(names.impi);
        names.impi = g_strdup(impi);
    }
    names.url = url ? g_strdup(url) : g_strdup_printf("http://%s/", names.home);
    if (!akma_gba_impi_is_valid(names.impi) ||
        !akma_setting_parse_url(names.url, &tls, &names.host, &port)) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID, "the IMPI or the BSF is not usable");
        return false;
    }
    /* an address is no name that a BSF has */
    if (g_hostname_is_ip_address(names.host)) {
        g_free(names.host);
        names.host = g_strdup(names.home);
    }

    *ret = names;
    names = (AkmaGbaNames){0};

    return true;
}

/*= TS 24.109 4.2: the realm is the name of the BSF, or the domain of the home network */
bool
akma_gba_names_allow_realm(const AkmaGbaNames *self, const char *realm)
{
    return g_ascii_strcasecmp(realm, self->host) == 0 ||
           g_ascii_strcasecmp(realm, self->home) == 0 ||
           g_ascii_strcasecmp(realm, strchr(self->impi, '@') + 1) == 0;
}

static bool
allow_uri(const AkmaGbaNames *self, const char *uri)
{
    g_autofree char *host = NULL;
    g_autofree char *origin = NULL;
    const char *slashes = strstr(uri, "://");
    const char *path = slashes ? strchr(slashes + 3, '/') : NULL;
    uint16_t port;
    bool tls;

    if (uri[0] == '/')
        return uri[1] != '/';
    origin = path ? g_strndup(uri, (size_t)(path - uri)) : g_strdup(uri);

    return akma_setting_parse_url(origin, &tls, &host, &port) &&
           akma_gba_names_allow_realm(self, host);
}

bool
akma_gba_names_allow_domain(const AkmaGbaNames *self, const char *domain)
{
    g_auto(GStrv) uris = g_strsplit(domain ? domain : "", " ", -1);

    for (char **uri = uris; *uri; uri++) {
        if (**uri != '\0' && !allow_uri(self, *uri))
            return false;
    }

    return true;
}
