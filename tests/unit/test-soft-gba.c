/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The GBA context of the soft card, over its commands; gba.json has what it should answer. */
#include <glib/gstdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "modem/simulator/uicc-private.h"
#include "tests/fakes/vectors.h"

#define B_TID "I1U8vpY3qJ0hiuZNrke/NQ==@bsf.mnc001.mcc001.pub.3gppnetwork.org"
#define OK    AKMA_SOFT_SW_OK

static json_t *milenage_file;
static json_t *milenage; /* its sets */
static json_t *vectors;

static int
set_up(void **state)
{
    (void)state;
    milenage_file = test_vectors_load("milenage.json");
    milenage = json_object_get(milenage_file, "sets");
    vectors = test_vectors_load("gba.json");

    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    json_decref(milenage_file);
    json_decref(vectors);

    return 0;
}

/* A card with the keys of set @n, and @more lines in its group [usim]. */
static AkmaSoftUicc *
new_card(size_t n, const char *more)
{
    const json_t *set = json_array_get(milenage, n);
    g_autofree char *text =
        g_strdup_printf("[usim]\nimsi=001010123456789\nk=%s\nopc=%s\nsqn-delta=281474976710656\n%s",
                        json_string_value(json_object_get(set, "k")),
                        json_string_value(json_object_get(set, "opc")),
                        more);
    g_autofree char *file = NULL;
    int fd = g_file_open_tmp("akmad-card-XXXXXX", &file, NULL);
    AkmaSoftProfile *profile;
    AkmaSoftUicc *card;

    assert_true(fd >= 0 && g_close(fd, NULL));
    assert_true(g_file_set_contents(file, text, -1, NULL));
    profile = akma_soft_profile_load(file, NULL);
    g_remove(file);
    assert_non_null(profile);
    card = akma_soft_uicc_new(profile, NULL);
    assert_non_null(card);

    return card;
}

static uint16_t
send(AkmaSoftUicc *card,
     uint8_t ins,
     uint16_t p1p2,
     const uint8_t *data,
     size_t len,
     AkmaSoftResponse *ret)
{
    uint8_t apdu[5 + 255 + 1] = {0, ins, (uint8_t)(p1p2 >> 8), (uint8_t)p1p2, (uint8_t)len};

    memcpy(apdu + 5, data, len);
    akma_soft_uicc_transmit_own(card, apdu, 5 + len + (ins == AKMA_SOFT_INS_AUTHENTICATE), ret);

    return ret->sw;
}

/* DD with RAND of the set and @member of its GBA row as AUTN. */
static size_t
write_challenge(size_t n, const char *member, uint8_t ret[static 35])
{
    ret[0] = 0xdd;
    ret[1] = ret[18] = 16;
    test_vectors_hex(json_array_get(milenage, n), "rand", ret + 2, 16);
    test_vectors_hex(json_array_get(json_object_get(vectors, "sets"), n), member, ret + 19, 16);

    return 35;
}

static uint16_t
bootstrap(AkmaSoftUicc *card, size_t n, AkmaSoftResponse *ret)
{
    uint8_t data[35];

    return send(card, 0x88, 0x0084, data, write_challenge(n, "autn_star", data), ret);
}

static uint16_t
select_file(AkmaSoftUicc *card, uint16_t fid)
{
    const uint8_t data[] = {(uint8_t)(fid >> 8), (uint8_t)fid};
    AkmaSoftResponse answer;

    return send(card, AKMA_SOFT_INS_SELECT, 0x000c, data, sizeof data, &answer);
}

/* As a terminal does: RAND, B-TID, lifetime. */
static uint16_t
name_it(AkmaSoftUicc *card, size_t n, const char *b_tid)
{
    const char *lifetime = "2030-01-01T00:00:00Z";
    uint8_t data[160] = {16};
    size_t len = strlen(b_tid);
    AkmaSoftResponse answer;

    test_vectors_hex(json_array_get(milenage, n), "rand", data + 1, 16);
    data[17] = (uint8_t)len;
    memcpy(data + 18, b_tid, len);
    data[18 + len] = (uint8_t)strlen(lifetime);
    memcpy(data + 19 + len, lifetime, strlen(lifetime));
    assert_int_equal(select_file(card, 0x6fd6), OK);

    return send(card, AKMA_SOFT_INS_UPDATE_BINARY, 0, data, 19 + len + strlen(lifetime), &answer);
}

static size_t
write_names(const char *naf, const uint8_t ua[static 5], const char *impi, uint8_t *ret)
{
    size_t naf_len = strlen(naf);
    size_t impi_len = strlen(impi);

    ret[0] = 0xde;
    ret[1] = (uint8_t)(naf_len + 5);
    memcpy(ret + 2, naf, naf_len);
    memcpy(ret + 2 + naf_len, ua, 5);
    ret[7 + naf_len] = (uint8_t)impi_len;
    memcpy(ret + 8 + naf_len, impi, impi_len);

    return 8 + naf_len + impi_len;
}

