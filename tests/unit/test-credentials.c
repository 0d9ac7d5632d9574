/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/fakes/bus-message.h"

/* What the bus answers; @types and the rest: as of sd_bus_message_append(). */
#define READ(caller, types, ...)                                                                   \
    do {                                                                                           \
        sd_bus *bus = bus_to_nobody();                                                             \
        sd_bus_message *answer = bus_message_new(bus);                                             \
                                                                                                   \
        assert_true(sd_bus_message_append(answer, types, __VA_ARGS__) >= 0);                       \
        bus_message_turn(answer);                                                                  \
        akma_caller_set_credentials(caller, answer);                                               \
        sd_bus_message_unref(answer);                                                              \
        sd_bus_close_unref(bus);                                                                   \
    } while (false)

static void
uid_pid_and_groups_are_read_and_the_rest_is_passed_over(void **state)
{
    g_auto(AkmaCaller) self = {0};

    (void)state;
    READ(&self,
         "a{sv}",
         5,
         "LinuxSecurityLabel",
         "ay",
         2,
         'x',
         0,
         "ProcessID",
         "u",
         7,
         "UnixGroupIDs",
         "au",
         3,
         5,
         6,
         2000,
         "WindowsSID",
         "s",
         "none",
         "UnixUserID",
         "u",
         1001);

    assert_true(self.known);
    assert_int_equal(self.uid, 1001);
    assert_int_equal(self.pid, 7);
    assert_int_equal(self.gids->len, 3);
    assert_int_equal(g_array_index(self.gids, gid_t, 0), 5);
    assert_int_equal(g_array_index(self.gids, gid_t, 2), 2000);
}

static void
a_pidfd_of_the_bus_is_kept(void **state)
{
    AkmaCaller self = {0};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int kept;

    (void)state;
    READ(&self, "a{sv}", 2, "UnixUserID", "u", 5, "ProcessFD", "h", fd);
    kept = self.process_fd;

    assert_true(kept > 2 && kept != fd);
    assert_int_equal(fcntl(kept, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    akma_caller_clear(&self);
    assert_int_equal(fcntl(kept, F_GETFD), -1);
    close(fd);
}

static void
reject_an_answer_with_two_pidfds(void **state)
{
    g_auto(AkmaCaller) self = {0};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    READ(&self, "a{sv}", 3, "UnixUserID", "u", 5, "ProcessFD", "h", fd, "ProcessFD", "h", fd);

    assert_false(self.known || self.process_fd);
    close(fd);
}

static void
no_groups_are_told_and_none_are_there(void **state)
{
    g_auto(AkmaCaller) told = {0};
    g_auto(AkmaCaller) not_told = {0};

    (void)state;
    READ(&told, "a{sv}", 2, "UnixUserID", "u", 0, "UnixGroupIDs", "au", 0);
    READ(&not_told, "a{sv}", 1, "UnixUserID", "u", 0);

    assert_true(told.known && told.gids->len == 0);
    assert_true(not_told.known && !not_told.gids);
}

static void
reject_an_answer_without_a_uid(void **state)
{
    g_auto(AkmaCaller) nothing = {.known = true};
    g_auto(AkmaCaller) groups_only = {.known = true};

    (void)state;
    READ(&nothing, "a{sv}", 0);
    READ(&groups_only, "a{sv}", 1, "UnixGroupIDs", "au", 1, 0);

    assert_false(nothing.known || groups_only.known || groups_only.gids);
}

static void
reject_what_is_of_another_type(void **state)
{
    g_auto(AkmaCaller) uid = {0};
    g_auto(AkmaCaller) groups = {0};
    g_auto(AkmaCaller) no_dict = {0};

    (void)state;
    READ(&uid, "a{sv}", 1, "UnixUserID", "s", "0");
    READ(&groups, "a{sv}", 2, "UnixUserID", "u", 5, "UnixGroupIDs", "s", "44");
    READ(&no_dict, "su", "UnixUserID", 0);

    assert_false(uid.known);
    assert_true(groups.known && !groups.gids);
    assert_false(no_dict.known);
}

static void
reject_who_was_known_before(void **state)
{
    g_auto(AkmaCaller) self = {0};

    (void)state;
    READ(&self, "a{sv}", 2, "UnixUserID", "u", 5, "UnixGroupIDs", "au", 1, 44);
    READ(&self, "a{sv}", 0);

    assert_false(self.known || self.gids || self.uid != 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uid_pid_and_groups_are_read_and_the_rest_is_passed_over),
        cmocka_unit_test(a_pidfd_of_the_bus_is_kept),
        cmocka_unit_test(reject_an_answer_with_two_pidfds),
        cmocka_unit_test(no_groups_are_told_and_none_are_there),
        cmocka_unit_test(reject_an_answer_without_a_uid),
        cmocka_unit_test(reject_what_is_of_another_type),
        cmocka_unit_test(reject_who_was_known_before),
    };

    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
