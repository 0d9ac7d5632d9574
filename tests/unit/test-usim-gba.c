/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/usim-gba.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/fakes/fake-card.h"

/* TS 35.208 set 1 */
#define RAND_HEX "23553cbe9637a89d218ae64dae47bf35"
#define AUTN_HEX "55f328b43577b9b94a9ffac354dfafb3"
#define RES_HEX  "a54211d5e3ba50bf"
#define AUTS_HEX "451e8beca43b0102030405060708"
#define KEY_HEX  "a16697ed7e9cae860733ba0e146dd6b0b8e6af597e54764604bd5be59ea19df9"

#define BOOTSTRAP "0088008423dd10" RAND_HEX "10" AUTN_HEX "00"
/* n.example || FF00000001, 1@ims.example */
#define DERIVE "008800841ede0e6e2e6578616d706c65ff000000010d3140696d732e6578616d706c6500"
#define SELECT "00a40804047fff6fd600"
#define READ   "00b0000011"
#define UPDATE                                                                                     \
    "00d60000"                                                                                     \
    "30"                                                                                           \
    "10" RAND_HEX "0963407a2e746573742e"                                                           \
    "14323033302d30312d30315430303a30303a30305a"

static const uint8_t challenge_rand[16] = {
    0x23, 0x55, 0x3c, 0xbe, 0x96, 0x37, 0xa8, 0x9d, 0x21, 0x8a, 0xe6, 0x4d, 0xae, 0x47, 0xbf, 0x35};
static const uint8_t challenge_autn[16] = {
    0x55, 0xf3, 0x28, 0xb4, 0x35, 0x77, 0xb9, 0xb9, 0x4a, 0x9f, 0xfa, 0xc3, 0x54, 0xdf, 0xaf, 0xb3};
static const uint8_t naf_id[] = {'n', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0xff, 0, 0, 0, 1};

typedef struct {
    FakeCard *card;
    AkmaCardQueue *queue;
    AkmaChannel *channel;
    AkmaAkaResult aka;
    AkmaSecret *key;
    bool ok;
    bool done;
    GError *error;
} Fixture;

static void
opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->channel = akma_usim_open_finish(AKMA_CARD_QUEUE(source), res, &f->error);
    f->done = true;
}

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    f->card = fake_card_new();
    f->queue = akma_card_queue_new(AKMA_CARD(f->card));
    akma_usim_open_async(f->queue, NULL, opened, f);
    fake_card_run_until(&f->done);
    assert_non_null(f->channel);
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    g_clear_object(&f->channel);
    fake_card_settle();
    g_clear_object(&f->queue);
    g_clear_object(&f->card);
    akma_aka_result_clear(&f->aka);
    akma_secret_unref(f->key);
    g_clear_error(&f->error);
    g_free(f);

    return 0;
}

static void
bootstrapped(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->ok = akma_usim_gba_bootstrap_finish(AKMA_CHANNEL(source), res, &f->aka, &f->error);
    f->done = true;
}

static void
bootstrap(Fixture *f, GCancellable *cancellable)
{
    f->done = false;
    akma_usim_gba_bootstrap_async(
        f->channel, challenge_rand, challenge_autn, cancellable, bootstrapped, f);
    fake_card_run_until(&f->done);
}

static void
derived(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->key = akma_usim_gba_derive_finish(AKMA_CHANNEL(source), res, &f->error);
    f->done = true;
}

static void
derive(Fixture *f, const char *impi)
{
    f->done = false;
    akma_usim_gba_derive_async(f->channel, naf_id, sizeof naf_id, impi, NULL, derived, f);
    fake_card_run_until(&f->done);
}

static void
written(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->ok = akma_usim_write_gbabp_finish(AKMA_CHANNEL(source), res, &f->error);
    f->done = true;
}

static void
write_gbabp(Fixture *f, const char *b_tid)
{
    f->done = false;
    akma_usim_write_gbabp_async(
        f->channel, challenge_rand, b_tid, "2030-01-01T00:00:00Z", NULL, written, f);
    fake_card_run_until(&f->done);
}

static void
checked(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->ok = akma_usim_check_gbabp_finish(AKMA_CHANNEL(source), res, &f->error);
    f->done = true;
}

static void
check_gbabp(Fixture *f)
{
    f->done = false;
    akma_usim_check_gbabp_async(f->channel, challenge_rand, NULL, checked, f);
    fake_card_run_until(&f->done);
}

static void
assert_fails(Fixture *f, AkmaError code)
{
    assert_true(g_error_matches(f->error, AKMA_ERROR, (int)code));
}

