/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/enrolment.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define SESSIONS_MAX      2
#define DIGEST_LEN        32
#define WAIT_FIRST_MS     1000
#define WAIT_MAX_MS       (UINT64_C(15) * 60 * 1000)
#define RETRY_AFTER_MAX_S 86400

struct _AkmaEnrolment {
    /* of this run */
    AkmaEnrolmentChoice choice;
    bool is_gba;
    bool is_fallback;               /* the card has AKMA, and GBA is used all the same */
    bool bootstrapped;              /* in this run: it is not done twice */
    GError *no_akma;                /* why AKMA was left; NULL: it was not */
    unsigned sessions;              /* with this anchor */
    uint8_t kid_digest[DIGEST_LEN]; /* of the kid that was read last: identities are not kept */
    GError *unknown;                /* why the anchor is read again; NULL: it was not yet */
    uint32_t random;                /* that came with it */
    /* over all runs */
    bool is_degraded;
    unsigned failures;
    uint64_t wait_ms;
    uint64_t hold_ms;
    GError *error;
};

AkmaEnrolment *
akma_enrolment_new(void)
{
    return g_new0(AkmaEnrolment, 1);
}

void
akma_enrolment_free(AkmaEnrolment *self)
{
    if (!self)
        return;

    g_clear_error(&self->error);
    g_clear_error(&self->unknown);
    g_clear_error(&self->no_akma);
    g_free(self);
}

AkmaEnrolmentAction
akma_enrolment_begin(AkmaEnrolment *self, AkmaEnrolmentChoice choice)
{
    self->choice = choice;
    self->is_gba = choice == AKMA_ENROLMENT_GBA;
    self->is_fallback = false;
    self->bootstrapped = false;
    g_clear_error(&self->no_akma);
    self->sessions = 0;
    self->wait_ms = 0;
    self->hold_ms = 0;
    g_clear_error(&self->error);
    g_clear_error(&self->unknown);

    return AKMA_ENROLMENT_READ_ANCHOR;
}

bool
akma_enrolment_is_gba(const AkmaEnrolment *self)
{
    return self->is_gba;
}

bool
akma_enrolment_wants_new(const AkmaEnrolment *self)
{
    return self->is_gba && self->unknown;
}

static AkmaEnrolmentAction
open_session(AkmaEnrolment *self)
{
    self->sessions++;

    return AKMA_ENROLMENT_OPEN_SESSION;
}

AkmaEnrolmentAction
akma_enrolment_succeeded(AkmaEnrolment *self)
{
    self->is_degraded = self->is_fallback;
    akma_enrolment_reset(self);

    return AKMA_ENROLMENT_DONE;
}

/* Retrying soon will not help: only a person can. */
static bool
is_final(AkmaCause cause)
{
    switch (cause) {
    case AKMA_CAUSE_MALFORMED:
    case AKMA_CAUSE_NOT_AUTHENTIC:
    case AKMA_CAUSE_TOO_LARGE:
    case AKMA_CAUSE_UNSUPPORTED_MEDIA_TYPE:
    case AKMA_CAUSE_WRONG_SERVER:
        return true;

    case AKMA_CAUSE_NONE:
    case AKMA_CAUSE_ANCHOR_KEY_UNKNOWN:
    case AKMA_CAUSE_SESSION_UNKNOWN:
    case AKMA_CAUSE_SESSION_USED:
    case AKMA_CAUSE_RATE_LIMITED:
    case AKMA_CAUSE_ANCHOR_REFUSED:
    case AKMA_CAUSE_ANCHOR_UNAVAILABLE:
    case AKMA_CAUSE_STORE_UNAVAILABLE:
    case AKMA_CAUSE_NOT_ENTITLED:
    case AKMA_CAUSE_REVOKED:
    case AKMA_CAUSE_UPSTREAM_REFUSED:
    case AKMA_CAUSE_UPSTREAM_UNAVAILABLE:
        return false;
    }

    return false;
}

/* Full jitter: anything from 0 to 1, 2, 4 ... s, at most 15 min. */
static uint64_t
draw_wait_ms(unsigned failures, uint32_t random)
{
    uint64_t most = failures < 10 ? (uint64_t)WAIT_FIRST_MS << failures : WAIT_MAX_MS;

    return MIN(most, WAIT_MAX_MS) * random / UINT32_MAX;
}

/* What failed, and if AKMA was left before, why. */
static GError *
dup_error(const AkmaEnrolment *self, const GError *error)
{
    GError *copy;

    if (!self->no_akma)
        return g_error_copy(error);
    /* no session with GBA: it gave no key either, and AKMA is what may come by itself */
    if (self->sessions == 0 &&
        g_error_matches(self->no_akma, AKMA_ERROR, AKMA_ERROR_ANCHOR_NOT_READY))
        return g_error_new(AKMA_ERROR,
                           AKMA_ERROR_ANCHOR_NOT_READY,
                           "%s; and over GBA: %s",
                           self->no_akma->message,
                           error->message);
    copy = g_error_copy(error);
    g_prefix_error(&copy, "no AKMA (%s); ", self->no_akma->message);

    return copy;
}

