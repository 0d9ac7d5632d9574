/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/h1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char head[8192];

/* The status of the answer that @text leads to; 0 = a request, in @ret. */
static unsigned
parse(const char *text, AkmaH1Head *ret)
{
    size_t len = 0;

    if (akma_h1_scan(text, strlen(text), 0, &len) != AKMA_H1_WHOLE)
        return 400;
    assert_int_equal(len, strlen(text));
    assert_true(len < sizeof head);
    memcpy(head, text, len);

    return akma_h1_parse(head, len, ret);
}

static void
assert_status(const char *text, unsigned status)
{
    AkmaH1Head request;

    assert_int_equal(parse(text, &request), status);
}

static void
a_request_is_read(void **state G_GNUC_UNUSED)
{
    AkmaH1Head request;

    assert_int_equal(parse("POST /a/b?c HTTP/1.1\r\n"
                           "Host: bsf.example:8080\r\n"
                           "user-agent:curl/7  \r\n"
                           "Authorization: \t Digest x=\"y\"\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "Content-Encoding: gzip\r\n"
                           "Content-Length: 0012\r\n"
                           "X-Empty:\r\n"
                           "\r\n",
                           &request),
                     0);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.path, "/a/b?c");
    assert_string_equal(request.authority, "bsf.example:8080");
    assert_string_equal(request.user_agent, "curl/7");
    assert_string_equal(request.authorization, "Digest x=\"y\"");
    assert_string_equal(request.content_type, "text/plain; charset=utf-8");
    assert_string_equal(request.content_encoding, "gzip");
    assert_int_equal(request.body_len, 12);
    assert_false(request.close);
}

static void
what_is_not_there_is_null(void **state G_GNUC_UNUSED)
{
    AkmaH1Head request;

    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &request), 0);
    assert_null(request.user_agent);
    assert_null(request.authorization);
    assert_null(request.content_type);
    assert_int_equal(request.body_len, 0);
}

/*= RFC 9112 3.2: origin-form; absolute-form, whose authority counts; "*" for OPTIONS */
static void
the_target_may_have_the_authority(void **state G_GNUC_UNUSED)
{
    AkmaH1Head request;

    assert_int_equal(parse("GET http://b:1/x?y HTTP/1.1\r\nHost: a\r\n\r\n", &request), 0);
    assert_string_equal(request.authority, "b:1");
    assert_string_equal(request.path, "/x?y");
    assert_int_equal(parse("GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n", &request), 0);
    assert_string_equal(request.authority, "b");
    assert_string_equal(request.path, "/");
    assert_int_equal(parse("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", &request), 0);
    assert_string_equal(request.path, "*");
    assert_string_equal(request.authority, "[::1]:80");
}

static void
reject_a_target_that_is_none(void **state G_GNUC_UNUSED)
{
    assert_status("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET http://u@b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET ftp://b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", 400);
}

static void
reject_a_broken_request_line(void **state G_GNUC_UNUSED)
{
    assert_status("GET /\r\nHost: a\r\n\r\n", 400);
    assert_status("GET / \r\nHost: a\r\n\r\n", 400);
    assert_status("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400);
    assert_status("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GETGETGETGETGETGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET / http/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("GET / HTTP/1.11\r\nHost: a\r\n\r\n", 400);
    assert_status("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_status("\r\n\r\n", 400);
}

/*= RFC 9112 2.3: HTTP-version = "HTTP/" DIGIT "." DIGIT */
static void
reject_other_versions(void **state G_GNUC_UNUSED)
{
    assert_status("GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505);
    assert_status("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505);
    assert_status("PRI * HTTP/2.0\r\n\r\n", 400);
    assert_status("OPTIONS * HTTP/2.0\r\n\r\n", 505);
}

/*= RFC 9112 5.1, 5.2: no white space before the colon, no folded line */
static void
reject_a_broken_field(void **state G_GNUC_UNUSED)
{
    assert_status("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost: a\r\n\tX: a\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost: a\r\nX\x80: b\r\n\r\n", 400);
}

/*= RFC 9112 3.2, 6.1, 6.3: one Host; a body of a known length or none */
static void
reject_a_host_that_is_not_one(void **state G_GNUC_UNUSED)
{
    assert_status("GET / HTTP/1.1\r\n\r\n", 400);
    assert_status("GET http://a/ HTTP/1.1\r\nX: a\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400);
}

static void
reject_a_length_that_two_could_read_in_two_ways(void **state G_GNUC_UNUSED)
{
    static const char *const bad[] = {
        "+1", "-1", "1 1", "1,1", "0x1", "", "1.0", "9999999999999999"};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text =
            g_strdup_printf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n", bad[i]);

        assert_status(text, 400);
    }
    assert_status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n",
                  400);
    assert_status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                  "Content-Length: 1\r\n\r\n",
                  400);
    assert_status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                  "Transfer-Encoding: identity\r\n\r\n",
                  400);
}

static void
reject_a_body_without_a_length(void **state G_GNUC_UNUSED)
{
    assert_status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411);
    assert_status("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 411);
}

static void
reject_an_expectation(void **state G_GNUC_UNUSED)
{
    assert_status("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                  "Expect: 100-continue\r\n\r\n",
                  417);
}

static void
reject_a_field_twice_that_may_stand_once(void **state G_GNUC_UNUSED)
{
    assert_status("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nauthorization: b\r\n\r\n", 400);
    assert_status("GET / HTTP/1.1\r\nHost: a\r\nContent-Type: a\r\nContent-Type: a\r\n\r\n", 400);
}

static void
reject_too_many_fields(void **state G_GNUC_UNUSED)
{
    g_autoptr(GString) text = g_string_new("GET / HTTP/1.1\r\nHost: a\r\n");
    AkmaH1Head request;

    for (int i = 1; i < AKMA_H1_FIELDS_MAX; i++)
        g_string_append(text, "X: y\r\n");
    g_string_append(text, "\r\n");
    assert_int_equal(parse(text->str, &request), 0);

    g_string_truncate(text, text->len - 2);
    g_string_append(text, "X: y\r\n\r\n");
    assert_int_equal(parse(text->str, &request), 431);
}

static void
the_client_may_say_that_it_ends(void **state G_GNUC_UNUSED)
{
    AkmaH1Head request;

    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", &request), 0);
    assert_true(request.close);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: te, close\r\n\r\n", &request),
                     0);
    assert_true(request.close);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", &request),
                     0);
    assert_false(request.close);
}

