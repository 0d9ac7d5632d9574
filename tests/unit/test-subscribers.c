/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/subscribers.h"

#include <glib/gstdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

#define KEYS "k=465b5ce8b199b49faa5f0a2ee238a6bc\nopc=cd63cb71954a9f4e48a5994e37a02baf\n"
#define ONE  "[subscriber 001010123456789]\n" KEYS

static AkmaSubscribers *
load(const char *text, GError **error)
{
    g_autofree char *file = NULL;
    int fd = g_file_open_tmp("akmad-subscribers-XXXXXX", &file, NULL);
    AkmaSubscribers *self;

    assert_true(fd >= 0);
    assert_true(g_close(fd, NULL));
    assert_true(g_file_set_contents(file, text, -1, NULL));
    self = akma_subscribers_load(file, error);
    g_remove(file);

    return self;
}

static void
reads_all_members(void **state)
{
    g_autoptr(AkmaSubscribers) self =
        load("[subscriber 310410123456789]\nmnc-length=3\n" KEYS
             "amf=b9b9\nsqn=ff9bb4d0b607\nrouting-indicator=0123\ngpsi=msisdn-4917\nakma=false\n",
             NULL);
    const AkmaSubscriber *one;

    (void)state;
    assert_non_null(self);
    one = akma_subscribers_find(self, "imsi-310410123456789");
    assert_non_null(one);
    assert_ptr_equal(akma_subscribers_find_gpsi(self, "msisdn-4917"), one);
    assert_string_equal(one->imsi, "310410123456789");
    assert_string_equal(one->mcc, "310");
    assert_string_equal(one->mnc, "410");
    assert_string_equal(one->routing_indicator, "0123");
    assert_int_equal(one->amf[0], 0xb9);
    assert_true(one->sqn == UINT64_C(0xff9bb4d0b607));
    assert_int_equal(one->keys.k.bytes[0], 0x46);
    assert_int_equal(one->keys.opc.bytes[15], 0xaf);
    assert_false(one->akma);
    assert_int_equal(one->gba, AKMA_GBA_ME);
    assert_null(akma_subscribers_find(self, "310410123456789"));
}

static void
has_the_documented_defaults(void **state)
{
    g_autoptr(AkmaSubscribers) self = load(ONE, NULL);
    const AkmaSubscriber *one = akma_subscribers_find(self, "imsi-001010123456789");

    (void)state;
    assert_string_equal(one->mnc, "01");
    assert_string_equal(one->routing_indicator, "0");
    assert_int_equal(one->amf[0], 0x80);
    assert_true(one->sqn == 0);
    assert_true(one->akma);
    assert_null(one->gpsi);
}

static void
op_gives_the_published_opc(void **state)
{
    g_autoptr(AkmaSubscribers) self =
        load("[subscriber 001010123456789]\nk=465b5ce8b199b49faa5f0a2ee238a6bc\n"
             "op=cdc202d5123e20f62b6d676ac72cb318\n",
             NULL);
    g_autoptr(AkmaSubscribers) other = load(ONE, NULL);

    (void)state;
    assert_memory_equal(akma_subscribers_find(self, "imsi-001010123456789")->keys.opc.bytes,
                        akma_subscribers_find(other, "imsi-001010123456789")->keys.opc.bytes,
                        16);
}

/*= TS 33.501 6.1.3.2: the separation bit of AMF is 1 in a vector for 5G AKA */
static void
reject_files_that_are_wrong(void **state)
{
    static const char *const bad[] = {
        "[subscriber 00101]\n" KEYS,
        "[subscriber 0010101234567890]\n" KEYS,
        "[subscriber imsi-001010123456789]\n" KEYS,
        "[subscriber 001010123456789]\nopc=cd63cb71954a9f4e48a5994e37a02baf\n",
        "[subscriber 001010123456789]\nk=465b5ce8b199b49faa5f0a2ee238a6bc\n",
        ONE "op=cdc202d5123e20f62b6d676ac72cb318\n",
        ONE "amf=0000\n",
        ONE "amf=80\n",
        ONE "sqn=0\n",
        ONE "mnc-length=1\n",
        ONE "routing-indicator=12345\n",
        ONE "routing-indicator=F\n",
        ONE "gpsi=4917\n",
        ONE "akma=yes\n",
        ONE "gba=maybe\n",
        ONE "gba=\n",
        ONE "impi=a\n",
        ONE "impi=@b\n",
        ONE "impi=a@\n",
        ONE "impi=a@b@c\n",
        ONE "impi=a\"@b\n",
        ONE "impi=a b@c\n",
        ONE "impi=a@b\n[subscriber 001010123456780]\nimpi=a@b\n" KEYS,
        ONE "gpsi=msisdn-1\n[subscriber 001010123456780]\n" KEYS "gpsi=msisdn-1\n",
        "[nobody]\n",
        "[af bad_name]\n",
        "[af a.b]\nua=ff0000000\n",
        "[client a]\n",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(load(bad[i], &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID));
    }
}

