/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * breaker: leaves somebody alone who failed again and again; pure.
 *
 *   CLOSED --10 failures in a row--> BROKEN --2 s--> one request --answered--> CLOSED
 *                                      ^                  |
 *                                      `------failed------'
 *
 * A failure is what no stranger can cause: a time-out, a broken connection, a 5xx.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define AKMA_BREAKER_FAILURES 10
#define AKMA_BREAKER_MS       2000

typedef struct {
    unsigned failures; /* in a row */
    uint64_t until_ms; /* nobody is let through before */
    bool trying;       /* the one request is under way */
} AkmaBreaker;

/* May a request be made? @ret_trial: it is the one that finds out; release it in any case. */
bool akma_breaker_take(AkmaBreaker *self, uint64_t now_ms, bool *ret_trial);

/* A request was answered, or failed. Returns: true if it broke with this failure. */
bool akma_breaker_count(AkmaBreaker *self, uint64_t now_ms, bool failed);

/* The trial has ended, counted or not. */
void akma_breaker_release(AkmaBreaker *self);

bool akma_breaker_is_broken(const AkmaBreaker *self);
