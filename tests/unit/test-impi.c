/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/impi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/*= TS 23.003 13.3: the private identity made from a USIM: digits@ims.mnc<MNC>.mcc<MCC>... */
static void
a_private_identity_of_a_usim_is_its_subscriber(void **state)
{
    static const struct {
        const char *impi;
        const char *identity;
    } rows[] = {
        {"001010123456789@ims.mnc001.mcc001.3gppnetwork.org", "imsi-001010123456789"},
        {"310150123456789@ims.mnc015.mcc310.3gppnetwork.org", "imsi-310150123456789"},
        {"310150123456789@ims.mnc150.mcc310.3gppnetwork.org", "imsi-310150123456789"},
        {"234150999999999@ims.mnc015.mcc234.3gppnetwork.org", "imsi-234150999999999"},
        {"001011@ims.mnc001.mcc001.3gppnetwork.org", "imsi-001011"},
    };
    char identity[AKMA_IMPI_IDENTITY_SIZE];

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_true(akma_impi_to_identity(rows[i].impi, identity));
        assert_string_equal(identity, rows[i].identity);
    }
}

static void
reject_other_private_identities(void **state)
{
    static const char *const bad[] = {
        "",
        "@",
        "001010123456789",
        "001010123456789@",
        "imsi-001010123456789",
        "imsi-001010123456789@ims.mnc001.mcc001.3gppnetwork.org",
        "0001010123456789@ims.mnc001.mcc001.3gppnetwork.org",
        "0010101234567890@ims.mnc001.mcc001.3gppnetwork.org",
        "00101@ims.mnc001.mcc001.3gppnetwork.org",
        "001010123456789@ims.mnc01.mcc001.3gppnetwork.org",
        "001010123456789@ims.mnc0001.mcc001.3gppnetwork.org",
        "001010123456789@ims.mnc001.mcc01.3gppnetwork.org",
        "001010123456789@ims.mnc001.mcc001.3gppnetwork.org.",
        "001010123456789@ims.mnc001.mcc001.3gppnetwork.org.example.com",
        "001010123456789@ims.mnc001.mcc001.3gppnetwork.or",
        "001010123456789@ims.mnc001.mcc001",
        "001010123456789@mnc001.mcc001.3gppnetwork.org",
        "001010123456789@5gc.mnc001.mcc001.3gppnetwork.org",
        "001010123456789@IMS.mnc001.mcc001.3gppnetwork.org",
        "001010123456789@ims.mcc001.mnc001.3gppnetwork.org",
        "001010123456789@@ims.mnc001.mcc001.3gppnetwork.org",
        " 001010123456789@ims.mnc001.mcc001.3gppnetwork.org",
        "001010123456789 @ims.mnc001.mcc001.3gppnetwork.org",
        "00101012345678x@ims.mnc001.mcc001.3gppnetwork.org",
        "alice@example.com",
        "anonymous@ims.mnc001.mcc001.3gppnetwork.org",
    };
    char identity[AKMA_IMPI_IDENTITY_SIZE];

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (akma_impi_to_identity(bad[i], identity))
            fail_msg("taken: %s", bad[i]);
    }
}

static void
reject_digits_of_another_operator(void **state)
{
    static const char *const foreign[] = {
        "001010123456789@ims.mnc001.mcc002.3gppnetwork.org",
        "001010123456789@ims.mnc002.mcc001.3gppnetwork.org",
        "001010123456789@ims.mnc101.mcc001.3gppnetwork.org",
        "310150123456789@ims.mnc115.mcc310.3gppnetwork.org",
        "310150123456789@ims.mnc051.mcc310.3gppnetwork.org",
    };
    char identity[AKMA_IMPI_IDENTITY_SIZE];

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
        if (akma_impi_to_identity(foreign[i], identity))
            fail_msg("taken: %s", foreign[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_private_identity_of_a_usim_is_its_subscriber),
        cmocka_unit_test(reject_other_private_identities),
        cmocka_unit_test(reject_digits_of_another_operator),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
