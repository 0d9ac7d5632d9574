/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/vhci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "modem/simulator/usb-link.h"

#define HIGH_SPEED 3 /* enum usb_device_speed of the kernel */
#define FREE       4 /* VDEV_ST_NULL */
#define DEVICE_ID  0x00010002

struct _AkmaSoftVhci {
    AkmaSoftModem *modem;
    const char *folder;
    AkmaSoftUsbDevice *device;
    AkmaSoftUsbLink *link; /* NULL while unplugged */
    int fd;
    guint come_back;
};

/* Lines "hs  0000 004 000 00000000 000000 0-0": hub, socket, state, ... */
int
akma_soft_vhci_find_socket(const char *status)
{
    g_auto(GStrv) lines = g_strsplit(status, "\n", -1);

    for (char **line = lines; *line; line++) {
        unsigned number;
        unsigned state;

        if (sscanf(*line, "hs %4u %3u ", &number, &state) == 2 && state == FREE)
            return (int)number;
    }

    return -1;
}

static bool
fail(GError **error, const char *what, const char *why)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "%s: %s", what, why);

    return false;
}

/* Hands @fd to the kernel, which keeps what is behind it. */
static bool
attach(const AkmaSoftVhci *self, int fd, GError **error)
{
    g_autofree char *status_path = g_build_filename(self->folder, "status", NULL);
    g_autofree char *attach_path = g_build_filename(self->folder, "attach", NULL);
    g_autofree char *status = NULL;
    g_autofree char *line = NULL;
    int number;
    int file;
    bool fine;

    if (!g_file_get_contents(status_path, &status, NULL, NULL))
        return fail(error, status_path, "no virtual controller: modprobe vhci-hcd");
    number = akma_soft_vhci_find_socket(status);
    if (number < 0)
        return fail(error, status_path, "no free socket");

    line = g_strdup_printf("%d %d %u %d", number, fd, DEVICE_ID, HIGH_SPEED);
    file = open(attach_path, O_WRONLY | O_CLOEXEC);
    fine = file >= 0 && write(file, line, strlen(line)) == (ssize_t)strlen(line);
    if (!fine)
        fail(error, attach_path, g_strerror(errno));
    if (file >= 0)
        close(file);

    return fine;
}

static void
unplug(AkmaSoftVhci *self)
{
    g_clear_handle_id(&self->come_back, g_source_remove);
    g_clear_pointer(&self->link, akma_soft_usb_link_free);
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    akma_soft_usb_device_restart(self->device);
}

static void
on_link_ended(const char *message, void *user_data)
{
    AkmaSoftVhci *self = user_data;

    g_message("usb: %s", message);
    unplug(self);
}

static bool
plug(AkmaSoftVhci *self, GError **error)
{
    int ends[2];
    bool fine;

    if (self->link)
        return true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(error, "socketpair", g_strerror(errno));

    self->fd = ends[0];
    self->link = akma_soft_usb_link_new(ends[0], self->device, on_link_ended, self);
    fine = self->link ? attach(self, ends[1], error)
                      : fail(error, "the link to the kernel", "no memory");
    close(ends[1]);
    if (!fine)
        unplug(self);

    return fine;
}

static void
on_ended(uint32_t seqnum, int32_t status, const uint8_t *data, size_t len, void *user_data)
{
    const AkmaSoftVhci *self = user_data;

    if (self->link)
        akma_soft_usb_link_send(self->link, seqnum, status, data, len);
}

static gboolean
on_come_back(gpointer user_data)
{
    AkmaSoftVhci *self = user_data;
    g_autoptr(GError) error = NULL;

    self->come_back = 0;
    unplug(self);
    if (akma_soft_modem_is_plugged(self->modem) && !plug(self, &error))
        g_warning("cannot plug the modem in again: %s", error->message);

    return G_SOURCE_REMOVE;
}

/* In an idle: the caller is in the middle of a command. */
static void
on_hangup(void *user_data)
{
    AkmaSoftVhci *self = user_data;

    if (self->come_back == 0)
        self->come_back = g_idle_add(on_come_back, self);
}

static void
on_event(AkmaSoftEvent event, const char *text, void *user_data)
{
    AkmaSoftVhci *self = user_data;

    if (event != AKMA_SOFT_EVENT_PLUG)
        akma_soft_usb_device_tell(self->device, event, text);
    else
        on_come_back(self);
}

AkmaSoftVhci *
akma_soft_vhci_new(AkmaSoftModem *modem,
                   const AkmaSoftUsbModel *model,
                   const AkmaSoftDialect *dialect,
                   const char *folder,
                   GError **error)
{
    static const AkmaSoftUsbWire wire = {on_ended, on_hangup};
    g_autoptr(AkmaSoftVhci) self = g_new0(AkmaSoftVhci, 1);

    self->modem = modem;
    self->folder = folder;
    self->fd = -1;
    self->device = akma_soft_usb_device_new(modem, model, dialect, &wire, self);
    if (!self->device) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory for a device");
        return NULL;
    }
    if (!plug(self, error))
        return NULL;
    akma_soft_modem_listen(modem, on_event, self);

    return g_steal_pointer(&self);
}

void
akma_soft_vhci_free(AkmaSoftVhci *self)
{
    if (!self)
        return;

    if (self->device)
        unplug(self);
    akma_soft_usb_device_free(self->device);
    g_free(self);
}

unsigned
akma_soft_vhci_count_clients(const AkmaSoftVhci *self)
{
    return akma_soft_usb_device_count_clients(self->device);
}
