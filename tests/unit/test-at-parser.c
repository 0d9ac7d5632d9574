/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 128

typedef struct {
    char buffer[SIZE];
    AkmaAtParser parser;
    GString *seen; /* "type:code:text\n" for each line */
} Fixture;

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    akma_at_parser_init(&f->parser, f->buffer, sizeof f->buffer);
    f->seen = g_string_new(NULL);
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    g_string_free(f->seen, TRUE);
    g_free(f);

    return 0;
}

static void
feed(Fixture *f, const char *bytes, size_t len)
{
    AkmaAtLine line;

    while (len > 0) {
        size_t room;
        char *to = akma_at_parser_room(&f->parser, &room);
        size_t n = MIN(room, len);

        assert_true(n > 0);
        memcpy(to, bytes, n);
        akma_at_parser_add(&f->parser, n);
        bytes += n;
        len -= n;
        while (akma_at_parser_next(&f->parser, &line))
            g_string_append_printf(f->seen, "%d:%d:%s\n", (int)line.type, line.code, line.text);
    }
}

static void
feed_text(Fixture *f, const char *text)
{
    feed(f, text, strlen(text));
}

static void
any_mixture_of_line_ends_gives_the_same_lines(void **state)
{
    static const char *const mixtures[] = {
        "\r\n+CREG: 1\r\n\r\nOK\r\n",
        "+CREG: 1\nOK\n",
        "+CREG: 1\rOK\r",
        "\n\r+CREG: 1\n\r\n\rOK\n\r",
        "\r\r\n  +CREG: 1 \r\r\n\tOK\r\r\n",
    };
    Fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(mixtures); i++) {
        g_string_truncate(f->seen, 0);
        feed_text(f, mixtures[i]);
        assert_string_equal(f->seen->str, "0:-1:+CREG: 1\n1:-1:OK\n");
    }
}

/*= TS 27.007 9.2: +CME ERROR, numeric or verbose */
static void
final_results_are_told_apart(void **state)
{
    Fixture *f = *state;

    feed_text(f,
              "OK\rERROR\r+CME ERROR: 14\r+CME ERROR: SIM busy\r+CME ERROR: sim pin REQUIRED\r"
              "+CME ERROR: what\r+CME ERROR:10\r+CMS ERROR: 500\rCOMMAND NOT SUPPORT\rOKAY\r");

    assert_string_equal(f->seen->str,
                        "1:-1:OK\n2:-1:ERROR\n2:14:+CME ERROR: 14\n2:14:+CME ERROR: SIM busy\n"
                        "2:11:+CME ERROR: sim pin REQUIRED\n2:100:+CME ERROR: what\n"
                        "2:10:+CME ERROR:10\n2:-1:+CMS ERROR: 500\n2:-1:COMMAND NOT SUPPORT\n"
                        "0:-1:OKAY\n");
}

static void
every_split_point_gives_the_same_lines(void **state)
{
    static const char text[] = "AT+CGLA=1,10,\"00B0850022\"\r\r\n+CGLA: 8,\"80209000\"\r\n"
                               "\r\n+CREG: 1\r\n\r\nOK\r\n";
    static const char expected[] = "0:-1:AT+CGLA=1,10,\"00B0850022\"\n0:-1:+CGLA: 8,\"80209000\"\n"
                                   "0:-1:+CREG: 1\n1:-1:OK\n";
    Fixture *f = *state;

    for (size_t i = 0; i <= strlen(text); i++) {
        g_string_truncate(f->seen, 0);
        feed(f, text, i);
        feed_text(f, text + i);
        assert_string_equal(f->seen->str, expected);
    }

    g_string_truncate(f->seen, 0);
    for (size_t i = 0; i < strlen(text); i++)
        feed(f, text + i, 1);
    assert_string_equal(f->seen->str, expected);
}

static void
noise_bytes_are_dropped(void **state)
{
    Fixture *f = *state;

    feed(f, "\0O\0K\0\r\n", 7);

    assert_string_equal(f->seen->str, "1:-1:OK\n");
}

static void
reject_line_that_outgrows_the_buffer_and_go_on(void **state)
{
    Fixture *f = *state;

    for (int i = 0; i < 5 * SIZE; i++)
        feed_text(f, "A");
    feed_text(f, "\r\nOK\r\n");

    assert_string_equal(f->seen->str, "3:-1:\n1:-1:OK\n");
}

static void
used_lines_are_overwritten(void **state)
{
    Fixture *f = *state;

    feed_text(f, "\r\n+CGLA: 8,\"CAFE9000\"\r\nOK\r\nhal");

    assert_null(memmem(f->buffer, sizeof f->buffer, "CAFE", 4));
    assert_null(memmem(f->buffer, sizeof f->buffer, "OK", 2));
    assert_non_null(memmem(f->buffer, sizeof f->buffer, "hal", 3));
    akma_at_parser_clear(&f->parser);
    assert_null(memmem(f->buffer, sizeof f->buffer, "hal", 3));
}

#define with_parser(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        with_parser(any_mixture_of_line_ends_gives_the_same_lines),
        with_parser(final_results_are_told_apart),
        with_parser(every_split_point_gives_the_same_lines),
        with_parser(noise_bytes_are_dropped),
        with_parser(reject_line_that_outgrows_the_buffer_and_go_on),
        with_parser(used_lines_are_overwritten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
