/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/credentials.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/credential-name.h"
#include "base/error.h"
#include "base/event.h"
#include "base/listener.h"

#define GUESTS_MAX     256
#define SEND_TIMEOUT_S 10

struct _AkmaCredentials {
    AkmaListener *listener;
    AkmaConfig *config;
    AkmaCredentialsPeek peek;
    gpointer agent;
    GPtrArray *guests;
};

/*
 * One connection of systemd.
 *
 *   WAITING (no key yet) --> SENDING --> gone
 *        +-- hangs up, too late, refused --> gone
 */
typedef struct {
    AkmaCredentials *owner;
    int fd;
    guint source;
    guint deadline;
    char *unit;
    char *application;
    char *kid;          /* SENDING */
    AkmaSecret *secret; /* SENDING */
    size_t sent;
} Guest;

static void
guest_free(gpointer data)
{
    Guest *guest = data;

    g_clear_handle_id(&guest->source, g_source_remove);
    g_clear_handle_id(&guest->deadline, g_source_remove);
    close(guest->fd);
    akma_secret_unref(guest->secret);
    g_free(guest->unit);
    g_free(guest->application);
    g_free(guest->kid);
    g_free(guest);
}

/* Closes the connection. */
static void
dismiss(Guest *guest)
{
    AkmaCredentials *self = guest->owner;

    g_ptr_array_remove_fast(self->guests, guest);
    akma_listener_set_full(self->listener, false);
}

static void
refuse(Guest *guest, AkmaEvent event, const char *why, const char *next)
{
    akma_event_log(event,
                   guest->application,
                   NULL,
                   "credential %s of unit %s: %s: %s",
                   guest->application,
                   guest->unit,
                   why,
                   next);
    dismiss(guest);
}

