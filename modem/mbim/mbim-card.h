/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * mbim-card: the card contract over MBIM: Microsoft's UICC low-level access, and AKA of the Auth
 * service. Ports: /dev/cdc-wdm*, /dev/wwan*mbim*, a pty.
 *
 * The slot must be the one that the modem uses: another one would be taken away from whoever uses
 * the modem for its network. A modem that does not tell its slot has slot 1.
 */
#pragma once

#include "modem/card.h"
#include "modem/transport.h"

G_BEGIN_DECLS

#define AKMA_TYPE_MBIM_CARD (akma_mbim_card_get_type())
G_DECLARE_FINAL_TYPE(AkmaMbimCard, akma_mbim_card, AKMA, MBIM_CARD, GObject)

G_END_DECLS
