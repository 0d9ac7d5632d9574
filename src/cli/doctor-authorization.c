/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-authorization: whether the caller gets a key; the key itself is not looked at. */
#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "base/bus-error.h"
#include "cli/bus.h"
#include "cli/doctor.h"

typedef enum { ALLOWED, REFUSED, UNKNOWN } Answer;

/* Who is refused is told so before it is looked whether there is a key. */
static Answer
ask(AkmaDoctor *self, const AkmaDoctorObject *application)
{
    g_autoptr(GUnixFDList) fds = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) ours = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_with_unix_fd_list_sync(self->cli->connection,
                                                      self->owner,
                                                      application->path,
                                                      "org.akmad1.Application",
                                                      "GetKey",
                                                      NULL,
                                                      NULL,
                                                      G_DBUS_CALL_FLAGS_NO_AUTO_START,
                                                      (int)self->wait_s * 1000,
                                                      NULL,
                                                      &fds,
                                                      NULL,
                                                      &error);

    if (answer)
        return ALLOWED;
    akma_bus_error_take(g_steal_pointer(&error), &ours);
    if (g_error_matches(ours, AKMA_ERROR, AKMA_ERROR_NOT_AUTHORIZED))
        return REFUSED;
    if (g_error_matches(ours, AKMA_ERROR, AKMA_ERROR_NOT_READY) ||
        g_error_matches(ours, AKMA_ERROR, AKMA_ERROR_KEY_REVOKED))
        return ALLOWED;

    return UNKNOWN;
}

/* Does the configuration name anybody? Without one that can be read: not known, so true. */
static bool
is_for_somebody(const AkmaDoctor *self, const char *id)
{
    static const char *const keys[] = {"users", "groups", "units"};
    g_autofree char *group = g_strconcat("application ", id, NULL);

    for (size_t i = 0; self->settings && i < G_N_ELEMENTS(keys); i++) {
        const char *value = akma_settings_get(self->settings, group, keys[i]);

        if (value && *value)
            return true;
    }

    return !self->settings;
}

static void
add(GString *text, const char *id)
{
    g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", id);
}

void
akma_doctor_authorization(AkmaDoctor *self, AkmaFinding *finding)
{
    g_autoptr(GString) allowed = g_string_new(NULL);
    g_autoptr(GString) refused = g_string_new(NULL);
    unsigned uid = (unsigned)getuid();

    for (guint i = 0; i < self->applications->len; i++) {
        const AkmaDoctorObject *one = self->applications->pdata[i];
        const char *id = akma_doctor_get_text(one->properties, "Id");
        Answer answer = ask(self, one);

        if (answer != UNKNOWN)
            add(answer == ALLOWED ? allowed : refused, id);
        if (answer == REFUSED && !is_for_somebody(self, id)) {
            akma_finding_fault(finding,
                               AKMA_ERROR_NOT_AUTHORIZED,
                               NULL,
                               "%s: no users=, groups= or units=: nobody may have its key",
                               id);
            return;
        }
    }

    if (allowed->len > 0)
        akma_finding_good(finding, "uid %u may have %s", uid, allowed->str);
    else if (refused->len == 0)
        akma_finding_unseen(finding, "there is no application to ask for");
    else if (uid == 0) /* who looks after the gateway need not be one of them */
        akma_finding_good(finding, "others than root may have %s", refused->str);
    else
        akma_finding_fault(finding,
                           AKMA_ERROR_NOT_AUTHORIZED,
                           "add who is to have it to users=, groups= or units= of the application",
                           "uid %u may not have %s",
                           uid,
                           refused->str);
}
