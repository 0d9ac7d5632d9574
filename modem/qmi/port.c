/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/qmi/port.h"

#include <openssl/crypto.h>

#include "base/error.h"
#include "base/wiping.h"
#include "modem/qmi/port-private.h"

#define LATE_S     30 /* how long an answer may be late and still be known as one */
#define RELEASE_S  2
#define FRAME_MAX  32 /* what libqmi puts before our TLVs */
#define TLV_HEADER 3
#define CID_ALL    0xff

const AkmaQmiService akma_qmi_client_services[AKMA_QMI_CLIENTS] = {
    [AKMA_QMI_CLIENT_UIM] = AKMA_QMI_UIM,
    [AKMA_QMI_CLIENT_NAS] = AKMA_QMI_NAS,
    [AKMA_QMI_CLIENT_DMS] = AKMA_QMI_DMS,
};

struct _AkmaQmiPort {
    GObject parent;
    QmiDevice *device;
    QmiClient *clients[AKMA_QMI_CLIENTS];
    unsigned timeout_ms;
    const AkmaQmiPortEvents *events;
    gpointer user_data;
    GPtrArray *commands; /* Command, borrowed: those whose caller waits */
    gulong indication_id;
    gulong removed_id;
    bool is_gone;
    bool is_closed;
    bool is_scrub_due;
};

G_DEFINE_FINAL_TYPE(AkmaQmiPort, akma_qmi_port, G_TYPE_OBJECT)

/* One request. It lives until libqmi has done with it, its caller has an answer before. */
typedef struct {
    AkmaQmiPort *port;
    AkmaQmiService service;
    uint16_t id;
    QmiMessage *request;
    AkmaQmiDone done; /* NULL: told */
    gpointer user_data;
    GSource *deadline;
} Command;

/* A message that is wiped before it goes. libqmi keeps no reference to it once it is done. */
typedef QmiMessage Wiped;

static void
wiped_unref(Wiped *message)
{
    if (!message)
        return;
    OPENSSL_cleanse(message->data, message->len);
    qmi_message_unref(message);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Wiped, wiped_unref)

static void
command_free(Command *command)
{
    wiped_unref(command->request);
    g_object_unref(command->port);
    g_free(command);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Command, command_free)

/* The caller has its answer now; one that comes after this is late. */
static void
tell(Command *command, const AkmaQmiAnswer *answer, const GError *error)
{
    AkmaQmiDone done = command->done;

    if (command->deadline) {
        g_source_destroy(command->deadline);
        g_clear_pointer(&command->deadline, g_source_unref);
    }
    g_ptr_array_remove(command->port->commands, command);
    command->done = NULL;
    done(answer, error, command->user_data);
}

static gboolean
expired(gpointer user_data)
{
    Command *command = user_data;
    g_autoptr(GError) error = g_error_new(AKMA_ERROR,
                                          AKMA_ERROR_MODEM_FAILED,
                                          "no answer of the modem within %u ms",
                                          command->port->timeout_ms);

    tell(command, NULL, error);

    return G_SOURCE_REMOVE;
}

/* What libqmi says of a request that brought no answer. */
static GError *
convert_error(const GError *error)
{
    return g_error_new(AKMA_ERROR,
                       AKMA_ERROR_MODEM_FAILED,
                       "no answer of the modem: %s",
                       error ? error->message : "it came broken");
}

static bool
read_message(QmiMessage *message, AkmaQmiAnswer *ret)
{
    gsize len;
    const uint8_t *bytes = qmi_message_get_data(message, &len, NULL);

    return bytes && akma_qmi_answer_init(ret, bytes, len);
}

static GSource *
attach(GSource *source, GSourceFunc callback, gpointer user_data)
{
    g_source_set_callback(source, callback, user_data, NULL);
    g_source_attach(source, g_main_context_get_thread_default());

    return source;
}

static gboolean
scrub(gpointer user_data)
{
    g_autoptr(AkmaQmiPort) self = user_data;

    self->is_scrub_due = false;
    akma_wiping_scrub_free_blocks();

    return G_SOURCE_REMOVE;
}

/* Over MBIM each message stands in one of libmbim's too, which it has freed when this returns. */
static void
scrub_soon(AkmaQmiPort *self)
{
    if (self->is_scrub_due)
        return;
    self->is_scrub_due = true;
    g_source_unref(attach(g_idle_source_new(), scrub, g_object_ref(self)));
}

