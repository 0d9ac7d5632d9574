/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* usb-host: the virtual controller of a host, at the other end of the socket of a USB device. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "modem/simulator/usb-link.h"
#include "tests/fakes/soft-card.h"

/* The host, its socket and the device behind it. */
typedef struct {
    AkmaSoftModem *modem;
    AkmaSoftUsbDevice *device;
    AkmaSoftUsbLink *link;
    int host;
    int device_end;
    uint32_t seqnum;
    char *ended; /* why the link ended; NULL: it has not */
    unsigned hangups;
} Rig;

typedef struct {
    uint32_t command;
    uint32_t seqnum;
    int32_t status;
    uint32_t len; /* as the device says it */
    uint8_t data[4096];
} Answer;

static inline void
on_ended(uint32_t seqnum, int32_t status, const uint8_t *data, size_t len, void *user_data)
{
    Rig *rig = user_data;

    akma_soft_usb_link_send(rig->link, seqnum, status, data, len);
}

static inline void
on_hangup(void *user_data)
{
    ((Rig *)user_data)->hangups++;
}

static inline void
on_link_ended(const char *message, void *user_data)
{
    Rig *rig = user_data;

    rig->ended = g_strdup(message);
    g_clear_pointer(&rig->link, akma_soft_usb_link_free);
}

static inline Rig *
rig_new(const char *model)
{
    static const AkmaSoftUsbWire wire = {on_ended, on_hangup};
    Rig *rig = g_new0(Rig, 1);
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    rig->host = ends[0];
    rig->device_end = ends[1];
    rig->modem = akma_soft_modem_new(soft_card_new());
    rig->device = akma_soft_usb_device_new(
        rig->modem, akma_soft_usb_model_find(model), akma_soft_dialect_find("plain"), &wire, rig);
    assert_non_null(rig->device);
    rig->link = akma_soft_usb_link_new(ends[1], rig->device, on_link_ended, rig);
    assert_non_null(rig->link);

    return rig;
}

static inline void
rig_free(Rig *rig)
{
    akma_soft_usb_link_free(rig->link);
    akma_soft_usb_device_free(rig->device);
    akma_soft_modem_free(rig->modem);
    if (rig->host >= 0)
        close(rig->host);
    close(rig->device_end);
    g_free(rig->ended);
    g_free(rig);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)

static inline void
turn(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static inline void
store(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint32_t
load(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static inline void
host_write(Rig *rig, const void *bytes, size_t len)
{
    assert_int_equal(send(rig->host, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    turn();
}

/* Wants a transfer; returns its seqnum. @setup: hex of 8 bytes, or NULL. @data: to the device. */
static inline uint32_t
submit(Rig *rig, unsigned endpoint, bool in, const char *setup, const void *data, size_t len)
{
    uint8_t message[48 + 4096] = {0};
    uint8_t *at = message + 40;

    store(message, 1);
    store(message + 4, ++rig->seqnum);
    store(message + 8, 0x00010002);
    store(message + 12, in ? 1 : 0);
    store(message + 16, endpoint);
    store(message + 24, (uint32_t)len);
    for (; setup && *setup; setup += 2)
        *at++ = (uint8_t)(g_ascii_xdigit_value(setup[0]) << 4 | g_ascii_xdigit_value(setup[1]));
    if (!in && len > 0)
        memcpy(message + 48, data, len);
    host_write(rig, message, 48 + (in ? 0 : len));

    return rig->seqnum;
}

static inline void
unlink_transfer(Rig *rig, uint32_t seqnum)
{
    uint8_t message[48] = {0};

    store(message, 2);
    store(message + 4, ++rig->seqnum);
    store(message + 20, seqnum);
    host_write(rig, message, sizeof message);
}

/* The next message of the device; @in: its data follow. False: there is none. */
static inline bool
receive(Rig *rig, bool in, Answer *ret)
{
    uint8_t header[48];

    if (recv(rig->host, header, sizeof header, MSG_DONTWAIT) != (ssize_t)sizeof header)
        return false;
    *ret = (Answer){
        .command = load(header),
        .seqnum = load(header + 4),
        .status = (int32_t)load(header + 20),
        .len = load(header + 24),
    };
    if (in && ret->command == 3 && ret->len > 0)
        assert_int_equal(recv(rig->host, ret->data, ret->len, MSG_DONTWAIT), (ssize_t)ret->len);

    return true;
}

/* A request on endpoint 0, and its answer. */
static inline Answer
control_in(Rig *rig, const char *setup, size_t len)
{
    Answer answer;
    uint32_t seqnum = submit(rig, 0, true, setup, NULL, len);

    assert_true(receive(rig, true, &answer));
    assert_int_equal(answer.command, 3);
    assert_int_equal(answer.seqnum, seqnum);

    return answer;
}

static inline Answer
control_out(Rig *rig, const char *setup, const void *data, size_t len)
{
    Answer answer;
    uint32_t seqnum = submit(rig, 0, false, setup, data, len);

    assert_true(receive(rig, false, &answer));
    assert_int_equal(answer.command, 3);
    assert_int_equal(answer.seqnum, seqnum);

    return answer;
}
