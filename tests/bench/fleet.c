/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fleet: many terminals on one machine, against a key server and akma-lab.
 *
 *   fleet --core=URL --server=URL --fqdn=NAME --ca=FILE [--psk] [--application=ID] [--first=N]
 *         [--terminals=N] [--concurrent=N] [--rounds=N] [--storm] [--pause=MS]
 *         [--deadline=SECONDS] [--keys=FILE]
 *
 * Each terminal registers a K_AKMA of its own at the lab's AAnF, whose subscribers are
 * imsi-00101<10 digits>, from --first on. Then it gets its key, in a connection of its own,
 * --rounds times; at most --concurrent are under way. With --storm all begin at once and try again
 * as akmad does, until each has its key or --deadline is over. One JSON line says how it went; a
 * kid that was seen with two values, or a terminal that is left without a key, makes the status 1.
 * FILE gets each key that was delivered to anybody: its kid and its SHA-256.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/program.h"
#include "http/tls.h"
#include "tests/bench/fleet.h"

void
fleet_die(const char *what, const GError *error)
{
    fprintf(stderr, "fleet: %s%s%s\n", what, error ? ": " : "", error ? error->message : "");
    exit(1);
}

static void
on_deadline(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static double
run_phase(Fleet *self, bool exchanging, unsigned at_once)
{
    int64_t before = g_get_monotonic_time();

    self->exchanging = exchanging;
    for (int i = 0; i < self->terminals; i++)
        g_queue_push_tail(&self->waiting, &self->all[i]);
    self->left = (unsigned)self->terminals * (exchanging ? (unsigned)self->rounds : 1);
    for (unsigned i = 0, n = MIN(at_once, self->left); i < n; i++)
        fleet_begin_next(self);
    uv_run(&self->loop, UV_RUN_DEFAULT);

    return (double)(g_get_monotonic_time() - before) / 1e6;
}

static int
compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
write_keys(const Fleet *self)
{
    FILE *file = fopen(self->keys, "w");

    if (!file)
        fleet_die("cannot write the keys", NULL);
    for (int i = 0; i < self->terminals; i++) {
        GHashTableIter iter;
        void *kid;
        void *digest;

        g_hash_table_iter_init(&iter, self->all[i].seen);
        while (g_hash_table_iter_next(&iter, &kid, &digest))
            fprintf(file, "%s %s\n", (const char *)kid, (const char *)digest);
    }
    if (fclose(file) != 0)
        fleet_die("cannot write the keys", NULL);
}

static int
report(Fleet *self, double registering_s, double seconds)
{
    unsigned n = self->took_ms->len;
    unsigned without = 0;
    unsigned most = 0;
    double *took = (double *)(void *)self->took_ms->data;
    json_t *causes = json_object();
    GHashTableIter iter;
    void *name;
    void *count;
    json_t *root;

    qsort(took, n, sizeof *took, compare_doubles);
    for (int i = 0; i < self->terminals; i++) {
        without += self->all[i].done < self->rounds;
        most = MAX(most, self->all[i].requests);
    }
    g_hash_table_iter_init(&iter, self->causes);
    while (g_hash_table_iter_next(&iter, &name, &count))
        json_object_set_new(causes, name, json_integer(GPOINTER_TO_UINT(count)));
    root = json_pack("{s:i, s:i, s:i, s:o, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f}",
                     "terminals",
                     self->terminals,
                     "exchanges",
                     (int)n,
                     "failed",
                     (int)self->failed,
                     "causes",
                     causes,
                     "without_key",
                     (int)without,
                     "kids_with_two_values",
                     (int)self->conflicts,
                     "requests_most", /* first ones, of one terminal */
                     (int)most,
                     "registering_s",
                     registering_s,
                     "seconds",
                     seconds,
                     "per_s",
                     n / seconds,
                     "p50_ms",
                     n ? took[n / 2] : 0.0,
                     "p99_ms",
                     n ? took[n - 1 - n / 100] : 0.0,
                     "max_ms",
                     n ? took[n - 1] : 0.0);
    json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);

    return without > 0 || self->conflicts > 0;
}

