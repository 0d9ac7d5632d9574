/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/akma-usim.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/error.h"
#include "modem/modem-card.h"

#define MCC_LEN    3
#define ROUNDS     2  /* a card that is another one after each round is not worth a third */
#define UST_BYTES  16 /* up to service 128 */
#define AD_BYTES   4
#define IMSI_BYTES 9

/*
 *   CARD --> OPEN --> UST --> AD --> IMSI --> ROUTING --> K_AUSF --> IMSI_AGAIN --> DERIVE --> done
 *                      ^       (what is known of the card is left out)   |
 *                      +------------ another card, at most once ---------+
 */
typedef enum {
    STEP_CARD,
    STEP_OPEN,
    STEP_UST,
    STEP_AD,
    STEP_IMSI,
    STEP_ROUTING,
    STEP_K_AUSF,
    STEP_IMSI_AGAIN,
    STEP_DERIVE,
} Step;

typedef struct {
    AkmaModem *modem;
    AkmaChannel *channel;
    AkmaAKidFormat format;
    char *realm_prefix;
    char *routing_indicator; /* NULL: the card's */
    bool only_services;      /* a probe ends after UST */
    unsigned rounds;
    AkmaUsimFacts facts;
    char imsi[AKMA_IMSI_MAX + 1]; /* wiped, as the facts are */
    AkmaSecret *k_ausf;
} Run;

static void begin(GTask *owned, Step step);

static void
run_free(Run *run)
{
    g_clear_object(&run->channel);
    g_clear_object(&run->modem);
    akma_secret_unref(run->k_ausf);
    g_free(run->realm_prefix);
    g_free(run->routing_indicator);
    OPENSSL_cleanse(run->imsi, sizeof run->imsi);
    OPENSSL_cleanse(&run->facts, sizeof run->facts);
    g_free(run);
}

/* The channel goes first: who is told of the end may ask the card for more. */
static void
fail(GTask *task, GError *error)
{
    Run *run = g_task_get_task_data(task);
    bool is_settled = g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_NOT_READY) ||
                      g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED) ||
                      g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NO_MODEM) ||
                      g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

    g_clear_object(&run->channel);
    if (!is_settled)
        akma_modem_doubt_card(run->modem);
    g_task_return_error(task, error);
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

    if (akma_modem_get_sim_state(run->modem) == AKMA_SIM_READY)
        begin(owned, STEP_OPEN);
    else
        akma_modem_refresh_async(run->modem, g_task_get_cancellable(owned), refreshed, owned);
}

static void
opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);

    run->channel = akma_usim_open_finish(AKMA_CARD_QUEUE(source), res, &error);
    if (!run->channel) {
        fail(task, error);
        return;
    }

    run->facts = *akma_modem_get_facts(run->modem);
    begin(g_steal_pointer(&task), run->facts.is_known ? STEP_K_AUSF : STEP_UST);
}

static void
begin_open(GTask *owned)
{
    Run *run = g_task_get_task_data(owned);

    akma_usim_open_async(
        akma_modem_get_queue(run->modem), g_task_get_cancellable(owned), opened, owned);
}

static void
begin_file(GTask *owned, const AkmaFile *file, size_t len, GAsyncReadyCallback done)
{
    Run *run = g_task_get_task_data(owned);

    akma_uicc_read_async(run->channel, file, len, g_task_get_cancellable(owned), done, owned);
}

static bool
has_service(const Run *run, unsigned service)
{
    return akma_usim_has_service(run->facts.ust, run->facts.ust_len, service);
}

static void
return_services(GTask *task)
{
    Run *run = g_task_get_task_data(task);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    if (has_service(run, AKMA_SERVICE_5G_SECURITY))
        g_strv_builder_add(builder, "akma");
    g_clear_object(&run->channel);
    g_task_return_pointer(task, g_strv_builder_end(builder), (GDestroyNotify)g_strfreev);
}

/*= TS 31.102 4.2.8: service 123 is "5GS mobility and security: 5G security parameters" */
static void
ust_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) ust = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (!ust) {
        fail(task, error);
        return;
    }
    run->facts.ust_len = MIN(ust->len, sizeof run->facts.ust);
    memcpy(run->facts.ust, ust->bytes, run->facts.ust_len);

    if (run->only_services) {
        return_services(task);
        return;
    }
    if (!has_service(run, AKMA_SERVICE_5G_SECURITY)) {
        fail(task,
             g_error_new_literal(AKMA_ERROR,
                                 AKMA_ERROR_ANCHOR_UNSUPPORTED,
                                 "the USIM lacks service 123 (5G security parameters)"));
        return;
    }

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

    if (!ad || !akma_usim_parse_mnc_length(ad->bytes, ad->len, &run->facts.mnc_length, &error))
        fail(task, error);
    else
        begin(g_steal_pointer(&task), STEP_IMSI);
}

