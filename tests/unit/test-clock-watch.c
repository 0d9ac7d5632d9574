/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/clock-watch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Stands in for the timer of the kernel, which nobody can make cancel without setting the clock. */
static int timer = -1;
static bool was_set;
static unsigned armed;

ssize_t __real_read(int fd, void *bytes, size_t len);
ssize_t __wrap_read(int fd, void *bytes, size_t len);
int __real_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_settime(int fd,
                           int flags,
                           const struct itimerspec *value,
                           struct itimerspec *old);

int
__wrap_timerfd_create(int clock, int flags)
{
    (void)flags;
    assert_int_equal(clock, CLOCK_REALTIME);
    timer = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return timer;
}

int
__wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
    (void)old;
    assert_int_equal(fd, timer);
    assert_int_equal(flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
    assert_true(value->it_value.tv_sec > INT64_C(2000000000));
    armed++;

    return 0;
}

ssize_t
__wrap_read(int fd, void *bytes, size_t len)
{
    ssize_t n = __real_read(fd, bytes, len);

    if (fd != timer || !was_set)
        return n;
    errno = ECANCELED;

    return -1;
}

static void
count(gpointer user_data)
{
    unsigned *n = user_data;

    (*n)++;
}

static void
wake(void)
{
    const uint64_t one = 1;

    assert_int_equal(write(timer, &one, sizeof one), sizeof one);
    g_main_context_iteration(NULL, TRUE);
}

static void
each_setting_of_the_clock_is_told(void **state)
{
    unsigned n = 0;
    g_autoptr(AkmaClockWatch) watch = akma_clock_watch_new(count, &n);

    (void)state;
    assert_non_null(watch);
    armed = 0;
    was_set = true;
    wake();
    assert_int_equal(n, 1);
    wake();
    assert_int_equal(n, 2);
    assert_int_equal(armed, 2);
}

static void
reject_the_end_of_the_timer_as_a_setting(void **state)
{
    unsigned n = 0;
    g_autoptr(AkmaClockWatch) watch = akma_clock_watch_new(count, &n);

    (void)state;
    assert_non_null(watch);
    armed = 0;
    was_set = false;
    wake();
    assert_int_equal(n, 0);
    assert_int_equal(armed, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_setting_of_the_clock_is_told),
        cmocka_unit_test(reject_the_end_of_the_timer_as_a_setting),
    };

    return cmocka_run_group_tests_name("clock-watch", tests, NULL, NULL);
}
