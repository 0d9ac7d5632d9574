/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/modem.h"

#define INTERFACE "org.akmad1.Modem"
#define PATH      AKMA_ROOT_PATH "/modem"

struct _AkmaModemAdaptor {
    AkmaExport on_bus;
    /* the properties */
    char *device;
    char *protocol;
    char *manufacturer;
    char *model;
    char *sim_state;
    char *sim_id;
    char **anchors;
    char *registration;
};

#define AT(field) offsetof(AkmaModemAdaptor, field)
#define PROPERTY(name, type, field)                                                                \
    SD_BUS_PROPERTY(name, type, NULL, AT(field), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

/* As dbus/org.akmad1.xml says. */
static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    PROPERTY("Device", "s", device),
    PROPERTY("Protocol", "s", protocol),
    PROPERTY("Manufacturer", "s", manufacturer),
    PROPERTY("Model", "s", model),
    PROPERTY("SimState", "s", sim_state),
    PROPERTY("SimId", "s", sim_id),
    PROPERTY("Anchors", "as", anchors),
    PROPERTY("Registration", "s", registration),
    SD_BUS_VTABLE_END,
};

static void
take(AkmaModemAdaptor *self, const AkmaModemStatus *status)
{
    AkmaExport *on_bus = &self->on_bus;

    akma_export_set_text(on_bus, "Device", &self->device, status->device);
    akma_export_set_text(on_bus, "Protocol", &self->protocol, status->protocol);
    akma_export_set_text(on_bus, "Manufacturer", &self->manufacturer, status->manufacturer);
    akma_export_set_text(on_bus, "Model", &self->model, status->model);
    akma_export_set_text(on_bus, "SimState", &self->sim_state, status->sim_state);
    akma_export_set_text(on_bus, "SimId", &self->sim_id, status->sim_id);
    akma_export_set_list(on_bus, "Anchors", &self->anchors, status->anchors);
    akma_export_set_text(on_bus, "Registration", &self->registration, status->registration);
}

AkmaModemAdaptor *
akma_modem_adaptor_new(const AkmaAdaptorContext *context,
                       unsigned number,
                       const AkmaModemStatus *status)
{
    AkmaModemAdaptor *self = g_new0(AkmaModemAdaptor, 1);
    g_autofree char *path = g_strdup_printf(PATH "/%u", number);

    take(self, status);
    akma_export_show(&self->on_bus, context->bus, path, INTERFACE, vtable, self);
    akma_export_announce(&self->on_bus);

    return self;
}

void
akma_modem_adaptor_free(AkmaModemAdaptor *self)
{
    if (!self)
        return;

    akma_export_retract(&self->on_bus);
    akma_export_clear(&self->on_bus);
    g_free(self->device);
    g_free(self->protocol);
    g_free(self->manufacturer);
    g_free(self->model);
    g_free(self->sim_state);
    g_free(self->sim_id);
    g_strfreev(self->anchors);
    g_free(self->registration);
    g_free(self);
}

void
akma_modem_adaptor_update(AkmaModemAdaptor *self, const AkmaModemStatus *status)
{
    take(self, status);
    akma_export_send_changes(&self->on_bus);
}
