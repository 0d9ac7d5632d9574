/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/queue.h"

#include <string.h>

/*
 * A caller may stop waiting, the card cannot stop working. The call goes on without its caller,
 * and what it brings is thrown away.
 */
typedef struct {
    gatomicrefcount refs;
    GTask *task; /* NULL: has its answer */
    GSource *watch;
    AkmaCardQueue *queue;
    AkmaChannel *channel;
    uint8_t aid[AKMA_AID_MAX];
    size_t aid_len;
} Call;

struct _AkmaCardQueue {
    GObject parent;
    AkmaCard *card;
    GQueue waiting; /* Call */
    bool busy;      /* a channel is opening, open or closing */
};

struct _AkmaChannel {
    GObject parent;
    AkmaCardQueue *queue;
    int number;
    bool transmitting;
    uint8_t folder[AKMA_PATH_MAX];
    size_t folder_len;
};

G_DEFINE_FINAL_TYPE(AkmaCardQueue, akma_card_queue, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE(AkmaChannel, akma_channel, G_TYPE_OBJECT)

static void start_next(AkmaCardQueue *self);

static void
call_unref(Call *call)
{
    if (!g_atomic_ref_count_dec(&call->refs))
        return;

    g_clear_object(&call->queue);
    g_clear_object(&call->channel);
    g_free(call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_unref)

/* The caller gets its answer now; whoever holds the call after this has no one to tell. */
static GTask *
take_caller(Call *call)
{
    if (call->watch) {
        g_source_destroy(call->watch);
        g_clear_pointer(&call->watch, g_source_unref);
    }

    return g_steal_pointer(&call->task);
}

static gboolean
cancelled(GCancellable *cancellable G_GNUC_UNUSED, gpointer user_data)
{
    Call *call = user_data;
    g_autoptr(GTask) task = NULL;
    AkmaCardQueue *queue = call->queue;

    g_atomic_ref_count_inc(&call->refs);
    task = take_caller(call);
    if (queue && g_queue_remove(&queue->waiting, call))
        call_unref(call);
    if (task)
        g_task_return_error_if_cancelled(task);
    call_unref(call);

    return G_SOURCE_REMOVE;
}

static Call *
call_new(GTask *owned)
{
    Call *call = g_new0(Call, 1);
    GCancellable *cancellable = g_task_get_cancellable(owned);

    g_atomic_ref_count_init(&call->refs);
    call->task = owned;
    g_task_set_check_cancellable(owned, FALSE);

    if (cancellable) {
        call->watch = g_cancellable_source_new(cancellable);
        g_source_set_callback(call->watch, G_SOURCE_FUNC(cancelled), call, NULL);
        g_source_attach(call->watch, g_task_get_context(owned));
    }

    return call;
}

static void
channel_closed(GObject *card, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(AkmaCardQueue) self = user_data;
    g_autoptr(GError) error = NULL;

    if (!akma_card_close_channel_finish(AKMA_CARD(card), res, &error))
        g_debug("closing the channel: %s, ignoring", error->message);

    self->busy = false;
    start_next(self);
}

static void
close_channel(AkmaCardQueue *self, int number)
{
    akma_card_close_channel_async(self->card, number, channel_closed, g_object_ref(self));
}

static void
channel_opened(GObject *card, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    g_autoptr(GTask) task = take_caller(call);
    g_autoptr(GError) error = NULL;
    AkmaCardQueue *self = call->queue;
    AkmaChannel *channel;
    int number = akma_card_open_channel_finish(AKMA_CARD(card), res, &error);

    if (number < 0) {
        self->busy = false;
        if (task)
            g_task_return_error(task, g_steal_pointer(&error));
        start_next(self);
        return;
    }
    if (!task) {
        close_channel(self, number);
        return;
    }

    channel = g_object_new(AKMA_TYPE_CHANNEL, NULL);
    channel->queue = g_object_ref(self);
    channel->number = number;
    g_task_return_pointer(task, channel, g_object_unref);
}

static void
start_next(AkmaCardQueue *self)
{
    Call *call;

    if (self->busy)
        return;
    call = g_queue_pop_head(&self->waiting);
    if (!call)
        return;

    self->busy = true;
    akma_card_open_channel_async(self->card, call->aid, call->aid_len, channel_opened, call);
}

AkmaCardQueue *
akma_card_queue_new(AkmaCard *card)
{
    AkmaCardQueue *self = g_object_new(AKMA_TYPE_CARD_QUEUE, NULL);

    self->card = g_object_ref(card);

    return self;
}

void
akma_card_queue_open_async(AkmaCardQueue *self,
                           const uint8_t *aid,
                           size_t aid_len,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    g_autoptr(GTask) task = NULL;
    Call *call;

    g_return_if_fail(AKMA_IS_CARD_QUEUE(self) && aid_len <= AKMA_AID_MAX);

    task = g_task_new(self, cancellable, callback, user_data);
    g_task_set_source_tag(task, akma_card_queue_open_async);
    if (g_task_return_error_if_cancelled(task))
        return;

    call = call_new(g_steal_pointer(&task));
    call->queue = g_object_ref(self);
    if (aid_len > 0)
        memcpy(call->aid, aid, aid_len);
    call->aid_len = aid_len;
    g_queue_push_tail(&self->waiting, call);
    start_next(self);
}

AkmaChannel *
akma_card_queue_open_finish(AkmaCardQueue *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

unsigned
akma_card_queue_get_length(AkmaCardQueue *self)
{
    return g_queue_get_length(&self->waiting) + (self->busy ? 1 : 0);
}

/* The three ways to an answer finish alike: with an AkmaResponse. */
static void
transmitted(GObject *card, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    g_autoptr(GTask) task = take_caller(call);
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaResponse) response = akma_card_transmit_finish(AKMA_CARD(card), res, &error);

    call->channel->transmitting = false;
    if (!task)
        return;
    if (!response)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        g_task_return_pointer(task, g_steal_pointer(&response), (GDestroyNotify)akma_response_free);
}

/* NULL: cancelled already, and told so. */
static Call *
begin_transmit(AkmaChannel *self,
               gpointer tag,
               GCancellable *cancellable,
               GAsyncReadyCallback callback,
               gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, user_data);
    Call *call;

    g_task_set_source_tag(task, tag);
    if (g_task_return_error_if_cancelled(task))
        return NULL;

    call = call_new(g_steal_pointer(&task));
    call->channel = g_object_ref(self);
    self->transmitting = true;

    return call;
}

void
akma_channel_transmit_async(AkmaChannel *self,
                            const AkmaCommand *command,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    Call *call;

    g_return_if_fail(AKMA_IS_CHANNEL(self) && !self->transmitting);

    call = begin_transmit(self, akma_channel_transmit_async, cancellable, callback, user_data);
    if (call)
        akma_card_transmit_async(self->queue->card, self->number, command, transmitted, call);
}

AkmaResponse *
akma_channel_transmit_finish(AkmaChannel *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

void
akma_channel_read_async(AkmaChannel *self,
                        const AkmaFile *file,
                        size_t len,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    Call *call;

    g_return_if_fail(AKMA_IS_CHANNEL(self) && !self->transmitting);

    call = begin_transmit(self, akma_channel_read_async, cancellable, callback, user_data);
    if (call)
        akma_card_read_async(self->queue->card, self->number, file, len, transmitted, call);
}

AkmaResponse *
akma_channel_read_finish(AkmaChannel *self, GAsyncResult *res, GError **error)
{
    return akma_channel_transmit_finish(self, res, error);
}

void
akma_channel_authenticate_async(AkmaChannel *self,
                                const uint8_t rand[static 16],
                                const uint8_t autn[static 16],
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
    AkmaCard *card;
    Call *call;

    g_return_if_fail(AKMA_IS_CHANNEL(self) && !self->transmitting);

    card = self->queue->card;
    call = begin_transmit(self, akma_channel_authenticate_async, cancellable, callback, user_data);
    if (call)
        akma_card_authenticate_async(card, self->number, rand, autn, transmitted, call);
}

AkmaResponse *
akma_channel_authenticate_finish(AkmaChannel *self, GAsyncResult *res, GError **error)
{
    return akma_channel_transmit_finish(self, res, error);
}

bool
akma_channel_ends_with_card(AkmaChannel *self)
{
    return akma_card_channel_ends_with_card(self->queue->card, self->number);
}

const uint8_t *
akma_channel_get_folder(AkmaChannel *self, size_t *ret_len)
{
    *ret_len = self->folder_len;

    return self->folder;
}

void
akma_channel_set_folder(AkmaChannel *self, const uint8_t *path, size_t len)
{
    g_return_if_fail(len <= sizeof self->folder);

    if (len > 0)
        memcpy(self->folder, path, len);
    self->folder_len = len;
}

static void
akma_channel_finalize(GObject *object)
{
    AkmaChannel *self = AKMA_CHANNEL(object);

    if (self->queue)
        close_channel(self->queue, self->number);
    g_clear_object(&self->queue);

    G_OBJECT_CLASS(akma_channel_parent_class)->finalize(object);
}

static void
akma_channel_class_init(AkmaChannelClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = akma_channel_finalize;
}

static void
akma_channel_init(AkmaChannel *self G_GNUC_UNUSED)
{
}

static void
akma_card_queue_finalize(GObject *object)
{
    AkmaCardQueue *self = AKMA_CARD_QUEUE(object);

    g_clear_object(&self->card);

    G_OBJECT_CLASS(akma_card_queue_parent_class)->finalize(object);
}

static void
akma_card_queue_class_init(AkmaCardQueueClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = akma_card_queue_finalize;
}

static void
akma_card_queue_init(AkmaCardQueue *self)
{
    g_queue_init(&self->waiting);
}
