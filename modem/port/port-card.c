/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/port/port-card.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "modem/port/link.h"

/* The helper ends each call in its transport's time; this is for a helper that hangs. */
#define PATIENCE_MS(timeout_ms) (4 * (timeout_ms) + 5000)

struct _AkmaPortCard {
    GObject parent;
    AkmaPortLink *link; /* NULL: closed */
    GHashTable *calls;  /* serial -> Call */
    uint16_t last_serial;
    unsigned timeout_ms;
    char *protocol;
    char *manufacturer;
    char *model;
    bool ends_with_card; /* the channel that was opened last */
    bool is_open;        /* the helper has said so: its end is news */
    bool is_gone;
};

typedef struct {
    AkmaPortCard *card;
    uint16_t serial;
    AkmaPortKind answer; /* of this kind, or AKMA_PORT_ERROR */
    GTask *task;
    GSource *deadline;
    GSource *cancelled; /* while opening only: the contract's calls cannot be cancelled */
} Call;

static void card_iface_init(AkmaCardInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(AkmaPortCard,
                              akma_port_card,
                              G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(AKMA_TYPE_CARD, card_iface_init))

static void
drop_source(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void
call_free(Call *call)
{
    drop_source(&call->deadline);
    drop_source(&call->cancelled);
    g_clear_object(&call->task);
    g_free(call);
}

/* The call is over; its task is the caller's of this. */
static GTask *
take_task(Call *call)
{
    GTask *task = g_steal_pointer(&call->task);

    g_hash_table_remove(call->card->calls, GUINT_TO_POINTER(call->serial));

    return task;
}

/* Nothing is heard of this helper any more: what runs fails, and the modem is gone. */
static void
lose(AkmaPortCard *owned, const char *message)
{
    g_autoptr(AkmaPortCard) self = g_object_ref(owned);
    g_autoptr(GHashTable) calls = NULL;
    GHashTableIter iter;
    gpointer value;

    if (self->is_gone)
        return;
    self->is_gone = true;
    g_clear_pointer(&self->link, akma_port_link_free);

    calls = g_steal_pointer(&self->calls);
    self->calls = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)call_free);
    g_hash_table_iter_init(&iter, calls);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        g_autoptr(GTask) task = g_steal_pointer(&((Call *)value)->task);

        g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "%s", message);
    }
    if (self->is_open)
        akma_card_emit_gone(AKMA_CARD(self));
}

static gboolean
too_late(gpointer user_data)
{
    const Call *call = user_data;

    lose(call->card, "akmad-port does not answer");

    return G_SOURCE_REMOVE;
}

static gboolean
call_cancelled(GCancellable *cancellable G_GNUC_UNUSED, gpointer user_data)
{
    g_autoptr(GTask) task = take_task(user_data);

    g_task_return_error_if_cancelled(task);

    return G_SOURCE_REMOVE;
}

static uint16_t
next_serial(AkmaPortCard *self)
{
    do {
        self->last_serial++;
    } while (self->last_serial == 0 ||
             g_hash_table_contains(self->calls, GUINT_TO_POINTER(self->last_serial)));

    return self->last_serial;
}

/* Sends @message, which becomes a request here; its answer of kind @answer ends @owned. */
static void
ask(GTask *owned, AkmaPortMessage *message, AkmaPortKind answer)
{
    g_autoptr(GTask) task = owned;
    AkmaPortCard *self = AKMA_PORT_CARD(g_task_get_source_object(task));
    GCancellable *cancellable = g_task_get_cancellable(task);
    Call *call;

    if (!self->link) {
        g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "the modem is gone");
        return;
    }

    call = g_new0(Call, 1);
    call->card = self;
    call->serial = message->serial = next_serial(self);
    call->answer = answer;
    call->task = g_steal_pointer(&task);
    call->deadline = g_timeout_source_new(PATIENCE_MS(self->timeout_ms));
    g_source_set_callback(call->deadline, too_late, call, NULL);
    g_source_attach(call->deadline, g_main_context_get_thread_default());
    if (cancellable) {
        call->cancelled = g_cancellable_source_new(cancellable);
        g_source_set_callback(call->cancelled, G_SOURCE_FUNC(call_cancelled), call, NULL);
        g_source_attach(call->cancelled, g_main_context_get_thread_default());
    }
    g_hash_table_insert(self->calls, GUINT_TO_POINTER(call->serial), call);
    akma_port_link_send(self->link, message); /* if it fails, the link closes and ends the call */
}

static void
return_error(GTask *task, const AkmaPortMessage *answer)
{
    if (answer->code == AKMA_PORT_NOT_SUPPORTED)
        g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s", answer->text);
    else
        g_task_return_new_error(task, AKMA_ERROR, answer->code, "%s", answer->text);
}

