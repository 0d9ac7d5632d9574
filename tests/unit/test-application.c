/* SPDX-License-Identifier: LGPL-2.1-or-later */

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
#include "base/error.h"
#include "base/file.h"

#define NOW (AKMA_BUILD_TIME + 1000)

typedef struct {
    char *folder;
    AkmaConfig *config;
    AkmaStore *store;
    AkmaServerClock clock;
    AkmaApplicationContext context;
    AkmaApplication *application;
    unsigned due;
    unsigned told;
    int told_code;
} Fixture;

static bool disk_full;

bool __real_akma_file_replace(
    const char *path, const void *bytes, size_t len, unsigned mode, GError **error);
bool __wrap_akma_file_replace(
    const char *path, const void *bytes, size_t len, unsigned mode, GError **error);

bool
__wrap_akma_file_replace(
    const char *path, const void *bytes, size_t len, unsigned mode, GError **error)
{
    if (disk_full) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "cannot write %s: full", path);
        return false;
    }

    return __real_akma_file_replace(path, bytes, len, mode, error);
}

static void
count_due(gpointer user_data)
{
    Fixture *fixture = user_data;

    fixture->due++;
}

static void
told(const GError *error, gpointer user_data)
{
    Fixture *fixture = user_data;

    fixture->told++;
    fixture->told_code = error ? error->code : 0;
}

static void
start(Fixture *fixture)
{
    fixture->application =
        akma_application_new(&fixture->context,
                             fixture->config,
                             akma_config_get_applications(fixture->config)->pdata[0]);
}

static AkmaStore *
open_store(const char *folder)
{
    g_autoptr(AkmaSecret) key = akma_secret_new("0123456789abcdef0123456789abcdef", 32, NULL);

    return akma_store_open(folder, key, NULL, NULL);
}

static int
setup(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    g_autofree char *file = NULL;

    disk_full = false;
    fixture->folder = g_dir_make_tmp("akma-application-XXXXXX", NULL);
    file = g_build_filename(fixture->folder, "akmad.conf", NULL);
    g_file_set_contents(file,
                        "[server keys]\nurl=https://keys.example.com\n"
                        "[application mqtt]\nserver=keys\nrefresh=1h\n",
                        -1,
                        NULL);
    fixture->config = akma_config_load(file, NULL);
    fixture->store = open_store(fixture->folder);
    akma_server_clock_set(&fixture->clock, NOW, akma_boottime_ms());
    fixture->context = (AkmaApplicationContext){
        .store = fixture->store,
        .clock = &fixture->clock,
        .due = count_due,
        .user_data = fixture,
    };
    start(fixture);
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

static void
deliver(Fixture *fixture, const char *kid, int64_t exp, const char *previous, int64_t until)
{
    g_autoptr(AkmaKey) key = akma_key_new();

    key->key_id = g_strdup("mqtt");
    key->kid = g_strdup(kid);
    key->kty = g_strdup("oct");
    key->iat = NOW - 10;
    key->exp = exp;
    key->previous_kid = g_strdup(previous);
    key->previous_exp = until;
    key->secret = akma_secret_new(kid, strlen(kid), NULL);
    akma_application_delivered(fixture->application, key, 0);
}

static int
peek_code(Fixture *fixture, const char *kid)
{
    g_autoptr(GError) error = NULL;
    const AkmaStoredKey *key = akma_application_peek_key(fixture->application, kid, &error);

    assert_int_equal(key == NULL, error != NULL);

    return error ? error->code : 0;
}

static void
fail_with(Fixture *fixture, AkmaError code)
{
    g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, (int)code, "as the test wants");

    akma_application_failed(fixture->application, error, 60000);
}

static void
a_new_application_is_due_and_has_no_key(void **state)
{
    Fixture *fixture = *state;

    assert_true(akma_application_is_due(fixture->application));
    assert_int_equal(peek_code(fixture, NULL), AKMA_ERROR_NOT_READY);
}

static void
a_delivered_key_is_there_and_the_next_time_is_planned(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", 0, NULL, 0);

    assert_int_equal(peek_code(fixture, NULL), 0);
    assert_int_equal(peek_code(fixture, "mqtt:1"), 0);
    assert_int_equal(peek_code(fixture, "mqtt:2"), AKMA_ERROR_KEY_UNKNOWN);
    assert_false(akma_application_is_due(fixture->application));
}

