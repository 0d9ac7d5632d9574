/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* port-open: from a path to an open QMI device with its clients. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "modem/qmi/port-private.h"

#define CLOSE_S 1

/*
 *   NEW --> OPEN --> CLIENT (UIM, NAS, DMS in turn) --> done
 *    ^       |         |
 *    +-------+---------+ next try:
 *
 * - no proxy to be had, and none is asked for: the same without it;
 * - no client left, and nobody else uses the port: the same with SYNC, which frees those that a
 *   program lost when it died;
 * - the driver does not tell what the port speaks, and QMI did not get through: over MBIM.
 *
 * Each step has a deadline. libqmi's own are in whole seconds, and over MBIM it tries for longer.
 */
typedef struct {
    char *path;
    AkmaProxy proxy;
    unsigned timeout_ms;
    bool may_be_mbim; /* not tried yet */
    bool over_mbim;
    bool by_proxy;
    bool with_sync;
    bool is_open;
    GCancellable *stop; /* of the step that runs: cancelled by the caller, or too late */
    GSource *deadline;
    GSource *watch; /* of the caller's cancellable */
    QmiDevice *device;
    AkmaQmiPort *port;
    unsigned client;
} Opening;

static void begin_new(GTask *owned);
static void begin_client(GTask *owned);

/* Lets go of a device in whatever state it is. */
static void
drop_device(Opening *opening)
{
    if (opening->port)
        akma_qmi_port_close(opening->port);
    else if (opening->device)
        qmi_device_close_async(opening->device, CLOSE_S, NULL, NULL, NULL);
    g_clear_object(&opening->port);
    g_clear_object(&opening->device);
    opening->is_open = false;
    opening->client = 0;
}

static void
end_step(Opening *opening)
{
    if (opening->deadline)
        g_source_destroy(opening->deadline);
    if (opening->watch)
        g_source_destroy(opening->watch);
    g_clear_pointer(&opening->deadline, g_source_unref);
    g_clear_pointer(&opening->watch, g_source_unref);
    g_clear_object(&opening->stop);
}

static void
opening_free(Opening *opening)
{
    end_step(opening);
    drop_device(opening);
    g_free(opening->path);
    g_free(opening);
}

static unsigned
get_timeout_s(const Opening *opening)
{
    return MAX(1, (opening->timeout_ms + 999) / 1000);
}

static gboolean
expired(gpointer user_data)
{
    g_cancellable_cancel(user_data);

    return G_SOURCE_REMOVE;
}

static gboolean
cancelled(GCancellable *cancellable G_GNUC_UNUSED, gpointer user_data)
{
    return expired(user_data);
}

/* What the step is to stop at. Borrowed until end_step(). */
static GCancellable *
begin_step(GTask *task)
{
    Opening *opening = g_task_get_task_data(task);
    GCancellable *cancellable = g_task_get_cancellable(task);

    end_step(opening);
    opening->stop = g_cancellable_new();
    opening->deadline = g_timeout_source_new_seconds(get_timeout_s(opening));
    g_source_set_callback(opening->deadline, expired, opening->stop, NULL);
    g_source_attach(opening->deadline, g_main_context_get_thread_default());
    if (cancellable) {
        opening->watch = g_cancellable_source_new(cancellable);
        g_source_set_callback(opening->watch, G_SOURCE_FUNC(cancelled), opening->stop, NULL);
        g_source_attach(opening->watch, g_main_context_get_thread_default());
    }

    return opening->stop;
}

static bool
is_driver(const char *path, const char *driver)
{
    g_autofree char *real = realpath(path, NULL);
    g_autofree char *name = g_path_get_basename(real ? real : path);
    g_autofree char *link = g_strdup_printf("/sys/class/usbmisc/%s/device/driver", name);
    g_autofree char *target = g_file_read_link(link, NULL);
    g_autofree char *found = target ? g_path_get_basename(target) : NULL;

    return found && g_str_equal(found, driver);
}

/* Ports of the kernel's WWAN framework have what they speak in their name: wwan0qmi0. */
static bool
is_wwan_port(const char *path, const char *kind)
{
    g_autofree char *name = g_path_get_basename(path);

    return g_str_has_prefix(name, "wwan") && strstr(name, kind);
}

static void
find_kind(Opening *opening)
{
    if (is_driver(opening->path, "cdc_mbim") || is_wwan_port(opening->path, "mbim"))
        opening->over_mbim = true;
    else if (!is_driver(opening->path, "qmi_wwan") && !is_wwan_port(opening->path, "qmi"))
        opening->may_be_mbim = true;
}

static bool
wants_proxy(AkmaProxy proxy)
{
    switch (proxy) {
    case AKMA_PROXY_AUTO: /* Debian's proxies serve no one else */
        return geteuid() == 0;
    case AKMA_PROXY_ALWAYS:
        return true;
    case AKMA_PROXY_NEVER:
        return false;
    }

    return false;
}

