/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
reader_gives_what_is_there_and_is_done(void **state G_GNUC_UNUSED)
{
    const uint8_t in[] = {0x01, 0x02, 0x03, 0x04, 0x05};
    AkmaReader r = akma_reader_init(in, sizeof in);

    assert_int_equal(akma_reader_u8(&r), 0x01);
    assert_int_equal(akma_reader_u16(&r), 0x0203);
    assert_ptr_equal(akma_reader_take(&r, 2), in + 3);
    assert_true(akma_reader_is_done(&r));
}

static void
reject_reading_past_the_end(void **state G_GNUC_UNUSED)
{
    const uint8_t in[] = {0x01};
    AkmaReader r = akma_reader_init(in, sizeof in);

    assert_int_equal(akma_reader_u16(&r), 0);
    assert_true(r.bad);
    /* bad for good: even what would fit is refused */
    assert_null(akma_reader_take(&r, 1));
    assert_false(akma_reader_is_done(&r));
}

static void
reject_bytes_that_are_left(void **state G_GNUC_UNUSED)
{
    const uint8_t in[] = {0x01, 0x02};
    AkmaReader r = akma_reader_init(in, sizeof in);

    akma_reader_u8(&r);
    assert_false(akma_reader_is_done(&r));
}

static void
empty_reader_is_done(void **state G_GNUC_UNUSED)
{
    AkmaReader r = akma_reader_init(NULL, 0);

    assert_true(akma_reader_is_done(&r));
    akma_reader_take(&r, 0);
    assert_true(akma_reader_is_done(&r));
}

static void
writer_fills_its_buffer(void **state G_GNUC_UNUSED)
{
    const uint8_t expected[] = {0x80, 0x12, 0x34, 'o', 'k'};
    uint8_t out[sizeof expected];
    AkmaWriter w = akma_writer_init(out, sizeof out);

    akma_writer_u8(&w, 0x80);
    akma_writer_u16(&w, 0x1234);
    akma_writer_put(&w, "ok", 2);

    assert_false(w.bad);
    assert_int_equal(w.len, sizeof expected);
    assert_memory_equal(out, expected, sizeof expected);
}

static void
reject_writing_past_the_end(void **state G_GNUC_UNUSED)
{
    uint8_t out[3] = {0};
    AkmaWriter w = akma_writer_init(out, 2);

    akma_writer_put(&w, "abc", 3);

    assert_true(w.bad);
    assert_int_equal(w.len, 0);
    assert_int_equal(out[0] | out[1] | out[2], 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_gives_what_is_there_and_is_done),
        cmocka_unit_test(reject_reading_past_the_end),
        cmocka_unit_test(reject_bytes_that_are_left),
        cmocka_unit_test(empty_reader_is_done),
        cmocka_unit_test(writer_fills_its_buffer),
        cmocka_unit_test(reject_writing_past_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
