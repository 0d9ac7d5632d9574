/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/usb-pipe.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/wiping.h"

#define INPUT_SIZE   (16 * 1024)
#define MESSAGES_MAX 64 /* a host that does not fetch loses answers */

/* One call of the face's output. */
typedef struct {
    size_t len;
    size_t at; /* fetched so far */
    uint8_t bytes[];
} Message;

struct _AkmaSoftUsbPipe {
    const AkmaSoftFace *face;
    void *speaker; /* of the face */
    AkmaSoftUsbPipeUser user;
    void *user_data;
    bool listening;
    GQueue output; /* of Message */
    size_t input_len;
    uint8_t input[INPUT_SIZE];
};

static void
discard(AkmaSoftUsbPipe *self, size_t n)
{
    memmove(self->input, self->input + n, self->input_len - n);
    OPENSSL_cleanse(self->input + self->input_len - n, n);
    self->input_len -= n;
}

static void
feed(AkmaSoftUsbPipe *self)
{
    size_t taken = self->face->feed(self->speaker, self->input, self->input_len);

    discard(self, MIN(taken, self->input_len));
}

static void
on_output(const void *bytes, size_t len, void *user_data)
{
    AkmaSoftUsbPipe *self = user_data;
    Message *message;

    if (len == 0 || self->output.length >= MESSAGES_MAX)
        return;
    message = akma_wiping_malloc(sizeof *message + len);
    if (!message)
        return;
    message->len = len;
    message->at = 0;
    memcpy(message->bytes, bytes, len);
    g_queue_push_tail(&self->output, message);
    self->user.said(self->user_data);
}

static void
on_resume(void *user_data)
{
    feed(user_data);
}

static void
on_hangup(void *user_data)
{
    AkmaSoftUsbPipe *self = user_data;

    self->user.hangup(self->user_data);
}

AkmaSoftUsbPipe *
akma_soft_usb_pipe_new(AkmaSoftModem *modem,
                       const AkmaSoftFace *face,
                       const AkmaSoftDialect *dialect,
                       const AkmaSoftUsbPipeUser *user,
                       void *user_data)
{
    static const AkmaSoftPeer peer = {on_output, on_resume, on_hangup};
    AkmaSoftUsbPipe *self = akma_wiping_calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->face = face;
    self->user = *user;
    self->user_data = user_data;
    g_queue_init(&self->output);
    self->speaker = face->create(modem, dialect, &peer, self);
    if (!self->speaker) {
        akma_wiping_free(self);
        return NULL;
    }

    return self;
}

static void
drop_output(AkmaSoftUsbPipe *self)
{
    g_queue_clear_full(&self->output, akma_wiping_free);
}

void
akma_soft_usb_pipe_free(AkmaSoftUsbPipe *self)
{
    if (!self)
        return;

    self->face->destroy(self->speaker);
    drop_output(self);
    akma_wiping_free(self);
}

void
akma_soft_usb_pipe_write(AkmaSoftUsbPipe *self, const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > INPUT_SIZE - self->input_len)
        return;
    memcpy(self->input + self->input_len, bytes, len);
    self->input_len += len;
    feed(self);
}

size_t
akma_soft_usb_pipe_read(AkmaSoftUsbPipe *self, uint8_t *to, size_t room, bool whole)
{
    Message *message = g_queue_peek_head(&self->output);
    size_t n = message ? MIN(message->len - message->at, room) : 0;

    if (!message)
        return 0;
    memcpy(to, message->bytes + message->at, n);
    message->at += n;
    if (whole || message->at == message->len)
        akma_wiping_free(g_queue_pop_head(&self->output));

    return n;
}

bool
akma_soft_usb_pipe_is_empty(const AkmaSoftUsbPipe *self)
{
    return self->output.length == 0;
}

void
akma_soft_usb_pipe_set_listening(AkmaSoftUsbPipe *self, bool listening)
{
    self->listening = listening;
}

bool
akma_soft_usb_pipe_is_listening(const AkmaSoftUsbPipe *self)
{
    return self->listening;
}

void
akma_soft_usb_pipe_tell(AkmaSoftUsbPipe *self, AkmaSoftEvent event, const char *text)
{
    if (self->listening)
        self->face->tell(self->speaker, event, text);
}

void
akma_soft_usb_pipe_forget(AkmaSoftUsbPipe *self)
{
    self->face->forget(self->speaker);
    discard(self, self->input_len);
    drop_output(self);
}

void
akma_soft_usb_pipe_restart(AkmaSoftUsbPipe *self)
{
    akma_soft_usb_pipe_forget(self);
    self->listening = false;
    self->face->restart(self->speaker);
}
