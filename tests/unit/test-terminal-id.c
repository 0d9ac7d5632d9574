/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/terminal-id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keyserver/pseudonym.h"
#include "tests/fakes/vectors.h"

static void
check_scope(const char *scope, const char *expected)
{
    json_t *root = test_vectors_load("protocol-vectors.json");
    const char *operator= test_vectors_string(root, "terminal_id.operator");
    const char *identity = test_vectors_string(root, "terminal_id.identity");
    g_autoptr(AkmaSecret) id_key = NULL;
    g_autofree char *id = NULL;
    uint8_t key[32];

    test_vectors_hex(root, "terminal_id.id_key", key, sizeof key);
    id_key = akma_secret_new(key, sizeof key, NULL);
    id = akma_terminal_id_new(id_key, scope, operator, identity, strlen(identity), NULL);

    assert_string_equal(id, expected);
    json_decref(root);
}

/* protocol-vectors.json, terminal_id: computed with Python's hmac by protocol_vectors.py */
static void
terminal_id_of_the_own_store(void **state)
{
    (void)state;
    check_scope("", "BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg4");
}

static void
terminal_id_towards_a_provider_is_another_one(void **state)
{
    (void)state;
    check_scope("provider.example.net", "_qpEzbvEtDTfHNHIq4Qct3IMhK9m3jeZppaoN_OJn8A");
}

static void
each_provider_has_a_pseudonym_of_its_own(void **state)
{
    static const char *const providers[] = {"other", "provider.example.net", NULL};
    static const char *const none[] = {NULL};
    json_t *root = test_vectors_load("protocol-vectors.json");
    const char *operator= test_vectors_string(root, "terminal_id.operator");
    const char *identity = test_vectors_string(root, "terminal_id.identity");
    g_autoptr(AkmaPseudonyms) pseudonyms = NULL;
    g_autoptr(AkmaPseudonyms) nobody = NULL;
    g_autoptr(AkmaSecret) id_key = NULL;
    uint8_t key[32];

    (void)state;
    test_vectors_hex(root, "terminal_id.id_key", key, sizeof key);
    id_key = akma_secret_new(key, sizeof key, NULL);
    pseudonyms = akma_pseudonyms_new(id_key, providers, operator, identity, strlen(identity), NULL);
    nobody = akma_pseudonyms_new(id_key, none, operator, identity, strlen(identity), NULL);

    assert_string_equal(akma_pseudonyms_get(pseudonyms, "provider.example.net"),
                        "_qpEzbvEtDTfHNHIq4Qct3IMhK9m3jeZppaoN_OJn8A");
    assert_string_not_equal(akma_pseudonyms_get(pseudonyms, "other"),
                            akma_pseudonyms_get(pseudonyms, "provider.example.net"));
    assert_null(akma_pseudonyms_get(pseudonyms, "provider"));
    assert_null(akma_pseudonyms_get(pseudonyms, ""));
    assert_null(akma_pseudonyms_get(nobody, "other"));
    assert_null(akma_pseudonyms_get(NULL, "other"));
    json_decref(root);
}

static void
identities_are_of_the_kind_of_the_store(void **state)
{
    static const struct {
        const char *text;
        bool supi;
        bool gpsi;
    } rows[] = {
        {"imsi-001010000000001", true, false},
        {"imsi-00101", true, false},
        {"imsi-0010", false, false},
        {"imsi-0010100000000012", false, false},
        {"imsi-00101000000000a", false, false},
        {"imsi-", false, false},
        {"IMSI-001010000000001", false, false},
        {"001010000000001", false, false},
        {"nai-user@example.com", false, false},
        {"msisdn-491700000000", false, true},
        {"msisdn-+491700000", false, false},
        {"extid-device@example.com", false, true},
        {"extid-device", false, false},
        {"extid-@example.com", false, false},
        {"extid-a@b@c", false, false},
        {"", false, false},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t len = strlen(rows[i].text);

        assert_int_equal(akma_identity_is_valid(AKMA_IDENTITY_SUPI, rows[i].text, len),
                         rows[i].supi);
        assert_int_equal(akma_identity_is_valid(AKMA_IDENTITY_GPSI, rows[i].text, len),
                         rows[i].gpsi);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terminal_id_of_the_own_store),
        cmocka_unit_test(terminal_id_towards_a_provider_is_another_one),
        cmocka_unit_test(each_provider_has_a_pseudonym_of_its_own),
        cmocka_unit_test(identities_are_of_the_kind_of_the_store),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests(tests, NULL, NULL);
}