static uint16_t
derive(AkmaSoftUicc *card, const char *naf, AkmaSoftResponse *ret)
{
    const uint8_t ua[] = {0xff, 0, 0, 0, 1};
    uint8_t data[255];
    size_t len = write_names(naf, ua, json_string_value(json_object_get(vectors, "impi")), data);

    return send(card, 0x88, 0x0084, data, len, ret);
}

/*= TS 33.220 5.3.2: MAC = MAC* xor Trunc(SHA-1(IK)), Trunc being bits 0 to 63 */
/*= TS 33.220 5.3.2: the card gives RES with its last bit flipped */
/*= TS 31.102 7.1.2: GBA context, bootstrapping: DD, RAND, AUTN; the answer is DB, RES */
/*= TS 31.102 7.1.2: GBA context, NAF derivation: DE, NAF_ID, IMPI; the answer is DB, Ks_ext_NAF */
static void
every_published_set_bootstraps_and_derives(void **state)
{
    (void)state;
    for (size_t n = 0; n < json_array_size(milenage); n++) {
        g_autoptr(AkmaSoftUicc) card = new_card(n, "");
        json_t *one = json_array_get(json_object_get(vectors, "sets"), n);
        AkmaSoftResponse answer;
        uint8_t expected[32];

        assert_int_equal(bootstrap(card, n, &answer), OK);
        assert_int_equal(answer.len, 10);
        assert_int_equal(answer.data[0], 0xdb);
        assert_int_equal(answer.data[1], 8);
        test_vectors_hex(one, "res_flipped", expected, 8);
        assert_memory_equal(answer.data + 2, expected, 8);

        assert_int_equal(name_it(card, n, B_TID), OK);
        assert_int_equal(derive(card, "keys.example.com", &answer), OK);
        assert_int_equal(answer.len, 34);
        assert_int_equal(answer.data[0], 0xdb);
        assert_int_equal(answer.data[1], 32);
        test_vectors_hex(one, "ks_naf", expected, 32);
        assert_memory_equal(answer.data + 2, expected, 32);

        /* what stays in the card */
        test_vectors_hex(one, "ks_int_naf", expected, 32);
        assert_memory_equal(card->gba.ks_int_naf[0].bytes, expected, 32);
    }
}

/*= TS 33.220 G.1: a new bootstrapping replaces Ks, RAND, B-TID and lifetime of the one before */
static void
the_card_writes_rand_and_forgets_the_old_name(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "");
    AkmaSoftResponse answer;
    uint8_t rand[16];

    (void)state;
    assert_int_equal(bootstrap(card, 0, &answer), OK);
    assert_int_equal(name_it(card, 0, B_TID), OK);
    akma_soft_sqn_init(&card->sqn, 0, UINT64_MAX);
    assert_int_equal(bootstrap(card, 0, &answer), OK);

    assert_int_equal(select_file(card, 0x6fd6), OK);
    akma_soft_uicc_transmit_own(card, (const uint8_t[]){0, 0xb0, 0, 0, 20}, 5, &answer);
    assert_int_equal(answer.sw, OK);
    test_vectors_hex(json_array_get(milenage, 0), "rand", rand, 16);
    assert_int_equal(answer.data[0], 16);
    assert_memory_equal(answer.data + 1, rand, 16);
    assert_int_equal(answer.data[17], 0);
    assert_int_equal(answer.data[18], 0);
    assert_int_equal(answer.data[19], 0xff);
    assert_int_equal(derive(card, "keys.example.com", &answer), AKMA_SOFT_SW_CONDITIONS);
}

static void
a_bootstrapping_survives_power_off(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "");
    AkmaSoftResponse answer;

    (void)state;
    assert_int_equal(bootstrap(card, 0, &answer), OK);
    assert_int_equal(name_it(card, 0, B_TID), OK);
    akma_soft_uicc_reset(card);
    assert_int_equal(derive(card, "keys.example.com", &answer), OK);
}

