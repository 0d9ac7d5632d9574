/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * metrics: figures of the workers, in memory that they share with the admin process and nobody
 * else. Each worker has a slot that it alone writes; whoever reads adds the slots up. There is no
 * lock: a worker that dies in the middle leaves a figure that is one event behind.
 *
 * Nothing in here is secret or names a terminal.
 */
#pragma once

#include "http/h2.h"
#include "proto/cause.h"
#include "proto/first-request.h"

#include <stdint.h>

G_BEGIN_DECLS

typedef enum {
    AKMA_PROFILE_MESSAGE,
    AKMA_PROFILE_PSK,
    AKMA_PROFILE_DIGEST,
    AKMA_N_PROFILES,
} AkmaProfile;

/* How an exchange or a request ended: an AkmaCause (NONE = ok), or one of these. */
#define AKMA_RESULT_UNFINISHED                                                                     \
    (AKMA_CAUSE_UPSTREAM_UNAVAILABLE + 1) /* the other side went away                              \
                                           */
#define AKMA_N_RESULTS (AKMA_RESULT_UNFINISHED + 1)

/* The kinds of AkmaAnchorKind, and before that is known. */
#define AKMA_KIND_UNKNOWN 2
#define AKMA_N_KINDS      3

/* Limits of connections: an AkmaH2Limit, or one of these. */
#define AKMA_LIMIT_ADDRESS AKMA_H2_N_LIMITS         /* connections in a time, of one address */
#define AKMA_LIMIT_TOTAL   (AKMA_LIMIT_ADDRESS + 1) /* and of all */
#define AKMA_N_LIMITS      (AKMA_LIMIT_TOTAL + 1)

/* What may be under way at once for others, and is refused over that. */
typedef enum {
    AKMA_ROOM_ANCHOR,    /* requests to one anchor */
    AKMA_ROOM_ANCHORS,   /* to all */
    AKMA_ROOM_PROVIDER,  /* to one provider */
    AKMA_ROOM_CONSUMERS, /* requests of consumers */
    AKMA_N_ROOMS,
} AkmaRoom;

#define AKMA_METRICS_NAME_SIZE 64
#define AKMA_METRICS_PEERS_MAX 32 /* of a kind; more are added up under "other" */
#define AKMA_METRICS_BUCKETS   15 /* of a histogram; the last one has no upper bound */

/* The upper bounds in microseconds, but for the last. */
extern const uint32_t akma_metrics_bounds_us[AKMA_METRICS_BUCKETS - 1];

typedef enum {
    AKMA_STORE_UNKNOWN, /* nothing was asked yet */
    AKMA_STORE_OK,
    AKMA_STORE_FAILED,
} AkmaStoreState;

typedef struct _AkmaMetrics AkmaMetrics; /* all slots */
typedef struct _AkmaFigures AkmaFigures; /* one */

/* Before the fork. Errors: AKMA_ERROR_INTERNAL. */
AkmaMetrics *akma_metrics_new(unsigned n_workers, GError **error);
void akma_metrics_free(AkmaMetrics *self); /* unmaps it here; others keep it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaMetrics, akma_metrics_free)
AkmaFigures *akma_metrics_get_slot(AkmaMetrics *self, unsigned worker);

/* --- a worker; NULL @self: nothing is counted --- */

/* @kind: AkmaAnchorKind or AKMA_KIND_UNKNOWN. @result: AkmaCause or AKMA_RESULT_UNFINISHED. */
void akma_figures_count_exchange(AkmaFigures *self,
                                 unsigned kind,
                                 AkmaProfile profile,
                                 unsigned result);
/* One second identifier inside an exchange: delivered (AKMA_CAUSE_NONE), or why not. */
void akma_figures_count_key(AkmaFigures *self, AkmaCause cause);
/* From the first request to the second response, of one that ended well. */
void akma_figures_time_exchange(AkmaFigures *self, uint64_t us);
void akma_figures_time_store(AkmaFigures *self, uint64_t us);
void akma_figures_set_store(AkmaFigures *self, AkmaStoreState state);
/* One connection. @limit: AkmaH2Limit or AKMA_LIMIT_*. */
void akma_figures_count_limit(AkmaFigures *self, unsigned limit);
/* One request that was not made or not served, since there was no room for it. */
void akma_figures_count_full(AkmaFigures *self, AkmaRoom room);
/* @name: of [anchor @name]. */
void akma_figures_count_anchor(AkmaFigures *self, const char *name, unsigned result);
/* Is the anchor left alone because it failed? */
void akma_figures_set_anchor(AkmaFigures *self, const char *name, bool broken);
/* The same of [provider @name]. */
void akma_figures_count_provider(AkmaFigures *self, const char *name, unsigned result);
void akma_figures_set_provider(AkmaFigures *self, const char *name, bool broken);
/* @name: of [consumer @name], who asked; NULL: nobody that is known, told as "unknown". */
void akma_figures_count_consumer(AkmaFigures *self, const char *name, unsigned result);

