/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/card.h"

enum { CARD_CHANGED, REGISTRATION_CHANGED, GONE, N_SIGNALS };

static unsigned signals[N_SIGNALS];

G_DEFINE_INTERFACE(AkmaCard, akma_card, G_TYPE_OBJECT)

static void
akma_card_default_init(AkmaCardInterface *iface G_GNUC_UNUSED)
{
    static const char *const names[N_SIGNALS] = {"card-changed", "registration-changed", "gone"};

    for (size_t i = 0; i < N_SIGNALS; i++)
        signals[i] = g_signal_new(names[i],
                                  AKMA_TYPE_CARD,
                                  G_SIGNAL_RUN_LAST,
                                  0,
                                  NULL,
                                  NULL,
                                  g_cclosure_marshal_VOID__VOID,
                                  G_TYPE_NONE,
                                  0);
}

void
akma_card_open_channel_async(AkmaCard *self,
                             const uint8_t *aid,
                             size_t aid_len,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    g_return_if_fail(AKMA_IS_CARD(self) && aid_len <= AKMA_AID_MAX);

    AKMA_CARD_GET_IFACE(self)->open_channel_async(self, aid, aid_len, callback, user_data);
}

int
akma_card_open_channel_finish(AkmaCard *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), -1);

    return (int)g_task_propagate_int(G_TASK(res), error);
}

void
akma_card_transmit_async(AkmaCard *self,
                         int channel,
                         const AkmaCommand *command,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    g_return_if_fail(AKMA_IS_CARD(self) && command);

    AKMA_CARD_GET_IFACE(self)->transmit_async(self, channel, command, callback, user_data);
}

AkmaResponse *
akma_card_transmit_finish(AkmaCard *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

void
akma_card_close_channel_async(AkmaCard *self,
                              int channel,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
    g_return_if_fail(AKMA_IS_CARD(self));

    AKMA_CARD_GET_IFACE(self)->close_channel_async(self, channel, callback, user_data);
}

bool
akma_card_close_channel_finish(AkmaCard *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), false);

    return g_task_propagate_boolean(G_TASK(res), error);
}

bool
akma_card_channel_ends_with_card(AkmaCard *self, int channel)
{
    AkmaCardInterface *iface = AKMA_CARD_GET_IFACE(self);

    return iface->channel_ends_with_card && iface->channel_ends_with_card(self, channel);
}

void
akma_card_query_async(AkmaCard *self, GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(AKMA_IS_CARD(self));

    AKMA_CARD_GET_IFACE(self)->query_async(self, callback, user_data);
}

bool
akma_card_query_finish(AkmaCard *self, GAsyncResult *res, AkmaCardState *ret_state, GError **error)
{
    g_autofree AkmaCardState *state = NULL;

    g_return_val_if_fail(g_task_is_valid(res, self), false);

    state = g_task_propagate_pointer(G_TASK(res), error);
    if (!state)
        return false;

    *ret_state = *state;

    return true;
}

void
akma_card_verify_pin_async(AkmaCard *self,
                           AkmaSecret *pin,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    g_return_if_fail(AKMA_IS_CARD(self) && pin);

    AKMA_CARD_GET_IFACE(self)->verify_pin_async(self, pin, callback, user_data);
}

bool
akma_card_verify_pin_finish(AkmaCard *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), false);

    return g_task_propagate_boolean(G_TASK(res), error);
}

static void
refuse_shortcut(AkmaCard *self, gpointer tag, GAsyncReadyCallback callback, gpointer user_data)
{
    g_task_report_new_error(
        self, callback, user_data, tag, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "no shortcut");
}

void
akma_card_read_async(AkmaCard *self,
                     int channel,
                     const AkmaFile *file,
                     size_t len,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    g_return_if_fail(AKMA_IS_CARD(self) && file && len <= AKMA_RESPONSE_DATA_MAX);

    if (!AKMA_CARD_GET_IFACE(self)->read_async)
        refuse_shortcut(self, akma_card_read_async, callback, user_data);
    else
        AKMA_CARD_GET_IFACE(self)->read_async(self, channel, file, len, callback, user_data);
}

AkmaResponse *
akma_card_read_finish(AkmaCard *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

void
akma_card_authenticate_async(AkmaCard *self,
                             int channel,
                             const uint8_t rand[static 16],
                             const uint8_t autn[static 16],
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    AkmaCardInterface *iface = AKMA_CARD_GET_IFACE(self);

    g_return_if_fail(AKMA_IS_CARD(self));

    if (!iface->authenticate_async)
        refuse_shortcut(self, akma_card_authenticate_async, callback, user_data);
    else
        iface->authenticate_async(self, channel, rand, autn, callback, user_data);
}

AkmaResponse *
akma_card_authenticate_finish(AkmaCard *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

const char *
akma_card_get_protocol(AkmaCard *self)
{
    AkmaCardInterface *iface = AKMA_CARD_GET_IFACE(self);

    return iface->get_protocol ? iface->get_protocol(self) : iface->protocol;
}

const char *
akma_card_get_manufacturer(AkmaCard *self)
{
    return AKMA_CARD_GET_IFACE(self)->get_manufacturer(self);
}

const char *
akma_card_get_model(AkmaCard *self)
{
    return AKMA_CARD_GET_IFACE(self)->get_model(self);
}

void
akma_card_close(AkmaCard *self)
{
    AKMA_CARD_GET_IFACE(self)->close(self);
}

void
akma_card_emit_card_changed(AkmaCard *self)
{
    g_signal_emit(self, signals[CARD_CHANGED], 0);
}

void
akma_card_emit_registration_changed(AkmaCard *self)
{
    g_signal_emit(self, signals[REGISTRATION_CHANGED], 0);
}

void
akma_card_emit_gone(AkmaCard *self)
{
    g_signal_emit(self, signals[GONE], 0);
}
