/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tpm/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>

#include "base/error.h"

static void
assert_says(uint32_t rc, const char *cause, const char *next)
{
    g_autoptr(GError) error = NULL;

    akma_tpm_explain(rc, "sealing.tpm", &error);
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED));
    assert_true(g_str_has_prefix(error->message, "sealing.tpm: the TPM "));
    if (!strstr(error->message, cause) || !strstr(akma_error_get_hint(error), next))
        fail_msg("%s", error->message);
}

static void
each_refusal_names_its_cause_and_the_next_step(void **state)
{
    (void)state;
    assert_says(TPM2_RC_POLICY_FAIL | TPM2_RC_S | TPM2_RC_1, "PCRs", "remove keys.sealed");
    assert_says(TPM2_RC_INTEGRITY | TPM2_RC_P | TPM2_RC_1, "another TPM", "remove keys.sealed");
    assert_says(TPM2_RC_LOCKOUT, "locked", "wait");
    assert_says(TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1, "password", "sealing=");
    assert_says(TPM2_RC_HIERARCHY | TPM2_RC_1, "switched off", "firmware");
}

static void
what_is_not_known_is_told_as_the_library_tells_it(void **state)
{
    (void)state;
    assert_says(TPM2_RC_FAILURE, "fails: tpm:", "start akmad again");
    assert_says(TSS2_TCTI_RC_IO_ERROR, "fails: tcti:", "start akmad again");
}

static void
a_refused_parameter_is_told_from_a_refused_session(void **state)
{
    (void)state;
    assert_true(akma_tpm_is_parameter(TPM2_RC_SIZE | TPM2_RC_P | TPM2_RC_2));
    assert_false(akma_tpm_is_parameter(TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1));
    assert_false(akma_tpm_is_parameter(TPM2_RC_LOCKOUT));
    assert_false(akma_tpm_is_parameter(TSS2_TCTI_RC_IO_ERROR));
    assert_false(akma_tpm_is_parameter(TSS2_RC_SUCCESS));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_names_its_cause_and_the_next_step),
        cmocka_unit_test(what_is_not_known_is_told_as_the_library_tells_it),
        cmocka_unit_test(a_refused_parameter_is_told_from_a_refused_session),
    };

    return cmocka_run_group_tests_name("tpm-explain", tests, NULL, NULL);
}
