/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-card: modem, SIM and anchor, as akmad tells of them. */
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"

#define NOT_ASKED "akmad was not asked"

/* "a, b" of a text of each modem; those with @state only, unless that is NULL. */
static char *
join(const AkmaDoctor *self, const char *name, const char *state)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < self->modems->len; i++) {
        const AkmaDoctorObject *one = self->modems->pdata[i];

        if (!state || g_str_equal(akma_doctor_get_text(one->properties, "SimState"), state))
            g_string_append_printf(text,
                                   "%s%s",
                                   text->len > 0 ? ", " : "",
                                   akma_doctor_get_text(one->properties, name));
    }

    return g_string_free(g_steal_pointer(&text), FALSE);
}

void
akma_doctor_modem(AkmaDoctor *self, AkmaFinding *finding)
{
    g_autofree char *devices = join(self, "Device", NULL);

    if (!self->manager)
        akma_finding_unseen(finding, NOT_ASKED);
    else if (akma_doctor_take_last_error(self, "modem", finding))
        return;
    else if (self->modems->len == 0)
        akma_finding_fault(finding, AKMA_ERROR_NO_MODEM, NULL, "akmad has found no modem");
    else
        akma_finding_good(finding, "%s", devices);
}

void
akma_doctor_sim(AkmaDoctor *self, AkmaFinding *finding)
{
    static const struct {
        const char *state;
        AkmaError code;
        const char *message;
    } faults[] = {
        {"blocked", AKMA_ERROR_SIM_BLOCKED, "the SIM is blocked in"},
        {"pin-required", AKMA_ERROR_PIN_REQUIRED, "the SIM waits for its PIN in"},
        {"absent", AKMA_ERROR_NO_SIM, "there is no SIM in"},
    };
    g_autofree char *ready = join(self, "Device", "ready");

    if (!self->manager || self->modems->len == 0) {
        akma_finding_unseen(finding, self->manager ? "no modem to look into" : NOT_ASKED);
        return;
    }
    if (*ready) {
        if (!akma_doctor_take_last_error(self, "sim", finding))
            akma_finding_good(finding, "ready in %s", ready);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *devices = join(self, "Device", faults[i].state);

        if (*devices) {
            akma_finding_fault(finding, faults[i].code, NULL, "%s %s", faults[i].message, devices);
            return;
        }
    }
    akma_finding_unseen(finding, "akmad does not know its state yet");
}

/* The anchors of the first card that is ready; NULL without one. */
static const AkmaDoctorObject *
find_ready(const AkmaDoctor *self)
{
    for (guint i = 0; i < self->modems->len; i++) {
        const AkmaDoctorObject *one = self->modems->pdata[i];

        if (g_str_equal(akma_doctor_get_text(one->properties, "SimState"), "ready"))
            return one;
    }

    return NULL;
}

/* Is GBA no way out if the file of AKMA is empty? */
static bool
needs_akma(const AkmaDoctor *self, const char *const *anchors)
{
    bool has_gba = g_strv_contains(anchors, "gba-me") || g_strv_contains(anchors, "gba-u");

    for (guint i = 0; i < self->servers->len; i++) {
        const AkmaDoctorServer *server = self->servers->pdata[i];
        g_autofree char *group = g_strconcat("server ", server->name, NULL);

        if (g_str_equal(akma_settings_get(self->settings, group, "anchor"), "akma"))
            return true;
    }

    return !has_gba;
}

/* The state of EF_5GAUTHKEYS; NULL with *@why if it cannot be asked for. Free with g_free(). */
static char *
dup_key_file(AkmaDoctor *self, const AkmaDoctorObject *modem, const char **why)
{
    g_autoptr(GVariant) answer = NULL;
    g_autoptr(GVariant) report = NULL;
    const char *state = "unknown";

    /* it is for managers, and whoever may be asked for a password is not to be */
    if (getuid() != 0 && getuid() != self->owner_uid) {
        *why = "is for root to look at";
        return NULL;
    }
    answer =
        akma_doctor_call(self, self->owner, modem->path, "org.akmad1.Modem", "Probe", NULL, NULL);
    if (!answer || !g_variant_is_of_type(answer, G_VARIANT_TYPE("(a{sv})"))) {
        *why = "could not be looked at now";
        return NULL;
    }
    report = g_variant_get_child_value(answer, 0);
    g_variant_lookup(report, "key-file", "&s", &state);

    return g_strdup(state);
}

void
akma_doctor_anchor(AkmaDoctor *self, AkmaFinding *finding)
{
    const AkmaDoctorObject *modem = find_ready(self);
    g_autofree const char **anchors = NULL;
    g_autofree char *list = NULL;
    g_autofree char *key_file = NULL;
    const char *why = "";

    if (!modem) {
        akma_finding_unseen(finding, self->manager ? "no SIM to look at" : NOT_ASKED);
        return;
    }
    if (akma_doctor_take_last_error(self, "anchor", finding))
        return;
    if (!g_variant_lookup(modem->properties, "Anchors", "^a&s", &anchors) || !anchors[0]) {
        akma_finding_fault(finding,
                           AKMA_ERROR_ANCHOR_UNSUPPORTED,
                           NULL,
                           "the SIM has neither service 123 (AKMA) nor 68 (GBA)");
        return;
    }

    list = g_strjoinv(", ", (char **)anchors);
    if (!g_strv_contains(anchors, "akma")) {
        akma_finding_good(finding, "the SIM has %s", list);
        return;
    }
    key_file = dup_key_file(self, modem, &why);
    if (!key_file)
        akma_finding_good(finding, "the SIM has %s; EF_5GAUTHKEYS %s", list, why);
    else if (g_str_equal(key_file, "empty") && needs_akma(self, anchors))
        akma_finding_fault(finding,
                           AKMA_ERROR_ANCHOR_NOT_READY,
                           NULL,
                           "EF_5GAUTHKEYS of the SIM is empty: not registered on 5G yet");
    else
        akma_finding_good(finding, "the SIM has %s; EF_5GAUTHKEYS is %s", list, key_file);
}