static void
return_response(GTask *task, const AkmaPortMessage *answer)
{
    GError *error = NULL;
    AkmaResponse *response = akma_response_new(&error);

    if (!response || answer->len > AKMA_RESPONSE_DATA_MAX) {
        akma_response_free(response);
        if (!error)
            error = g_error_new(AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the answer is too long");
        g_task_return_error(task, error);
        return;
    }
    memcpy(response->bytes, answer->bytes, answer->len);
    response->len = answer->len;
    response->sw = answer->sw;
    g_task_return_pointer(task, response, (GDestroyNotify)akma_response_free);
}

static void
return_opened(GTask *task, const AkmaPortMessage *answer)
{
    AkmaPortCard *self = g_task_get_source_object(task);

    self->is_open = true;
    self->manufacturer = g_strdup(answer->text);
    self->model = g_strdup(answer->text2);
    g_task_return_pointer(task, g_object_ref(self), g_object_unref);
}

static void
return_channel(GTask *task, const AkmaPortMessage *answer)
{
    AkmaPortCard *self = g_task_get_source_object(task);

    self->ends_with_card = answer->ends_with_card;
    g_task_return_int(task, answer->channel);
}

static void
take_answer(AkmaPortCard *self, const AkmaPortMessage *answer)
{
    Call *call = g_hash_table_lookup(self->calls, GUINT_TO_POINTER(answer->serial));
    g_autoptr(GTask) task = NULL;

    if (!call) /* opening was cancelled */
        return;
    if (answer->kind != call->answer && answer->kind != AKMA_PORT_ERROR) {
        lose(self, "akmad-port answers another question");
        return;
    }

    task = take_task(call);
    if (answer->kind == AKMA_PORT_ERROR)
        return_error(task, answer);
    else if (answer->kind == AKMA_PORT_OPENED)
        return_opened(task, answer);
    else if (answer->kind == AKMA_PORT_CHANNEL)
        return_channel(task, answer);
    else if (answer->kind == AKMA_PORT_RESPONSE)
        return_response(task, answer);
    else if (answer->kind == AKMA_PORT_STATE)
        g_task_return_pointer(task, g_memdup2(&answer->state, sizeof answer->state), g_free);
    else
        g_task_return_boolean(task, TRUE);
}

static void
take_message(const AkmaPortMessage *message, gpointer user_data)
{
    g_autoptr(AkmaPortCard) self = g_object_ref(user_data);

    if (message->kind == AKMA_PORT_CARD_CHANGED)
        akma_card_emit_card_changed(AKMA_CARD(self));
    else if (message->kind == AKMA_PORT_REGISTRATION_CHANGED)
        akma_card_emit_registration_changed(AKMA_CARD(self));
    else if (message->kind == AKMA_PORT_GONE)
        lose(self, "the modem was unplugged");
    else if (akma_port_kind_is_request(message->kind))
        lose(self, "akmad-port asks instead of answering");
    else
        take_answer(self, message);
}

static void
link_closed(gpointer user_data)
{
    AkmaPortCard *self = user_data;

    lose(self,
         self->is_open ? "akmad-port is gone"
                       : "akmad-port does not serve this process: is it akmad's user?");
}

static int
connect_to(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int code;

    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) < sizeof address.sun_path &&
        fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;

    code = errno;
    if (fd >= 0)
        close(fd);
    g_set_error(
        error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "akmad-port at %s: %s", path, g_strerror(code));

    return -1;
}

void
akma_port_card_open_async(const char *socket,
                          const char *protocol,
                          const AkmaPortConfig *config,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    static const AkmaPortLinkEvents events = {take_message, link_closed};
    g_autoptr(AkmaPortCard) self = g_object_new(AKMA_TYPE_PORT_CARD, NULL);
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, user_data);
    AkmaPortMessage message = {.kind = AKMA_PORT_OPEN};
    GError *error = NULL;
    int fd;

    g_task_set_source_tag(task, akma_port_card_open_async);
    g_task_set_check_cancellable(task, FALSE);
    if (g_task_return_error_if_cancelled(task))
        return;
    fd = connect_to(socket, &error);
    if (fd < 0) {
        g_task_return_error(task, error);
        return;
    }

    self->link = akma_port_link_new(fd, &events, self);
    self->timeout_ms = config->timeout_ms;
    self->protocol = g_strdup(protocol);
    akma_port_message_set_text(message.text, protocol);
    akma_port_message_set_text(message.text2, config->device);
    message.slot = (uint8_t)config->slot;
    message.proxy = config->proxy;
    message.timeout_ms = config->timeout_ms;
    message.is_guess = config->is_guess;
    ask(g_steal_pointer(&task), &message, AKMA_PORT_OPENED);
}

