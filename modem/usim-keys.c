/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* usim-keys: what brings a key out of the card: EF_5GAUTHKEYS and AUTHENTICATE. */
#include "modem/usim.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"

#define P2_CONTEXT_3G 0x81

static void whole_read(GObject *source, GAsyncResult *res, gpointer user_data);

/* The key goes on in an AkmaSecret: nothing of it may stay in the heap. */
static void
return_k_ausf(GTask *task, AkmaKAusfPlace place, const AkmaKey256 *key)
{
    g_autoptr(AkmaSecret) secret = NULL;
    GError *error = NULL;

    switch (place) {
    case AKMA_K_AUSF_FOUND:
        secret = akma_secret_new(key->bytes, sizeof key->bytes, &error);
        if (secret)
            g_task_return_pointer(
                task, g_steal_pointer(&secret), (GDestroyNotify)akma_secret_unref);
        else
            g_task_return_error(task, error);
        return;
    case AKMA_K_AUSF_EMPTY:
        g_task_return_new_error(
            task,
            AKMA_ERROR,
            AKMA_ERROR_ANCHOR_NOT_READY,
            "EF_5GAUTHKEYS is empty: not registered on 5G since the card was put in");
        return;
    case AKMA_K_AUSF_ELSEWHERE:
    case AKMA_K_AUSF_BROKEN:
        g_task_return_new_error(
            task, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "EF_5GAUTHKEYS of the card is broken");
        return;
    }
}

static void
first_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    g_autoptr(GError) error = NULL;
    g_auto(AkmaKey256) key = {0};
    AkmaChannel *channel = AKMA_CHANNEL(source);
    g_autoptr(AkmaResponse) response = akma_uicc_read_finish(channel, res, &error);
    AkmaKAusfPlace place;

    if (!response) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    place = akma_usim_peek_k_ausf(response->bytes, response->len, &key);
    if (place == AKMA_K_AUSF_ELSEWHERE)
        akma_uicc_read_async(
            channel, &akma_usim_5gauthkeys, 0, cancellable, whole_read, g_steal_pointer(&task));
    else
        return_k_ausf(task, place, &key);
}

static void
whole_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_auto(AkmaKey256) key = {0};
    g_autoptr(AkmaResponse) response = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (!response)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        return_k_ausf(task, akma_usim_find_k_ausf(response->bytes, response->len, &key), &key);
}

void
akma_usim_read_k_ausf_async(AkmaChannel *channel,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);

    g_task_set_source_tag(task, akma_usim_read_k_ausf_async);
    akma_uicc_read_async(channel,
                         &akma_usim_5gauthkeys,
                         AKMA_5GAUTHKEYS_FIRST,
                         cancellable,
                         first_read,
                         g_steal_pointer(&task));
}

AkmaSecret *
akma_usim_read_k_ausf_finish(AkmaChannel *channel, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, channel), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

/*
 *   SHORTCUT ------------> done
 *      | the modem has none
 *   AUTHENTICATE --------> done
 */
typedef struct {
    uint8_t rand[16];
    uint8_t autn[16];
} Challenge;

static void
finish_authenticate(GTask *task, AkmaResponse *owned, GError *owned_error)
{
    g_autoptr(AkmaResponse) response = owned;
    g_autoptr(GError) error = owned_error;

    if (response && !akma_sw_is_done(response->sw))
        akma_sw_set_error(response->sw, "AUTHENTICATE", &error);
    if (error)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        g_task_return_pointer(task, g_steal_pointer(&response), (GDestroyNotify)akma_response_free);
}

static void
authenticated(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    AkmaResponse *response = akma_uicc_send_finish(AKMA_CHANNEL(source), res, &error);

    finish_authenticate(task, response, error);
}

/*= TS 31.102 7.1.2: AUTHENTICATE, P2 81, data 10 RAND 10 AUTN */
static void
begin_authenticate(GTask *owned)
{
    AkmaChannel *channel = g_task_get_source_object(owned);
    const Challenge *challenge = g_task_get_task_data(owned);
    uint8_t data[34];
    AkmaCommand command;

    data[0] = 16;
    memcpy(data + 1, challenge->rand, 16);
    data[17] = 16;
    memcpy(data + 18, challenge->autn, 16);
    akma_command_init(&command, AKMA_INS_AUTHENTICATE, 0, P2_CONTEXT_3G, data, sizeof data, 0);
    akma_uicc_send_async(channel, &command, g_task_get_cancellable(owned), authenticated, owned);
}

static void
shortcut_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    AkmaResponse *response = akma_channel_authenticate_finish(AKMA_CHANNEL(source), res, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED)) {
        g_error_free(error);
        begin_authenticate(g_steal_pointer(&task));
    } else {
        finish_authenticate(task, response, error);
    }
}

void
akma_usim_authenticate_async(AkmaChannel *channel,
                             const uint8_t rand[static 16],
                             const uint8_t autn[static 16],
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);
    Challenge *challenge = g_new(Challenge, 1);

    memcpy(challenge->rand, rand, 16);
    memcpy(challenge->autn, autn, 16);
    g_task_set_source_tag(task, akma_usim_authenticate_async);
    g_task_set_task_data(task, challenge, g_free);
    akma_channel_authenticate_async(
        channel, rand, autn, cancellable, shortcut_done, g_steal_pointer(&task));
}

bool
akma_usim_authenticate_finish(AkmaChannel *channel,
                              GAsyncResult *res,
                              AkmaAkaResult *ret,
                              GError **error)
{
    g_autoptr(AkmaResponse) response = NULL;

    g_return_val_if_fail(g_task_is_valid(res, channel), false);

    response = g_task_propagate_pointer(G_TASK(res), error);

    return response && akma_usim_parse_aka(response->bytes, response->len, ret, error);
}