static void
the_version_before_is_there_within_its_grace_time_only(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    deliver(fixture, "mqtt:2", 0, "mqtt:1", NOW + 60);
    assert_int_equal(peek_code(fixture, "mqtt:1"), 0);

    akma_server_clock_set(&fixture->clock, NOW + 60, akma_boottime_ms());
    assert_int_equal(peek_code(fixture, "mqtt:1"), AKMA_ERROR_KEY_UNKNOWN);
    assert_int_equal(peek_code(fixture, NULL), 0);
}

static void
reject_a_version_before_that_is_over_already(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    deliver(fixture, "mqtt:2", 0, "mqtt:1", NOW);

    assert_int_equal(peek_code(fixture, "mqtt:1"), AKMA_ERROR_KEY_UNKNOWN);
}

static void
a_key_past_its_end_is_not_given(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", NOW + 10, NULL, 0);
    assert_int_equal(peek_code(fixture, NULL), 0);

    akma_server_clock_set(&fixture->clock, NOW + 10, akma_boottime_ms());
    assert_int_equal(peek_code(fixture, NULL), AKMA_ERROR_NOT_READY);
}

static void
no_failure_takes_a_key_away(void **state)
{
    static const AkmaError codes[] = {AKMA_ERROR_NO_MODEM,
                                      AKMA_ERROR_NO_SIM,
                                      AKMA_ERROR_SERVER_UNREACHABLE,
                                      AKMA_ERROR_SERVER_NOT_AUTHENTIC,
                                      AKMA_ERROR_SERVER_REFUSED,
                                      AKMA_ERROR_ANCHOR_KEY_UNKNOWN};
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        fail_with(fixture, codes[i]);
        assert_int_equal(peek_code(fixture, NULL), 0);
    }
    akma_application_refused(fixture->application, AKMA_CAUSE_NOT_ENTITLED, 0);
    assert_int_equal(peek_code(fixture, NULL), 0);
    akma_application_refused(fixture->application, AKMA_CAUSE_UPSTREAM_UNAVAILABLE, 0);
    assert_int_equal(peek_code(fixture, NULL), 0);
}

static void
revoked_takes_it_away_until_another_is_delivered(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    akma_application_refused(fixture->application, AKMA_CAUSE_REVOKED, 0);
    assert_int_equal(peek_code(fixture, NULL), AKMA_ERROR_KEY_REVOKED);
    assert_int_equal(peek_code(fixture, "mqtt:1"), AKMA_ERROR_KEY_REVOKED);

    deliver(fixture, "mqtt:2", 0, NULL, 0);
    assert_int_equal(peek_code(fixture, NULL), 0);
}

/* Runs the main loop until the application is due, at most @seconds. */
static void
wait_until_due(Fixture *fixture, int seconds)
{
    int64_t end_ms = akma_boottime_ms() + seconds * 1000;

    while (fixture->due == 0 && akma_boottime_ms() < end_ms) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(5000);
    }
}

static void
reject_a_key_that_the_disk_does_not_take_and_ask_for_it_again_soon(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    disk_full = true;
    akma_waiters_add(akma_application_get_waiters(fixture->application), told, fixture);
    deliver(fixture, "mqtt:2", 0, NULL, 0);

    assert_int_equal(fixture->told_code, AKMA_ERROR_STORE_FAILED);
    assert_int_equal(peek_code(fixture, "mqtt:1"), 0);
    assert_int_equal(peek_code(fixture, "mqtt:2"), AKMA_ERROR_KEY_UNKNOWN);

    wait_until_due(fixture, 30);
    assert_int_equal(fixture->due, 1);
    disk_full = false;
    deliver(fixture, "mqtt:2", 0, NULL, 0);
    assert_int_equal(peek_code(fixture, "mqtt:2"), 0);
    assert_null(akma_application_get_error(fixture->application));
}

static void
a_provider_that_is_away_is_asked_for_again_soon(void **state)
{
    Fixture *fixture = *state;

    akma_application_refused(fixture->application, AKMA_CAUSE_UPSTREAM_UNAVAILABLE, 0);
    assert_int_equal(akma_application_get_error(fixture->application)->code,
                     AKMA_ERROR_UPSTREAM_FAILED);
    wait_until_due(fixture, 30);
    assert_int_equal(fixture->due, 1);

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    assert_null(akma_application_get_error(fixture->application));
    assert_int_equal(peek_code(fixture, NULL), 0);
}

static void
reject_asking_soon_again_a_provider_that_refused(void **state)
{
    Fixture *fixture = *state;

    akma_application_refused(fixture->application, AKMA_CAUSE_UPSTREAM_REFUSED, 0);
    assert_int_equal(akma_application_get_error(fixture->application)->code,
                     AKMA_ERROR_UPSTREAM_FAILED);
    wait_until_due(fixture, 2);
    assert_int_equal(fixture->due, 0);
}

