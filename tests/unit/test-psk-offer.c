/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/psk-offer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define A_KID "0.x@5gc.mnc001.mcc001.3gppnetwork.org"
#define B_TID "cmFuZA==@bsf.mnc001.mcc001.pub.3gppnetwork.org"

typedef struct {
    uint8_t bytes[70000];
    size_t len;
} Offer;

static void
put_u16(Offer *self, size_t place, size_t value)
{
    self->bytes[place] = (uint8_t)(value >> 8);
    self->bytes[place + 1] = (uint8_t)value;
}

/* Identities, NULL behind the last, and a binder for one. */
static void
make(Offer *ret, const char *const *identities)
{
    ret->len = 2;
    for (size_t i = 0; identities[i]; i++) {
        size_t len = strlen(identities[i]);

        put_u16(ret, ret->len, len);
        memcpy(ret->bytes + ret->len + 2, identities[i], len);
        memset(ret->bytes + ret->len + 2 + len, 0, 4);
        ret->len += 2 + len + 4;
    }
    put_u16(ret, 0, ret->len - 2);
    memset(ret->bytes + ret->len, 0, 35);
    ret->bytes[ret->len + 1] = 33;
    ret->bytes[ret->len + 2] = 32;
    ret->len += 35;
}

static void
assert_found(const Offer *offer, AkmaAnchorKind kind, const char *identity, const char *kid)
{
    AkmaPskIdentity found;

    assert_true(akma_psk_offer_find(offer->bytes, offer->len, &found));
    assert_int_equal(found.kind, kind);
    assert_int_equal(found.len, strlen(identity));
    assert_memory_equal(found.identity, identity, found.len);
    assert_string_equal(found.kid, kid);
}

static void
assert_refused(const void *bytes, size_t len)
{
    /* on the heap, so that a sanitizer sees each byte beyond */
    g_autofree uint8_t *copy = g_memdup2(bytes, len);
    AkmaPskIdentity found = {.len = 77};

    assert_false(akma_psk_offer_find(copy, len, &found));
    assert_int_equal(found.len, 77);
}

static void
assert_one_refused(const char *identity)
{
    const char *const list[] = {identity, NULL};
    static Offer offer;

    make(&offer, list);
    assert_refused(offer.bytes, offer.len);
}

static void
prefix_tells_the_anchor(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *identity;
        const char *kid;
        AkmaAnchorKind kind;
    } rows[] = {
        {"3GPP-AKMA;" A_KID, A_KID, AKMA_ANCHOR_KIND_AKMA},
        /*= TS 33.535 B.1.3.2.2: the prefix is 3GPP-AKMA; no separator is named */
        {"3GPP-AKMA" A_KID, A_KID, AKMA_ANCHOR_KIND_AKMA},
        {"3GPP-bootstrapping;" B_TID, B_TID, AKMA_ANCHOR_KIND_GBA},
    };
    static Offer offer;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *const list[] = {rows[i].identity, NULL};

        make(&offer, list);
        assert_found(&offer, rows[i].kind, rows[i].identity, rows[i].kid);
    }
}

static void
first_that_can_be_one_counts(void **state G_GNUC_UNUSED)
{
    static const char *const list[] = {
        "ticket", "3GPP-AKMA;", "3GPP-bootstrapping;" B_TID, "3GPP-AKMA;" A_KID, NULL};
    static Offer offer;

    /*= RFC 8446 4.2.11: each identity is an opaque with a length of 2 octets, and 4 octets of age
     */
    make(&offer, list);

    assert_found(&offer, AKMA_ANCHOR_KIND_GBA, list[2], B_TID);
}

static void
longest_kid_is_found_and_reject_a_longer_one(void **state G_GNUC_UNUSED)
{
    char identity[400];
    const char *const list[] = {identity, NULL};
    static Offer offer;

    for (size_t len = 253; len <= 300; len++) {
        g_autofree char *kid = g_strnfill(len, 'a');

        kid[len - 2] = '@';
        for (unsigned i = 0; i < 2; i++) {
            g_snprintf(
                identity, sizeof identity, "%s%s", i ? "3GPP-AKMA;" : "3GPP-bootstrapping;", kid);
            make(&offer, list);
            if (len == 253)
                assert_found(
                    &offer, i ? AKMA_ANCHOR_KIND_AKMA : AKMA_ANCHOR_KIND_GBA, identity, kid);
            else
                assert_refused(offer.bytes, offer.len);
        }
    }
}

static void
reject_identity_of_other_form(void **state G_GNUC_UNUSED)
{
    static const char *const identities[] = {
        "x",
        A_KID,
        "3GPP-AKMA",
        "3GPP-AKMA;",
        "3GPP-AKMA;x",
        "3GPP-AKMA;@x",
        "3GPP-AKMA;x@",
        "3GPP-AKMA;x@y@z",
        "3GPP-AKMA; x@y",
        "3GPP-AKMA;x@\xc3\xa4",
        "3gpp-akma;" A_KID,
        "3GPP-bootstrapping" B_TID,
        " 3GPP-AKMA;" A_KID,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(identities); i++)
        assert_one_refused(identities[i]);
}

static void
reject_oversized_identity(void **state G_GNUC_UNUSED)
{
    g_autofree char *realm = g_strnfill(60000, 'a');
    g_autofree char *identity = g_strconcat("3GPP-AKMA;a@", realm, NULL);

    assert_one_refused(identity);
}

static void
reject_identity_with_a_nul(void **state G_GNUC_UNUSED)
{
    static const char *const list[] = {"3GPP-AKMA;" A_KID "#", NULL};
    static Offer offer;

    make(&offer, list);
    *(uint8_t *)memchr(offer.bytes, '#', offer.len) = '\0';

    assert_refused(offer.bytes, offer.len);
}

static void
reject_truncated_offer(void **state G_GNUC_UNUSED)
{
    static const char *const list[] = {"3GPP-AKMA;" A_KID, NULL};
    size_t whole = 2 + 2 + strlen(list[0]) + 4;
    static Offer offer;

    make(&offer, list);

    for (size_t len = 0; len < whole; len++)
        assert_refused(offer.bytes, len);
}

static void
reject_lengths_that_do_not_fit(void **state G_GNUC_UNUSED)
{
    static const char *const list[] = {"3GPP-AKMA;" A_KID, NULL};
    size_t right = strlen(list[0]);
    static Offer offer;

    for (size_t len = 0; len < 70; len++) {
        make(&offer, list);
        put_u16(&offer, 2, len);
        if (len != right && len != 0)
            put_u16(&offer, 0, 2 + right + 4);
        if (len > right || len == 0)
            assert_refused(offer.bytes, offer.len);
    }
    make(&offer, list);
    put_u16(&offer, 0, 0xffff);
    assert_refused(offer.bytes, offer.len);
}

static void
reject_empty_identity_before_a_good_one(void **state G_GNUC_UNUSED)
{
    static const char *const list[] = {"", "3GPP-AKMA;" A_KID, NULL};
    static Offer offer;

    make(&offer, list);

    assert_refused(offer.bytes, offer.len);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefix_tells_the_anchor),
        cmocka_unit_test(first_that_can_be_one_counts),
        cmocka_unit_test(longest_kid_is_found_and_reject_a_longer_one),
        cmocka_unit_test(reject_identity_of_other_form),
        cmocka_unit_test(reject_oversized_identity),
        cmocka_unit_test(reject_identity_with_a_nul),
        cmocka_unit_test(reject_truncated_offer),
        cmocka_unit_test(reject_lengths_that_do_not_fit),
        cmocka_unit_test(reject_empty_identity_before_a_good_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
