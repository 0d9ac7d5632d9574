/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * qmi: the QMI face of the simulated modem: services CTL, DMS, NAS and UIM.
 *
 * Pure: one request in, one answer out; no I/O, no timer. qmi-link.c carries a stream of
 * frames to it, qmi-port.c a port, qmi-socket.c the clients of a proxy.
 */
#pragma once

#include "modem/simulator/dialect.h"
#include "modem/simulator/modem.h"
#include "modem/simulator/qmi-message.h"

G_BEGIN_DECLS

#define AKMA_SOFT_QMI_CLIENTS_MAX 64

typedef struct _AkmaSoftQmi AkmaSoftQmi;

/* Who asks for client ids, and hears the indications for them. */
typedef struct {
    void (*indicate)(const uint8_t *frame, size_t len, void *user_data);
    void *user_data;
    bool proxy; /* speaks as to qmi-proxy: tells first which device it means */
} AkmaSoftQmiUser;

/* Borrows @modem and @dialect; both must outlive it. NULL: no memory. */
AkmaSoftQmi *akma_soft_qmi_new(AkmaSoftModem *modem, const AkmaSoftDialect *dialect);
void akma_soft_qmi_free(AkmaSoftQmi *self); /* NULL is fine */

/*
 * One frame of @user, which must stay until akma_soft_qmi_leave(). Returns the length of the
 * answer; 0: there is none. *@ret_answer is borrowed until the next call. *@ret_fault is what
 * is to be done to the answer.
 */
size_t akma_soft_qmi_run(AkmaSoftQmi *self,
                         const AkmaSoftQmiUser *user,
                         const uint8_t *frame,
                         size_t len,
                         const uint8_t **ret_answer,
                         AkmaSoftFault *ret_fault);

/* Releases the client ids of @user. */
void akma_soft_qmi_leave(AkmaSoftQmi *self, const AkmaSoftQmiUser *user);
/* As after power on: no client has an id. */
void akma_soft_qmi_restart(AkmaSoftQmi *self);
/*
 * Indications to those that asked for them; whoever listens to the modem calls it. Of what is
 * said unasked every client of UIM hears: an indication that nobody knows, @text in TLV 10.
 */
void akma_soft_qmi_tell(AkmaSoftQmi *self, AkmaSoftEvent event, const char *text);

unsigned akma_soft_qmi_count_clients(const AkmaSoftQmi *self); /* client ids given out */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftQmi, akma_soft_qmi_free)

G_END_DECLS
