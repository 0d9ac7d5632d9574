/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-server: does the server answer, and has it given the keys? */
#include "cli/doctor.h"
#include "cli/show.h"

void
akma_doctor_server(AkmaDoctor *self, AkmaFinding *finding)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < self->servers->len; i++) {
        const AkmaDoctorServer *server = self->servers->pdata[i];

        if (server->no_answer) {
            akma_finding_fault(finding,
                               AKMA_ERROR_SERVER_UNREACHABLE,
                               "see whether the server runs and the network lets us there",
                               "%s: %s port %u: %s",
                               server->name,
                               server->peer,
                               server->port,
                               server->no_answer->message);
            return;
        }
        if (server->addresses)
            g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", server->name);
    }
    if (akma_doctor_take_last_error(self, "server", finding)) {
        if (finding->code == AKMA_ERROR_SERVER_UNREACHABLE && text->len > 0)
            finding->next = g_strdup("it answers now: akmactl renew APP asks it again at once");
        return;
    }
    if (text->len > 0)
        akma_finding_good(finding, "connected to %s", text->str);
    else if (self->manager && self->applications->len > 0)
        akma_finding_unseen(finding, "akmad tells of no fault, and we know of no address");
    else
        akma_finding_unseen(finding, "no server is known");
}

/* Fault, or nothing said: @application has its key. */
static void
check_key(const AkmaDoctorObject *application, AkmaFinding *finding, GString *text)
{
    GVariant *properties = application->properties;
    const char *id = akma_doctor_get_text(properties, "Id");
    const char *state = akma_doctor_get_text(properties, "State");
    const char *kid = akma_doctor_get_text(properties, "KeyId");
    g_autofree char *validity = NULL;
    guint64 not_after = 0;

    if (g_str_equal(state, "revoked")) {
        akma_finding_fault(
            finding, AKMA_ERROR_KEY_REVOKED, NULL, "%s: the server took the key away", id);
        return;
    }
    if (!*kid) {
        if (!akma_doctor_has_last_error(application))
            akma_finding_fault(finding,
                               AKMA_ERROR_NOT_READY,
                               "wait for the exchange with the server: akmactl watch",
                               "%s: no key yet, state %s",
                               id,
                               state);
        return;
    }
    g_variant_lookup(properties, "NotAfter", "t", &not_after);
    validity = akma_show_validity(not_after, g_get_real_time() / G_USEC_PER_SEC);
    g_string_append_printf(text, "%s%s is %s", text->len > 0 ? ", " : "", kid, validity);
}

void
akma_doctor_entitlement(AkmaDoctor *self, AkmaFinding *finding)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (!self->manager) {
        akma_finding_unseen(finding, "akmad was not asked");
        return;
    }
    if (self->applications->len == 0) {
        akma_finding_fault(finding,
                           AKMA_ERROR_KEY_UNKNOWN,
                           "add a section [application NAME], see akmad.conf(5)",
                           "no application is configured");
        return;
    }
    if (akma_doctor_take_last_error(self, "entitlement", finding))
        return;
    for (guint i = 0; i < self->applications->len && !finding->message; i++)
        check_key(self->applications->pdata[i], finding, text);
    if (finding->message)
        return;
    if (text->len > 0)
        akma_finding_good(finding, "%s", text->str);
    else
        akma_finding_unseen(finding, "no key yet, for the fault above");
}