/*= TS 31.102 7.1.2: AUTHENTICATE, P2 84, data DD 10 RAND 10 AUTN */
/*= TS 31.102 7.1.2: bootstrapping answers DB RES or DC AUTS, nothing behind it */
static void
bootstrapping_gives_res_and_no_keys(void **state)
{
    static const uint8_t res[] = {0xa5, 0x42, 0x11, 0xd5, 0xe3, 0xba, 0x50, 0xbf};
    static const uint8_t none[16];
    Fixture *f = *state;

    fake_card_set(f->card, BOOTSTRAP, "db08" RES_HEX "9000");
    bootstrap(f, NULL);

    assert_true(f->ok);
    assert_int_equal(f->aka.outcome, AKMA_AKA_OK);
    assert_int_equal(f->aka.res_len, sizeof res);
    assert_memory_equal(f->aka.res, res, sizeof res);
    assert_memory_equal(f->aka.ck.bytes, none, sizeof none);
    assert_memory_equal(f->aka.ik.bytes, none, sizeof none);
}

static void
answer_may_come_in_two_parts(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, BOOTSTRAP, "610a");
    fake_card_set(f->card, "00c000000a", "db08" RES_HEX "9000");
    bootstrap(f, NULL);

    assert_true(f->ok);
}

static void
sync_failure_is_an_outcome(void **state)
{
    static const uint8_t auts[] = {0x45, 0x1e, 0x8b, 0xec, 0xa4, 0x3b, 1, 2, 3, 4, 5, 6, 7, 8};
    Fixture *f = *state;

    fake_card_set(f->card, BOOTSTRAP, "dc0e" AUTS_HEX "9000");
    bootstrap(f, NULL);

    assert_true(f->ok);
    assert_int_equal(f->aka.outcome, AKMA_AKA_SYNC_FAILURE);
    assert_memory_equal(f->aka.auts, auts, sizeof auts);
}

static void
reject_an_autn_that_the_card_refuses(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, BOOTSTRAP, "9862");
    bootstrap(f, NULL);

    assert_false(f->ok);
    assert_fails(f, AKMA_ERROR_ANCHOR_REJECTED);
}

static void
reject_a_broken_answer_to_bootstrapping(void **state)
{
    static const char *const answers[] = {
        "9000",                               /* nothing */
        "db9000",                             /* cut short */
        "db08a54211d5e3ba509000",             /* one byte less */
        "db08" RES_HEX "009000",              /* one byte more */
        "db03a542119000",                     /* RES of 3 */
        "db11" RAND_HEX "009000",             /* RES of 17 */
        "dc0d451e8beca43b010203040506079000", /* AUTS of 13 */
        "dc0e451e8beca43b010203040506079000",
        "dd08" RES_HEX "9000",
        "db08" RES_HEX "10" RAND_HEX "10" RAND_HEX "9000", /* that is the 3G context */
    };
    Fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_clear_error(&f->error);
        fake_card_set(f->card, BOOTSTRAP, answers[i]);
        bootstrap(f, NULL);
        assert_false(f->ok);
        assert_fails(f, AKMA_ERROR_MODEM_FAILED);
    }
}

static void
cancelled_before_it_began_asks_nothing(void **state)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Fixture *f = *state;
    unsigned before = fake_card_count_commands(f->card);

    g_cancellable_cancel(cancellable);
    bootstrap(f, cancellable);

    assert_false(f->ok);
    assert_true(g_error_matches(f->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    assert_int_equal(fake_card_count_commands(f->card), before);
}

/*= TS 31.102 7.1.2: AUTHENTICATE, P2 84, data DE L NAF_ID L IMPI */
/*= TS 31.102 7.1.2: NAF derivation answers DB Ks_ext_NAF */
static void
derivation_gives_ks_ext_naf(void **state)
{
    Fixture *f = *state;
    const uint8_t *bytes;
    size_t len;

    fake_card_set(f->card, DERIVE, "db20" KEY_HEX "9000");
    derive(f, "1@ims.example");

    assert_null(f->error);
    bytes = akma_secret_peek(f->key, &len);
    assert_int_equal(len, 32);
    assert_int_equal(bytes[0], 0xa1);
    assert_int_equal(bytes[31], 0xf9);
}

static void
reject_a_broken_ks_ext_naf(void **state)
{
    static const char *const answers[] = {
        "db10" RAND_HEX "9000", "db20" KEY_HEX "009000", "dc20" KEY_HEX "9000", "9000", "db209000"};
    Fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_clear_error(&f->error);
        fake_card_set(f->card, DERIVE, answers[i]);
        derive(f, "1@ims.example");
        assert_null(f->key);
        assert_fails(f, AKMA_ERROR_MODEM_FAILED);
    }
}

static void
reject_a_derivation_without_bootstrapping(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, DERIVE, "6985");
    derive(f, "1@ims.example");

    assert_null(f->key);
    assert_fails(f, AKMA_ERROR_MODEM_FAILED);
}

