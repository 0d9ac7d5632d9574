/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* uicc-private: what the files of the soft card share: uicc.c, channels.c, select.c, access.c. */
#pragma once

#include "modem/simulator/authenticate.h"
#include "modem/simulator/gba.h"
#include "modem/simulator/uicc.h"

G_BEGIN_DECLS

#define AKMA_SOFT_CHANNEL_OWN AKMA_SOFT_CHANNELS_MAX

typedef struct {
    bool open;
    AkmaSoftFile *directory;                 /* MF, ADF or DF that is current */
    AkmaSoftFile *application;               /* the ADF that 7FFF means; NULL = none */
    AkmaSoftFile *file;                      /* the EF that is current; NULL = none */
    unsigned record;                         /* current record; 0 = none */
    uint8_t waiting[AKMA_SOFT_RESPONSE_MAX]; /* for GET RESPONSE */
    size_t waiting_len;
} AkmaSoftChannel;

struct _AkmaSoftUicc {
    AkmaSoftProfile *profile;
    AkmaSoftFile *root;
    AkmaSoftPin pin;
    AkmaSoftSqn sqn;
    AkmaSoftGba gba;
    AkmaSoftChannel channels[AKMA_SOFT_CHANNELS_MAX + 1];
    unsigned n_channels;
};

/* A command handler; @ret has no data and AKMA_SOFT_SW_OK. */
typedef void (*AkmaSoftHandler)(AkmaSoftUicc *self,
                                AkmaSoftChannel *channel,
                                const AkmaSoftApdu *apdu,
                                AkmaSoftResponse *ret);

void akma_soft_channel_open(AkmaSoftChannel *self, AkmaSoftFile *root);
void akma_soft_channel_close(AkmaSoftChannel *self);
void akma_soft_channel_manage(AkmaSoftUicc *self,
                              AkmaSoftChannel *channel,
                              const AkmaSoftApdu *apdu,
                              AkmaSoftResponse *ret);
void akma_soft_channel_get_response(AkmaSoftUicc *self,
                                    AkmaSoftChannel *channel,
                                    const AkmaSoftApdu *apdu,
                                    AkmaSoftResponse *ret);

/*
 * Hands the data in @ret over as the answer to a case 4 command: with T=0 it waits for GET
 * RESPONSE, else what Le asks for comes at once and the rest waits.
 */
void akma_soft_channel_deliver(AkmaSoftUicc *self,
                               AkmaSoftChannel *channel,
                               const AkmaSoftApdu *apdu,
                               AkmaSoftResponse *ret);

/*
 * How many of @available bytes a case 2 command gets. False: @ret says 6Cxx.
 * @exact: fewer than there are is wrong too.
 */
bool akma_soft_channel_agree_length(const AkmaSoftUicc *self,
                                    const AkmaSoftApdu *apdu,
                                    size_t available,
                                    bool exact,
                                    size_t *ret_len,
                                    AkmaSoftResponse *ret);

void akma_soft_select(AkmaSoftUicc *self,
                      AkmaSoftChannel *channel,
                      const AkmaSoftApdu *apdu,
                      AkmaSoftResponse *ret);
void akma_soft_status(AkmaSoftUicc *self,
                      AkmaSoftChannel *channel,
                      const AkmaSoftApdu *apdu,
                      AkmaSoftResponse *ret);

/* gba.c: AUTHENTICATE in the GBA context; the card and its PIN are ready. */
void akma_soft_authenticate_gba(AkmaSoftUicc *self,
                                const AkmaSoftApdu *apdu,
                                AkmaSoftResponse *ret);

void akma_soft_read_binary(AkmaSoftUicc *self,
                           AkmaSoftChannel *channel,
                           const AkmaSoftApdu *apdu,
                           AkmaSoftResponse *ret);
void akma_soft_read_record(AkmaSoftUicc *self,
                           AkmaSoftChannel *channel,
                           const AkmaSoftApdu *apdu,
                           AkmaSoftResponse *ret);
void akma_soft_update_binary(AkmaSoftUicc *self,
                             AkmaSoftChannel *channel,
                             const AkmaSoftApdu *apdu,
                             AkmaSoftResponse *ret);
void akma_soft_update_record(AkmaSoftUicc *self,
                             AkmaSoftChannel *channel,
                             const AkmaSoftApdu *apdu,
                             AkmaSoftResponse *ret);

G_END_DECLS
