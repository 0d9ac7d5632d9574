/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/uicc.h"

#include <string.h>

#include "base/error.h"

#define P1_SELECT_BY_ID    0x00
#define P1_SELECT_BY_PATH  0x08 /* from the MF, or from 7FFF */
#define P2_SELECT_FCP      0x04
#define P2_SELECT_NO_DATA  0x0c
#define P2_RECORD_ABSOLUTE 0x04
#define P1_READ_BY_SFI     0x80

typedef struct {
    AkmaFile file;
    size_t len;
    bool by_sfi;
} Read;

/* The folder of @file, then @id if it is not 0. */
static void
build_select(AkmaCommand *ret, const AkmaFile *file, uint16_t id, uint8_t p2)
{
    uint8_t path[AKMA_PATH_MAX + 2];
    size_t len = file->folder_len;
    uint8_t p1 = P1_SELECT_BY_PATH;
    const uint8_t *from = path;

    memcpy(path, file->folder, len);
    if (id != 0) {
        path[len++] = (uint8_t)(id >> 8);
        path[len++] = (uint8_t)id;
    }

    /*= TS 102 221 11.1.1.2: a path does not begin with 3F00; 3F00 and 7FFF alone go by id */
    if (len == 2) {
        p1 = P1_SELECT_BY_ID;
    } else if (path[0] == 0x3f && path[1] == 0x00) {
        from += 2;
        len -= 2;
    }

    akma_command_init(
        ret, AKMA_INS_SELECT, p1, p2, from, len, p2 == P2_SELECT_FCP ? 0 : AKMA_NO_LE);
}

static bool
is_in_folder(AkmaChannel *channel, const AkmaFile *file)
{
    size_t len;
    const uint8_t *folder = akma_channel_get_folder(channel, &len);

    if (len != file->folder_len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (folder[i] != file->folder[i])
            return false;
    }

    return true;
}

static void
select_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree char *what = NULL;
    AkmaChannel *channel = AKMA_CHANNEL(source);
    const AkmaFile *file = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = akma_uicc_send_finish(channel, res, &error);
    g_autofree AkmaFcp *fcp = g_new0(AkmaFcp, 1);

    if (response && !akma_sw_is_done(response->sw)) {
        what = g_strdup_printf("selecting %s", file->name);
        akma_sw_set_error(response->sw, what, &error);
    }
    if (!response || error || !akma_fcp_parse(response->bytes, response->len, fcp, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    akma_channel_set_folder(channel, file->folder, file->folder_len);
    g_task_return_pointer(task, g_steal_pointer(&fcp), g_free);
}

void
akma_uicc_select_async(AkmaChannel *channel,
                       const AkmaFile *file,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);
    AkmaCommand command;

    g_task_set_source_tag(task, akma_uicc_select_async);
    g_task_set_task_data(task, g_memdup2(file, sizeof *file), g_free);
    build_select(&command, file, file->id, P2_SELECT_FCP);
    akma_channel_set_folder(channel, NULL, 0);
    akma_uicc_send_async(channel, &command, cancellable, select_done, g_steal_pointer(&task));
}

bool
akma_uicc_select_finish(AkmaChannel *channel, GAsyncResult *res, AkmaFcp *ret_fcp, GError **error)
{
    g_autofree AkmaFcp *fcp = NULL;

    g_return_val_if_fail(g_task_is_valid(res, channel), false);

    fcp = g_task_propagate_pointer(G_TASK(res), error);
    if (!fcp)
        return false;

    *ret_fcp = *fcp;

    return true;
}

/*
 *   SHORTCUT --------------------------> done
 *      | the modem has none
 *   FOLDER --> READ by SFI ------------> done
 *                 | the card has no such SFI
 *                 +--> FILE --> READ --> done
 *
 * FOLDER is left out where the folder is selected already; a file without SFI begins at FILE.
 */
static void begin_file(GTask *owned);
static void begin_read(GTask *owned);

static bool
is_no_sfi(uint16_t sw)
{
    switch (sw) {
    case 0x6981: /* not a transparent file */
    case 0x6986: /* no file selected */
    case 0x6a81:
    case 0x6a82:
    case 0x6a86:
    case 0x6b00:
        return true;
    default:
        return false;
    }
}

static void
fail_read(GTask *task, uint16_t sw)
{
    const Read *read = g_task_get_task_data(task);
    g_autofree char *what = g_strdup_printf("reading %s", read->file.name);
    GError *error = NULL;

    akma_sw_set_error(sw, what, &error);
    g_task_return_error(task, error);
}

