/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fakes/bus-message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

sd_bus *
bus_to_nobody(void)
{
    sd_bus *bus = NULL;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    assert_true(sd_bus_new(&bus) >= 0);
    assert_true(sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
    assert_true(sd_bus_start(bus) >= 0);
    close(fds[1]);

    return bus;
}

sd_bus_message *
bus_message_new(sd_bus *bus)
{
    sd_bus_message *message = NULL;

    assert_true(sd_bus_message_new_signal(bus, &message, "/test", "org.akmad1.Test", "Test") >= 0);

    return message;
}

void
bus_message_turn(sd_bus_message *message)
{
    assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
    assert_true(sd_bus_message_rewind(message, 1) >= 0);
}
