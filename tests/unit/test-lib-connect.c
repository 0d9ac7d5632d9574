/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/connect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

GSource *__wrap_g_timeout_source_new(guint ms);
GSource *__real_g_timeout_source_new(guint ms);

static guint asked_ms;

/* The deadline, at once. */
GSource *
__wrap_g_timeout_source_new(guint ms)
{
    asked_ms = ms;

    return __real_g_timeout_source_new(10);
}

/* A socket that takes every connection and says nothing; the name is in the environment. */
static int
listen_and_be_silent(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *name = g_strdup_printf("akmad-test-silent-%d", (int)getpid());
    g_autofree char *bus = g_strdup_printf("unix:abstract=%s", name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path + 1, name, strlen(name));
    assert_int_equal(bind(fd,
                          (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))),
                     0);
    assert_int_equal(listen(fd, 5), 0);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", bus, TRUE);

    return fd;
}

static void
reject_a_bus_that_takes_the_connection_and_is_silent(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    int fd = listen_and_be_silent();

    assert_null(akma_lib_connect(NULL, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING));
    assert_string_equal(error->message, "cannot reach the bus: it does not answer");
    assert_int_equal(asked_ms, 25000);
    close(fd);
}

static gpointer
cancel(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);

    return NULL;
}

static void
cancelled_from_another_thread_is_cancelled(void **state G_GNUC_UNUSED)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    int fd = listen_and_be_silent();
    GThread *thread = g_thread_new("cancel", cancel, cancellable);

    assert_null(akma_lib_connect(cancellable, &error));
    g_thread_join(thread);
    /* whichever was first: both are over at once */
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
                g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING));
    close(fd);
}

static void
cancelled_before_is_cancelled(void **state G_GNUC_UNUSED)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    int fd = listen_and_be_silent();

    g_cancellable_cancel(cancellable);
    assert_null(akma_lib_connect(cancellable, &error));
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    close(fd);
}

static void
reject_addresses_that_are_none(void **state G_GNUC_UNUSED)
{
    static const char *const addresses[] = {"nonsense", "unix:path=/nothing/here", ""};

    for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autoptr(GError) error = NULL;

        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", addresses[i], TRUE);
        assert_null(akma_lib_connect(NULL, &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING));
        assert_true(g_str_has_prefix(error->message, "cannot reach the bus: "));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reject_a_bus_that_takes_the_connection_and_is_silent),
        cmocka_unit_test(cancelled_from_another_thread_is_cancelled),
        cmocka_unit_test(cancelled_before_is_cancelled),
        cmocka_unit_test(reject_addresses_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
