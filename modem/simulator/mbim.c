/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/mbim.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/wiping.h"
#include "modem/simulator/mbim-private.h"

static void
forget(void *data)
{
    AkmaSoftMbim *self = data;

    akma_soft_mbim_drop_input(self);
    akma_soft_mbim_drop_answer(self);
}

/* The channels stay: so does the card, and they are open on it. */
static void
restart(void *data)
{
    AkmaSoftMbim *self = data;

    forget(self);
    self->open = false;
    self->transfer = AKMA_SOFT_MBIM_TRANSFER_MAX;
    self->busy = self->dialect->busy;
    memset(self->signal, 0, sizeof self->signal);
    self->idle_hint = false;
    self->pass_through = false;
    memset(self->caps, 0, sizeof self->caps);
    self->n_caps = 0;
    akma_soft_mbim_subscribe_all(self);
    if (self->qmi)
        akma_soft_qmi_restart(self->qmi);
}

/* Whether a client is there or not: the channels go with the card, and a new one keeps it busy. */
static void
on_event(AkmaSoftEvent event, const char *text, void *user_data)
{
    AkmaSoftMbim *self = user_data;

    (void)text;
    if (event != AKMA_SOFT_EVENT_SIM)
        return;
    self->busy = self->dialect->busy;
    if (!akma_soft_modem_get_card(self->modem))
        memset(self->channels, 0, sizeof self->channels);
}

static void *
create(AkmaSoftModem *modem,
       const AkmaSoftDialect *dialect,
       const AkmaSoftPeer *peer,
       void *user_data)
{
    AkmaSoftMbim *self = akma_wiping_calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->modem = modem;
    self->dialect = dialect;
    self->peer = *peer;
    self->user_data = user_data;
    if (dialect->mbim_qmi && !akma_soft_mbim_qmi_init(self)) {
        akma_wiping_free(self);
        return NULL;
    }
    restart(self);
    akma_soft_modem_listen(modem, on_event, self);

    return self;
}

static void
destroy(void *data)
{
    AkmaSoftMbim *self = data;

    if (!self)
        return;
    forget(self);
    akma_soft_qmi_free(self->qmi);
    akma_wiping_free(self);
}

static size_t
feed(void *data, const void *bytes, size_t len)
{
    return akma_soft_mbim_feed(data, bytes, len);
}

static void
tell(void *data, AkmaSoftEvent event, const char *text)
{
    AkmaSoftMbim *self = data;

    akma_soft_mbim_tell(self, event, text);
    if (self->qmi)
        akma_soft_qmi_tell(self->qmi, event, text);
}

const AkmaSoftFace akma_soft_mbim_face = {"mbim", create, destroy, feed, forget, restart, tell};
