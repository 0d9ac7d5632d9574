/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/gba-usim.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "anchor/gba-usim-private.h"
#include "base/error.h"

static void
run_free(gpointer data)
{
    AkmaGbaRun *run = data;

    akma_visit_free(run->visit);
    akma_ub_free(run->ub);
    g_clear_object(&run->client);
    g_clear_object(&run->modem);
    akma_bootstrapping_free(run->made);
    akma_secret_unref(run->ks_naf);
    akma_gba_names_clear(&run->names);
    akma_gba_cache_unref(run->cache);
    akma_aka_result_clear(&run->aka);
    OPENSSL_cleanse(run->imsi_digest, sizeof run->imsi_digest);
    akma_gba_run_forget_authorization(run);
    g_free((char *)run->config.bsf);
    g_free((char *)run->config.impi);
    g_free((char *)run->config.ca_file);
    g_free((char *)run->config.interface);
    g_free((char *)run->config.https_proxy);
    g_free(run->sim_id);
    g_free(run);
}

/* The channel goes first: who is told of the end may ask the card for more. */
void
akma_gba_run_fail(GTask *task, GError *error)
{
    AkmaGbaRun *run = g_task_get_task_data(task);

    g_clear_pointer(&run->visit, akma_visit_free);
    g_task_return_error(task, error);
}

void
akma_gba_run_fail_card(GTask *task, GError *error)
{
    AkmaGbaRun *run = g_task_get_task_data(task);

    g_clear_pointer(&run->visit, akma_visit_free);
    akma_visit_note_error(run->modem, error);
    g_task_return_error(task, error);
}

/* The first key is there, of @used. */
static void
finish(GTask *task, const AkmaBootstrapping *used, bool is_new)
{
    AkmaGbaRun *run = g_task_get_task_data(task);
    AkmaAnchor *anchor =
        akma_anchor_new_gba(used->b_tid, &run->naf_id, run->ks_naf, used->expires_ms, is_new);

    g_clear_pointer(&run->visit, akma_visit_free);
    if (is_new)
        akma_gba_cache_put(run->cache, g_steal_pointer(&run->made));
    g_task_return_pointer(task, anchor, (GDestroyNotify)akma_anchor_unref);
}

static const AkmaBootstrapping *
find_used(AkmaGbaRun *run)
{
    if (run->made)
        return run->made;

    return akma_gba_cache_find(run->cache,
                               run->config.kind,
                               run->sim_id,
                               run->imsi_digest,
                               run->impi_digest,
                               run->names.url,
                               run->config.now_ms);
}

static void
derived(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    AkmaGbaRun *run = g_task_get_task_data(task);
    const AkmaBootstrapping *used = find_used(run);

    run->ks_naf = akma_usim_gba_derive_finish(AKMA_CHANNEL(source), res, &error);
    if (run->ks_naf && used)
        finish(task, used, run->made != NULL);
    else if (run->ks_naf)
        akma_gba_run_fail(task,
                          g_error_new_literal(AKMA_ERROR,
                                              AKMA_ERROR_MODEM_FAILED,
                                              "the card went out while a key was derived"));
    else
        akma_gba_run_fail_card(task, error);
}

/*= TS 33.220 5.3.3: GBA_U: the card derives Ks_ext_NAF, and gives nothing else */
static void
begin_derive(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    GError *error = NULL;
    AkmaGbaRun *run = g_task_get_task_data(task);
    GCancellable *cancellable = g_task_get_cancellable(task);
    const AkmaBootstrapping *used = find_used(run);

    if (run->config.kind == AKMA_GBA_U) {
        akma_usim_gba_derive_async(run->visit->channel,
                                   run->naf_id.bytes,
                                   run->naf_id.len,
                                   run->names.impi,
                                   cancellable,
                                   derived,
                                   g_steal_pointer(&task));
        return;
    }
    run->ks_naf = akma_bootstrapping_derive(used, run->names.impi, &run->naf_id, &error);
    if (run->ks_naf)
        finish(task, used, run->made != NULL);
    else
        akma_gba_run_fail(task, error);
}

static void
written(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;

    if (akma_usim_write_gbabp_finish(AKMA_CHANNEL(source), res, &error))
        akma_gba_run_begin(g_steal_pointer(&task), AKMA_GBA_STEP_DERIVE);
    else
        akma_gba_run_fail_card(task, error);
}

static void
visited_to_write(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaGbaRun *run = g_task_get_task_data(task);
    GCancellable *cancellable = g_task_get_cancellable(task);

    if (!akma_gba_run_take_owner(task, res))
        return;
    akma_usim_write_gbabp_async(run->visit->channel,
                                run->made->rand,
                                run->made->b_tid,
                                run->info.lifetime_text,
                                cancellable,
                                written,
                                g_steal_pointer(&task));
}

