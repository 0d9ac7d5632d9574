/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/metrics.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

typedef _Atomic uint64_t Count;

_Static_assert(sizeof(AkmaFleet) % sizeof(uint64_t) == 0, "copied word by word");

typedef struct {
    char name[AKMA_METRICS_NAME_SIZE]; /* set before @n counts it, then never changed */
    Count requests[AKMA_N_RESULTS];
    Count broken;
} PeerSlot;

typedef struct {
    Count n;
    PeerSlot all[AKMA_METRICS_PEERS_MAX];
} PeersSlot;

typedef struct {
    Count buckets[AKMA_METRICS_BUCKETS];
    Count sum_us;
} TimesSlot;

struct _AkmaFigures {
    Count alive_s; /* monotonic; 0: it does not run */
    Count store;   /* AkmaStoreState */
    Count sessions;
    Count connections;
    Count handshakes;
    Count exchanges[AKMA_N_KINDS][AKMA_N_PROFILES][AKMA_N_RESULTS];
    Count keys[AKMA_N_RESULTS];
    TimesSlot exchange_times;
    TimesSlot store_times;
    Count limits[AKMA_N_LIMITS];
    Count full[AKMA_N_ROOMS];
    PeersSlot anchors;
    PeersSlot providers;
    PeersSlot consumers;
};

#define FLEET_WORDS (sizeof(AkmaFleet) / sizeof(uint64_t))

struct _AkmaMetrics {
    unsigned n_workers;
    Count fleet_due_s;  /* monotonic */
    Count fleet_writes; /* odd: somebody writes, or died doing so */
    Count fleet[FLEET_WORDS];
    AkmaFigures slots[];
};

const uint32_t akma_metrics_bounds_us[AKMA_METRICS_BUCKETS - 1] = {
    500,
    1000,
    2500,
    5000,
    10000,
    25000,
    50000,
    100000,
    250000,
    500000,
    1000000,
    2500000,
    5000000,
    10000000,
};

static size_t
get_size(unsigned n_workers)
{
    return sizeof(AkmaMetrics) + n_workers * sizeof(AkmaFigures);
}

AkmaMetrics *
akma_metrics_new(unsigned n_workers, GError **error)
{
    AkmaMetrics *self =
        mmap(NULL, get_size(n_workers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (self == MAP_FAILED) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "shared memory: %s", g_strerror(errno));
        return NULL;
    }
    self->n_workers = n_workers;

    return self;
}

void
akma_metrics_free(AkmaMetrics *self)
{
    if (self)
        munmap(self, get_size(self->n_workers));
}

AkmaFigures *
akma_metrics_get_slot(AkmaMetrics *self, unsigned worker)
{
    g_return_val_if_fail(worker < self->n_workers, NULL);

    return &self->slots[worker];
}

/* --- a worker --- */

static void
add(Count *count, uint64_t n)
{
    atomic_fetch_add_explicit(count, n, memory_order_relaxed);
}

static void
set(Count *count, uint64_t value)
{
    atomic_store_explicit(count, value, memory_order_relaxed);
}