AkmaCard *
akma_port_card_open_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(G_IS_TASK(res), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

static GTask *
call_task(AkmaCard *card, gpointer tag, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(card, NULL, callback, user_data);

    g_task_set_source_tag(task, tag);

    return task;
}

static void
open_channel(AkmaCard *card,
             const uint8_t *aid,
             size_t aid_len,
             GAsyncReadyCallback callback,
             gpointer user_data)
{
    AkmaPortMessage message = {.kind = AKMA_PORT_OPEN_CHANNEL};

    akma_port_message_set_bytes(&message, aid, aid_len);
    ask(call_task(card, open_channel, callback, user_data), &message, AKMA_PORT_CHANNEL);
}

static void
transmit(AkmaCard *card,
         int channel,
         const AkmaCommand *command,
         GAsyncReadyCallback callback,
         gpointer user_data)
{
    g_auto(AkmaPortMessage) message = {.kind = AKMA_PORT_TRANSMIT, .channel = channel};

    akma_port_message_set_bytes(&message, command->bytes, command->len);
    ask(call_task(card, transmit, callback, user_data), &message, AKMA_PORT_RESPONSE);
}

static void
close_channel(AkmaCard *card, int channel, GAsyncReadyCallback callback, gpointer user_data)
{
    AkmaPortMessage message = {.kind = AKMA_PORT_CLOSE_CHANNEL, .channel = channel};

    ask(call_task(card, close_channel, callback, user_data), &message, AKMA_PORT_DONE);
}

static void
query(AkmaCard *card, GAsyncReadyCallback callback, gpointer user_data)
{
    AkmaPortMessage message = {.kind = AKMA_PORT_QUERY};

    ask(call_task(card, query, callback, user_data), &message, AKMA_PORT_STATE);
}

static void
verify_pin(AkmaCard *card, AkmaSecret *pin, GAsyncReadyCallback callback, gpointer user_data)
{
    g_auto(AkmaPortMessage) message = {.kind = AKMA_PORT_VERIFY_PIN};
    size_t len;
    const uint8_t *digits = akma_secret_peek(pin, &len);

    akma_port_message_set_bytes(&message, digits, len);
    ask(call_task(card, verify_pin, callback, user_data), &message, AKMA_PORT_DONE);
}

static void
read_file(AkmaCard *card,
          int channel,
          const AkmaFile *file,
          size_t len,
          GAsyncReadyCallback callback,
          gpointer user_data)
{
    AkmaPortMessage message = {.kind = AKMA_PORT_READ, .channel = channel};

    akma_port_message_set_bytes(&message, file->folder, file->folder_len);
    message.file_id = file->id;
    message.sfi = file->sfi;
    message.read_len = (uint16_t)len;
    ask(call_task(card, read_file, callback, user_data), &message, AKMA_PORT_RESPONSE);
}

static void
authenticate(AkmaCard *card,
             int channel,
             const uint8_t rand[static 16],
             const uint8_t autn[static 16],
             GAsyncReadyCallback callback,
             gpointer user_data)
{
    AkmaPortMessage message = {.kind = AKMA_PORT_AUTHENTICATE, .channel = channel, .len = 32};

    memcpy(message.bytes, rand, 16);
    memcpy(message.bytes + 16, autn, 16);
    ask(call_task(card, authenticate, callback, user_data), &message, AKMA_PORT_RESPONSE);
}

/* The queue has one channel at a time. */
static bool
channel_ends_with_card(AkmaCard *card, int channel G_GNUC_UNUSED)
{
    return AKMA_PORT_CARD(card)->ends_with_card;
}

static const char *
get_protocol(AkmaCard *card)
{
    return AKMA_PORT_CARD(card)->protocol;
}

static const char *
get_manufacturer(AkmaCard *card)
{
    return AKMA_PORT_CARD(card)->manufacturer;
}

static const char *
get_model(AkmaCard *card)
{
    return AKMA_PORT_CARD(card)->model;
}

static void
close_card(AkmaCard *card)
{
    AkmaPortCard *self = AKMA_PORT_CARD(card);

    self->is_open = false; /* no news to whoever closes it */
    lose(self, "the modem was closed");
}

static void
card_iface_init(AkmaCardInterface *iface)
{
    iface->open_channel_async = open_channel;
    iface->transmit_async = transmit;
    iface->close_channel_async = close_channel;
    iface->query_async = query;
    iface->verify_pin_async = verify_pin;
    iface->read_async = read_file;
    iface->authenticate_async = authenticate;
    iface->channel_ends_with_card = channel_ends_with_card;
    iface->get_protocol = get_protocol;
    iface->get_manufacturer = get_manufacturer;
    iface->get_model = get_model;
    iface->close = close_card;
}

static void
akma_port_card_finalize(GObject *object)
{
    AkmaPortCard *self = AKMA_PORT_CARD(object);

    akma_port_link_free(self->link);
    g_hash_table_unref(self->calls);
    g_free(self->protocol);
    g_free(self->manufacturer);
    g_free(self->model);

    G_OBJECT_CLASS(akma_port_card_parent_class)->finalize(object);
}

static void
akma_port_card_class_init(AkmaPortCardClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = akma_port_card_finalize;
}

static void
akma_port_card_init(AkmaPortCard *self)
{
    self->calls = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)call_free);
}
