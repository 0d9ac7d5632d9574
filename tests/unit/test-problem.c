/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static AkmaCause
read_back(unsigned status, const char *text)
{
    return akma_problem_get_cause(status, text, strlen(text));
}

/*= RFC 9457 3.1: members type, title, status, detail */
static void
problem_has_the_members_of_the_rfc(void **state G_GNUC_UNUSED)
{
    AkmaRefusal refusal = {AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, "no material"};
    static const char expected[] = "{\"type\":\"about:blank\",\"title\":\"Not Found\","
                                   "\"status\":404,\"detail\":\"no material\","
                                   "\"cause\":\"anchor_key_unknown\"}";
    g_autoptr(GBytes) body = akma_problem_to_json(&refusal);

    assert_int_equal(g_bytes_get_size(body), strlen(expected));
    assert_memory_equal(g_bytes_get_data(body, NULL), expected, strlen(expected));
}

static void
problem_may_be_without_a_cause(void **state G_GNUC_UNUSED)
{
    static const char expected[] = "{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\","
                                   "\"status\":405,\"detail\":\"GET only\"}";
    g_autoptr(GBytes) body = akma_problem_new(405, "GET only", AKMA_CAUSE_NONE);

    assert_int_equal(g_bytes_get_size(body), strlen(expected));
    assert_memory_equal(g_bytes_get_data(body, NULL), expected, strlen(expected));
}

/* About one key alone, the status is the server's to choose. */
static void
problem_of_one_key_may_have_any_status(void **state G_GNUC_UNUSED)
{
    g_autoptr(GBytes) body = akma_problem_new(404, "no such key", AKMA_CAUSE_NOT_ENTITLED);
    gsize len;
    const void *bytes = g_bytes_get_data(body, &len);

    assert_int_equal(akma_problem_get_key_cause(bytes, len), AKMA_CAUSE_NOT_ENTITLED);
    assert_int_equal(akma_problem_get_cause(404, bytes, len), AKMA_CAUSE_NONE);
}

static void
every_cause_with_a_status_comes_back(void **state G_GNUC_UNUSED)
{
    for (int i = AKMA_CAUSE_MALFORMED; i <= AKMA_CAUSE_UPSTREAM_UNAVAILABLE; i++) {
        AkmaRefusal refusal = {(AkmaCause)i, NULL};
        unsigned status = akma_cause_get_status(refusal.cause);
        g_autoptr(GBytes) body = NULL;
        gsize len;
        const void *bytes;

        assert_int_equal(akma_cause_from_name(akma_cause_get_name(refusal.cause)), i);
        assert_int_equal(status == 0, i >= AKMA_CAUSE_NOT_ENTITLED);
        if (status == 0)
            continue;
        body = akma_problem_to_json(&refusal);
        bytes = g_bytes_get_data(body, &len);
        assert_int_equal(akma_problem_get_cause(status, bytes, len), i);
    }
}

static void
causes_are_codes_of_the_error_table(void **state G_GNUC_UNUSED)
{
    assert_int_equal(akma_cause_get_error(AKMA_CAUSE_MALFORMED), AKMA_ERROR_SERVER_REFUSED);
    assert_int_equal(akma_cause_get_error(AKMA_CAUSE_ANCHOR_KEY_UNKNOWN),
                     AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
    assert_int_equal(akma_cause_get_error(AKMA_CAUSE_RATE_LIMITED), AKMA_ERROR_RATE_LIMITED);
    assert_int_equal(akma_cause_get_error(AKMA_CAUSE_STORE_UNAVAILABLE),
                     AKMA_ERROR_SERVER_UNREACHABLE);
    assert_int_equal(akma_cause_get_error(AKMA_CAUSE_NOT_ENTITLED), AKMA_ERROR_NOT_ENTITLED);
    assert_int_equal(akma_cause_get_error(AKMA_CAUSE_REVOKED), AKMA_ERROR_KEY_REVOKED);
    assert_int_equal(akma_cause_get_error(AKMA_CAUSE_UPSTREAM_REFUSED), AKMA_ERROR_UPSTREAM_FAILED);
}

static void
reject_cause_that_does_not_go_with_the_status(void **state G_GNUC_UNUSED)
{
    assert_int_equal(read_back(400, "{\"cause\":\"session_unknown\"}"), AKMA_CAUSE_NONE);
    assert_int_equal(read_back(404, "{\"cause\":\"revoked\"}"), AKMA_CAUSE_NONE);
    assert_int_equal(read_back(0, "{\"cause\":\"revoked\"}"), AKMA_CAUSE_NONE);
    assert_int_equal(read_back(0, "{\"cause\":\"none\"}"), AKMA_CAUSE_NONE);
}

static void
reject_what_is_no_problem(void **state G_GNUC_UNUSED)
{
    assert_int_equal(read_back(404, ""), AKMA_CAUSE_NONE);
    assert_int_equal(read_back(404, "<html>"), AKMA_CAUSE_NONE);
    assert_int_equal(read_back(404, "{}"), AKMA_CAUSE_NONE);
    assert_int_equal(read_back(404, "{\"cause\":404}"), AKMA_CAUSE_NONE);
    assert_int_equal(
        read_back(404, "{\"cause\":\"session_unknown\",\"cause\":\"session_unknown\"}"),
        AKMA_CAUSE_NONE);
}

static AkmaCause
to_error(unsigned status, bool is_problem, const char *text, int expected_code)
{
    g_autoptr(GError) error = NULL;
    AkmaCause cause = akma_problem_to_error(status, is_problem, text, strlen(text), &error);

    assert_true(g_error_matches(error, AKMA_ERROR, expected_code));

    return cause;
}

static void
error_is_that_of_the_cause(void **state G_GNUC_UNUSED)
{
    assert_int_equal(
        to_error(404, true, "{\"cause\":\"anchor_key_unknown\"}", AKMA_ERROR_ANCHOR_KEY_UNKNOWN),
        AKMA_CAUSE_ANCHOR_KEY_UNKNOWN);
    assert_int_equal(
        to_error(503, true, "{\"cause\":\"anchor_unavailable\"}", AKMA_ERROR_SERVER_UNREACHABLE),
        AKMA_CAUSE_ANCHOR_UNAVAILABLE);
}

static void
error_without_a_cause_is_that_of_the_status(void **state G_GNUC_UNUSED)
{
    static const char body[] = "{\"cause\":\"anchor_key_unknown\"}";

    assert_int_equal(to_error(404, false, body, AKMA_ERROR_SERVER_REFUSED), AKMA_CAUSE_NONE);
    assert_int_equal(to_error(400, true, body, AKMA_ERROR_SERVER_REFUSED), AKMA_CAUSE_NONE);
    assert_int_equal(to_error(502, true, "", AKMA_ERROR_SERVER_UNREACHABLE), AKMA_CAUSE_NONE);
    /* a proxy in front of the server knows nothing of causes */
    assert_int_equal(to_error(429, false, "slow down", AKMA_ERROR_RATE_LIMITED),
                     AKMA_CAUSE_RATE_LIMITED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problem_has_the_members_of_the_rfc),
        cmocka_unit_test(problem_may_be_without_a_cause),
        cmocka_unit_test(problem_of_one_key_may_have_any_status),
        cmocka_unit_test(every_cause_with_a_status_comes_back),
        cmocka_unit_test(causes_are_codes_of_the_error_table),
        cmocka_unit_test(reject_cause_that_does_not_go_with_the_status),
        cmocka_unit_test(reject_what_is_no_problem),
        cmocka_unit_test(error_is_that_of_the_cause),
        cmocka_unit_test(error_without_a_cause_is_that_of_the_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
