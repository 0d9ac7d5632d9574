/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-dns: the addresses of the servers' names. */
#include "cli/doctor.h"

typedef struct {
    GCancellable *cancellable;
    GList *addresses;
    GError *error;
    bool done;
    bool late;
} Lookup;

static void
lookup_done(GObject *resolver, GAsyncResult *result, gpointer user_data)
{
    Lookup *lookup = user_data;

    lookup->addresses =
        g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &lookup->error);
    lookup->done = true;
}

static gboolean
give_up(gpointer user_data)
{
    Lookup *lookup = user_data;

    lookup->late = true;
    g_cancellable_cancel(lookup->cancellable);

    return G_SOURCE_REMOVE;
}

/* A name server that is silent must not hold us up: the call of libc has no deadline of ours. */
static bool
find_addresses(AkmaDoctorServer *server, unsigned wait_s, AkmaFinding *finding)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    Lookup lookup = {.cancellable = cancellable};
    guint timer = g_timeout_add_seconds(wait_s, give_up, &lookup);

    g_resolver_lookup_by_name_async(resolver, server->peer, cancellable, lookup_done, &lookup);
    while (!lookup.done)
        g_main_context_iteration(NULL, TRUE);
    if (!lookup.late)
        g_source_remove(timer);

    server->addresses = lookup.addresses;
    error = lookup.error;
    if (!error)
        return true;
    if (finding->message)
        return false; /* the first fault is told */
    akma_finding_fault(finding,
                       AKMA_ERROR_SERVER_UNREACHABLE,
                       "see whether the network is up, and url=, connect= and https-proxy= in "
                       "[server] are right",
                       "%s: %s: %s",
                       server->name,
                       server->peer,
                       lookup.late ? "no name server answers in time" : error->message);

    return false;
}

void
akma_doctor_dns(AkmaDoctor *self, AkmaFinding *finding)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (self->config_fault) {
        akma_finding_fault(
            finding, AKMA_ERROR_CONFIG_INVALID, NULL, "%s", self->config_fault->message);
        return;
    }
    if (self->servers->len == 0) {
        akma_finding_unseen(
            finding, "%s", self->config_unread ? self->config_unread : "no server is configured");
        return;
    }

    for (guint i = 0; i < self->servers->len; i++) {
        AkmaDoctorServer *server = self->servers->pdata[i];
        g_autofree char *address = NULL;

        /* the others are looked up too: their checks go on */
        if (!find_addresses(server, self->wait_s, finding))
            continue;
        address = g_inet_address_to_string(server->addresses->data);
        g_string_append_printf(
            text, "%s%s is at %s", text->len > 0 ? "; " : "", server->peer, address);
    }
    if (!finding->message)
        akma_finding_good(finding, "%s", text->str);
}
