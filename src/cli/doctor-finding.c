/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-finding: what a check says, and which check an error of the agent belongs to. */
#include "cli/doctor.h"

static void G_GNUC_PRINTF(5, 0) set(AkmaFinding *self,
                                    AkmaVerdict verdict,
                                    AkmaError code,
                                    const char *next,
                                    const char *format,
                                    va_list args)
{
    char *message = g_strdup_vprintf(format, args);
    char *copy = g_strdup(next);

    akma_finding_clear(self);
    self->verdict = verdict;
    self->code = code;
    self->message = message;
    self->next = copy;
}

void
akma_finding_clear(AkmaFinding *self)
{
    g_clear_pointer(&self->message, g_free);
    g_clear_pointer(&self->next, g_free);
}

void
akma_finding_unseen(AkmaFinding *self, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(self, AKMA_VERDICT_UNSEEN, AKMA_ERROR_INTERNAL, NULL, format, args);
    va_end(args);
}

void
akma_finding_good(AkmaFinding *self, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(self, AKMA_VERDICT_GOOD, AKMA_ERROR_INTERNAL, NULL, format, args);
    va_end(args);
}

void
akma_finding_fault(AkmaFinding *self, AkmaError code, const char *next, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(self, AKMA_VERDICT_FAULT, code, next, format, args);
    va_end(args);
}

const char *
akma_finding_get_next(const AkmaFinding *self)
{
    const GError row = {.domain = AKMA_ERROR, .code = (int)self->code, .message = self->message};

    if (self->verdict != AKMA_VERDICT_FAULT)
        return NULL;

    return self->next ? self->next : akma_error_get_hint(&row);
}

const char *
akma_doctor_check_of(AkmaError code)
{
    switch (code) {
    case AKMA_ERROR_INTERNAL:
    case AKMA_ERROR_INVALID_ARGUMENT:
    case AKMA_ERROR_CONFIG_INVALID:
    case AKMA_ERROR_NOT_RUNNING:
    case AKMA_ERROR_STORE_FAILED:
        return "daemon";
    case AKMA_ERROR_NO_MODEM:
    case AKMA_ERROR_MODEM_FAILED:
        return "modem";
    case AKMA_ERROR_NO_SIM:
    case AKMA_ERROR_PIN_REQUIRED:
    case AKMA_ERROR_SIM_BLOCKED:
        return "sim";
    case AKMA_ERROR_ANCHOR_UNSUPPORTED:
    case AKMA_ERROR_ANCHOR_NOT_READY:
    case AKMA_ERROR_ANCHOR_REJECTED:
    case AKMA_ERROR_ANCHOR_KEY_UNKNOWN:
        return "anchor";
    case AKMA_ERROR_SERVER_UNREACHABLE:
    case AKMA_ERROR_SERVER_NOT_AUTHENTIC:
    case AKMA_ERROR_SERVER_REFUSED:
    case AKMA_ERROR_RATE_LIMITED:
    case AKMA_ERROR_UPSTREAM_FAILED:
        return "server";
    case AKMA_ERROR_NOT_READY:
    case AKMA_ERROR_NOT_ENTITLED:
    case AKMA_ERROR_KEY_UNKNOWN:
    case AKMA_ERROR_KEY_REVOKED:
        return "entitlement";
    case AKMA_ERROR_NOT_AUTHORIZED:
        return "authorization";
    }

    return "daemon"; /* of an agent that is newer than we */
}

char *
akma_finding_dup_message(const AkmaFinding *self)
{
    const GError row = {.domain = AKMA_ERROR, .code = (int)self->code, .message = self->message};

    /* the end of a message that says what to do is told as such */
    return self->verdict == AKMA_VERDICT_FAULT ? akma_error_dup_message(&row)
                                               : g_strdup(self->message);
}

static bool
take(GVariant *properties, const char *prefix, const char *check, AkmaFinding *finding)
{
    const char *name = "";
    const char *message = "";
    AkmaError code = AKMA_ERROR_INTERNAL;

    g_variant_lookup(properties, "LastError", "(&s&s)", &name, &message);
    if (!*name)
        return false;
    akma_error_find(name, &code); /* else of an agent that is newer than we */
    if (!g_str_equal(akma_doctor_check_of(code), check))
        return false;
    akma_finding_fault(finding, code, NULL, "%s%s", prefix, message);

    return true;
}

bool
akma_doctor_take_last_error(AkmaDoctor *self, const char *check, AkmaFinding *finding)
{
    for (guint i = 0; i < self->applications->len; i++) {
        const AkmaDoctorObject *one = self->applications->pdata[i];
        g_autofree char *prefix =
            g_strconcat(akma_doctor_get_text(one->properties, "Id"), ": ", NULL);

        if (take(one->properties, prefix, check, finding))
            return true;
    }

    return self->manager && take(self->manager, "", check, finding);
}

bool
akma_doctor_has_last_error(const AkmaDoctorObject *object)
{
    const char *name = "";

    g_variant_lookup(object->properties, "LastError", "(&s&s)", &name, NULL);

    return *name != '\0';
}
