/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/application.h"

#include "base/error.h"
#include "dbus/key-reply.h"
#include "dbus/unit.h"

#define INTERFACE "org.akmad1.Application"
#define PATH      AKMA_ROOT_PATH "/application"
#define GONE      "the application is not there any more"
#define KID_MAX   80 /* 64 + ':' + 15 */

struct _AkmaApplicationAdaptor {
    const AkmaAdaptorContext *context;
    AkmaExport on_bus;
    GArray *uids;
    GArray *gids;
    GStrv units;
    /* the properties */
    char *id;
    char *server;
    char *state;
    char *kid;
    uint64_t not_after;
    uint64_t next_renewal;
    AkmaExportedError last_error;
};

char *
akma_application_adaptor_dup_path(const char *id)
{
    char *path = NULL;
    char *copy;

    if (sd_bus_path_encode(PATH, id, &path) < 0)
        return NULL;
    copy = g_strdup(path);
    free(path);

    return copy;
}

static bool
authorise_key(const AkmaApplicationAdaptor *self, AkmaCall *call, AkmaDecision *decision)
{
    const AkmaAuthRule rule = {
        .uids = (const uid_t *)(gpointer)self->uids->data,
        .n_uids = self->uids->len,
        .gids = (const gid_t *)(gpointer)self->gids->data,
        .n_gids = self->gids->len,
        .units = (const char *const *)self->units,
    };
    const AkmaCaller *caller = akma_call_get_caller(call);

    if (akma_auth_may_get_key(caller, &rule))
        return true;

    /* also for a rule without units: whoever reads the log learns what to write there */
    decision->unit = akma_unit_dup_of_caller(caller);
    if (akma_auth_unit_may_get_key(decision->unit, &rule))
        return true;

    decision->event = AKMA_EVENT_KEY_REFUSED;
    akma_decision_log(call, decision, "not authorized");
    akma_adaptor_refuse(call,
                        AKMA_ERROR_NOT_AUTHORIZED,
                        "not among the users=, groups= and units= of this application");

    return false;
}

/* Acts and replies; @kid NULL: the current version. */
static void
reply_key(const AkmaApplicationAdaptor *self,
          AkmaCall *call,
          AkmaDecision *decision,
          const char *kid)
{
    const AkmaAdaptorContext *context = self->context;
    g_autoptr(GError) error = NULL;
    const AkmaStoredKey *key = context->functions->peek_key(context->agent, self->id, kid, &error);

    if (!key || !akma_key_reply_send(akma_call_get_message(call), key, &error)) {
        decision->event = AKMA_EVENT_NO_KEY;
        decision->kid = kid;
        akma_decision_log(call, decision, akma_error_get_name(error));
        akma_call_refuse(call, error);
        return;
    }

    /* while the answer is on its way */
    decision->event = AKMA_EVENT_KEY_GIVEN;
    decision->kid = key->kid;
    akma_decision_log(call, decision, "allowed");
}

static void
get_key(AkmaCall *taken, gpointer user_data)
{
    g_autoptr(AkmaCall) call = taken;
    AkmaApplicationAdaptor *self = user_data;
    g_auto(AkmaDecision) decision = {.method = "GetKey", .application = self->id};

    if (authorise_key(self, call, &decision))
        reply_key(self, call, &decision, NULL);
}

static int
handle_get_key(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
    AkmaApplicationAdaptor *self = user_data;

    (void)error;
    return akma_callers_admit(self->context->callers, message, self->id, get_key, self);
}

/* <key id>:<version>, all printable and short; the agent compares the whole of it. */
static bool
validate_kid(AkmaCall *call, AkmaDecision *decision, const char *kid)
{
    size_t len = 0;

    while (len <= KID_MAX && g_ascii_isgraph(kid[len]))
        len++;
    if (len > 0 && len <= KID_MAX && kid[len] == '\0')
        return true;

    /* what it is does not reach the log */
    decision->event = AKMA_EVENT_NO_KEY;
    akma_decision_log(call, decision, "InvalidArgument");
    akma_adaptor_refuse(call, AKMA_ERROR_INVALID_ARGUMENT, "kid: not the name of a key version");

    return false;
}

static void
get_key_version(AkmaCall *taken, gpointer user_data)
{
    g_autoptr(AkmaCall) call = taken;
    AkmaApplicationAdaptor *self = user_data;
    const char *kid = "";
    g_auto(AkmaDecision) decision = {.method = "GetKeyVersion", .application = self->id};

    /* sd-bus has compared the signature */
    sd_bus_message_read(akma_call_get_message(call), "s", &kid);
    if (authorise_key(self, call, &decision) && validate_kid(call, &decision, kid))
        reply_key(self, call, &decision, kid);
}

static int
handle_get_key_version(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
    AkmaApplicationAdaptor *self = user_data;

    (void)error;
    return akma_callers_admit(self->context->callers, message, self->id, get_key_version, self);
}

static void
reply_renewed(sd_bus_message *call, const char *id)
{
    (void)id;
    sd_bus_reply_method_return(call, NULL);
}

