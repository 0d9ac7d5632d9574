/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/akma-usim.h"

#include <openssl/crypto.h>
#include <string.h>

#include "anchor/usim-visit.h"
#include "base/error.h"

#define MCC_LEN    3
#define ROUNDS     2 /* a card that is another one after each round is not worth a third */
#define IMSI_BYTES 9

/*
 *   a card that is not known, read whole:   VISIT --> ROUTING --> K_AUSF --> IMSI --> DERIVE
 *   a known one, on a channel of its own:   VISIT --> IMSI --> K_AUSF --> DERIVE
 *   a known one, elsewhere:                 VISIT --> K_AUSF --> IMSI --> DERIVE
 *
 * Another card than the one that was known, or than at the beginning: from VISIT, at most once.
 *
 * Key and IMSI must be of one card. Where the IMSI comes last, it is that of the card in the modem
 * after the key was read, and the same as before: what is between is of this card. On a channel
 * that ends with the card the IMSI may come first, which saves a SELECT: a card that is pulled
 * takes the channel with it, so that the key cannot be read on it any more; and a modem that says
 * that the card changed is believed. Should somebody open the same channel number on the next card
 * in the milliseconds between two commands, the key would be of that one: the A-KID made of it and
 * the old IMSI is known to nobody, the server refuses it, and all is read anew.
 */
typedef enum {
    STEP_VISIT,
    STEP_ROUTING,
    STEP_K_AUSF,
    STEP_IMSI,
    STEP_DERIVE,
} Step;

typedef struct {
    AkmaModem *modem;
    AkmaVisit *visit;
    AkmaAKidFormat format;
    char *realm_prefix;
    char *routing_indicator; /* NULL: the card's */
    unsigned rounds;
    bool is_owner_known; /* the IMSI was compared in this round */
    AkmaSecret *k_ausf;
} Run;

static void begin(GTask *owned, Step step);

static void
run_free(Run *run)
{
    akma_visit_free(run->visit);
    g_clear_object(&run->modem);
    akma_secret_unref(run->k_ausf);
    g_free(run->realm_prefix);
    g_free(run->routing_indicator);
    g_free(run);
}

/* The channel goes first: who is told of the end may ask the card for more. */
static void
fail(GTask *task, GError *error)
{
    Run *run = g_task_get_task_data(task);

    g_clear_pointer(&run->visit, akma_visit_free);
    akma_visit_note_error(run->modem, error);
    g_task_return_error(task, error);
}

static void
visited(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);

    run->is_owner_known = false;
    run->visit = akma_visit_finish(res, &error);
    if (!run->visit)
        g_task_return_error(task, error);
    else if (!run->visit->facts.is_known)
        begin(g_steal_pointer(&task), STEP_ROUTING);
    else if (akma_channel_ends_with_card(run->visit->channel))
        begin(g_steal_pointer(&task), STEP_IMSI);
    else
        begin(g_steal_pointer(&task), STEP_K_AUSF);
}

static void
begin_visit(GTask *owned)
{
    Run *run = g_task_get_task_data(owned);
    GCancellable *cancellable = g_task_get_cancellable(owned);

    if (run->visit)
        akma_visit_again_async(
            g_steal_pointer(&run->visit), AKMA_SERVICE_5G_SECURITY, cancellable, visited, owned);
    else
        akma_visit_async(
            run->modem, AKMA_VISIT_FACTS, AKMA_SERVICE_5G_SECURITY, cancellable, visited, owned);
}

static void
begin_file(GTask *owned, const AkmaFile *file, size_t len, GAsyncReadyCallback done)
{
    Run *run = g_task_get_task_data(owned);

    akma_uicc_read_async(
        run->visit->channel, file, len, g_task_get_cancellable(owned), done, owned);
}

/*= TS 23.003 2.2B: without EF_Routing_Indicator the routing indicator is 0 */
static void
routing_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Run *run = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) file = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (file)
        akma_usim_parse_routing_indicator(
            file->bytes, file->len, run->visit->facts.routing_indicator, &error);
    else if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED))
        g_clear_error(&error);

    if (error)
        fail(task, g_steal_pointer(&error));
    else
        begin(g_steal_pointer(&task), STEP_K_AUSF);
}

static void
begin_routing(GTask *owned)
{
    Run *run = g_task_get_task_data(owned);

    g_strlcpy(run->visit->facts.routing_indicator, "0", sizeof run->visit->facts.routing_indicator);
    if (run->routing_indicator ||
        !akma_visit_has_service(run->visit, AKMA_SERVICE_ROUTING_INDICATOR))
        begin(owned, STEP_K_AUSF);
    else
        begin_file(owned, &akma_usim_routing_indicator, AKMA_RID_MAX, routing_read);
}

/* From the beginning, with the card that is there now. Takes the task. */
static void
begin_other_card(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    Run *run = g_task_get_task_data(task);

    g_clear_pointer(&run->k_ausf, akma_secret_unref);
    akma_modem_doubt_card(run->modem);
    if (++run->rounds >= ROUNDS)
        fail(task,
             g_error_new_literal(AKMA_ERROR,
                                 AKMA_ERROR_MODEM_FAILED,
                                 "the card became another one while it was read"));
    else
        begin(g_steal_pointer(&task), STEP_VISIT);
}

