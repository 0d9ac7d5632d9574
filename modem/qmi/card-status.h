/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* card-status: what the service UIM tells of cards and slots. Pure. */
#pragma once

#include "modem/card.h"
#include "modem/qmi/tlv.h"

G_BEGIN_DECLS

#define AKMA_QMI_APPS_MAX 8

typedef enum {
    AKMA_QMI_APP_USIM = 2,
} AkmaQmiAppType;

typedef struct {
    uint8_t type; /* AkmaQmiAppType, or another */
    uint8_t state;
    uint8_t aid[AKMA_AID_MAX];
    size_t aid_len;
    bool is_primary; /* the modem registers with it: the primary GW provisioning session */
    bool by_upin;    /* the universal PIN stands for PIN 1 */
    uint8_t pin_state;
    uint8_t pin_tries;
} AkmaQmiApp;

/* One card; compares equal with another as long as nothing happened to it. */
typedef struct {
    bool is_present;
    AkmaQmiApp apps[AKMA_QMI_APPS_MAX]; /* those with an AID of at most AKMA_AID_MAX bytes */
    size_t n_apps;
} AkmaQmiCardStatus;

/* The card in the logical @slot (1..); a slot beyond those listed has none. False: broken. */
bool akma_qmi_parse_card_status(AkmaReader value, unsigned slot, AkmaQmiCardStatus *ret);

bool akma_qmi_card_status_equal(const AkmaQmiCardStatus *a, const AkmaQmiCardStatus *b);

/* The application whose AID begins with @aid; NULL: none. Borrowed. */
const AkmaQmiApp *akma_qmi_card_status_find(const AkmaQmiCardStatus *self,
                                            const uint8_t *aid,
                                            size_t aid_len);

/* The USIM; of a card without one the first application; NULL: none. Borrowed. */
const AkmaQmiApp *akma_qmi_card_status_get_usim(const AkmaQmiCardStatus *self);

/* Card and PIN 1 as that application sees them. */
AkmaSimState akma_qmi_card_status_get_sim(const AkmaQmiCardStatus *self, int *ret_pin_tries);

typedef enum {
    AKMA_QMI_SLOT_OK,
    AKMA_QMI_SLOT_MISSING,
    AKMA_QMI_SLOT_INACTIVE,
    AKMA_QMI_SLOT_BROKEN,
} AkmaQmiSlot;

/* The logical slot that the physical @slot (1..) has now; set for AKMA_QMI_SLOT_OK only. */
AkmaQmiSlot akma_qmi_parse_slot_status(AkmaReader value, unsigned slot, uint8_t *ret_logical);

G_END_DECLS