/* Changes what the next try does; false: there is none. */
static bool
find_next_try(Opening *opening, const GError *error)
{
    bool is_late = g_error_matches(error, QMI_CORE_ERROR, QMI_CORE_ERROR_TIMEOUT) ||
                   g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

    if (opening->by_proxy && !opening->is_open && !is_late && opening->proxy == AKMA_PROXY_AUTO) {
        opening->by_proxy = false;
        return true;
    }
    if (g_error_matches(error, QMI_PROTOCOL_ERROR, QMI_PROTOCOL_ERROR_CLIENT_IDS_EXHAUSTED) &&
        !opening->by_proxy && !opening->with_sync) {
        opening->with_sync = true;
        return true;
    }
    if (opening->may_be_mbim) {
        opening->may_be_mbim = false;
        opening->over_mbim = true;
        opening->with_sync = false;
        opening->by_proxy = wants_proxy(opening->proxy);
        return true;
    }

    return false;
}

static void
fail_try(GTask *owned, const GError *error)
{
    g_autoptr(GTask) task = owned;
    Opening *opening = g_task_get_task_data(task);

    if (g_task_return_error_if_cancelled(task))
        return;
    if (find_next_try(opening, error)) {
        g_debug("opening the port: %s, trying another way", error->message);
        drop_device(opening);
        begin_new(g_steal_pointer(&task));
        return;
    }

    g_task_return_new_error(task,
                            AKMA_ERROR,
                            AKMA_ERROR_MODEM_FAILED,
                            "opening the port: %s",
                            g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
                                ? "no answer of the modem"
                                : error->message);
}

static void
client_made(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Opening *opening = g_task_get_task_data(task);
    QmiClient *client = qmi_device_allocate_client_finish(QMI_DEVICE(source), res, &error);

    if (!client && opening->client == AKMA_QMI_CLIENT_UIM) {
        fail_try(g_steal_pointer(&task), error);
        return;
    }
    if (client)
        akma_qmi_port_add_client(opening->port, opening->client, client);

    opening->client++;
    if (opening->client < AKMA_QMI_CLIENTS)
        begin_client(g_steal_pointer(&task));
    else if (!g_task_return_error_if_cancelled(task)) {
        g_clear_object(&opening->device);
        g_task_return_pointer(task, g_steal_pointer(&opening->port), g_object_unref);
    }
}

static void
begin_client(GTask *owned)
{
    const Opening *opening = g_task_get_task_data(owned);

    qmi_device_allocate_client(opening->device,
                               (QmiService)akma_qmi_client_services[opening->client],
                               QMI_CID_NONE,
                               get_timeout_s(opening),
                               begin_step(owned),
                               client_made,
                               owned);
}

static void
device_open(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Opening *opening = g_task_get_task_data(task);

    if (!qmi_device_open_finish(QMI_DEVICE(source), res, &error)) {
        fail_try(g_steal_pointer(&task), error);
        return;
    }

    opening->is_open = true;
    opening->port = akma_qmi_port_new(g_object_ref(opening->device), opening->timeout_ms);
    begin_client(g_steal_pointer(&task));
}

static void
device_made(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Opening *opening = g_task_get_task_data(task);
    GCancellable *stop;
    QmiDeviceOpenFlags flags = QMI_DEVICE_OPEN_FLAGS_NONE;

    opening->device = qmi_device_new_finish(res, &error);
    if (!opening->device) {
        fail_try(g_steal_pointer(&task), error);
        return;
    }

    if (opening->over_mbim)
        flags |= QMI_DEVICE_OPEN_FLAGS_MBIM | QMI_DEVICE_OPEN_FLAGS_EXPECT_INDICATIONS;
    if (opening->by_proxy)
        flags |= QMI_DEVICE_OPEN_FLAGS_PROXY;
    if (opening->with_sync)
        flags |= QMI_DEVICE_OPEN_FLAGS_SYNC;
    stop = begin_step(task);
    qmi_device_open(
        opening->device, flags, get_timeout_s(opening), stop, device_open, g_steal_pointer(&task));
}

static void
begin_new(GTask *owned)
{
    const Opening *opening = g_task_get_task_data(owned);
    g_autoptr(GFile) file = g_file_new_for_path(opening->path);

    qmi_device_new(file, begin_step(owned), device_made, owned);
}

static bool
check_path(const char *path, GError **error)
{
    struct stat st;

    if (stat(path, &st) < 0) {
        g_set_error(error,
                    AKMA_ERROR,
                    errno == ENOENT || errno == ENODEV || errno == ENXIO ? AKMA_ERROR_NO_MODEM
                                                                         : AKMA_ERROR_MODEM_FAILED,
                    "%s: %s",
                    path,
                    g_strerror(errno));
        return false;
    }
    if (!S_ISCHR(st.st_mode)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "%s: not a device", path);
        return false;
    }

    return true;
}

void
akma_qmi_port_open_async(const AkmaPortConfig *config,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    Opening *opening = g_new0(Opening, 1);
    GError *error = NULL;

    g_task_set_source_tag(task, akma_qmi_port_open_async);
    g_task_set_task_data(task, opening, (GDestroyNotify)opening_free);
    opening->path = g_strdup(config->device);
    opening->proxy = config->proxy;
    opening->timeout_ms = config->timeout_ms;
    opening->by_proxy = wants_proxy(config->proxy);
    find_kind(opening);

    if (!check_path(opening->path, &error))
        g_task_return_error(task, error);
    else
        begin_new(g_steal_pointer(&task));
}

AkmaQmiPort *
akma_qmi_port_open_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
