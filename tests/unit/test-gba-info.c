/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/gba-info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

#define B_TID    "AAECAwQFBgcICQoLDA0ODw==@bsf.example"
#define HEAD     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define ROOT     "<BootstrappingInfo xmlns=\"uri:3gpp-gba\">"
#define BTID     "<btid>" B_TID "</btid>"
#define LIFETIME "<lifetime>2030-01-01T00:00:00Z</lifetime>"
#define END      "</BootstrappingInfo>"

static bool
parse(const char *xml, AkmaGbaInfo *ret)
{
    g_autoptr(GError) error = NULL;
    bool ok = akma_gba_info_parse((const uint8_t *)xml, strlen(xml), ret, &error);

    assert_true(ok || g_error_matches(error, AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED));

    return ok;
}

static void
document_gives_b_tid_and_lifetime(void **state G_GNUC_UNUSED)
{
    AkmaGbaInfo info;

    assert_true(parse(HEAD ROOT "\n  " BTID "\n  " LIFETIME "\n" END "\n", &info));
    assert_string_equal(info.b_tid, B_TID);
    assert_string_equal(info.lifetime_text, "2030-01-01T00:00:00Z");
    assert_int_equal(info.lifetime, 1893456000);
    assert_int_equal(info.current_time, 0);
    assert_int_equal(akma_gba_info_get_left_s(&info, 1893455000), 1000);
    assert_int_equal(akma_gba_info_get_left_s(&info, 1893456000), 0);
    assert_int_equal(akma_gba_info_get_left_s(&info, 1893456001), 0);
}

/*= TS 24.109 Annex C: elements and attributes that are not known are ignored */
static void
unknown_elements_and_attributes_are_ignored(void **state G_GNUC_UNUSED)
{
    AkmaGbaInfo info;

    assert_true(parse(ROOT "<x><btid>y</btid>text</x>" BTID LIFETIME
                           "<Extension><other>1</other></Extension>" END,
                      &info));
    assert_string_equal(info.b_tid, B_TID);
    assert_true(parse("<BootstrappingInfo a=\"b\" xmlns=\"uri:3gpp-gba\"><btid z=\"1\">" B_TID
                      "</btid>" LIFETIME END,
                      &info));
}

static void
prefix_of_the_namespace_may_be_any(void **state G_GNUC_UNUSED)
{
    AkmaGbaInfo info;

    assert_true(parse("<g:BootstrappingInfo xmlns:g=\"uri:3gpp-gba\"><g:btid>" B_TID
                      "</g:btid><g:lifetime>2030-01-01T00:00:00.5Z</g:lifetime>"
                      "</g:BootstrappingInfo>",
                      &info));
    assert_string_equal(info.b_tid, B_TID);
}

/*= TS 24.109 C.1: currenttime tells how long the key is good for whatever our own clock says */
static void
clock_of_the_bsf_counts_where_it_tells_it(void **state G_GNUC_UNUSED)
{
    AkmaGbaInfo info;

    assert_true(parse(ROOT BTID LIFETIME
                      "<Extension><currenttime>2029-12-31T23:59:00Z</currenttime></Extension>" END,
                      &info));
    assert_int_equal(info.current_time, 1893455940);
    assert_int_equal(akma_gba_info_get_left_s(&info, 0), 60);
    assert_int_equal(akma_gba_info_get_left_s(&info, INT64_MAX), 60);
}

static void
reject_xml_that_is_not_the_document(void **state G_GNUC_UNUSED)
{
    static const char *const documents[] = {
        "",
        " ",
        "no xml",
        ROOT,
        ROOT BTID LIFETIME,                            /* cut short */
        ROOT BTID LIFETIME END END,                    /* ends twice */
        ROOT BTID LIFETIME END ROOT BTID LIFETIME END, /* two roots */
        ROOT BTID LIFETIME END "<x/>",
        ROOT BTID END,
        ROOT LIFETIME END,
        ROOT BTID BTID LIFETIME END, /* twice */
        ROOT BTID LIFETIME LIFETIME END,
        ROOT "<x>" BTID "</x>" LIFETIME END, /* in another place */
        ROOT "text" BTID LIFETIME END,
        ROOT "<btid>a<b/>@c</btid>" LIFETIME END,
        ROOT "<btid></btid>" LIFETIME END,
        ROOT "<btid>" B_TID " </btid>" LIFETIME END,
        ROOT "<btid>a@b@c</btid>" LIFETIME END,
        ROOT "<btid>abc</btid>" LIFETIME END,
        ROOT "<btid>@bc</btid>" LIFETIME END,
        ROOT "<btid>ab@</btid>" LIFETIME END,
        ROOT BTID "<lifetime>tomorrow</lifetime>" END,
        ROOT BTID "<lifetime></lifetime>" END,
        ROOT BTID LIFETIME "<Extension><currenttime>x</currenttime></Extension>" END,
        "<BootstrappingInfo>" BTID LIFETIME END, /* no namespace, and another one */
        "<BootstrappingInfo xmlns=\"uri:other\">" BTID LIFETIME END,
        "<Other xmlns=\"uri:3gpp-gba\">" BTID LIFETIME "</Other>",
        ROOT "<gba:btid>" B_TID "</gba:btid>" LIFETIME END,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(documents); i++) {
        AkmaGbaInfo info;

        assert_false(parse(documents[i], &info));
    }
}

