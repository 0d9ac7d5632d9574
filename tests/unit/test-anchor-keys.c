/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/anchor-keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static const AkmaKey256 key_a = {{0xa}};
static const AkmaKey256 key_b = {{0xb}};

static int
set_up(void **state)
{
    (void)state;

    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

static uint8_t
first_octet(const AkmaAnchorKeys *self, const char *a_kid)
{
    const AkmaAnchorKey *key = akma_anchor_keys_find(self, a_kid);
    size_t len;

    return key ? akma_secret_peek(key->k_akma, &len)[0] : 0;
}

/*= TS 33.535 6.1: the AAnF shall store the latest information sent by the AUSF */
static void
latest_key_of_a_subscriber_counts(void **state)
{
    g_autoptr(AkmaAnchorKeys) self = akma_anchor_keys_new();

    (void)state;
    assert_true(akma_anchor_keys_put(self, "imsi-1", "a@x", &key_a, NULL));
    assert_true(akma_anchor_keys_put(self, "imsi-1", "b@x", &key_b, NULL));

    assert_null(akma_anchor_keys_find(self, "a@x"));
    assert_int_equal(first_octet(self, "b@x"), 0xb);
}

static void
same_a_kid_may_be_put_again(void **state)
{
    g_autoptr(AkmaAnchorKeys) self = akma_anchor_keys_new();

    (void)state;
    assert_true(akma_anchor_keys_put(self, "imsi-1", "a@x", &key_a, NULL));
    assert_true(akma_anchor_keys_put(self, "imsi-1", "a@x", &key_b, NULL));

    assert_int_equal(first_octet(self, "a@x"), 0xb);
}

static void
reject_a_kid_of_another_subscriber(void **state)
{
    g_autoptr(AkmaAnchorKeys) self = akma_anchor_keys_new();
    g_autoptr(GError) error = NULL;

    (void)state;
    assert_true(akma_anchor_keys_put(self, "imsi-1", "a@x", &key_a, NULL));
    assert_false(akma_anchor_keys_put(self, "imsi-2", "a@x", &key_b, &error));

    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT));
    assert_int_equal(first_octet(self, "a@x"), 0xa);
}

static void
removed_key_is_unknown(void **state)
{
    g_autoptr(AkmaAnchorKeys) self = akma_anchor_keys_new();

    (void)state;
    assert_true(akma_anchor_keys_put(self, "imsi-1", "a@x", &key_a, NULL));

    assert_true(akma_anchor_keys_remove(self, "imsi-1"));
    assert_false(akma_anchor_keys_remove(self, "imsi-1"));
    assert_null(akma_anchor_keys_find(self, "a@x"));
}

static bool
is_second(const char *supi, void *user_data)
{
    (void)user_data;

    return strcmp(supi, "imsi-2") == 0;
}

static void
prune_keeps_who_may_stay(void **state)
{
    g_autoptr(AkmaAnchorKeys) self = akma_anchor_keys_new();

    (void)state;
    assert_true(akma_anchor_keys_put(self, "imsi-1", "a@x", &key_a, NULL));
    assert_true(akma_anchor_keys_put(self, "imsi-2", "b@x", &key_b, NULL));
    akma_anchor_keys_prune(self, is_second, NULL);

    assert_null(akma_anchor_keys_find(self, "a@x"));
    assert_non_null(akma_anchor_keys_find(self, "b@x"));
}

static void
reject_key_when_the_secure_heap_is_full(void **state)
{
    g_autoptr(AkmaAnchorKeys) self = akma_anchor_keys_new();
    g_autoptr(GError) error = NULL;

    (void)state;
    for (unsigned i = 0; !error; i++) {
        g_autofree char *supi = g_strdup_printf("imsi-%u", i);
        g_autofree char *a_kid = g_strdup_printf("%u@x", i);

        assert_true(i < 100000);
        akma_anchor_keys_put(self, supi, a_kid, &key_a, &error);
    }
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INTERNAL));

    /* whoever was there still is */
    assert_int_equal(first_octet(self, "0@x"), 0xa);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latest_key_of_a_subscriber_counts),
        cmocka_unit_test(same_a_kid_may_be_put_again),
        cmocka_unit_test(reject_a_kid_of_another_subscriber),
        cmocka_unit_test(removed_key_is_unknown),
        cmocka_unit_test(prune_keeps_who_may_stay),
        cmocka_unit_test(reject_key_when_the_secure_heap_is_full),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
