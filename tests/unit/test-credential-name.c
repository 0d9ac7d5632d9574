/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/credential-name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
assert_parsed(const char *address, const char *unit, const char *application)
{
    g_autofree char *its_unit = NULL;
    g_autofree char *its_application = NULL;

    assert_true(akma_credential_name_parse(address, strlen(address), &its_unit, &its_application));
    assert_string_equal(its_unit, unit);
    assert_string_equal(its_application, application);
}

/* Nothing is touched then. */
static void
assert_rejected(const char *address, size_t len)
{
    char *unit = NULL;
    char *application = NULL;

    if (akma_credential_name_parse(address, len, &unit, &application))
        fail_msg("\"%s\" was taken", address);
    assert_true(!unit && !application);
}

/* The address of src/core/execute.c of systemd 252: "@%" PRIx64 "/unit/%s/%s". */
static void
unit_and_credential_stand_in_the_address(void **state)
{
    (void)state;
    assert_parsed("77b3e7a7ef3d9c42/unit/mqtt.service/mqtt.key", "mqtt.service", "mqtt");
    assert_parsed("0/unit/vpn@1.service/vpn-2", "vpn@1.service", "vpn-2");
}

static void
one_suffix_is_dropped_and_the_rest_is_whole(void **state)
{
    (void)state;
    assert_parsed("1/unit/a.service/mqtt.key.key", "a.service", "mqtt.key");
    assert_parsed("1/unit/a.service/mqtt.keys", "a.service", "mqtt.keys");
    assert_parsed("1/unit/a.service/MQTT", "a.service", "MQTT");
}

static void
reject_other_addresses(void **state)
{
    static const char *const bad[] = {
        "",
        "1",
        "1/unit/mqtt.service",
        "1/unit/mqtt.service/",
        "1/unit/mqtt.service/.key",
        "1/unit//mqtt",
        "/unit/mqtt.service/mqtt",
        "g/unit/mqtt.service/mqtt",
        "A/unit/mqtt.service/mqtt",
        "12345678901234567/unit/mqtt.service/mqtt",
        "1/Unit/mqtt.service/mqtt",
        "1/bus/mqtt.service/mqtt",
        "1/unit/mqtt/mqtt",
        "1/unit/mqtt@.service/mqtt",
        "1/unit/mqtt.service/mqtt/",
        "1/unit/mqtt.service/x/mqtt",
        "1/unit/mqtt.service/../mqtt",
        "1/unit/mqtt.service/m qtt",
        "1/unit/mqtt.service/mqtt\n",
        "1/unit/mqtt.service/m\xc3\xb6",
        "@1/unit/mqtt.service/mqtt",
    };
    g_autofree char *name = g_strnfill(65, 'a');
    g_autofree char *long_name = g_strconcat("1/unit/mqtt.service/", name, NULL);

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_rejected(bad[i], strlen(bad[i]));
    assert_rejected(long_name, strlen(long_name));
}

static void
reject_an_address_with_a_nul_and_what_follows_it(void **state)
{
    static const char address[] = "1/unit/mqtt.service/mqtt\0x";

    (void)state;
    assert_rejected(address, sizeof address - 1);
    assert_rejected(address, sizeof address - 2);
    assert_parsed(address, "mqtt.service", "mqtt");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unit_and_credential_stand_in_the_address),
        cmocka_unit_test(one_suffix_is_dropped_and_the_rest_is_whole),
        cmocka_unit_test(reject_other_addresses),
        cmocka_unit_test(reject_an_address_with_a_nul_and_what_follows_it),
    };

    return cmocka_run_group_tests_name("credential-name", tests, NULL, NULL);
}
