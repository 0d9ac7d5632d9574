/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg4"

static AkmaRight
judge(const char *rules)
{
    AkmaVerdict verdict = {0};

    /* "g+": a glob allows; t, g(r)oup as r, and g; + or - */
    for (; *rules; rules += 2) {
        AkmaRuleKind kind = rules[0] == 't'   ? AKMA_RULE_TERMINAL
                            : rules[0] == 'r' ? AKMA_RULE_GROUP
                                              : AKMA_RULE_GLOB;

        akma_verdict_add(&verdict, kind, rules[1] == '+');
    }

    return verdict.right;
}

static void
the_most_specific_kind_decides_and_then_a_denial(void **state)
{
    (void)state;
    assert_int_equal(judge(""), AKMA_RIGHT_NONE);
    assert_int_equal(judge("g+"), AKMA_RIGHT_ALLOWED);
    assert_int_equal(judge("g+g-"), AKMA_RIGHT_DENIED);
    assert_int_equal(judge("g-g+"), AKMA_RIGHT_DENIED);
    assert_int_equal(judge("g-r+"), AKMA_RIGHT_ALLOWED);
    assert_int_equal(judge("r+g-"), AKMA_RIGHT_ALLOWED);
    assert_int_equal(judge("r+r-g+"), AKMA_RIGHT_DENIED);
    assert_int_equal(judge("r-t+g-"), AKMA_RIGHT_ALLOWED);
    assert_int_equal(judge("t-r+g+"), AKMA_RIGHT_DENIED);
    assert_int_equal(judge("g+r+t-"), AKMA_RIGHT_DENIED);
}

static void
patterns_are_told_apart(void **state)
{
    AkmaRuleKind kind;
    const char *text;

    (void)state;
    assert_true(akma_rule_parse(ID, &kind, &text, NULL));
    assert_int_equal(kind, AKMA_RULE_TERMINAL);
    assert_true(akma_rule_parse("group:plant-7", &kind, &text, NULL));
    assert_int_equal(kind, AKMA_RULE_GROUP);
    assert_string_equal(text, "plant-7");
    assert_true(akma_rule_parse("BLh*", &kind, &text, NULL));
    assert_int_equal(kind, AKMA_RULE_GLOB);
    assert_true(akma_rule_glob_matches(text, ID));
    assert_true(akma_rule_glob_matches("*", ID));
    assert_true(akma_rule_glob_matches("[A-C]?h*", ID));
    assert_false(akma_rule_glob_matches("[!A-C]*", ID));
}

static void
reject_patterns_that_can_match_nothing(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "group:",
                                      "group:a b",
                                      "group:*",
                                      "a b*",
                                      "imsi-001010000000001",
                                      ID "x",
                                      "a/b",
                                      "a b/*"};
    AkmaRuleKind kind;
    const char *text;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(akma_rule_parse(bad[i], &kind, &text, NULL));
}

static void
a_terminal_id_is_32_bytes_of_base64url(void **state)
{
    (void)state;
    assert_true(akma_terminal_id_is_valid(ID));
    assert_false(akma_terminal_id_is_valid(""));
    assert_false(akma_terminal_id_is_valid("BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg5"));
    assert_false(akma_terminal_id_is_valid("BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg"));
    assert_false(akma_terminal_id_is_valid("BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAc+4"));
}

static void
a_terminal_of_a_consumer_has_its_name_in_front(void **state)
{
    AkmaRuleKind kind;
    const char *text;

    (void)state;
    assert_true(akma_terminal_id_is_valid("third.example/" ID));
    assert_true(akma_rule_parse("third/" ID, &kind, &text, NULL));
    assert_int_equal(kind, AKMA_RULE_TERMINAL);
    assert_true(akma_rule_parse("third/*", &kind, &text, NULL));
    assert_true(akma_rule_glob_matches(text, "third/" ID));
    assert_false(akma_rule_glob_matches(text, ID));
    assert_false(akma_rule_glob_matches(text, "thirds/" ID));

    assert_false(akma_pseudonym_is_valid("third/" ID));
    assert_false(akma_terminal_id_is_valid("/" ID));
    assert_false(akma_terminal_id_is_valid("third/"));
    assert_false(akma_terminal_id_is_valid("third/x/" ID));
    assert_false(akma_terminal_id_is_valid("th ird/" ID));
    assert_false(akma_consumer_name_is_valid(""));
    assert_false(akma_consumer_name_is_valid("a/b"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_kind_decides_and_then_a_denial),
        cmocka_unit_test(patterns_are_told_apart),
        cmocka_unit_test(reject_patterns_that_can_match_nothing),
        cmocka_unit_test(a_terminal_of_a_consumer_has_its_name_in_front),
        cmocka_unit_test(a_terminal_id_is_32_bytes_of_base64url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
