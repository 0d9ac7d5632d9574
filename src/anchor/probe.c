/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/probe.h"

#include "base/error.h"
#include "modem/modem-card.h"

#define UST_BYTES 16 /* up to service 128 */

/*
 *   refresh --> OPEN --> UST --> K_AUSF --> done
 *
 * Whatever fails ends it; the report says how far it came.
 */
typedef struct {
    AkmaModem *modem;
    AkmaChannel *channel;
    AkmaProbe *report;
} Run;

static void
run_free(Run *run)
{
    g_clear_object(&run->channel);
    g_clear_object(&run->modem);
    akma_probe_free(run->report);
    g_free(run);
}

const char *
akma_key_file_get_name(AkmaKeyFile file)
{
    static const char *const names[] = {
        [AKMA_KEY_FILE_UNKNOWN] = "unknown",
        [AKMA_KEY_FILE_ABSENT] = "absent",
        [AKMA_KEY_FILE_UNREADABLE] = "unreadable",
        [AKMA_KEY_FILE_EMPTY] = "empty",
        [AKMA_KEY_FILE_READABLE] = "readable",
        [AKMA_KEY_FILE_FRESH] = "fresh",
        [AKMA_KEY_FILE_STALE] = "stale",
    };

    return names[file];
}

void
akma_probe_free(AkmaProbe *self)
{
    if (!self)
        return;

    g_clear_error(&self->error);
    g_free(self);
}

/* @error: what it ended with; NULL: it came to its end. The channel goes before anyone is told. */
static void
finish(GTask *task, GError *error)
{
    Run *run = g_task_get_task_data(task);

    g_clear_object(&run->channel);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_task_return_error(task, error);
        return;
    }
    run->report->error = error;
    g_task_return_pointer(task, g_steal_pointer(&run->report), (GDestroyNotify)akma_probe_free);
}

static void
key_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    const Run *run = g_task_get_task_data(task);
    AkmaProbe *report = run->report;
    g_autoptr(AkmaSecret) k_ausf = akma_usim_read_k_ausf_finish(AKMA_CHANNEL(source), res, &error);

    if (k_ausf)
        report->key_file = AKMA_KEY_FILE_READABLE;
    else if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_NOT_READY))
        report->key_file = AKMA_KEY_FILE_EMPTY;
    else if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED))
        report->key_file = AKMA_KEY_FILE_ABSENT;
    else
        report->key_file = AKMA_KEY_FILE_UNREADABLE;

    finish(task, report->key_file == AKMA_KEY_FILE_UNREADABLE ? g_steal_pointer(&error) : NULL);
}

static void
services_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    GError *error = NULL;
    AkmaChannel *channel = AKMA_CHANNEL(source);
    const Run *run = g_task_get_task_data(task);
    AkmaProbe *report = run->report;
    g_autoptr(AkmaResponse) ust = akma_uicc_read_finish(channel, res, &error);

    if (!ust) {
        finish(task, error);
        return;
    }

    report->has_apdu = report->has_services = true;
    report->service_68 = akma_usim_has_service(ust->bytes, ust->len, 68);
    report->service_123 = akma_usim_has_service(ust->bytes, ust->len, 123);
    report->service_124 = akma_usim_has_service(ust->bytes, ust->len, 124);
    if (report->service_123) {
        akma_usim_read_k_ausf_async(channel, cancellable, key_read, g_steal_pointer(&task));
    } else {
        report->key_file = AKMA_KEY_FILE_ABSENT;
        finish(task, NULL);
    }
}

static void
opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    GError *error = NULL;
    Run *run = g_task_get_task_data(task);

    run->channel = akma_usim_open_finish(AKMA_CARD_QUEUE(source), res, &error);
    if (!run->channel) {
        finish(task, error);
        return;
    }

    run->report->has_channel = true;
    akma_uicc_read_async(run->channel,
                         &akma_usim_ust,
                         UST_BYTES,
                         cancellable,
                         services_read,
                         g_steal_pointer(&task));
}

static void
refreshed(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    GError *error = NULL;
    AkmaModem *modem = AKMA_MODEM(source);

    if (!akma_modem_refresh_finish(modem, res, &error) || !akma_modem_check_card(modem, &error))
        finish(task, error);
    else
        akma_usim_open_async(
            akma_modem_get_queue(modem), cancellable, opened, g_steal_pointer(&task));
}

void
akma_probe_async(AkmaModem *modem,
                 GCancellable *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);
    Run *run = g_new0(Run, 1);

    g_task_set_source_tag(task, akma_probe_async);
    g_task_set_task_data(task, run, (GDestroyNotify)run_free);
    run->modem = g_object_ref(modem);
    run->report = g_new0(AkmaProbe, 1);
    akma_modem_refresh_async(modem, cancellable, refreshed, task);
}

AkmaProbe *
akma_probe_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