/* The answer, from whichever way, is good only if it says so and is not too long. */
static void
finish_read(GTask *task, AkmaResponse *owned)
{
    g_autoptr(AkmaResponse) response = owned;
    const Read *read = g_task_get_task_data(task);

    if (!akma_sw_is_done(response->sw)) {
        fail_read(task, response->sw);
        return;
    }
    if (read->len > 0 && response->len > read->len) {
        g_task_return_new_error(task,
                                AKMA_ERROR,
                                AKMA_ERROR_MODEM_FAILED,
                                "reading %s: the card gave more than was asked for",
                                read->file.name);
        return;
    }

    g_task_return_pointer(task, g_steal_pointer(&response), (GDestroyNotify)akma_response_free);
}

static void
read_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Read *read = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = akma_uicc_send_finish(AKMA_CHANNEL(source), res, &error);

    if (!response) {
        g_task_return_error(task, g_steal_pointer(&error));
    } else if (read->by_sfi && is_no_sfi(response->sw)) {
        read->by_sfi = false;
        begin_file(g_steal_pointer(&task));
    } else {
        finish_read(task, g_steal_pointer(&response));
    }
}

static void
begin_read(GTask *owned)
{
    AkmaChannel *channel = g_task_get_source_object(owned);
    const Read *read = g_task_get_task_data(owned);
    uint8_t p1 = read->by_sfi ? (uint8_t)(P1_READ_BY_SFI | read->file.sfi) : 0;
    AkmaCommand command;

    akma_command_init(&command, AKMA_INS_READ_BINARY, p1, 0, NULL, 0, (int)(read->len & 0xff));
    akma_uicc_send_async(channel, &command, g_task_get_cancellable(owned), read_done, owned);
}

static void
selected(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    AkmaChannel *channel = AKMA_CHANNEL(source);
    const Read *read = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = akma_uicc_send_finish(channel, res, &error);

    if (!response) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    if (!akma_sw_is_done(response->sw)) {
        fail_read(task, response->sw);
        return;
    }

    akma_channel_set_folder(channel, read->file.folder, read->file.folder_len);
    begin_read(g_steal_pointer(&task));
}

static void
begin_select(GTask *owned, uint16_t id)
{
    AkmaChannel *channel = g_task_get_source_object(owned);
    const Read *read = g_task_get_task_data(owned);
    AkmaCommand command;

    build_select(&command, &read->file, id, P2_SELECT_NO_DATA);
    akma_channel_set_folder(channel, NULL, 0);
    akma_uicc_send_async(channel, &command, g_task_get_cancellable(owned), selected, owned);
}

static void
begin_file(GTask *owned)
{
    const Read *read = g_task_get_task_data(owned);

    begin_select(owned, read->file.id);
}

static void
shortcut_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    AkmaChannel *channel = AKMA_CHANNEL(source);
    const Read *read = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = akma_channel_read_finish(channel, res, &error);

    if (response)
        finish_read(task, g_steal_pointer(&response));
    else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
        g_task_return_error(task, g_steal_pointer(&error));
    else if (!read->by_sfi)
        begin_file(g_steal_pointer(&task));
    else if (is_in_folder(channel, &read->file))
        begin_read(g_steal_pointer(&task));
    else
        begin_select(g_steal_pointer(&task), 0);
}

void
akma_uicc_read_async(AkmaChannel *channel,
                     const AkmaFile *file,
                     size_t len,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);
    Read *read = g_new0(Read, 1);

    g_return_if_fail(len <= AKMA_RESPONSE_DATA_MAX);

    g_task_set_source_tag(task, akma_uicc_read_async);
    g_task_set_task_data(task, read, g_free);
    read->file = *file;
    read->len = len;
    read->by_sfi = file->sfi != 0;

    akma_channel_read_async(channel, file, len, cancellable, shortcut_done, g_steal_pointer(&task));
}

AkmaResponse *
akma_uicc_read_finish(AkmaChannel *channel, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, channel), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

static void
record_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree char *what = NULL;
    const AkmaFile *file = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = akma_uicc_send_finish(AKMA_CHANNEL(source), res, &error);

    if (response && !akma_sw_is_done(response->sw)) {
        what = g_strdup_printf("reading %s", file->name);
        akma_sw_set_error(response->sw, what, &error);
    }
    if (error)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        g_task_return_pointer(task, g_steal_pointer(&response), (GDestroyNotify)akma_response_free);
}

void
akma_uicc_read_record_async(AkmaChannel *channel,
                            const AkmaFile *file,
                            uint8_t number,
                            uint8_t len,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);
    AkmaCommand command;

    g_task_set_source_tag(task, akma_uicc_read_record_async);
    g_task_set_task_data(task, g_memdup2(file, sizeof *file), g_free);
    akma_command_init(&command, AKMA_INS_READ_RECORD, number, P2_RECORD_ABSOLUTE, NULL, 0, len);
    akma_uicc_send_async(channel, &command, cancellable, record_done, g_steal_pointer(&task));
}

AkmaResponse *
akma_uicc_read_record_finish(AkmaChannel *channel, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, channel), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
