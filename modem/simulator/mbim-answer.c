/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-answer: what the function says: answers, perhaps late or spoilt, errors, indications. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/mbim-private.h"

#define FRAGMENT_LEN 20 /* header of each fragment */

/* A message that may take several fragments. */
typedef struct {
    uint32_t type;
    uint32_t tid;
    uint8_t service[16];
    uint32_t cid;
    uint32_t status; /* of an answer */
    const uint8_t *info;
    size_t info_len;
} Message;

/* Service, command, status of an answer, length of the information buffer. */
static size_t
put_head(const Message *message, uint8_t ret[static 28])
{
    size_t len = sizeof message->service;

    memcpy(ret, message->service, sizeof message->service);
    akma_soft_mbim_store_u32(ret + len, message->cid);
    len += 4;
    if (message->type != MBIM_INDICATE_STATUS) {
        akma_soft_mbim_store_u32(ret + len, message->status);
        len += 4;
    }
    akma_soft_mbim_store_u32(ret + len, (uint32_t)message->info_len);

    return len + 4;
}

/* Sends @message, but no more than @budget bytes of it. */
static void
send_message(AkmaSoftMbim *self, const Message *message, size_t budget)
{
    uint8_t frame[AKMA_SOFT_MBIM_TRANSFER_MAX];
    uint8_t head[28];
    const size_t head_len = put_head(message, head);
    const size_t room = self->transfer - FRAGMENT_LEN;
    const size_t total = head_len + message->info_len;
    const size_t fragments = (total + room - 1) / room;

    for (size_t i = 0; i < fragments && budget > 0; i++) {
        size_t at = FRAGMENT_LEN;
        size_t from = i * room;
        const size_t end = MIN(from + room, total);

        akma_soft_mbim_store_u32(frame, message->type);
        akma_soft_mbim_store_u32(frame + 4, (uint32_t)(FRAGMENT_LEN + end - from));
        akma_soft_mbim_store_u32(frame + 8, message->tid);
        akma_soft_mbim_store_u32(frame + 12, (uint32_t)fragments);
        akma_soft_mbim_store_u32(frame + 16, (uint32_t)i);
        for (; from < end; from++) /* the head fits into the first fragment */
            frame[at++] = from < head_len ? head[from] : message->info[from - head_len];
        self->peer.output(frame, MIN(at, budget), self->user_data);
        budget -= MIN(at, budget);
    }
    OPENSSL_cleanse(frame, sizeof frame);
}

/* A message of four numbers. */
static void
send_short(AkmaSoftMbim *self, uint32_t type, uint32_t tid, uint32_t value)
{
    uint8_t frame[16];

    akma_soft_mbim_store_u32(frame, type);
    akma_soft_mbim_store_u32(frame + 4, sizeof frame);
    akma_soft_mbim_store_u32(frame + 8, tid);
    akma_soft_mbim_store_u32(frame + 12, value);
    self->peer.output(frame, sizeof frame, self->user_data);
}

void
akma_soft_mbim_say_error(AkmaSoftMbim *self, uint32_t tid, AkmaSoftMbimError error)
{
    send_short(self, MBIM_FUNCTION_ERROR, tid, error);
}

void
akma_soft_mbim_indicate(AkmaSoftMbim *self,
                        const uint8_t service[static 16],
                        uint32_t cid,
                        const uint8_t *info,
                        size_t len)
{
    Message message = {.type = MBIM_INDICATE_STATUS, .cid = cid, .info = info, .info_len = len};

    memcpy(message.service, service, sizeof message.service);
    send_message(self, &message, SIZE_MAX);
}

/* The headers stay, so that the damage is seen where it is: in the numbers of the answer. */
static void
garble(AkmaSoftMbim *self)
{
    uint8_t *bytes = self->answer_len > 0 ? self->answer : self->command.service;
    const size_t len = self->answer_len > 0 ? self->answer_len : sizeof self->command.service;

    for (size_t i = 2; i < len; i += 3)
        bytes[i] ^= 0x15;
}

static void
send_done(AkmaSoftMbim *self)
{
    Message message = {
        .type = self->answer_type,
        .tid = self->command.tid,
        .cid = self->command.cid,
        .status = self->answer_status,
        .info = self->answer,
        .info_len = self->answer_len,
    };
    bool cut = self->fault.kind == AKMA_SOFT_FAULT_TRUNCATE;

    if (self->fault.kind == AKMA_SOFT_FAULT_GARBLE)
        garble(self);
    memcpy(message.service, self->command.service, sizeof message.service);
    send_message(self, &message, cut ? (FRAGMENT_LEN + 28 + self->answer_len) / 2 : SIZE_MAX);
}

static void
send_answer(AkmaSoftMbim *self)
{
    const AkmaSoftFaultKind fault = self->fault.kind;

    if (fault == AKMA_SOFT_FAULT_CLOSE)
        self->peer.hangup(self->user_data);
    else if (self->answer_type != (MBIM_DONE | MBIM_COMMAND))
        send_short(self, self->answer_type, self->command.tid, self->answer_status);
    else if (fault != AKMA_SOFT_FAULT_DROP)
        send_done(self);
    akma_soft_mbim_drop_answer(self);
}

void
akma_soft_mbim_drop_answer(AkmaSoftMbim *self)
{
    g_clear_handle_id(&self->delay, g_source_remove);
    OPENSSL_cleanse(self->answer, sizeof self->answer);
    self->answer_len = 0;
    self->fault = (AkmaSoftFault){.kind = AKMA_SOFT_FAULT_NONE};
}

static gboolean
delay_over(gpointer user_data)
{
    AkmaSoftMbim *self = user_data;

    self->delay = 0;
    send_answer(self);
    self->peer.resume(self->user_data);

    return G_SOURCE_REMOVE;
}

void
akma_soft_mbim_answer(AkmaSoftMbim *self, uint32_t type, uint32_t status)
{
    const unsigned delay_ms = akma_soft_modem_get_delay_ms(self->modem);

    self->answer_type = type;
    self->answer_status = status;
    if (delay_ms > 0)
        self->delay = g_timeout_add(delay_ms, delay_over, self);
    else
        send_answer(self);
}
