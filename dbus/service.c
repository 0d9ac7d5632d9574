/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/service.h"

#include "base/error.h"
#include "dbus/application.h"
#include "dbus/modem.h"

#define INTERFACE "org.akmad1.Manager"

/* It is the manager itself, too. */
struct _AkmaService {
    AkmaAdaptorContext context;
    sd_bus_slot *object_manager;
    GHashTable *applications; /* id -> AkmaApplicationAdaptor */
    GHashTable *modems;       /* number -> AkmaModemAdaptor */
    AkmaExport on_bus;
    /* the properties */
    char *version;
    char *state;
    AkmaExportedError last_error;
    char *sealing;
};

static void
reply_enrolled(sd_bus_message *call, const char *id)
{
    g_autofree char *path = akma_application_adaptor_dup_path(id);

    sd_bus_reply_method_return(call, "o", path);
}

static void
enroll_allowed(AkmaCall *taken, gpointer user_data)
{
    g_autoptr(AkmaCall) call = taken;
    AkmaService *self = user_data;
    const char *id = "";

    sd_bus_message_rewind(akma_call_get_message(call), 1);
    sd_bus_message_read(akma_call_get_message(call), "s", &id);
    if (!g_hash_table_contains(self->applications, id)) {
        akma_adaptor_refuse(call, AKMA_ERROR_KEY_UNKNOWN, "no application of this name");
        return;
    }

    akma_adaptor_enroll(&self->context, g_steal_pointer(&call), id, reply_enrolled);
}

static void
enroll(AkmaCall *taken, gpointer user_data)
{
    AkmaService *self = user_data;
    const char *id = "";

    /* sd-bus has compared the signature; a name that is none does not reach the log */
    sd_bus_message_read(akma_call_get_message(taken), "s", &id);
    akma_managers_admit(self->context.managers,
                        taken,
                        "org.akmad1.enroll",
                        "Enroll",
                        g_hash_table_contains(self->applications, id) ? id : NULL,
                        enroll_allowed,
                        self);
}

static int
handle_enroll(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
    AkmaService *self = user_data;

    (void)error;
    return akma_callers_admit(self->context.callers, message, NULL, enroll, self);
}

static void
scan_allowed(AkmaCall *taken, gpointer user_data)
{
    g_autoptr(AkmaCall) call = taken;
    AkmaService *self = user_data;

    self->context.functions->scan(self->context.agent);
    sd_bus_reply_method_return(akma_call_get_message(call), NULL);
}

static void
scan(AkmaCall *taken, gpointer user_data)
{
    AkmaService *self = user_data;

    akma_managers_admit(
        self->context.managers, taken, "org.akmad1.scan", "Scan", NULL, scan_allowed, self);
}

static int
handle_scan(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
    AkmaService *self = user_data;

    (void)error;
    return akma_callers_admit(self->context.callers, message, NULL, scan, self);
}

#define AT(field) offsetof(AkmaService, field)

