/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* test-application-clock: jumps of the clock of the system, which is faked here. */
#include "agent/application.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "agent/timer.h"

#define NOW      (AKMA_BUILD_TIME + 1000)
#define FAR_AWAY INT64_C(100000000)

typedef struct {
    char *folder;
    AkmaConfig *config;
    AkmaStore *store;
    AkmaServerClock clock;
    AkmaApplicationContext context;
    AkmaApplication *application;
} Fixture;

static time_t wall;

time_t __wrap_time(time_t *ret);

time_t
__wrap_time(time_t *ret)
{
    if (ret)
        *ret = wall;

    return wall;
}

static void
due(gpointer user_data)
{
    (void)user_data;
}

static int
setup(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    g_autoptr(AkmaSecret) key = akma_secret_new("0123456789abcdef0123456789abcdef", 32, NULL);
    g_autofree char *file = NULL;

    wall = (time_t)NOW;
    fixture->folder = g_dir_make_tmp("akma-clock-XXXXXX", NULL);
    file = g_build_filename(fixture->folder, "akmad.conf", NULL);
    g_file_set_contents(file,
                        "[server keys]\nurl=https://keys.example.com\n"
                        "[application mqtt]\nserver=keys\n",
                        -1,
                        NULL);
    fixture->config = akma_config_load(file, NULL);
    fixture->store = akma_store_open(fixture->folder, key, NULL, NULL);
    akma_server_clock_set(&fixture->clock, NOW, akma_boottime_ms());
    fixture->context =
        (AkmaApplicationContext){.store = fixture->store, .clock = &fixture->clock, .due = due};
    fixture->application =
        akma_application_new(&fixture->context,
                             fixture->config,
                             akma_config_get_applications(fixture->config)->pdata[0]);
    *state = fixture;

    return 0;
}

static int
teardown(void **state)
{
    static const char *const files[] = {"akmad.conf", "keys.sealed"};
    Fixture *fixture = *state;

    akma_application_free(fixture->application);
    akma_store_free(fixture->store);
    akma_config_unref(fixture->config);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(fixture->folder, files[i], NULL);

        g_unlink(path);
    }
    g_rmdir(fixture->folder);
    g_free(fixture->folder);
    g_free(fixture);

    return 0;
}

/* A key that ends at NOW + 1000. */
static void
deliver(Fixture *fixture)
{
    g_autoptr(AkmaKey) key = akma_key_new();

    key->key_id = g_strdup("mqtt");
    key->kid = g_strdup("mqtt:1");
    key->kty = g_strdup("oct");
    key->iat = NOW - 10;
    key->exp = NOW + 1000;
    key->secret = akma_secret_new("the key", 7, NULL);
    akma_application_delivered(fixture->application, key, 0);
}

static bool
is_given_at(Fixture *fixture, int64_t shown)
{
    wall = (time_t)shown;
    akma_application_clock_was_set(fixture->application);

    return akma_application_peek_key(fixture->application, NULL, NULL) != NULL;
}

static void
jumps_before_a_server_told_the_time_lose_no_key(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture);
    fixture->clock.known = false;
    fixture->clock.floor = AKMA_BUILD_TIME;
    assert_true(is_given_at(fixture, NOW));
    /* past its end: not handed out, and not wiped */
    assert_false(is_given_at(fixture, NOW + FAR_AWAY));
    assert_non_null(akma_store_get(fixture->store, "keys", "mqtt"));
    /* back, and even before the build */
    assert_true(is_given_at(fixture, NOW));
    assert_true(is_given_at(fixture, 1));
}

static void
jumps_after_a_server_told_the_time_change_nothing(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture);
    assert_true(is_given_at(fixture, 1));
    assert_true(is_given_at(fixture, NOW + FAR_AWAY));
}

static void
reject_a_key_that_is_over_by_the_time_of_its_server_whatever_the_clock_shows(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture);
    akma_server_clock_set(&fixture->clock, NOW + 1001, akma_boottime_ms());
    assert_false(is_given_at(fixture, 1));
    assert_null(akma_store_get(fixture->store, "keys", "mqtt"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jumps_before_a_server_told_the_time_lose_no_key),
        TEST(jumps_after_a_server_told_the_time_change_nothing),
        TEST(reject_a_key_that_is_over_by_the_time_of_its_server_whatever_the_clock_shows),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests_name("application-clock", tests, NULL, NULL);
}