static gboolean
send_more(int fd, GIOCondition condition, gpointer user_data)
{
    Guest *guest = user_data;
    size_t len;
    const uint8_t *bytes = akma_secret_peek(guest->secret, &len);
    ssize_t n = 0;

    (void)condition;
    while (guest->sent < len && n >= 0) {
        n = send(fd, bytes + guest->sent, len - guest->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            guest->sent += (size_t)n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;

    if (n < 0)
        refuse(guest, AKMA_EVENT_CREDENTIAL_LOST, g_strerror(errno), "start the unit again");
    else {
        akma_event_log(AKMA_EVENT_CREDENTIAL_GIVEN,
                       guest->application,
                       guest->kid,
                       "credential %s of unit %s: key %s: allowed",
                       guest->application,
                       guest->unit,
                       guest->kid);
        dismiss(guest);
    }

    return G_SOURCE_REMOVE;
}

static gboolean
send_timeout(gpointer user_data)
{
    Guest *guest = user_data;

    guest->deadline = 0;
    refuse(guest, AKMA_EVENT_CREDENTIAL_LOST, "it is not read", "start the unit again");

    return G_SOURCE_REMOVE;
}

/* From now on the guest has its copy: the key may be replaced meanwhile. */
static void
begin_to_send(Guest *guest, const AkmaStoredKey *key)
{
    guest->kid = g_strdup(key->kid);
    guest->secret = akma_secret_ref(key->secret);
    g_clear_handle_id(&guest->source, g_source_remove);
    g_clear_handle_id(&guest->deadline, g_source_remove);
    guest->deadline = g_timeout_add_seconds(SEND_TIMEOUT_S, send_timeout, guest);
    guest->source = g_unix_fd_add(guest->fd, G_IO_OUT, send_more, guest);
}

static const AkmaConfigApplication *
find_application(const AkmaConfig *config, const char *name)
{
    const GPtrArray *applications = akma_config_get_applications(config);

    for (guint i = 0; i < applications->len; i++) {
        const AkmaConfigApplication *each = applications->pdata[i];

        if (g_str_equal(each->name, name))
            return each;
    }

    return NULL;
}

static bool
may_have(const Guest *guest, const AkmaConfigApplication *application)
{
    const AkmaAuthRule rule = akma_config_application_get_rule(application);

    return akma_auth_unit_may_get_key(guest->unit, &rule);
}

/* Gives the key, waits on, or refuses. @last: it was waited for long enough. */
static void
look(Guest *guest, bool last)
{
    AkmaCredentials *self = guest->owner;
    const AkmaConfigApplication *application = find_application(self->config, guest->application);
    g_autoptr(GError) error = NULL;
    const AkmaStoredKey *key;

    if (guest->secret)
        return;
    if (!application) {
        refuse(guest,
               AKMA_EVENT_CREDENTIAL_REFUSED,
               "refused, there is no such application",
               "name the credential as an [application NAME], or NAME.key");
        return;
    }
    if (!may_have(guest, application)) {
        g_autofree char *next = g_strdup_printf("add units=%s to it", guest->unit);

        refuse(guest,
               AKMA_EVENT_CREDENTIAL_REFUSED,
               "refused, the application does not name the unit",
               next);
        return;
    }
    key = self->peek(self->agent, guest->application, NULL, &error);
    if (key)
        begin_to_send(guest, key);
    else if (last || !g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NOT_READY))
        refuse(guest, AKMA_EVENT_CREDENTIAL_LOST, error->message, "see akmactl status");
}

static gboolean
waited_enough(gpointer user_data)
{
    Guest *guest = user_data;

    guest->deadline = 0;
    look(guest, true);

    return G_SOURCE_REMOVE;
}

static gboolean
hung_up(int fd, GIOCondition condition, gpointer user_data)
{
    Guest *guest = user_data;

    (void)fd;
    (void)condition;
    g_debug("credential %s of unit %s: hung up", guest->application, guest->unit);
    dismiss(guest);

    return G_SOURCE_REMOVE;
}

/* Who connects, by the kernel; the address is what it says itself. */
static void
receive(int fd, const struct sockaddr_un *address, socklen_t address_len, gpointer user_data)
{
    AkmaCredentials *self = user_data;
    const size_t lead = offsetof(struct sockaddr_un, sun_path);
    Guest *guest = g_new0(Guest, 1);
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof peer;
    unsigned wait_s = akma_config_get_credential_wait_s(self->config);

    guest->owner = self;
    guest->fd = fd;
    g_ptr_array_add(self->guests, guest);
    akma_listener_set_full(self->listener, self->guests->len >= GUESTS_MAX);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.uid != 0) {
        akma_event_log(AKMA_EVENT_CREDENTIAL_REFUSED,
                       NULL,
                       NULL,
                       "credential refused to uid %u pid %ld, only systemd may ask: "
                       "set SocketMode=0600 and SocketUser=root, and fetch keys over D-Bus",
                       peer.uid,
                       (long)peer.pid);
        dismiss(guest);
        return;
    }
    if (address_len <= lead + 1 || address->sun_path[0] != '\0' ||
        !akma_credential_name_parse(
            address->sun_path + 1, address_len - lead - 1, &guest->unit, &guest->application)) {
        akma_event_log(AKMA_EVENT_CREDENTIAL_REFUSED,
                       NULL,
                       NULL,
                       "credential refused to uid 0 pid %ld, its address names no unit: "
                       "connect with LoadCredential=APPLICATION.key:PATH of a unit",
                       (long)peer.pid);
        dismiss(guest);
        return;
    }
    guest->deadline = g_timeout_add_seconds(wait_s, waited_enough, guest);
    guest->source = g_unix_fd_add(fd, G_IO_HUP | G_IO_ERR, hung_up, guest);
    look(guest, wait_s == 0);
}

static void
cannot_receive(int error, gpointer user_data G_GNUC_UNUSED)
{
    g_warning("credential socket: cannot let in who connects: %s; trying again", g_strerror(error));
}

AkmaCredentials *
akma_credentials_new(int fd, AkmaConfig *config, AkmaCredentialsPeek peek, gpointer agent)
{
    AkmaCredentials *self = g_new0(AkmaCredentials, 1);

    self->config = akma_config_ref(config);
    self->peek = peek;
    self->agent = agent;
    self->guests = g_ptr_array_new_with_free_func(guest_free);
    self->listener = akma_listener_new(fd, receive, cannot_receive, self);

    return self;
}

void
akma_credentials_free(AkmaCredentials *self)
{
    if (!self)
        return;

    g_ptr_array_unref(self->guests);
    akma_listener_free(self->listener);
    akma_config_unref(self->config);
    g_free(self);
}

void
akma_credentials_configure(AkmaCredentials *self, AkmaConfig *config)
{
    akma_config_ref(config);
    akma_config_unref(self->config);
    self->config = config;
}

void
akma_credentials_retry(AkmaCredentials *self)
{
    /* backwards: one that is dismissed is replaced by the last, which was looked at */
    for (guint i = self->guests->len; i > 0; i--)
        look(self->guests->pdata[i - 1], false);
}
