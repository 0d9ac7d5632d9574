/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * af-id: AF_ID of AKMA = NAF_Id of GBA: FQDN || 5 octets of the Ua* security protocol
 * identifier (TS 33.535 A.4, TS 33.220 Annex H).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_FQDN_MAX  253
#define AKMA_UA_ID_LEN 5

typedef enum {
    AKMA_UA_MESSAGE, /* FF 00 00 00 01: the messages of the key-delivery protocol */
    AKMA_UA_PSK,     /* 01 00 00 00 07: TLS 1.3 with the first key as PSK, TS 33.222 5.4.0.2 */
    AKMA_UA_DIGEST,  /* 01 00 00 00 02: HTTP Digest, TS 24.109 */
} AkmaUaProfile;

typedef struct {
    uint8_t bytes[AKMA_FQDN_MAX + AKMA_UA_ID_LEN];
    size_t len;
} AkmaAfId;

/*
 * @fqdn: host name in ASCII; made lower case, a final dot is dropped.
 * Errors: AKMA_ERROR_INVALID_ARGUMENT (empty, too long, characters outside [a-z0-9.-]).
 */
bool akma_af_id_init(AkmaAfId *ret, const char *fqdn, AkmaUaProfile profile, GError **error);

/* "<fqdn><10 hex digits>", lower case: how afId travels in TS 29.535. Free with g_free(). */
char *akma_af_id_dup_wire(const AkmaAfId *self);

/* Reverses akma_af_id_dup_wire(); the digits in either case. Errors: AKMA_ERROR_INVALID_ARGUMENT.
 */
bool akma_af_id_parse_wire(const char *text, AkmaAfId *ret, GError **error);

/* The host name in it. Free with g_free(). */
char *akma_af_id_dup_fqdn(const AkmaAfId *self);

G_END_DECLS