static void
command_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(Command) command = user_data;
    g_autoptr(GError) failure = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(Wiped) message = qmi_device_command_full_finish(QMI_DEVICE(source), res, &failure);
    AkmaQmiPort *self = command->port;
    AkmaQmiAnswer answer;
    bool is_good = message && read_message(message, &answer) && answer.id == command->id;

    if (!is_good)
        error = convert_error(failure);
    if (command->done)
        tell(command, is_good ? &answer : NULL, error);
    else if (is_good && self->events && !self->is_gone)
        self->events->late(command->service, &answer, self->user_data);
    scrub_soon(self);
}

/* With room for all of it before anything secret is in: what grows leaves a copy behind. */
static QmiMessage *
build_message(QmiClient *client, const AkmaQmiRequest *request)
{
    QmiMessage *message = qmi_message_new((QmiService)request->service,
                                          qmi_client_get_cid(client),
                                          qmi_client_get_next_transaction_id(client),
                                          request->id);
    guint len = message->len;
    AkmaReader tlvs = akma_reader_init(request->bytes, request->len);

    g_byte_array_set_size(message, len + FRAME_MAX + (guint)request->len);
    g_byte_array_set_size(message, len);
    while (tlvs.left >= TLV_HEADER) {
        uint8_t type = akma_reader_u8(&tlvs);
        size_t value_len;
        const uint8_t *value = akma_qmi_get_block16(&tlvs, &value_len);

        if (!value || !qmi_message_add_raw_tlv(message, type, value, value_len, NULL))
            g_critical("a request of ours does not fit");
    }

    return message;
}

static QmiClient *
get_client(AkmaQmiPort *self, AkmaQmiService service)
{
    for (size_t i = 0; i < AKMA_QMI_CLIENTS; i++) {
        if (akma_qmi_client_services[i] == service)
            return self->clients[i];
    }

    return NULL;
}

bool
akma_qmi_port_has(AkmaQmiPort *self, AkmaQmiService service)
{
    return get_client(self, service) != NULL;
}

