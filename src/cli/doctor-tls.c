/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-tls: connects to each server and lets it prove its name, as akmad would. */
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor.h"

#define ADDRESSES_MAX 3

/* By way of this interface, as akmad goes. */
static void
on_event(GSocketClient *client G_GNUC_UNUSED,
         GSocketClientEvent event,
         GSocketConnectable *connectable G_GNUC_UNUSED,
         GIOStream *stream,
         gpointer user_data)
{
    const char *interface = user_data;

    if (event != G_SOCKET_CLIENT_CONNECTING)
        return;
    setsockopt(g_socket_get_fd(g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream))),
               SOL_SOCKET,
               SO_BINDTODEVICE,
               interface,
               (socklen_t)strnlen(interface, IFNAMSIZ));
}

/* NULL with @server->no_answer set. */
static GSocketConnection *
connect_to(AkmaDoctorServer *server, unsigned wait_s)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GError) error = NULL;
    unsigned n = 0;

    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, wait_s);
    if (server->interface)
        g_signal_connect(client, "event", G_CALLBACK(on_event), server->interface);

    for (GList *l = server->addresses; l && n < ADDRESSES_MAX; l = l->next, n++) {
        g_autoptr(GSocketAddress) address = g_inet_socket_address_new(l->data, server->port);
        GSocketConnection *connection;

        g_clear_error(&error);
        connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, &error);
        if (connection)
            return connection;
    }
    server->no_answer = g_steal_pointer(&error);

    return NULL;
}

/* False: the fault is in @finding. Else, where it could be looked at, *@ret_text is set. */
static bool
check_server(AkmaDoctorServer *server,
             unsigned wait_s,
             AkmaFinding *finding,
             char **ret_seen,
             char **ret_unseen)
{
    g_autoptr(GSocketConnection) connection = NULL;
    g_autoptr(GError) error = NULL;

    if (!server->addresses) {
        *ret_unseen = g_strdup("no address to connect to");
        return true;
    }
    connection = connect_to(server, wait_s);
    if (!connection) {
        *ret_unseen = g_strdup("no connection");
    } else if (server->by_proxy) {
        *ret_unseen = g_strdup("behind https-proxy=, whose matter it is");
    } else if (server->is_psk) {
        *ret_unseen = g_strdup("profile=psk has no certificate");
    } else if (server->ca_file && access(server->ca_file, R_OK) != 0 && getuid() != 0) {
        *ret_unseen = g_strdup_printf("%s is not for this user to read", server->ca_file);
    } else if (!akma_doctor_shake_hands(
                   server, wait_s, g_socket_connection_get_socket(connection), ret_seen, &error)) {
        akma_finding_fault(
            finding,
            (AkmaError)error->code,
            g_get_real_time() / G_USEC_PER_SEC < AKMA_BUILD_TIME ? "set the clock first" : NULL,
            "%s: %s",
            server->name,
            error->message);
        return false;
    }

    return true;
}

void
akma_doctor_tls(AkmaDoctor *self, AkmaFinding *finding)
{
    g_autoptr(GString) good = g_string_new(NULL);
    g_autoptr(GString) other = g_string_new(NULL);
    bool ok = true;

    if (self->servers->len == 0) {
        akma_finding_unseen(finding, "no server is known");
        return;
    }
    for (guint i = 0; i < self->servers->len; i++) {
        AkmaDoctorServer *server = self->servers->pdata[i];
        g_autofree char *seen = NULL;
        g_autofree char *unseen = NULL;

        if (ok)
            ok = check_server(server, self->wait_s, finding, &seen, &unseen);
        if (seen)
            g_string_append_printf(good, "%s%s: %s", good->len ? "; " : "", server->name, seen);
        if (unseen)
            g_string_append_printf(other, "%s%s: %s", other->len ? "; " : "", server->name, unseen);
    }
    if (!ok)
        return;
    if (good->len > 0)
        akma_finding_good(finding, "%s%s%s", good->str, other->len ? "; " : "", other->str);
    else
        akma_finding_unseen(finding, "%s", other->str);
}
