/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/qmi/port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "modem/qmi/result.h"
#include "tests/fakes/fake-qmi.h"

#define CARD_STATUS 0x002f
#define TIMEOUT_MS  1000
#define CLIENTS     3

/* A port that opens or is open, and what it said. */
typedef struct {
    FakeQmi *fake;
    AkmaQmiPort *port;
    GError *error;
    GCancellable *cancellable;
    bool is_opened;
    unsigned answers; /* to requests */
    GError *failure;  /* of the last request */
    unsigned late;
    unsigned indications;
    unsigned gone;
} Fixture;

static void
opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Fixture *fixture = user_data;

    fixture->port = akma_qmi_port_open_finish(res, &fixture->error);
    fixture->is_opened = true;
}

static void
indicate(AkmaQmiService service, const AkmaQmiAnswer *indication, gpointer user_data)
{
    Fixture *fixture = user_data;

    assert_int_equal(service, AKMA_QMI_UIM);
    assert_int_equal(indication->id, 0x0032);
    fixture->indications++;
}

static void
late(AkmaQmiService service, const AkmaQmiAnswer *answer, gpointer user_data)
{
    Fixture *fixture = user_data;

    assert_int_equal(service, AKMA_QMI_UIM);
    assert_int_equal(answer->id, CARD_STATUS);
    fixture->late++;
}

static void
gone(gpointer user_data)
{
    ((Fixture *)user_data)->gone++;
}

static const AkmaQmiPortEvents events = {indicate, late, gone};

static void
open_path(Fixture *fixture, const char *path)
{
    fixture->cancellable = g_cancellable_new();
    akma_qmi_port_open_async(
        &(AkmaPortConfig){
            .device = path, .slot = 1, .proxy = AKMA_PROXY_NEVER, .timeout_ms = TIMEOUT_MS},
        fixture->cancellable,
        opened,
        fixture);
}

static void
wait_opened(Fixture *fixture)
{
    for (unsigned i = 0; !fixture->is_opened && i < 6000; i++)
        fake_qmi_settle(10);
    assert_true(fixture->is_opened);
    if (fixture->port)
        akma_qmi_port_listen(fixture->port, &events, fixture);
}

static void
start(Fixture *fixture)
{
    fixture->fake = fake_qmi_new();
    open_path(fixture, fake_qmi_get_path(fixture->fake));
    wait_opened(fixture);
    assert_non_null(fixture->port);
}

static void
stop(Fixture *fixture)
{
    if (fixture->port)
        akma_qmi_port_close(fixture->port);
    fake_qmi_settle(20);
    g_clear_object(&fixture->port);
    g_clear_object(&fixture->cancellable);
    g_clear_error(&fixture->error);
    g_clear_error(&fixture->failure);
    g_clear_pointer(&fixture->fake, fake_qmi_free);
    fake_qmi_settle(20);
}

static void
answered(const AkmaQmiAnswer *answer, const GError *error, gpointer user_data)
{
    Fixture *fixture = user_data;

    fixture->answers++;
    g_clear_error(&fixture->failure);
    fixture->failure = error ? g_error_copy(error) : NULL;
    assert_true((answer == NULL) == (error != NULL));
    if (answer)
        assert_true(akma_qmi_answer_check(answer, "asking", NULL));
}

static void
ask(Fixture *fixture)
{
    AkmaQmiRequest request;

    akma_qmi_request_init(&request, AKMA_QMI_UIM, CARD_STATUS);
    akma_qmi_port_send(fixture->port, &request, answered, fixture);
    assert_int_equal(fixture->answers, 0);
}

static void
failed_with(const GError *error, AkmaError code)
{
    assert_non_null(error);
    assert_int_equal(error->domain, AKMA_ERROR);
    assert_int_equal(error->code, code);
}

static void
port_has_its_clients_and_gives_them_back(void **state)
{
    Fixture fixture = {0};
    (void)state;

    start(&fixture);
    assert_true(akma_qmi_port_has(fixture.port, AKMA_QMI_UIM));
    assert_true(akma_qmi_port_has(fixture.port, AKMA_QMI_NAS));
    assert_true(akma_qmi_port_has(fixture.port, AKMA_QMI_DMS));
    assert_int_equal(fake_qmi_count(fixture.fake, FAKE_QMI_CTL, FAKE_QMI_SYNC), 0);
    akma_qmi_port_close(fixture.port);
    fake_qmi_settle(20);

    assert_int_equal(fake_qmi_count(fixture.fake, FAKE_QMI_CTL, FAKE_QMI_RELEASE_CLIENT), CLIENTS);
    assert_int_equal(fixture.gone, 0);
    stop(&fixture);
}

