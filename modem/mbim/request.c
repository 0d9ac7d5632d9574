/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * request: one message to the modem, one answer, within a deadline; both wiped. One at a time: the
 * others wait, so that an answer stands at the beginning of libmbim's buffer and can be covered.
 */
#include <openssl/crypto.h>

#include "base/error.h"
#include "modem/mbim/mbim-private.h"

#define BUSY_FIRST_MS 50u
#define BUSY_TRIES    6  /* 50 ms, doubled each time: 3 s in all */
#define HEADER        48 /* of a COMMAND_DONE, up to its information buffer */
#define AT_STATUS     40
#define AT_INFO_LEN   44

/*= MBIM 1.0 9.4: message, fragment, service, command; type or status; length of the buffer */
#define AT_SERVICE   20
#define SERVICE_SIZE 20 /* UUID and command */

typedef struct {
    AkmaMbimCard *card;
    MbimMessage *message;
    GCancellable *cancellable; /* of libmbim's wait */
    GSource *timer;
    unsigned tries;
    bool is_late;
    AkmaMbimDone done;
    gpointer user_data;
} Request;

static void
wipe(const MbimMessage *message)
{
    uint32_t len = 0;
    const uint8_t *bytes = mbim_message_get_raw(message, &len, NULL);

    if (bytes)
        OPENSSL_cleanse((gpointer)bytes, len);
}

void
akma_mbim_message_free(MbimMessage *message)
{
    if (!message)
        return;

    wipe(message);
    mbim_message_unref(message);
}

static void
stop_timer(Request *request)
{
    if (request->timer) {
        g_source_destroy(request->timer);
        g_clear_pointer(&request->timer, g_source_unref);
    }
}

static void
request_free(Request *request)
{
    stop_timer(request);
    akma_mbim_message_free(request->message);
    g_clear_object(&request->cancellable);
    g_clear_object(&request->card);
    g_free(request);
}

static void begin(Request *request);

static void
start_next(AkmaMbimCard *self)
{
    if (!self->is_busy && !g_queue_is_empty(&self->requests)) {
        self->is_busy = true;
        begin(g_queue_peek_head(&self->requests));
    }
}

/* What @done sends waits behind those that wait already. */
static void
finish(Request *request, const AkmaMbimAnswer *answer, GError *owned_error)
{
    g_autoptr(AkmaMbimCard) self = g_object_ref(request->card);
    g_autoptr(GError) error = owned_error;

    stop_timer(request);
    request->done(answer, error, request->user_data);
    g_queue_remove(&self->requests, request);
    request_free(request);

    self->is_busy = false;
    start_next(self);
}