static void
reject_xml_bombs_and_what_leads_to_them(void **state G_GNUC_UNUSED)
{
    static const char *const documents[] = {
        HEAD "<!DOCTYPE x [<!ENTITY a \"b\">]>" ROOT BTID LIFETIME END,
        HEAD "<!DOCTYPE x SYSTEM \"file:///etc/passwd\">" ROOT BTID LIFETIME END,
        ROOT "<btid>&a;@b</btid>" LIFETIME END,
        ROOT "<btid>a&#64;b</btid>" LIFETIME END,
        ROOT "<btid>a&amp;@b</btid>" LIFETIME END,
        "<?php x?>" ROOT BTID LIFETIME END,
        ROOT "<?php x?>" BTID LIFETIME END,
        ROOT "<![CDATA[x]]>" BTID LIFETIME END,
        ROOT "<!-- x -->" BTID LIFETIME END,
        ROOT "<a><a><a><a><a><a><a><a>" BTID LIFETIME END,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(documents); i++) {
        AkmaGbaInfo info;

        assert_false(parse(documents[i], &info));
    }
}

static void
reject_a_document_that_is_too_long_or_too_deep(void **state G_GNUC_UNUSED)
{
    g_autofree char *space = g_strnfill(AKMA_GBA_INFO_MAX, ' ');
    g_autofree char *too_long = g_strconcat(ROOT BTID LIFETIME, space, END, NULL);
    g_autofree char *b_tid = g_strnfill(260, 'a');
    g_autofree char *long_b_tid = g_strconcat(ROOT "<btid>", b_tid, "@b</btid>" LIFETIME END, NULL);
    g_autoptr(GString) deep = g_string_new(ROOT BTID LIFETIME);
    AkmaGbaInfo info;

    for (unsigned i = 0; i < 8; i++)
        g_string_append(deep, "<a>");
    for (unsigned i = 0; i < 8; i++)
        g_string_append(deep, "</a>");
    g_string_append(deep, END);

    assert_false(parse(too_long, &info));
    assert_false(parse(long_b_tid, &info));
    assert_false(parse(deep->str, &info));
}

static void
reject_bytes_that_are_no_text(void **state G_GNUC_UNUSED)
{
    static const char with_nul[] = ROOT BTID LIFETIME END "\0";
    AkmaGbaInfo info;

    assert_false(akma_gba_info_parse((const uint8_t *)with_nul, sizeof with_nul - 1, &info, NULL));
    assert_false(parse(ROOT "<btid>a\xff@b</btid>" LIFETIME END, &info));
}

/*= TS 24.109 Annex C: lifetime is xs:dateTime in UTC, with a Z at its end */
static void
times_are_read(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *text;
        int64_t time;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T09:15:30Z", 1795425330},
        {"2026-11-23T09:15:30.25Z", 1795425330},
        {"2028-02-29T23:59:59Z", 1835481599},
        {"9999-12-31T23:59:59Z", 253402300799},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t time;

        assert_true(akma_gba_parse_time(rows[i].text, &time));
        assert_int_equal(time, rows[i].time);
    }
}

static void
reject_what_is_not_a_time_in_utc(void **state G_GNUC_UNUSED)
{
    static const char *const texts[] = {
        "",
        "2026-11-23",
        "2026-11-23T09:15:30",
        "2026-11-23T09:15:30+00:00",
        "2026-11-23t09:15:30Z",
        "2026-11-23 09:15:30Z",
        "2026-11-23T09:15:30z",
        "2026-11-23T09:15:30.Z",
        "2026-11-23T09:15:30ZZ",
        " 2026-11-23T09:15:30Z",
        "-2026-11-23T09:15:30Z",
        "+026-11-23T09:15:30Z",
        "02026-11-23T09:15:30Z",
        "2026-1-23T09:15:30Z",
        "2026-13-23T09:15:30Z",
        "2026-02-29T09:15:30Z",
        "2026-11-31T09:15:30Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T09:60:30Z",
        "2026-11-23T09:15:60Z",
        "1969-12-31T23:59:59Z",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        int64_t time;

        assert_false(akma_gba_parse_time(texts[i], &time));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_gives_b_tid_and_lifetime),
        cmocka_unit_test(unknown_elements_and_attributes_are_ignored),
        cmocka_unit_test(prefix_of_the_namespace_may_be_any),
        cmocka_unit_test(clock_of_the_bsf_counts_where_it_tells_it),
        cmocka_unit_test(reject_xml_that_is_not_the_document),
        cmocka_unit_test(reject_xml_bombs_and_what_leads_to_them),
        cmocka_unit_test(reject_a_document_that_is_too_long_or_too_deep),
        cmocka_unit_test(reject_bytes_that_are_no_text),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(reject_what_is_not_a_time_in_utc),
    };

    return cmocka_run_group_tests_name("gba-info", tests, NULL, NULL);
}