/* GBA_U: the card is told what its bootstrapping is called. */
static void
begin_write(GTask *owned)
{
    AkmaGbaRun *run = g_task_get_task_data(owned);

    akma_visit_async(
        run->modem, AKMA_VISIT_OWNER, 0, g_task_get_cancellable(owned), visited_to_write, owned);
}

static void
checked(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    AkmaGbaRun *run = g_task_get_task_data(task);

    if (akma_usim_check_gbabp_finish(AKMA_CHANNEL(source), res, &error)) {
        akma_gba_run_begin(g_steal_pointer(&task), AKMA_GBA_STEP_DERIVE);
    } else if (error) {
        akma_gba_run_fail_card(task, g_steal_pointer(&error));
    } else {
        g_info("the card holds another bootstrapping: making a new one");
        akma_gba_cache_drop(run->cache, AKMA_GBA_U, run->sim_id);
        akma_gba_run_begin(g_steal_pointer(&task), AKMA_GBA_STEP_ASK);
    }
}

static bool
take_identity(AkmaGbaRun *run, GError **error)
{
    memcpy(run->imsi_digest, run->visit->facts.imsi_digest, sizeof run->imsi_digest);

    if (!akma_gba_names_init(&run->names,
                             run->visit->imsi,
                             run->visit->facts.mnc_length,
                             run->config.bsf,
                             run->config.impi,
                             error))
        return false;
    if (EVP_Digest(
            run->names.impi, strlen(run->names.impi), run->impi_digest, NULL, EVP_sha256(), NULL) !=
        1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no digest");
        return false;
    }

    return true;
}

static void
visited(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    AkmaGbaRun *run = g_task_get_task_data(task);
    GCancellable *cancellable = g_task_get_cancellable(task);

    run->visit = akma_visit_finish(res, &error);
    if (!run->visit || !take_identity(run, &error)) {
        akma_gba_run_fail(task, error);
        return;
    }

    run->sim_id = g_strdup(akma_modem_get_sim_id(run->modem));
    if (run->config.fresh)
        akma_gba_cache_drop(run->cache, run->config.kind, run->sim_id);
    if (!find_used(run))
        akma_gba_run_begin(g_steal_pointer(&task), AKMA_GBA_STEP_ASK);
    else if (run->config.kind == AKMA_GBA_U)
        akma_usim_check_gbabp_async(run->visit->channel,
                                    find_used(run)->rand,
                                    cancellable,
                                    checked,
                                    g_steal_pointer(&task));
    else
        akma_gba_run_begin(g_steal_pointer(&task), AKMA_GBA_STEP_DERIVE);
}

static void
begin_visit(GTask *owned)
{
    AkmaGbaRun *run = g_task_get_task_data(owned);

    akma_visit_async(run->modem,
                     AKMA_VISIT_IDENTITY,
                     run->config.kind == AKMA_GBA_U ? AKMA_SERVICE_GBA : 0,
                     g_task_get_cancellable(owned),
                     visited,
                     owned);
}

void
akma_gba_run_begin(GTask *owned, AkmaGbaStep step)
{
    static const struct {
        const char *name;
        void (*begin)(GTask *owned);
    } steps[] = {
        [AKMA_GBA_STEP_VISIT] = {"identity", begin_visit},
        [AKMA_GBA_STEP_ASK] = {"ask", akma_gba_run_begin_ask},
        [AKMA_GBA_STEP_AUTHENTICATE] = {"authenticate", akma_gba_run_begin_authenticate},
        [AKMA_GBA_STEP_ANSWER] = {"answer", akma_gba_run_begin_answer},
        [AKMA_GBA_STEP_WRITE] = {"write", begin_write},
        [AKMA_GBA_STEP_DERIVE] = {"derive", begin_derive},
    };

    g_debug("GBA: %s", steps[step].name);
    steps[step].begin(owned);
}

void
akma_gba_usim_read_async(AkmaModem *modem,
                         const AkmaGbaConfig *config,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    AkmaGbaRun *run = g_new0(AkmaGbaRun, 1);

    g_task_set_source_tag(task, akma_gba_usim_read_async);
    g_task_set_task_data(task, run, run_free);
    run->modem = g_object_ref(modem);
    run->cache = akma_gba_cache_ref(config->cache);
    run->naf_id = *config->naf_id;
    run->config = *config;
    run->config.bsf = g_strdup(config->bsf);
    run->config.impi = g_strdup(config->impi);
    run->config.ca_file = g_strdup(config->ca_file);
    run->config.interface = g_strdup(config->interface);
    run->config.https_proxy = g_strdup(config->https_proxy);
    akma_gba_run_begin(task, AKMA_GBA_STEP_VISIT);
}

AkmaAnchor *
akma_gba_usim_read_finish(GAsyncResult *res, unsigned *ret_retry_after_s, GError **error)
{
    const AkmaGbaRun *run;

    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);
    run = g_task_get_task_data(G_TASK(res));
    *ret_retry_after_s = run->retry_after_s;

    return g_task_propagate_pointer(G_TASK(res), error);
}