static void
a_head_ends_where_it_ends_however_it_is_cut(void **state G_GNUC_UNUSED)
{
    const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
    size_t end = strlen(text) - 3;

    for (size_t cut = 0; cut < end; cut++) {
        size_t len = 0;

        assert_int_equal(akma_h1_scan(text, cut, 0, &len), AKMA_H1_PART);
        assert_int_equal(akma_h1_scan(text, strlen(text), cut, &len), AKMA_H1_WHOLE);
        assert_int_equal(len, end);
    }
}

/*= RFC 9112 2.2: a line ends with CR LF; a bare CR or LF is invalid here */
static void
reject_other_line_ends_at_once(void **state G_GNUC_UNUSED)
{
    size_t len;

    assert_int_equal(akma_h1_scan("GET / HTTP/1.1\n", 15, 0, &len), AKMA_H1_BROKEN);
    assert_int_equal(akma_h1_scan("GET / HTTP/1.1\rH", 16, 0, &len), AKMA_H1_BROKEN);
    assert_int_equal(akma_h1_scan("GET / HTTP/1.1\rH", 16, 15, &len), AKMA_H1_BROKEN);
    assert_int_equal(akma_h1_scan("GET\0", 4, 0, &len), AKMA_H1_BROKEN);
    assert_int_equal(akma_h1_scan("GET\x7f", 4, 0, &len), AKMA_H1_BROKEN);
    assert_int_equal(akma_h1_scan("\x16\x03\x01\x02", 4, 0, &len), AKMA_H1_BROKEN);
}

static void
an_answer_is_written(void **state G_GNUC_UNUSED)
{
    char buffer[256];
    AkmaWriter writer = akma_writer_init(buffer, sizeof buffer);
    /* the date of RFC 9110 5.6.7 */
    const char *expected = "HTTP/1.1 401 Unauthorized\r\n"
                           "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                           "www-authenticate: Digest\r\n"
                           "\r\n";

    akma_h1_put_status(&writer, 401);
    akma_h1_put_date(&writer, 784111777);
    akma_h1_put_field(&writer, "www-authenticate", "Digest");
    akma_h1_put_end(&writer);
    assert_false(writer.bad);
    assert_int_equal(writer.len, strlen(expected));
    assert_memory_equal(buffer, expected, writer.len);
}

/* also where time_t has 32 bits */
static void
a_date_after_2038_is_written(void **state G_GNUC_UNUSED)
{
    char buffer[256];
    AkmaWriter writer = akma_writer_init(buffer, sizeof buffer);
    /* date -u -d @4294967296 */
    const char *expected = "date: Sun, 07 Feb 2106 06:28:16 GMT\r\n";

    akma_h1_put_date(&writer, INT64_C(4294967296));
    assert_false(writer.bad);
    assert_int_equal(writer.len, strlen(expected));
    assert_memory_equal(buffer, expected, writer.len);
}

static void
reject_a_value_that_would_end_the_line(void **state G_GNUC_UNUSED)
{
    char buffer[256];
    AkmaWriter writer = akma_writer_init(buffer, sizeof buffer);

    akma_h1_put_field(&writer, "x", "a\r\nset-cookie: b");
    assert_true(writer.bad);
    writer = akma_writer_init(buffer, sizeof buffer);
    akma_h1_put_field(&writer, "x: y", "a");
    assert_true(writer.bad);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read),
        cmocka_unit_test(what_is_not_there_is_null),
        cmocka_unit_test(the_target_may_have_the_authority),
        cmocka_unit_test(reject_a_target_that_is_none),
        cmocka_unit_test(reject_a_broken_request_line),
        cmocka_unit_test(reject_other_versions),
        cmocka_unit_test(reject_a_broken_field),
        cmocka_unit_test(reject_a_host_that_is_not_one),
        cmocka_unit_test(reject_a_length_that_two_could_read_in_two_ways),
        cmocka_unit_test(reject_a_body_without_a_length),
        cmocka_unit_test(reject_an_expectation),
        cmocka_unit_test(reject_a_field_twice_that_may_stand_once),
        cmocka_unit_test(reject_too_many_fields),
        cmocka_unit_test(the_client_may_say_that_it_ends),
        cmocka_unit_test(a_head_ends_where_it_ends_however_it_is_cut),
        cmocka_unit_test(reject_other_line_ends_at_once),
        cmocka_unit_test(an_answer_is_written),
        cmocka_unit_test(a_date_after_2038_is_written),
        cmocka_unit_test(reject_a_value_that_would_end_the_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
