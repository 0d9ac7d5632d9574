/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>

/* libsystemd is what akmad makes the paths with. */
static void
paths_are_those_of_sd_bus_path_encode(void **state G_GNUC_UNUSED)
{
    static const char *const names[] = {
        "mqtt",
        "mqtt-2",
        "2mqtt",
        "m2",
        "",
        "_",
        "a_b",
        "a.b/c",
        "\xc3\xa9t\xc3\xa9",
        " ",
        "\xff",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = akma_lib_dup_path(names[i]);
        char *expected = NULL;

        assert_true(sd_bus_path_encode("/org/akmad1/application", names[i], &expected) >= 0);
        assert_string_equal(path, expected);
        free(expected);
    }
}

static void
the_path_of_the_manual_page(void **state G_GNUC_UNUSED)
{
    g_autofree char *path = akma_lib_dup_path("mqtt-2");

    assert_string_equal(path, "/org/akmad1/application/mqtt_2d2");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_those_of_sd_bus_path_encode),
        cmocka_unit_test(the_path_of_the_manual_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
