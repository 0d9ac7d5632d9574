/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* certificate-time: which time certificates are looked at with, and what a refusal says. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

/* What is known about the time; Unix seconds. */
typedef struct {
    int64_t wall;  /* the system's clock */
    int64_t build; /* it cannot be earlier */
    int64_t seen;  /* what time this server told last; 0: none */
} AkmaCertificateTime;

/*
 * The clock, if it can be right; else the later of the other two, so that a gateway without
 * battery reaches its server before it has the time. What servers told counts only then: one
 * whose clock is far ahead must not end every certificate for good.
 */
int64_t akma_certificate_time_get(const AkmaCertificateTime *self);

/*
 * Why certificates are refused, where time is the reason: @verify_result is X509_V_ERR_*.
 * Returns: (transfer full): "the clock shows ...; next: set the clock ..."; NULL: time is not it.
 */
char *akma_certificate_time_explain(const AkmaCertificateTime *self, long verify_result);

G_END_DECLS
