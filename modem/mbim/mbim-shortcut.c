/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-shortcut: what the modem does by itself: a file of the card, and AKA. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "modem/mbim/mbim-private.h"

#define FILE_VERSION 1

/*= TS 101 220 Annex E: the AID of every USIM begins with the RID of 3GPP and 1002 */
static const uint8_t usim_prefix[] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};

static GTask *
call_new(AkmaCard *card, gpointer tag, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(card, NULL, callback, user_data);

    g_task_set_source_tag(task, tag);

    return task;
}

/* The caller sends APDUs instead. */
static void
refuse(GTask *task)
{
    g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "no shortcut");
}

typedef struct {
    uint16_t id;
    size_t len;
} Read;

static bool
is_refused(const AkmaMbimCard *self, uint16_t id)
{
    for (size_t i = 0; i < self->n_refused; i++) {
        if (self->refused[i] == id)
            return true;
    }

    return false;
}

static void
remember_refused(AkmaMbimCard *self, uint16_t id)
{
    if (self->n_refused < G_N_ELEMENTS(self->refused) && !is_refused(self, id))
        self->refused[self->n_refused++] = id;
}

/*= TS 102 221 10.2.1: 6982, the PIN is missing: an APDU would fare no better */
static bool
is_final(const AkmaResponse *response, size_t len)
{
    if (response->sw == 0x6982 || response->sw == 0x6983)
        return true;

    return akma_sw_is_done(response->sw) && response->len > 0 && response->len <= len;
}

static void
file_read(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaMbimCard *self = g_task_get_source_object(task);
    const Read *read = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = NULL;
    GError *own = NULL;

    if (!answer) {
        g_task_return_error(task, g_error_copy(error));
        return;
    }
    if (answer->status != AKMA_MBIM_STATUS_DONE) {
        remember_refused(self, read->id);
        if (akma_mbim_status_is_refusal(answer->status))
            refuse(task);
        else
            g_task_return_error(task, akma_mbim_status_error_new("reading a file", answer->status));
        return;
    }

    response = akma_response_new(&own);
    if (!response || !akma_mbim_take_file(answer, response, &own)) {
        g_task_return_error(task, own);
        return;
    }
    if (is_final(response, read->len)) {
        g_task_return_pointer(task, g_steal_pointer(&response), (GDestroyNotify)akma_response_free);
        return;
    }
    remember_refused(self, read->id);
    refuse(task);
}

/* The row of the list that the session is; -1: the modem would not know which one is meant. */
static int
find_row(const AkmaMbimCard *self)
{
    const AkmaMbimSession *session = &self->session;

    if (!self->knows_applications)
        return -1;

    return akma_mbim_applications_find(&self->applications, session->aid, session->aid_len);
}

void
akma_mbim_card_read(AkmaCard *card,
                    int channel,
                    const AkmaFile *file,
                    size_t len,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
    AkmaMbimCard *self = AKMA_MBIM_CARD(card);
    g_autoptr(GTask) task = call_new(card, akma_mbim_card_read, callback, user_data);
    int row = find_row(self);
    uint8_t path[AKMA_PATH_MAX + 2];
    Read *read;

    if (!akma_mbim_card_check_session(self, channel, task))
        return;
    /* how long a file is only the card says: all of it is read by APDUs */
    if (!self->services.has_files || row < 0 || len == 0 || is_refused(self, file->id)) {
        refuse(task);
        return;
    }

    read = g_new0(Read, 1);
    read->id = file->id;
    read->len = len;
    g_task_set_task_data(task, read, g_free);

    memcpy(path, file->folder, file->folder_len);
    path[file->folder_len] = (uint8_t)(file->id >> 8);
    path[file->folder_len + 1] = (uint8_t)file->id;
    self->holds_secrets = true;
    akma_mbim_send(self,
                   mbim_message_ms_uicc_low_level_access_read_binary_query_new(
                       FILE_VERSION,
                       (uint32_t)self->applications.rows[row].len,
                       self->applications.rows[row].aid,
                       file->folder_len + 2u,
                       path,
                       0,
                       (uint32_t)len,
                       NULL,
                       0,
                       NULL,
                       NULL),
                   file_read,
                   g_steal_pointer(&task));
}

static void
aka_done(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaMbimCard *self = g_task_get_source_object(task);
    g_autoptr(AkmaResponse) response = NULL;
    GError *own = NULL;

    if (!answer) {
        g_task_return_error(task, g_error_copy(error));
        return;
    }

    switch (answer->status) {
    case AKMA_MBIM_STATUS_DONE:
    case AKMA_MBIM_STATUS_SYNC_FAILURE:
    case AKMA_MBIM_STATUS_WRONG_MAC:
        response = akma_response_new(&own);
        if (response && akma_mbim_take_aka(answer, response, &own))
            g_task_return_pointer(
                task, g_steal_pointer(&response), (GDestroyNotify)akma_response_free);
        else
            g_task_return_error(task, own);
        break;

    default:
        if (akma_mbim_status_is_refusal(answer->status)) {
            self->services.has_aka = false;
            refuse(task);
        } else {
            g_task_return_error(task, akma_mbim_status_error_new("AKA", answer->status));
        }
        break;
    }
}

void
akma_mbim_card_authenticate(AkmaCard *card,
                            int channel,
                            const uint8_t rand[static 16],
                            const uint8_t autn[static 16],
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    AkmaMbimCard *self = AKMA_MBIM_CARD(card);
    g_autoptr(GTask) task = call_new(card, akma_mbim_card_authenticate, callback, user_data);
    const AkmaMbimSession *session = &self->session;

    if (!akma_mbim_card_check_session(self, channel, task))
        return;
    /* the modem asks its USIM: only if that is what the caller has open */
    if (!self->services.has_aka || session->aid_len < sizeof usim_prefix ||
        CRYPTO_memcmp(session->aid, usim_prefix, sizeof usim_prefix) != 0) {
        refuse(task);
        return;
    }

    self->holds_secrets = true;
    akma_mbim_send(
        self, mbim_message_auth_aka_query_new(rand, autn, NULL), aka_done, g_steal_pointer(&task));
}
