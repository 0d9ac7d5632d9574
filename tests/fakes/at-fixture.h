/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-fixture: an AT card with a scripted modem behind it, and one whole transaction on it. */
#pragma once

#include "modem/at/at-card.h"
#include "modem/usim.h"
#include "tests/fakes/fake-at.h"

G_BEGIN_DECLS

#define KEYS   "00b0850022"
#define K_AUSF "474698caf02cc715db2ec0726510cfee6caa5bb1a649cb01224f2e23af94de1b"

typedef struct {
    FakeAt *at;
    int fd;
    char *device;
    bool is_guess; /* before at_fixture_open_card() */
    AkmaCard *card;
    AkmaCardQueue *queue;
    AkmaChannel *channel;
    AkmaSecret *key;
    AkmaCardState answer;
    GError *error;
    bool done;
    unsigned card_changes;
    unsigned registration_changes;
    unsigned gone;
} AtFixture;

int at_fixture_setup(void **state);
int at_fixture_teardown(void **state);
int at_fixture_make_heap(void **state);

/* f->card, or f->error. */
void at_fixture_open_card(AtFixture *f);
/* f->channel with the USIM, or f->error. */
void at_fixture_open_channel(AtFixture *f, GCancellable *cancellable);
/* One whole transaction: f->key, or f->error. */
void at_fixture_read_key(AtFixture *f);
void at_fixture_assert_key(AtFixture *f);
void at_fixture_assert_error(AtFixture *f, int code);

void at_fixture_run_for(unsigned ms);
/* Until no channel is open and none waits. */
void at_fixture_wait_idle(AtFixture *f);

/* Callbacks that fill in @user_data, an AtFixture. */
void at_fixture_key_read(GObject *source, GAsyncResult *res, gpointer user_data);
void at_fixture_channel_opened(GObject *source, GAsyncResult *res, gpointer user_data);

G_END_DECLS
