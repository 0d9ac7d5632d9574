/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* test-application-clock: jumps of the clock of the system, which is faked here. */
#include "agent/application.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static int64_t wall_ms;
static int64_t timer_ms; /* what a timer was set for last */
static char *shown;      /* the state on the bus */

int64_t __wrap_akma_wall_ms(void);
void __real_akma_timer_set(AkmaTimer *self, int64_t boottime_ms);
void __wrap_akma_timer_set(AkmaTimer *self, int64_t boottime_ms);
void __wrap_akma_service_set_application(AkmaService *self,
                                         const char *id,
                                         const char *server,
                                         const AkmaAuthRule *rule);
void __wrap_akma_service_update_application(AkmaService *self,
                                            const char *id,
                                            const AkmaApplicationStatus *status);
void __wrap_akma_service_remove_application(AkmaService *self, const char *id);
void __wrap_akma_service_emit_key_changed(AkmaService *self, const char *id, const char *kid);

int64_t
__wrap_akma_wall_ms(void)
{
    return wall_ms;
}

void
__wrap_akma_timer_set(AkmaTimer *self, int64_t boottime_ms)
{
    timer_ms = boottime_ms;
    __real_akma_timer_set(self, boottime_ms);
}

void
__wrap_akma_service_set_application(AkmaService *self,
                                    const char *id,
                                    const char *server,
                                    const AkmaAuthRule *rule)
{
    (void)self, (void)id, (void)server, (void)rule;
}

void
__wrap_akma_service_update_application(AkmaService *self,
                                       const char *id,
                                       const AkmaApplicationStatus *status)
{
    (void)self, (void)id;
    g_free(shown);
    shown = g_strdup(status->state);
}

void
__wrap_akma_service_remove_application(AkmaService *self, const char *id)
{
    (void)self, (void)id;
}

void
__wrap_akma_service_emit_key_changed(AkmaService *self, const char *id, const char *kid)
{
    (void)self, (void)id, (void)kid;
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

    wall_ms = NOW * 1000;
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
    /* never looked into: all that is called with it is replaced above */
    fixture->context = (AkmaApplicationContext){.store = fixture->store,
                                                .service = (AkmaService *)(gpointer)fixture,
                                                .clock = &fixture->clock,
                                                .due = due};
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
    g_clear_pointer(&shown, g_free);

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
is_given_at(Fixture *fixture, int64_t time_shown)
{
    wall_ms = time_shown * 1000;
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

static void
the_state_changes_at_the_moment_from_which_the_key_is_not_given(void **state)
{
    Fixture *fixture = *state;
    int64_t end_ms = fixture->clock.boottime_ms + 1000 * 1000;
    int64_t before_ms;

    /* by the time of the server: to the millisecond, though it counts in seconds */
    deliver(fixture);
    akma_application_postpone(fixture->application, FAR_AWAY);
    assert_string_equal(shown, "ready");
    assert_true(timer_ms == end_ms);
    assert_int_equal(akma_server_clock_get(&fixture->clock, end_ms - 1, 1), NOW + 999);
    assert_int_equal(akma_server_clock_get(&fixture->clock, end_ms, 1), NOW + 1000);

    /* by the wall clock, in the middle of a second */
    fixture->clock.known = false;
    wall_ms = (NOW + 999) * 1000 + 300;
    before_ms = akma_boottime_ms();
    akma_application_clock_was_set(fixture->application);
    assert_in_range(timer_ms - 700, before_ms, akma_boottime_ms());
}

static void
a_wall_clock_that_drifted_to_the_end_of_a_key_changes_the_state_with_the_refusal(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture);
    fixture->clock.known = false;
    akma_application_clock_was_set(fixture->application);
    assert_string_equal(shown, "ready");

    wall_ms = (NOW + 1000) * 1000 - 1;
    assert_non_null(akma_application_peek_key(fixture->application, NULL, NULL));
    wall_ms++;
    assert_null(akma_application_peek_key(fixture->application, NULL, NULL));
    assert_string_equal(shown, "pending");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jumps_before_a_server_told_the_time_lose_no_key),
        TEST(jumps_after_a_server_told_the_time_change_nothing),
        TEST(the_state_changes_at_the_moment_from_which_the_key_is_not_given),
        TEST(a_wall_clock_that_drifted_to_the_end_of_a_key_changes_the_state_with_the_refusal),
        TEST(reject_a_key_that_is_over_by_the_time_of_its_server_whatever_the_clock_shows),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests_name("application-clock", tests, NULL, NULL);
}
