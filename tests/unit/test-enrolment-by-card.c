/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/enrolment.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static AkmaEnrolmentAction
refuse(AkmaEnrolment *e, AkmaCause cause, unsigned retry_after_s, uint32_t random)
{
    g_autoptr(GError) error =
        g_error_new_literal(AKMA_ERROR, (int)akma_cause_get_error(cause), "refused");

    return akma_enrolment_failed(e, error, cause, retry_after_s, random);
}

static void
auto_by_card_goes_by_the_card(void **state G_GNUC_UNUSED)
{
    static const AkmaError reasons[] = {AKMA_ERROR_ANCHOR_UNSUPPORTED, AKMA_ERROR_ANCHOR_NOT_READY};

    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
        g_autoptr(AkmaEnrolment) e = akma_enrolment_new();
        g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, (int)reasons[i], "no key");

        akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO_BY_CARD);
        assert_false(akma_enrolment_is_gba(e));
        assert_int_equal(akma_enrolment_failed(e, error, AKMA_CAUSE_NONE, 0, 0),
                         AKMA_ENROLMENT_READ_ANCHOR);
        assert_true(akma_enrolment_is_gba(e));
    }
}

static void
reject_a_fallback_for_the_word_of_the_server(void **state G_GNUC_UNUSED)
{
    static const char *const second[] = {"a@b", "new@b"};

    for (size_t i = 0; i < G_N_ELEMENTS(second); i++) {
        g_autoptr(AkmaEnrolment) e = akma_enrolment_new();
        AkmaEnrolmentAction action;

        akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO_BY_CARD);
        akma_enrolment_anchor_read(e, "a@b", false);
        assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0),
                         AKMA_ENROLMENT_READ_ANCHOR);
        action = akma_enrolment_anchor_read(e, second[i], false);
        if (action == AKMA_ENROLMENT_OPEN_SESSION)
            action = refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0);

        assert_int_equal(action, AKMA_ENROLMENT_FAILED);
        assert_false(akma_enrolment_is_gba(e));
        assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_by_card_goes_by_the_card),
        cmocka_unit_test(reject_a_fallback_for_the_word_of_the_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
