/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/tlv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/text.h"

static uint8_t *
from_hex(const char *hex, size_t *ret_len)
{
    size_t len = strlen(hex) / 2;
    uint8_t *bytes = g_malloc(len);

    assert_true(akma_hex_decode(hex, strlen(hex), bytes, len));
    *ret_len = len;

    return bytes;
}

/*= TS 102 221 11.1.1.3: BER-TLV, length in one byte, or 81 xx, or 82 xx xx */
static void
lengths_have_one_to_three_bytes(void **state)
{
    static const uint8_t bytes[] = {
        0x4f, 0x01, 0xaa, 0x50, 0x81, 0x02, 0xbb, 0xcc, 0x51, 0x82, 0x00, 0x01, 0xdd, 0xff, 0xff};
    AkmaReader all = akma_reader_init(bytes, sizeof bytes);
    AkmaReader value;
    uint8_t tag;
    (void)state;

    assert_true(akma_tlv_next(&all, &tag, &value) && tag == 0x4f && value.left == 1);
    assert_true(akma_tlv_next(&all, &tag, &value) && tag == 0x50 && value.left == 2);
    assert_true(akma_tlv_next(&all, &tag, &value) && tag == 0x51 && *value.next == 0xdd);
    assert_false(akma_tlv_next(&all, &tag, &value));
    assert_false(all.bad); /* padding is the end */
}

static void
reject_objects_that_leave_the_buffer(void **state)
{
    static const char *const rows[] = {
        "4f", "4f02aa", "4f81", "4f8180aa", "4f8200", "4f83000001aa"};
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t len;
        g_autofree uint8_t *bytes = from_hex(rows[i], &len);
        AkmaReader all = akma_reader_init(bytes, len);
        AkmaReader value;
        uint8_t tag;

        assert_false(akma_tlv_next(&all, &tag, &value));
        assert_true(all.bad);
    }
}

/*= TS 102 221 11.1.1.3.1: the FCP template 62 and what stands in it */
static void
file_description_is_read(void **state)
{
    AkmaFcp fcp;
    size_t len;
    g_autofree uint8_t *linear = from_hex("621182054221002003"
                                          "83022f00"
                                          "8a0105"
                                          "8801f0",
                                          &len);
    (void)state;

    assert_true(akma_fcp_parse(linear, len, &fcp, NULL));
    assert_int_equal(fcp.id, 0x2f00);
    assert_int_equal(fcp.record_len, 32);
    assert_int_equal(fcp.n_records, 3);
    assert_false(fcp.is_folder || fcp.is_deactivated);

    g_autofree uint8_t *folder =
        from_hex("6217820278218410a0000000871002ffffffff89070900008a0104", &len);
    folder[1] = (uint8_t)(len - 2);
    assert_true(akma_fcp_parse(folder, len, &fcp, NULL));
    assert_true(fcp.is_folder && fcp.is_deactivated);
    assert_int_equal(fcp.aid_len, 16);

    g_autofree uint8_t *plain = from_hex("620c8202412183024f058002006e", &len);
    assert_true(akma_fcp_parse(plain, len, &fcp, NULL));
    assert_int_equal(fcp.size, 110);
}

static void
reject_broken_file_description(void **state)
{
    static const char *const rows[] = {"", "62", "6f00", "6204820541", "620282054221"};
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        AkmaFcp fcp;
        size_t len;
        g_autofree uint8_t *bytes = from_hex(rows[i], &len);
        g_autoptr(GError) error = NULL;

        assert_false(akma_fcp_parse(bytes, len, &fcp, &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
    }
}

/*= TS 102 221 13.1: EF.DIR holds application templates 61 with the AID in 4F */
static void
directory_record_names_an_application(void **state)
{
    uint8_t aid[AKMA_AID_MAX];
    size_t aid_len;
    size_t len;
    g_autofree uint8_t *record =
        from_hex("61184f10a0000000871002ffffffff890709000050045553494dffff", &len);
    (void)state;

    assert_true(akma_dir_parse_record(record, len, aid, &aid_len));
    assert_int_equal(aid_len, 16);
    assert_int_equal(aid[6], 0x02);
}

static void
reject_directory_record_without_application(void **state)
{
    static const char *const rows[] = {
        "",
        "ffffffff",
        "6100",
        "61045002aabb",
        "61064f04a0000000",                           /* too short for an AID */
        "61134f11a0000000871002ffffffff890709000000", /* too long for one */
        "61184f10a0000000871002",                     /* truncated */
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t aid[AKMA_AID_MAX];
        size_t aid_len;
        size_t len;
        g_autofree uint8_t *bytes = from_hex(rows[i], &len);

        assert_false(akma_dir_parse_record(bytes, len, aid, &aid_len));
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_have_one_to_three_bytes),
        cmocka_unit_test(reject_objects_that_leave_the_buffer),
        cmocka_unit_test(file_description_is_read),
        cmocka_unit_test(reject_broken_file_description),
        cmocka_unit_test(directory_record_names_an_application),
        cmocka_unit_test(reject_directory_record_without_application),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
