/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* admin: whose requests are answered, and what the figures of the workers become. */
#include "keyserver/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyserver/admin-client.h"
#include "keyserver/health.h"
#include "keyserver/prometheus.h"
#include "keyserver/status-page.h"

static void
names_of_this_machine_are_hosts(void **state)
{
    static const char *const good[] = {
        "localhost", "LOCALHOST:9", "127.0.0.1", "127.1.2.3:65535", "[::1]", "[::1]:1"};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        assert_true(akma_admin_is_host(good[i]));
}

static void
reject_names_of_others(void **state)
{
    static const char *const bad[] = {"",
                                      "localhos",
                                      "localhost.",
                                      "localhost.example",
                                      "localhost:",
                                      "localhost:x",
                                      "[::1",
                                      "[::1]1",
                                      "[::1]:",
                                      "::1",
                                      "128.0.0.1",
                                      "127.0.0",
                                      "127.0.0.1.example",
                                      "0x7f.0.0.1",
                                      "[127.0.0.1]",
                                      ":80",
                                      "localhost:80:80"};

    (void)state;
    assert_false(akma_admin_is_host(NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (akma_admin_is_host(bad[i]))
            fail_msg("%s", bad[i]);
    }
}

/* What another process wrote. */
static AkmaMetrics *
write_in_a_child(unsigned n_workers, void (*write)(AkmaMetrics *))
{
    AkmaMetrics *metrics = akma_metrics_new(n_workers, NULL);
    pid_t pid;
    int status;

    assert_non_null(metrics);
    pid = fork();
    if (pid == 0) {
        write(metrics);
        _exit(0);
    }
    assert_true(waitpid(pid, &status, 0) == pid && status == 0);

    return metrics;
}

static void
write_two_slots(AkmaMetrics *metrics)
{
    AkmaFigures *first = akma_metrics_get_slot(metrics, 0);
    AkmaFigures *second = akma_metrics_get_slot(metrics, 1);

    akma_figures_set_alive(first, 100, &(AkmaGauges){1, 2, 3});
    akma_figures_set_alive(second, 89, &(AkmaGauges){10, 20, 30});
    akma_figures_set_store(first, AKMA_STORE_OK);
    akma_figures_count_exchange(first, AKMA_ANCHOR_KIND_AKMA, AKMA_PROFILE_MESSAGE, 0);
    akma_figures_count_exchange(second, AKMA_ANCHOR_KIND_AKMA, AKMA_PROFILE_MESSAGE, 0);
    akma_figures_count_exchange(
        second, AKMA_KIND_UNKNOWN, AKMA_PROFILE_DIGEST, AKMA_RESULT_UNFINISHED);
    akma_figures_count_key(first, AKMA_CAUSE_REVOKED);
    akma_figures_time_exchange(first, 500);
    akma_figures_time_exchange(second, 501);
    akma_figures_time_exchange(second, UINT32_MAX);
    akma_figures_count_anchor(first, "a", AKMA_CAUSE_NONE);
    akma_figures_count_anchor(second, "b", AKMA_CAUSE_ANCHOR_REFUSED);
    akma_figures_count_anchor(second, "a", AKMA_CAUSE_NONE);
    akma_figures_set_anchor(second, "b\"\\\n", true);
    akma_figures_count_limit(first, AKMA_H2_LIMIT_RESETS);
    akma_figures_count_limit(second, AKMA_H2_LIMIT_RESETS);
    akma_figures_count_limit(second, AKMA_LIMIT_TOTAL);
    akma_figures_count_full(first, AKMA_ROOM_CONSUMERS);
    akma_figures_count_full(second, AKMA_ROOM_CONSUMERS);
    akma_figures_count_provider(first, "fifth", AKMA_CAUSE_UPSTREAM_REFUSED);
    akma_figures_count_provider(second, "fifth", AKMA_CAUSE_UPSTREAM_REFUSED);
    akma_figures_set_provider(first, "fifth", true);
    akma_figures_set_provider(second, "fifth", false);
    akma_figures_count_consumer(first, "third\"", AKMA_CAUSE_NONE);
    akma_figures_count_consumer(second, "third\"", AKMA_CAUSE_NONE);
    akma_figures_count_consumer(second, NULL, AKMA_CAUSE_RATE_LIMITED);
}

static void
slots_of_other_processes_add_up(void **state)
{
    g_autoptr(AkmaMetrics) metrics = write_in_a_child(2, write_two_slots);
    AkmaTotals totals;

    (void)state;
    akma_metrics_add_up(metrics, 100, &totals);
    assert_int_equal(totals.workers, 2);
    assert_int_equal(totals.serving, 1); /* the other one said so 11 s ago */
    assert_int_equal(totals.store, AKMA_STORE_OK);
    assert_int_equal(totals.gauges.handshakes, 33);
    assert_int_equal(totals.exchanges[AKMA_ANCHOR_KIND_AKMA][AKMA_PROFILE_MESSAGE][0], 2);
    assert_int_equal(totals.exchange_times.buckets[0], 1);
    assert_int_equal(totals.exchange_times.buckets[1], 1);
    assert_int_equal(totals.exchange_times.buckets[AKMA_METRICS_BUCKETS - 1], 1);
    assert_int_equal(totals.exchange_times.sum_us, 1001 + (uint64_t)UINT32_MAX);
    assert_int_equal(totals.anchors.n, 3);
    assert_int_equal(totals.anchors.all[0].requests[AKMA_CAUSE_NONE], 2);
    assert_int_equal(totals.anchors.all[1].requests[AKMA_CAUSE_ANCHOR_REFUSED], 1);
    assert_int_equal(totals.providers.n, 1);
    assert_int_equal(totals.providers.all[0].requests[AKMA_CAUSE_UPSTREAM_REFUSED], 2);
    assert_true(totals.providers.all[0].broken);
    assert_int_equal(totals.limits[AKMA_H2_LIMIT_RESETS], 2);
    assert_int_equal(totals.limits[AKMA_LIMIT_TOTAL], 1);
    assert_int_equal(totals.limits[AKMA_H2_LIMIT_IDLE], 0);
}

static void
one_that_ended_has_nothing_open_but_its_counts(void **state)
{
    g_autoptr(AkmaMetrics) metrics = write_in_a_child(2, write_two_slots);
    AkmaTotals totals;

    (void)state;
    akma_figures_set_ended(akma_metrics_get_slot(metrics, 0));
    akma_figures_set_ended(akma_metrics_get_slot(metrics, 1));
    akma_metrics_add_up(metrics, 100, &totals);

    assert_int_equal(totals.serving, 0);
    assert_int_equal(totals.gauges.sessions + totals.gauges.connections, 0);
    assert_false(totals.anchors.all[2].broken);
    assert_false(totals.providers.all[0].broken);
    assert_int_equal(totals.limits[AKMA_H2_LIMIT_RESETS], 2);
    assert_int_equal(totals.exchanges[AKMA_ANCHOR_KIND_AKMA][AKMA_PROFILE_MESSAGE][0], 2);
}

static void
write_many_anchors(AkmaMetrics *metrics)
{
    AkmaFigures *figures = akma_metrics_get_slot(metrics, 0);

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 100; i++) {
            g_autofree char *name = g_strdup_printf("anchor%u", i);

            akma_figures_count_anchor(figures, name, AKMA_CAUSE_NONE);
            akma_figures_count_consumer(figures, name, AKMA_CAUSE_NONE);
        }
    }
    akma_figures_count_consumer(figures, NULL, AKMA_CAUSE_NOT_AUTHENTIC);
}

