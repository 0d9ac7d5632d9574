/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/found-modem.h"

#include <string.h>

#define ACM_AT_FIRST 0x020201 /* Communications, Abstract Control Model, AT commands: 01 to 06 */
#define ACM_AT_LAST  0x020206

static const char mbim[] = "mbim";
static const char qmi[] = "qmi";
static const char at[] = "at";

/* The lower the better. */
typedef enum {
    RANK_NAMED_BY_RULE, /* ID_AKMAD_PORT */
    RANK_MBIM,
    RANK_QMI,
    RANK_QMI_OVER_MBIM,
    RANK_AT_PRIMARY,
    RANK_AT_SECONDARY,
    RANK_AT,
    RANK_AT_GPS_CONTROL,
    RANK_AT_PPP, /* somebody dials there */
    RANK_AT_LIKELY,
    RANK_AT_GUESS,
} Rank;

typedef struct {
    const AkmaUdevPort *facts;
    const char *protocol;
    Rank rank;
} Candidate;

/* One physical device while it is looked at. */
typedef struct {
    const char *id;
    GPtrArray *facts;   /* AkmaUdevPort, borrowed */
    GArray *candidates; /* Candidate */
    bool has_control;   /* an MBIM or QMI port */
    bool has_usbmisc;
    bool has_net;
    bool has_at_tag;
    unsigned acm_at; /* ports that say of themselves that they take AT commands */
} Device;

static const char *
get(const AkmaUdevPort *port, const char *property)
{
    const char *value = port->properties ? g_hash_table_lookup(port->properties, property) : NULL;

    return value ? value : "";
}

static bool
is_set(const AkmaUdevPort *port, const char *property)
{
    const char *value = get(port, property);

    return g_str_equal(value, "1") || g_ascii_strcasecmp(value, "true") == 0;
}

static bool
is_subsystem(const AkmaUdevPort *port, const char *subsystem)
{
    return g_str_equal(port->subsystem, subsystem);
}

static bool
is_driver(const AkmaUdevPort *port, const char *const *names)
{
    return port->driver && g_strv_contains(names, port->driver);
}

/* NULL: no port for MBIM or QMI. */
static const char *
get_control_protocol(const AkmaUdevPort *port)
{
    static const char *const mbim_drivers[] = {"cdc_mbim", NULL};
    static const char *const qmi_drivers[] = {"qmi_wwan", "qmi_wwan_q", "GobiNet", NULL};
    const char *type = port->wwan_type ? port->wwan_type : "";

    if (is_subsystem(port, "usbmisc")) {
        if (is_set(port, "ID_MM_PORT_TYPE_MBIM") || is_driver(port, mbim_drivers))
            return mbim;
        if (is_set(port, "ID_MM_PORT_TYPE_QMI") || is_driver(port, qmi_drivers))
            return qmi;
    } else if (is_subsystem(port, "wwan")) {
        if (g_ascii_strcasecmp(type, mbim) == 0)
            return mbim;
        if (g_ascii_strcasecmp(type, qmi) == 0)
            return qmi;
    }

    return NULL;
}

const char *
akma_udev_port_get_protocol(const AkmaUdevPort *port)
{
    const char *protocol = get_control_protocol(port);

    return protocol ? protocol : at;
}

/* True: rules say that it takes AT commands. */
static bool
get_tagged_rank(const AkmaUdevPort *port, Rank *ret)
{
    static const struct {
        const char *property;
        Rank rank;
    } rows[] = {
        {"ID_MM_PORT_TYPE_AT_PRIMARY", RANK_AT_PRIMARY},
        {"ID_MM_PORT_TYPE_AT_SECONDARY", RANK_AT_SECONDARY},
        {"ID_MM_PORT_TYPE_AT", RANK_AT},
        {"ID_MM_PORT_TYPE_AT_GPS_CONTROL", RANK_AT_GPS_CONTROL},
        {"ID_MM_PORT_TYPE_AT_PPP", RANK_AT_PPP},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (is_set(port, rows[i].property)) {
            *ret = rows[i].rank;
            return true;
        }
    }

    return false;
}

/* Rules say that it is for something else. */
static bool
is_for_others(const AkmaUdevPort *port)
{
    return is_set(port, "ID_MM_PORT_TYPE_QCDM") || is_set(port, "ID_MM_PORT_TYPE_GPS") ||
           is_set(port, "ID_MM_PORT_TYPE_AUDIO") || is_set(port, "ID_MM_PORT_TYPE_XMMRPC");
}

