/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* uicc-update: UPDATE BINARY, in as many pieces as it takes. */
#include "modem/uicc.h"

#include <string.h>

#include "base/error.h"

#define PIECE_MAX AKMA_COMMAND_DATA_MAX

/*
 *   SELECT --> PIECE --> done
 *               ^  |
 *               +--+ more
 */
typedef struct {
    AkmaFile file;
    uint8_t *bytes;
    size_t len;
    size_t written;
} Update;

static void
update_free(Update *update)
{
    g_free(update->bytes);
    g_free(update);
}

static void begin_piece(GTask *owned);

static void
piece_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree char *what = NULL;
    Update *update = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = akma_uicc_send_finish(AKMA_CHANNEL(source), res, &error);

    if (response && !akma_sw_is_done(response->sw)) {
        what = g_strdup_printf("writing %s", update->file.name);
        akma_sw_set_error(response->sw, what, &error);
    }
    if (error)
        g_task_return_error(task, g_steal_pointer(&error));
    else if (update->written == update->len)
        g_task_return_boolean(task, TRUE);
    else
        begin_piece(g_steal_pointer(&task));
}

/*= TS 102 221 11.1.4: UPDATE BINARY of the selected file, P1 P2 is the offset */
static void
begin_piece(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    GCancellable *cancellable = g_task_get_cancellable(task);
    AkmaChannel *channel = g_task_get_source_object(task);
    Update *update = g_task_get_task_data(task);
    size_t offset = update->written;
    size_t len = MIN(update->len - offset, PIECE_MAX);
    AkmaCommand command;

    akma_command_init(&command,
                      AKMA_INS_UPDATE_BINARY,
                      (uint8_t)(offset >> 8),
                      (uint8_t)offset,
                      update->bytes + offset,
                      len,
                      AKMA_NO_LE);
    update->written += len;
    akma_uicc_send_async(channel, &command, cancellable, piece_done, g_steal_pointer(&task));
}

static void
selected(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    Update *update = g_task_get_task_data(task);
    AkmaFcp fcp;

    if (!akma_uicc_select_finish(AKMA_CHANNEL(source), res, &fcp, &error))
        g_task_return_error(task, error);
    else if (update->len > fcp.size)
        g_task_return_new_error(task,
                                AKMA_ERROR,
                                AKMA_ERROR_ANCHOR_UNSUPPORTED,
                                "%s of this card has %u bytes, %zu are needed",
                                update->file.name,
                                fcp.size,
                                update->len);
    else
        begin_piece(g_steal_pointer(&task));
}

void
akma_uicc_update_async(AkmaChannel *channel,
                       const AkmaFile *file,
                       const uint8_t *bytes,
                       size_t len,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);
    Update *update = g_new0(Update, 1);

    g_return_if_fail(len > 0 && len <= AKMA_UPDATE_MAX);

    g_task_set_source_tag(task, akma_uicc_update_async);
    g_task_set_task_data(task, update, (GDestroyNotify)update_free);
    update->file = *file;
    update->bytes = g_memdup2(bytes, len);
    update->len = len;
    akma_uicc_select_async(channel, file, cancellable, selected, g_steal_pointer(&task));
}

bool
akma_uicc_update_finish(AkmaChannel *channel, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, channel), false);

    return g_task_propagate_boolean(G_TASK(res), error);
}
