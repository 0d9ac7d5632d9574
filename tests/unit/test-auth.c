/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OWN 990

static const uid_t uids[] = {1000, 1001};
static const gid_t gids[] = {44, 2000};
static const char *const units[] = {"mqtt.service", "vpn@1.service", NULL};
static const AkmaAuthRule rule = {uids, 2, gids, 2, units};
static const AkmaAuthRule nobody = {NULL, 0, NULL, 0, NULL};

/* Somebody whom the bus knows; @n groups follow, none: not told. */
static AkmaCaller
caller(uid_t uid, unsigned n, ...)
{
    AkmaCaller self = {.known = true, .uid = uid};
    va_list args;

    va_start(args, n);
    for (unsigned i = 0; i < n; i++) {
        gid_t gid = va_arg(args, gid_t);

        if (!self.gids)
            self.gids = g_array_new(FALSE, FALSE, sizeof gid);
        g_array_append_val(self.gids, gid);
    }
    va_end(args);

    return self;
}

static void
a_user_of_the_rule_gets_the_key(void **state)
{
    g_auto(AkmaCaller) self = caller(1001, 0);

    (void)state;
    assert_true(akma_auth_may_get_key(&self, &rule));
}

static void
a_primary_or_supplementary_group_of_the_rule_gets_the_key(void **state)
{
    g_auto(AkmaCaller) first = caller(5, 2, 44, 5);
    g_auto(AkmaCaller) last = caller(5, 3, 5, 6, 2000);

    (void)state;
    assert_true(akma_auth_may_get_key(&first, &rule));
    assert_true(akma_auth_may_get_key(&last, &rule));
}

static void
reject_who_is_in_neither(void **state)
{
    g_auto(AkmaCaller) self = caller(44, 2, 1000, 1001);

    (void)state;
    assert_false(akma_auth_may_get_key(&self, &rule));
}

static void
reject_everybody_by_default_root_too(void **state)
{
    g_auto(AkmaCaller) root = caller(0, 1, 0);
    g_auto(AkmaCaller) own = caller(990, 0);

    (void)state;
    assert_false(akma_auth_may_get_key(&root, &nobody));
    assert_false(akma_auth_may_get_key(&root, &rule));
    assert_false(akma_auth_may_get_key(&own, &nobody));
}

static void
reject_whom_the_bus_does_not_know(void **state)
{
    static const gid_t root_gid = 0;
    static const uid_t root_uid = 0;
    const AkmaAuthRule root_rule = {&root_uid, 1, &root_gid, 1, NULL};
    g_auto(AkmaCaller) root = caller(0, 1, 0);

    (void)state;
    assert_true(akma_auth_may_get_key(&root, &root_rule));
    root.known = false;
    assert_false(akma_auth_may_get_key(&root, &root_rule));
    assert_false(akma_auth_may_manage(&root, 0));
}

static void
reject_a_group_when_the_bus_tells_no_groups(void **state)
{
    g_auto(AkmaCaller) self = caller(5, 0);

    (void)state;
    assert_null(self.gids);
    assert_false(akma_auth_may_get_key(&self, &rule));
}

static void
a_unit_of_the_rule_gets_the_key(void **state)
{
    (void)state;
    assert_true(akma_auth_unit_may_get_key("mqtt.service", &rule));
    assert_true(akma_auth_unit_may_get_key("vpn@1.service", &rule));
}

static void
reject_other_units_and_parts_of_names(void **state)
{
    static const char *const others[] = {"",
                                         "mqtt",
                                         "mqtt.servic",
                                         "mqtt.service2",
                                         "MQTT.service",
                                         "vpn@.service",
                                         "vpn@2.service"};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        assert_false(akma_auth_unit_may_get_key(others[i], &rule));
    assert_false(akma_auth_unit_may_get_key(NULL, &rule));
    assert_false(akma_auth_unit_may_get_key("mqtt.service", &nobody));
}

static void
root_and_the_own_user_manage(void **state)
{
    g_auto(AkmaCaller) root = caller(0, 0);
    g_auto(AkmaCaller) own = caller(990, 0);
    g_auto(AkmaCaller) user = caller(1000, 0);

    (void)state;
    assert_true(akma_auth_may_manage(&root, OWN));
    assert_true(akma_auth_may_manage(&own, OWN));
    assert_false(akma_auth_may_manage(&user, OWN));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_of_the_rule_gets_the_key),
        cmocka_unit_test(a_primary_or_supplementary_group_of_the_rule_gets_the_key),
        cmocka_unit_test(reject_who_is_in_neither),
        cmocka_unit_test(reject_everybody_by_default_root_too),
        cmocka_unit_test(reject_whom_the_bus_does_not_know),
        cmocka_unit_test(reject_a_group_when_the_bus_tells_no_groups),
        cmocka_unit_test(a_unit_of_the_rule_gets_the_key),
        cmocka_unit_test(reject_other_units_and_parts_of_names),
        cmocka_unit_test(root_and_the_own_user_manage),
    };

    return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
