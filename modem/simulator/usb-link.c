/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/usb-link.h"

#include <errno.h>
#include <glib-unix.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/wiping.h"

struct _AkmaSoftUsbLink {
    int fd;
    AkmaSoftUsbDevice *device;
    AkmaSoftUsbLinkEnded ended;
    void *user_data;
    guint source;
    guint ending;        /* in an idle: it is in the middle of something */
    const char *message; /* why */
    uint8_t *input;
    size_t input_len;
};

static gboolean
on_ending(gpointer user_data)
{
    AkmaSoftUsbLink *self = user_data;

    self->ending = 0;
    self->ended(self->message, self->user_data);

    return G_SOURCE_REMOVE;
}

static void
end(AkmaSoftUsbLink *self, const char *message)
{
    if (self->ending != 0)
        return;
    g_clear_handle_id(&self->source, g_source_remove);
    self->message = message;
    self->ending = g_idle_add(on_ending, self);
}

/* The kernel reads at once what it asked for; who does not is no kernel. */
static void
send_all(AkmaSoftUsbLink *self, const uint8_t *header, const uint8_t *data, size_t len)
{
    struct iovec parts[] = {
        {(void *)header, AKMA_SOFT_USBIP_HEADER_LEN},
        {(void *)data, data ? len : 0},
    };
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = G_N_ELEMENTS(parts)};
    ssize_t sent;

    if (self->ending != 0)
        return;
    do
        sent = sendmsg(self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent != (ssize_t)(parts[0].iov_len + parts[1].iov_len))
        end(self, "the host does not read");
}

void
akma_soft_usb_link_send(
    AkmaSoftUsbLink *self, uint32_t seqnum, int32_t status, const uint8_t *data, size_t len)
{
    uint8_t header[AKMA_SOFT_USBIP_HEADER_LEN];

    akma_soft_usbip_put_submitted(header, seqnum, status, (uint32_t)len);
    send_all(self, header, data, len);
}

/* Takes the first message; returns how many bytes it had, 0 if it is not complete. */
static size_t
take(AkmaSoftUsbLink *self, const uint8_t *bytes, size_t len)
{
    uint8_t header[AKMA_SOFT_USBIP_HEADER_LEN];
    AkmaSoftUsbTransfer transfer;
    uint32_t unlink;
    size_t used = 0;

    switch (akma_soft_usbip_parse(bytes, len, &transfer, &unlink, &used)) {
    case AKMA_SOFT_USBIP_MORE:
        break;
    case AKMA_SOFT_USBIP_SUBMIT:
        akma_soft_usb_device_submit(self->device, &transfer);
        break;
    case AKMA_SOFT_USBIP_UNLINK:
        akma_soft_usbip_put_unlinked(
            header, transfer.seqnum, akma_soft_usb_device_unlink(self->device, unlink));
        send_all(self, header, NULL, 0);
        break;
    case AKMA_SOFT_USBIP_BAD:
        end(self, "the host does not speak USB/IP");
        break;
    }

    return used;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    AkmaSoftUsbLink *self = user_data;
    size_t used = 0;
    size_t part;
    ssize_t len = recv(
        fd, self->input + self->input_len, AKMA_SOFT_USBIP_MAX - self->input_len, MSG_DONTWAIT);

    (void)condition;
    if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
        end(self, "the host let go");
    if (len <= 0)
        return self->ending == 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;

    self->input_len += (size_t)len;
    while (self->ending == 0 && (part = take(self, self->input + used, self->input_len - used)) > 0)
        used += part;
    self->input_len -= used;
    memmove(self->input, self->input + used, self->input_len);
    OPENSSL_cleanse(self->input + self->input_len, used);

    return self->ending == 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

AkmaSoftUsbLink *
akma_soft_usb_link_new(int fd,
                       AkmaSoftUsbDevice *device,
                       AkmaSoftUsbLinkEnded ended,
                       void *user_data)
{
    AkmaSoftUsbLink *self;
    uint8_t *input = akma_wiping_malloc(AKMA_SOFT_USBIP_MAX);

    if (!input)
        return NULL;
    self = g_new0(AkmaSoftUsbLink, 1);
    self->fd = fd;
    self->device = device;
    self->ended = ended;
    self->user_data = user_data;
    self->input = input;
    self->source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_readable, self);

    return self;
}

void
akma_soft_usb_link_free(AkmaSoftUsbLink *self)
{
    if (!self)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_handle_id(&self->ending, g_source_remove);
    akma_wiping_free(self->input);
    g_free(self);
}
