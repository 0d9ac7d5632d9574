/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/port/guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "modem/port/link.h"
#include "modem/transport.h"

struct _AkmaGuest {
    const AkmaGuestHost *host;
    AkmaPortLink *link; /* NULL: hung up */
    GCancellable *stop;
    AkmaCard *card; /* NULL: not open yet */
    const AkmaTransport *transport;
    int channels[AKMA_PORT_CHANNELS_MAX]; /* that are open; -1: none */
    unsigned running;                     /* calls to the card */
    bool is_leaving;
};

/* A request on its way: whom to answer. */
typedef struct {
    AkmaGuest *guest;
    uint16_t serial;
} Request;

static void
end(AkmaGuest *self)
{
    self->host->left(self, self->host->user_data);
}

static void
channel_given_back(GObject *card, GAsyncResult *res, gpointer user_data)
{
    AkmaGuest *self = user_data;
    g_autoptr(GError) error = NULL;

    if (!akma_card_close_channel_finish(AKMA_CARD(card), res, &error))
        g_debug("closing a channel: %s, ignoring", error->message);
    self->running--;
    akma_guest_leave(self);
}

/* True: one is being given back. */
static bool
give_back_channel(AkmaGuest *self)
{
    for (size_t i = 0; i < AKMA_PORT_CHANNELS_MAX; i++) {
        int channel = self->channels[i];

        if (channel < 0)
            continue;
        self->channels[i] = -1;
        self->running++;
        akma_card_close_channel_async(self->card, channel, channel_given_back, self);
        return true;
    }

    return false;
}

void
akma_guest_leave(AkmaGuest *self)
{
    self->is_leaving = true;
    g_clear_pointer(&self->link, akma_port_link_free);
    g_cancellable_cancel(self->stop);
    if (self->running > 0 || (self->card && give_back_channel(self)))
        return; /* whatever ends next comes here again */

    end(self);
}

static void
send_message(AkmaGuest *self, const AkmaPortMessage *message)
{
    if (self->link)
        akma_port_link_send(self->link, message);
}

/* @request is over: frees it and lets a guest go that only waited for this. */
static void
finish(Request *request)
{
    AkmaGuest *self = request->guest;

    g_free(request);
    self->running--;
    if (self->is_leaving)
        akma_guest_leave(self);
}

static void
answer(Request *request, AkmaPortMessage *message)
{
    message->serial = request->serial;
    send_message(request->guest, message);
    finish(request);
}

static void
answer_error(Request *request, const GError *error)
{
    AkmaPortMessage message = {.kind = AKMA_PORT_ERROR};

    message.code = error->domain == AKMA_ERROR ? (uint8_t)error->code
                   : g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED)
                       ? AKMA_PORT_NOT_SUPPORTED
                       : AKMA_ERROR_MODEM_FAILED;
    akma_port_message_set_text(message.text, error->message);
    answer(request, &message);
}

static void
channel_opened(GObject *card, GAsyncResult *res, gpointer user_data)
{
    Request *request = user_data;
    AkmaGuest *self = request->guest;
    g_autoptr(GError) error = NULL;
    AkmaPortMessage message = {.kind = AKMA_PORT_CHANNEL};

    message.channel = akma_card_open_channel_finish(AKMA_CARD(card), res, &error);
    if (message.channel < 0) {
        answer_error(request, error);
        return;
    }
    for (size_t i = 0; i < AKMA_PORT_CHANNELS_MAX; i++) {
        if (self->channels[i] < 0) {
            self->channels[i] = message.channel;
            break;
        }
    }
    message.ends_with_card = akma_card_channel_ends_with_card(AKMA_CARD(card), message.channel);
    answer(request, &message);
}

static void
channel_closed(GObject *card, GAsyncResult *res, gpointer user_data)
{
    Request *request = user_data;
    g_autoptr(GError) error = NULL;

    if (akma_card_close_channel_finish(AKMA_CARD(card), res, &error))
        answer(request, &(AkmaPortMessage){.kind = AKMA_PORT_DONE});
    else
        answer_error(request, error);
}

static void
pin_verified(GObject *card, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    if (akma_card_verify_pin_finish(AKMA_CARD(card), res, &error))
        answer(user_data, &(AkmaPortMessage){.kind = AKMA_PORT_DONE});
    else
        answer_error(user_data, error);
}

