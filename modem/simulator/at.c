/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/at.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/wiping.h"
#include "modem/simulator/at-private.h"

#define CR '\r'

AkmaSoftAt *
akma_soft_at_new(AkmaSoftModem *modem,
                 const AkmaSoftDialect *dialect,
                 const AkmaSoftPeer *peer,
                 void *user_data)
{
    AkmaSoftAt *self = akma_wiping_calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->modem = modem;
    self->dialect = dialect;
    self->peer = *peer;
    self->user_data = user_data;
    akma_soft_at_restart(self);

    return self;
}

void
akma_soft_at_free(AkmaSoftAt *self)
{
    if (!self)
        return;

    g_clear_handle_id(&self->delay, g_source_remove);
    akma_wiping_free(self);
}

void
akma_soft_at_forget(AkmaSoftAt *self)
{
    g_clear_handle_id(&self->delay, g_source_remove);
    OPENSSL_cleanse(self->line, sizeof self->line);
    OPENSSL_cleanse(self->answer, sizeof self->answer);
    self->line_len = 0;
    self->overlong = false;
    self->answer_len = 0;
}

void
akma_soft_at_restart(AkmaSoftAt *self)
{
    akma_soft_at_forget(self);
    self->no_echo = false;
    self->terse = false;
    self->cmee = 0;
    memset(self->report, 0, sizeof self->report);
    self->busy = self->dialect->busy;
}

/* Bytes that look like none of a modem; the final result stays, so that the damage is seen. */
static void
garble(AkmaSoftAt *self)
{
    size_t end = self->final_at > 0 ? self->final_at : self->answer_len;

    for (size_t i = 2; i < end; i += 3) {
        if (self->answer[i] >= ' ')
            self->answer[i] = (char)(self->answer[i] ^ 0x15);
    }
}

static void
send_answer(AkmaSoftAt *self)
{
    switch (self->fault.kind) {
    case AKMA_SOFT_FAULT_DROP:
        self->answer_len = 0;
        break;
    case AKMA_SOFT_FAULT_TRUNCATE:
        self->answer_len /= 2;
        break;
    case AKMA_SOFT_FAULT_GARBLE:
        garble(self);
        break;
    case AKMA_SOFT_FAULT_CLOSE:
        akma_soft_at_forget(self);
        self->peer.hangup(self->user_data);
        return;
    case AKMA_SOFT_FAULT_NONE:
    case AKMA_SOFT_FAULT_SW:
    case AKMA_SOFT_FAULT_CME:
        break;
    }

    self->peer.output(self->answer, self->answer_len, self->user_data);
    OPENSSL_cleanse(self->answer, self->answer_len);
    self->answer_len = 0;
}

static gboolean
delay_over(gpointer user_data)
{
    AkmaSoftAt *self = user_data;

    self->delay = 0;
    send_answer(self);
    self->peer.resume(self->user_data);

    return G_SOURCE_REMOVE;
}

/* A line ended: nothing is answered to one that does not begin with AT (V.250 5.2.1). */
static void
run_line(AkmaSoftAt *self)
{
    const unsigned delay_ms = akma_soft_modem_get_delay_ms(self->modem);
    char *line = self->line;

    self->line[self->line_len] = '\0';
    while (*line == ' ')
        line++;
    if (g_ascii_strncasecmp(line, "AT", 2) == 0) {
        if (self->overlong)
            line[2] = '\1'; /* no command */
        akma_soft_at_run(self, line + 2);
        if (delay_ms > 0)
            self->delay = g_timeout_add(delay_ms, delay_over, self);
        else
            send_answer(self);
    }

    OPENSSL_cleanse(self->line, sizeof self->line);
    self->line_len = 0;
    self->overlong = false;
}

static void
take(AkmaSoftAt *self, char byte)
{
    if (byte == CR)
        run_line(self);
    else if (byte == '\b' || byte == 0x7f)
        self->line_len -= self->line_len > 0 ? 1 : 0;
    else if (byte == '\n' || byte == '\0')
        return;
    else if (self->line_len == AKMA_SOFT_AT_LINE_MAX)
        self->overlong = true;
    else
        self->line[self->line_len++] = byte;
}

size_t
akma_soft_at_feed(AkmaSoftAt *self, const char *bytes, size_t len)
{
    size_t taken = 0;

    while (taken < len && self->delay == 0) {
        const char *end = memchr(bytes + taken, CR, len - taken);
        size_t part = end ? (size_t)(end - bytes) + 1 - taken : len - taken;

        if (!self->no_echo)
            self->peer.output(bytes + taken, part, self->user_data);
        for (size_t i = 0; i < part; i++)
            take(self, bytes[taken + i]);
        taken += part;
    }

    return taken;
}

static const char *
sim_text(AkmaSoftModem *modem)
{
    switch (akma_soft_modem_get_sim_state(modem)) {
    case AKMA_SOFT_SIM_ABSENT:
        return "NOT INSERTED";
    case AKMA_SOFT_SIM_PIN:
        return "SIM PIN";
    case AKMA_SOFT_SIM_PUK:
        return "SIM PUK";
    case AKMA_SOFT_SIM_READY:
        return "READY";
    }

    g_return_val_if_reached("NOT READY");
}

static void
say(AkmaSoftAt *self, const char *text)
{
    g_autofree char *line = g_strdup_printf("\r\n%s\r\n", text);

    self->peer.output(line, strlen(line), self->user_data);
}

void
akma_soft_at_tell(AkmaSoftAt *self, AkmaSoftEvent event, const char *text)
{
    g_autofree char *line = NULL;

    switch (event) {
    case AKMA_SOFT_EVENT_SIM:
        self->busy = self->dialect->busy;
        line = g_strdup_printf("+CPIN: %s", sim_text(self->modem));
        say(self, line);
        break;
    case AKMA_SOFT_EVENT_REGISTRATION:
        akma_soft_at_report_registration(self);
        break;
    case AKMA_SOFT_EVENT_UNSOLICITED:
        say(self, text);
        break;
    case AKMA_SOFT_EVENT_RADIO:
    case AKMA_SOFT_EVENT_PLUG:
        break;
    }
}

static void *
face_create(AkmaSoftModem *modem,
            const AkmaSoftDialect *dialect,
            const AkmaSoftPeer *peer,
            void *user_data)
{
    return akma_soft_at_new(modem, dialect, peer, user_data);
}

static void
face_destroy(void *self)
{
    akma_soft_at_free(self);
}

static size_t
face_feed(void *self, const void *bytes, size_t len)
{
    return akma_soft_at_feed(self, bytes, len);
}

static void
face_forget(void *self)
{
    akma_soft_at_forget(self);
}

static void
face_restart(void *self)
{
    akma_soft_at_restart(self);
}

static void
face_tell(void *self, AkmaSoftEvent event, const char *text)
{
    akma_soft_at_tell(self, event, text);
}

const AkmaSoftFace akma_soft_at_face = {
    "at", face_create, face_destroy, face_feed, face_forget, face_restart, face_tell};
