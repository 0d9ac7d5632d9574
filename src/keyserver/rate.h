/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rate: token buckets, one for all and one for each key of a table of fixed size.
 *
 * Times are milliseconds of a clock that only goes forward. A table never grows: under a flood
 * of new keys the fullest bucket of a row makes room, which forgets the most harmless one.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

G_BEGIN_DECLS

/* How fast a bucket fills, and how much it holds: at least one token. */
typedef struct {
    double per_ms;
    double size;
} AkmaFlow;

typedef struct {
    double tokens;
    uint64_t last_ms;
    bool used; /* before, it is full */
} AkmaBucket;

typedef struct _AkmaRateTable AkmaRateTable;

/* @events in @seconds, divided by @share (workers), times @factor. */
AkmaFlow akma_flow(uint64_t events, unsigned seconds, unsigned share, double factor);

/* Takes a token. False: @ret_wait_s seconds until there is one, at least 1. */
bool akma_bucket_take(AkmaBucket *self,
                      const AkmaFlow *flow,
                      uint64_t now_ms,
                      unsigned *ret_wait_s);

AkmaRateTable *akma_rate_table_new(const AkmaFlow *flow);
void akma_rate_table_free(AkmaRateTable *self);
bool akma_rate_table_take(
    AkmaRateTable *self, const void *key, size_t len, uint64_t now_ms, unsigned *ret_wait_s);

/*
 * What is counted as one address: IPv4, also inside IPv6, or the /64 of IPv6; a family byte and 8
 * more, all zero for a Unix socket. From a socket address, and from the text that a connection has.
 */
#define AKMA_ADDRESS_KEY_LEN 9
void akma_address_key(const struct sockaddr *address, uint8_t ret[static AKMA_ADDRESS_KEY_LEN]);
void akma_address_key_from_text(const char *text, uint8_t ret[static AKMA_ADDRESS_KEY_LEN]);

/* SipHash-2-4: which row of a table a key falls into must not be for strangers to choose. */
uint64_t akma_siphash(const uint8_t secret[static 16], const void *bytes, size_t len);

G_END_DECLS
