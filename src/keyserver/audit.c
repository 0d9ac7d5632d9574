/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/error.h"

/* They are promised to whoever reads the lines. */
static const char *const events[] = {
    "session",
    "delivered",
    "refused",
    "rotated",
    "revoked",
    "imported",
    "exported",
    NULL,
};

struct _AkmaAudit {
    int fd; /* -1: the journal */
    bool own;
};

AkmaAudit *
akma_audit_new(const char *file, bool quiet, GError **error)
{
    g_autoptr(AkmaAudit) self = g_new0(AkmaAudit, 1);

    self->fd = quiet ? -1 : STDERR_FILENO;
    if (file) {
        self->fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
        self->own = true;
        if (self->fd < 0) {
            g_set_error(error,
                        AKMA_ERROR,
                        AKMA_ERROR_CONFIG_INVALID,
                        "[server] audit-file: cannot open %s: %s",
                        file,
                        g_strerror(errno));
            return NULL;
        }
    }

    return g_steal_pointer(&self);
}

void
akma_audit_free(AkmaAudit *self)
{
    if (!self)
        return;

    if (self->own && self->fd >= 0)
        close(self->fd);
    g_free(self);
}

static void
add(json_t *line, const char *name, const char *value)
{
    json_object_set_new(line, name, value ? json_string(value) : json_null());
}

void
akma_audit_write(AkmaAudit *self, const AkmaAuditEvent *event)
{
    json_t *line;
    struct iovec parts[2];
    char *text;

    g_return_if_fail(g_strv_contains(events, event->event));

    line = json_object();
    json_object_set_new(line, "time", json_integer(g_get_real_time() / G_USEC_PER_SEC));
    add(line, "event", event->event);
    add(line, "terminal", event->terminal);
    add(line, "application", event->application);
    add(line, "kid", event->kid);
    add(line, "cause", event->cause);
    add(line, "address", event->address);
    add(line, "actor", event->actor);
    text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (!text)
        return;

    parts[0] = (struct iovec){text, strlen(text)};
    parts[1] = (struct iovec){(char *)"\n", 1};
    if (self->fd < 0)
        sd_journal_send("MESSAGE=%s", text, "SYSLOG_IDENTIFIER=akma-keyserver", NULL);
    else if (writev(self->fd, parts, G_N_ELEMENTS(parts)) < 0)
        g_warning("cannot write to the audit log: %s, ignoring", g_strerror(errno));
    free(text);
}

void
akma_audit_write_answer(AkmaAudit *self, const AkmaAuditEvent *who, const AkmaKeySet *set)
{
    AkmaAuditEvent event = *who;

    event.event = "delivered";
    for (guint i = 0; i < set->keys->len; i++) {
        const AkmaKey *key = set->keys->pdata[i];

        event.application = key->key_id;
        event.kid = key->kid;
        akma_audit_write(self, &event);
    }
    event.event = "refused";
    event.kid = NULL;
    for (guint i = 0; i < set->errors->len; i++) {
        const AkmaKeyError *error = set->errors->pdata[i];

        event.application = error->key_id;
        event.cause = akma_cause_get_name(error->cause);
        akma_audit_write(self, &event);
    }
}