static GError *
gone_error_new(const Request *request)
{
    if (request->card->is_closed || request->tries == 0)
        return g_error_new_literal(AKMA_ERROR, AKMA_ERROR_NO_MODEM, "the modem is gone");

    return g_error_new_literal(
        AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem was unplugged during a command");
}

/* Takes what libmbim says instead of an answer. */
static GError *
error_new(const Request *request, GError *foreign)
{
    GError *error;

    if (request->card->is_closed || request->card->is_gone)
        error = gone_error_new(request);
    else if (request->is_late)
        error = g_error_new(AKMA_ERROR,
                            AKMA_ERROR_MODEM_FAILED,
                            "no answer from the modem within %u ms",
                            request->card->timeout_ms);
    else
        error = g_error_new(
            AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "asking the modem: %s", foreign->message);
    g_error_free(foreign);

    return error;
}

static uint32_t
get_u32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The answer in @message; false: it is none, or not to this request. */
static bool
read_answer(const Request *request, const MbimMessage *message, AkmaMbimAnswer *ret)
{
    uint32_t len = 0;
    uint32_t asked_len = 0;
    const uint8_t *bytes = mbim_message_get_raw(message, &len, NULL);
    const uint8_t *asked = mbim_message_get_raw(request->message, &asked_len, NULL);

    if (!bytes || len < HEADER || asked_len < HEADER ||
        mbim_message_get_message_type(message) != MBIM_MESSAGE_TYPE_COMMAND_DONE ||
        CRYPTO_memcmp(bytes + AT_SERVICE, asked + AT_SERVICE, SERVICE_SIZE) != 0)
        return false;

    ret->status = get_u32(bytes + AT_STATUS);
    ret->info = bytes + HEADER;
    ret->len = MIN(get_u32(bytes + AT_INFO_LEN), len - HEADER);

    return true;
}

static bool
is_not_opened(const MbimMessage *message)
{
    return mbim_message_get_message_type(message) == MBIM_MESSAGE_TYPE_FUNCTION_ERROR &&
           mbim_message_error_get_error_status_code(message) == MBIM_PROTOCOL_ERROR_NOT_OPENED;
}

static gboolean
try_again(gpointer user_data)
{
    Request *request = user_data;

    g_clear_pointer(&request->timer, g_source_unref);
    begin(request);

    return G_SOURCE_REMOVE;
}

static void
start_timer(Request *request, unsigned ms, GSourceFunc callback)
{
    request->timer = g_timeout_source_new(ms);
    g_source_set_callback(request->timer, callback, request, NULL);
    g_source_attach(request->timer, g_main_context_get_thread_default());
}

static void
answered(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Request *request = user_data;
    AkmaMbimAnswer answer;
    GError *error = NULL;
    MbimMessage *message = mbim_device_command_finish(MBIM_DEVICE(source), res, &error);

    stop_timer(request);
    if (!message) {
        finish(request, NULL, error_new(request, error));
        return;
    }

    if (is_not_opened(
            message)) { /* it began anew behind our back: whoever opens it again may go on */
        g_autoptr(AkmaMbimCard) card = g_object_ref(request->card);

        finish(request,
               NULL,
               g_error_new_literal(
                   AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem does not know us any more"));
        akma_mbim_card_become_gone(card);
    } else if (!read_answer(request, message, &answer)) {
        finish(request,
               NULL,
               g_error_new_literal(
                   AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem garbled its answer"));
    } else if (answer.status == AKMA_MBIM_STATUS_BUSY && request->tries <= BUSY_TRIES) {
        start_timer(request, BUSY_FIRST_MS << (request->tries - 1), try_again);
    } else {
        finish(request, &answer, NULL);
    }
    akma_mbim_message_free(message);
}

static gboolean
too_late(gpointer user_data)
{
    Request *request = user_data;
    g_autoptr(GCancellable) cancellable = g_object_ref(request->cancellable);

    request->is_late = true;
    g_cancellable_cancel(cancellable); /* ends in answered() */

    return G_SOURCE_REMOVE;
}

static gboolean
give_up(gpointer user_data)
{
    Request *request = user_data;

    finish(request, NULL, gone_error_new(request));

    return G_SOURCE_REMOVE;
}

static void
begin(Request *request)
{
    AkmaMbimCard *self = request->card;

    if (self->is_gone || self->is_closed) {
        start_timer(request, 0, give_up); /* no caller is called back from within its call */
        return;
    }

    request->tries++;
    mbim_message_set_transaction_id(request->message, 0); /* libmbim counts */
    start_timer(request, self->timeout_ms, too_late);
    mbim_device_command(self->device,
                        request->message,
                        self->timeout_ms / 1000 + 2, /* seconds; ours comes first */
                        request->cancellable,
                        answered,
                        request);
}

void
akma_mbim_send(AkmaMbimCard *self, MbimMessage *message, AkmaMbimDone done, gpointer user_data)
{
    Request *request = g_new0(Request, 1);

    request->card = g_object_ref(self);
    request->message = message;
    request->cancellable = g_cancellable_new();
    request->done = done;
    request->user_data = user_data;
    g_queue_push_tail(&self->requests, request);
    start_next(self);
}

void
akma_mbim_stop_request(AkmaMbimCard *self)
{
    Request *request = g_queue_peek_head(&self->requests);
    g_autoptr(GCancellable) cancellable = NULL;

    if (request) { /* those behind it find out when their turn comes */
        cancellable = g_object_ref(request->cancellable);
        g_cancellable_cancel(cancellable);
    }
}

static void
covered(const AkmaMbimAnswer *answer G_GNUC_UNUSED,
        const GError *error G_GNUC_UNUSED,
        gpointer user_data G_GNUC_UNUSED)
{
}

/*
 * libmbim reads into a buffer of its own that nobody else can reach and that it does not wipe. The
 * next answer is written over the last one, so it is given a long one without secrets.
 */
void
akma_mbim_cover_secrets(AkmaMbimCard *self)
{
    if (!self->holds_secrets || self->is_gone || self->is_closed)
        return;

    self->holds_secrets = false;
    akma_mbim_send(self, mbim_message_device_services_query_new(NULL), covered, NULL);
}
