/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-bus: does akmad run and answer, and does the bus keep its name for it? */
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/bus-error.h"
#include "cli/bus.h"
#include "cli/doctor.h"

#define BUS_NAME     "org.freedesktop.DBus"
#define BUS_PATH     "/org/freedesktop/DBus"
#define SERVICE_USER "akmad"
#define DO_NOT_QUEUE 4u
#define IS_OWNER     1u
#define IS_HELD      3u
#define NEXT_START   "systemctl start akmad; if it does not stay: journalctl -u akmad, akmad --check"
#define NEXT_POLICY                                                                                \
    "install org.akmad1.conf of the package akmad again, then: systemctl reload dbus"

GVariant *
akma_doctor_call(AkmaDoctor *self,
                 const char *name,
                 const char *path,
                 const char *interface,
                 const char *method,
                 GVariant *arguments,
                 GError **error)
{
    return g_dbus_connection_call_sync(self->cli->connection,
                                       name,
                                       path,
                                       interface,
                                       method,
                                       arguments,
                                       NULL,
                                       G_DBUS_CALL_FLAGS_NO_AUTO_START,
                                       (int)self->wait_s * 1000,
                                       NULL,
                                       error);
}

const char *
akma_doctor_get_text(GVariant *properties, const char *name)
{
    const char *text = "";

    g_variant_lookup(properties, name, "&s", &text);

    return text;
}

static gint
compare_paths(gconstpointer a, gconstpointer b)
{
    const AkmaDoctorObject *first = *(AkmaDoctorObject *const *)a;
    const AkmaDoctorObject *second = *(AkmaDoctorObject *const *)b;

    return strcmp(first->path, second->path);
}

static void
add_object(GPtrArray *list, const char *path, GVariant *interfaces, const char *interface)
{
    AkmaDoctorObject *object;
    g_autoptr(GVariant) properties =
        g_variant_lookup_value(interfaces, interface, G_VARIANT_TYPE_VARDICT);

    if (!properties)
        return;
    object = g_new0(AkmaDoctorObject, 1);
    object->path = g_strdup(path);
    object->properties = g_steal_pointer(&properties);
    g_ptr_array_add(list, object);
}

static bool
load_objects(AkmaDoctor *self, GError **error)
{
    g_autoptr(GVariant) answer = akma_doctor_call(self,
                                                  AKMA_CLI_BUS_NAME,
                                                  AKMA_CLI_BUS_PATH,
                                                  "org.freedesktop.DBus.ObjectManager",
                                                  "GetManagedObjects",
                                                  NULL,
                                                  error);
    g_autoptr(GVariantIter) iter = NULL;
    const char *path;
    GVariant *interfaces;

    if (!answer)
        return false;
    if (!g_variant_is_of_type(answer, G_VARIANT_TYPE("(a{oa{sa{sv}}})"))) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "the answer is no tree");
        return false;
    }
    g_variant_get(answer, "(a{oa{sa{sv}}})", &iter);
    while (g_variant_iter_loop(iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        add_object(self->modems, path, interfaces, "org.akmad1.Modem");
        add_object(self->applications, path, interfaces, "org.akmad1.Application");
    }
    g_ptr_array_sort(self->modems, compare_paths);
    g_ptr_array_sort(self->applications, compare_paths);

    return true;
}

static bool
ask_agent(AkmaDoctor *self, GError **error)
{
    g_autoptr(GVariant) answer = akma_doctor_call(self,
                                                  AKMA_CLI_BUS_NAME,
                                                  AKMA_CLI_BUS_PATH,
                                                  "org.freedesktop.DBus.Properties",
                                                  "GetAll",
                                                  g_variant_new("(s)", "org.akmad1.Manager"),
                                                  error);

    if (!answer || !load_objects(self, error))
        return false;
    if (!g_variant_is_of_type(answer, G_VARIANT_TYPE("(a{sv})"))) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "the answer is no properties");
        return false;
    }
    self->manager = g_variant_get_child_value(answer, 0);

    return true;
}

static bool
find_owner(AkmaDoctor *self, GError **error)
{
    g_autoptr(GVariant) answer = akma_doctor_call(self,
                                                  BUS_NAME,
                                                  BUS_PATH,
                                                  BUS_NAME,
                                                  "GetNameOwner",
                                                  g_variant_new("(s)", AKMA_CLI_BUS_NAME),
                                                  error);

    if (!answer)
        return false;
    g_variant_get(answer, "(s)", &self->owner);

    return true;
}

