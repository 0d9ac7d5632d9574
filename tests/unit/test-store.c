/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store/store.h"

#include "store/seal.h"
#include "tests/fakes/store-fixture.h"

static AkmaStoredKey *
key(const char *kid, uint8_t fill, int64_t exp)
{
    AkmaStoredKey *self = akma_stored_key_new();

    self->kid = g_strdup(kid);
    self->kty = g_strdup("oct");
    self->alg = g_strdup("A256GCM");
    self->iat = NOW - 100;
    self->exp = exp;
    self->secret = secret(fill, 32);

    return self;
}

static void
put(AkmaStore *store, const char *kid, uint8_t fill, const char *previous, int64_t until)
{
    g_autoptr(AkmaStoredKey) version = key(kid, fill, 0);

    assert_true(akma_store_put(store, "keys", "mqtt", version, previous, until, NULL));
}

static void
assert_key(const AkmaStoredKey *version, const char *kid, uint8_t fill)
{
    g_autoptr(AkmaSecret) expected = secret(fill, 32);

    assert_non_null(version);
    assert_string_equal(version->kid, kid);
    assert_true(akma_secret_equal(version->secret, expected));
}

static char *
read_sealed(Fixture *fixture, size_t *ret_len)
{
    char *bytes;

    assert_true(g_file_get_contents(fixture->path, &bytes, ret_len, NULL));

    return bytes;
}

static void
a_key_is_there_after_a_restart(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) first = open_store(fixture);
    g_autoptr(AkmaStore) second = NULL;
    const AkmaStoredKey *version;
    int64_t until = 0;

    put(first, "mqtt:1", 1, NULL, 0);
    put(first, "mqtt:2", 2, "mqtt:1", NOW + 60);
    second = open_store(fixture);

    version = akma_store_get(second, "keys", "mqtt");
    assert_key(version, "mqtt:2", 2);
    assert_string_equal(version->alg, "A256GCM");
    assert_null(version->identity);
    assert_key(akma_store_get_previous(second, "keys", "mqtt", &until), "mqtt:1", 1);
    assert_int_equal(until, NOW + 60);
    assert_null(akma_store_get(second, "other", "mqtt"));
}

static void
only_the_version_that_is_named_stays_as_the_one_before(void **state)
{
    g_autoptr(AkmaStore) store = open_store(*state);
    int64_t until;

    put(store, "mqtt:1", 1, NULL, 0);
    put(store, "mqtt:2", 2, "mqtt:1", NOW + 60);
    put(store, "mqtt:2", 2, "mqtt:1", NOW + 30);
    assert_key(akma_store_get_previous(store, "keys", "mqtt", &until), "mqtt:1", 1);
    assert_int_equal(until, NOW + 30);

    put(store, "mqtt:4", 4, "mqtt:3", NOW + 60);
    assert_null(akma_store_get_previous(store, "keys", "mqtt", &until));
    assert_key(akma_store_get(store, "keys", "mqtt"), "mqtt:4", 4);
}

static void
revoked_wipes_both_versions_and_is_remembered(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autoptr(AkmaStore) again = NULL;
    int64_t until;

    put(store, "mqtt:1", 1, NULL, 0);
    put(store, "mqtt:2", 2, "mqtt:1", NOW + 60);
    assert_true(akma_store_remove(store, "keys", "mqtt", true, NULL));
    again = open_store(fixture);

    assert_true(akma_store_is_revoked(again, "keys", "mqtt"));
    assert_null(akma_store_get(again, "keys", "mqtt"));
    assert_null(akma_store_get_previous(again, "keys", "mqtt", &until));

    put(again, "mqtt:3", 3, NULL, 0);
    assert_false(akma_store_is_revoked(again, "keys", "mqtt"));
}

static void
expire_wipes_what_is_past_its_end(void **state)
{
    g_autoptr(AkmaStore) store = open_store(*state);
    g_autoptr(AkmaStoredKey) version = key("vpn:1", 9, NOW);
    int64_t until;

    put(store, "mqtt:1", 1, NULL, 0);
    put(store, "mqtt:2", 2, "mqtt:1", NOW);
    assert_true(akma_store_put(store, "keys", "vpn", version, NULL, 0, NULL));
    assert_true(akma_store_expire(store, "keys", NOW - 1, NULL));
    assert_non_null(akma_store_get(store, "keys", "vpn"));
    assert_non_null(akma_store_get_previous(store, "keys", "mqtt", &until));

    assert_true(akma_store_expire(store, "keys", NOW, NULL));

    assert_null(akma_store_get(store, "keys", "vpn"));
    assert_null(akma_store_get_previous(store, "keys", "mqtt", &until));
    assert_key(akma_store_get(store, "keys", "mqtt"), "mqtt:2", 2);
}

