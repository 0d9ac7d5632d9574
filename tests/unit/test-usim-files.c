/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/usim-files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/text.h"

#define K_AUSF "474698caf02cc715db2ec0726510cfee6caa5bb1a649cb01224f2e23af94de1b"
#define K_SEAF "8dff166c02edd5b177950d50cdd3fe93756cc53951856a95cb5ee9aabd35e220"

/* An exact copy on the heap, so that a read past its end is seen. */
static uint8_t *
from_hex(const char *hex, size_t *ret_len)
{
    size_t len = strlen(hex) / 2;
    uint8_t *bytes = g_malloc(len);

    assert_true(akma_hex_decode(hex, strlen(hex), bytes, len));
    *ret_len = len;

    return bytes;
}

/*= TS 31.102 4.2.2: EF_IMSI is a length and the coding of TS 24.008 10.5.1.4 */
static void
imsi_of_any_length_is_read(void **state)
{
    static const char *const rows[][2] = {
        {"080910100000000010", "001010000000001"},
        {"0801101000000000f1", "00101000000001"},
        {"083901621032547698", "310260123456789"},
        {"04216480f1ffffffff", "246081"},
        {"0429648021ffffffff", "2460812"},
        {"0429648021", "2460812"},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char imsi[AKMA_IMSI_MAX + 1];
        size_t len;
        g_autofree uint8_t *bytes = from_hex(rows[i][0], &len);

        assert_true(akma_usim_parse_imsi(bytes, len, imsi, NULL));
        assert_string_equal(imsi, rows[i][1]);
    }
}