/*= TS 31.102 7.1.1: without a bootstrapping the card answers 6985 */
static void
reject_derivation_before_bootstrapping_and_before_it_has_a_name(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "");
    AkmaSoftResponse answer;

    (void)state;
    assert_int_equal(derive(card, "keys.example.com", &answer), AKMA_SOFT_SW_CONDITIONS);
    assert_int_equal(name_it(card, 0, B_TID), OK);
    assert_int_equal(derive(card, "keys.example.com", &answer), AKMA_SOFT_SW_CONDITIONS);
    assert_int_equal(bootstrap(card, 0, &answer), OK);
    assert_int_equal(derive(card, "keys.example.com", &answer), AKMA_SOFT_SW_CONDITIONS);
    assert_int_equal(name_it(card, 2, B_TID), OK); /* of another RAND */
    assert_int_equal(derive(card, "keys.example.com", &answer), AKMA_SOFT_SW_CONDITIONS);
    assert_int_equal(name_it(card, 0, ""), OK);
    assert_int_equal(derive(card, "keys.example.com", &answer), AKMA_SOFT_SW_CONDITIONS);
    assert_int_equal(answer.len, 0);
    assert_int_equal(name_it(card, 0, B_TID), OK);
    assert_int_equal(derive(card, "keys.example.com", &answer), OK);
}

static void
reject_autn_of_the_other_context(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "");
    AkmaSoftResponse answer;
    uint8_t data[35];

    (void)state;
    write_challenge(0, "autn", data);
    assert_int_equal(send(card, 0x88, 0x0084, data, 35, &answer), AKMA_SOFT_SW_MAC);
    write_challenge(0, "autn_star", data);
    assert_int_equal(send(card, 0x88, 0x0081, data + 1, 34, &answer), AKMA_SOFT_SW_MAC);
    for (size_t i = 19; i < sizeof data; i++) {
        write_challenge(0, "autn_star", data);
        data[i] ^= 1;
        assert_int_equal(send(card, 0x88, 0x0084, data, 35, &answer), AKMA_SOFT_SW_MAC);
        assert_int_equal(answer.len, 0);
    }
    /* nothing of it was kept */
    assert_false(card->gba.bootstrapped);
}

static void
both_contexts_have_one_window_of_sequence_numbers(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "");
    AkmaSoftResponse answer;
    uint8_t data[35];
    uint8_t ak_star[6];
    uint8_t sqn[6];

    (void)state;
    write_challenge(0, "autn", data);
    assert_int_equal(send(card, 0x88, 0x0081, data + 1, 34, &answer), OK);
    assert_int_equal(answer.len, 1 + 9 + 17 + 17); /* CK and IK, as ever */

    assert_int_equal(bootstrap(card, 0, &answer), OK); /* a sync failure is a whole answer */
    assert_int_equal(answer.len, 16);
    assert_int_equal(answer.data[0], 0xdc);
    test_vectors_hex(json_array_get(milenage, 0), "f5_star", ak_star, 6);
    test_vectors_hex(json_array_get(milenage, 0), "sqn", sqn, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(answer.data[2 + i] ^ ak_star[i], sqn[i]);
    assert_false(card->gba.bootstrapped);
}

static void
the_3g_context_does_not_touch_the_bootstrapping(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "");
    AkmaSoftResponse answer;
    uint8_t data[35];

    (void)state;
    assert_int_equal(bootstrap(card, 0, &answer), OK);
    assert_int_equal(name_it(card, 0, B_TID), OK);
    akma_soft_sqn_init(&card->sqn, 0, UINT64_MAX);
    write_challenge(0, "autn", data);
    assert_int_equal(send(card, 0x88, 0x0081, data + 1, 34, &answer), OK);
    assert_int_equal(derive(card, "keys.example.com", &answer), OK);
}

static void
reject_commands_that_are_cut_or_padded(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "");
    const uint8_t ua[] = {0xff, 0, 0, 0, 1};
    AkmaSoftResponse answer;
    uint8_t data[256] = {0};
    size_t len;

    (void)state;
    write_challenge(0, "autn_star", data);
    for (len = 1; len < 35; len++)
        assert_int_equal(send(card, 0x88, 0x0084, data, len, &answer), AKMA_SOFT_SW_WRONG_DATA);
    assert_int_equal(send(card, 0x88, 0x0084, data, 36, &answer), AKMA_SOFT_SW_WRONG_DATA);
    data[0] = 0xdf;
    assert_int_equal(send(card, 0x88, 0x0084, data, 35, &answer), AKMA_SOFT_SW_WRONG_DATA);
    assert_int_equal(bootstrap(card, 0, &answer), OK);
    assert_int_equal(name_it(card, 0, B_TID), OK);

    len = write_names("a.example", ua, "a@b", data);
    for (size_t cut = 1; cut < len; cut++)
        assert_int_equal(send(card, 0x88, 0x0084, data, cut, &answer), AKMA_SOFT_SW_WRONG_DATA);
    assert_int_equal(send(card, 0x88, 0x0084, data, len + 1, &answer), AKMA_SOFT_SW_WRONG_DATA);
    len = write_names("", ua, "a@b", data);
    assert_int_equal(send(card, 0x88, 0x0084, data, len, &answer), AKMA_SOFT_SW_WRONG_DATA);
    len = write_names("a.example", ua, "", data);
    assert_int_equal(send(card, 0x88, 0x0084, data, len, &answer), AKMA_SOFT_SW_WRONG_DATA);
}

