/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/bootstraps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const AkmaKey128 ck = {{1}};
static const AkmaKey128 ik = {{2}};
static const uint8_t challenge[16] = {3};

static int
set_up(void **state)
{
    (void)state;

    return akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL) ? 0 : -1;
}

static void
put(AkmaBootstraps *self, const char *b_tid, const char *supi, int64_t created, int64_t expiry)
{
    AkmaBootstrap *one = akma_bootstrap_new(b_tid, supi, challenge, &ck, &ik);

    assert_non_null(one);
    one->created = created;
    one->expiry = expiry;
    akma_bootstraps_put(self, one);
}

/*= TS 33.220 4.5.2: Ks = CK || IK */
static void
a_bootstrapping_is_found_with_its_ks(void **state)
{
    g_autoptr(AkmaBootstraps) self = akma_bootstraps_new();
    const AkmaBootstrap *one;
    const uint8_t *ks;
    size_t len;

    (void)state;
    put(self, "a@bsf", "imsi-1", 100, 200);

    one = akma_bootstraps_find(self, "a@bsf", 150);
    assert_non_null(one);
    assert_string_equal(one->supi, "imsi-1");
    assert_memory_equal(one->rand, challenge, 16);
    ks = akma_secret_peek(one->ks, &len);
    assert_int_equal(len, 32);
    assert_memory_equal(ks, ck.bytes, 16);
    assert_memory_equal(ks + 16, ik.bytes, 16);
    assert_null(akma_bootstraps_find(self, "A@bsf", 150));
}

static void
reject_a_bootstrapping_whose_time_is_over(void **state)
{
    g_autoptr(AkmaBootstraps) self = akma_bootstraps_new();

    (void)state;
    put(self, "a@bsf", "imsi-1", 100, 200);
    assert_non_null(akma_bootstraps_find(self, "a@bsf", 199));
    assert_null(akma_bootstraps_find(self, "a@bsf", 200));

    /* the next one sweeps it out */
    put(self, "b@bsf", "imsi-1", 200, 300);
    assert_null(akma_bootstraps_find(self, "a@bsf", 100));
    assert_non_null(akma_bootstraps_find(self, "b@bsf", 200));
}

static void
the_same_b_tid_replaces_the_one_before(void **state)
{
    g_autoptr(AkmaBootstraps) self = akma_bootstraps_new();

    (void)state;
    put(self, "a@bsf", "imsi-1", 100, 200);
    put(self, "a@bsf", "imsi-2", 100, 200);
    assert_string_equal(akma_bootstraps_find(self, "a@bsf", 100)->supi, "imsi-2");
}

static void
the_oldest_goes_where_there_are_too_many(void **state)
{
    g_autoptr(AkmaBootstraps) self = akma_bootstraps_new();

    (void)state;
    for (int i = 0; i < 2049; i++) {
        g_autofree char *b_tid = g_strdup_printf("%d@bsf", i);

        put(self, b_tid, "imsi-1", 100, 200);
    }
    assert_null(akma_bootstraps_find(self, "0@bsf", 100));
    assert_non_null(akma_bootstraps_find(self, "1@bsf", 100));
    assert_non_null(akma_bootstraps_find(self, "2048@bsf", 100));
}

static void
the_latest_tmpi_of_a_subscriber_counts(void **state)
{
    g_autoptr(AkmaBootstraps) self = akma_bootstraps_new();

    (void)state;
    akma_bootstraps_put_tmpi(self, "imsi-1", "a@tmpi");
    akma_bootstraps_put_tmpi(self, "imsi-2", "b@tmpi");
    akma_bootstraps_put_tmpi(self, "imsi-1", "c@tmpi");

    assert_null(akma_bootstraps_find_tmpi(self, "a@tmpi"));
    assert_string_equal(akma_bootstraps_find_tmpi(self, "b@tmpi"), "imsi-2");
    assert_string_equal(akma_bootstraps_find_tmpi(self, "c@tmpi"), "imsi-1");
}

static bool
is_two(const char *supi, void *user_data)
{
    (void)user_data;

    return strcmp(supi, "imsi-2") == 0;
}

static void
prune_removes_all_of_a_subscriber(void **state)
{
    g_autoptr(AkmaBootstraps) self = akma_bootstraps_new();

    (void)state;
    put(self, "a@bsf", "imsi-1", 100, 200);
    put(self, "b@bsf", "imsi-2", 100, 200);
    put(self, "c@bsf", "imsi-1", 100, 200);
    akma_bootstraps_put_tmpi(self, "imsi-1", "a@tmpi");
    akma_bootstraps_put_tmpi(self, "imsi-2", "b@tmpi");
    akma_bootstraps_prune(self, is_two, NULL);

    assert_null(akma_bootstraps_find(self, "a@bsf", 100));
    assert_non_null(akma_bootstraps_find(self, "b@bsf", 100));
    assert_null(akma_bootstraps_find(self, "c@bsf", 100));
    assert_null(akma_bootstraps_find_tmpi(self, "a@tmpi"));
    assert_non_null(akma_bootstraps_find_tmpi(self, "b@tmpi"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bootstrapping_is_found_with_its_ks),
        cmocka_unit_test(reject_a_bootstrapping_whose_time_is_over),
        cmocka_unit_test(the_same_b_tid_replaces_the_one_before),
        cmocka_unit_test(the_oldest_goes_where_there_are_too_many),
        cmocka_unit_test(the_latest_tmpi_of_a_subscriber_counts),
        cmocka_unit_test(prune_removes_all_of_a_subscriber),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
