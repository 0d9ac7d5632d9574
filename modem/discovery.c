/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/discovery.h"

#include <gudev/gudev.h>
#include <stdlib.h>
#include <sys/stat.h>

#define QUIET_MS   300
#define PATIENT_US (2 * G_USEC_PER_SEC)
#define LINKS_MAX  8

static const char *const subsystems[] = {"usbmisc", "wwan", "tty", "net", NULL};

struct _AkmaDiscovery {
    GObject parent;
    GUdevClient *client;
    GPtrArray *modems; /* AkmaFoundModem */
    GSource *quiet;
    gint64 first_event_us; /* of those that were not told yet; 0: none */
};

enum { CHANGED, N_SIGNALS };

static unsigned signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(AkmaDiscovery, akma_discovery, G_TYPE_OBJECT)

/* What AkmaUdevPort borrows from. */
typedef struct {
    AkmaUdevPort facts;
    GUdevDevice *port;
    GUdevDevice *interface;
    GUdevDevice *physical;
} Port;

static void
port_free(gpointer data)
{
    Port *self = data;

    g_hash_table_unref(self->facts.properties);
    g_object_unref(self->port);
    g_clear_object(&self->interface);
    g_clear_object(&self->physical);
    g_free(self);
}

/* The nearest parent on a bus that modems are plugged into; NULL: none. */
static GUdevDevice *
find_physical(GUdevDevice *port)
{
    static const char *const buses[] = {"pci", "platform", "pcmcia", NULL};
    GUdevDevice *device = g_udev_device_get_parent_with_subsystem(port, "usb", "usb_device");

    for (size_t i = 0; !device && buses[i]; i++)
        device = g_udev_device_get_parent_with_subsystem(port, buses[i], NULL);

    return device;
}

/* Of the USB interface where there is one: a serial port has a driver of its own below it. */
static const char *
find_driver(const Port *self)
{
    g_autoptr(GUdevDevice) device = NULL;
    const char *driver = self->interface ? g_udev_device_get_driver(self->interface)
                                         : g_udev_device_get_driver(self->port);

    if (driver || self->interface)
        return driver;
    device = g_udev_device_get_parent(self->port);

    /* the name is kept as long as the library lives */
    return device ? g_intern_string(g_udev_device_get_driver(device)) : NULL;
}

static unsigned
get_hex(GUdevDevice *device, const char *attribute)
{
    const char *text = g_udev_device_get_sysfs_attr(device, attribute);

    return text ? (unsigned)(strtoul(text, NULL, 16) & 0xff) : 0;
}

static void
add_properties(GHashTable *to, GUdevDevice *device)
{
    const gchar *const *keys = device ? g_udev_device_get_property_keys(device) : NULL;

    for (; keys && *keys; keys++) {
        const char *value = g_udev_device_get_property(device, *keys);

        if (value && !g_hash_table_contains(to, *keys) &&
            (g_str_has_prefix(*keys, "ID_MM_") || g_str_has_prefix(*keys, "ID_AKMAD_")))
            g_hash_table_insert(to, g_strdup(*keys), g_strdup(value));
    }
}

static Port *
port_new(GUdevDevice *device)
{
    Port *self = g_new0(Port, 1);
    AkmaUdevPort *facts = &self->facts;

    self->port = g_object_ref(device);
    self->interface = g_udev_device_get_parent_with_subsystem(device, "usb", "usb_interface");
    self->physical = find_physical(device);

    facts->subsystem = g_udev_device_get_subsystem(device);
    facts->node = g_udev_device_get_device_file(device);
    facts->physical = g_udev_device_get_sysfs_path(self->physical ? self->physical : device);
    facts->driver = find_driver(self);
    facts->is_usb =
        self->physical && g_str_equal(g_udev_device_get_subsystem(self->physical), "usb");
    facts->interface = -1;
    if (g_str_equal(facts->subsystem, "wwan"))
        facts->wwan_type = g_udev_device_get_sysfs_attr(device, "type");
    if (self->interface) {
        facts->interface = (int)get_hex(self->interface, "bInterfaceNumber");
        facts->usb_class = get_hex(self->interface, "bInterfaceClass") << 16 |
                           get_hex(self->interface, "bInterfaceSubClass") << 8 |
                           get_hex(self->interface, "bInterfaceProtocol");
    }
    facts->properties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    add_properties(facts->properties, device);
    add_properties(facts->properties, self->physical);

    return self;
}

/* Terminals and interfaces that hang on nothing are no ports; so is a wwan device as a whole. */
static bool
is_port(const Port *port)
{
    return port->physical && (port->facts.node || g_str_equal(port->facts.subsystem, "net"));
}

static void
collect(AkmaDiscovery *self, GPtrArray *to, const char *subsystem)
{
    GList *devices = g_udev_client_query_by_subsystem(self->client, subsystem);

    for (GList *each = devices; each; each = each->next) {
        Port *port = port_new(each->data);

        if (is_port(port))
            g_ptr_array_add(to, port);
        else
            port_free(port);
    }
    g_list_free_full(devices, g_object_unref);
}