static gboolean
refused(gpointer user_data)
{
    g_autoptr(Command) command = user_data;
    g_autoptr(GError) error =
        command->port->is_gone || command->port->is_closed
            ? g_error_new_literal(AKMA_ERROR, AKMA_ERROR_NO_MODEM, "the modem is gone")
            : g_error_new_literal(
                  AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem lacks this service");

    if (command->done)
        tell(command, NULL, error);

    return G_SOURCE_REMOVE;
}

void
akma_qmi_port_send(AkmaQmiPort *self,
                   const AkmaQmiRequest *request,
                   AkmaQmiDone done,
                   gpointer user_data)
{
    QmiClient *client = get_client(self, request->service);
    Command *command = g_new0(Command, 1);

    command->port = g_object_ref(self);
    command->service = request->service;
    command->id = request->id;
    command->done = done;
    command->user_data = user_data;
    g_ptr_array_add(self->commands, command);
    if (self->is_gone || self->is_closed || !client) {
        g_source_unref(attach(g_idle_source_new(), refused, command));
        return;
    }

    command->request = build_message(client, request);
    command->deadline = attach(g_timeout_source_new(self->timeout_ms), expired, command);
    qmi_device_command_full(self->device,
                            command->request,
                            NULL,
                            self->timeout_ms / 1000 + LATE_S,
                            NULL,
                            command_done,
                            command);
}

/* Everybody who waits hears of the end. Those whom @done starts again are refused anew. */
static void
fail_all(AkmaQmiPort *self)
{
    g_autoptr(GError) error =
        g_error_new_literal(AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem went away");
    g_autoptr(GPtrArray) commands = self->commands;

    self->commands = g_ptr_array_new();
    for (guint i = 0; i < commands->len; i++)
        tell(g_ptr_array_index(commands, i), NULL, error);
}

static gboolean
fail_soon(gpointer user_data)
{
    g_autoptr(AkmaQmiPort) self = user_data;

    fail_all(self);

    return G_SOURCE_REMOVE;
}

static void
removed(QmiDevice *device G_GNUC_UNUSED, gpointer user_data)
{
    g_autoptr(AkmaQmiPort) self = g_object_ref(user_data);

    if (self->is_gone || self->is_closed)
        return;

    self->is_gone = true;
    fail_all(self);
    if (self->events)
        self->events->gone(self->user_data);
}

static bool
is_ours(const AkmaQmiPort *self, QmiMessage *message)
{
    uint8_t cid = qmi_message_get_client_id(message);

    for (size_t i = 0; i < AKMA_QMI_CLIENTS; i++) {
        if (self->clients[i] &&
            (AkmaQmiService)qmi_message_get_service(message) == akma_qmi_client_services[i])
            return cid == CID_ALL || cid == qmi_client_get_cid(self->clients[i]);
    }

    return false;
}

static void
indicated(QmiDevice *device G_GNUC_UNUSED, QmiMessage *message, gpointer user_data)
{
    g_autoptr(AkmaQmiPort) self = g_object_ref(user_data);
    AkmaQmiAnswer indication;

    if (self->events && is_ours(self, message) && read_message(message, &indication))
        self->events->indicate(
            (AkmaQmiService)qmi_message_get_service(message), &indication, self->user_data);
}

AkmaQmiPort *
akma_qmi_port_new(QmiDevice *device, unsigned timeout_ms)
{
    AkmaQmiPort *self = g_object_new(AKMA_TYPE_QMI_PORT, NULL);

    self->device = device;
    self->timeout_ms = timeout_ms;
    self->indication_id =
        g_signal_connect(device, QMI_DEVICE_SIGNAL_INDICATION, G_CALLBACK(indicated), self);
    self->removed_id =
        g_signal_connect(device, QMI_DEVICE_SIGNAL_REMOVED, G_CALLBACK(removed), self);

    return self;
}

void
akma_qmi_port_add_client(AkmaQmiPort *self, unsigned index, QmiClient *client)
{
    g_return_if_fail(index < AKMA_QMI_CLIENTS && !self->clients[index]);

    self->clients[index] = client;
}

void
akma_qmi_port_listen(AkmaQmiPort *self, const AkmaQmiPortEvents *events, gpointer user_data)
{
    self->events = events;
    self->user_data = user_data;
}

/*
 *   close: RELEASE of each client, all at once --> CLOSE --> the last reference goes
 *
 * It goes on without the port.
 */
typedef struct {
    QmiDevice *device;
    unsigned running;
} Closing;

static void
device_closed(GObject *device, GAsyncResult *res, gpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    if (!qmi_device_close_finish(QMI_DEVICE(device), res, &error))
        g_debug("closing the port: %s, ignoring", error->message);
}

static void
closing_next(Closing *closing)
{
    if (--closing->running > 0)
        return;

    qmi_device_close_async(closing->device, RELEASE_S, NULL, device_closed, NULL);
    g_object_unref(closing->device);
    g_free(closing);
}

static void
client_released(GObject *device, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    if (!qmi_device_release_client_finish(QMI_DEVICE(device), res, &error))
        g_debug("giving a client back: %s, ignoring", error->message);
    closing_next(user_data);
}

void
akma_qmi_port_close(AkmaQmiPort *self)
{
    Closing *closing;

    if (self->is_closed)
        return;

    self->is_closed = true;
    self->events = NULL;
    if (self->commands->len > 0)
        g_source_unref(attach(g_idle_source_new(), fail_soon, g_object_ref(self)));
    g_signal_handler_disconnect(self->device, self->indication_id);
    g_signal_handler_disconnect(self->device, self->removed_id);

    closing = g_new0(Closing, 1);
    closing->device = g_steal_pointer(&self->device);
    closing->running = 1;
    for (size_t i = 0; i < AKMA_QMI_CLIENTS; i++) {
        if (!self->clients[i])
            continue;
        closing->running++;
        qmi_device_release_client(closing->device,
                                  self->clients[i],
                                  self->is_gone ? QMI_DEVICE_RELEASE_CLIENT_FLAGS_NONE
                                                : QMI_DEVICE_RELEASE_CLIENT_FLAGS_RELEASE_CID,
                                  RELEASE_S,
                                  NULL,
                                  client_released,
                                  closing);
        g_clear_object(&self->clients[i]);
    }
    closing_next(closing);
}

static void
akma_qmi_port_finalize(GObject *object)
{
    AkmaQmiPort *self = AKMA_QMI_PORT(object);

    if (self->device)
        akma_qmi_port_close(self);
    g_ptr_array_unref(self->commands);

    G_OBJECT_CLASS(akma_qmi_port_parent_class)->finalize(object);
}

static void
akma_qmi_port_class_init(AkmaQmiPortClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = akma_qmi_port_finalize;
}

static void
akma_qmi_port_init(AkmaQmiPort *self)
{
    self->commands = g_ptr_array_new();
}
