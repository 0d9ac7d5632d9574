/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * digest: HTTP Digest with AKAv1-MD5 (RFC 3310, RFC 2617) as a server sees it: credentials read
 * strictly, the response they should have, the proof for the answer. Pure.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_LAB_MD5_SIZE 33 /* hex and a NUL */

/* Unquoted; NULL: not there. */
typedef struct {
    char *text; /* the others stand in it */
    const char *username, *realm, *nonce, *uri, *response;
    const char *algorithm, *cnonce, *opaque, *qop, *nc, *auts;
} AkmaLabCredentials;

void akma_lab_credentials_clear(AkmaLabCredentials *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaLabCredentials, akma_lab_credentials_clear)

/*
 * The value of an Authorization field. False: not Digest, not its grammar, one of the members
 * above twice, or a backslash in a value (nobody needs one here). Members it does not know are
 * skipped.
 */
bool akma_lab_credentials_parse(const char *field, AkmaLabCredentials *ret);

/*
 * The hex digest that proves @password: of a request with its @method, of the answer to it
 * (rspauth) with "". It covers @body if qop is auth-int. False: libcrypto failed.
 */
bool akma_lab_digest(const AkmaLabCredentials *credentials,
                     const uint8_t *password,
                     size_t password_len,
                     const char *method,
                     const uint8_t *body,
                     size_t body_len,
                     char ret[static AKMA_LAB_MD5_SIZE]);

G_END_DECLS
