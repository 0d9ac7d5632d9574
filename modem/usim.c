/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/usim.h"

#include <string.h>

#include "base/error.h"

/*= TS 31.102 4.2, 4.4.11: file identifiers and short file identifiers below ADF USIM and DF_5GS */
#define ADF_USIM {0x7f, 0xff}, 2
#define DF_5GS   {0x7f, 0xff, 0x5f, 0xc0}, 4
#define MF       {0x3f, 0x00}, 2

const AkmaFile akma_usim_imsi = {"EF_IMSI", ADF_USIM, 0x6f07, 0x07};
const AkmaFile akma_usim_ad = {"EF_AD", ADF_USIM, 0x6fad, 0x03};
const AkmaFile akma_usim_ust = {"EF_UST", ADF_USIM, 0x6f38, 0x04};
const AkmaFile akma_usim_5gauthkeys = {"EF_5GAUTHKEYS", DF_5GS, 0x4f05, 0x05};
const AkmaFile akma_usim_routing_indicator = {"EF_Routing_Indicator", DF_5GS, 0x4f0a, 0x0a};
const AkmaFile akma_uicc_iccid = {"EF_ICCID", MF, 0x2fe2, 0x02};
const AkmaFile akma_uicc_dir = {"EF_DIR", MF, 0x2f00, 0x00};

/*= TS 101 220 Annex E: the AID of every USIM begins with the RID of 3GPP and 1002 */
static const uint8_t usim_prefix[] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};

static const uint8_t adf_path[] = {0x7f, 0xff};

/*
 *   PREFIX -----------------------------------------------------> done
 *      | the card takes no part of an AID
 *      +--> BARE channel --> DIR --> RECORD --> SELECT by AID --> done
 *                                    ^    |
 *                                    +----+ not a USIM
 */
typedef struct {
    AkmaChannel *channel;
    AkmaFcp dir;
    uint8_t record;
} Open;

static void
open_free(Open *open)
{
    g_clear_object(&open->channel);
    g_free(open);
}

static void begin_record(GTask *owned);

static void
finish_open(GTask *task, AkmaChannel *channel)
{
    akma_channel_set_folder(channel, adf_path, sizeof adf_path);
    g_task_return_pointer(task, channel, g_object_unref);
}

static void
aid_selected(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Open *open = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = akma_uicc_send_finish(AKMA_CHANNEL(source), res, &error);

    if (response && !akma_sw_is_done(response->sw))
        akma_sw_set_error(response->sw, "selecting the USIM", &error);
    if (error)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        finish_open(task, g_steal_pointer(&open->channel));
}

static bool
is_usim(const uint8_t *aid, size_t len)
{
    if (len < sizeof usim_prefix)
        return false;
    for (size_t i = 0; i < sizeof usim_prefix; i++) {
        if (aid[i] != usim_prefix[i])
            return false;
    }

    return true;
}

static void
record_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    g_autoptr(GError) error = NULL;
    AkmaChannel *channel = AKMA_CHANNEL(source);
    g_autoptr(AkmaResponse) response = akma_uicc_read_record_finish(channel, res, &error);
    uint8_t aid[AKMA_AID_MAX];
    size_t aid_len;
    AkmaCommand command;

    if (!response) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    if (!akma_dir_parse_record(response->bytes, response->len, aid, &aid_len) ||
        !is_usim(aid, aid_len)) {
        begin_record(g_steal_pointer(&task));
        return;
    }

    akma_command_init(&command, AKMA_INS_SELECT, 0x04, 0x0c, aid, aid_len, AKMA_NO_LE);
    akma_uicc_send_async(channel, &command, cancellable, aid_selected, g_steal_pointer(&task));
}

static void
begin_record(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    GCancellable *cancellable = g_task_get_cancellable(task);
    Open *open = g_task_get_task_data(task);

    if (open->record >= open->dir.n_records) {
        g_task_return_new_error(
            task, AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED, "the card holds no USIM application");
        return;
    }

    open->record++;
    akma_uicc_read_record_async(open->channel,
                                &akma_uicc_dir,
                                open->record,
                                open->dir.record_len,
                                cancellable,
                                record_read,
                                g_steal_pointer(&task));
}

static void
dir_selected(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Open *open = g_task_get_task_data(task);

    if (!akma_uicc_select_finish(AKMA_CHANNEL(source), res, &open->dir, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    begin_record(g_steal_pointer(&task));
}

static void
bare_opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    g_autoptr(GError) error = NULL;
    Open *open = g_task_get_task_data(task);

    open->channel = akma_card_queue_open_finish(AKMA_CARD_QUEUE(source), res, &error);
    if (!open->channel) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    akma_uicc_select_async(
        open->channel, &akma_uicc_dir, cancellable, dir_selected, g_steal_pointer(&task));
}

static void
prefix_opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    g_autoptr(GError) error = NULL;
    AkmaCardQueue *queue = AKMA_CARD_QUEUE(source);
    g_autoptr(AkmaChannel) channel = akma_card_queue_open_finish(queue, res, &error);

    if (channel) {
        finish_open(task, g_steal_pointer(&channel));
        return;
    }
    if (!g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    akma_card_queue_open_async(queue, NULL, 0, cancellable, bare_opened, g_steal_pointer(&task));
}

void
akma_usim_open_async(AkmaCardQueue *queue,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(queue, cancellable, callback, user_data);

    g_task_set_source_tag(task, akma_usim_open_async);
    g_task_set_task_data(task, g_new0(Open, 1), (GDestroyNotify)open_free);
    akma_card_queue_open_async(
        queue, usim_prefix, sizeof usim_prefix, cancellable, prefix_opened, g_steal_pointer(&task));
}

AkmaChannel *
akma_usim_open_finish(AkmaCardQueue *queue, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, queue), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