static void
expire_by_the_clock_of_one_server_spares_the_keys_of_another(void **state)
{
    g_autoptr(AkmaStore) store = open_store(*state);
    g_autoptr(AkmaStoredKey) version = key("mqtt:1", 9, NOW + 10);

    assert_true(akma_store_put(store, "keys", "mqtt", version, NULL, 0, NULL));
    assert_true(akma_store_put(store, "other", "far", version, NULL, 0, NULL));

    assert_true(akma_store_expire(store, "other", NOW + 1000, NULL));

    assert_non_null(akma_store_get(store, "keys", "mqtt"));
    assert_null(akma_store_get(store, "other", "far"));
}

static void
each_write_has_another_iv_and_shows_nothing(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    size_t len;
    size_t same = 0;

    put(store, "mqtt:1", 'K', NULL, 0);
    first = read_sealed(fixture, &len);
    put(store, "mqtt:1", 'K', NULL, 0);
    second = read_sealed(fixture, &len);

    for (size_t i = 9; i < len; i++)
        same += first[i] == second[i];
    assert_in_range(same, 0, len / 8);
    assert_null(g_strstr_len(first, (gssize)len, "KKKK"));
    assert_null(g_strstr_len(first, (gssize)len, "mqtt"));
}

static void
a_full_disk_changes_nothing(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autoptr(AkmaStore) again = NULL;
    g_autoptr(AkmaStoredKey) next = key("mqtt:2", 2, 0);
    g_autoptr(GError) error = NULL;

    put(store, "mqtt:1", 1, NULL, 0);
    disk_full = true;
    assert_false(akma_store_put(store, "keys", "mqtt", next, "mqtt:1", NOW, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED));
    assert_false(akma_store_remove(store, "keys", "mqtt", true, NULL));

    assert_key(akma_store_get(store, "keys", "mqtt"), "mqtt:1", 1);
    assert_false(akma_store_is_revoked(store, "keys", "mqtt"));
    disk_full = false;
    again = open_store(fixture);
    assert_key(akma_store_get(again, "keys", "mqtt"), "mqtt:1", 1);
}

static void
reject_a_file_torn_at_any_byte(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autofree char *file = NULL;
    size_t len;

    put(store, "mqtt:1", 1, NULL, 0);
    file = read_sealed(fixture, &len);

    for (size_t cut = 0; cut < len; cut++) {
        assert_true(g_file_set_contents(fixture->path, file, (gssize)cut, NULL));
        assert_set_aside(fixture);
    }
}

static void
reject_a_file_tampered_at_any_byte(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autofree char *file = NULL;
    size_t len;

    put(store, "mqtt:1", 1, NULL, 0);
    file = read_sealed(fixture, &len);

    for (size_t i = 0; i < len; i++) {
        file[i] ^= 1;
        assert_true(g_file_set_contents(fixture->path, file, (gssize)len, NULL));
        assert_set_aside(fixture);
        file[i] ^= 1;
    }
}

static void
reject_a_file_under_another_key(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);

    put(store, "mqtt:1", 1, NULL, 0);
    akma_secret_unref(fixture->sealing_key);
    fixture->sealing_key = secret(8, 32);

    assert_set_aside(fixture);
}

static void
reject_a_file_of_another_format(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autofree char *file = NULL;
    size_t len;

    put(store, "mqtt:1", 1, NULL, 0);
    file = read_sealed(fixture, &len);
    file[8] = AKMA_PLAIN_VERSION + 1;
    assert_true(g_file_set_contents(fixture->path, file, (gssize)len, NULL));

    assert_set_aside(fixture);
}

