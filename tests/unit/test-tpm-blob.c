/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tpm/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static const uint8_t file[] = {'A',  'K', 'M', 'A', 'T', 'P', 'M', 1, 0x80, 0x00, 0x40,
                               0x81, 0,   3,   'p', 'u', 'b', 0,   2, 'p',  'r'};
#define PCRS_AT 8

static void
assert_refused(const uint8_t *bytes, size_t len)
{
    g_autoptr(GError) error = NULL;
    AkmaTpmBlob blob;

    assert_false(akma_tpm_blob_read(bytes, len, &blob, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED));
}

static void
a_blob_is_read_as_it_was_written(void **state)
{
    const AkmaTpmBlob blob = {
        .pcrs = 0x00004081,
        .public_part = (const uint8_t *)"pub",
        .public_len = 3,
        .private_part = (const uint8_t *)"pr",
        .private_len = 2,
    };
    g_autoptr(GByteArray) written = akma_tpm_blob_write(&blob);
    AkmaTpmBlob read;

    (void)state;
    assert_int_equal(written->len, sizeof file);
    /* byte by byte as the header says, but for the PCRs, which are too many in file[] */
    assert_memory_equal(written->data, file, PCRS_AT);
    assert_memory_equal(written->data + 12, file + 12, sizeof file - 12);
    assert_true(akma_tpm_blob_read(written->data, written->len, &read, NULL));
    assert_int_equal(read.pcrs, 0x00004081);
    assert_int_equal(read.public_len, 3);
    assert_memory_equal(read.public_part, "pub", 3);
    assert_int_equal(read.private_len, 2);
    assert_memory_equal(read.private_part, "pr", 2);
}

static void
reject_a_pcr_beyond_23(void **state)
{
    (void)state;
    assert_refused(file, sizeof file);
}

static void
reject_a_blob_cut_at_any_byte_or_with_one_more(void **state)
{
    uint8_t good[sizeof file + 1] = {0};
    AkmaTpmBlob blob;

    (void)state;
    memcpy(good, file, sizeof file);
    good[PCRS_AT] = 0;
    assert_true(akma_tpm_blob_read(good, sizeof file, &blob, NULL));
    for (size_t len = 0; len < sizeof file; len++)
        assert_refused(good, len);
    assert_refused(good, sizeof file + 1);
}

static void
reject_another_format_and_empty_parts(void **state)
{
    static const size_t at[] = {0, 6, 7, 12, 13, 17, 18};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(at); i++) {
        uint8_t bad[sizeof file];

        memcpy(bad, file, sizeof file);
        bad[PCRS_AT] = 0;
        bad[at[i]] ^= 2;
        assert_refused(bad, sizeof bad);
    }
}

static void
pcrs_are_numbers_with_commas(void **state)
{
    uint32_t pcrs = 1;

    (void)state;
    assert_true(akma_tpm_parse_pcrs("", &pcrs));
    assert_int_equal(pcrs, 0);
    assert_true(akma_tpm_parse_pcrs("7", &pcrs));
    assert_int_equal(pcrs, 0x80);
    assert_true(akma_tpm_parse_pcrs("0,7,23", &pcrs));
    assert_int_equal(pcrs, 0x800081);
}

static void
reject_pcrs_that_are_none(void **state)
{
    static const char *const bad[] = {"24", "-1", "7,", ",7", "7 ", "0x7", "7;8", "seven"};
    uint32_t pcrs;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(akma_tpm_parse_pcrs(bad[i], &pcrs));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_is_read_as_it_was_written),
        cmocka_unit_test(reject_a_pcr_beyond_23),
        cmocka_unit_test(reject_a_blob_cut_at_any_byte_or_with_one_more),
        cmocka_unit_test(reject_another_format_and_empty_parts),
        cmocka_unit_test(pcrs_are_numbers_with_commas),
        cmocka_unit_test(reject_pcrs_that_are_none),
    };

    return cmocka_run_group_tests_name("tpm-blob", tests, NULL, NULL);
}