static void
queried(GObject *card, GAsyncResult *res, gpointer user_data)
{
    AkmaPortMessage message = {.kind = AKMA_PORT_STATE};
    g_autoptr(GError) error = NULL;

    if (akma_card_query_finish(AKMA_CARD(card), res, &message.state, &error))
        answer(user_data, &message);
    else
        answer_error(user_data, error);
}

/* Transmit, read and authenticate finish alike. */
static void
responded(GObject *card, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaResponse) response = akma_card_transmit_finish(AKMA_CARD(card), res, &error);
    g_auto(AkmaPortMessage) message = {.kind = AKMA_PORT_RESPONSE};

    if (!response) {
        answer_error(user_data, error);
        return;
    }
    akma_port_message_set_bytes(&message, response->bytes, response->len);
    message.sw = response->sw;
    answer(user_data, &message);
}

static void
card_changed(AkmaGuest *self)
{
    send_message(self, &(AkmaPortMessage){.kind = AKMA_PORT_CARD_CHANGED});
}

static void
registration_changed(AkmaGuest *self)
{
    send_message(self, &(AkmaPortMessage){.kind = AKMA_PORT_REGISTRATION_CHANGED});
}

static void
gone(AkmaGuest *self)
{
    send_message(self, &(AkmaPortMessage){.kind = AKMA_PORT_GONE});
}

static void
opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Request *request = user_data;
    AkmaGuest *self = request->guest;
    g_autoptr(GError) error = NULL;
    AkmaPortMessage message = {.kind = AKMA_PORT_OPENED};

    self->card = self->transport->open_finish(res, &error);
    if (!self->card) {
        answer_error(request, error);
        return;
    }

    g_signal_connect_swapped(self->card, "card-changed", G_CALLBACK(card_changed), self);
    g_signal_connect_swapped(
        self->card, "registration-changed", G_CALLBACK(registration_changed), self);
    g_signal_connect_swapped(self->card, "gone", G_CALLBACK(gone), self);
    akma_port_message_set_text(message.text, akma_card_get_manufacturer(self->card));
    akma_port_message_set_text(message.text2, akma_card_get_model(self->card));
    answer(request, &message);
}

/* A port of a modem, and nothing else that this user could open. */
static bool
check_device(const AkmaGuest *self, const char *device, GError **error)
{
    g_autofree char *path = realpath(device, NULL);
    struct stat info;

    if (!path || stat(path, &info) != 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "%s: no such device", device);
        return false;
    }
    for (const char *const *pattern = self->host->devices; S_ISCHR(info.st_mode) && *pattern;
         pattern++) {
        size_t folder = (size_t)(strrchr(path, '/') - path);

        /* '*' of GLib matches '/' too */
        if (g_pattern_match_simple(*pattern, path) &&
            (size_t)(strrchr(*pattern, '/') - *pattern) == folder)
            return true;
    }
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "akmad-port may not open %s", device);

    return false;
}

static void
begin_open(AkmaGuest *self, Request *request, const AkmaPortMessage *message)
{
    const AkmaPortConfig config = {.device = message->text2,
                                   .slot = message->slot,
                                   .proxy = message->proxy,
                                   .timeout_ms = message->timeout_ms,
                                   .is_guess = message->is_guess};
    g_autoptr(GError) error = NULL;

    self->transport = akma_transport_find(message->text);
    if (!self->transport)
        g_set_error(&error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "no such modem protocol: %s",
                    message->text);
    if (!self->transport || !check_device(self, message->text2, &error)) {
        self->transport = NULL;
        answer_error(request, error);
        return;
    }

    g_message("opening %s (%s)", config.device, self->transport->protocol);
    self->transport->open_async(&config, self->stop, opened, request);
}

static void
begin_verify(AkmaGuest *self, Request *request, const AkmaPortMessage *message)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaSecret) pin = akma_secret_new(message->bytes, message->len, &error);

    if (pin)
        akma_card_verify_pin_async(self->card, pin, pin_verified, request);
    else
        answer_error(request, error);
}

static void
begin_read(AkmaGuest *self, Request *request, const AkmaPortMessage *message)
{
    AkmaFile file = {.name = "a file",
                     .folder_len = (uint8_t)message->len,
                     .id = message->file_id,
                     .sfi = message->sfi};

    if (message->len > 0)
        memcpy(file.folder, message->bytes, message->len);
    akma_card_read_async(
        self->card, message->channel, &file, message->read_len, responded, request);
}

static void
begin_transmit(AkmaGuest *self, Request *request, const AkmaPortMessage *message)
{
    AkmaCommand command = {.len = message->len};

    memcpy(command.bytes, message->bytes, message->len);
    akma_card_transmit_async(self->card, message->channel, &command, responded, request);
}