static void
renew_allowed(AkmaCall *taken, gpointer user_data)
{
    AkmaApplicationAdaptor *self = user_data;

    akma_adaptor_enroll(self->context, taken, self->id, reply_renewed);
}

static void
renew(AkmaCall *taken, gpointer user_data)
{
    AkmaApplicationAdaptor *self = user_data;

    akma_managers_admit(self->context->managers,
                        taken,
                        "org.akmad1.enroll",
                        "Renew",
                        self->id,
                        renew_allowed,
                        self);
}

static int
handle_renew(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
    AkmaApplicationAdaptor *self = user_data;

    (void)error;
    return akma_callers_admit(self->context->callers, message, self->id, renew, self);
}

#define AT(field)  offsetof(AkmaApplicationAdaptor, field)
#define KEY_RESULT SD_BUS_RESULT("h", key, "a{sv}", attributes)

/* As dbus/org.akmad1.xml says. Who may call is decided here: sd-bus has no say in it. */
static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS(
        "GetKey", SD_BUS_NO_ARGS, KEY_RESULT, handle_get_key, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("GetKeyVersion",
                            SD_BUS_ARGS("s", kid),
                            KEY_RESULT,
                            handle_get_key_version,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS(
        "Renew", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, handle_renew, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL_WITH_ARGS("KeyChanged", SD_BUS_ARGS("s", kid), 0),
    SD_BUS_SIGNAL_WITH_ARGS("KeyRevoked", SD_BUS_ARGS("s", kid), 0),
    SD_BUS_PROPERTY("Id", "s", NULL, AT(id), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Server", "s", NULL, AT(server), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("State", "s", NULL, AT(state), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("KeyId", "s", NULL, AT(kid), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("NotAfter", "t", NULL, AT(not_after), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("LastError",
                    "(ss)",
                    akma_export_get_error,
                    AT(last_error),
                    SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY(
        "NextRenewal", "t", NULL, AT(next_renewal), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};

AkmaApplicationAdaptor *
akma_application_adaptor_new(const AkmaAdaptorContext *context,
                             const char *id,
                             const char *server,
                             const AkmaAuthRule *rule)
{
    AkmaApplicationAdaptor *self = g_new0(AkmaApplicationAdaptor, 1);
    g_autofree char *path = akma_application_adaptor_dup_path(id);

    self->context = context;
    self->uids = g_array_new(FALSE, FALSE, sizeof(uid_t));
    self->gids = g_array_new(FALSE, FALSE, sizeof(gid_t));
    self->id = g_strdup(id);
    self->state = g_strdup("pending");
    self->kid = g_strdup("");
    akma_application_adaptor_set_rule(self, server, rule);
    akma_export_show(&self->on_bus, context->bus, path, INTERFACE, vtable, self);
    akma_export_announce(&self->on_bus);

    return self;
}

void
akma_application_adaptor_free(AkmaApplicationAdaptor *self)
{
    if (!self)
        return;

    akma_callers_forget(self->context->callers, self, AKMA_ERROR_KEY_UNKNOWN, GONE);
    akma_managers_forget(self->context->managers, self, AKMA_ERROR_KEY_UNKNOWN, GONE);
    akma_export_retract(&self->on_bus);
    akma_export_clear(&self->on_bus);
    g_array_unref(self->uids);
    g_array_unref(self->gids);
    g_strfreev(self->units);
    g_free(self->id);
    g_free(self->server);
    g_free(self->state);
    g_free(self->kid);
    akma_exported_error_clear(&self->last_error);
    g_free(self);
}

void
akma_application_adaptor_set_rule(AkmaApplicationAdaptor *self,
                                  const char *server,
                                  const AkmaAuthRule *rule)
{
    g_array_set_size(self->uids, 0);
    g_array_set_size(self->gids, 0);
    g_array_append_vals(self->uids, rule->uids, (guint)rule->n_uids);
    g_array_append_vals(self->gids, rule->gids, (guint)rule->n_gids);
    g_strfreev(self->units);
    self->units = g_strdupv((char **)rule->units);
    akma_export_set_text(&self->on_bus, "Server", &self->server, server);
    akma_export_send_changes(&self->on_bus);
}

void
akma_application_adaptor_update(AkmaApplicationAdaptor *self, const AkmaApplicationStatus *status)
{
    AkmaExport *on_bus = &self->on_bus;

    akma_export_set_text(on_bus, "State", &self->state, status->state);
    akma_export_set_text(on_bus, "KeyId", &self->kid, status->kid);
    akma_export_set_number(on_bus, "NotAfter", &self->not_after, status->not_after);
    akma_export_set_number(on_bus, "NextRenewal", &self->next_renewal, status->next_renewal);
    akma_export_set_error(on_bus, "LastError", &self->last_error, status->last_error);
    akma_export_send_changes(on_bus);
}

void
akma_application_adaptor_emit(AkmaApplicationAdaptor *self, const char *signal, const char *kid)
{
    akma_export_emit(&self->on_bus, signal, kid);
}