static void
reject_the_context_without_service_68(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "services=123;124\n");
    AkmaSoftResponse answer;

    (void)state;
    assert_int_equal(bootstrap(card, 0, &answer), AKMA_SOFT_SW_WRONG_P1P2);
    assert_int_equal(select_file(card, 0x6fd6), AKMA_SOFT_SW_NO_FILE);
    assert_int_equal(select_file(card, 0x6fda), AKMA_SOFT_SW_NO_FILE);
}

/*= TS 31.102 7.1.2: AUTHENTICATE in the 3G or GBA context, of the USIM, after PIN verification */
static void
reject_everything_before_the_pin(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "[card]\npin-enabled=true\n");
    AkmaSoftResponse answer;

    (void)state;
    assert_int_equal(bootstrap(card, 0, &answer), AKMA_SOFT_SW_SECURITY);
    assert_int_equal(derive(card, "keys.example.com", &answer), AKMA_SOFT_SW_SECURITY);
    assert_int_equal(name_it(card, 0, B_TID), AKMA_SOFT_SW_SECURITY);
}

static void
read_record(AkmaSoftUicc *card, uint8_t n, AkmaSoftResponse *ret)
{
    assert_int_equal(select_file(card, 0x6fda), OK);
    akma_soft_uicc_transmit_own(card, (const uint8_t[]){0, 0xb2, n, 4, 200}, 5, ret);
    assert_int_equal(ret->sw, OK);
}

/*= TS 31.102 4.2.83: EF_GBANL: NAF_ID with tag 80, B-TID with tag 81, then FF */
/*= TS 31.102 7.1.1: the record of the NAF, else a free one, else the one derived longest ago */
static void
each_naf_has_a_record_and_the_oldest_goes(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "");
    AkmaSoftResponse answer;

    (void)state;
    assert_int_equal(bootstrap(card, 0, &answer), OK);
    assert_int_equal(name_it(card, 0, B_TID), OK);
    for (const char *const *naf =
             (const char *const[]){"a.example", "b.example", "c.example", "d.example", NULL};
         *naf;
         naf++)
        assert_int_equal(derive(card, *naf, &answer), OK);
    assert_int_equal(derive(card, "a.example", &answer), OK); /* now b is the oldest */
    assert_int_equal(derive(card, "e.example", &answer), OK);

    for (uint8_t n = 1; n <= 4; n++) {
        const char name[] = {"aecd"[n - 1], '\0'};

        read_record(card, n, &answer);
        assert_int_equal(answer.data[0], 0x80);
        assert_int_equal(answer.data[1], 9 + 5);
        assert_memory_equal(answer.data + 2, name, 1);
        assert_int_equal(answer.data[16], 0x81);
        assert_int_equal(answer.data[17], strlen(B_TID));
        assert_memory_equal(answer.data + 18, B_TID, strlen(B_TID));
        assert_int_equal(answer.data[18 + strlen(B_TID)], 0xff);
    }
}

static void
reject_a_naf_that_does_not_fit_into_its_record(void **state)
{
    g_autoptr(AkmaSoftUicc) card = new_card(0, "");
    g_autofree char *naf = g_strnfill(140, 'a');
    AkmaSoftResponse answer;

    (void)state;
    assert_int_equal(bootstrap(card, 0, &answer), OK);
    assert_int_equal(name_it(card, 0, B_TID), OK);
    assert_int_equal(derive(card, naf, &answer), AKMA_SOFT_SW_NO_ROOM);
    assert_int_equal(answer.len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_published_set_bootstraps_and_derives),
        cmocka_unit_test(the_card_writes_rand_and_forgets_the_old_name),
        cmocka_unit_test(a_bootstrapping_survives_power_off),
        cmocka_unit_test(reject_derivation_before_bootstrapping_and_before_it_has_a_name),
        cmocka_unit_test(reject_autn_of_the_other_context),
        cmocka_unit_test(both_contexts_have_one_window_of_sequence_numbers),
        cmocka_unit_test(the_3g_context_does_not_touch_the_bootstrapping),
        cmocka_unit_test(reject_commands_that_are_cut_or_padded),
        cmocka_unit_test(reject_the_context_without_service_68),
        cmocka_unit_test(reject_everything_before_the_pin),
        cmocka_unit_test(each_naf_has_a_record_and_the_oldest_goes),
        cmocka_unit_test(reject_a_naf_that_does_not_fit_into_its_record),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