void
akma_doctor_daemon(AkmaDoctor *self, AkmaFinding *finding)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) ours = NULL;

    if (self->bus_fault) {
        akma_finding_unseen(finding, "there is no bus to find it on");
        return;
    }
    if (find_owner(self, &error) && ask_agent(self, &error)) {
        if (!akma_doctor_take_last_error(self, "daemon", finding))
            akma_finding_good(finding,
                              "akmad %s, state %s",
                              akma_doctor_get_text(self->manager, "Version"),
                              akma_doctor_get_text(self->manager, "State"));
        return;
    }
    if (self->owner && g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED)) {
        g_dbus_error_strip_remote_error(error);
        self->bus_refusal = g_steal_pointer(&error);
        akma_finding_good(finding, "akmad is on the bus");
        return;
    }

    akma_bus_error_take(g_steal_pointer(&error), &ours);
    akma_finding_fault(finding,
                       (AkmaError)ours->code,
                       self->owner ? "see what it does: journalctl -u akmad; then: systemctl "
                                     "restart akmad"
                                   : NEXT_START,
                       "%s",
                       ours->message);
}

/* May we take the name that is not ours? Held as it is, nothing comes of asking. */
static bool
check_policy(AkmaDoctor *self, AkmaFinding *finding)
{
    guint32 result = 0;
    GVariant *freed = NULL;
    g_autoptr(GVariant) answer =
        akma_doctor_call(self,
                         BUS_NAME,
                         BUS_PATH,
                         BUS_NAME,
                         "RequestName",
                         g_variant_new("(su)", AKMA_CLI_BUS_NAME, DO_NOT_QUEUE),
                         NULL);

    if (!answer)
        return true;
    g_variant_get(answer, "(u)", &result);
    if (result == IS_OWNER)
        freed = akma_doctor_call(self,
                                 BUS_NAME,
                                 BUS_PATH,
                                 BUS_NAME,
                                 "ReleaseName",
                                 g_variant_new("(s)", AKMA_CLI_BUS_NAME),
                                 NULL);
    if (freed)
        g_variant_unref(freed);
    if (result != IS_OWNER && result != IS_HELD)
        return true;
    akma_finding_fault(finding,
                       AKMA_ERROR_CONFIG_INVALID,
                       NEXT_POLICY,
                       "the bus lets uid %u take the name " AKMA_CLI_BUS_NAME,
                       (unsigned)getuid());

    return false;
}

void
akma_doctor_bus(AkmaDoctor *self, AkmaFinding *finding)
{
    bool is_system = !self->cli->bus || g_str_equal(self->cli->bus, "system");
    const struct passwd *user = getpwnam(SERVICE_USER);
    g_autoptr(GVariant) answer = NULL;
    g_autoptr(GError) error = NULL;

    if (self->bus_fault) {
        akma_finding_fault(finding,
                           AKMA_ERROR_NOT_RUNNING,
                           "see whether the bus runs: systemctl status dbus",
                           "%s",
                           self->bus_fault->message);
        return;
    }
    if (self->bus_refusal) {
        akma_finding_fault(finding,
                           AKMA_ERROR_NOT_AUTHORIZED,
                           NEXT_POLICY,
                           "the bus does not let uid %u call akmad: %s",
                           (unsigned)getuid(),
                           self->bus_refusal->message);
        return;
    }
    if (!self->owner) {
        akma_finding_unseen(finding, "nobody has the name " AKMA_CLI_BUS_NAME);
        return;
    }

    answer = akma_doctor_call(self,
                              BUS_NAME,
                              BUS_PATH,
                              BUS_NAME,
                              "GetConnectionUnixUser",
                              g_variant_new("(s)", self->owner),
                              &error);
    if (!answer) {
        akma_finding_unseen(finding, "the bus does not say whose the name is: %s", error->message);
        return;
    }
    g_variant_get(answer, "(u)", &self->owner_uid);

    if (self->owner_uid != getuid() && !check_policy(self, finding))
        return;
    if (is_system && user && self->owner_uid != user->pw_uid && self->owner_uid != getuid()) {
        akma_finding_fault(finding,
                           AKMA_ERROR_CONFIG_INVALID,
                           NEXT_POLICY,
                           AKMA_CLI_BUS_NAME " belongs to uid %u, not to the user " SERVICE_USER,
                           (unsigned)self->owner_uid);
        return;
    }
    akma_finding_good(finding, AKMA_CLI_BUS_NAME " belongs to uid %u", (unsigned)self->owner_uid);
}
