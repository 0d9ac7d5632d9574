/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* anchors and providers: how many requests are under way at once, and whose fault it is not. */
#include "keyserver/anchors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glib/gstdio.h>
#include <unistd.h>

#include "keyserver/providers.h"

#define WORKERS   100
#define OF_ONE    (1000 / WORKERS) /* of a worker, for one anchor or provider */
#define OF_ALL    (2000 / WORKERS) /* and for all anchors */
#define PROVIDERS 2

#define CONFIG                                                                                     \
    "[server]\nname=keys.example.com\ncertificate-file=/c.pem\nkey-file=/k.pem\nworkers=100\n"     \
    "[store]\nstore-key-file=/s.key\n"                                                             \
    "[anchor a]\ntype=akma\noperator=00101\nrealms=a\nurl=http://127.0.0.1:9\n"                    \
    "[anchor b]\ntype=akma\noperator=00101\nrealms=b\nurl=http://127.0.0.1:9\n"                    \
    "[anchor c]\ntype=akma\noperator=00101\nrealms=c\nurl=http://127.0.0.1:9\n"                    \
    "[provider a]\nurl=https://127.0.0.1:9\ntoken-file=%s\n"                                       \
    "[provider b]\nurl=https://127.0.0.1:9\ntoken-file=%s\n"

typedef struct {
    uv_loop_t loop;
    AkmaServerConfig *config;
    AkmaMetrics *metrics;
    AkmaSecret *id_key;
    AkmaAnchors *anchors;
    AkmaProviders *providers;
} World;

static char *
new_file(const char *text)
{
    char *path = NULL;
    int fd = g_file_open_tmp("akma-XXXXXX.conf", &path, NULL);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);

    return path;
}

static int
set_up(void **state)
{
    World *self = g_new0(World, 1);
    g_autofree char *token =
        new_file("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    g_autofree char *text = g_strdup_printf(CONFIG, token, token);
    g_autofree char *path = new_file(text);
    AkmaFigures *figures;

    self->config = akma_server_config_load(path, NULL);
    assert_non_null(self->config);
    assert_int_equal(self->config->workers, WORKERS);
    assert_int_equal(uv_loop_init(&self->loop), 0);
    self->metrics = akma_metrics_new(1, NULL);
    figures = akma_metrics_get_slot(self->metrics, 0);
    self->id_key = akma_secret_new("0123456789abcdef0123456789abcdef", 32, NULL);
    assert_non_null(self->id_key);
    self->anchors = akma_anchors_new(
        &self->loop, self->config, figures, AKMA_IDENTITY_SUPI, self->id_key, NULL);
    self->providers = akma_providers_new(&self->loop, self->config, figures, NULL);
    g_unlink(path);
    g_unlink(token);
    assert_non_null(self->anchors);
    assert_non_null(self->providers);
    *state = self;

    return 0;
}

/* All calls are over: nobody was ever connected to, since the loop did not run. */
static int
tear_down(void **state)
{
    World *self = *state;

    akma_anchors_unref(self->anchors);
    akma_providers_unref(self->providers);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&self->loop), 0);
    akma_metrics_free(self->metrics);
    akma_secret_unref(self->id_key);
    akma_server_config_free(self->config);
    g_free(self);

    return 0;
}

static void
on_anchor(const AkmaAnchorResult *result, const AkmaRefusal *refusal, void *user_data)
{
    (void)result;
    (void)refusal;
    (void)user_data;
    fail_msg("an answer of nobody");
}

static void
on_provider(const AkmaKeySet *set, AkmaCause cause, void *user_data)
{
    (void)set;
    (void)cause;
    (void)user_data;
    fail_msg("an answer of nobody");
}

static AkmaAnchorCall *
ask(World *self, const char *realm, AkmaRefusal *ret_refusal)
{
    g_autofree char *kid = g_strconcat("0.k@", realm, NULL);
    AkmaAfId af_id;

    assert_true(akma_af_id_init(&af_id, "keys.example.com", AKMA_UA_MESSAGE, NULL));

    return akma_anchors_ask(
        self->anchors, AKMA_ANCHOR_KIND_AKMA, &af_id, realm, kid, on_anchor, NULL, ret_refusal);
}

