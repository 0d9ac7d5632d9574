/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* gba-names: the names that GBA makes from an IMSI: IMPI, BSF, and what a BSF may call itself. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* Both hold or tell the subscriber's identity or network; wiped by akma_gba_names_clear(). */
typedef struct {
    char *impi; /* who is authenticated; in Ks_NAF too */
    char *url;  /* of the BSF */
    char *host; /* what the BSF is called in the first request */
    char *home; /* bsf.mncNNN.mccNNN.pub.3gppnetwork.org */
} AkmaGbaNames;

void akma_gba_names_clear(AkmaGbaNames *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaGbaNames, akma_gba_names_clear)

/*
 * @url, @impi: of the configuration; NULL: made from @imsi (digits) and @mnc_length (2 or 3).
 * Errors: AKMA_ERROR_CONFIG_INVALID, AKMA_ERROR_INVALID_ARGUMENT.
 */
bool akma_gba_names_init(AkmaGbaNames *ret,
                         const char *imsi,
                         unsigned mnc_length,
                         const char *url,
                         const char *impi,
                         GError **error);

/*
 * May the BSF of these names call itself @realm? Its host, its name made from the IMSI, or the
 * domain of the IMPI.
 */
bool akma_gba_names_allow_realm(const AkmaGbaNames *self, const char *realm);
/* The same for each URI of the list @domain (RFC 2617 3.2.1); NULL and "" are fine. */
bool akma_gba_names_allow_domain(const AkmaGbaNames *self, const char *domain);

/* user@domain, printable, without quotes: fit for HTTP Digest and for the KDF. */
bool akma_gba_impi_is_valid(const char *impi);

G_END_DECLS
