/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/key-reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/fakes/bus-message.h"

static AkmaStoredKey *
key(void)
{
    AkmaStoredKey *self = akma_stored_key_new();

    self->kid = g_strdup("mqtt:3");
    self->kty = g_strdup("oct");
    self->identity = g_strdup("abc.3.xyz");
    self->iat = 100;
    self->secret = akma_secret_new("0123456789abcdef", 16, NULL);
    assert_non_null(self->secret);

    return self;
}

static void
the_memfd_holds_the_key_at_offset_0_and_cannot_be_changed(void **state)
{
    g_autoptr(AkmaStoredKey) stored = key();
    int fd = akma_key_reply_new_memfd(stored, NULL);
    char bytes[17] = {0};

    (void)state;
    assert_int_equal(read(fd, bytes, sizeof bytes), 16);
    assert_string_equal(bytes, "0123456789abcdef");
    assert_int_equal(fcntl(fd, F_GET_SEALS),
                     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 17), -1);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
}

static void
no_two_calls_share_a_memfd(void **state)
{
    g_autoptr(AkmaStoredKey) stored = key();
    int first = akma_key_reply_new_memfd(stored, NULL);
    int second = akma_key_reply_new_memfd(stored, NULL);
    char bytes[17] = {0};

    (void)state;
    assert_int_equal(read(first, bytes, sizeof bytes), 16);
    assert_int_equal(read(second, bytes, sizeof bytes), 16);
    close(first);
    close(second);
}

static void
attributes_are_those_of_the_key_and_no_others(void **state)
{
    g_autoptr(AkmaStoredKey) stored = key();
    sd_bus *bus = bus_to_nobody();
    sd_bus_message *reply = bus_message_new(bus);
    const char *texts[3];
    const char *names[5];
    uint64_t numbers[2];

    (void)state;
    assert_true(akma_key_reply_append_attributes(reply, stored) >= 0);
    bus_message_turn(reply);
    assert_true(sd_bus_message_read(reply,
                                    "a{sv}",
                                    5,
                                    &names[0],
                                    "s",
                                    &texts[0],
                                    &names[1],
                                    "s",
                                    &texts[1],
                                    &names[2],
                                    "s",
                                    &texts[2],
                                    &names[3],
                                    "t",
                                    &numbers[0],
                                    &names[4],
                                    "t",
                                    &numbers[1]) > 0);
    assert_int_equal(sd_bus_message_at_end(reply, 1), 1);
    assert_string_equal(names[0], "kid");
    assert_string_equal(texts[0], "mqtt:3");
    assert_string_equal(names[1], "kty");
    assert_string_equal(texts[1], "oct");
    assert_string_equal(names[2], "identity");
    assert_string_equal(texts[2], "abc.3.xyz");
    assert_string_equal(names[3], "not-before");
    assert_int_equal(numbers[0], 100);
    assert_string_equal(names[4], "not-after");
    assert_int_equal(numbers[1], 0);

    sd_bus_message_unref(reply);
    sd_bus_close_unref(bus);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_memfd_holds_the_key_at_offset_0_and_cannot_be_changed),
        cmocka_unit_test(no_two_calls_share_a_memfd),
        cmocka_unit_test(attributes_are_those_of_the_key_and_no_others),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL))
        return 1;

    return cmocka_run_group_tests_name("key-reply", tests, NULL, NULL);
}