static void
read_options(Fleet *self, int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"core", 0, 0, G_OPTION_ARG_STRING, &self->core_url, NULL, NULL},
        {"server", 0, 0, G_OPTION_ARG_STRING, &self->server_url, NULL, NULL},
        {"fqdn", 0, 0, G_OPTION_ARG_STRING, &self->fqdn, NULL, NULL},
        {"ca", 0, 0, G_OPTION_ARG_STRING, &self->ca, NULL, NULL},
        {"application", 0, 0, G_OPTION_ARG_STRING, &self->application, NULL, NULL},
        {"first", 0, 0, G_OPTION_ARG_INT, &self->first, NULL, NULL},
        {"terminals", 0, 0, G_OPTION_ARG_INT, &self->terminals, NULL, NULL},
        {"concurrent", 0, 0, G_OPTION_ARG_INT, &self->concurrent, NULL, NULL},
        {"rounds", 0, 0, G_OPTION_ARG_INT, &self->rounds, NULL, NULL},
        {"psk", 0, 0, G_OPTION_ARG_NONE, &self->psk, NULL, NULL},
        {"storm", 0, 0, G_OPTION_ARG_NONE, &self->storm, NULL, NULL},
        {"pause", 0, 0, G_OPTION_ARG_INT, &self->pause_ms, NULL, NULL},
        {"deadline", 0, 0, G_OPTION_ARG_INT, &self->deadline_s, NULL, NULL},
        {"keys", 0, 0, G_OPTION_ARG_FILENAME, &self->keys, NULL, NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        fleet_die("options", error);
    if (!self->core_url || !self->server_url || !self->fqdn || !self->ca || self->terminals < 1 ||
        self->concurrent < 1 || self->rounds < 1)
        fleet_die("--core, --server, --fqdn and --ca must be there", NULL);
}

static void
start(Fleet *self)
{
    const AkmaH2ClientConfig core = {.url = self->core_url,
                                     .timeout_ms = 30000,
                                     .body_bytes = (size_t)64 * 1024,
                                     .in_flight = 64};
    g_autoptr(GError) error = NULL;

    uv_loop_init(&self->loop);
    self->tls = akma_tls_client_new(self->ca, NULL, NULL, &error);
    self->core = akma_h2_client_new(&self->loop, &core, &error);
    if (!self->tls || !self->core ||
        !akma_af_id_init(
            &self->af_id, self->fqdn, self->psk ? AKMA_UA_PSK : AKMA_UA_MESSAGE, &error))
        fleet_die("cannot start", error);
    self->all = g_new0(Terminal, (gsize)self->terminals);
    for (int i = 0; i < self->terminals; i++) {
        self->all[i].fleet = self;
        self->all[i].number = (unsigned)(self->first + i);
        self->all[i].seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    }
    self->took_ms = g_array_new(FALSE, FALSE, sizeof(double));
    self->causes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

int
main(int argc, char **argv)
{
    static Fleet fleet = {.terminals = 100, .concurrent = 16, .rounds = 1, .deadline_s = 600};
    g_autoptr(GError) error = NULL;
    double registering_s;
    double seconds;

    akma_program_init("fleet");
    read_options(&fleet, argc, argv);
    if (!fleet.application)
        fleet.application = g_strdup("mqtt");
    if (!akma_secret_heap_init(64 * AKMA_SECRET_HEAP_SIZE, NULL, &error))
        fleet_die("secure heap", error);
    start(&fleet);

    registering_s = run_phase(&fleet, false, 48);
    uv_timer_init(&fleet.loop, &fleet.deadline);
    uv_timer_start(&fleet.deadline, on_deadline, (uint64_t)fleet.deadline_s * 1000, 0);
    seconds = run_phase(
        &fleet, true, fleet.storm ? (unsigned)fleet.terminals : (unsigned)fleet.concurrent);

    if (fleet.keys)
        write_keys(&fleet);

    return report(&fleet, registering_s, seconds);
}
