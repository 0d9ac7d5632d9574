/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* test-forget: calls that wait for the bus while the object that they are for goes. */

#include "dbus/callers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>

#define WHY "the modem is not there any more"

/* The agent's end, and the other one, which plays the bus: it never says who calls. */
typedef struct {
    sd_bus *agent;
    sd_bus *bus;
    AkmaCallers *callers;
    unsigned n_asked;    /* who the caller is */
    unsigned n_admitted; /* calls that came through */
    sd_bus_message *answer;
} Fixture;

static char *logged;

static GLogWriterOutput
keep_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    (void)level;
    (void)user_data;
    for (gsize i = 0; i < n_fields; i++) {
        if (g_str_equal(fields[i].key, "MESSAGE")) {
            g_autofree char *before = logged;

            logged = g_strconcat(before ? before : "", fields[i].value, "\n", NULL);
        }
    }

    return G_LOG_WRITER_HANDLED;
}

static void
admitted(AkmaCall *call, gpointer user_data)
{
    Fixture *fixture = *(Fixture **)user_data;

    fixture->n_admitted++;
    akma_call_free(call);
}

/* Two objects: user_data is what tells them apart. */
static Fixture *owner_of[2];

static int
called(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
    Fixture *fixture = user_data;
    bool is_modem = sd_bus_message_is_method_call(message, "org.akmad1.Modem", NULL) > 0;

    (void)error;
    if (!is_modem && sd_bus_message_is_method_call(message, "org.akmad1.Application", NULL) <= 0)
        return 0;

    return akma_callers_admit(
        fixture->callers, message, is_modem ? NULL : "mqtt", admitted, &owner_of[is_modem]);
}

static int
heard(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
    Fixture *fixture = user_data;

    (void)error;
    if (sd_bus_message_is_method_call(message, NULL, "GetConnectionCredentials") <= 0)
        return 0;
    fixture->n_asked++;

    return 1;
}

static sd_bus *
new_end(int fd)
{
    sd_bus *bus = NULL;

    assert_true(sd_bus_new(&bus) >= 0);
    assert_true(sd_bus_set_fd(bus, fd, fd) >= 0);
    assert_true(sd_bus_set_anonymous(bus, true) >= 0);

    return bus;
}

static void
pump(Fixture *fixture)
{
    int r;

    do {
        r = sd_bus_process(fixture->agent, NULL);
        assert_true(r >= 0);
        r |= sd_bus_process(fixture->bus, NULL);
        assert_true(r >= 0);
    } while (r > 0);
}

static int
setup(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    sd_id128_t id;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    fixture->agent = new_end(fds[0]);
    fixture->bus = new_end(fds[1]);
    assert_true(sd_id128_randomize(&id) >= 0);
    assert_true(sd_bus_set_server(fixture->bus, true, id) >= 0);
    assert_true(sd_bus_start(fixture->bus) >= 0);
    assert_true(sd_bus_start(fixture->agent) >= 0);
    assert_true(sd_bus_add_filter(fixture->agent, NULL, called, fixture) >= 0);
    assert_true(sd_bus_add_filter(fixture->bus, NULL, heard, fixture) >= 0);
    fixture->callers = akma_callers_new(fixture->agent);
    owner_of[0] = owner_of[1] = fixture;
    g_clear_pointer(&logged, g_free);
    *state = fixture;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *fixture = *state;

    akma_callers_free(fixture->callers);
    sd_bus_message_unref(fixture->answer);
    sd_bus_close_unref(fixture->agent);
    sd_bus_close_unref(fixture->bus);
    g_clear_pointer(&logged, g_free);
    g_free(fixture);

    return 0;
}

static int
answered(sd_bus_message *answer, void *user_data, sd_bus_error *error)
{
    Fixture *fixture = user_data;

    (void)error;
    assert_null(fixture->answer);
    fixture->answer = sd_bus_message_ref(answer);

    return 1;
}

static void
call(Fixture *fixture, const char *interface, const char *method)
{
    sd_bus_message *message = NULL;

    assert_true(sd_bus_message_new_method_call(
                    fixture->bus, &message, "org.akmad1", "/org/akmad1/x", interface, method) >= 0);
    assert_true(sd_bus_message_set_sender(message, ":1.7") >= 0);
    assert_true(sd_bus_call_async(fixture->bus, NULL, message, answered, fixture, 0) >= 0);
    sd_bus_message_unref(message);
    pump(fixture);
    assert_int_equal(fixture->n_asked, 1);
}

static void
a_call_that_waits_for_its_caller_is_refused_by_what_has_gone(void **state)
{
    Fixture *fixture = *state;

    call(fixture, "org.akmad1.Modem", "Probe");
    assert_null(fixture->answer);

    akma_callers_forget(fixture->callers, &owner_of[1], AKMA_ERROR_NO_MODEM, WHY);
    pump(fixture);

    assert_non_null(fixture->answer);
    assert_true(sd_bus_message_is_method_error(fixture->answer, "org.akmad1.Error.NoModem") > 0);
    assert_string_equal(sd_bus_message_get_error(fixture->answer)->message, WHY);
    assert_int_equal(fixture->n_admitted, 0);
    assert_non_null(logged);
    assert_string_equal(logged, "Probe - kid - by caller :1.7: " WHY "\n");
}

static void
a_call_of_an_application_is_logged_under_its_name(void **state)
{
    Fixture *fixture = *state;

    call(fixture, "org.akmad1.Application", "GetKey");
    akma_callers_forget(fixture->callers, &owner_of[0], AKMA_ERROR_KEY_UNKNOWN, "gone");
    pump(fixture);

    assert_true(sd_bus_message_is_method_error(fixture->answer, "org.akmad1.Error.KeyUnknown") > 0);
    assert_non_null(logged);
    assert_string_equal(logged, "GetKey mqtt kid - by caller :1.7: gone\n");
}

static void
reject_no_call_that_is_for_another_object(void **state)
{
    Fixture *fixture = *state;

    call(fixture, "org.akmad1.Application", "GetKey");
    akma_callers_forget(fixture->callers, &owner_of[1], AKMA_ERROR_NO_MODEM, WHY);
    pump(fixture);

    assert_null(fixture->answer);
    assert_null(logged);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_that_waits_for_its_caller_is_refused_by_what_has_gone),
        TEST(a_call_of_an_application_is_logged_under_its_name),
        TEST(reject_no_call_that_is_for_another_object),
    };

    g_log_set_writer_func(keep_line, NULL, NULL);

    return cmocka_run_group_tests_name("forget", tests, NULL, NULL);
}