static void
reject_names_that_do_not_fit_into_a_command(void **state)
{
    Fixture *f = *state;
    g_autofree char *impi = g_strnfill(255 - 3 - sizeof naf_id + 1, 'i');
    unsigned before = fake_card_count_commands(f->card);

    derive(f, impi);

    assert_null(f->key);
    assert_fails(f, AKMA_ERROR_ANCHOR_UNSUPPORTED);
    assert_int_equal(fake_card_count_commands(f->card), before);
}

/*= TS 31.102 4.2.79: L RAND, L B-TID, L key lifetime */
/*= TS 31.102 4.2.79: EF_GBABP 6FD6, without short identifier */
/*= TS 33.220 G.1: the ME stores B-TID and key lifetime in the UICC */
/*= TS 102 221 11.1.4: UPDATE BINARY of the selected file, P1 P2 is the offset */
static void
gbabp_gets_rand_b_tid_and_lifetime(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, SELECT, "620c8202412183026fd6800201009000");
    fake_card_set(f->card, UPDATE, "9000");
    write_gbabp(f, "c@z.test.");

    assert_null(f->error);
    assert_true(f->ok);
}

static void
a_long_b_tid_is_written_in_two_pieces(void **state)
{
    Fixture *f = *state;
    g_autofree char *b_tid = g_strnfill(255, 'b');
    g_autoptr(GString) first = g_string_new("00d60000ff10" RAND_HEX "ff");
    g_autoptr(GString) second = g_string_new("00d600ff27");

    /* 17 + 1 + 237 = 255; then 18 of the B-TID, 1 + 20 of the lifetime */
    for (unsigned i = 0; i < 255; i++)
        g_string_append(i < 237 ? first : second, "62");
    g_string_append(second, "14323033302d30312d30315430303a30303a30305a");
    fake_card_set(f->card, SELECT, "620c8202412183026fd6800202009000");
    fake_card_set(f->card, first->str, "9000");
    fake_card_set(f->card, second->str, "9000");
    write_gbabp(f, b_tid);

    assert_null(f->error);
    assert_true(f->ok);
}

static void
reject_a_gbabp_that_is_too_small(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, SELECT, "620c8202412183026fd6800200209000");
    write_gbabp(f, "c@z.test.");

    assert_false(f->ok);
    assert_fails(f, AKMA_ERROR_ANCHOR_UNSUPPORTED);
}

static void
reject_a_gbabp_that_may_not_be_written(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, SELECT, "620c8202412183026fd6800201009000");
    fake_card_set(f->card, UPDATE, "6982");
    write_gbabp(f, "c@z.test.");

    assert_false(f->ok);
    assert_fails(f, AKMA_ERROR_PIN_REQUIRED);
}

static void
reject_a_card_without_gbabp(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, SELECT, "6a82");
    write_gbabp(f, "c@z.test.");

    assert_false(f->ok);
    assert_fails(f, AKMA_ERROR_ANCHOR_UNSUPPORTED);
}

static void
own_bootstrapping_is_known_by_its_rand(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, "00a4080c047fff6fd6", "9000");
    fake_card_set(f->card, READ, "10" RAND_HEX "9000");
    check_gbabp(f);

    assert_null(f->error);
    assert_true(f->ok);
}

static void
reject_the_bootstrapping_of_somebody_else(void **state)
{
    static const char *const files[] = {"10" AUTN_HEX "9000",
                                        "ffffffffffffffffffffffffffffffffff9000",
                                        "0f" RAND_HEX "9000",
                                        "109000"};
    Fixture *f = *state;

    fake_card_set(f->card, "00a4080c047fff6fd6", "9000");
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        fake_card_set(f->card, READ, files[i]);
        check_gbabp(f);
        assert_null(f->error);
        assert_false(f->ok);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bootstrapping_gives_res_and_no_keys),
        TEST(answer_may_come_in_two_parts),
        TEST(sync_failure_is_an_outcome),
        TEST(reject_an_autn_that_the_card_refuses),
        TEST(reject_a_broken_answer_to_bootstrapping),
        TEST(cancelled_before_it_began_asks_nothing),
        TEST(derivation_gives_ks_ext_naf),
        TEST(reject_a_broken_ks_ext_naf),
        TEST(reject_a_derivation_without_bootstrapping),
        TEST(reject_names_that_do_not_fit_into_a_command),
        TEST(gbabp_gets_rand_b_tid_and_lifetime),
        TEST(a_long_b_tid_is_written_in_two_pieces),
        TEST(reject_a_gbabp_that_is_too_small),
        TEST(reject_a_gbabp_that_may_not_be_written),
        TEST(reject_a_card_without_gbabp),
        TEST(own_bootstrapping_is_known_by_its_rand),
        TEST(reject_the_bootstrapping_of_somebody_else),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests_name("usim-gba", tests, NULL, NULL);
}
