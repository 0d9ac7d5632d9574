/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usb-model: what USB modem the simulated one looks like: descriptors, and a face for each
 * function.
 */
#pragma once

#include "modem/simulator/face.h"

G_BEGIN_DECLS

#define AKMA_SOFT_USB_CONFIGURATION   1 /* its number */
#define AKMA_SOFT_USB_FUNCTIONS_MAX   8
#define AKMA_SOFT_USB_CONTROL_MESSAGE 4096 /* wMaxControlMessage; qmi_wwan takes the same */

/* A function that speaks. Endpoint numbers are without the bit of the direction; 0: none. */
typedef struct {
    uint8_t interface;
    const AkmaSoftFace *face;
    /* CDC WDM 1.1: messages over endpoint 0, told of on an interrupt endpoint */
    uint8_t notify;
    /* a serial line: bulk in, bulk out */
    uint8_t in;
    uint8_t out;
} AkmaSoftUsbFunction;

typedef struct {
    const char *name; /* "mbim" */
    uint8_t device[18];
    const char *const *strings; /* manufacturer, product, serial number: 1 to 3 */
    const uint8_t *configuration;
    size_t configuration_len;
    size_t n_functions;
    AkmaSoftUsbFunction functions[AKMA_SOFT_USB_FUNCTIONS_MAX];
} AkmaSoftUsbModel;

/* NULL: none of that name. */
const AkmaSoftUsbModel *akma_soft_usb_model_find(const char *name);

G_END_DECLS
