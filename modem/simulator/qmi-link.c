/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/qmi-link.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/wiping.h"

#define LATE_MAX 64 /* answers that wait; a client that asks for more gets none */

/* An answer that is not out yet. */
typedef struct {
    gint64 due_us;
    bool hangup; /* instead of bytes */
    size_t len;
    uint8_t *bytes; /* wiped on free */
} Late;

struct _AkmaSoftQmiLink {
    AkmaSoftQmi *qmi;
    AkmaSoftModem *modem;
    AkmaSoftQmiUser user;
    AkmaSoftPeer peer;
    void *user_data;
    GQueue late; /* of Late, the next one first */
    guint timer;
    size_t input_len;
    uint8_t input[AKMA_SOFT_QMI_FRAME_MAX];
};

static void
late_free(Late *late)
{
    akma_wiping_free(late->bytes);
    g_free(late);
}

static void
on_indication(const uint8_t *frame, size_t len, void *user_data)
{
    AkmaSoftQmiLink *self = user_data;

    self->peer.output(frame, len, self->user_data);
}

AkmaSoftQmiLink *
akma_soft_qmi_link_new(
    AkmaSoftQmi *qmi, AkmaSoftModem *modem, bool proxy, const AkmaSoftPeer *peer, void *user_data)
{
    AkmaSoftQmiLink *self = akma_wiping_calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->qmi = qmi;
    self->modem = modem;
    self->user = (AkmaSoftQmiUser){on_indication, self, proxy};
    self->peer = *peer;
    self->user_data = user_data;
    g_queue_init(&self->late);

    return self;
}

void
akma_soft_qmi_link_free(AkmaSoftQmiLink *self)
{
    if (!self)
        return;

    akma_soft_qmi_link_forget(self);
    akma_soft_qmi_leave(self->qmi, &self->user);
    akma_wiping_free(self);
}

void
akma_soft_qmi_link_forget(AkmaSoftQmiLink *self)
{
    g_clear_handle_id(&self->timer, g_source_remove);
    g_queue_clear_full(&self->late, (GDestroyNotify)late_free);
    OPENSSL_cleanse(self->input, sizeof self->input);
    self->input_len = 0;
}

static void send_late(AkmaSoftQmiLink *self);

static gboolean
on_due(gpointer user_data)
{
    AkmaSoftQmiLink *self = user_data;

    self->timer = 0;
    send_late(self);

    return G_SOURCE_REMOVE;
}

/* Sends what is due. A hang-up is the last thing: the peer may free the link in it. */
static void
send_late(AkmaSoftQmiLink *self)
{
    Late *late;

    while ((late = g_queue_peek_head(&self->late)) != NULL) {
        gint64 wait_us = late->due_us - g_get_monotonic_time();
        bool hangup = late->hangup;

        if (wait_us > 0) {
            self->timer = g_timeout_add((guint)(wait_us / 1000 + 1), on_due, self);
            return;
        }
        g_queue_pop_head(&self->late);
        if (!hangup)
            self->peer.output(late->bytes, late->len, self->user_data);
        late_free(late);
        if (hangup) {
            akma_soft_qmi_link_forget(self);
            self->peer.hangup(self->user_data);
            return;
        }
    }
}

static void
add_late(AkmaSoftQmiLink *self, const uint8_t *answer, size_t len, const AkmaSoftFault *fault)
{
    const gint64 delay_us = (gint64)akma_soft_modem_get_delay_ms(self->modem) * 1000;
    Late *late;

    if (fault->kind == AKMA_SOFT_FAULT_DROP || self->late.length >= LATE_MAX)
        return;
    late = g_new0(Late, 1);
    late->due_us = g_get_monotonic_time() + delay_us;
    late->hangup = fault->kind == AKMA_SOFT_FAULT_CLOSE;
    late->bytes = akma_wiping_malloc(len);
    if (!late->bytes) {
        late_free(late);
        return;
    }
    memcpy(late->bytes, answer, len);
    late->len = len;
    if (fault->kind == AKMA_SOFT_FAULT_GARBLE)
        akma_soft_qmi_garble(late->bytes, len);
    else if (fault->kind == AKMA_SOFT_FAULT_TRUNCATE)
        late->len = akma_soft_qmi_truncate(late->bytes, len);
    g_queue_push_tail(&self->late, late);
}

/* Takes what is complete from the start of the input. */
static void
take_frames(AkmaSoftQmiLink *self)
{
    size_t used = 0;
    size_t n;
    bool frame;

    while ((n = akma_soft_qmi_measure(self->input + used, self->input_len - used, &frame)) > 0) {
        AkmaSoftFault fault = {.kind = AKMA_SOFT_FAULT_NONE};
        const uint8_t *answer = NULL;
        size_t len =
            frame
                ? akma_soft_qmi_run(self->qmi, &self->user, self->input + used, n, &answer, &fault)
                : 0;

        if (len > 0)
            add_late(self, answer, len, &fault);
        used += n;
    }
    self->input_len -= used;
    memmove(self->input, self->input + used, self->input_len);
    OPENSSL_cleanse(self->input + self->input_len, sizeof self->input - self->input_len);
}

void
akma_soft_qmi_link_feed(AkmaSoftQmiLink *self, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t n = MIN(len, sizeof self->input - self->input_len);

        memcpy(self->input + self->input_len, bytes, n);
        self->input_len += n;
        bytes += n;
        len -= n;
        take_frames(self);
    }
    if (self->timer == 0)
        send_late(self);
}

/* What stands behind a pty. */
typedef struct {
    AkmaSoftQmi *qmi;
    AkmaSoftQmiLink *link;
} Port;

static void
face_destroy(void *self)
{
    Port *port = self;

    if (!port)
        return;
    akma_soft_qmi_link_free(port->link);
    akma_soft_qmi_free(port->qmi);
    g_free(port);
}

static void *
face_create(AkmaSoftModem *modem,
            const AkmaSoftDialect *dialect,
            const AkmaSoftPeer *peer,
            void *user_data)
{
    Port *port = g_new0(Port, 1);

    port->qmi = akma_soft_qmi_new(modem, dialect);
    port->link =
        port->qmi ? akma_soft_qmi_link_new(port->qmi, modem, false, peer, user_data) : NULL;
    if (!port->link) {
        face_destroy(port);
        return NULL;
    }

    return port;
}

static size_t
face_feed(void *self, const void *bytes, size_t len)
{
    const Port *port = self;

    akma_soft_qmi_link_feed(port->link, bytes, len);

    return len;
}

static void
face_forget(void *self)
{
    const Port *port = self;

    akma_soft_qmi_link_forget(port->link);
}

static void
face_restart(void *self)
{
    const Port *port = self;

    akma_soft_qmi_restart(port->qmi);
}

static void
face_tell(void *self, AkmaSoftEvent event, const char *text)
{
    const Port *port = self;

    akma_soft_qmi_tell(port->qmi, event, text);
}

const AkmaSoftFace akma_soft_qmi_face = {
    "qmi", face_create, face_destroy, face_feed, face_forget, face_restart, face_tell};
