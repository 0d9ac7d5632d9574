/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* test-store-time: what the store keeps of the time that each server told. */

#include "store/store.h"

#include "store/seal.h"
#include "tests/fakes/store-fixture.h"

#define FAR_FUTURE (NOW + INT64_C(20) * 365 * 86400)

/*
 * A file as akmad wrote it when it kept one time for all servers, kind 3, under 32 bytes of 7: of
 * "keys" mqtt:2, and mqtt:1 until NOW + 60; of "other" far:1 until NOW + 99. The time: NOW + 50.
 */
static const uint8_t file_before[] = {
    0x41, 0x4b, 0x4d, 0x41, 0x4b, 0x45, 0x59, 0x53, 0x02, 0x03, 0xec, 0xd2, 0x22, 0x25, 0xae, 0xe9,
    0x86, 0xa6, 0xd5, 0xf8, 0x27, 0xfb, 0x06, 0xbe, 0x7a, 0xa4, 0xfe, 0x70, 0x02, 0x0d, 0xe3, 0x62,
    0x13, 0xc4, 0x75, 0x88, 0x7e, 0x74, 0x4d, 0x5e, 0x2b, 0x6a, 0xdc, 0x81, 0xa5, 0xee, 0xd9, 0x8c,
    0x82, 0x67, 0xfe, 0xf0, 0x0a, 0xf9, 0xd7, 0x79, 0x41, 0xf0, 0x84, 0x2a, 0x15, 0xa7, 0xe1, 0x85,
    0x42, 0xb9, 0x34, 0x5b, 0x6c, 0x94, 0xff, 0xa1, 0xfe, 0x93, 0xe8, 0x39, 0xcb, 0x4f, 0xe7, 0xb5,
    0x6a, 0xb0, 0x19, 0x84, 0xae, 0x63, 0x02, 0xe8, 0x86, 0xda, 0xd9, 0x5a, 0x80, 0x84, 0xea, 0xed,
    0x46, 0xe1, 0x75, 0x03, 0x4f, 0xd6, 0x47, 0xa6, 0x5a, 0x3d, 0xcb, 0x74, 0xf0, 0xc4, 0x5d, 0x90,
    0x9f, 0x56, 0x24, 0x58, 0xa5, 0x4b, 0x35, 0x34, 0x4a, 0x42, 0x12, 0xf7, 0x3e, 0x20, 0x69, 0xb9,
    0xdd, 0x33, 0x84, 0x86, 0x87, 0x53, 0x3d, 0xfc, 0xf3, 0xef, 0x5d, 0x5a, 0xf8, 0x90, 0x8a, 0xa8,
    0x2a, 0x60, 0xf7, 0x96, 0xb9, 0x5d, 0x82, 0x4d, 0x7b, 0x9c, 0x27, 0x09, 0x92, 0xc6, 0x2c, 0x21,
    0x01, 0x97, 0x40, 0x8d, 0xe6, 0x87, 0x87, 0xbe, 0x1d, 0x10, 0x15, 0x49, 0xf4, 0x62, 0xd9, 0xad,
    0xbe, 0xe1, 0xd1, 0xf7, 0x7d, 0xa1, 0xba, 0xd2, 0x19, 0x0d, 0xf6, 0x73, 0xe2, 0xa2, 0x86, 0xef,
    0x47, 0x4f, 0xda, 0xc0, 0x88, 0xc8, 0xd0, 0xe6, 0x9a, 0xf2, 0x2e, 0x5e, 0x46, 0x71, 0xf7, 0x0a,
    0x23, 0x83, 0xd3, 0xbe, 0x9f, 0xe1, 0x43, 0x97, 0xe9, 0xb6, 0x15, 0xd8, 0xab, 0x0e, 0xe4, 0x5f,
    0x51, 0x83, 0xff, 0x7c, 0xf8, 0xf0, 0x21, 0x3c, 0x41, 0x8f, 0x06, 0xea, 0x78, 0xf1, 0x85, 0x5d,
    0xdf, 0x05, 0x5d, 0xaf, 0xf5, 0xce, 0xf4, 0xe3, 0xa0, 0xda, 0xa3, 0x3e, 0xd5, 0x2c, 0x1e, 0x0f,
    0x71, 0xab, 0xa5, 0xd3, 0xde, 0x1a, 0x9d, 0x9f, 0xd2, 0xea, 0xe8, 0xae, 0x3c, 0x65, 0x8f, 0x47,
    0x89, 0x09, 0xed, 0x45, 0x71, 0x8e, 0x64, 0xf5, 0xc7, 0xa3, 0x51, 0x02, 0x44, 0x1b, 0xf5, 0xd9,
    0xaa, 0xd6, 0xe7, 0x31, 0xef, 0x56, 0xd9, 0x53, 0x25, 0x7a, 0xe7, 0x9c, 0xb9, 0x08, 0xdb, 0xfb,
    0x00, 0x4c, 0x8c, 0x64, 0x72, 0xe1, 0xf3, 0x43, 0x95, 0x43, 0x1e};