/* As dbus/org.akmad1.xml says. Who may call is decided here: sd-bus has no say in it. */
static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Enroll",
                            SD_BUS_ARGS("s", application),
                            SD_BUS_RESULT("o", path),
                            handle_enroll,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS(
        "Scan", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, handle_scan, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY("Version", "s", NULL, AT(version), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("State", "s", NULL, AT(state), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("LastError",
                    "(ss)",
                    akma_export_get_error,
                    AT(last_error),
                    SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Sealing", "s", NULL, AT(sealing), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};

static void
free_application(gpointer data)
{
    akma_application_adaptor_free(data);
}

static void
free_modem(gpointer data)
{
    akma_modem_adaptor_free(data);
}

AkmaService *
akma_service_new(AkmaBus *bus, const AkmaServiceAgent *functions, gpointer agent)
{
    AkmaService *self = g_new0(AkmaService, 1);
    sd_bus *sd = akma_bus_get_sd_bus(bus);

    self->context.bus = sd_bus_ref(sd);
    self->context.callers = akma_callers_new(sd);
    self->context.managers = akma_managers_new(sd);
    self->context.functions = functions;
    self->context.agent = agent;
    self->applications = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_application);
    self->modems = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_modem);
    self->version = g_strdup(PACKAGE_VERSION);
    self->state = g_strdup("starting");

    sd_bus_add_object_manager(sd, &self->object_manager, AKMA_ROOT_PATH);
    akma_export_show(&self->on_bus, sd, AKMA_ROOT_PATH, INTERFACE, vtable, self);

    return self;
}

void
akma_service_free(AkmaService *self)
{
    if (!self)
        return;

    g_hash_table_unref(self->applications);
    g_hash_table_unref(self->modems);
    akma_export_clear(&self->on_bus);
    sd_bus_slot_unref(self->object_manager);
    akma_managers_free(self->context.managers);
    akma_callers_free(self->context.callers);
    sd_bus_unref(self->context.bus);
    g_free(self->version);
    g_free(self->state);
    akma_exported_error_clear(&self->last_error);
    g_free(self->sealing);
    g_free(self);
}

void
akma_service_set_state(AkmaService *self, const char *state)
{
    akma_export_set_text(&self->on_bus, "State", &self->state, state);
    akma_export_send_changes(&self->on_bus);
}

void
akma_service_set_last_error(AkmaService *self, const GError *error)
{
    akma_export_set_error(&self->on_bus, "LastError", &self->last_error, error);
    akma_export_send_changes(&self->on_bus);
}

void
akma_service_set_sealing(AkmaService *self, const char *sealing)
{
    akma_export_set_text(&self->on_bus, "Sealing", &self->sealing, sealing);
    akma_export_send_changes(&self->on_bus);
}

void
akma_service_set_application(AkmaService *self,
                             const char *id,
                             const char *server,
                             const AkmaAuthRule *rule)
{
    AkmaApplicationAdaptor *adaptor = g_hash_table_lookup(self->applications, id);

    if (adaptor)
        akma_application_adaptor_set_rule(adaptor, server, rule);
    else
        g_hash_table_insert(self->applications,
                            g_strdup(id),
                            akma_application_adaptor_new(&self->context, id, server, rule));
}

void
akma_service_update_application(AkmaService *self,
                                const char *id,
                                const AkmaApplicationStatus *status)
{
    AkmaApplicationAdaptor *adaptor = g_hash_table_lookup(self->applications, id);

    g_return_if_fail(adaptor);

    akma_application_adaptor_update(adaptor, status);
}

void
akma_service_remove_application(AkmaService *self, const char *id)
{
    g_hash_table_remove(self->applications, id);
}

static void
emit(AkmaService *self, const char *id, const char *signal, const char *kid)
{
    AkmaApplicationAdaptor *adaptor = g_hash_table_lookup(self->applications, id);

    g_return_if_fail(adaptor);

    akma_application_adaptor_emit(adaptor, signal, kid);
}

void
akma_service_emit_key_changed(AkmaService *self, const char *id, const char *kid)
{
    emit(self, id, "KeyChanged", kid);
}

void
akma_service_emit_key_revoked(AkmaService *self, const char *id, const char *kid)
{
    emit(self, id, "KeyRevoked", kid);
}

void
akma_service_update_modem(AkmaService *self, unsigned number, const AkmaModemStatus *status)
{
    AkmaModemAdaptor *adaptor = g_hash_table_lookup(self->modems, GUINT_TO_POINTER(number));

    if (adaptor)
        akma_modem_adaptor_update(adaptor, status);
    else
        g_hash_table_insert(self->modems,
                            GUINT_TO_POINTER(number),
                            akma_modem_adaptor_new(&self->context, number, status));
}

void
akma_service_remove_modem(AkmaService *self, unsigned number)
{
    g_hash_table_remove(self->modems, GUINT_TO_POINTER(number));
}