static void
reject_broken_imsi(void **state)
{
    static const char *const rows[] = {
        "",
        "08",
        "0809101000000000",   /* truncated */
        "090910100000000010", /* longer than the file */
        "000910100000000010",
        "0809101000000000a0", /* no digit */
        "080a10100000000010", /* no IMSI: type 2 */
        "080110100000000010", /* even, but the last half is no F */
        "0291f0",             /* too short to be one */
        "ffffffffffffffffff",
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char imsi[AKMA_IMSI_MAX + 1] = "untouched";
        size_t len;
        g_autofree uint8_t *bytes = from_hex(rows[i], &len);
        g_autoptr(GError) error = NULL;

        assert_false(akma_usim_parse_imsi(bytes, len, imsi, &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
        assert_string_equal(imsi, "untouched");
    }
}

/*= TS 31.102 4.2.18: EF_AD, byte 4: length of the MNC, 2 or 3 */
static void
mnc_length_is_two_or_three(void **state)
{
    static const struct {
        const char *hex;
        unsigned length; /* 0: refused */
    } rows[] = {
        {"00000002", 2},
        {"00000003", 3},
        {"000000f2ff", 2},
        {"000000", 0},
        {"", 0},
        {"00000001", 0},
        {"00000004", 0},
        {"ffffffff", 0},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned length = 0;
        size_t len;
        g_autofree uint8_t *bytes = from_hex(rows[i].hex, &len);

        assert_int_equal(akma_usim_parse_mnc_length(bytes, len, &length, NULL),
                         rows[i].length != 0);
        assert_int_equal(length, rows[i].length);
    }
}

/*= TS 31.102 4.2.8: EF_UST, service n is bit (n - 1) % 8 of byte (n - 1) / 8 */
static void
services_are_bits_from_the_first_byte(void **state)
{
    static const uint8_t ust[16] = {[0] = 0x81, [8] = 0x08, [15] = 0x04};
    (void)state;

    assert_true(akma_usim_has_service(ust, sizeof ust, 1));
    assert_true(akma_usim_has_service(ust, sizeof ust, 8));
    assert_true(akma_usim_has_service(ust, sizeof ust, AKMA_SERVICE_GBA));
    assert_true(akma_usim_has_service(ust, sizeof ust, AKMA_SERVICE_5G_SECURITY));
    assert_false(akma_usim_has_service(ust, sizeof ust, AKMA_SERVICE_ROUTING_INDICATOR));
    assert_false(akma_usim_has_service(ust, 15, AKMA_SERVICE_5G_SECURITY));
    assert_false(akma_usim_has_service(ust, sizeof ust, 129));
    assert_false(akma_usim_has_service(ust, 0, 1));
    assert_false(akma_usim_has_service(ust, sizeof ust, 0));
}

/*= TS 31.102 4.4.11.11: EF_Routing_Indicator, up to 4 digits of BCD, the rest is F */
static void
routing_indicator_has_up_to_four_digits(void **state)
{
    static const struct {
        const char *hex;
        const char *rid; /* NULL: refused */
    } rows[] = {
        {"f0ffffff", "0"},
        {"21f3ffff", "123"},
        {"2143ffff", "1234"},
        {"21ff", "12"},
        {"ffffffff", "0"},
        {"", NULL},
        {"f0", NULL},
        {"a0ffffff", NULL},
        {"f021ffff", NULL}, /* a digit behind the end */
        {"2fffffff", NULL},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char rid[AKMA_RID_MAX + 1] = "";
        size_t len;
        g_autofree uint8_t *bytes = from_hex(rows[i].hex, &len);

        assert_int_equal(akma_usim_parse_routing_indicator(bytes, len, rid, NULL),
                         rows[i].rid != NULL);
        assert_string_equal(rid, rows[i].rid ? rows[i].rid : "");
    }
}

/*= TS 102 221 13.2: EF_ICCID has ten bytes */
static void
iccid_has_ten_bytes_that_say_something(void **state)
{
    static const uint8_t good[AKMA_ICCID_LEN] = {0x98, 0x88};
    static const uint8_t blank[AKMA_ICCID_LEN] = {0};
    (void)state;

    assert_true(akma_usim_check_iccid(good, sizeof good, NULL));
    assert_false(akma_usim_check_iccid(good, sizeof good - 1, NULL));
    assert_false(akma_usim_check_iccid(blank, sizeof blank, NULL));
}

/*= TS 31.102 4.4.11.6: EF_5GAUTHKEYS begins with tag 80, length 32, K_AUSF */
static void
beginning_of_5gauthkeys_is_told_apart(void **state)
{
    static const struct {
        const char *hex;
        AkmaKAusfPlace place;
    } rows[] = {
        {"8020" K_AUSF, AKMA_K_AUSF_FOUND},
        {"8020" K_AUSF "8120", AKMA_K_AUSF_FOUND},
        {"ffffffffffffffff", AKMA_K_AUSF_EMPTY},
        {"0000000000000000", AKMA_K_AUSF_EMPTY},
        {"8000ffffffffffff", AKMA_K_AUSF_EMPTY},
        {"8020ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", AKMA_K_AUSF_EMPTY},
        {"8120" K_SEAF, AKMA_K_AUSF_ELSEWHERE},
        {"", AKMA_K_AUSF_BROKEN},
        {"80", AKMA_K_AUSF_BROKEN},
        {"8020474698", AKMA_K_AUSF_BROKEN},
        {"801f" K_AUSF, AKMA_K_AUSF_BROKEN},
        {"8021" K_AUSF "00", AKMA_K_AUSF_BROKEN},
        {"ff20" K_AUSF, AKMA_K_AUSF_BROKEN},
        {"0020" K_AUSF, AKMA_K_AUSF_BROKEN},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(AkmaKey256) key = {0};
        size_t len;
        g_autofree uint8_t *bytes = from_hex(rows[i].hex, &len);
        char hex[AKMA_HEX_LEN(32) + 1];

        assert_int_equal(akma_usim_peek_k_ausf(bytes, len, &key), rows[i].place);
        akma_hex_encode(key.bytes, sizeof key.bytes, hex);
        if (rows[i].place == AKMA_K_AUSF_FOUND)
            assert_string_equal(hex, K_AUSF);
        else
            assert_true(hex[0] == '0' && strspn(hex, "0") == strlen(hex));
    }
}

/*= TS 31.102 4.4.11.6: the objects of EF_5GAUTHKEYS may stand in any order */
static void
k_ausf_is_found_wherever_it_stands(void **state)
{
    static const struct {
        const char *hex;
        AkmaKAusfPlace place;
    } rows[] = {
        {"8020" K_AUSF "8120" K_SEAF, AKMA_K_AUSF_FOUND},
        {"8120" K_SEAF "8020" K_AUSF "83020001ffff", AKMA_K_AUSF_FOUND},
        {"83020001840200028020" K_AUSF, AKMA_K_AUSF_FOUND},
        {"8120" K_SEAF "ffff", AKMA_K_AUSF_EMPTY},
        {"8120" K_SEAF "8000", AKMA_K_AUSF_EMPTY},
        {"8120" K_SEAF, AKMA_K_AUSF_EMPTY},
        {"8120" K_SEAF "8020", AKMA_K_AUSF_BROKEN},
        {"8120" K_SEAF "80204746", AKMA_K_AUSF_BROKEN},
        {"8120" K_SEAF "800447464746", AKMA_K_AUSF_BROKEN},
        {"81ff" K_SEAF, AKMA_K_AUSF_BROKEN},
        {"81", AKMA_K_AUSF_BROKEN},
        {"", AKMA_K_AUSF_BROKEN},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(AkmaKey256) key = {0};
        size_t len;
        g_autofree uint8_t *bytes = from_hex(rows[i].hex, &len);

        assert_int_equal(akma_usim_find_k_ausf(bytes, len, &key), rows[i].place);
        if (rows[i].place == AKMA_K_AUSF_FOUND)
            assert_int_equal(key.bytes[31], 0x1b);
    }
}

/*= TS 31.102 7.1.2.1: DB RES CK IK [Kc], or DC AUTS */
static void
answers_to_authenticate_are_told_apart(void **state)
{
    static const char success[] = "db08a54211d5e3ba50bf"
                                  "10b40ba9a3c58b2a05bbf0d987b21bf8cb"
                                  "10f769bcd751044604127672711c6d3441";
    g_autofree char *with_kc = g_strconcat(success, "08eae4be823af9a08b", NULL);
    g_auto(AkmaAkaResult) aka = {0};
    size_t len;
    g_autofree uint8_t *plain = from_hex(success, &len);
    (void)state;

    assert_true(akma_usim_parse_aka(plain, len, &aka, NULL));
    assert_int_equal(aka.outcome, AKMA_AKA_OK);
    assert_int_equal(aka.res_len, 8);
    assert_int_equal(aka.res[7], 0xbf);
    assert_int_equal(aka.ck.bytes[0], 0xb4);
    assert_int_equal(aka.ik.bytes[15], 0x41);

    g_autofree uint8_t *longer = from_hex(with_kc, &len);
    assert_true(akma_usim_parse_aka(longer, len, &aka, NULL));

    g_autofree uint8_t *auts = from_hex("dc0e4cb8ad56bbf7a1b2c3d4e5f60708", &len);
    assert_true(akma_usim_parse_aka(auts, len, &aka, NULL));
    assert_int_equal(aka.outcome, AKMA_AKA_SYNC_FAILURE);
    assert_int_equal(aka.auts[13], 0x08);
}

static void
reject_broken_answers_to_authenticate(void **state)
{
    static const char success[] = "db08a54211d5e3ba50bf"
                                  "10b40ba9a3c58b2a05bbf0d987b21bf8cb"
                                  "10f769bcd751044604127672711c6d3441";
    static const char *const rows[] = {
        "dc0d4cb8ad56bbf7a1b2c3d4e5f607",
        "dc0e4cb8ad56bbf7a1b2c3d4e5f6070809",
        "db03a54211",
        "de08a54211d5e3ba50bf",
    };
    size_t len;
    g_autofree uint8_t *whole = from_hex(success, &len);
    (void)state;

    for (size_t cut = 0; cut < len; cut++) {
        g_autofree uint8_t *piece = g_memdup2(whole, cut);
        g_auto(AkmaAkaResult) aka = {0};

        assert_false(akma_usim_parse_aka(piece, cut, &aka, NULL));
        assert_int_equal(aka.ck.bytes[0], 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(AkmaAkaResult) aka = {0};
        g_autofree uint8_t *bytes = from_hex(rows[i], &len);

        assert_false(akma_usim_parse_aka(bytes, len, &aka, NULL));
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(imsi_of_any_length_is_read),
        cmocka_unit_test(reject_broken_imsi),
        cmocka_unit_test(mnc_length_is_two_or_three),
        cmocka_unit_test(services_are_bits_from_the_first_byte),
        cmocka_unit_test(routing_indicator_has_up_to_four_digits),
        cmocka_unit_test(iccid_has_ten_bytes_that_say_something),
        cmocka_unit_test(beginning_of_5gauthkeys_is_told_apart),
        cmocka_unit_test(k_ausf_is_found_wherever_it_stands),
        cmocka_unit_test(answers_to_authenticate_are_told_apart),
        cmocka_unit_test(reject_broken_answers_to_authenticate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
