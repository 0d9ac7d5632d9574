/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usb-control: endpoint 0: USB 2.0 clause 9.4, and what the classes WDM, NCM and MBIM ask for.
 * What a driver of a modem does not ask for is refused.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/usb-private.h"

#define TYPE_MASK    0x60
#define TYPE_CLASS   0x20
#define TO_HOST      0x80
#define TO_INTERFACE 0x01
#define RECIPIENT    0x1f

#define NTB_SIZE_MIN 2048

typedef struct {
    uint8_t type;
    uint8_t request;
    uint16_t value;
    uint16_t index;
    const AkmaSoftUsbTransfer *transfer;
} Setup;

static uint16_t
load(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static void
end(const AkmaSoftUsbDevice *self, const Setup *setup, int32_t status, size_t len)
{
    self->wire.ended(
        setup->transfer->seqnum, status, NULL, setup->transfer->in ? 0 : len, self->user_data);
}

static void
refuse(const AkmaSoftUsbDevice *self, const Setup *setup)
{
    end(self, setup, -EPIPE, 0);
}

/* A request with data to the device, or with none, is done. */
static void
accept(const AkmaSoftUsbDevice *self, const Setup *setup)
{
    end(self, setup, 0, setup->transfer->len);
}

static void
answer(const AkmaSoftUsbDevice *self, const Setup *setup, const uint8_t *bytes, size_t len)
{
    self->wire.ended(
        setup->transfer->seqnum, 0, bytes, MIN(len, setup->transfer->len), self->user_data);
}

/* String 0 says in which languages there are strings: English. They are ASCII. */
static void
answer_string(const AkmaSoftUsbDevice *self, const Setup *setup, unsigned number)
{
    uint8_t bytes[2 + 2 * 126] = {4, 3, 0x09, 0x04};
    const char *text = number > 0 ? self->model->strings[number - 1] : NULL;
    size_t len = text ? strlen(text) : 1;

    if (text) {
        len = MIN(len, (sizeof bytes - 2) / 2);
        for (size_t i = 0; i < len; i++) {
            bytes[2 + 2 * i] = (uint8_t)text[i];
            bytes[3 + 2 * i] = 0;
        }
        bytes[0] = (uint8_t)(2 + 2 * len);
    }
    answer(self, setup, bytes, 2 + 2 * len);
}

static void
get_descriptor(const AkmaSoftUsbDevice *self, const Setup *setup)
{
    const unsigned number = setup->value & 0xff;

    switch (setup->value >> 8) {
    case 1:
        answer(self, setup, self->model->device, sizeof self->model->device);
        break;
    case 2:
        if (number == 0)
            answer(self, setup, self->model->configuration, self->model->configuration_len);
        else
            refuse(self, setup);
        break;
    case 3:
        if (number <= 3)
            answer_string(self, setup, number);
        else
            refuse(self, setup);
        break;
    default: /* a qualifier: there is no other speed */
        refuse(self, setup);
        break;
    }
}

static void
run_standard(AkmaSoftUsbDevice *self, const Setup *setup)
{
    const uint8_t status[] = {(setup->type & RECIPIENT) == 0 ? 1 : 0, 0}; /* powered by itself */
    const bool known = setup->index < G_N_ELEMENTS(self->alternates);

    switch (setup->request) {
    case 0:
        answer(self, setup, status, sizeof status);
        break;
    case 1: /* features to clear and to set: endpoints that halted, power */
    case 3:
        accept(self, setup);
        break;
    case 6:
        get_descriptor(self, setup);
        break;
    case 8:
        answer(self, setup, &self->configuration, 1);
        break;
    case 9:
        if (setup->value > AKMA_SOFT_USB_CONFIGURATION) {
            refuse(self, setup);
            break;
        }
        self->configuration = (uint8_t)setup->value;
        accept(self, setup);
        break;
    case 10:
        if (known)
            answer(self, setup, &self->alternates[setup->index], 1);
        else
            refuse(self, setup);
        break;
    case 11:
        if (!known || setup->value > 1) {
            refuse(self, setup);
            break;
        }
        self->alternates[setup->index] = (uint8_t)setup->value;
        accept(self, setup);
        break;
    default:
        refuse(self, setup);
        break;
    }
}

/* NCM 1.0 clause 6.2.1: 16 bit frames of the network, of which none ever comes. */
static void
get_ntb_parameters(const AkmaSoftUsbDevice *self, const Setup *setup)
{
    static const uint8_t parameters[] = {
        28, 0, 0x01, 0, 0, AKMA_SOFT_USB_NTB_SIZE >> 8, 0, 0, 4, 0, 0, 0,
        4,  0, 0,    0, 0, AKMA_SOFT_USB_NTB_SIZE >> 8, 0, 0, 4, 0, 0, 0,
        4,  0, 0,    0};

    answer(self, setup, parameters, sizeof parameters);
}

static void
run_ntb_size(AkmaSoftUsbDevice *self, const Setup *setup)
{
    const uint8_t size[] = {(uint8_t)self->ntb_size,
                            (uint8_t)(self->ntb_size >> 8),
                            (uint8_t)(self->ntb_size >> 16),
                            0};
    const uint8_t *wanted = setup->transfer->data;
    uint32_t value;

    if (setup->transfer->in) {
        answer(self, setup, size, sizeof size);
        return;
    }
    value = setup->transfer->len == sizeof size
                ? (uint32_t)load(wanted) | (uint32_t)load(wanted + 2) << 16
                : 0;
    if (value < NTB_SIZE_MIN || value > AKMA_SOFT_USB_NTB_SIZE) {
        refuse(self, setup);
        return;
    }
    self->ntb_size = value;
    accept(self, setup);
}

static AkmaSoftUsbPort *
find_port(AkmaSoftUsbDevice *self, const Setup *setup)
{
    for (size_t i = 0; i < self->model->n_functions; i++) {
        if (self->ports[i].facts->interface == setup->index)
            return &self->ports[i];
    }

    return NULL;
}

static void
get_response(AkmaSoftUsbPort *port, const Setup *setup)
{
    uint8_t message[AKMA_SOFT_USB_CONTROL_MESSAGE];
    const size_t room = MIN(sizeof message, setup->transfer->len);
    const size_t len = akma_soft_usb_pipe_read(port->pipe, message, room, true);

    answer(port->owner, setup, message, len);
    OPENSSL_cleanse(message, sizeof message);
}

static void
run_class(AkmaSoftUsbDevice *self, const Setup *setup)
{
    AkmaSoftUsbPort *port = find_port(self, setup);
    const bool messages = port && port->facts->notify;

    switch (setup->type << 8 | setup->request) {
    case 0x2100: /* SEND_ENCAPSULATED_COMMAND */
        if (!messages) {
            refuse(self, setup);
            break;
        }
        accept(self, setup);
        akma_soft_usb_pipe_write(port->pipe, setup->transfer->data, setup->transfer->len);
        break;
    case 0xa101: /* GET_ENCAPSULATED_RESPONSE */
        if (messages)
            get_response(port, setup);
        else
            refuse(self, setup);
        break;
    case 0x2105: /* RESET_FUNCTION of MBIM */
        if (!messages) {
            refuse(self, setup);
            break;
        }
        port->untold = 0;
        akma_soft_usb_pipe_forget(port->pipe);
        accept(self, setup);
        break;
    case 0x2120: /* SET_LINE_CODING: there is no line whose speed it were */
    case 0x2122: /* SET_CONTROL_LINE_STATE: a terminal is there */
        accept(self, setup);
        break;
    case 0xa180:
        get_ntb_parameters(self, setup);
        break;
    case 0xa185:
    case 0x2186:
        run_ntb_size(self, setup);
        break;
    default:
        refuse(self, setup);
        break;
    }
}

void
akma_soft_usb_control(AkmaSoftUsbDevice *self, const AkmaSoftUsbTransfer *transfer)
{
    const Setup setup = {
        .type = transfer->setup[0],
        .request = transfer->setup[1],
        .value = load(transfer->setup + 2),
        .index = load(transfer->setup + 4),
        .transfer = transfer,
    };

    /* the request and the transfer that carries it must agree */
    if (load(transfer->setup + 6) != transfer->len ||
        (transfer->len > 0 && ((setup.type & TO_HOST) != 0) != transfer->in)) {
        refuse(self, &setup);
        return;
    }

    if ((setup.type & TYPE_MASK) == 0)
        run_standard(self, &setup);
    else if ((setup.type & TYPE_MASK) == TYPE_CLASS && (setup.type & RECIPIENT) == TO_INTERFACE)
        run_class(self, &setup);
    else
        refuse(self, &setup);
}