static void
begin_ad(GTask *owned)
{
    begin_file(owned, &akma_usim_ad, AD_BYTES, ad_read);
}

static bool
take_imsi(Run *run, const AkmaResponse *file, uint8_t ret_digest[static 32], GError **error)
{
    if (!akma_usim_parse_imsi(file->bytes, file->len, run->imsi, error))
        return false;
    if (EVP_Digest(run->imsi, strlen(run->imsi), ret_digest, NULL, EVP_sha256(), NULL) != 1) {
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
    g_autoptr(AkmaResponse) imsi = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (!imsi || !take_imsi(run, imsi, run->facts.imsi_digest, &error))
        fail(task, error);
    else
        begin(g_steal_pointer(&task), STEP_ROUTING);
}

static void
begin_imsi(GTask *owned)
{
    begin_file(owned, &akma_usim_imsi, IMSI_BYTES, imsi_read);
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
            file->bytes, file->len, run->facts.routing_indicator, &error);
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

    g_strlcpy(run->facts.routing_indicator, "0", sizeof run->facts.routing_indicator);
    if (run->routing_indicator || !has_service(run, AKMA_SERVICE_ROUTING_INDICATOR))
        begin(owned, STEP_K_AUSF);
    else
        begin_file(owned, &akma_usim_routing_indicator, AKMA_RID_MAX, routing_read);
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
    else
        begin(g_steal_pointer(&task), STEP_IMSI_AGAIN);
}

static void
begin_k_ausf(GTask *owned)
{
    Run *run = g_task_get_task_data(owned);

    akma_usim_read_k_ausf_async(run->channel, g_task_get_cancellable(owned), k_ausf_read, owned);
}

static void
imsi_read_again(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) file = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);
    uint8_t digest[32];

    if (!file || !take_imsi(run, file, digest, &error)) {
        fail(task, error);
        return;
    }
    if (CRYPTO_memcmp(digest, run->facts.imsi_digest, sizeof digest) == 0) {
        begin(g_steal_pointer(&task), STEP_DERIVE);
        return;
    }

    akma_modem_doubt_card(run->modem);
    if (++run->rounds >= ROUNDS) {
        fail(task,
             g_error_new_literal(AKMA_ERROR,
                                 AKMA_ERROR_MODEM_FAILED,
                                 "the card became another one while it was read"));
        return;
    }
    begin(g_steal_pointer(&task), STEP_UST);
}

static void
begin_imsi_again(GTask *owned)
{
    begin_file(owned, &akma_usim_imsi, IMSI_BYTES, imsi_read_again);
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
    const char *imsi = run->imsi;
    const char *rid =
        run->routing_indicator ? run->routing_indicator : run->facts.routing_indicator;

    memcpy(mcc, imsi, MCC_LEN);
    memcpy(mnc, imsi + MCC_LEN, run->facts.mnc_length);
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
    g_clear_object(&run->channel);
    if (!anchor) {
        g_task_return_error(task, error);
        return;
    }

    run->facts.is_known = true;
    akma_modem_set_facts(run->modem, &run->facts);
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
        [STEP_CARD] = {"card", begin_card},
        [STEP_OPEN] = {"open", begin_open},
        [STEP_UST] = {"services", begin_ust},
        [STEP_AD] = {"administrative data", begin_ad},
        [STEP_IMSI] = {"identity", begin_imsi},
        [STEP_ROUTING] = {"routing indicator", begin_routing},
        [STEP_K_AUSF] = {"key", begin_k_ausf},
        [STEP_IMSI_AGAIN] = {"identity again", begin_imsi_again},
        [STEP_DERIVE] = {"derive", begin_derive},
    };

    g_debug("card: %s", steps[step].name);
    steps[step].begin(owned);
}

static GTask *
run_new(AkmaModem *modem,
        gpointer tag,
        GCancellable *cancellable,
        GAsyncReadyCallback callback,
        gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    Run *run = g_new0(Run, 1);

    g_task_set_source_tag(task, tag);
    g_task_set_task_data(task, run, (GDestroyNotify)run_free);
    run->modem = g_object_ref(modem);

    return task;
}

void
akma_akma_usim_read_async(AkmaModem *modem,
                          const AkmaAkmaUsimConfig *config,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    GTask *task = run_new(modem, akma_akma_usim_read_async, cancellable, callback, user_data);
    Run *run = g_task_get_task_data(task);

    run->format = config->a_kid_format;
    run->realm_prefix = g_strdup(config->realm_prefix ? config->realm_prefix : "");
    run->routing_indicator = g_strdup(config->routing_indicator);
    begin(task, STEP_CARD);
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

void
akma_akma_usim_probe_async(AkmaModem *modem,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    GTask *task = run_new(modem, akma_akma_usim_probe_async, cancellable, callback, user_data);
    Run *run = g_task_get_task_data(task);

    run->only_services = true;
    begin(task, STEP_CARD);
}

GStrv
akma_akma_usim_probe_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
