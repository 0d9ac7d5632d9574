/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vhci: the simulated modem in a USB socket of this machine: on the kernel's virtual controller,
 * vhci-hcd, whose drivers then make /dev/cdc-wdm* and /dev/ttyUSB* of it.
 */
#pragma once

#include "modem/simulator/usb-model.h"

G_BEGIN_DECLS

#define AKMA_SOFT_VHCI_FOLDER "/sys/devices/platform/vhci_hcd.0"

typedef struct _AkmaSoftVhci AkmaSoftVhci;

/*
 * Plugs it in; it goes and comes back with the plug of the modem. All arguments are borrowed and
 * must outlive it. @folder: of the controller. Errors: AKMA_ERROR_INVALID_ARGUMENT (no controller,
 * no free socket, not allowed), AKMA_ERROR_INTERNAL (no memory).
 */
AkmaSoftVhci *akma_soft_vhci_new(AkmaSoftModem *modem,
                                 const AkmaSoftUsbModel *model,
                                 const AkmaSoftDialect *dialect,
                                 const char *folder,
                                 GError **error);
void akma_soft_vhci_free(AkmaSoftVhci *self); /* unplugs; NULL is fine */

/* Functions of it that programs have open. */
unsigned akma_soft_vhci_count_clients(const AkmaSoftVhci *self);

/* The first free socket for a high speed device in the text of "status"; -1: none. */
int akma_soft_vhci_find_socket(const char *status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftVhci, akma_soft_vhci_free)

G_END_DECLS
