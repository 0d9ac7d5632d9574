/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/af-id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/fakes/vectors.h"

/*= TS 33.535 A.4: AF_ID = FQDN of the AF || Ua* security protocol identifier */
static void
af_id_of_the_protocol(void **state)
{
    json_t *root = test_vectors_load("protocol-vectors.json");
    uint8_t expected[21];
    g_autofree char *wire = NULL;
    g_autofree char *fqdn = NULL;
    AkmaAfId id;

    (void)state;
    test_vectors_hex(root, "akma.af_id", expected, sizeof expected);
    assert_true(akma_af_id_init(&id, "Keys.Example.COM.", AKMA_UA_MESSAGE, NULL));
    wire = akma_af_id_dup_wire(&id);
    fqdn = akma_af_id_dup_fqdn(&id);

    assert_int_equal(id.len, sizeof expected);
    assert_memory_equal(id.bytes, expected, sizeof expected);
    assert_string_equal(wire, test_vectors_string(root, "af_id_on_the_wire"));
    assert_string_equal(fqdn, "keys.example.com");
    json_decref(root);
}

/*= TS 33.220 H.3: 01 is 3GPP with the protocols it lists, FF is for local use */
static void
each_profile_has_its_identifier(void **state)
{
    static const char *const wires[] = {
        [AKMA_UA_MESSAGE] = "a.bff00000001",
        [AKMA_UA_PSK] = "a.b0100000007",
        [AKMA_UA_DIGEST] = "a.b0100000002",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(wires); i++) {
        g_autofree char *wire = NULL;
        AkmaAfId id;

        assert_true(akma_af_id_init(&id, "a.b", (AkmaUaProfile)i, NULL));
        wire = akma_af_id_dup_wire(&id);
        assert_string_equal(wire, wires[i]);
    }
}

static void
wire_form_is_read_in_either_case(void **state)
{
    g_autofree char *wire = NULL;
    AkmaAfId id;

    (void)state;
    assert_true(akma_af_id_parse_wire("KEYS.example.comFF0000000A", &id, NULL));
    wire = akma_af_id_dup_wire(&id);

    assert_string_equal(wire, "keys.example.comff0000000a");
}

static void
reject_host_names_that_are_none(void **state)
{
    g_autofree char *label = g_strnfill(64, 'a');
    g_autofree char *label63 = g_strnfill(63, 'a');
    g_autofree char *name = g_strjoin(".", label63, label63, label63, label63, NULL);
    const char *bad[] = {"",
                         ".",
                         "..",
                         "a..b",
                         ".a",
                         "a b",
                         "a_b",
                         "a:8443",
                         "[::1]",
                         "k\xc3\xa4se.example",
                         label,
                         name};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        AkmaAfId id = {.len = 7};

        assert_false(akma_af_id_init(&id, bad[i], AKMA_UA_MESSAGE, &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT));
        assert_int_equal(id.len, 7);
    }
}

static void
longest_host_name_fits(void **state)
{
    g_autofree char *label = g_strnfill(63, 'a');
    g_autofree char *last = g_strnfill(61, 'b');
    g_autofree char *name = g_strjoin(".", label, label, label, last, NULL);
    AkmaAfId id;

    (void)state;
    assert_int_equal(strlen(name), AKMA_FQDN_MAX);
    assert_true(akma_af_id_init(&id, name, AKMA_UA_PSK, NULL));

    assert_int_equal(id.len, sizeof id.bytes);
}

static void
reject_wire_form_without_identifier(void **state)
{
    static const char *const bad[] = {"",
                                      "ff00000001",
                                      "keys.example.com",
                                      "keys.example.comff0000000",
                                      "keys.example.comff0000000g",
                                      "keys.example.com ff00000001",
                                      ".ff00000001"};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        AkmaAfId id;

        assert_false(akma_af_id_parse_wire(bad[i], &id, &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(af_id_of_the_protocol),
        cmocka_unit_test(each_profile_has_its_identifier),
        cmocka_unit_test(wire_form_is_read_in_either_case),
        cmocka_unit_test(reject_host_names_that_are_none),
        cmocka_unit_test(longest_host_name_fits),
        cmocka_unit_test(reject_wire_form_without_identifier),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
