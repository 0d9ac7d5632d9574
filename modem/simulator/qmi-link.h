/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * qmi-link: a stream of QMUX frames of one user of the QMI face: cut into frames, answered,
 * late and damaged where the delay and the faults want it. Knows no descriptor.
 */
#pragma once

#include "modem/simulator/face.h"
#include "modem/simulator/qmi.h"

G_BEGIN_DECLS

typedef struct _AkmaSoftQmiLink AkmaSoftQmiLink;

/* @qmi must outlive it. @proxy: a client as qmi-proxy has them. NULL: no memory. */
AkmaSoftQmiLink *akma_soft_qmi_link_new(
    AkmaSoftQmi *qmi, AkmaSoftModem *modem, bool proxy, const AkmaSoftPeer *peer, void *user_data);
void akma_soft_qmi_link_free(AkmaSoftQmiLink *self); /* releases its client ids; NULL is fine */

/* Takes all of it: what is no frame is passed over. */
void akma_soft_qmi_link_feed(AkmaSoftQmiLink *self, const uint8_t *bytes, size_t len);
/* The half frame that was fed and the answers that are late are forgotten. */
void akma_soft_qmi_link_forget(AkmaSoftQmiLink *self);

/* A pty with it: one user, whose client ids stay when a program goes and another comes. */
extern const AkmaSoftFace akma_soft_qmi_face;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftQmiLink, akma_soft_qmi_link_free)

G_END_DECLS
