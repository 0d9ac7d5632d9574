/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/usim-visit.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/error.h"

#define UST_BYTES  16 /* up to service 128 */
#define AD_BYTES   4
#define IMSI_BYTES 9

/*
 *   CARD --> OPEN --> UST --> AD --> IMSI --> done
 *
 * What the modem knows of the card is left out.
 */
typedef enum {
    STEP_CARD,
    STEP_OPEN,
    STEP_UST,
    STEP_AD,
    STEP_IMSI,
} Step;

typedef struct {
    AkmaVisit *visit;
    AkmaVisitDepth depth;
    unsigned service;
} Run;

static void begin(GTask *owned, Step step);

void
akma_visit_free(AkmaVisit *self)
{
    if (!self)
        return;

    g_clear_object(&self->channel);
    g_clear_object(&self->modem);
    OPENSSL_cleanse(self->imsi, sizeof self->imsi);
    OPENSSL_cleanse(&self->facts, sizeof self->facts);
    g_free(self);
}

static void
run_free(Run *run)
{
    akma_visit_free(run->visit);
    g_free(run);
}

void
akma_visit_note_error(AkmaModem *modem, const GError *error)
{
    if (!g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_NOT_READY) &&
        !g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED) &&
        !g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED) &&
        !g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NO_MODEM) &&
        !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        akma_modem_doubt_card(modem);
}

/* The channel goes first: who is told of the end may ask the card for more. */
static void
fail(GTask *task, GError *error)
{
    Run *run = g_task_get_task_data(task);

    g_clear_object(&run->visit->channel);
    akma_visit_note_error(run->visit->modem, error);
    g_task_return_error(task, error);
}

static void
finish(GTask *task)
{
    Run *run = g_task_get_task_data(task);

    g_task_return_pointer(task, g_steal_pointer(&run->visit), (GDestroyNotify)akma_visit_free);
}

static void
refreshed(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;

    if (!akma_modem_refresh_finish(AKMA_MODEM(source), res, &error) ||
        !akma_modem_check_card(AKMA_MODEM(source), &error))
        g_task_return_error(task, error);
    else
        begin(g_steal_pointer(&task), STEP_OPEN);
}

/* What the modem said last may be old: a card that was missing may be there now. */
static void
begin_card(GTask *owned)
{
    Run *run = g_task_get_task_data(owned);
    AkmaModem *modem = run->visit->modem;

    if (akma_modem_get_sim_state(modem) == AKMA_SIM_READY)
        begin(owned, STEP_OPEN);
    else
        akma_modem_refresh_async(modem, g_task_get_cancellable(owned), refreshed, owned);
}

bool
akma_visit_has_service(const AkmaVisit *self, unsigned service)
{
    return akma_usim_has_service(self->facts.ust, self->facts.ust_len, service);
}

/*= TS 31.102 4.2.8: service 68 is GBA, 123 "5GS mobility and security: 5G security parameters" */
static bool
check_service(const Run *run, GError **error)
{
    if (run->service == 0 || akma_visit_has_service(run->visit, run->service))
        return true;
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_ANCHOR_UNSUPPORTED,
                "the USIM lacks service %u (%s)",
                run->service,
                run->service == AKMA_SERVICE_GBA ? "GBA_U" : "5G security parameters");

    return false;
}

static void
opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);
    AkmaVisit *visit = run->visit;

    visit->channel = akma_usim_open_finish(AKMA_CARD_QUEUE(source), res, &error);
    if (!visit->channel) {
        fail(task, error);
        return;
    }

    visit->facts = *akma_modem_get_facts(visit->modem);
    if (run->depth == AKMA_VISIT_OWNER)
        begin(g_steal_pointer(&task), STEP_IMSI);
    else if (!visit->facts.is_known || run->depth == AKMA_VISIT_SERVICES)
        begin(g_steal_pointer(&task), STEP_UST);
    else if (!check_service(run, &error))
        fail(task, error);
    else if (run->depth == AKMA_VISIT_IDENTITY)
        begin(g_steal_pointer(&task), STEP_IMSI);
    else
        finish(task);
}

