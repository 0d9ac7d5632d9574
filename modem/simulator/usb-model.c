/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/usb-model.h"

#include "modem/simulator/at.h"
#include "modem/simulator/mbim.h"
#include "modem/simulator/qmi-link.h"

/* USB 2.0 table 9-5, CDC 1.2 table 11 */
#define DEVICE        1
#define CONFIGURATION 2
#define INTERFACE     4
#define ENDPOINT      5
#define ASSOCIATION   11
#define CS_INTERFACE  0x24

#define IN        0x80
#define BULK      2
#define INTERRUPT 3

#define U16(value) (uint8_t)((value)&0xff), (uint8_t)((value) >> 8)

#define CONFIGURATION_LEN 9
#define ENDPOINT_LEN      7

#define HEAD(len, interfaces)                                                                      \
    CONFIGURATION_LEN, CONFIGURATION, U16(len), (interfaces), AKMA_SOFT_USB_CONFIGURATION, 0,      \
        0xc0 /* powered by itself */, 0
/* The class is that of the vendor, which the drivers know by number, if it is 0xff. */
#define FACE_OF(number, alternate, endpoints, class, subclass, protocol)                           \
    9, INTERFACE, (number), (alternate), (endpoints), (class), (subclass), (protocol), 0
#define BULK_IN(number)  ENDPOINT_LEN, ENDPOINT, IN | (number), BULK, U16(512), 0
#define BULK_OUT(number) ENDPOINT_LEN, ENDPOINT, (number), BULK, U16(512), 0
#define NOTIFY(number)   ENDPOINT_LEN, ENDPOINT, IN | (number), INTERRUPT, U16(16), 5
#define SERIAL(number)                                                                             \
    FACE_OF(number, 0, 2, 0xff, 0, 0), BULK_IN((number) + 1), BULK_OUT((number) + 1)

#define SERIAL_LEN (9 + 2 * ENDPOINT_LEN)

/*
 * MBIM 1.0 clause 6: a communication interface with its functional descriptors, and a data
 * interface that is silent in its setting 0. Nothing that needs the class NCM but what MBIM asks.
 * Beside it commands on a serial line, CDC PSTN 1.2.
 */
#define MBIM_LEN (8 + 9 + 5 + 5 + 12 + ENDPOINT_LEN + 9 + 9 + 2 * ENDPOINT_LEN)
#define ACM_LEN  (8 + 9 + 5 + 4 + 5 + ENDPOINT_LEN + 9 + 2 * ENDPOINT_LEN)

/* Two interfaces from @first on are one function. */
#define FUNCTION(first, class, subclass, protocol)                                                 \
    8, ASSOCIATION, (first), 2, (class), (subclass), (protocol), 0
#define CDC_1_2              5, CS_INTERFACE, 0x00, U16(0x0120)
#define UNION(control, data) 5, CS_INTERFACE, 0x06, (control), (data)
#define ACM_WITH_LINE_CODING 4, CS_INTERFACE, 0x02, 0x02
/* MBIM 1.0; 16 filters of 128 bytes, segments of 2048, no capabilities */
#define MBIM_WITH(message_size)                                                                    \
    12, CS_INTERFACE, 0x1b, U16(0x0100), U16(message_size), 16, 128, U16(2048), 0

static const uint8_t mbim_configuration[] = {
    HEAD(CONFIGURATION_LEN + MBIM_LEN + ACM_LEN, 4),
    FUNCTION(0, 0x02, 0x0e, 0),
    FACE_OF(0, 0, 1, 0x02, 0x0e, 0),
    CDC_1_2,
    UNION(0, 1),
    MBIM_WITH(AKMA_SOFT_USB_CONTROL_MESSAGE),
    NOTIFY(1),
    FACE_OF(1, 0, 0, 0x0a, 0, 2),
    FACE_OF(1, 1, 2, 0x0a, 0, 2),
    BULK_IN(2),
    BULK_OUT(2),
    FUNCTION(2, 0x02, 0x02, 0x01),
    FACE_OF(2, 0, 1, 0x02, 0x02, 0x01),
    CDC_1_2,
    ACM_WITH_LINE_CODING,
    UNION(2, 3),
    NOTIFY(4),
    FACE_OF(3, 0, 2, 0x0a, 0, 0),
    BULK_IN(3),
    BULK_OUT(3),
};

G_STATIC_ASSERT(sizeof mbim_configuration == CONFIGURATION_LEN + MBIM_LEN + ACM_LEN);

/*
 * As SIM7600 and its like: diagnosis, position, commands, commands of who dials, sound; then QMI
 * with the network behind it. The kernel's tables know interface 5.
 */
#define QMI_LEN (CONFIGURATION_LEN + 5 * SERIAL_LEN + 9 + 3 * ENDPOINT_LEN)

static const uint8_t qmi_configuration[] = {
    HEAD(QMI_LEN, 6),
    SERIAL(0),
    SERIAL(1),
    SERIAL(2),
    SERIAL(3),
    SERIAL(4),
    FACE_OF(5, 0, 3, 0xff, 0xff, 0xff),
    NOTIFY(7),
    BULK_IN(6),
    BULK_OUT(6),
};

G_STATIC_ASSERT(sizeof qmi_configuration == QMI_LEN);

static const char *const strings[] = {AKMA_SOFT_MANUFACTURER, AKMA_SOFT_MODEL, AKMA_SOFT_IMEI};

/* USB 2.0, 64 bytes on endpoint 0, release 1.0, strings 1 to 3, one configuration */
#define DEVICE_OF(class, subclass, protocol, vendor, product)                                      \
    {                                                                                              \
        18, DEVICE, U16(0x0200), (class), (subclass), (protocol), 64, U16(vendor), U16(product),   \
            U16(0x0100), 1, 2, 3, 1                                                                \
    }

static const AkmaSoftUsbModel models[] = {
    {
        .name = "mbim",
        .device = DEVICE_OF(0xef, 2, 1, 0x1209, 0x0001), /* for tests, says pid.codes */
        .strings = strings,
        .configuration = mbim_configuration,
        .configuration_len = sizeof mbim_configuration,
        .n_functions = 2,
        .functions =
            {
                {.interface = 0, .face = &akma_soft_mbim_face, .notify = 1},
                {.interface = 2, .face = &akma_soft_at_face, .in = 3, .out = 3},
            },
    },
    {
        .name = "qmi",
        .device = DEVICE_OF(0, 0, 0, 0x1e0e, 0x9001),
        .strings = strings,
        .configuration = qmi_configuration,
        .configuration_len = sizeof qmi_configuration,
        .n_functions = 3,
        .functions =
            {
                {.interface = 2, .face = &akma_soft_at_face, .in = 3, .out = 3},
                {.interface = 3, .face = &akma_soft_at_face, .in = 4, .out = 4},
                {.interface = 5, .face = &akma_soft_qmi_face, .notify = 7},
            },
    },
};

const AkmaSoftUsbModel *
akma_soft_usb_model_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(models); i++) {
        if (g_str_equal(models[i].name, name))
            return &models[i];
    }

    return NULL;
}
