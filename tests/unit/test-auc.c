/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/auc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/fakes/vectors.h"

#define SN "5G:mnc001.mcc001.3gppnetwork.org"

/* A card with the keys of TS 35.208 test set 1. */
static AkmaSubscriber
new_subscriber(uint64_t sqn)
{
    json_t *root = test_vectors_load("chain.json");
    AkmaSubscriber self = {.amf = {0x80, 0x00}, .sqn = sqn};

    test_vectors_hex(root, "k", self.keys.k.bytes, 16);
    test_vectors_hex(root, "opc", self.keys.opc.bytes, 16);
    json_decref(root);

    return self;
}

/* What the card sees as SQN in @vector; its MAC must be right. */
static uint64_t
open_autn(const AkmaSubscriber *subscriber, const AkmaAuthVector *vector)
{
    AkmaMilenageF2345 out;
    uint8_t sqn[6];
    uint8_t autn[16];
    uint64_t number = 0;

    assert_true(akma_milenage_f2345(&subscriber->keys, vector->rand, &out, NULL));
    for (size_t i = 0; i < sizeof sqn; i++) {
        sqn[i] = vector->autn[i] ^ out.ak[i];
        number = number << 8 | sqn[i];
    }
    assert_true(
        akma_milenage_autn(&subscriber->keys, vector->rand, sqn, subscriber->amf, autn, NULL));
    assert_memory_equal(vector->autn, autn, sizeof autn);

    return number;
}

/*= TS 33.102 C.1.1.1: SQN = SEQ || IND; each vector has a higher SEQ and the next IND */
static void
each_vector_has_a_higher_seq_and_the_next_ind(void **state)
{
    AkmaSubscriber subscriber = new_subscriber(0x3f); /* SEQ 1, IND 31 */
    AkmaAuthVector first;
    AkmaAuthVector second;

    (void)state;
    assert_true(akma_auc_make_vector(&subscriber, SN, &first, NULL));
    assert_true(open_autn(&subscriber, &first) == (2 << 5 | 0));
    assert_true(akma_auc_make_vector(&subscriber, SN, &second, NULL));
    assert_true(open_autn(&subscriber, &second) == (3 << 5 | 1));

    assert_memory_not_equal(first.rand, second.rand, sizeof first.rand);
    assert_memory_not_equal(first.k_ausf.bytes, second.k_ausf.bytes, 32);
}

static void
last_sqn_ends_it(void **state)
{
    AkmaSubscriber subscriber = new_subscriber(UINT64_C(0xffffffffffff));
    g_autoptr(GError) error = NULL;
    AkmaAuthVector vector;

    (void)state;
    assert_false(akma_auc_make_vector(&subscriber, SN, &vector, &error));

    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INTERNAL));
    assert_true(subscriber.sqn == UINT64_C(0xffffffffffff));
}

/*= TS 33.102 6.3.5: if the next SQN would not be accepted, SQN_HE becomes SQN_MS */
static void
resynchronisation_moves_forward_only(void **state)
{
    const uint8_t sqn_ms[6] = {0, 0, 0, 1, 0, 0};
    const uint8_t rand[16] = {7};
    AkmaSubscriber behind = new_subscriber(0);
    AkmaSubscriber ahead = new_subscriber(0x20000);
    uint8_t auts[14];

    (void)state;
    assert_true(akma_milenage_auts(&behind.keys, rand, sqn_ms, auts, NULL));
    assert_true(akma_auc_resynchronise(&behind, rand, auts, NULL));
    assert_true(akma_auc_resynchronise(&ahead, rand, auts, NULL));

    assert_true(behind.sqn == 0x10000);
    assert_true(ahead.sqn == 0x20000);
}

/*= TS 33.102 Annex H: the separation bit is 1 for EPS and 5G only */
static void
vectors_for_gba_take_the_next_sqn_without_the_separation_bit(void **state)
{
    AkmaSubscriber subscriber = new_subscriber(0x40);
    AkmaAuthVector vector;
    AkmaGbaVector gba;
    AkmaMilenageF2345 out;

    (void)state;
    assert_true(akma_auc_make_vector(&subscriber, SN, &vector, NULL));
    assert_true(open_autn(&subscriber, &vector) >> 5 == 3);
    assert_true(akma_auc_make_gba_vector(&subscriber, &gba, NULL));

    assert_true(subscriber.sqn >> 5 == 4);
    assert_int_equal(gba.autn[6], 0);
    assert_int_equal(gba.autn[7], 0);
    assert_true(akma_milenage_f2345(&subscriber.keys, gba.rand, &out, NULL));
    assert_memory_equal(gba.xres, out.res, sizeof out.res);
    assert_memory_equal(gba.ck.bytes, out.ck.bytes, 16);
    assert_memory_equal(gba.ik.bytes, out.ik.bytes, 16);
}

static void
reject_auts_with_a_wrong_mac(void **state)
{
    const uint8_t sqn_ms[6] = {0, 0, 0, 1, 0, 0};
    const uint8_t rand[16] = {7};
    AkmaSubscriber subscriber = new_subscriber(0);
    g_autoptr(GError) error = NULL;
    uint8_t auts[14];

    (void)state;
    assert_true(akma_milenage_auts(&subscriber.keys, rand, sqn_ms, auts, NULL));
    auts[6] ^= 1;
    assert_false(akma_auc_resynchronise(&subscriber, rand, auts, &error));

    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED));
    assert_true(subscriber.sqn == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_vector_has_a_higher_seq_and_the_next_ind),
        cmocka_unit_test(last_sqn_ends_it),
        cmocka_unit_test(resynchronisation_moves_forward_only),
        cmocka_unit_test(vectors_for_gba_take_the_next_sqn_without_the_separation_bit),
        cmocka_unit_test(reject_auts_with_a_wrong_mac),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
