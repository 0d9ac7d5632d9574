/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-frame: control messages and fragments of the host, MBIM 1.0 clause 9. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/mbim-private.h"

#define HEADER_LEN   12 /* type, length, transaction */
#define FRAGMENT_LEN 20 /* with how many fragments, and which one it is */
#define COMMAND_LEN  48 /* with service, command, kind, length of the information buffer */
#define PATIENCE_MS  1250
#define SKIP_MAX     (64 * 1024)

typedef struct {
    uint32_t type;
    uint32_t len;
    uint32_t tid;
} Header;

static Header
get_header(const AkmaSoftMbim *self)
{
    return (Header){
        .type = akma_soft_mbim_load_u32(self->input),
        .len = akma_soft_mbim_load_u32(self->input + 4),
        .tid = akma_soft_mbim_load_u32(self->input + 8),
    };
}

static void
drop_message(AkmaSoftMbim *self)
{
    OPENSSL_cleanse(self->input, self->input_len);
    self->input_len = 0;
}

static void
drop_command(AkmaSoftMbim *self)
{
    OPENSSL_cleanse(self->info, self->info_len);
    self->info_len = 0;
    self->collecting = false;
}

void
akma_soft_mbim_drop_input(AkmaSoftMbim *self)
{
    g_clear_handle_id(&self->patience, g_source_remove);
    drop_message(self);
    drop_command(self);
    self->skip = 0;
}

/* Nothing came for long while half of something is there. */
static gboolean
on_impatient(gpointer user_data)
{
    AkmaSoftMbim *self = user_data;

    self->patience = 0;
    if (self->input_len > 0)
        akma_soft_mbim_say_error(self,
                                 self->input_len >= HEADER_LEN ? get_header(self).tid : 0,
                                 MBIM_ERROR_LENGTH_MISMATCH);
    if (self->collecting)
        akma_soft_mbim_say_error(self, self->command.tid, MBIM_ERROR_TIMEOUT_FRAGMENT);
    akma_soft_mbim_drop_input(self);

    return G_SOURCE_REMOVE;
}

static void
refuse(AkmaSoftMbim *self, uint32_t tid, AkmaSoftMbimError error)
{
    if (self->collecting && self->command.tid != tid)
        akma_soft_mbim_say_error(self, self->command.tid, MBIM_ERROR_FRAGMENT_OUT_OF_SEQUENCE);
    akma_soft_mbim_say_error(self, tid, error);
    drop_command(self);
}

/* The first fragment says what the command is. */
static bool
begin_command(AkmaSoftMbim *self, const Header *header, uint32_t fragments)
{
    AkmaSoftMbimReader in = akma_soft_mbim_reader_init(self->input, header->len);
    const uint8_t *service;
    uint32_t kind;

    if (self->collecting)
        akma_soft_mbim_say_error(self, self->command.tid, MBIM_ERROR_FRAGMENT_OUT_OF_SEQUENCE);
    drop_command(self);

    akma_soft_mbim_reader_take(&in, FRAGMENT_LEN);
    service = akma_soft_mbim_reader_take(&in, sizeof self->command.service);
    self->command.cid = akma_soft_mbim_reader_u32(&in);
    kind = akma_soft_mbim_reader_u32(&in);
    self->command.info_len = akma_soft_mbim_reader_u32(&in);
    if (!service) {
        refuse(self, header->tid, MBIM_ERROR_LENGTH_MISMATCH);
        return false;
    }
    memcpy(self->command.service, service, sizeof self->command.service);
    self->command.tid = header->tid;
    self->command.set = kind == 1;
    if (in.bad || kind > 1) {
        refuse(self, header->tid, in.bad ? MBIM_ERROR_LENGTH_MISMATCH : MBIM_ERROR_UNKNOWN);
        return false;
    }
    if (self->command.info_len > sizeof self->info) {
        refuse(self, header->tid, MBIM_ERROR_MAX_TRANSFER);
        return false;
    }
    self->fragments = fragments;
    self->next_fragment = 0;
    self->collecting = true;

    return true;
}

/* Fragments of one command come one after the other, and of no other in between. */
static void
take_fragment(AkmaSoftMbim *self, const Header *header)
{
    uint32_t fragments = akma_soft_mbim_load_u32(self->input + HEADER_LEN);
    uint32_t current = akma_soft_mbim_load_u32(self->input + HEADER_LEN + 4);
    size_t head = current == 0 ? COMMAND_LEN : FRAGMENT_LEN;
    size_t len = header->len - head;

    if (current >= fragments ||
        (current > 0 && (!self->collecting || header->tid != self->command.tid ||
                         current != self->next_fragment || fragments != self->fragments))) {
        refuse(self, header->tid, MBIM_ERROR_FRAGMENT_OUT_OF_SEQUENCE);
        return;
    }
    if (current == 0 && !begin_command(self, header, fragments))
        return;
    if (len > self->command.info_len - self->info_len) {
        refuse(self, header->tid, MBIM_ERROR_LENGTH_MISMATCH);
        return;
    }
    memcpy(self->info + self->info_len, self->input + head, len);
    self->info_len += len;
    if (++self->next_fragment < fragments)
        return;

    if (self->info_len != self->command.info_len) {
        refuse(self, header->tid, MBIM_ERROR_LENGTH_MISMATCH);
        return;
    }
    self->collecting = false;
    akma_soft_mbim_answer(self, MBIM_DONE | MBIM_COMMAND, akma_soft_mbim_run(self));
    drop_command(self);
}

