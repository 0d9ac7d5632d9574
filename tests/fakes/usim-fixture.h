/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* usim-fixture: a modem with a fake card for AKMA, and the questions that tests ask it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "anchor/akma-usim.h"
#include "anchor/services.h"
#include "base/error.h"
#include "modem/modem-card.h"
#include "tests/fakes/fake-card.h"

#define KEYS  "00b0850022"
#define IMSI  "00b0870009"
#define UST   "00b0840010"
#define AD    "00b0830004"
#define RID   "00b08a0004"
#define OTHER "0809101000000000209000" /* 001010000000002 */

static const AkmaAkmaUsimConfig defaults = {AKMA_A_KID_DOT_BASE64URL, "", NULL};

typedef struct {
    FakeCard *card;
    AkmaModem *modem;
    bool done;
    AkmaAnchor *anchor;
    GStrv services;
    GError *error;
    unsigned changes;
} Fixture;

static inline void
opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->modem = akma_modem_open_finish(res, &f->error);
    f->done = true;
}

static inline void
anchor_read(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->anchor = akma_akma_usim_read_finish(res, &f->error);
    f->done = true;
}

static inline void
probed(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->services = akma_anchor_services_finish(res, &f->error);
    f->done = true;
}

static inline void
count_change(AkmaModem *modem G_GNUC_UNUSED, gpointer user_data)
{
    ((Fixture *)user_data)->changes++;
}

static inline int
setup(void **state)
{
    static const uint8_t key[32] = {1};
    g_autoptr(AkmaSecret) sim_id_key = akma_secret_new(key, sizeof key, NULL);
    const AkmaModemConfig config = {
        "/dev/fake", "auto", 1, AKMA_PROXY_AUTO, NULL, 1000, sim_id_key, false};
    Fixture *f = g_new0(Fixture, 1);

    f->card = fake_card_new();
    fake_card_set_akma(f->card);
    akma_modem_open_card_async(AKMA_CARD(f->card), &config, NULL, opened, f);
    fake_card_run_until(&f->done);
    assert_null(f->error);
    fake_card_settle();
    g_signal_connect(f->modem, "changed", G_CALLBACK(count_change), f);
    f->done = false;
    *state = f;

    return 0;
}

static inline int
teardown(void **state)
{
    Fixture *f = *state;

    fake_card_settle();
    assert_int_equal(fake_card_count_open(f->card), 0);
    if (f->modem)
        akma_modem_close(f->modem);
    g_clear_object(&f->modem);
    g_clear_object(&f->card);
    akma_anchor_unref(f->anchor);
    g_strfreev(f->services);
    g_clear_error(&f->error);
    g_free(f);

    return 0;
}

static inline void
read_anchor(Fixture *f, const AkmaAkmaUsimConfig *config)
{
    g_clear_pointer(&f->anchor, akma_anchor_unref);
    g_clear_error(&f->error);
    f->done = false;
    akma_akma_usim_read_async(f->modem, config, NULL, anchor_read, f);
    fake_card_run_until(&f->done);
}

static inline void
assert_fails(Fixture *f, int code, const char *words)
{
    assert_null(f->anchor);
    assert_true(g_error_matches(f->error, AKMA_ERROR, code));
    assert_non_null(strstr(f->error->message, words));
    assert_null(strstr(f->error->message, "00101")); /* no identity in an error */
}
