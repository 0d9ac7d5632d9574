/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 100 /* of a loop with next to nothing to do */

typedef struct {
    AkmaListener *listener;
    struct sockaddr_un address; /* in no folder: Linux chooses the name */
    socklen_t len;
    unsigned entered;
    unsigned failed;
    bool full_after_one;
} Door;

static void
on_enter(int fd, const struct sockaddr_un *address, socklen_t len, gpointer user_data)
{
    Door *door = user_data;

    assert_int_equal(address->sun_family, AF_UNIX);
    assert_true(len <= sizeof *address);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    close(fd);
    door->entered++;
    if (door->full_after_one)
        akma_listener_set_full(door->listener, true);
}

static void
on_failed(int error, gpointer user_data)
{
    Door *door = user_data;

    assert_int_equal(error, EMFILE);
    door->failed++;
}

static void
open_door(Door *door)
{
    const struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof any.sun_family), 0);
    assert_int_equal(listen(fd, 8), 0);
    door->len = sizeof door->address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&door->address, &door->len), 0);
    door->listener = akma_listener_new(fd, on_enter, on_failed, door);
}

static int
knock(const Door *door)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&door->address, door->len), 0);

    return fd;
}

/* All that is due now; a loop that spins never comes to an end of it. */
static void
run_what_is_due(void)
{
    unsigned turns = 0;

    while (g_main_context_iteration(NULL, FALSE))
        assert_true(++turns < TURNS_MAX);
}

static void
wait_for(const Door *door, unsigned entered)
{
    while (door->entered < entered)
        g_main_context_iteration(NULL, TRUE);
    assert_int_equal(door->entered, entered);
}

static void
who_connects_enters(void **state G_GNUC_UNUSED)
{
    Door door = {0};
    int one, two;

    open_door(&door);
    run_what_is_due();
    assert_int_equal(door.entered, 0);
    one = knock(&door);
    two = knock(&door);
    wait_for(&door, 2);

    close(one);
    close(two);
    akma_listener_free(door.listener);
}

static void
who_finds_it_full_waits(void **state G_GNUC_UNUSED)
{
    Door door = {.full_after_one = true};
    int one, two;

    open_door(&door);
    one = knock(&door);
    two = knock(&door);
    wait_for(&door, 1);
    run_what_is_due();
    assert_int_equal(door.entered, 1);
    akma_listener_set_full(door.listener, false);
    wait_for(&door, 2);

    close(one);
    close(two);
    akma_listener_free(door.listener);
}

/* accept(2) leaves who connects in the queue, so that the socket stays readable. */
static void
without_a_descriptor_left_it_does_not_spin(void **state G_GNUC_UNUSED)
{
    Door door = {0};
    struct rlimit before, none;
    int fd, next;

    open_door(&door);
    run_what_is_due();
    fd = knock(&door);
    next = dup(fd);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);

    run_what_is_due();
    assert_int_equal(door.entered, 0);
    assert_int_equal(door.failed, 1);
    /* the pause is over, and it is as before: not told again */
    g_usleep(200 * 1000);
    run_what_is_due();
    assert_int_equal(door.entered, 0);
    assert_int_equal(door.failed, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    wait_for(&door, 1);

    close(fd);
    akma_listener_free(door.listener);
}

static void
freed_while_it_is_full(void **state G_GNUC_UNUSED)
{
    Door door = {.full_after_one = true};
    int fd;

    open_door(&door);
    fd = knock(&door);
    wait_for(&door, 1);
    akma_listener_free(door.listener);
    akma_listener_free(NULL);
    run_what_is_due();

    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_connects_enters),
        cmocka_unit_test(who_finds_it_full_waits),
        cmocka_unit_test(without_a_descriptor_left_it_does_not_spin),
        cmocka_unit_test(freed_while_it_is_full),
    };

    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
