/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-send: a request, repeated while the card is busy. */
#include "modem/qmi/qmi-private.h"
#include "modem/qmi/result.h"

#define BUSY_FIRST_MS 50u
#define BUSY_TRIES    6 /* 50 ms, doubled each time: 3 s in all */

typedef struct {
    AkmaQmiCard *card;
    AkmaQmiRequest request; /* wiped */
    unsigned tries;
    AkmaQmiDone done;
    gpointer user_data;
} Try;

static void
try_free(Try *try)
{
    g_clear_object(&try->card);
    akma_qmi_request_clear(&try->request);
    g_free(try);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Try, try_free)

static void try_done(const AkmaQmiAnswer *answer, const GError *error, gpointer user_data);

static gboolean
try_now(gpointer user_data)
{
    Try *try = user_data;

    akma_qmi_port_send(try->card->port, &try->request, try_done, try);

    return G_SOURCE_REMOVE;
}

static void
try_done(const AkmaQmiAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(Try) try = user_data;
    g_autoptr(GSource) later = NULL;

    if (!error && akma_qmi_answer_is_busy(answer) && try->tries < BUSY_TRIES) {
        later = g_timeout_source_new(BUSY_FIRST_MS << try->tries++);
        g_source_set_callback(later, try_now, g_steal_pointer(&try), NULL);
        g_source_attach(later, g_main_context_get_thread_default());
        return;
    }

    try->done(answer, error, try->user_data);
}

void
akma_qmi_card_send(AkmaQmiCard *self,
                   const AkmaQmiRequest *request,
                   AkmaQmiDone done,
                   gpointer user_data)
{
    Try *try = g_new0(Try, 1);

    try->card = g_object_ref(self);
    try->request = *request;
    try->done = done;
    try->user_data = user_data;
    try_now(try);
}
