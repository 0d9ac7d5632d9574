/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * registration: the phone in the simulated modem: 5G AKA with a core over
 * Nausf_UEAuthentication (TS 29.509), and what it leaves on the card.
 */
#pragma once

#include "modem/simulator/modem.h"

G_BEGIN_DECLS

typedef struct _AkmaSoftRegistration AkmaSoftRegistration;

/* @error NULL: registered. */
typedef void (*AkmaSoftRegistrationDone)(const GError *error, void *user_data);

/*
 * @core_url: http:// or https://; @ca_file may be NULL: the system's store. It registers
 * whenever the modem has a card that is ready and its radio is on, and tries again with
 * back-off. @modem must outlive it and is not to say anything once it is freed.
 */
AkmaSoftRegistration *akma_soft_registration_new(AkmaSoftModem *modem,
                                                 const char *core_url,
                                                 const char *ca_file);
void akma_soft_registration_free(AkmaSoftRegistration *self); /* NULL is fine */

/* Begins, if it can. @settled is called each time nothing is left to do without help. */
void akma_soft_registration_start(AkmaSoftRegistration *self,
                                  void (*settled)(void *user_data),
                                  void *user_data);

/* Registers anew, at once; @done is called exactly once, with what the first attempt gave. */
void akma_soft_registration_run(AkmaSoftRegistration *self,
                                AkmaSoftRegistrationDone done,
                                void *user_data);

/* Leaves the network until the next akma_soft_registration_run() or change of the card. */
void akma_soft_registration_leave(AkmaSoftRegistration *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftRegistration, akma_soft_registration_free)

G_END_DECLS