static void
put(AkmaStore *store, const char *server, const char *kid)
{
    g_autoptr(AkmaStoredKey) key = akma_stored_key_new();

    key->kid = g_strdup(kid);
    key->kty = g_strdup("oct");
    key->iat = NOW + 7777;
    key->secret = secret(1, 32);
    assert_true(akma_store_put(store, server, "mqtt", key, NULL, 0, NULL));
}

static void
note(AkmaStore *store, const char *server, int64_t now)
{
    assert_true(akma_store_note_time(store, server, now, NULL));
}

/* What the next start finds. */
static void
assert_on_disk(Fixture *fixture, const char *server, int64_t expected)
{
    g_autoptr(AkmaStore) again = open_store(fixture);

    assert_int_equal(akma_store_get_time(again, server), expected);
}

static void
each_server_has_the_time_that_it_told(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);

    note(store, "keys", NOW);
    put(store, "keys", "mqtt:1");
    note(store, "other", FAR_FUTURE);
    put(store, "other", "far:1");

    assert_int_equal(akma_store_get_time(store, "keys"), NOW);
    assert_int_equal(akma_store_get_time(store, "other"), FAR_FUTURE);
    assert_int_equal(akma_store_get_time(store, "third"), 0);
    assert_on_disk(fixture, "keys", NOW);
    assert_on_disk(fixture, "other", FAR_FUTURE);
}

static void
reject_the_beginning_of_a_key_as_a_time_that_was_told(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);

    put(store, "keys", "mqtt:1");
    assert_int_equal(akma_store_get_time(store, "keys"), 0);
    assert_on_disk(fixture, "keys", 0);

    note(store, "keys", NOW);
    put(store, "keys", "mqtt:2");
    assert_on_disk(fixture, "keys", NOW);
}

static void
a_later_time_waits_for_the_next_change(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);

    note(store, "keys", NOW);
    assert_int_equal(n_writes, 0);
    put(store, "keys", "mqtt:1");
    assert_int_equal(n_writes, 1);

    note(store, "keys", NOW + 3600);
    assert_int_equal(n_writes, 1);
    assert_on_disk(fixture, "keys", NOW);
    /* it is not what the file says that counts meanwhile */
    note(store, "keys", NOW + 1800);
    assert_int_equal(n_writes, 1);
    assert_int_equal(akma_store_get_time(store, "keys"), NOW + 1800);
    put(store, "keys", "mqtt:2");
    assert_on_disk(fixture, "keys", NOW + 1800);
}

static void
a_server_that_is_right_again_is_believed_at_once_also_after_a_restart(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);

    note(store, "keys", NOW);
    put(store, "keys", "mqtt:1");
    note(store, "other", FAR_FUTURE);
    put(store, "other", "far:1");

    /* no key is another one: nothing else would write the file */
    note(store, "other", NOW + 60);

    assert_int_equal(akma_store_get_time(store, "other"), NOW + 60);
    assert_on_disk(fixture, "other", NOW + 60);
    assert_on_disk(fixture, "keys", NOW);
}

static void
reject_on_a_full_disk_and_write_it_with_the_next_time(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autoptr(GError) error = NULL;

    note(store, "keys", FAR_FUTURE);
    put(store, "keys", "mqtt:1");
    disk_full = true;
    assert_false(akma_store_note_time(store, "keys", NOW, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED));
    assert_int_equal(akma_store_get_time(store, "keys"), NOW);
    assert_non_null(akma_store_get(store, "keys", "mqtt"));
    disk_full = false;
    assert_on_disk(fixture, "keys", FAR_FUTURE);

    note(store, "keys", NOW + 60);
    assert_on_disk(fixture, "keys", NOW + 60);
}

