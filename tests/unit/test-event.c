/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The last line, as a log writer gets it; of a field that comes again the last. */
static GHashTable *line;
static GPtrArray *line_applications;
static GLogLevelFlags line_level;

static GLogWriterOutput
keep_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    (void)user_data;
    line_level = level;
    g_hash_table_remove_all(line);
    g_ptr_array_set_size(line_applications, 0);
    for (gsize i = 0; i < n_fields; i++) {
        assert_int_equal(fields[i].length, -1);
        g_hash_table_insert(line, g_strdup(fields[i].key), g_strdup(fields[i].value));
        if (strcmp(fields[i].key, "AKMA_APPLICATION") == 0)
            g_ptr_array_add(line_applications, g_strdup(fields[i].value));
    }

    return G_LOG_WRITER_HANDLED;
}

static void
assert_field(const char *name, const char *value)
{
    const char *there = g_hash_table_lookup(line, name);

    assert_non_null(there);
    assert_string_equal(there, value);
}

static void
a_line_carries_its_id_application_and_version(void **state)
{
    (void)state;
    akma_event_log_in(
        "akma-test", AKMA_EVENT_KEY_GIVEN, "mqtt", "mqtt:3", "given to uid %d: 100%%", 5);

    assert_field("MESSAGE", "given to uid 5: 100%");
    assert_field("AKMA_APPLICATION", "mqtt");
    assert_field("AKMA_KID", "mqtt:3");
    assert_field("GLIB_DOMAIN", "akma-test");
    assert_int_equal(strlen(g_hash_table_lookup(line, "MESSAGE_ID")), 32);
    assert_true(line_level & G_LOG_LEVEL_INFO);
    assert_field("PRIORITY", "6");
}

static void
a_line_about_several_has_the_field_once_for_each(void **state)
{
    g_autoptr(GPtrArray) applications = g_ptr_array_new();

    (void)state;
    g_ptr_array_add(applications, (gpointer) "mqtt");
    g_ptr_array_add(applications, (gpointer) "vpn");
    akma_event_log_all_in("akma-test", AKMA_EVENT_EXCHANGE_FAILED, applications, "%s", "no 100%");

    assert_int_equal(line_applications->len, 2);
    assert_string_equal(line_applications->pdata[0], "mqtt");
    assert_string_equal(line_applications->pdata[1], "vpn");
    assert_field("AKMA_KID", "");
    assert_field("MESSAGE", "no 100%");
    assert_field("PRIORITY", "4");
    assert_int_equal(strlen(g_hash_table_lookup(line, "MESSAGE_ID")), 32);
}

static void
what_is_not_meant_is_empty(void **state)
{
    (void)state;
    akma_event_log_in("akma-test", AKMA_EVENT_MANAGEMENT_REFUSED, NULL, NULL, "no");

    assert_field("AKMA_APPLICATION", "");
    assert_field("AKMA_KID", "");
    assert_true(line_level & G_LOG_LEVEL_MESSAGE);
    assert_field("PRIORITY", "5");
}

static void
no_two_events_share_an_id(void **state)
{
    g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    (void)state;
    for (int i = 0; i <= AKMA_EVENT_CREDENTIAL_LOST; i++) {
        const char *id;

        akma_event_log_in("akma-test", (AkmaEvent)i, NULL, NULL, "x");
        id = g_hash_table_lookup(line, "MESSAGE_ID");
        assert_int_equal(strspn(id, "0123456789abcdef"), 32);
        assert_true(g_hash_table_add(ids, g_strdup(id)));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_carries_its_id_application_and_version),
        cmocka_unit_test(a_line_about_several_has_the_field_once_for_each),
        cmocka_unit_test(what_is_not_meant_is_empty),
        cmocka_unit_test(no_two_events_share_an_id),
    };
    int failed;

    line = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    line_applications = g_ptr_array_new_with_free_func(g_free);
    g_log_set_writer_func(keep_line, NULL, NULL);
    failed = cmocka_run_group_tests_name("event", tests, NULL, NULL);
    g_hash_table_unref(line);
    g_ptr_array_unref(line_applications);

    return failed;
}