void
akma_discovery_scan(AkmaDiscovery *self)
{
    g_autoptr(GPtrArray) ports = g_ptr_array_new_with_free_func(port_free);

    for (size_t i = 0; subsystems[i]; i++)
        collect(self, ports, subsystems[i]);
    g_clear_pointer(&self->modems, g_ptr_array_unref);
    self->modems = akma_found_modem_list(ports);
}

static void
stop_waiting(AkmaDiscovery *self)
{
    if (self->quiet)
        g_source_destroy(self->quiet);
    g_clear_pointer(&self->quiet, g_source_unref);
}

static gboolean
was_quiet(gpointer user_data)
{
    g_autoptr(AkmaDiscovery) self = g_object_ref(user_data);

    stop_waiting(self);
    self->first_event_us = 0;
    akma_discovery_scan(self);
    g_signal_emit(self, signals[CHANGED], 0);

    return G_SOURCE_REMOVE;
}

static void
event(GUdevClient *client, const char *action, GUdevDevice *device, gpointer user_data)
{
    AkmaDiscovery *self = user_data;
    gint64 now_us = g_get_monotonic_time();

    (void)client;
    g_debug("udev: %s %s", action, g_udev_device_get_name(device));
    if (self->first_event_us == 0)
        self->first_event_us = now_us;
    else if (self->quiet && now_us - self->first_event_us > PATIENT_US)
        return;

    stop_waiting(self);
    self->quiet = g_timeout_source_new(QUIET_MS);
    g_source_set_callback(self->quiet, was_quiet, self, NULL);
    g_source_attach(self->quiet, g_main_context_get_thread_default());
}

AkmaDiscovery *
akma_discovery_new(void)
{
    AkmaDiscovery *self = g_object_new(AKMA_TYPE_DISCOVERY, NULL);

    akma_discovery_scan(self);

    return self;
}

const GPtrArray *
akma_discovery_get_modems(AkmaDiscovery *self)
{
    return self->modems;
}

bool
akma_discovery_is_same_port(const char *a, const char *b)
{
    struct stat first;
    struct stat second;

    if (g_str_equal(a, b))
        return true;

    return stat(a, &first) == 0 && stat(b, &second) == 0 && S_ISCHR(first.st_mode) &&
           S_ISCHR(second.st_mode) && first.st_rdev == second.st_rdev;
}

/* NULL: udev knows no port at @path. */
static const char *
find_protocol(GUdevClient *client, const char *path)
{
    g_autofree char *name = g_path_get_basename(path);

    for (size_t i = 0; subsystems[i]; i++) {
        g_autoptr(GUdevDevice) device =
            g_udev_client_query_by_subsystem_and_name(client, subsystems[i], name);
        const char *protocol;
        Port *port;

        if (!device || g_strcmp0(g_udev_device_get_device_file(device), path) != 0)
            continue;
        port = port_new(device);
        protocol = akma_udev_port_get_protocol(&port->facts);
        port_free(port);
        return protocol;
    }

    return NULL;
}

const char *
akma_discovery_guess_protocol(const char *path)
{
    g_autoptr(GUdevClient) client = g_udev_client_new(NULL);
    g_autofree char *at = g_strdup(path);
    const char *protocol = find_protocol(client, at);

    for (unsigned i = 0; !protocol && i < LINKS_MAX; i++) {
        g_autofree char *target = g_file_read_link(at, NULL);
        g_autofree char *folder = g_path_get_dirname(at);

        if (!target)
            break;
        g_free(at);
        at = g_canonicalize_filename(target, folder);
        protocol = find_protocol(client, at);
    }

    return protocol ? protocol : "at"; /* a pseudo terminal, or nothing that udev knows */
}

static void
akma_discovery_finalize(GObject *object)
{
    AkmaDiscovery *self = AKMA_DISCOVERY(object);

    stop_waiting(self);
    g_signal_handlers_disconnect_by_data(self->client, self);
    g_object_unref(self->client);
    g_clear_pointer(&self->modems, g_ptr_array_unref);

    G_OBJECT_CLASS(akma_discovery_parent_class)->finalize(object);
}

static void
akma_discovery_class_init(AkmaDiscoveryClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = akma_discovery_finalize;
    signals[CHANGED] = g_signal_new("changed",
                                    AKMA_TYPE_DISCOVERY,
                                    G_SIGNAL_RUN_LAST,
                                    0,
                                    NULL,
                                    NULL,
                                    g_cclosure_marshal_VOID__VOID,
                                    G_TYPE_NONE,
                                    0);
}

static void
akma_discovery_init(AkmaDiscovery *self)
{
    self->client = g_udev_client_new(subsystems);
    g_signal_connect(self->client, "uevent", G_CALLBACK(event), self);
}
