/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/modem.h"

#define INTERFACE "org.akmad1.Modem"
#define PATH      AKMA_ROOT_PATH "/modem"
#define GONE      "the modem is not there any more"

struct _AkmaModemAdaptor {
    const AkmaAdaptorContext *context;
    unsigned number;
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

static int
append_pair(sd_bus_message *reply, const char *name, bool value)
{
    return sd_bus_message_append(reply, "{sv}", name, "b", (int)value);
}

static int
append_error(sd_bus_message *reply, const GError *error)
{
    g_autofree char *name = NULL;

    if (!error)
        return 0;
    name = g_strconcat(AKMA_ERROR_DBUS_PREFIX, akma_error_get_name(error), NULL);

    return sd_bus_message_append(reply, "{sv}", "error", "(ss)", name, error->message);
}

static int
append_services(sd_bus_message *reply, const AkmaModemReport *report)
{
    int r;

    if (!report->has_services)
        return 0;

    r = append_pair(reply, "service-68", report->service_68);
    if (r >= 0)
        r = append_pair(reply, "service-123", report->service_123);
    if (r >= 0)
        r = append_pair(reply, "service-124", report->service_124);

    return r;
}

/* False: no memory. */
static bool
send_report(sd_bus_message *call, const AkmaModemReport *report)
{
    sd_bus_message *reply = NULL;
    int r = sd_bus_message_new_method_return(call, &reply);

    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
    if (r >= 0)
        r = append_pair(reply, "channel", report->has_channel);
    if (r >= 0)
        r = append_pair(reply, "apdu", report->has_apdu);
    if (r >= 0)
        r = append_services(reply, report);
    if (r >= 0)
        r = sd_bus_message_append(reply, "{sv}", "key-file", "s", report->key_file);
    if (r >= 0)
        r = append_error(reply, report->error);
    if (r >= 0)
        r = sd_bus_message_close_container(reply);
    if (r >= 0)
        r = sd_bus_send(NULL, reply, NULL);
    sd_bus_message_unref(reply);

    return r >= 0;
}

static void
probed(const AkmaModemReport *report, const GError *error, gpointer user_data)
{
    g_autoptr(AkmaCall) call = user_data;

    if (error)
        akma_call_refuse(call, error);
    else if (!send_report(akma_call_get_message(call), report))
        akma_adaptor_refuse(call, AKMA_ERROR_INTERNAL, "no memory");
}

static void
probe_allowed(AkmaCall *taken, gpointer user_data)
{
    AkmaModemAdaptor *self = user_data;
    const AkmaAdaptorContext *context = self->context;

    context->functions->probe(context->agent, self->number, probed, taken);
}

static void
probe(AkmaCall *taken, gpointer user_data)
{
    AkmaModemAdaptor *self = user_data;

    akma_managers_admit(
        self->context->managers, taken, "org.akmad1.probe", "Probe", NULL, probe_allowed, self);
}

static int
handle_probe(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
    AkmaModemAdaptor *self = user_data;

    (void)error;
    return akma_callers_admit(self->context->callers, message, NULL, probe, self);
}

#define AT(field) offsetof(AkmaModemAdaptor, field)
#define PROPERTY(name, type, field)                                                                \
    SD_BUS_PROPERTY(name, type, NULL, AT(field), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

/* As dbus/org.akmad1.xml says. Who may call is decided here: sd-bus has no say in it. */
static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Probe",
                            SD_BUS_NO_ARGS,
                            SD_BUS_RESULT("a{sv}", report),
                            handle_probe,
                            SD_BUS_VTABLE_UNPRIVILEGED),
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

    self->context = context;
    self->number = number;
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

    akma_callers_forget(self->context->callers, self, AKMA_ERROR_NO_MODEM, GONE);
    akma_managers_forget(self->context->managers, self, AKMA_ERROR_NO_MODEM, GONE);
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