/* The configuration was read again: nobody has failed of those that stand there now. */
void akma_figures_set_untried(AkmaFigures *self);

typedef struct {
    uint64_t sessions;
    uint64_t connections;
    uint64_t handshakes;
} AkmaGauges;

/* It lives at @now_s (monotonic), and that is what is open. */
void akma_figures_set_alive(AkmaFigures *self, int64_t now_s, const AkmaGauges *gauges);
/* It has ended (said by the supervisor): nothing is open; what was counted stays. */
void akma_figures_set_ended(AkmaFigures *self);

/*
 * What the store holds. It is counted now and then, by whichever worker is first to claim that.
 */
#define AKMA_FLEET_APPLICATIONS_MAX 128 /* of more, the first ones by name are told */

typedef struct {
    char application[72];
    uint64_t keys[3]; /* by AkmaKeyState */
} AkmaFleetApplication;

typedef struct {
    uint64_t counted_s; /* Unix time; 0: never */
    uint64_t applications;
    uint64_t terminals;
    uint64_t revoked_terminals;
    uint64_t n_rows;
    AkmaFleetApplication rows[AKMA_FLEET_APPLICATIONS_MAX];
} AkmaFleet;

/* Is it time (monotonic), and did nobody else say so? Then it is not for @pause_s. */
bool akma_metrics_claim_fleet(AkmaMetrics *self, int64_t now_s, int64_t pause_s);
/* Counted; not again for @pause_s. */
void akma_metrics_set_fleet(AkmaMetrics *self,
                            const AkmaFleet *fleet,
                            int64_t now_s,
                            int64_t pause_s);

/* --- a reader --- */

/* counted_s 0: nothing was counted yet, or it is being written just now. */
void akma_metrics_get_fleet(const AkmaMetrics *self, AkmaFleet *ret);

typedef struct {
    char name[AKMA_METRICS_NAME_SIZE];
    uint64_t requests[AKMA_N_RESULTS];
    bool broken; /* for one worker at least */
} AkmaPeerTotals;

/* Anchors, providers or consumers. */
typedef struct {
    unsigned n;
    AkmaPeerTotals all[AKMA_METRICS_PEERS_MAX];
} AkmaPeersTotals;

typedef struct {
    uint64_t buckets[AKMA_METRICS_BUCKETS]; /* each alone, not added up */
    uint64_t sum_us;
} AkmaTimes;

/* All slots added up. */
typedef struct {
    unsigned workers;
    unsigned serving; /* those that were alive a moment ago */
    AkmaStoreState store;
    AkmaGauges gauges;
    uint64_t exchanges[AKMA_N_KINDS][AKMA_N_PROFILES][AKMA_N_RESULTS];
    uint64_t keys[AKMA_N_RESULTS];
    AkmaTimes exchange_times;
    AkmaTimes store_times;
    uint64_t limits[AKMA_N_LIMITS];
    uint64_t full[AKMA_N_ROOMS];
    AkmaPeersTotals anchors;
    AkmaPeersTotals providers;
    AkmaPeersTotals consumers;
} AkmaTotals;

/* A worker that did not say that it lives for AKMA_METRICS_ALIVE_S does not serve. */
#define AKMA_METRICS_ALIVE_S 10
void akma_metrics_add_up(const AkmaMetrics *self, int64_t now_s, AkmaTotals *ret);

/* "ok", "rate_limited", "unfinished"; "message"; "akma". Static. */
const char *akma_metrics_result_name(unsigned result);
const char *akma_metrics_profile_name(AkmaProfile profile);
const char *akma_metrics_kind_name(unsigned kind);
/* "idle"; those of [limits] by their setting. */
const char *akma_metrics_limit_name(unsigned limit);
const char *akma_metrics_room_name(AkmaRoom room);

G_END_DECLS