static void
more_anchors_than_there_is_room_for_are_others(void **state)
{
    g_autoptr(AkmaMetrics) metrics = write_in_a_child(1, write_many_anchors);
    AkmaTotals totals;

    (void)state;
    akma_metrics_add_up(metrics, 100, &totals);
    assert_int_equal(totals.anchors.n, AKMA_METRICS_PEERS_MAX);
    assert_int_equal(totals.anchors.all[0].requests[0], 2);
    assert_string_equal(totals.anchors.all[AKMA_METRICS_PEERS_MAX - 1].name, "other");
    assert_int_equal(totals.anchors.all[AKMA_METRICS_PEERS_MAX - 1].requests[0],
                     2 * (100 - (AKMA_METRICS_PEERS_MAX - 1)));
    /* nor do consumers take the place of strangers */
    assert_int_equal(totals.consumers.n, AKMA_METRICS_PEERS_MAX);
    assert_string_equal(totals.consumers.all[0].name, "unknown");
    assert_int_equal(totals.consumers.all[0].requests[AKMA_CAUSE_NOT_AUTHENTIC], 1);
    assert_int_equal(totals.consumers.all[0].requests[AKMA_CAUSE_NONE], 0);
}

static void
names_in_the_text_are_escaped(void **state)
{
    g_autoptr(AkmaMetrics) metrics = write_in_a_child(2, write_two_slots);
    g_autoptr(GString) text = NULL;
    AkmaFleet fleet = {.counted_s = 0};
    AkmaTotals totals;

    (void)state;
    akma_metrics_add_up(metrics, 100, &totals);
    text = akma_prometheus_text(&totals, &fleet);

    assert_non_null(strstr(text->str, "\nakma_anchor_broken{anchor=\"b\\\"\\\\\\n\"} 1\n"));
    assert_non_null(strstr(text->str,
                           "\nakma_exchanges_total{anchor=\"unknown\",profile=\"digest\","
                           "result=\"unfinished\"} 1\n"));
    assert_non_null(strstr(text->str, "\nakma_exchange_seconds_bucket{le=\"0.0005\"} 1\n"));
    assert_non_null(strstr(text->str, "\nakma_exchange_seconds_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text->str, "\nakma_exchange_seconds_sum 4294.968296\n"));
    assert_non_null(strstr(text->str, "\nakma_connections_limited_total{limit=\"total\"} 1\n"));
    assert_non_null(strstr(text->str, "\nakma_requests_limited_total{limit=\"consumers\"} 2\n"));
    assert_non_null(strstr(text->str, "\nakma_requests_limited_total{limit=\"anchor\"} 0\n"));
    assert_non_null(strstr(text->str, "\nakma_provider_broken{provider=\"fifth\"} 1\n"));
    assert_non_null(strstr(text->str,
                           "\nakma_provider_requests_total{provider=\"fifth\","
                           "result=\"upstream_refused\"} 2\n"));
    assert_non_null(strstr(
        text->str, "\nakma_consumer_requests_total{consumer=\"third\\\"\",result=\"ok\"} 2\n"));
    assert_non_null(strstr(text->str,
                           "\nakma_consumer_requests_total{consumer=\"unknown\","
                           "result=\"rate_limited\"} 1\n"));
    assert_null(strstr(text->str, "akma_consumer_broken"));
    assert_null(strstr(text->str, "akma_keys{")); /* nothing was counted: no zero */
}

static void
it_is_well_while_all_serve_and_the_store_answers(void **state)
{
    AkmaTotals totals = {.workers = 2, .serving = 2, .store = AKMA_STORE_OK, .anchors.n = 1};
    json_t *told;
    char *text;

    (void)state;
    g_strlcpy(totals.anchors.all[0].name, "a", sizeof totals.anchors.all[0].name);
    totals.anchors.all[0].broken = true;
    assert_true(akma_health_is_well(&totals));
    text = akma_health_to_json(&totals);
    told = json_loads(text, 0, NULL);
    assert_true(json_is_true(json_object_get(told, "healthy")));
    json_decref(told);
    free(text);

    totals.store = AKMA_STORE_UNKNOWN;
    assert_true(akma_health_is_well(&totals));
    totals.store = AKMA_STORE_FAILED;
    assert_false(akma_health_is_well(&totals));
    totals.store = AKMA_STORE_OK;
    totals.serving = 1;
    assert_false(akma_health_is_well(&totals));
}

static void
one_of_all_counts_what_is_in_the_store(void **state)
{
    g_autoptr(AkmaMetrics) metrics = akma_metrics_new(2, NULL);
    AkmaFleet fleet = {.counted_s = 1000, .terminals = 7, .n_rows = 1};
    AkmaFleet read;

    (void)state;
    g_strlcpy(fleet.rows[0].application, "mqtt", sizeof fleet.rows[0].application);
    fleet.rows[0].keys[1] = 9;
    akma_metrics_get_fleet(metrics, &read);
    assert_int_equal(read.counted_s, 0);

    assert_true(akma_metrics_claim_fleet(metrics, 50, 120));
    assert_false(akma_metrics_claim_fleet(metrics, 169, 120));
    assert_true(akma_metrics_claim_fleet(metrics, 170, 120)); /* the first one died */
    akma_metrics_set_fleet(metrics, &fleet, 171, 10);
    assert_false(akma_metrics_claim_fleet(metrics, 180, 120));
    assert_true(akma_metrics_claim_fleet(metrics, 181, 120));

    akma_metrics_get_fleet(metrics, &read);
    assert_int_equal(read.counted_s, 1000);
    assert_int_equal(read.terminals, 7);
    assert_string_equal(read.rows[0].application, "mqtt");
    assert_int_equal(read.rows[0].keys[1], 9);
}

static void
set_results(AkmaTotals *totals, uint64_t ok, uint64_t refused)
{
    totals->exchanges[0][0][AKMA_CAUSE_NONE] = ok / 2;
    totals->exchanges[1][2][AKMA_CAUSE_NONE] = ok - ok / 2;
    totals->exchanges[2][0][AKMA_CAUSE_RATE_LIMITED] = refused;
}

static void
history_has_each_minute_by_itself(void **state)
{
    g_autofree AkmaHistory *history = g_new0(AkmaHistory, 1);
    const int64_t start = INT64_C(60) * 30000000;
    AkmaTotals totals = {0};

    (void)state;
    akma_history_take(history, start, &totals);
    set_results(&totals, 5, 1);
    akma_history_take(history, start + 30, &totals);
    set_results(&totals, 7, 1);
    akma_history_take(history, start + 59, &totals);
    set_results(&totals, 10, 3);
    akma_history_take(history, start + 180, &totals);

    assert_int_equal(akma_minute_get_ok(akma_history_get(history, 0)), 3);
    assert_int_equal(akma_minute_get_failed(akma_history_get(history, 0)), 2);
    assert_int_equal(akma_minute_get_ok(akma_history_get(history, 1)), 0);
    assert_int_equal(akma_minute_get_ok(akma_history_get(history, 2)), 0);
    assert_int_equal(akma_minute_get_ok(akma_history_get(history, 3)), 7);
    assert_int_equal(akma_minute_get_failed(akma_history_get(history, 3)), 1);
}

static void
history_forgets_what_is_older_than_its_ring(void **state)
{
    g_autofree AkmaHistory *history = g_new0(AkmaHistory, 1);
    const int64_t start = INT64_C(60) * 30000000;
    AkmaTotals totals = {0};

    (void)state;
    set_results(&totals, 5, 0);
    akma_history_take(history, start, &totals);
    akma_history_take(history, start + INT64_C(59) * 60, &totals);
    assert_int_equal(akma_minute_get_ok(akma_history_get(history, 59)), 5);
    akma_history_take(history, start + INT64_C(60) * 60, &totals);
    for (unsigned ago = 0; ago < AKMA_HISTORY_MINUTES; ago++)
        assert_int_equal(akma_minute_get_ok(akma_history_get(history, ago)), 0);

    /* the clock jumps far ahead, and back: nothing is counted twice or lost */
    set_results(&totals, 6, 0);
    akma_history_take(history, start * 2, &totals);
    set_results(&totals, 8, 0);
    akma_history_take(history, start, &totals);
    assert_int_equal(akma_minute_get_ok(akma_history_get(history, 0)), 3);
}

static void
names_in_the_page_are_escaped(void **state)
{
    g_autofree AkmaHistory *history = g_new0(AkmaHistory, 1);
    AkmaTotals totals = {.workers = 1, .serving = 1, .anchors.n = 1};
    AkmaFleet fleet = {.counted_s = 1, .n_rows = 1};
    g_autoptr(GString) html = NULL;

    (void)state;
    g_strlcpy(totals.anchors.all[0].name, "<script>&\"", sizeof totals.anchors.all[0].name);
    g_strlcpy(fleet.rows[0].application, "<b>", sizeof fleet.rows[0].application);
    totals.exchanges[0][0][0] = UINT64_MAX / 2; /* a plot of any height */
    akma_history_take(history, 1800000000, &totals);
    html = akma_status_page("keys.example.com", &totals, &fleet, history, 1800000000);

    assert_null(strstr(html->str, "<script"));
    assert_null(strstr(html->str, "<b>"));
    assert_non_null(strstr(html->str, "&lt;script&gt;&amp;&quot;"));
    assert_null(strstr(html->str, "nan"));
    assert_null(strstr(html->str, "inf"));
}

/* --- whoever asks how a server is --- */

typedef struct {
    char *folder;
    char *address; /* unix:... */
    int fd;
} Listener;

static void
listener_init(Listener *self)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    self->folder = g_dir_make_tmp("akma-XXXXXX", NULL);
    assert_non_null(self->folder);
    self->address = g_strdup_printf("unix:%s/s", self->folder);
    g_strlcpy(name.sun_path, self->address + strlen("unix:"), sizeof name.sun_path);
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(self->fd, (const struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(self->fd, 0), 0);
}

static void
listener_clear(Listener *self)
{
    close(self->fd);
    unlink(self->address + strlen("unix:"));
    rmdir(self->folder);
    g_free(self->address);
    g_free(self->folder);
}

/* A child that answers with @text, and goes on with a byte now and then if it @trickles. */
static pid_t
answer_with(const Listener *listener, const char *text, bool trickles)
{
    pid_t child = fork();
    char request[512];
    int fd;

    if (child != 0)
        return child;

    fd = accept(listener->fd, NULL, NULL);
    if (read(fd, request, sizeof request) > 0 && write(fd, text, strlen(text)) > 0)
        while (trickles && send(fd, " ", 1, MSG_NOSIGNAL) == 1)
            g_usleep(G_USEC_PER_SEC / 10);
    _exit(0);
}

static void
health_is_what_the_server_answers(void **state)
{
    Listener listener;
    pid_t child;
    json_t *health;

    (void)state;
    listener_init(&listener);
    child = answer_with(&listener, "HTTP/1.1 200 OK\r\n\r\n{\"healthy\":true}", false);
    health = akma_admin_ask_health(listener.address);

    assert_true(json_is_true(json_object_get(health, "healthy")));
    json_decref(health);
    waitpid(child, NULL, 0);
    listener_clear(&listener);
}

static void
reject_who_never_comes_to_an_end(void **state)
{
    Listener listener;
    pid_t child;

    (void)state;
    listener_init(&listener);
    child = answer_with(&listener, "HTTP/1.1 200 OK\r\n\r\n{\"healthy\":true}", true);

    assert_null(akma_admin_ask_health(listener.address));
    waitpid(child, NULL, 0);
    listener_clear(&listener);
}

/* Its queue is full: connect(2) would wait for as long as it does not serve. */
static void
reject_who_lets_nobody_in(void **state)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fds[16];
    size_t n = 0;
    Listener listener;

    (void)state;
    listener_init(&listener);
    g_strlcpy(name.sun_path, listener.address + strlen("unix:"), sizeof name.sun_path);
    do {
        fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fds[n] >= 0);
    } while (connect(fds[n++], (const struct sockaddr *)&name, sizeof name) == 0 &&
             n < G_N_ELEMENTS(fds));
    assert_true(n < G_N_ELEMENTS(fds));

    assert_null(akma_admin_ask_health(listener.address));
    while (n > 0)
        close(fds[--n]);
    listener_clear(&listener);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_this_machine_are_hosts),
        cmocka_unit_test(reject_names_of_others),
        cmocka_unit_test(slots_of_other_processes_add_up),
        cmocka_unit_test(one_that_ended_has_nothing_open_but_its_counts),
        cmocka_unit_test(more_anchors_than_there_is_room_for_are_others),
        cmocka_unit_test(names_in_the_text_are_escaped),
        cmocka_unit_test(one_of_all_counts_what_is_in_the_store),
        cmocka_unit_test(history_has_each_minute_by_itself),
        cmocka_unit_test(history_forgets_what_is_older_than_its_ring),
        cmocka_unit_test(names_in_the_page_are_escaped),
        cmocka_unit_test(it_is_well_while_all_serve_and_the_store_answers),
        cmocka_unit_test(health_is_what_the_server_answers),
        cmocka_unit_test(reject_who_never_comes_to_an_end),
        cmocka_unit_test(reject_who_lets_nobody_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
