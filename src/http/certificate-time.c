/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/certificate-time.h"

#include <openssl/x509_vfy.h>

#define SET_CLOCK "set the clock (timedatectl), then nothing else has to be done"

int64_t
akma_certificate_time_get(const AkmaCertificateTime *self)
{
    return self->wall >= self->build ? self->wall : MAX(self->build, self->seen);
}

/* UTC, to the minute; without the year 10000 and such. */
static char *
dup_text(int64_t time)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(time);

    return date ? g_date_time_format(date, "%Y-%m-%d %H:%M UTC")
                : g_strdup_printf("%" G_GINT64_FORMAT " s", time);
}

char *
akma_certificate_time_explain(const AkmaCertificateTime *self, long verify_result)
{
    g_autofree char *shown = dup_text(self->wall);
    g_autofree char *built = dup_text(self->build);

    if (verify_result != X509_V_ERR_CERT_NOT_YET_VALID &&
        verify_result != X509_V_ERR_CERT_HAS_EXPIRED)
        return NULL;
    if (self->wall < self->build)
        return g_strdup_printf(
            "the clock shows %s, but this program was built on %s; next: " SET_CLOCK, shown, built);
    if (verify_result == X509_V_ERR_CERT_NOT_YET_VALID)
        return g_strdup_printf("the clock shows %s; next: if that is wrong, " SET_CLOCK
                               "; else ask the server's operator for a certificate of today",
                               shown);

    return g_strdup_printf("the clock shows %s; next: if that is wrong, " SET_CLOCK
                           "; else ask the server's operator to renew the certificate",
                           shown);
}