static void
reject_path_that_is_no_modem(void **state)
{
    static const struct {
        const char *path;
        AkmaError code;
    } rows[] = {{"/proc/nonexistent/cdc-wdm0", AKMA_ERROR_NO_MODEM},
                {"/", AKMA_ERROR_MODEM_FAILED}};
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture = {0};

        open_path(&fixture, rows[i].path);
        wait_opened(&fixture);
        assert_null(fixture.port);
        failed_with(fixture.error, rows[i].code);
        stop(&fixture);
    }
}

static void
cancel(gpointer user_data)
{
    g_cancellable_cancel(user_data);
}

static void
opening_is_cancelled_at_every_step_and_leaves_no_client(void **state)
{
    (void)state;

    for (unsigned step = 0; step < CLIENTS; step++) {
        Fixture fixture = {.fake = fake_qmi_new()};

        open_path(&fixture, fake_qmi_get_path(fixture.fake));
        fake_qmi_hold(fixture.fake, step, cancel, fixture.cancellable);
        wait_opened(&fixture);
        assert_null(fixture.port);
        assert_true(g_error_matches(fixture.error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
        fake_qmi_settle(20);
        assert_int_equal(fake_qmi_count(fixture.fake, FAKE_QMI_CTL, FAKE_QMI_RELEASE_CLIENT), step);
        stop(&fixture);
    }
}

static void
hang_up(gpointer user_data)
{
    fake_qmi_hang_up(user_data);
}

static void
opening_fails_where_the_modem_is_unplugged_at_any_step(void **state)
{
    (void)state;

    for (unsigned step = 0; step < CLIENTS; step++) {
        Fixture fixture = {.fake = fake_qmi_new()};

        open_path(&fixture, fake_qmi_get_path(fixture.fake));
        fake_qmi_hold(fixture.fake, step, hang_up, fixture.fake);
        wait_opened(&fixture);
        if (fixture.port) { /* it went before we listened: the first request tells */
            ask(&fixture);
            fake_qmi_settle(TIMEOUT_MS + 50);
            assert_non_null(fixture.failure);
        } else {
            failed_with(fixture.error, AKMA_ERROR_MODEM_FAILED);
        }
        stop(&fixture);
    }
}

static void
silent_modem_is_given_up_in_time(void **state)
{
    Fixture fixture = {.fake = fake_qmi_new()};
    gint64 begin = g_get_monotonic_time();
    (void)state;

    fake_qmi_hold(fixture.fake, 0, NULL, NULL);
    open_path(&fixture, fake_qmi_get_path(fixture.fake));
    wait_opened(&fixture);

    assert_null(fixture.port);
    failed_with(fixture.error, AKMA_ERROR_MODEM_FAILED);
    assert_true(g_get_monotonic_time() - begin < 20 * G_USEC_PER_SEC);
    stop(&fixture);
}

static void
modem_without_nas_is_used_as_it_is(void **state)
{
    Fixture fixture = {.fake = fake_qmi_new()};
    AkmaQmiRequest request;
    (void)state;

    fake_qmi_refuse_client(fixture.fake, FAKE_QMI_NAS, 31);
    open_path(&fixture, fake_qmi_get_path(fixture.fake));
    wait_opened(&fixture);
    assert_non_null(fixture.port);
    assert_false(akma_qmi_port_has(fixture.port, AKMA_QMI_NAS));
    assert_true(akma_qmi_port_has(fixture.port, AKMA_QMI_DMS));

    akma_qmi_request_init(&request, AKMA_QMI_NAS, 0x0024);
    akma_qmi_port_send(fixture.port, &request, answered, &fixture);
    fake_qmi_settle(20);
    assert_int_equal(fixture.answers, 1);
    failed_with(fixture.failure, AKMA_ERROR_MODEM_FAILED);
    stop(&fixture);
}

static void
clients_that_a_dead_program_left_are_freed_only_if_none_is_left(void **state)
{
    Fixture fixture = {.fake = fake_qmi_new()};
    (void)state;

    fake_qmi_refuse_client(fixture.fake, FAKE_QMI_UIM, 5);
    open_path(&fixture, fake_qmi_get_path(fixture.fake));
    wait_opened(&fixture);

    assert_non_null(fixture.port);
    assert_int_equal(fake_qmi_count(fixture.fake, FAKE_QMI_CTL, FAKE_QMI_SYNC), 1);
    stop(&fixture);
}

static void
request_is_answered_once(void **state)
{
    Fixture fixture = {0};
    (void)state;

    start(&fixture);
    ask(&fixture);
    fake_qmi_settle(TIMEOUT_MS + 50);

    assert_int_equal(fixture.answers, 1);
    assert_null(fixture.failure);
    assert_int_equal(fixture.late, 0);
    stop(&fixture);
}

static void
late_answer_is_known_as_one(void **state)
{
    Fixture fixture = {0};
    (void)state;

    start(&fixture);
    fake_qmi_hold(fixture.fake, 0, NULL, NULL);
    ask(&fixture);
    fake_qmi_settle(TIMEOUT_MS + 50);
    assert_int_equal(fixture.answers, 1);
    failed_with(fixture.failure, AKMA_ERROR_MODEM_FAILED);
    assert_non_null(strstr(fixture.failure->message, "no answer"));

    fake_qmi_release(fixture.fake);
    fake_qmi_settle(20);
    assert_int_equal(fixture.answers, 1);
    assert_int_equal(fixture.late, 1);
    stop(&fixture);
}

static void
reject_answer_to_something_else(void **state)
{
    Fixture fixture = {0};
    (void)state;

    start(&fixture);
    fake_qmi_set_wrong_id(fixture.fake, 0x0020);
    ask(&fixture);
    fake_qmi_settle(20);

    assert_int_equal(fixture.answers, 1);
    failed_with(fixture.failure, AKMA_ERROR_MODEM_FAILED);
    stop(&fixture);
}

static void
unplugged_modem_ends_what_runs_and_is_gone_once(void **state)
{
    Fixture fixture = {0};
    (void)state;

    start(&fixture);
    fake_qmi_hold(fixture.fake, 0, hang_up, fixture.fake);
    ask(&fixture);
    fake_qmi_settle(50);
    assert_int_equal(fixture.answers, 1);
    failed_with(fixture.failure, AKMA_ERROR_MODEM_FAILED);
    assert_int_equal(fixture.gone, 1);

    fixture.answers = 0;
    ask(&fixture);
    fake_qmi_settle(TIMEOUT_MS + 50);
    assert_int_equal(fixture.answers, 1);
    failed_with(fixture.failure, AKMA_ERROR_NO_MODEM);
    assert_int_equal(fixture.gone, 1);
    stop(&fixture);
}

static void
closed_port_ends_what_runs_and_says_nothing_more(void **state)
{
    Fixture fixture = {0};
    (void)state;

    start(&fixture);
    fake_qmi_hold(fixture.fake, 0, NULL, NULL);
    ask(&fixture);
    fake_qmi_settle(20);
    akma_qmi_port_close(fixture.port);
    assert_int_equal(fixture.answers, 0);
    fake_qmi_settle(20);
    assert_int_equal(fixture.answers, 1);
    failed_with(fixture.failure, AKMA_ERROR_MODEM_FAILED);

    fake_qmi_release(fixture.fake);
    fake_qmi_hang_up(fixture.fake);
    fake_qmi_settle(20);
    assert_int_equal(fixture.late, 0);
    assert_int_equal(fixture.gone, 0);
    fixture.answers = 0;
    ask(&fixture);
    fake_qmi_settle(20);
    failed_with(fixture.failure, AKMA_ERROR_NO_MODEM);
    stop(&fixture);
}

static void
indications_of_others_and_broken_ones_are_passed_over(void **state)
{
    Fixture fixture = {0};
    (void)state;

    start(&fixture);
    fake_qmi_indicate(fixture.fake, FAKE_QMI_UIM, 0, 0x0032, "100100ff");
    fake_qmi_indicate(fixture.fake, FAKE_QMI_UIM, 255, 0x0032, "");
    fake_qmi_settle(20);
    assert_int_equal(fixture.indications, 2);

    fake_qmi_indicate(fixture.fake, FAKE_QMI_UIM, 77, 0x0032, "100100ff");
    fake_qmi_indicate(fixture.fake, 0x01, 255, 0x0032, "");
    fake_qmi_indicate(fixture.fake, FAKE_QMI_UIM, 0, 0x0032, "100100ff100100ff");
    fake_qmi_indicate(fixture.fake, FAKE_QMI_UIM, 0, 0x0032, "100200ff");
    fake_qmi_settle(20);
    assert_int_equal(fixture.indications, 2);
    stop(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_has_its_clients_and_gives_them_back),
        cmocka_unit_test(reject_path_that_is_no_modem),
        cmocka_unit_test(opening_is_cancelled_at_every_step_and_leaves_no_client),
        cmocka_unit_test(opening_fails_where_the_modem_is_unplugged_at_any_step),
        cmocka_unit_test(silent_modem_is_given_up_in_time),
        cmocka_unit_test(modem_without_nas_is_used_as_it_is),
        cmocka_unit_test(clients_that_a_dead_program_left_are_freed_only_if_none_is_left),
        cmocka_unit_test(request_is_answered_once),
        cmocka_unit_test(late_answer_is_known_as_one),
        cmocka_unit_test(reject_answer_to_something_else),
        cmocka_unit_test(unplugged_modem_ends_what_runs_and_is_gone_once),
        cmocka_unit_test(closed_port_ends_what_runs_and_says_nothing_more),
        cmocka_unit_test(indications_of_others_and_broken_ones_are_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
