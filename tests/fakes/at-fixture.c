/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fakes/at-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/fakes/fake-card.h"

#define TIMEOUT_MS 600

static void
count(AkmaCard *card G_GNUC_UNUSED, gpointer counter)
{
    ++*(unsigned *)counter;
}

static void
opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    AtFixture *f = user_data;

    f->card = akma_at_card_open_finish(res, &f->error);
    f->done = true;
}

void
at_fixture_open_card(AtFixture *f)
{
    f->done = false;
    akma_at_card_open_async(f->fd, f->device, TIMEOUT_MS, f->is_guess, NULL, opened, f);
    fake_card_run_until(&f->done);
    if (!f->card)
        return;
    f->queue = akma_card_queue_new(f->card);
    g_signal_connect(f->card, "card-changed", G_CALLBACK(count), &f->card_changes);
    g_signal_connect(f->card, "registration-changed", G_CALLBACK(count), &f->registration_changes);
    g_signal_connect(f->card, "gone", G_CALLBACK(count), &f->gone);
}

int
at_fixture_setup(void **state)
{
    static unsigned n;
    AtFixture *f = g_new0(AtFixture, 1);

    f->device = g_strdup_printf("/dev/fake%u", n++); /* what a test leaves is no other one's */
    f->at = fake_at_new(&f->fd);
    fake_at_set_apdu(f->at, "00a4080c047fff5fc0", "9000");
    fake_at_set_apdu(f->at, KEYS, "8020" K_AUSF "9000");
    *state = f;

    return 0;
}

void
at_fixture_run_for(unsigned ms)
{
    /* looks that found nothing, not time: a process that did not get to run has not looked */
    for (unsigned i = 0; i < 2 * ms; i++) {
        while (g_main_context_iteration(NULL, FALSE))
            i = 0;
        g_usleep(500);
    }
}

void
at_fixture_wait_idle(AtFixture *f)
{
    for (int i = 0; i < 120000 && akma_card_queue_get_length(f->queue) > 0; i++) {
        fake_card_settle();
        g_usleep(500);
    }
    assert_int_equal(akma_card_queue_get_length(f->queue), 0);
}

int
at_fixture_teardown(void **state)
{
    AtFixture *f = *state;

    g_clear_object(&f->channel);
    if (f->queue)
        at_fixture_wait_idle(f);
    if (f->card)
        akma_card_close(f->card);
    fake_card_settle();
    g_clear_object(&f->queue);
    g_clear_object(&f->card);
    akma_secret_unref(f->key);
    g_clear_error(&f->error);
    fake_at_free(f->at);
    g_free(f->device);
    g_free(f);

    return 0;
}

void
at_fixture_key_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    AtFixture *f = user_data;

    f->key = akma_usim_read_k_ausf_finish(AKMA_CHANNEL(source), res, &f->error);
    f->done = true;
}

void
at_fixture_channel_opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    AtFixture *f = user_data;

    f->channel = akma_usim_open_finish(AKMA_CARD_QUEUE(source), res, &f->error);
    f->done = true;
}

void
at_fixture_open_channel(AtFixture *f, GCancellable *cancellable)
{
    g_clear_error(&f->error);
    f->done = false;
    akma_usim_open_async(f->queue, cancellable, at_fixture_channel_opened, f);
    fake_card_run_until(&f->done);
}

/* One whole transaction; the key, or f->error. */
void
at_fixture_read_key(AtFixture *f)
{
    g_clear_pointer(&f->key, akma_secret_unref);
    at_fixture_open_channel(f, NULL);
    if (!f->channel)
        return;
    f->done = false;
    akma_usim_read_k_ausf_async(f->channel, NULL, at_fixture_key_read, f);
    fake_card_run_until(&f->done);
    g_clear_object(&f->channel);
    at_fixture_wait_idle(f);
}

void
at_fixture_assert_key(AtFixture *f)
{
    if (f->error)
        fail_msg("%s", f->error->message);
    assert_non_null(f->key);
    assert_int_equal(akma_secret_get_length(f->key), 32);
}

void
at_fixture_assert_error(AtFixture *f, int code)
{
    assert_null(f->key);
    assert_true(g_error_matches(f->error, AKMA_ERROR, code));
}

int
at_fixture_make_heap(void **state G_GNUC_UNUSED)
{
    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}