static uint64_t
get(const Count *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

static void
add_time(TimesSlot *self, uint64_t us)
{
    unsigned i = 0;

    while (i < AKMA_METRICS_BUCKETS - 1 && us > akma_metrics_bounds_us[i])
        i++;
    add(&self->buckets[i], 1);
    add(&self->sum_us, us);
}

void
akma_figures_count_exchange(AkmaFigures *self, unsigned kind, AkmaProfile profile, unsigned result)
{
    g_return_if_fail(kind < AKMA_N_KINDS && profile < AKMA_N_PROFILES && result < AKMA_N_RESULTS);

    if (self)
        add(&self->exchanges[kind][profile][result], 1);
}

void
akma_figures_count_key(AkmaFigures *self, AkmaCause cause)
{
    if (self)
        add(&self->keys[cause], 1);
}

void
akma_figures_time_exchange(AkmaFigures *self, uint64_t us)
{
    if (self)
        add_time(&self->exchange_times, us);
}

void
akma_figures_time_store(AkmaFigures *self, uint64_t us)
{
    if (self)
        add_time(&self->store_times, us);
}

void
akma_figures_set_store(AkmaFigures *self, AkmaStoreState state)
{
    if (self)
        set(&self->store, state);
}

void
akma_figures_count_limit(AkmaFigures *self, unsigned limit)
{
    g_return_if_fail(limit < AKMA_N_LIMITS);

    if (self)
        add(&self->limits[limit], 1);
}

void
akma_figures_count_full(AkmaFigures *self, AkmaRoom room)
{
    g_return_if_fail(room < AKMA_N_ROOMS);

    if (self)
        add(&self->full[room], 1);
}

/* The names come from the configuration, which may be read again: few, and never taken away. */
static PeerSlot *
find_peer(PeersSlot *self, const char *name)
{
    unsigned n = (unsigned)get(&self->n);
    bool full = n == AKMA_METRICS_PEERS_MAX - 1;

    for (unsigned i = 0; i < n; i++) {
        if (strncmp(self->all[i].name, name, AKMA_METRICS_NAME_SIZE - 1) == 0)
            return &self->all[i];
    }
    if (n == AKMA_METRICS_PEERS_MAX)
        return &self->all[n - 1];

    g_strlcpy(self->all[n].name, full ? "other" : name, AKMA_METRICS_NAME_SIZE);
    atomic_store_explicit(&self->n, n + 1, memory_order_release);

    return &self->all[n];
}

void
akma_figures_count_anchor(AkmaFigures *self, const char *name, unsigned result)
{
    g_return_if_fail(result < AKMA_N_RESULTS);

    if (self)
        add(&find_peer(&self->anchors, name)->requests[result], 1);
}

void
akma_figures_set_anchor(AkmaFigures *self, const char *name, bool broken)
{
    if (self)
        set(&find_peer(&self->anchors, name)->broken, broken);
}

void
akma_figures_count_provider(AkmaFigures *self, const char *name, unsigned result)
{
    g_return_if_fail(result < AKMA_N_RESULTS);

    if (self)
        add(&find_peer(&self->providers, name)->requests[result], 1);
}

void
akma_figures_set_provider(AkmaFigures *self, const char *name, bool broken)
{
    if (self)
        set(&find_peer(&self->providers, name)->broken, broken);
}

void
akma_figures_count_consumer(AkmaFigures *self, const char *name, unsigned result)
{
    PeerSlot *unknown;

    g_return_if_fail(result < AKMA_N_RESULTS);

    if (!self)
        return;
    /* theirs is the first place: however many consumers there are, they are told apart */
    unknown = find_peer(&self->consumers, "unknown");
    add(&(name ? find_peer(&self->consumers, name) : unknown)->requests[result], 1);
}

void
akma_figures_set_untried(AkmaFigures *self)
{
    if (!self)
        return;

    for (unsigned i = 0; i < AKMA_METRICS_PEERS_MAX; i++) {
        set(&self->anchors.all[i].broken, 0);
        set(&self->providers.all[i].broken, 0);
    }
}

void
akma_figures_set_alive(AkmaFigures *self, int64_t now_s, const AkmaGauges *gauges)
{
    if (!self)
        return;

    set(&self->sessions, gauges->sessions);
    set(&self->connections, gauges->connections);
    set(&self->handshakes, gauges->handshakes);
    set(&self->alive_s, (uint64_t)MAX(now_s, 1));
}

void
akma_figures_set_ended(AkmaFigures *self)
{
    set(&self->alive_s, 0);
    set(&self->sessions, 0);
    set(&self->connections, 0);
    set(&self->handshakes, 0);
    set(&self->store, AKMA_STORE_UNKNOWN);
    akma_figures_set_untried(self);
}

/* --- the fleet --- */

bool
akma_metrics_claim_fleet(AkmaMetrics *self, int64_t now_s, int64_t pause_s)
{
    uint64_t due_s = get(&self->fleet_due_s);

    return (uint64_t)now_s >= due_s &&
           atomic_compare_exchange_strong(&self->fleet_due_s, &due_s, (uint64_t)(now_s + pause_s));
}

void
akma_metrics_set_fleet(AkmaMetrics *self, const AkmaFleet *fleet, int64_t now_s, int64_t pause_s)
{
    uint64_t writes = get(&self->fleet_writes) | 1;
    uint64_t words[FLEET_WORDS];

    memcpy(words, fleet, sizeof words);
    atomic_store(&self->fleet_writes, writes);
    /* none of these may be seen before the odd number, not on ARM either: so not set() */
    for (size_t i = 0; i < FLEET_WORDS; i++)
        atomic_store(&self->fleet[i], words[i]);
    atomic_store(&self->fleet_writes, writes + 1);
    set(&self->fleet_due_s, (uint64_t)(now_s + pause_s));
}

void
akma_metrics_get_fleet(const AkmaMetrics *self, AkmaFleet *ret)
{
    uint64_t writes = atomic_load(&self->fleet_writes);
    uint64_t words[FLEET_WORDS];

    for (size_t i = 0; i < FLEET_WORDS; i++)
        words[i] = atomic_load(&self->fleet[i]);
    if (writes % 2 == 1 || atomic_load(&self->fleet_writes) != writes)
        *ret = (AkmaFleet){.counted_s = 0};
    else
        memcpy(ret, words, sizeof *ret);
}

/* --- a reader --- */

static void
add_times(AkmaTimes *sum, const TimesSlot *slot)
{
    for (unsigned i = 0; i < AKMA_METRICS_BUCKETS; i++)
        sum->buckets[i] += get(&slot->buckets[i]);
    sum->sum_us += get(&slot->sum_us);
}

static AkmaPeerTotals *
find_totals(AkmaPeersTotals *sum, const char *name)
{
    for (unsigned i = 0; i < sum->n; i++) {
        if (strcmp(sum->all[i].name, name) == 0)
            return &sum->all[i];
    }
    if (sum->n == AKMA_METRICS_PEERS_MAX)
        return &sum->all[AKMA_METRICS_PEERS_MAX - 1];

    g_strlcpy(sum->all[sum->n].name, name, AKMA_METRICS_NAME_SIZE);

    return &sum->all[sum->n++];
}

static void
add_peers(AkmaPeersTotals *sum, const PeersSlot *slot)
{
    uint64_t n = atomic_load_explicit(&slot->n, memory_order_acquire);

    for (uint64_t i = 0; i < MIN(n, AKMA_METRICS_PEERS_MAX); i++) {
        AkmaPeerTotals *peer = find_totals(sum, slot->all[i].name);

        for (unsigned j = 0; j < AKMA_N_RESULTS; j++)
            peer->requests[j] += get(&slot->all[i].requests[j]);
        peer->broken = peer->broken || get(&slot->all[i].broken);
    }
}

static void
add_slot(AkmaTotals *sum, const AkmaFigures *slot, int64_t now_s)
{
    int64_t alive_s = (int64_t)get(&slot->alive_s);

    sum->serving += alive_s > 0 && now_s - alive_s <= AKMA_METRICS_ALIVE_S;
    sum->store = MAX(sum->store, (AkmaStoreState)get(&slot->store));
    sum->gauges.sessions += get(&slot->sessions);
    sum->gauges.connections += get(&slot->connections);
    sum->gauges.handshakes += get(&slot->handshakes);
    for (unsigned i = 0; i < AKMA_N_KINDS; i++) {
        for (unsigned j = 0; j < AKMA_N_PROFILES; j++) {
            for (unsigned k = 0; k < AKMA_N_RESULTS; k++)
                sum->exchanges[i][j][k] += get(&slot->exchanges[i][j][k]);
        }
    }
    for (unsigned i = 0; i < AKMA_N_RESULTS; i++)
        sum->keys[i] += get(&slot->keys[i]);
    add_times(&sum->exchange_times, &slot->exchange_times);
    add_times(&sum->store_times, &slot->store_times);
    for (unsigned i = 0; i < AKMA_N_LIMITS; i++)
        sum->limits[i] += get(&slot->limits[i]);
    for (unsigned i = 0; i < AKMA_N_ROOMS; i++)
        sum->full[i] += get(&slot->full[i]);
    add_peers(&sum->anchors, &slot->anchors);
    add_peers(&sum->providers, &slot->providers);
    add_peers(&sum->consumers, &slot->consumers);
}

void
akma_metrics_add_up(const AkmaMetrics *self, int64_t now_s, AkmaTotals *ret)
{
    *ret = (AkmaTotals){.workers = self->n_workers};
    for (unsigned i = 0; i < self->n_workers; i++)
        add_slot(ret, &self->slots[i], now_s);
}

const char *
akma_metrics_result_name(unsigned result)
{
    if (result == AKMA_CAUSE_NONE)
        return "ok";

    return result < AKMA_RESULT_UNFINISHED ? akma_cause_get_name((AkmaCause)result) : "unfinished";
}

const char *
akma_metrics_profile_name(AkmaProfile profile)
{
    static const char *const names[AKMA_N_PROFILES] = {
        [AKMA_PROFILE_MESSAGE] = "message",
        [AKMA_PROFILE_PSK] = "psk",
        [AKMA_PROFILE_DIGEST] = "digest",
    };

    return names[profile];
}

const char *
akma_metrics_kind_name(unsigned kind)
{
    return kind < AKMA_KIND_UNKNOWN ? akma_anchor_kind_get_name((AkmaAnchorKind)kind) : "unknown";
}

const char *
akma_metrics_limit_name(unsigned limit)
{
    static const char *const names[AKMA_N_LIMITS] = {
        [AKMA_H2_LIMIT_CONNECTIONS] = "connections",
        [AKMA_H2_LIMIT_HANDSHAKES] = "handshakes",
        [AKMA_H2_LIMIT_HANDSHAKE_TIME] = "handshake_time",
        [AKMA_H2_LIMIT_IDLE] = "idle",
        [AKMA_H2_LIMIT_UNREAD] = "unread",
        [AKMA_H2_LIMIT_LIFETIME] = "exchange",
        [AKMA_H2_LIMIT_RESETS] = "resets",
        [AKMA_H2_LIMIT_FRAMES] = "frames",
        [AKMA_H2_LIMIT_CONTINUATIONS] = "continuations",
        [AKMA_H2_LIMIT_HEADERS] = "headers",
        [AKMA_H2_LIMIT_BODY] = "body",
        [AKMA_LIMIT_ADDRESS] = "address",
        [AKMA_LIMIT_TOTAL] = "total",
    };

    return names[limit];
}

const char *
akma_metrics_room_name(AkmaRoom room)
{
    static const char *const names[AKMA_N_ROOMS] = {
        [AKMA_ROOM_ANCHOR] = "anchor",
        [AKMA_ROOM_ANCHORS] = "anchors",
        [AKMA_ROOM_PROVIDER] = "provider",
        [AKMA_ROOM_CONSUMERS] = "consumers",
    };

    return names[room];
}
