/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor: runs the table of checks, in the order of the way that a key takes. */
#include "cli/doctor.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/show.h"

#define WAIT_S     10
#define WAIT_MAX_S 3600

static const struct {
    const char *name;
    AkmaDoctorCheck *run;
} checks[] = {
    {"daemon", akma_doctor_daemon},
    {"bus", akma_doctor_bus},
    {"modem", akma_doctor_modem},
    {"sim", akma_doctor_sim},
    {"anchor", akma_doctor_anchor},
    {"clock", akma_doctor_clock},
    {"dns", akma_doctor_dns},
    {"tls", akma_doctor_tls},
    {"server", akma_doctor_server},
    {"entitlement", akma_doctor_entitlement},
    {"authorization", akma_doctor_authorization},
    {"credentials", akma_doctor_credentials},
};

static void
object_free(gpointer data)
{
    AkmaDoctorObject *object = data;

    g_free(object->path);
    g_variant_unref(object->properties);
    g_free(object);
}

static void
doctor_clear(AkmaDoctor *self)
{
    g_clear_pointer(&self->settings, akma_settings_unref);
    g_clear_error(&self->config_fault);
    g_free(self->config_unread);
    g_ptr_array_unref(self->servers);
    g_clear_error(&self->bus_fault);
    g_clear_error(&self->bus_refusal);
    g_free(self->owner);
    g_clear_pointer(&self->manager, g_variant_unref);
    g_ptr_array_unref(self->modems);
    g_ptr_array_unref(self->applications);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaDoctor, doctor_clear)

static void
print_json(const char *check, const AkmaFinding *finding)
{
    json_t *ok = finding->verdict == AKMA_VERDICT_UNSEEN
                     ? json_null()
                     : json_boolean(finding->verdict == AKMA_VERDICT_GOOD);
    g_autofree char *raw = akma_finding_dup_message(finding);
    g_autofree char *message = g_utf8_make_valid(raw, -1);

    akma_json_print(json_pack("{s:s,s:o,s:s,s:s?}",
                              "check",
                              check,
                              "ok",
                              ok,
                              "message",
                              message,
                              "next",
                              akma_finding_get_next(finding)));
}

static void
print_text(const char *check, const AkmaFinding *finding)
{
    static const struct {
        const char *sign;
        const char *word; /* where there is no such sign */
        const char *state;
    } marks[] = {
        [AKMA_VERDICT_UNSEEN] = {"\u2013", "--", "pending"},
        [AKMA_VERDICT_GOOD] = {"\u2713", "ok", "ready"},
        [AKMA_VERDICT_FAULT] = {"\u2717", "NO", "failed"},
    };
    const char *mark =
        g_get_charset(NULL) ? marks[finding->verdict].sign : marks[finding->verdict].word;
    const char *start = akma_show_start_colour(marks[finding->verdict].state);
    const char *next = akma_finding_get_next(finding);
    g_autofree char *raw = akma_finding_dup_message(finding);
    g_autofree char *message = akma_show_dup_printable(raw);

    printf("%s%s%s %-14s %s\n", start, mark, akma_show_end_colour(start), check, message);
    if (next)
        printf("  next: %s\n", next);
    fflush(stdout);
}

static void
look(AkmaDoctor *self, unsigned i, AkmaFinding *finding)
{
    bool on_terminal = isatty(STDERR_FILENO);

    if (on_terminal)
        fprintf(stderr, "\r\033[K%s ...", checks[i].name);
    checks[i].run(self, finding);
    if (on_terminal)
        fputs("\r\033[K", stderr);
}

static bool
parse_wait(const char *text, unsigned *ret_s, GError **error)
{
    gint64 deadline;

    if (!akma_cli_parse_deadline("--timeout", text, &deadline, error))
        return false;
    *ret_s = WAIT_S;
    if (text)
        *ret_s = (unsigned)CLAMP(
            (deadline - g_get_monotonic_time()) / G_USEC_PER_SEC + 1, 1, WAIT_MAX_S);

    return true;
}

bool
akma_verb_doctor(AkmaCli *cli, GError **error)
{
    g_auto(AkmaDoctor) self = {
        .cli = cli,
        .owner_uid = (uid_t)-1,
        .servers = g_ptr_array_new_with_free_func(akma_doctor_server_free),
        .modems = g_ptr_array_new_with_free_func(object_free),
        .applications = g_ptr_array_new_with_free_func(object_free),
    };

    if (!parse_wait(cli->timeout, &self.wait_s, error))
        return false;
    cli->bus_wait_s = self.wait_s;
    akma_cli_connect(cli, &self.bus_fault);
    if (g_error_matches(self.bus_fault, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT)) {
        g_propagate_error(error, g_steal_pointer(&self.bus_fault));
        return false;
    }
    akma_doctor_load_config(&self);

    for (unsigned i = 0; i < G_N_ELEMENTS(checks); i++) {
        g_auto(AkmaFinding) finding = {0};

        look(&self, i, &finding);
        (cli->json ? print_json : print_text)(checks[i].name, &finding);
        if (finding.verdict == AKMA_VERDICT_FAULT && cli->status == 0)
            cli->status = (int)finding.code;
    }

    return true;
}