static void
begin_open(GTask *owned)
{
    Run *run = g_task_get_task_data(owned);

    akma_usim_open_async(
        akma_modem_get_queue(run->visit->modem), g_task_get_cancellable(owned), opened, owned);
}

static void
begin_file(GTask *owned, const AkmaFile *file, size_t len, GAsyncReadyCallback done)
{
    Run *run = g_task_get_task_data(owned);

    akma_uicc_read_async(
        run->visit->channel, file, len, g_task_get_cancellable(owned), done, owned);
}

static void
ust_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);
    AkmaUsimFacts *facts = &run->visit->facts;
    g_autoptr(AkmaResponse) ust = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (!ust) {
        fail(task, error);
        return;
    }
    facts->ust_len = MIN(ust->len, sizeof facts->ust);
    memcpy(facts->ust, ust->bytes, facts->ust_len);

    if (!check_service(run, &error))
        fail(task, error);
    else if (run->depth == AKMA_VISIT_SERVICES)
        finish(task);
    else
        begin(g_steal_pointer(&task), STEP_AD);
}

static void
begin_ust(GTask *owned)
{
    begin_file(owned, &akma_usim_ust, UST_BYTES, ust_read);
}

static void
ad_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) ad = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (!ad ||
        !akma_usim_parse_mnc_length(ad->bytes, ad->len, &run->visit->facts.mnc_length, &error))
        fail(task, error);
    else
        begin(g_steal_pointer(&task), STEP_IMSI);
}

static void
begin_ad(GTask *owned)
{
    begin_file(owned, &akma_usim_ad, AD_BYTES, ad_read);
}

bool
akma_visit_take_imsi(AkmaVisit *self,
                     const AkmaResponse *file,
                     uint8_t ret_digest[static 32],
                     GError **error)
{
    if (!akma_usim_parse_imsi(file->bytes, file->len, self->imsi, error))
        return false;
    if (EVP_Digest(self->imsi, strlen(self->imsi), ret_digest, NULL, EVP_sha256(), NULL) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no digest");
        return false;
    }

    return true;
}

static void
imsi_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);
    AkmaVisit *visit = run->visit;
    g_autoptr(AkmaResponse) imsi = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (!imsi || !akma_visit_take_imsi(visit, imsi, visit->facts.imsi_digest, &error))
        fail(task, error);
    else
        finish(task);
}

static void
begin_imsi(GTask *owned)
{
    begin_file(owned, &akma_usim_imsi, IMSI_BYTES, imsi_read);
}

/* Takes the task: every step either completes it or hands it to the next one. */
static void
begin(GTask *owned, Step step)
{
    static const struct {
        const char *name;
        void (*begin)(GTask *owned);
    } steps[] = {
        [STEP_CARD] = {"card", begin_card},
        [STEP_OPEN] = {"open", begin_open},
        [STEP_UST] = {"services", begin_ust},
        [STEP_AD] = {"administrative data", begin_ad},
        [STEP_IMSI] = {"identity", begin_imsi},
    };

    g_debug("card: %s", steps[step].name);
    steps[step].begin(owned);
}

void
akma_visit_async(AkmaModem *modem,
                 AkmaVisitDepth depth,
                 unsigned service,
                 GCancellable *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    Run *run = g_new0(Run, 1);

    g_task_set_source_tag(task, akma_visit_async);
    g_task_set_task_data(task, run, (GDestroyNotify)run_free);
    run->visit = g_new0(AkmaVisit, 1);
    run->visit->modem = g_object_ref(modem);
    run->depth = depth;
    run->service = service;
    begin(task, STEP_CARD);
}

void
akma_visit_again_async(AkmaVisit *visit,
                       unsigned service,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    Run *run = g_new0(Run, 1);

    g_task_set_source_tag(task, akma_visit_async);
    g_task_set_task_data(task, run, (GDestroyNotify)run_free);
    run->visit = visit;
    visit->facts.is_known = false; /* they are of the card before */
    run->depth = AKMA_VISIT_FACTS;
    run->service = service;
    begin(task, STEP_UST);
}

AkmaVisit *
akma_visit_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
