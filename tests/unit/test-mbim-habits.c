/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "modem/mbim/habits.h"

static AkmaCommand
command_new(size_t data_len, int le)
{
    static const uint8_t data[8] = {0};
    AkmaCommand command;

    akma_command_init(&command, AKMA_INS_READ_BINARY, 0, 0, data, data_len, le);

    return command;
}

static void
habits_belong_to_a_model(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) one = akma_mbim_habits_get("", "M1", "1.0");
    g_autoptr(AkmaMbimHabits) again = akma_mbim_habits_get("", "M1", "1.0");
    g_autoptr(AkmaMbimHabits) newer = akma_mbim_habits_get("", "M1", "1.1");
    g_autoptr(AkmaMbimHabits) other = akma_mbim_habits_get("M", "1", "1.0");

    assert_ptr_equal(one, again);
    assert_ptr_not_equal(one, newer);
    assert_ptr_not_equal(one, other);
}

static void
habits_outlive_a_modem_with_ever_new_names(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) kept = akma_mbim_habits_get("", "kept", "");
    uint8_t p2;

    akma_mbim_habits_learn_p2(kept, 0x0c);
    for (unsigned i = 0; i < 100; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);

        akma_mbim_habits_unref(akma_mbim_habits_get("", "new", name));
    }

    assert_true(akma_mbim_habits_get_p2(kept, 0, &p2));
    assert_int_equal(p2, 0x0c);
}

static void
p2_04_is_tried_before_0c_until_one_is_known(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) self = akma_mbim_habits_get("", "p2", "");
    uint8_t p2;

    assert_true(akma_mbim_habits_get_p2(self, 0, &p2));
    assert_int_equal(p2, 0x04);
    assert_true(akma_mbim_habits_get_p2(self, 1, &p2));
    assert_int_equal(p2, 0x0c);
    assert_false(akma_mbim_habits_get_p2(self, 2, &p2));

    akma_mbim_habits_learn_p2(self, 0x0c);
    assert_true(akma_mbim_habits_get_p2(self, 0, &p2));
    assert_int_equal(p2, 0x0c);
    assert_false(akma_mbim_habits_get_p2(self, 1, &p2));
}

static void
assert_way(AkmaMbimHabits *self, const AkmaCommand *command, unsigned n, int extended, int drops)
{
    AkmaMbimWay way;

    assert_true(akma_mbim_habits_get_way(self, command, n, &way));
    assert_int_equal(way.is_extended, extended);
    assert_int_equal(way.drops_le, drops);
}

static void
command_with_data_and_le_has_four_ways(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) self = akma_mbim_habits_get("", "four", "");
    AkmaCommand command = command_new(2, 0);
    AkmaMbimWay way;

    assert_way(self, &command, 0, false, false);
    assert_way(self, &command, 1, true, false);
    assert_way(self, &command, 2, false, true);
    assert_way(self, &command, 3, true, true);
    assert_false(akma_mbim_habits_get_way(self, &command, 4, &way));
}

static void
le_of_a_command_without_data_is_never_left_out(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) self = akma_mbim_habits_get("", "two", "");
    AkmaCommand commands[] = {command_new(0, 34), command_new(2, AKMA_NO_LE), command_new(0, -1)};
    AkmaMbimWay way;

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        assert_way(self, &commands[i], 0, false, false);
        assert_way(self, &commands[i], 1, true, false);
        assert_false(akma_mbim_habits_get_way(self, &commands[i], 2, &way));
    }
}

static void
only_what_a_command_has_is_learned(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) self = akma_mbim_habits_get("", "learn", "");
    AkmaCommand without = command_new(0, 34);
    AkmaCommand with = command_new(2, 0);
    AkmaMbimWay way;

    akma_mbim_habits_learn_way(self, &without, &(AkmaMbimWay){.is_extended = true});
    assert_way(self, &without, 0, true, false);
    assert_false(akma_mbim_habits_get_way(self, &without, 1, &way));
    assert_way(self, &with, 0, true, false);
    assert_way(self, &with, 1, true, true);

    akma_mbim_habits_learn_way(self, &with, &(AkmaMbimWay){.is_extended = true, .drops_le = true});
    assert_way(self, &with, 0, true, true);
    assert_false(akma_mbim_habits_get_way(self, &with, 1, &way));
    assert_way(self, &without, 0, true, false);
}

/*= TS 102 221 10.2.1: SW1 is 90 (with 00), 91 to 9F, or 61 to 6F */
static void
status_word_is_found_in_either_order(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) usual = akma_mbim_habits_get("", "sw", "usual");
    g_autoptr(AkmaMbimHabits) swapped = akma_mbim_habits_get("", "sw", "swapped");

    assert_int_equal(akma_mbim_habits_read_sw(usual, 0x0090), 0x9000);
    assert_int_equal(akma_mbim_habits_read_sw(usual, 0x826a), 0x6a82);
    assert_int_equal(akma_mbim_habits_read_sw(swapped, 0x9000), 0x9000);
    assert_int_equal(akma_mbim_habits_read_sw(swapped, 0x6a82), 0x6a82);
}

static void
status_word_that_reads_both_ways_follows_what_was_learned(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) usual = akma_mbim_habits_get("", "both", "usual");
    g_autoptr(AkmaMbimHabits) swapped = akma_mbim_habits_get("", "both", "swapped");

    assert_int_equal(akma_mbim_habits_read_sw(usual, 0x6298), 0x9862); /* nothing known yet */
    akma_mbim_habits_read_sw(usual, 0x0090);
    akma_mbim_habits_read_sw(swapped, 0x9000);

    assert_int_equal(akma_mbim_habits_read_sw(usual, 0x6298), 0x9862);
    assert_int_equal(akma_mbim_habits_read_sw(swapped, 0x9862), 0x9862);
}

static void
reject_what_is_no_status_word(void **state G_GNUC_UNUSED)
{
    static const uint32_t bad[] = {0, 0x0060, 0x0190, 0x1234, 0x5050, 0x00900000, 0xffffffff};
    g_autoptr(AkmaMbimHabits) self = akma_mbim_habits_get("", "bad", "");

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_int_equal(akma_mbim_habits_read_sw(self, bad[i]), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(habits_belong_to_a_model),
        cmocka_unit_test(habits_outlive_a_modem_with_ever_new_names),
        cmocka_unit_test(p2_04_is_tried_before_0c_until_one_is_known),
        cmocka_unit_test(command_with_data_and_le_has_four_ways),
        cmocka_unit_test(le_of_a_command_without_data_is_never_left_out),
        cmocka_unit_test(only_what_a_command_has_is_learned),
        cmocka_unit_test(status_word_is_found_in_either_order),
        cmocka_unit_test(status_word_that_reads_both_ways_follows_what_was_learned),
        cmocka_unit_test(reject_what_is_no_status_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