static bool
is_ignored(const AkmaUdevPort *port)
{
    return is_set(port, "ID_MM_DEVICE_IGNORE") || is_set(port, "ID_MM_PORT_IGNORE") ||
           is_set(port, "ID_MM_TTY_BLACKLIST") || is_set(port, "ID_MM_TTY_MANUAL_SCAN_ONLY");
}

static bool
is_acm_at(const AkmaUdevPort *port)
{
    return is_subsystem(port, "tty") && port->usb_class >= ACM_AT_FIRST &&
           port->usb_class <= ACM_AT_LAST;
}

/*
 * Is a serial port without a tag one of a modem? Drivers that serve nothing but modems say so. The
 * others serve anything with a serial line, and a board with one ACM port may be a robot: there
 * the rest of the device must bear witness.
 */
static bool
is_of_a_modem(const Device *device, const AkmaUdevPort *port)
{
    static const char *const drivers[] = {
        "option", "option1", "qcserial", "sierra", "hso", "nozomi", NULL};

    if (is_set(port, "ID_MM_DEVICE_PROCESS") || is_driver(port, drivers))
        return true;

    return port->is_usb && (device->has_control || device->has_net || device->has_at_tag ||
                            (is_acm_at(port) && device->acm_at > 1));
}

static void
add(Device *device, const AkmaUdevPort *port, const char *protocol, Rank rank)
{
    const Candidate candidate = {port, protocol, rank};

    g_array_append_val(device->candidates, candidate);
}

static void
judge_tty(Device *device, const AkmaUdevPort *port)
{
    Rank rank;

    if (is_for_others(port))
        return;
    if (get_tagged_rank(port, &rank))
        add(device, port, at, rank);
    else if (!device->has_at_tag && is_of_a_modem(device, port)) /* rules know all or nothing */
        add(device, port, at, is_acm_at(port) ? RANK_AT_LIKELY : RANK_AT_GUESS);
}

static void
judge_control(Device *device, const AkmaUdevPort *port)
{
    const char *protocol = get_control_protocol(port);

    /* the kernel shows the same USB port twice, as cdc-wdm and as wwan; the proxies know cdc-wdm */
    if (is_subsystem(port, "wwan") && device->has_usbmisc)
        return;
    if (protocol == mbim) {
        add(device, port, mbim, RANK_MBIM);
        add(device, port, qmi, RANK_QMI_OVER_MBIM);
    } else if (protocol == qmi) {
        add(device, port, qmi, RANK_QMI);
    } else if (port->wwan_type && g_ascii_strcasecmp(port->wwan_type, at) == 0) {
        add(device, port, at, RANK_AT);
    }
}

static void
judge(Device *device, const AkmaUdevPort *port)
{
    static const char *const protocols[] = {mbim, qmi, at};
    const char *named = get(port, "ID_AKMAD_PORT");

    if (is_subsystem(port, "net"))
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        if (g_str_equal(named, protocols[i])) {
            add(device, port, protocols[i], RANK_NAMED_BY_RULE);
            return;
        }
    }
    if (*named != '\0' || is_ignored(port)) /* "ignore", and what we do not know */
        return;
    if (is_subsystem(port, "tty"))
        judge_tty(device, port);
    else
        judge_control(device, port);
}

/* What the parts of the device say of the whole. */
static void
look_around(Device *device)
{
    for (guint i = 0; i < device->facts->len; i++) {
        const AkmaUdevPort *port = device->facts->pdata[i];
        Rank rank;

        device->has_net = device->has_net || is_subsystem(port, "net");
        device->has_usbmisc = device->has_usbmisc || is_subsystem(port, "usbmisc");
        device->has_control = device->has_control || get_control_protocol(port);
        device->has_at_tag = device->has_at_tag || get_tagged_rank(port, &rank);
        device->acm_at += is_acm_at(port) ? 1 : 0;
    }
}

/* Of serial ports that nobody has tagged: modems that have both put diagnosis and position on
 * interfaces 0 and 1, and commands behind them. */
static int
get_interface_order(const AkmaUdevPort *port)
{
    return port->interface >= 2 ? port->interface : port->interface + 256;
}

static gint
compare_candidates(gconstpointer x, gconstpointer y)
{
    const Candidate *a = x;
    const Candidate *b = y;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->rank >= RANK_AT_LIKELY && get_interface_order(a->facts) != get_interface_order(b->facts))
        return get_interface_order(a->facts) - get_interface_order(b->facts);

    return strcmp(a->facts->node, b->facts->node);
}

