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
 * Each step has a deadline and ends when the modem is unplugged. libqmi does not always heed that:
 * a step that is given up goes on without its task, and what it brings is given back.
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
    QmiDevice *device;
    AkmaQmiPort *port;
    unsigned client;
} Opening;

typedef struct {
    GTask *task; /* NULL: given up */
    GCancellable *stop;
    GSource *deadline;
    GSource *watch; /* of the caller's cancellable */
    QmiDevice *device;
    gulong removed_id;
} Step;

static void begin_new(GTask *owned);
static void begin_client(GTask *owned);
static void fail_try(GTask *owned, const GError *error);

static void
drop_device(Opening *opening)
{
    if (opening->port)
        akma_qmi_port_close(opening->port);
    g_clear_object(&opening->port);
    g_clear_object(&opening->device);
    opening->is_open = false;
    opening->client = 0;
}

static void
opening_free(Opening *opening)
{
    drop_device(opening);
    g_free(opening->path);
    g_free(opening);
}

static unsigned
get_timeout_s(const Opening *opening)
{
    return MAX(1, (opening->timeout_ms + 999) / 1000);
}

/* Whoever gets the task goes on with it. NULL: given up before. */
static GTask *
take_task(Step *step)
{
    if (step->deadline)
        g_source_destroy(step->deadline);
    if (step->watch)
        g_source_destroy(step->watch);
    if (step->removed_id > 0)
        g_signal_handler_disconnect(step->device, step->removed_id);
    g_clear_pointer(&step->deadline, g_source_unref);
    g_clear_pointer(&step->watch, g_source_unref);
    step->removed_id = 0;

    return g_steal_pointer(&step->task);
}

/* libqmi has done with it. */
static GTask *
end_step(Step *step)
{
    GTask *task = take_task(step);

    g_object_unref(step->stop);
    g_clear_object(&step->device);
    g_free(step);

    return task;
}

static void
give_up(Step *step, QmiCoreError code, const char *why)
{
    g_autoptr(GError) error = g_error_new_literal(QMI_CORE_ERROR, (int)code, why);
    g_autoptr(GCancellable) stop = g_object_ref(step->stop);
    GTask *task = take_task(step);

    g_cancellable_cancel(stop); /* which may end the step */
    fail_try(task, error);
}

static gboolean
expired(gpointer user_data)
{
    give_up(user_data, QMI_CORE_ERROR_TIMEOUT, "no answer of the modem");

    return G_SOURCE_REMOVE;
}

static gboolean
cancelled(GCancellable *cancellable G_GNUC_UNUSED, gpointer user_data)
{
    give_up(user_data, QMI_CORE_ERROR_FAILED, "cancelled");

    return G_SOURCE_REMOVE;
}

static void
removed(QmiDevice *device G_GNUC_UNUSED, gpointer user_data)
{
    give_up(user_data, QMI_CORE_ERROR_FAILED, "the modem went away");
}

static GSource *
attach(GSource *source, GSourceFunc callback, gpointer user_data)
{
    g_source_set_callback(source, callback, user_data, NULL);
    g_source_attach(source, g_main_context_get_thread_default());

    return source;
}

static Step *
begin_step(GTask *owned)
{
    const Opening *opening = g_task_get_task_data(owned);
    GCancellable *cancellable = g_task_get_cancellable(owned);
    Step *step = g_new0(Step, 1);

    step->task = owned;
    step->stop = g_cancellable_new();
    step->deadline = attach(g_timeout_source_new_seconds(get_timeout_s(opening)), expired, step);
    if (cancellable)
        step->watch = attach(g_cancellable_source_new(cancellable), G_SOURCE_FUNC(cancelled), step);
    if (opening->device) {
        step->device = g_object_ref(opening->device);
        step->removed_id =
            g_signal_connect(step->device, QMI_DEVICE_SIGNAL_REMOVED, G_CALLBACK(removed), step);
    }

    return step;
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
    bool is_late = g_error_matches(error, QMI_CORE_ERROR, QMI_CORE_ERROR_TIMEOUT);

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

    g_task_return_new_error(
        task, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "opening the port: %s", error->message);
}

static void
give_back(QmiDevice *device, QmiClient *client)
{
    qmi_device_release_client(
        device, client, QMI_DEVICE_RELEASE_CLIENT_FLAGS_RELEASE_CID, CLOSE_S, NULL, NULL, NULL);
}

static void
client_made(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = end_step(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(QmiClient) client =
        qmi_device_allocate_client_finish(QMI_DEVICE(source), res, &error);
    Opening *opening;

    if (!task) {
        if (client)
            give_back(QMI_DEVICE(source), client);
        return;
    }

    opening = g_task_get_task_data(task);
    if (!client && opening->client == AKMA_QMI_CLIENT_UIM) {
        fail_try(g_steal_pointer(&task), error);
        return;
    }
    if (client)
        akma_qmi_port_add_client(opening->port, opening->client, g_steal_pointer(&client));

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
    Step *step = begin_step(owned);

    qmi_device_allocate_client(opening->device,
                               (QmiService)akma_qmi_client_services[opening->client],
                               QMI_CID_NONE,
                               get_timeout_s(opening),
                               step->stop,
                               client_made,
                               step);
}

static void
device_open(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = end_step(user_data);
    g_autoptr(GError) error = NULL;
    bool is_open = qmi_device_open_finish(QMI_DEVICE(source), res, &error);
    Opening *opening;

    /* libqmi closes MBIM devices that it does not have, with a critical warning */
    if ((!task || !is_open) && qmi_device_is_open(QMI_DEVICE(source)))
        qmi_device_close_async(QMI_DEVICE(source), CLOSE_S, NULL, NULL, NULL);
    if (!task)
        return;
    if (!is_open) {
        fail_try(g_steal_pointer(&task), error);
        return;
    }

    opening = g_task_get_task_data(task);
    opening->is_open = true;
    opening->port = akma_qmi_port_new(g_object_ref(opening->device), opening->timeout_ms);
    begin_client(g_steal_pointer(&task));
}

static void
device_made(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = end_step(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(QmiDevice) device = qmi_device_new_finish(res, &error);
    QmiDeviceOpenFlags flags = QMI_DEVICE_OPEN_FLAGS_NONE;
    Opening *opening;
    Step *step;

    if (!task)
        return;
    opening = g_task_get_task_data(task);
    opening->device = g_steal_pointer(&device);
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
    step = begin_step(g_steal_pointer(&task));
    qmi_device_open(opening->device, flags, get_timeout_s(opening), step->stop, device_open, step);
}

static void
begin_new(GTask *owned)
{
    const Opening *opening = g_task_get_task_data(owned);
    g_autoptr(GFile) file = g_file_new_for_path(opening->path);
    Step *step = begin_step(owned);

    qmi_device_new(file, step->stop, device_made, step);
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
