/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* libsystemd, which knows the cgroups of the machine that the tests run on, as the tests want it */
static const char *unit_of_all = "mqtt.service";
static pid_t asked;
static pid_t killed_meanwhile;

int __wrap_sd_pid_get_unit(pid_t pid, char **ret);

int
__wrap_sd_pid_get_unit(pid_t pid, char **ret)
{
    asked = pid;
    if (killed_meanwhile > 0) {
        kill(killed_meanwhile, SIGKILL);
        waitpid(killed_meanwhile, NULL, 0);
        killed_meanwhile = 0;
    }
    if (!unit_of_all)
        return -ENODATA;
    *ret = strdup(unit_of_all);

    return 0;
}

/* A process of this user that waits to be killed. */
static pid_t
start_process(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_true(pid > 0);

    return pid;
}

static void
end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static AkmaCaller
caller_of(pid_t pid)
{
    return (AkmaCaller){.known = true, .uid = geteuid(), .pid = pid};
}

static AkmaCaller
caller_with_pidfd(pid_t pid)
{
    AkmaCaller caller = caller_of(1);
    int fd = pidfd_open(pid, 0);

    caller.process_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    assert_true(caller.process_fd > 2);

    return caller;
}

static int
set_up(void **state)
{
    (void)state;
    unit_of_all = "mqtt.service";
    asked = 0;
    killed_meanwhile = 0;

    return 0;
}

static void
the_unit_of_a_living_process_of_that_user_is_told(void **state)
{
    pid_t pid = start_process();
    AkmaCaller caller = caller_of(pid);
    g_autofree char *unit = akma_unit_dup_of_caller(&caller);

    (void)state;
    assert_string_equal(unit, "mqtt.service");
    assert_int_equal(asked, pid);
    end_process(pid);
}

static void
the_pidfd_of_the_bus_goes_before_its_pid(void **state)
{
    pid_t pid = start_process();
    g_auto(AkmaCaller) caller = caller_with_pidfd(pid);
    g_autofree char *unit = akma_unit_dup_of_caller(&caller);

    (void)state;
    assert_string_equal(unit, "mqtt.service");
    assert_int_equal(asked, pid);
    end_process(pid);
}

static void
reject_a_process_that_ends_while_its_unit_is_read(void **state)
{
    pid_t pid = start_process();
    pid_t other = start_process();
    AkmaCaller caller = caller_of(pid);
    g_auto(AkmaCaller) with_pidfd = caller_with_pidfd(other);

    (void)state;
    killed_meanwhile = pid;
    assert_null(akma_unit_dup_of_caller(&caller));
    assert_int_equal(asked, pid);
    killed_meanwhile = other;
    assert_null(akma_unit_dup_of_caller(&with_pidfd));
    assert_int_equal(asked, other);
}

static void
reject_a_process_that_has_ended(void **state)
{
    pid_t pid = start_process();
    AkmaCaller caller = caller_of(pid);
    g_auto(AkmaCaller) with_pidfd = caller_with_pidfd(pid);

    (void)state;
    /* a zombie still has its pid and its cgroup */
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    assert_null(akma_unit_dup_of_caller(&caller));
    assert_null(akma_unit_dup_of_caller(&with_pidfd));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_null(akma_unit_dup_of_caller(&caller));
    assert_null(akma_unit_dup_of_caller(&with_pidfd));
}

static void
reject_a_pid_that_another_user_has_now(void **state)
{
    pid_t pid = start_process();
    AkmaCaller caller = caller_of(pid);

    (void)state;
    caller.uid = geteuid() + 1;
    assert_null(akma_unit_dup_of_caller(&caller));
    assert_int_equal(asked, 0);
    end_process(pid);
}

static void
reject_who_is_in_no_unit_or_has_no_pid(void **state)
{
    AkmaCaller caller = caller_of(getpid());
    AkmaCaller without_pid = caller_of(0);

    (void)state;
    assert_null(akma_unit_dup_of_caller(&without_pid));
    unit_of_all = NULL;
    assert_null(akma_unit_dup_of_caller(&caller));
    unit_of_all = "mqtt.service";
    caller.known = false;
    assert_null(akma_unit_dup_of_caller(&caller));
}

static void
reject_a_descriptor_that_is_no_pidfd(void **state)
{
    AkmaCaller caller = caller_of(getpid());

    (void)state;
    caller.process_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(caller.process_fd > 0);
    assert_null(akma_unit_dup_of_caller(&caller));
    akma_caller_clear(&caller);
    assert_int_equal(caller.process_fd, 0);
}

static void
names_of_units_are_whole(void **state)
{
    static const char *const good[] = {
        "mqtt.service", "a-b_c.d:e\\x2d@1.service", "session-1.scope", "x.socket", "dev-sda.swap"};
    static const char *const bad[] = {"",
                                      "mqtt",
                                      ".service",
                                      "mqtt@.service",
                                      "@a.service",
                                      "mqtt.slice",
                                      "mqtt.servic",
                                      "mq tt.service",
                                      "mqtt/.service",
                                      "mqtt.service ",
                                      "m\xc3\xb6.service"};
    g_autofree char *long_name = g_strnfill(300, 'a');
    g_autofree char *too_long = g_strconcat(long_name, ".service", NULL);

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        assert_true(akma_unit_name_is_valid(good[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(akma_unit_name_is_valid(bad[i]));
    assert_false(akma_unit_name_is_valid(too_long));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_unit_of_a_living_process_of_that_user_is_told, set_up),
        cmocka_unit_test_setup(the_pidfd_of_the_bus_goes_before_its_pid, set_up),
        cmocka_unit_test_setup(reject_a_process_that_ends_while_its_unit_is_read, set_up),
        cmocka_unit_test_setup(reject_a_process_that_has_ended, set_up),
        cmocka_unit_test_setup(reject_a_pid_that_another_user_has_now, set_up),
        cmocka_unit_test_setup(reject_who_is_in_no_unit_or_has_no_pid, set_up),
        cmocka_unit_test_setup(reject_a_descriptor_that_is_no_pidfd, set_up),
        cmocka_unit_test(names_of_units_are_whole),
    };

    return cmocka_run_group_tests_name("unit", tests, NULL, NULL);
}
