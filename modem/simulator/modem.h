/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * modem: the simulated modem behind its faces: the card slot, the registration, the faults.
 *
 * Faces and the registration listen to its events; the control socket changes it. A face adds
 * itself beside the others: nothing here knows what a face speaks.
 */
#pragma once

#include "modem/simulator/fault.h"
#include "modem/simulator/uicc.h"

G_BEGIN_DECLS

#define AKMA_SOFT_MANUFACTURER "akmad"
#define AKMA_SOFT_MODEL        "Simulated modem"
#define AKMA_SOFT_IMEI         "001010123456780" /* type allocation code of test equipment */

typedef struct _AkmaSoftModem AkmaSoftModem;

/* The values are <stat> of TS 27.007 +C5GREG. */
typedef enum {
    AKMA_SOFT_REGISTRATION_IDLE = 0,
    AKMA_SOFT_REGISTRATION_HOME = 1,
    AKMA_SOFT_REGISTRATION_SEARCHING = 2,
    AKMA_SOFT_REGISTRATION_DENIED = 3,
    AKMA_SOFT_REGISTRATION_ROAMING = 5,
} AkmaSoftRegistrationState;

typedef enum {
    AKMA_SOFT_SIM_ABSENT,
    AKMA_SOFT_SIM_PIN, /* waits for the PIN */
    AKMA_SOFT_SIM_PUK, /* the PIN is blocked */
    AKMA_SOFT_SIM_READY,
} AkmaSoftSimState;

typedef enum {
    AKMA_SOFT_EVENT_SIM,          /* its state is another one, or it is another card */
    AKMA_SOFT_EVENT_REGISTRATION, /* it is another state */
    AKMA_SOFT_EVENT_RADIO,        /* switched on or off */
    AKMA_SOFT_EVENT_PLUG,         /* the ports are to go, or to come back */
    AKMA_SOFT_EVENT_UNSOLICITED,  /* @text is to be said unasked */
} AkmaSoftEvent;

typedef void (*AkmaSoftListener)(AkmaSoftEvent event, const char *text, void *user_data);

typedef struct {
    uint64_t lines;    /* commands of the faces that need the card */
    uint64_t commands; /* commands to the card */
    uint64_t bytes_in; /* their bytes, and those of the answers with status words */
    uint64_t bytes_out;
} AkmaSoftCounts;

/* Takes @card, which may be NULL: an empty slot. */
AkmaSoftModem *akma_soft_modem_new(AkmaSoftUicc *card);
void akma_soft_modem_free(AkmaSoftModem *self); /* NULL is fine */

/* Called until the modem is freed. */
void akma_soft_modem_listen(AkmaSoftModem *self, AkmaSoftListener listener, void *user_data);

/* The card in the slot; NULL: none. Borrowed. */
AkmaSoftUicc *akma_soft_modem_get_card(AkmaSoftModem *self);
AkmaSoftSimState akma_soft_modem_get_sim_state(AkmaSoftModem *self);
/* Takes the card out; akma_soft_modem_insert(NULL) puts the same one back. */
void akma_soft_modem_eject(AkmaSoftModem *self);
/* Takes @card. False: there is one in the slot, or there is none to put back. */
bool akma_soft_modem_insert(AkmaSoftModem *self, AkmaSoftUicc *card);
/* After a change of the PIN that did not come through a command to the card. */
void akma_soft_modem_check_sim(AkmaSoftModem *self);

/*
 * A command of a face that needs the card begins: counts it. The result is what to do to the
 * answer, and is changed by the commands to the card that follow.
 */
AkmaSoftFault akma_soft_modem_begin(AkmaSoftModem *self);
/* One command to the card, which must be there. @own: on the modem's own channel. */
void akma_soft_modem_transmit(AkmaSoftModem *self,
                              bool own,
                              const uint8_t *apdu,
                              size_t len,
                              AkmaSoftResponse *ret,
                              AkmaSoftFault *fault);

AkmaSoftRegistrationState akma_soft_modem_get_registration(AkmaSoftModem *self);
void akma_soft_modem_set_registration(AkmaSoftModem *self, AkmaSoftRegistrationState state);
/* Leaves the network: empties EF_5GAUTHKEYS, if there is one. */
void akma_soft_modem_leave(AkmaSoftModem *self);
/* "idle", "home", "searching", "denied", "roaming"; borrowed for ever. */
const char *akma_soft_registration_state_get_name(AkmaSoftRegistrationState state);

bool akma_soft_modem_is_radio_on(AkmaSoftModem *self);
void akma_soft_modem_set_radio(AkmaSoftModem *self, bool on);
bool akma_soft_modem_is_plugged(AkmaSoftModem *self);
void akma_soft_modem_set_plugged(AkmaSoftModem *self, bool plugged);
void akma_soft_modem_say(AkmaSoftModem *self, const char *text);

/* False: too many wait already. */
bool akma_soft_modem_add_fault(AkmaSoftModem *self, const AkmaSoftFault *fault);
unsigned akma_soft_modem_get_delay_ms(AkmaSoftModem *self);
void akma_soft_modem_set_delay_ms(AkmaSoftModem *self, unsigned delay_ms);
AkmaSoftCounts akma_soft_modem_get_counts(AkmaSoftModem *self);
void akma_soft_modem_reset(AkmaSoftModem *self); /* faults, delay, counts */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftModem, akma_soft_modem_free)

G_END_DECLS