static uint64_t
full(const World *self, AkmaRoom room)
{
    AkmaTotals totals;

    akma_metrics_add_up(self->metrics, 1, &totals);

    return totals.full[room];
}

/* What was counted of anchors and providers: requests that went away, and nothing else. */
static void
assert_nobody_is_blamed(const World *self, uint64_t given_up)
{
    AkmaTotals totals;

    akma_metrics_add_up(self->metrics, 1, &totals);
    for (unsigned kind = 0; kind < 2; kind++) {
        const AkmaPeersTotals *peers = kind == 0 ? &totals.anchors : &totals.providers;

        for (unsigned i = 0; i < peers->n; i++) {
            assert_false(peers->all[i].broken);
            for (unsigned result = 0; result < AKMA_N_RESULTS; result++) {
                if (result == AKMA_RESULT_UNFINISHED)
                    given_up -= peers->all[i].requests[result];
                else
                    assert_int_equal(peers->all[i].requests[result], 0);
            }
        }
    }
    assert_int_equal(given_up, 0);
}

static void
reject_more_than_one_anchor_and_than_all_may_have(void **state)
{
    World *self = *state;
    AkmaAnchorCall *calls[OF_ALL];
    AkmaRefusal refusal = {.cause = AKMA_CAUSE_NONE};
    unsigned n = 0;

    while (n < OF_ONE)
        assert_non_null(calls[n++] = ask(self, "a", &refusal));
    for (unsigned i = 0; i < 20; i++) {
        assert_null(ask(self, "a", &refusal));
        /* for the terminal it is 503, as for all that we have no room for */
        assert_int_equal(refusal.cause, AKMA_CAUSE_STORE_UNAVAILABLE);
    }
    assert_int_equal(full(self, AKMA_ROOM_ANCHOR), 20);
    while (n < OF_ALL)
        assert_non_null(calls[n++] = ask(self, "b", &refusal));
    assert_null(ask(self, "c", &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_STORE_UNAVAILABLE);
    assert_int_equal(full(self, AKMA_ROOM_ANCHORS), 1);
    assert_nobody_is_blamed(self, 0);

    /* one less at one of them is room for one more there */
    akma_anchor_call_cancel(calls[0]);
    calls[0] = ask(self, "a", &refusal);
    assert_non_null(calls[0]);
    assert_null(ask(self, "a", &refusal));
    assert_int_equal(full(self, AKMA_ROOM_ANCHOR), 21);
    for (unsigned i = 0; i < n; i++)
        akma_anchor_call_cancel(calls[i]);
    assert_nobody_is_blamed(self, OF_ALL + 1);
}

static void
reject_more_than_one_provider_may_have(void **state)
{
    static const char *const names[PROVIDERS] = {"a", "b"};
    static const char *const ids[] = {"mqtt", NULL};
    World *self = *state;
    AkmaProviderCall *calls[PROVIDERS * OF_ONE];
    unsigned n = 0;

    for (unsigned i = 0; i < PROVIDERS; i++) {
        while (n < (i + 1) * OF_ONE) {
            calls[n] =
                akma_providers_ask(self->providers, names[i], "terminal", ids, on_provider, NULL);
            assert_non_null(calls[n++]);
        }
        for (unsigned j = 0; j < 20; j++)
            assert_null(
                akma_providers_ask(self->providers, names[i], "terminal", ids, on_provider, NULL));
        assert_int_equal(full(self, AKMA_ROOM_PROVIDER), 20 * (i + 1));
    }
    assert_nobody_is_blamed(self, 0);
    akma_provider_call_cancel(calls[0]);
    calls[0] = akma_providers_ask(self->providers, "a", "terminal", ids, on_provider, NULL);
    assert_non_null(calls[0]);
    for (unsigned i = 0; i < n; i++)
        akma_provider_call_cancel(calls[i]);
    assert_nobody_is_blamed(self, PROVIDERS * OF_ONE + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            reject_more_than_one_anchor_and_than_all_may_have, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reject_more_than_one_provider_may_have, set_up, tear_down),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests(tests, NULL, NULL);
}