static void
open_function(AkmaSoftMbim *self, const Header *header)
{
    uint32_t transfer = akma_soft_mbim_load_u32(self->input + HEADER_LEN);

    drop_command(self);
    self->command.tid = header->tid;
    if (transfer < AKMA_SOFT_MBIM_TRANSFER_MIN) {
        akma_soft_mbim_answer(self, MBIM_DONE | MBIM_OPEN, MBIM_STATUS_INVALID_PARAMETERS);
        return;
    }
    self->open = true;
    self->transfer = MIN(transfer, AKMA_SOFT_MBIM_TRANSFER_MAX);
    akma_soft_mbim_subscribe_all(self);
    akma_soft_mbim_answer(self, MBIM_DONE | MBIM_OPEN, MBIM_STATUS_SUCCESS);
}

static void
close_function(AkmaSoftMbim *self, const Header *header)
{
    drop_command(self);
    self->command.tid = header->tid;
    self->open = false;
    self->transfer = AKMA_SOFT_MBIM_TRANSFER_MAX;
    akma_soft_mbim_answer(self, MBIM_DONE | MBIM_CLOSE, MBIM_STATUS_SUCCESS);
}

static void
run_message(AkmaSoftMbim *self)
{
    const Header header = get_header(self);

    if (header.type != MBIM_OPEN && header.type != MBIM_HOST_ERROR && !self->open) {
        refuse(self, header.tid, MBIM_ERROR_NOT_OPENED);
        return;
    }
    switch (header.type) {
    case MBIM_OPEN:
        if (header.len == HEADER_LEN + 4)
            open_function(self, &header);
        else
            refuse(self, header.tid, MBIM_ERROR_LENGTH_MISMATCH);
        break;
    case MBIM_CLOSE:
        if (header.len == HEADER_LEN)
            close_function(self, &header);
        else
            refuse(self, header.tid, MBIM_ERROR_LENGTH_MISMATCH);
        break;
    case MBIM_COMMAND:
        if (header.len >= FRAGMENT_LEN)
            take_fragment(self, &header);
        else
            refuse(self, header.tid, MBIM_ERROR_LENGTH_MISMATCH);
        break;
    case MBIM_HOST_ERROR: /* the host gave up what it had begun; nothing is answered */
        drop_command(self);
        break;
    default:
        refuse(self, header.tid, MBIM_ERROR_UNKNOWN);
        break;
    }
}

/* Takes bytes up to the end of a message; returns how many. */
static size_t
take(AkmaSoftMbim *self, const uint8_t *bytes, size_t len)
{
    size_t want = HEADER_LEN;
    size_t part;

    if (self->skip > 0) {
        part = MIN(self->skip, len);
        self->skip -= part;
        return part;
    }
    if (self->input_len >= HEADER_LEN)
        want = get_header(self).len;
    part = MIN(want - self->input_len, len);
    memcpy(self->input + self->input_len, bytes, part);
    self->input_len += part;
    if (self->input_len < HEADER_LEN)
        return part;

    want = get_header(self).len;
    if (want < HEADER_LEN) { /* where the next one begins nobody knows */
        refuse(self, get_header(self).tid, MBIM_ERROR_LENGTH_MISMATCH);
        drop_message(self);
        return len;
    }
    if (want > self->transfer) {
        refuse(self, get_header(self).tid, MBIM_ERROR_MAX_TRANSFER);
        drop_message(self);
        self->skip = want - HEADER_LEN;
        if (self->skip > SKIP_MAX) {
            self->skip = 0;
            return len;
        }
        return part;
    }
    if (self->input_len == want) {
        run_message(self);
        drop_message(self);
    }

    return part;
}

size_t
akma_soft_mbim_feed(AkmaSoftMbim *self, const uint8_t *bytes, size_t len)
{
    size_t taken = 0;

    g_clear_handle_id(&self->patience, g_source_remove);
    while (taken < len && self->delay == 0)
        taken += take(self, bytes + taken, len - taken);
    if (self->input_len > 0 || self->skip > 0 || self->collecting)
        self->patience = g_timeout_add(PATIENCE_MS, on_impatient, self);

    return taken;
}
