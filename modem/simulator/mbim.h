/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * mbim: the MBIM face of the simulated modem (USB-IF MBIM 1.0 with Microsoft's low-level UICC
 * access). A pty has no control transfers: a message that does not go on is dropped in time.
 * What it puts out at once is one control message, unless a fault cuts it short.
 */
#pragma once

#include "modem/simulator/face.h"

G_BEGIN_DECLS

extern const AkmaSoftFace akma_soft_mbim_face;

G_END_DECLS