static void
a_server_that_has_nothing_any_more_is_not_remembered(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);

    note(store, "keys", NOW);
    put(store, "keys", "mqtt:1");
    note(store, "other", NOW + 1);
    put(store, "other", "far:1");
    assert_true(akma_store_remove(store, "keys", "mqtt", true, NULL));
    assert_true(akma_store_remove(store, "other", "mqtt", false, NULL));

    assert_on_disk(fixture, "keys", NOW);
    assert_on_disk(fixture, "other", 0);
}

static void
write_file(Fixture *fixture, const uint8_t *bytes, size_t len)
{
    assert_true(g_file_set_contents(fixture->path, (const char *)bytes, (gssize)len, NULL));
}

static void
a_file_of_the_version_before_is_opened_and_written_in_this_one(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = NULL;
    g_autofree char *file = NULL;
    int64_t until = 0;

    write_file(fixture, file_before, sizeof file_before);
    assert_int_equal(akma_store_read_kind(fixture->folder), 3);
    store = open_store(fixture);

    assert_string_equal(akma_store_get(store, "keys", "mqtt")->kid, "mqtt:2");
    assert_string_equal(akma_store_get_previous(store, "keys", "mqtt", &until)->kid, "mqtt:1");
    assert_int_equal(until, NOW + 60);
    assert_string_equal(akma_store_get(store, "other", "far")->kid, "far:1");
    /* of whom the one time was, nobody knows */
    assert_int_equal(akma_store_get_time(store, "keys"), NOW + 50);
    assert_int_equal(akma_store_get_time(store, "other"), NOW + 50);

    note(store, "keys", NOW + 40);
    assert_true(g_file_get_contents(fixture->path, &file, NULL, NULL));
    assert_int_equal(file[8], AKMA_PLAIN_VERSION);
    assert_on_disk(fixture, "keys", NOW + 40);
    assert_on_disk(fixture, "other", NOW + 50);
    g_clear_pointer(&store, akma_store_free);
    store = open_store(fixture);
    assert_string_equal(akma_store_get(store, "keys", "mqtt")->kid, "mqtt:2");
    assert_string_equal(akma_store_get(store, "other", "far")->kid, "far:1");
}

static void
reject_a_file_of_the_version_before_that_is_torn_or_tampered(void **state)
{
    Fixture *fixture = *state;

    for (size_t i = 0; i < sizeof file_before; i++) {
        uint8_t file[sizeof file_before];

        write_file(fixture, file_before, i);
        assert_set_aside(fixture);
        memcpy(file, file_before, sizeof file);
        file[i] ^= 1;
        write_file(fixture, file, sizeof file);
        assert_set_aside(fixture);
    }
}

static void
reject_one_version_in_the_name_of_the_other(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autofree char *file = NULL;
    size_t len;

    note(store, "keys", NOW);
    put(store, "keys", "mqtt:1");
    assert_true(g_file_get_contents(fixture->path, &file, &len, NULL));
    for (uint8_t version = 0; version < 8; version++) {
        if (version == AKMA_PLAIN_VERSION)
            continue;
        file[8] = (char)version;
        write_file(fixture, (const uint8_t *)file, len);
        assert_set_aside(fixture);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_server_has_the_time_that_it_told),
        TEST(reject_the_beginning_of_a_key_as_a_time_that_was_told),
        TEST(a_later_time_waits_for_the_next_change),
        TEST(a_server_that_is_right_again_is_believed_at_once_also_after_a_restart),
        TEST(reject_on_a_full_disk_and_write_it_with_the_next_time),
        TEST(a_server_that_has_nothing_any_more_is_not_remembered),
        TEST(a_file_of_the_version_before_is_opened_and_written_in_this_one),
        TEST(reject_a_file_of_the_version_before_that_is_torn_or_tampered),
        TEST(reject_one_version_in_the_name_of_the_other),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests_name("store-time", tests, NULL, NULL);
}