static void
reject_a_revoked_key_whatever_the_disk_does(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    disk_full = true;
    akma_application_refused(fixture->application, AKMA_CAUSE_REVOKED, 0);
    assert_int_equal(peek_code(fixture, NULL), AKMA_ERROR_KEY_REVOKED);
    assert_false(akma_application_has_key(fixture->application));

    disk_full = false;
    akma_application_refused(fixture->application, AKMA_CAUSE_REVOKED, 0);
    assert_true(akma_store_is_revoked(fixture->store, "keys", "mqtt"));
}

static void
who_waits_is_told_once_how_it_ended(void **state)
{
    Fixture *fixture = *state;
    AkmaWaiters *waiters = akma_application_get_waiters(fixture->application);

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    akma_waiters_add(waiters, told, fixture);
    akma_waiters_add(waiters, told, fixture);
    assert_true(akma_application_is_due(fixture->application));

    fail_with(fixture, AKMA_ERROR_NO_SIM);
    assert_int_equal(fixture->told, 2);
    assert_int_equal(fixture->told_code, AKMA_ERROR_NO_SIM);
    assert_false(akma_application_is_due(fixture->application));

    akma_waiters_add(waiters, told, fixture);
    deliver(fixture, "mqtt:1", 0, NULL, 0);
    assert_int_equal(fixture->told, 3);
    assert_int_equal(fixture->told_code, 0);
}

static void
after_a_restart_the_key_is_there_before_anybody_was_asked(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    akma_application_free(fixture->application);
    akma_store_free(fixture->store);
    fixture->store = open_store(fixture->folder);
    fixture->context.store = fixture->store;
    fixture->clock = (AkmaServerClock){.floor = NOW};
    start(fixture);

    assert_int_equal(peek_code(fixture, NULL), 0);
}

static void
a_wrong_clock_at_boot_wipes_nothing(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", NOW + 100, NULL, 0);
    akma_application_free(fixture->application);
    /* far in the future, and no server has answered yet */
    fixture->clock = (AkmaServerClock){.floor = INT64_MAX};
    start(fixture);
    assert_int_equal(peek_code(fixture, NULL), AKMA_ERROR_NOT_READY);

    akma_server_clock_set(&fixture->clock, NOW, akma_boottime_ms());
    assert_int_equal(peek_code(fixture, NULL), 0);
}

static void
another_key_id_forgets_the_key_of_the_one_before(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *file = g_build_filename(fixture->folder, "akmad.conf", NULL);
    g_autoptr(AkmaConfig) config = NULL;

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    g_file_set_contents(file,
                        "[server keys]\nurl=https://keys.example.com\n"
                        "[application mqtt]\nserver=keys\nkey-id=mqtts\n",
                        -1,
                        NULL);
    config = akma_config_load(file, NULL);
    akma_application_set_config(
        fixture->application, config, akma_config_get_applications(config)->pdata[0]);

    assert_int_equal(peek_code(fixture, NULL), AKMA_ERROR_NOT_READY);
    assert_true(akma_application_is_due(fixture->application));
}

static void
an_application_that_is_forgotten_leaves_no_key(void **state)
{
    Fixture *fixture = *state;

    deliver(fixture, "mqtt:1", 0, NULL, 0);
    akma_application_forget(fixture->application);

    assert_int_equal(peek_code(fixture, NULL), AKMA_ERROR_NOT_READY);
    assert_null(akma_store_get(fixture->store, "keys", "mqtt"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_application_is_due_and_has_no_key),
        TEST(a_delivered_key_is_there_and_the_next_time_is_planned),
        TEST(the_version_before_is_there_within_its_grace_time_only),
        TEST(reject_a_version_before_that_is_over_already),
        TEST(a_key_past_its_end_is_not_given),
        TEST(no_failure_takes_a_key_away),
        TEST(revoked_takes_it_away_until_another_is_delivered),
        TEST(a_provider_that_is_away_is_asked_for_again_soon),
        TEST(reject_asking_soon_again_a_provider_that_refused),
        TEST(reject_a_key_that_the_disk_does_not_take_and_ask_for_it_again_soon),
        TEST(reject_a_revoked_key_whatever_the_disk_does),
        TEST(who_waits_is_told_once_how_it_ended),
        TEST(after_a_restart_the_key_is_there_before_anybody_was_asked),
        TEST(a_wrong_clock_at_boot_wipes_nothing),
        TEST(another_key_id_forgets_the_key_of_the_one_before),
        TEST(an_application_that_is_forgotten_leaves_no_key),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests_name("application", tests, NULL, NULL);
}
