/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * found-modem: which ports are those of a modem, what each speaks, and in which order to try them.
 * Pure: what udev says of the ports comes in, modems come out.
 *
 * Nothing is sent to a port that is not evidently one of a modem: a serial port may belong to a
 * receiver of satellites or to a machine that moves.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* What udev says of one port, or of one network interface, which only bears witness. */
typedef struct {
    const char *subsystem;  /* "usbmisc", "wwan", "tty" or "net" */
    const char *node;       /* "/dev/ttyUSB2"; NULL for "net" */
    const char *physical;   /* path in /sys of the USB or PCI device that it is a part of */
    const char *driver;     /* of its interface; NULL: none */
    const char *wwan_type;  /* attribute "type" of subsystem wwan: "AT", "MBIM", "QMI"; else NULL */
    bool is_usb;            /* so is the physical device */
    int interface;          /* number of the USB interface; -1: none */
    unsigned usb_class;     /* of the interface, class << 16 | subclass << 8 | protocol */
    GHashTable *properties; /* of the port, then of its device; NULL: none */
} AkmaUdevPort;

typedef struct {
    char *node;
    const char *protocol; /* "mbim", "qmi" or "at"; borrowed for ever */
    bool is_guess;        /* nobody says that it speaks this: do not wait long for an answer */
} AkmaFoundPort;

/* Ports of one physical device. */
typedef struct {
    char *id;         /* the same for the same device in the same socket */
    GPtrArray *ports; /* AkmaFoundPort, the one to try first at the head; never empty */
} AkmaFoundModem;

/* Without ports. */
AkmaFoundModem *akma_found_modem_new(const char *id);
void akma_found_modem_add(AkmaFoundModem *self,
                          const char *node,
                          const char *protocol,
                          bool is_guess);
void akma_found_modem_free(AkmaFoundModem *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaFoundModem, akma_found_modem_free)
/* The same device with the same ports in the same order? */
bool akma_found_modem_equal(const AkmaFoundModem *a, const AkmaFoundModem *b);

/*
 * The modems among @ports (AkmaUdevPort), sorted by the node of their first port. MBIM and QMI
 * come before AT. Returns: (transfer full): AkmaFoundModem; may be empty.
 *
 * udev rules have their say, as ModemManager's "Common udev tags" describe them:
 * ID_MM_DEVICE_IGNORE, ID_MM_PORT_IGNORE, ID_MM_PORT_TYPE_*, ID_MM_DEVICE_PROCESS,
 * ID_MM_PHYSDEV_UID. ID_AKMAD_PORT overrides them: "at", "mbim", "qmi", or "ignore".
 */
GPtrArray *akma_found_modem_list(const GPtrArray *ports);

/* What the port speaks that a person named: "mbim" or "qmi" by its driver, else "at". */
const char *akma_udev_port_get_protocol(const AkmaUdevPort *port);

G_END_DECLS