static void
port_free(gpointer data)
{
    AkmaFoundPort *self = data;

    g_free(self->node);
    g_free(self);
}

AkmaFoundModem *
akma_found_modem_new(const char *id)
{
    AkmaFoundModem *self = g_new0(AkmaFoundModem, 1);

    self->id = g_strdup(id);
    self->ports = g_ptr_array_new_with_free_func(port_free);

    return self;
}

void
akma_found_modem_add(AkmaFoundModem *self, const char *node, const char *protocol, bool is_guess)
{
    AkmaFoundPort *port = g_new0(AkmaFoundPort, 1);

    port->node = g_strdup(node);
    port->protocol = protocol;
    port->is_guess = is_guess;
    g_ptr_array_add(self->ports, port);
}

void
akma_found_modem_free(AkmaFoundModem *self)
{
    if (!self)
        return;

    g_free(self->id);
    g_ptr_array_unref(self->ports);
    g_free(self);
}

static void
found_modem_free(gpointer data)
{
    akma_found_modem_free(data);
}

static bool
port_equal(const AkmaFoundPort *a, const AkmaFoundPort *b)
{
    return g_str_equal(a->node, b->node) && g_str_equal(a->protocol, b->protocol) &&
           a->is_guess == b->is_guess;
}

bool
akma_found_modem_equal(const AkmaFoundModem *a, const AkmaFoundModem *b)
{
    if (!g_str_equal(a->id, b->id) || a->ports->len != b->ports->len)
        return false;
    for (guint i = 0; i < a->ports->len; i++) {
        if (!port_equal(a->ports->pdata[i], b->ports->pdata[i]))
            return false;
    }

    return true;
}

/* NULL: nothing in it speaks to us. */
static AkmaFoundModem *
to_modem(Device *device)
{
    AkmaFoundModem *modem;

    look_around(device);
    for (guint i = 0; i < device->facts->len; i++)
        judge(device, device->facts->pdata[i]);
    if (device->candidates->len == 0)
        return NULL;

    g_array_sort(device->candidates, compare_candidates);
    modem = akma_found_modem_new(device->id);
    for (guint i = 0; i < device->candidates->len; i++) {
        const Candidate *each = &g_array_index(device->candidates, Candidate, i);

        akma_found_modem_add(
            modem, each->facts->node, each->protocol, each->rank >= RANK_AT_LIKELY);
    }

    return modem;
}

static void
device_free(gpointer data)
{
    Device *self = data;

    g_ptr_array_unref(self->facts);
    g_array_unref(self->candidates);
    g_free(self);
}

/* ID_MM_PHYSDEV_UID: ports that are wired together elsewhere than on one bus. */
static const char *
get_device_id(const AkmaUdevPort *port)
{
    const char *named = get(port, "ID_MM_PHYSDEV_UID");

    return *named != '\0' ? named : port->physical;
}

static Device *
find_device(GPtrArray *devices, const char *id)
{
    Device *device;

    for (guint i = 0; i < devices->len; i++) {
        device = devices->pdata[i];
        if (g_str_equal(device->id, id))
            return device;
    }

    device = g_new0(Device, 1);
    device->id = id;
    device->facts = g_ptr_array_new();
    device->candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
    g_ptr_array_add(devices, device);

    return device;
}

static gint
compare_modems(gconstpointer x, gconstpointer y)
{
    const AkmaFoundModem *const *a = x;
    const AkmaFoundModem *const *b = y;
    const AkmaFoundPort *first = (*a)->ports->pdata[0];
    const AkmaFoundPort *second = (*b)->ports->pdata[0];

    return strcmp(first->node, second->node);
}

GPtrArray *
akma_found_modem_list(const GPtrArray *ports)
{
    g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func(device_free);
    GPtrArray *modems = g_ptr_array_new_with_free_func(found_modem_free);

    for (guint i = 0; i < ports->len; i++) {
        AkmaUdevPort *port = ports->pdata[i];

        g_ptr_array_add(find_device(devices, get_device_id(port))->facts, port);
    }
    for (guint i = 0; i < devices->len; i++) {
        AkmaFoundModem *modem = to_modem(devices->pdata[i]);

        if (modem)
            g_ptr_array_add(modems, modem);
    }
    g_ptr_array_sort(modems, compare_modems);

    return modems;
}