static void
reject_broken_key_without_showing_it(void **state)
{
    g_autoptr(GError) error = NULL;

    (void)state;
    assert_null(load("[subscriber 001010123456789]\nk=465b5ce8b199b49faa5f0a2ee238a6b\n"
                     "opc=cd63cb71954a9f4e48a5994e37a02baf\n",
                     &error));

    assert_non_null(strstr(error->message, "32 hex digits"));
    assert_null(strstr(error->message, "465b"));
}

static bool
allow(const AkmaSubscribers *self, const char *wire)
{
    AkmaAfId id;

    assert_true(akma_af_id_parse_wire(wire, &id, NULL));

    return akma_subscribers_allow_af(self, &id);
}

static void
af_groups_say_who_may_ask(void **state)
{
    g_autoptr(AkmaSubscribers) none = load(ONE, NULL);
    g_autoptr(AkmaSubscribers) some =
        load(ONE "[af Keys.example.com]\nua=FF00000001;0100000007\n[af any.example.com]\n", NULL);

    (void)state;
    assert_true(allow(none, "other.example.comff00000001"));
    assert_true(allow(some, "keys.example.comff00000001"));
    assert_true(allow(some, "keys.example.com0100000007"));
    assert_false(allow(some, "keys.example.com0100000002"));
    assert_true(allow(some, "any.example.com0100000002"));
    assert_false(allow(some, "other.example.comff00000001"));
}

static void
client_groups_say_who_gets_a_token(void **state)
{
    g_autoptr(AkmaSubscribers) none = load(ONE, NULL);
    g_autoptr(AkmaSubscribers) some = load("[client af]\nsecret=right\n", NULL);

    (void)state;
    assert_true(akma_subscribers_know_client(none, "any", "s"));
    assert_false(akma_subscribers_know_client(none, "any", ""));
    assert_true(akma_subscribers_know_client(some, "af", "right"));
    assert_false(akma_subscribers_know_client(some, "af", "rightx"));
    assert_false(akma_subscribers_know_client(some, "af", "wrong"));
    assert_false(akma_subscribers_know_client(some, "fa", "right"));
}

static void
sqn_goes_on_for_the_same_card_only(void **state)
{
    g_autoptr(AkmaSubscribers) old = load(ONE "sqn=000000000100\n", NULL);
    g_autoptr(AkmaSubscribers) same = load(ONE, NULL);
    g_autoptr(AkmaSubscribers) ahead = load(ONE "sqn=000000000200\n", NULL);
    g_autoptr(AkmaSubscribers) other =
        load("[subscriber 001010123456789]\nk=00000000000000000000000000000000\n"
             "opc=cd63cb71954a9f4e48a5994e37a02baf\n",
             NULL);

    (void)state;
    akma_subscribers_take_sqn(same, old);
    akma_subscribers_take_sqn(ahead, old);
    akma_subscribers_take_sqn(other, old);

    assert_true(akma_subscribers_find(same, "imsi-001010123456789")->sqn == 0x100);
    assert_true(akma_subscribers_find(ahead, "imsi-001010123456789")->sqn == 0x200);
    assert_true(akma_subscribers_find(other, "imsi-001010123456789")->sqn == 0);
}

/*= TS 23.003 13.3: without an ISIM the IMPI is <IMSI>@ims.mnc<3>.mcc<3>.3gppnetwork.org */
/*= TS 23.003 16.2: the BSF is bsf.mnc<3>.mcc<3>.pub.3gppnetwork.org */
static void
names_of_gba_come_from_the_imsi(void **state)
{
    g_autoptr(AkmaSubscribers) self = load(
        ONE "gba=u\n[subscriber 310410123456789]\nmnc-length=3\ngba=none\nimpi=a@b\n" KEYS, NULL);
    const AkmaSubscriber *one;

    (void)state;
    assert_non_null(self);
    one = akma_subscribers_find(self, "imsi-001010123456789");
    assert_int_equal(one->gba, AKMA_GBA_U);
    assert_string_equal(one->impi, "001010123456789@ims.mnc001.mcc001.3gppnetwork.org");
    assert_string_equal(one->bsf, "bsf.mnc001.mcc001.pub.3gppnetwork.org");
    assert_ptr_equal(akma_subscribers_find_impi(self, one->impi), one);

    one = akma_subscribers_find_impi(self, "a@b");
    assert_string_equal(one->imsi, "310410123456789");
    assert_int_equal(one->gba, AKMA_GBA_NONE);
    assert_string_equal(one->bsf, "bsf.mnc410.mcc310.pub.3gppnetwork.org");
    assert_null(
        akma_subscribers_find_impi(self, "310410123456789@ims.mnc410.mcc310.3gppnetwork.org"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_members),
        cmocka_unit_test(names_of_gba_come_from_the_imsi),
        cmocka_unit_test(has_the_documented_defaults),
        cmocka_unit_test(op_gives_the_published_opc),
        cmocka_unit_test(reject_files_that_are_wrong),
        cmocka_unit_test(reject_broken_key_without_showing_it),
        cmocka_unit_test(af_groups_say_who_may_ask),
        cmocka_unit_test(client_groups_say_who_gets_a_token),
        cmocka_unit_test(sqn_goes_on_for_the_same_card_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