static void
reject_sealed_bytes_that_are_no_keys(void **state)
{
    Fixture *fixture = *state;
    g_auto(AkmaPlain) plain = {0};
    g_autoptr(GBytes) sealed = NULL;

    assert_true(akma_plain_init(&plain, 30, NULL));
    memset(plain.bytes, 0x41, plain.len);
    sealed = akma_seal(fixture->sealing_key, 1, &plain, NULL);
    assert_true(g_file_set_contents(
        fixture->path, g_bytes_get_data(sealed, NULL), (gssize)g_bytes_get_size(sealed), NULL));

    assert_set_aside(fixture);
}

static void
a_file_is_sealed_again_under_another_key_and_nothing_is_lost(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autoptr(AkmaStore) again = NULL;
    AkmaSecret *other = secret(9, 32);

    assert_int_equal(akma_store_read_kind(fixture->folder), 0);
    assert_true(akma_store_reseal(store, fixture->sealing_key, 3, NULL));
    /* nothing to seal yet */
    assert_int_equal(akma_store_read_kind(fixture->folder), 0);
    put(store, "mqtt:1", 1, NULL, 0);
    assert_int_equal(akma_store_read_kind(fixture->folder), 3);

    assert_true(akma_store_reseal(store, other, 4, NULL));

    assert_int_equal(akma_store_read_kind(fixture->folder), 4);
    akma_secret_unref(fixture->sealing_key);
    fixture->sealing_key = other;
    again = open_store(fixture);
    assert_key(akma_store_get(again, "keys", "mqtt"), "mqtt:1", 1);
    /* the next change keeps key and kind */
    put(again, "mqtt:2", 2, NULL, 0);
    assert_int_equal(akma_store_read_kind(fixture->folder), 4);
}

static void
reject_sealing_again_on_a_full_disk_and_keep_the_old_key(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autoptr(AkmaStore) again = NULL;
    g_autoptr(AkmaSecret) other = secret(9, 32);
    g_autoptr(GError) error = NULL;

    assert_true(akma_store_reseal(store, fixture->sealing_key, 3, NULL));
    put(store, "mqtt:1", 1, NULL, 0);

    disk_full = true;
    assert_false(akma_store_reseal(store, other, 4, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED));
    disk_full = false;
    put(store, "mqtt:2", 2, NULL, 0);

    assert_int_equal(akma_store_read_kind(fixture->folder), 3);
    again = open_store(fixture);
    assert_key(akma_store_get(again, "keys", "mqtt"), "mqtt:2", 2);
}

static void
reject_another_kind_in_the_header(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store = open_store(fixture);
    g_autofree char *file = NULL;
    size_t len;

    assert_true(akma_store_reseal(store, fixture->sealing_key, 4, NULL));
    put(store, "mqtt:1", 1, NULL, 0);
    file = read_sealed(fixture, &len);
    file[9] = 1;
    assert_true(g_file_set_contents(fixture->path, file, (gssize)len, NULL));

    assert_set_aside(fixture);
}

static void
a_folder_that_is_not_there_is_an_error_of_the_first_write(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(AkmaStore) store =
        akma_store_open("/proc/nonexistent/akmad", fixture->sealing_key, NULL, NULL);
    g_autoptr(AkmaStoredKey) version = key("mqtt:1", 1, 0);
    g_autoptr(GError) error = NULL;

    assert_non_null(store);
    assert_false(akma_store_put(store, "keys", "mqtt", version, NULL, 0, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_there_after_a_restart),
        TEST(only_the_version_that_is_named_stays_as_the_one_before),
        TEST(revoked_wipes_both_versions_and_is_remembered),
        TEST(expire_wipes_what_is_past_its_end),
        TEST(expire_by_the_clock_of_one_server_spares_the_keys_of_another),
        TEST(each_write_has_another_iv_and_shows_nothing),
        TEST(a_full_disk_changes_nothing),
        TEST(reject_a_file_torn_at_any_byte),
        TEST(reject_a_file_tampered_at_any_byte),
        TEST(reject_a_file_under_another_key),
        TEST(reject_a_file_of_another_format),
        TEST(a_file_is_sealed_again_under_another_key_and_nothing_is_lost),
        TEST(reject_sealing_again_on_a_full_disk_and_keep_the_old_key),
        TEST(reject_another_kind_in_the_header),
        TEST(reject_sealed_bytes_that_are_no_keys),
        TEST(a_folder_that_is_not_there_is_an_error_of_the_first_write),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
