/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-private: what the files of this folder share. */
#pragma once

#include "modem/at/answer.h"
#include "modem/at/at-card.h"
#include "modem/at/leftover.h"

G_BEGIN_DECLS

/* How this modem gives a channel; found at the first one. */
typedef enum {
    AKMA_AT_WAY_UNKNOWN,
    AKMA_AT_WAY_CCHO, /* +CCHO, +CGLA, +CCHC */
    AKMA_AT_WAY_CSIM, /* +CSIM with MANAGE CHANNEL, or the basic channel */
} AkmaAtWay;

/* Sessions that we opened with MANAGE CHANNEL: the channel number above this. */
#define AKMA_AT_CSIM_SESSION 0x100000

#define AKMA_AT_SYSTEMS 3 /* 5GS, EPS, and what was before */

struct _AkmaAtCard {
    GObject parent;
    AkmaAtPort *port;
    unsigned timeout_ms;
    char *manufacturer;
    char *model;
    bool lacks_registration[AKMA_AT_SYSTEMS];
    bool lacks_cpinr;
    AkmaAtWay way;
    AkmaAtLeftovers *leftovers;
    unsigned opening;    /* ours, among them */
    bool is_number_late; /* the answer to a MANAGE CHANNEL did not come in time, and may yet */
    /* The last session of +CCHO. One that the modem cannot close is used again for its AID. */
    int session;    /* -1: there was none */
    int given_back; /* closed as the one that a lost answer of +CCHO may have named; -1: none */
    uint8_t session_aid[AKMA_AID_MAX];
    size_t session_aid_len;
    bool is_kept;
};

/* The commands that ask how a system is registered, best first. */
extern const char *const akma_at_systems[AKMA_AT_SYSTEMS];

/* The modem said by itself that the card went, came or changed: it is to be looked at again. */
void akma_at_card_take_news(AkmaAtCard *self);

/*
 * One command with what happens to its answer; repeated while the card is busy. @take may be NULL.
 * @done gets an AKMA_ERROR, or NULL and @ok/@code as AkmaAtDone. @task stays with the caller.
 */
void akma_at_card_send(
    AkmaAtCard *self, const char *command, AkmaAtTake take, AkmaAtDone done, gpointer user_data);

/* What +CME ERROR @code means: AKMA_ERROR_NO_SIM and the like, else AKMA_ERROR_MODEM_FAILED. */
GError *akma_at_card_error_new(const char *what, int code);

/* The contract's calls, in at-channel.c. */
void akma_at_card_open_channel(AkmaCard *card,
                               const uint8_t *aid,
                               size_t aid_len,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
void akma_at_card_transmit(AkmaCard *card,
                           int channel,
                           const AkmaCommand *command,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
void akma_at_card_close_channel(AkmaCard *card,
                                int channel,
                                GAsyncReadyCallback callback,
                                gpointer user_data);

/* All but the basic channel. */
bool akma_at_card_channel_ends_with_card(AkmaCard *card, int channel);

/* In at-late.c. */

/* A session was opened for somebody who does not wait any more: gives it back. */
void akma_at_card_close_late(AkmaAtCard *self, int session);
/* The answer of +CCHO did not come. */
void akma_at_card_close_lost(AkmaAtCard *self);
/* A line that nobody waits for any more: the answer that names a channel? It is given back. */
void akma_at_card_take_late_channel(AkmaAtCard *self, const char *line);

/* In leftover-free.c: closes what is left; @done is called when that is over, whatever came of it.
 */
typedef void (*AkmaAtFreed)(gpointer user_data);
void akma_at_card_free_leftovers(AkmaAtCard *self, AkmaAtFreed done, gpointer user_data);

/* In at-pin.c. */
void akma_at_card_verify_pin(AkmaCard *card,
                             AkmaSecret *pin,
                             GAsyncReadyCallback callback,
                             gpointer user_data);

/* In at-query.c. */
void akma_at_card_query(AkmaCard *card, GAsyncReadyCallback callback, gpointer user_data);

G_END_DECLS