static AkmaEnrolmentAction
give_up(AkmaEnrolment *self,
        const GError *error,
        AkmaCause cause,
        unsigned retry_after_s,
        uint32_t random)
{
    uint64_t least = (uint64_t)MIN(retry_after_s, RETRY_AFTER_MAX_S) * 1000;

    self->wait_ms = is_final(cause) ? WAIT_MAX_MS : draw_wait_ms(self->failures, random);
    self->wait_ms = MAX(self->wait_ms, least);
    self->hold_ms = cause == AKMA_CAUSE_RATE_LIMITED ? least : 0;
    if (self->failures < 10)
        self->failures++;
    g_clear_error(&self->error);
    self->error = dup_error(self, error);

    return AKMA_ENROLMENT_FAILED;
}

static bool
is_auto(const AkmaEnrolment *self)
{
    return self->choice == AKMA_ENROLMENT_AUTO || self->choice == AKMA_ENROLMENT_AUTO_BY_CARD;
}

/* From AKMA to GBA; each has its own sessions. */
static AkmaEnrolmentAction
turn_to_gba(AkmaEnrolment *self, const GError *why, bool is_fallback)
{
    g_clear_error(&self->no_akma);
    self->no_akma = g_error_copy(why);
    self->is_gba = true;
    self->is_fallback = is_fallback;
    self->sessions = 0;
    g_clear_error(&self->unknown);

    return AKMA_ENROLMENT_READ_ANCHOR;
}

/* Nobody knows the key of this anchor. */
static AkmaEnrolmentAction
leave_anchor(AkmaEnrolment *self, const GError *error, unsigned retry_after_s, uint32_t random)
{
    if (self->choice == AKMA_ENROLMENT_AUTO && !self->is_gba)
        return turn_to_gba(self, error, true);

    return give_up(self, error, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, retry_after_s, random);
}

/*
 * Read again because the operator did not know the kid: at once only with another one, else the
 * refusal that led here stands.
 */
AkmaEnrolmentAction
akma_enrolment_anchor_read(AkmaEnrolment *self, const char *kid, bool is_new)
{
    uint8_t digest[DIGEST_LEN];
    bool same;

    /* a digest that fails is no reason to hammer: it counts as the same one */
    if (EVP_Digest(kid, strlen(kid), digest, NULL, EVP_sha256(), NULL) != 1)
        memcpy(digest, self->kid_digest, sizeof digest);
    same = CRYPTO_memcmp(digest, self->kid_digest, sizeof digest) == 0;
    memcpy(self->kid_digest, digest, sizeof digest);
    self->bootstrapped = self->bootstrapped || is_new;

    if (self->unknown && same) {
        g_autoptr(GError) error = g_steal_pointer(&self->unknown);

        return leave_anchor(self, error, 0, self->random);
    }

    return open_session(self);
}

AkmaEnrolmentAction
akma_enrolment_failed(AkmaEnrolment *self,
                      const GError *error,
                      AkmaCause cause,
                      unsigned retry_after_s,
                      uint32_t random)
{
    bool again = self->sessions > 0 && self->sessions < SESSIONS_MAX;

    if (is_auto(self) && !self->is_gba && self->sessions == 0) {
        if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED))
            return turn_to_gba(self, error, false);
        if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_NOT_READY))
            return turn_to_gba(self, error, true);
    }
    if (again && cause == AKMA_CAUSE_ANCHOR_KEY_UNKNOWN && !self->unknown && !self->bootstrapped) {
        self->unknown = g_error_copy(error);
        self->random = random;
        return AKMA_ENROLMENT_READ_ANCHOR;
    }
    if (cause == AKMA_CAUSE_ANCHOR_KEY_UNKNOWN && self->unknown)
        return leave_anchor(self, error, retry_after_s, random);
    if (again && (cause == AKMA_CAUSE_NOT_AUTHENTIC || cause == AKMA_CAUSE_SESSION_UNKNOWN ||
                  cause == AKMA_CAUSE_SESSION_USED))
        return open_session(self);

    return give_up(self, error, cause, retry_after_s, random);
}

AkmaEnrolmentAction
akma_enrolment_anchor_expired(AkmaEnrolment *self, const GError *error, uint32_t random)
{
    if (self->is_gba && !self->bootstrapped && self->sessions < SESSIONS_MAX)
        return AKMA_ENROLMENT_READ_ANCHOR;

    return give_up(self, error, AKMA_CAUSE_NONE, 0, random);
}

bool
akma_enrolment_is_degraded(const AkmaEnrolment *self)
{
    return self->is_degraded;
}

const GError *
akma_enrolment_get_error(const AkmaEnrolment *self)
{
    return self->error;
}

uint64_t
akma_enrolment_get_wait_ms(const AkmaEnrolment *self)
{
    return self->wait_ms;
}

uint64_t
akma_enrolment_get_hold_ms(const AkmaEnrolment *self)
{
    return self->hold_ms;
}

void
akma_enrolment_reset(AkmaEnrolment *self)
{
    self->failures = 0;
    self->wait_ms = 0;
}