static void
begin_close(AkmaGuest *self, Request *request, const AkmaPortMessage *message)
{
    for (size_t i = 0; i < AKMA_PORT_CHANNELS_MAX; i++) {
        if (self->channels[i] == message->channel)
            self->channels[i] = -1;
    }
    akma_card_close_channel_async(self->card, message->channel, channel_closed, request);
}

static bool
has_channel(const AkmaGuest *self, int channel)
{
    for (size_t i = 0; i < AKMA_PORT_CHANNELS_MAX; i++) {
        if (self->channels[i] == channel)
            return true;
    }

    return false;
}

/* Only what the contract allows, on channels that are this guest's. */
static bool
may(const AkmaGuest *self, const AkmaPortMessage *message)
{
    if (self->running >= AKMA_PORT_CALLS_MAX)
        return false;
    if (!self->card)
        return message->kind == AKMA_PORT_OPEN && !self->transport;

    switch (message->kind) {
    case AKMA_PORT_OPEN_CHANNEL:
        return message->len <= AKMA_AID_MAX && has_channel(self, -1);
    case AKMA_PORT_TRANSMIT:
        return message->len >= 4 && has_channel(self, message->channel);
    case AKMA_PORT_AUTHENTICATE:
        return message->len == 32 && has_channel(self, message->channel);
    case AKMA_PORT_READ:
    case AKMA_PORT_CLOSE_CHANNEL:
        return has_channel(self, message->channel);
    case AKMA_PORT_VERIFY_PIN:
        return message->len >= AKMA_PIN_MIN && message->len <= AKMA_PIN_MAX;
    case AKMA_PORT_QUERY:
        return true;
    case AKMA_PORT_OPEN: /* again */
    case AKMA_PORT_DONE:
    case AKMA_PORT_OPENED:
    case AKMA_PORT_CHANNEL:
    case AKMA_PORT_RESPONSE:
    case AKMA_PORT_STATE:
    case AKMA_PORT_ERROR:
    case AKMA_PORT_CARD_CHANGED:
    case AKMA_PORT_REGISTRATION_CHANGED:
    case AKMA_PORT_GONE:
    case AKMA_PORT_N_KINDS:
        return false;
    }

    return false;
}

static void
take_message(const AkmaPortMessage *message, gpointer user_data)
{
    AkmaGuest *self = user_data;
    Request *request;

    if (!may(self, message)) {
        g_warning("the client asks for what it may not, hanging up");
        akma_guest_leave(self);
        return;
    }

    request = g_new(Request, 1);
    *request = (Request){self, message->serial};
    self->running++;
    if (message->kind == AKMA_PORT_OPEN)
        begin_open(self, request, message);
    else if (message->kind == AKMA_PORT_OPEN_CHANNEL)
        akma_card_open_channel_async(
            self->card, message->bytes, message->len, channel_opened, request);
    else if (message->kind == AKMA_PORT_TRANSMIT)
        begin_transmit(self, request, message);
    else if (message->kind == AKMA_PORT_CLOSE_CHANNEL)
        begin_close(self, request, message);
    else if (message->kind == AKMA_PORT_VERIFY_PIN)
        begin_verify(self, request, message);
    else if (message->kind == AKMA_PORT_READ)
        begin_read(self, request, message);
    else if (message->kind == AKMA_PORT_AUTHENTICATE)
        akma_card_authenticate_async(
            self->card, message->channel, message->bytes, message->bytes + 16, responded, request);
    else
        akma_card_query_async(self->card, queried, request);
}

static void
link_closed(gpointer user_data)
{
    akma_guest_leave(user_data);
}

AkmaGuest *
akma_guest_new(int fd, const AkmaGuestHost *host)
{
    static const AkmaPortLinkEvents events = {take_message, link_closed};
    AkmaGuest *self = g_new0(AkmaGuest, 1);

    self->host = host;
    self->stop = g_cancellable_new();
    for (size_t i = 0; i < AKMA_PORT_CHANNELS_MAX; i++)
        self->channels[i] = -1;
    self->link = akma_port_link_new(fd, &events, self);

    return self;
}

void
akma_guest_free(AkmaGuest *self)
{
    if (!self)
        return;

    akma_port_link_free(self->link);
    if (self->card) {
        g_signal_handlers_disconnect_by_data(self->card, self);
        akma_card_close(self->card);
    }
    g_clear_object(&self->card);
    g_clear_object(&self->stop);
    g_free(self);
}