/* The modem has said nothing to the contrary since the visit began. */
static bool
is_same_card(const Run *run)
{
    return akma_modem_get_facts(run->modem)->version == run->visit->facts.version;
}

static void
k_ausf_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);

    g_clear_pointer(&run->k_ausf, akma_secret_unref);
    run->k_ausf = akma_usim_read_k_ausf_finish(AKMA_CHANNEL(source), res, &error);
    if (!run->k_ausf)
        fail(task, error);
    else if (!run->is_owner_known)
        begin(g_steal_pointer(&task), STEP_IMSI);
    else if (is_same_card(run))
        begin(g_steal_pointer(&task), STEP_DERIVE);
    else
        begin_other_card(g_steal_pointer(&task));
}

static void
begin_k_ausf(GTask *owned)
{
    Run *run = g_task_get_task_data(owned);

    akma_usim_read_k_ausf_async(
        run->visit->channel, g_task_get_cancellable(owned), k_ausf_read, owned);
}

static void
imsi_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) file = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);
    uint8_t digest[32];

    if (!file || !akma_visit_take_imsi(run->visit, file, digest, &error)) {
        fail(task, error);
        return;
    }
    run->is_owner_known = CRYPTO_memcmp(digest, run->visit->facts.imsi_digest, sizeof digest) == 0;
    if (run->is_owner_known)
        begin(g_steal_pointer(&task), run->k_ausf ? STEP_DERIVE : STEP_K_AUSF);
    else
        begin_other_card(g_steal_pointer(&task));
}

static void
begin_imsi(GTask *owned)
{
    begin_file(owned, &akma_usim_imsi, IMSI_BYTES, imsi_read);
}

/*= TS 33.535 6.1: K_AKMA and A-KID from K_AUSF, SUPI and routing indicator */
static AkmaAnchor *
derive(const Run *run, GError **error)
{
    g_auto(AkmaKey256) k_ausf = {0};
    g_auto(AkmaKey256) k_akma = {0};
    g_autoptr(AkmaSecret) key = NULL;
    g_autofree char *kid = NULL;
    uint8_t a_tid[32];
    size_t len;
    char mcc[MCC_LEN + 1] = {0};
    char mnc[MCC_LEN + 1] = {0};
    const char *imsi = run->visit->imsi;
    const char *rid =
        run->routing_indicator ? run->routing_indicator : run->visit->facts.routing_indicator;

    memcpy(mcc, imsi, MCC_LEN);
    memcpy(mnc, imsi + MCC_LEN, run->visit->facts.mnc_length);
    memcpy(k_ausf.bytes, akma_secret_peek(run->k_ausf, &len), sizeof k_ausf.bytes);

    if (!akma_kdf_k_akma(&k_ausf, imsi, &k_akma, error) ||
        !akma_kdf_a_tid(&k_ausf, imsi, a_tid, error))
        return NULL;
    kid = akma_kdf_a_kid(run->format, rid, a_tid, run->realm_prefix, mcc, mnc, error);
    if (!kid)
        return NULL;
    key = akma_secret_new(k_akma.bytes, sizeof k_akma.bytes, error);
    if (!key)
        return NULL;

    return akma_anchor_new("akma", kid, key);
}

static void
begin_derive(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    Run *run = g_task_get_task_data(task);
    GError *error = NULL;
    AkmaAnchor *anchor = derive(run, &error);

    g_clear_pointer(&run->k_ausf, akma_secret_unref);
    g_clear_object(&run->visit->channel);
    if (!anchor) {
        g_task_return_error(task, error);
        return;
    }

    run->visit->facts.is_known = true;
    akma_modem_set_facts(run->modem, &run->visit->facts);
    g_task_return_pointer(task, anchor, (GDestroyNotify)akma_anchor_unref);
}

/* Takes the task: every step either completes it or hands it to the next one. */
static void
begin(GTask *owned, Step step)
{
    static const struct {
        const char *name;
        void (*begin)(GTask *owned);
    } steps[] = {
        [STEP_VISIT] = {"visit", begin_visit},
        [STEP_ROUTING] = {"routing indicator", begin_routing},
        [STEP_K_AUSF] = {"key", begin_k_ausf},
        [STEP_IMSI] = {"identity", begin_imsi},
        [STEP_DERIVE] = {"derive", begin_derive},
    };

    g_debug("card: %s", steps[step].name);
    steps[step].begin(owned);
}

void
akma_akma_usim_read_async(AkmaModem *modem,
                          const AkmaAkmaUsimConfig *config,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    Run *run = g_new0(Run, 1);

    g_task_set_source_tag(task, akma_akma_usim_read_async);
    g_task_set_task_data(task, run, (GDestroyNotify)run_free);
    run->modem = g_object_ref(modem);
    run->format = config->a_kid_format;
    run->realm_prefix = g_strdup(config->realm_prefix ? config->realm_prefix : "");
    run->routing_indicator = g_strdup(config->routing_indicator);
    begin(task, STEP_VISIT);
}

AkmaAnchor *
akma_akma_usim_read_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

void
akma_akma_usim_forget(AkmaModem *modem)
{
    akma_modem_forget_facts(modem);
}
