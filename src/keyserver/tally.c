/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/tally.h"

#include <openssl/crypto.h>
#include <string.h>

bool
akma_tally_is_full(AkmaFront *front, AkmaProfile profile, unsigned kind)
{
    if (front->sessions < front->sessions_max)
        return false;

    akma_figures_count_exchange(front->figures, kind, profile, AKMA_CAUSE_STORE_UNAVAILABLE);

    return true;
}

void
akma_tally_open(
    AkmaTally *self, AkmaFront *front, AkmaProfile profile, unsigned kind, const char *peer)
{
    *self = (AkmaTally){
        .front = front,
        .profile = profile,
        .kind = kind,
        .address = g_strdup(peer),
        .begun_ns = uv_hrtime(),
    };
    front->sessions++;
}

void
akma_tally_close(AkmaTally *self)
{
    akma_tally_count(self, AKMA_RESULT_UNFINISHED);
    self->front->sessions--;
    if (self->terminal)
        g_info("terminal %s: exchange over, first key deleted", self->terminal);
    akma_tally_forget_terminal(self);
    g_clear_pointer(&self->address, g_free);
}

void
akma_tally_forget_terminal(AkmaTally *self)
{
    if (self->terminal)
        OPENSSL_cleanse(self->terminal, strlen(self->terminal));
    g_clear_pointer(&self->terminal, g_free);
}

void
akma_tally_count(AkmaTally *self, unsigned result)
{
    AkmaFigures *figures = self->front->figures;

    if (self->counted)
        return;

    self->counted = true;
    akma_figures_count_exchange(figures, self->kind, self->profile, result);
    if (result == AKMA_CAUSE_NONE)
        akma_figures_time_exchange(figures, (uv_hrtime() - self->begun_ns) / 1000);
}

void
akma_tally_audit(const AkmaTally *self, const char *event, const char *application, AkmaCause cause)
{
    const AkmaAuditEvent line = {
        .event = event,
        .terminal = self->terminal,
        .application = application,
        .cause = akma_cause_get_name(cause),
        .address = self->address,
    };

    akma_audit_write(self->front->audit, &line);
}

void
akma_tally_answer(AkmaTally *self, const AkmaKeySet *set)
{
    const AkmaAuditEvent who = {.terminal = self->terminal, .address = self->address};
    AkmaFigures *figures = self->front->figures;

    akma_audit_write_answer(self->front->audit, &who, set);
    for (guint i = 0; i < set->keys->len; i++)
        akma_figures_count_key(figures, AKMA_CAUSE_NONE);
    for (guint i = 0; i < set->errors->len; i++)
        akma_figures_count_key(figures, ((const AkmaKeyError *)set->errors->pdata[i])->cause);
    akma_tally_count(self, AKMA_CAUSE_NONE);
}
