/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/gba-names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/error.h"

static AkmaGbaNames
make(const char *imsi, unsigned mnc_length, const char *url, const char *impi)
{
    AkmaGbaNames names;

    assert_true(akma_gba_names_init(&names, imsi, mnc_length, url, impi, NULL));

    return names;
}

/*= TS 23.003 13.3: IMPI of a USIM is <IMSI>@ims.mnc<MNC>.mcc<MCC>.3gppnetwork.org */
/*= TS 23.003 16.2: the BSF is bsf.mnc<MNC>.mcc<MCC>.pub.3gppnetwork.org */
static void
names_are_made_from_the_imsi(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaGbaNames) two = make("001010123456789", 2, NULL, NULL);
    g_auto(AkmaGbaNames) three = make("310150123456789", 3, NULL, NULL);

    assert_string_equal(two.impi, "001010123456789@ims.mnc001.mcc001.3gppnetwork.org");
    assert_string_equal(two.url, "http://bsf.mnc001.mcc001.pub.3gppnetwork.org/");
    assert_string_equal(two.host, "bsf.mnc001.mcc001.pub.3gppnetwork.org");
    assert_string_equal(three.impi, "310150123456789@ims.mnc150.mcc310.3gppnetwork.org");
    assert_string_equal(three.host, "bsf.mnc150.mcc310.pub.3gppnetwork.org");
}

static void
configuration_comes_first(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaGbaNames) names =
        make("001010123456789", 2, "https://bsf.example.com:8443", "me@example.com");

    assert_string_equal(names.impi, "me@example.com");
    assert_string_equal(names.url, "https://bsf.example.com:8443");
    assert_string_equal(names.host, "bsf.example.com");
}

static void
bsf_at_an_address_is_called_by_its_name_of_the_operator(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaGbaNames) names = make("001010123456789", 2, "http://127.0.0.1:8080", NULL);

    assert_string_equal(names.host, "bsf.mnc001.mcc001.pub.3gppnetwork.org");
}

static void
realm_is_the_bsf_or_its_home_network(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaGbaNames) names = make("001010123456789", 2, "http://bsf.example.com", NULL);

    assert_true(akma_gba_names_allow_realm(&names, "bsf.example.com"));
    assert_true(akma_gba_names_allow_realm(&names, "BSF.example.com"));
    assert_true(akma_gba_names_allow_realm(&names, "bsf.mnc001.mcc001.pub.3gppnetwork.org"));
    assert_true(akma_gba_names_allow_realm(&names, "ims.mnc001.mcc001.3gppnetwork.org"));
}

static void
reject_another_realm(void **state G_GNUC_UNUSED)
{
    static const char *const realms[] = {
        "", "example.com", "xbsf.example.com", "bsf.example.com.evil", "3gppnetwork.org"};
    g_auto(AkmaGbaNames) names = make("001010123456789", 2, "http://bsf.example.com", NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(realms); i++)
        assert_false(akma_gba_names_allow_realm(&names, realms[i]));
}

static void
domain_lists_places_of_this_bsf_only(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaGbaNames) names = make("001010123456789", 2, "http://bsf.example.com", NULL);

    assert_true(akma_gba_names_allow_domain(&names, NULL));
    assert_true(akma_gba_names_allow_domain(&names, ""));
    assert_true(akma_gba_names_allow_domain(&names, "/"));
    assert_true(akma_gba_names_allow_domain(&names, "/a http://bsf.example.com/b"));
    assert_false(akma_gba_names_allow_domain(&names, "http://evil.example/"));
    assert_false(akma_gba_names_allow_domain(&names, "/a http://evil.example"));
    assert_false(akma_gba_names_allow_domain(&names, "//evil.example/"));
    assert_false(akma_gba_names_allow_domain(&names, "a"));
}

static void
reject_an_impi_that_is_none(void **state G_GNUC_UNUSED)
{
    static const char *const impis[] = {
        "", "a", "@b", "a@", "a@b@c", "a b@c", "a\"@b", "a\\@b", "a\n@b", "\xc3\xa4@b"};

    for (size_t i = 0; i < G_N_ELEMENTS(impis); i++) {
        AkmaGbaNames names;
        g_autoptr(GError) error = NULL;

        assert_false(akma_gba_impi_is_valid(impis[i]));
        assert_false(akma_gba_names_init(&names, "001010123456789", 2, NULL, impis[i], &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_made_from_the_imsi),
        cmocka_unit_test(configuration_comes_first),
        cmocka_unit_test(bsf_at_an_address_is_called_by_its_name_of_the_operator),
        cmocka_unit_test(realm_is_the_bsf_or_its_home_network),
        cmocka_unit_test(reject_another_realm),
        cmocka_unit_test(domain_lists_places_of_this_bsf_only),
        cmocka_unit_test(reject_an_impi_that_is_none),
    };

    return cmocka_run_group_tests_name("gba-names", tests, NULL, NULL);
}
