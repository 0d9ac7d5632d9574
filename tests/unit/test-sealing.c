/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/sealing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MADE    AKMA_SEALING_MADE
#define NAMED   AKMA_SEALING_NAMED
#define HOST    AKMA_SEALING_SYSTEMD_HOST
#define TPM     AKMA_SEALING_TPM
#define TPM2    AKMA_SEALING_SYSTEMD_TPM2
#define NONE    AKMA_SEALING_UNKNOWN
#define BIT(n)  (1U << (n))
#define NOTHING 0U
#define ALL     (BIT(HOST) | BIT(TPM) | BIT(TPM2))

typedef struct {
    const char *setting;
    bool is_named;
    unsigned there;
    AkmaSealing before;
    AkmaSealing expected;
} Row;

static void
assert_rows(const Row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const AkmaSealingChoice choice = {
            rows[i].setting, rows[i].is_named, rows[i].there, rows[i].before};

        if (akma_sealing_choose(&choice) != rows[i].expected)
            fail_msg("row %zu: %d", i, akma_sealing_choose(&choice));
    }
}

static void
auto_takes_the_best_that_is_there(void **state)
{
    static const Row rows[] = {
        {"auto", false, NOTHING, NONE, MADE},
        {"auto", false, BIT(HOST), NONE, HOST},
        {"auto", false, BIT(HOST) | BIT(TPM), NONE, TPM},
        {"auto", false, ALL, NONE, TPM2},
        /* what a person named */
        {"auto", true, ALL, NONE, NAMED},
        /* and goes up when something better comes */
        {"auto", false, BIT(TPM), MADE, TPM},
        {"auto", false, BIT(HOST) | BIT(TPM), HOST, TPM},
        {"auto", false, ALL, TPM, TPM2},
        {"auto", false, NOTHING, NAMED, MADE},
    };

    (void)state;
    assert_rows(rows, G_N_ELEMENTS(rows));
}

static void
reject_a_step_down_that_nobody_asked_for(void **state)
{
    static const Row rows[] = {
        {"auto", false, NOTHING, TPM, TPM},
        {"auto", false, BIT(HOST), TPM, TPM},
        {"auto", false, NOTHING, HOST, HOST},
        /* another kind that is as good does not open it */
        {"auto", false, BIT(TPM), HOST, HOST},
        {"auto", false, BIT(TPM) | BIT(HOST), TPM2, TPM2},
        {"systemd", false, BIT(HOST), TPM2, TPM2},
    };

    (void)state;
    assert_rows(rows, G_N_ELEMENTS(rows));
}

static void
a_kind_that_is_named_is_the_one(void **state)
{
    static const Row rows[] = {
        {"file", false, ALL, NONE, MADE},
        {"file", true, ALL, TPM, NAMED},
        {"file", false, ALL, TPM2, MADE},
        {"tpm", false, NOTHING, NONE, TPM},
        {"tpm", false, ALL, TPM2, TPM},
        {"systemd", false, ALL, NONE, TPM2},
        {"systemd", false, BIT(HOST), NONE, HOST},
        {"systemd", false, BIT(TPM), TPM, HOST},
    };

    (void)state;
    assert_rows(rows, G_N_ELEMENTS(rows));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_takes_the_best_that_is_there),
        cmocka_unit_test(reject_a_step_down_that_nobody_asked_for),
        cmocka_unit_test(a_kind_that_is_named_is_the_one),
    };

    return cmocka_run_group_tests_name("sealing", tests, NULL, NULL);
}
