/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verbs: what the control socket can ask for: one line in, one line out. */
#pragma once

#include "modem/simulator/modem.h"
#include "modem/simulator/port.h"
#include "modem/simulator/qmi-socket.h"
#include "modem/simulator/registration.h"
#include "modem/simulator/vhci.h"

G_BEGIN_DECLS

#define AKMA_SOFT_CONTROL_LINE_MAX 1024

/* What a verb may touch. All borrowed; @ports to @registration may be NULL. */
typedef struct {
    AkmaSoftModem *modem;
    GPtrArray *ports; /* of AkmaSoftPort */
    AkmaSoftQmiSocket *qmi_socket;
    AkmaSoftVhci *vhci;
    AkmaSoftRegistration *registration;
    const char *card_file;
} AkmaSoftDesk;

/* @reply: "ok ..." or "error ...", without end of line; wiped after the call. */
typedef void (*AkmaSoftVerbDone)(const char *reply, void *user_data);

/* Runs @line; @done is called once, perhaps before this returns. */
void akma_soft_verbs_run(const AkmaSoftDesk *desk,
                         const char *line,
                         AkmaSoftVerbDone done,
                         void *user_data);

/* Another card for the one in the slot, or for none. Errors: AKMA_ERROR_CONFIG_INVALID. */
bool akma_soft_desk_change_card(const AkmaSoftDesk *desk, const char *file, GError **error);

G_END_DECLS
