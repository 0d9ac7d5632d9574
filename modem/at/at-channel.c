/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-channel: logical channels over +CCHO/+CGLA/+CCHC, or over +CSIM where a modem lacks them. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "modem/at/at-private.h"

#define CSIM_SESSION  AKMA_AT_CSIM_SESSION
#define CHANNEL_MAX   19
#define COMMAND_SIZE  (32 + AKMA_HEX_LEN(AKMA_COMMAND_MAX))
#define P1_CLOSE      0x80
#define P1_SELECT_AID 0x04
#define P2_NO_DATA    0x0c

typedef struct {
    uint8_t aid[AKMA_AID_MAX];
    size_t aid_len;
    int session;   /* -1: none yet */
    int closing;   /* what was asked to close */
    bool is_freed; /* what was left of ours is closed; that is done once */
    AkmaAtApdu apdu;
    AkmaResponse *response;
    const char *prefix;
    GError *ccho_error; /* why +CCHO did not work, if +CSIM does not either */
} Call;

static void
call_free(Call *call)
{
    akma_response_free(call->response);
    g_clear_error(&call->ccho_error);
    g_free(call);
}

static GTask *
call_new(AkmaCard *card, gpointer tag, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(card, NULL, callback, user_data);
    Call *call = g_new0(Call, 1);

    call->session = -1;
    g_task_set_source_tag(task, tag);
    g_task_set_task_data(task, call, (GDestroyNotify)call_free);

    return task;
}

static bool
apdu_take(const char *line, size_t len, gpointer user_data)
{
    Call *call = g_task_get_task_data(user_data);

    return akma_at_apdu_take(&call->apdu, call->prefix, line, len);
}

/* Sends @command on the session of the call; @done finds the answer in the call. */
static void
send_apdu(GTask *owned, const AkmaCommand *command, AkmaAtDone done)
{
    AkmaAtCard *self = g_task_get_source_object(owned);
    Call *call = g_task_get_task_data(owned);
    AkmaCommand copy = *command;
    char hex[AKMA_HEX_LEN(AKMA_COMMAND_MAX) + 1];
    char text[COMMAND_SIZE];
    GError *error = NULL;

    akma_response_free(call->response);
    call->response = akma_response_new(&error);
    if (!call->response) {
        g_task_return_error(owned, error);
        g_object_unref(owned);
        return;
    }
    call->apdu = (AkmaAtApdu){.response = call->response};

    if (call->session >= CSIM_SESSION)
        akma_command_set_channel(&copy, (unsigned)(call->session - CSIM_SESSION));
    akma_hex_encode(copy.bytes, copy.len, hex);
    if (call->session >= CSIM_SESSION) {
        /*= TS 27.007 8.17: AT+CSIM=<length>,<command> */
        call->prefix = "+CSIM:";
        g_snprintf(text, sizeof text, "AT+CSIM=%zu,\"%s\"", strlen(hex), hex);
    } else {
        /*= TS 27.007 8.43: AT+CGLA=<sessionid>,<length>,<command> */
        call->prefix = "+CGLA:";
        g_snprintf(text, sizeof text, "AT+CGLA=%d,%zu,\"%s\"", call->session, strlen(hex), hex);
    }

    akma_at_card_send(self, text, apdu_take, done, owned);
    OPENSSL_cleanse(hex, sizeof hex);
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(&copy, sizeof copy);
}

/* The answer of send_apdu(), split. NULL @ret_error: @call->response is good. */
static GError *
check_apdu(Call *call, bool ok, int code, const GError *error)
{
    GError *own = NULL;

    if (error)
        return g_error_copy(error);
    if (!ok)
        return akma_at_card_error_new("sending to the card", code);
    akma_at_apdu_finish(&call->apdu, &own);

    return own;
}

static void
transmit_done(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Call *call = g_task_get_task_data(task);
    GError *failure = check_apdu(call, ok, code, error);

    if (failure)
        g_task_return_error(task, failure);
    else
        g_task_return_pointer(
            task, g_steal_pointer(&call->response), (GDestroyNotify)akma_response_free);
}

void
akma_at_card_transmit(AkmaCard *card,
                      int channel,
                      const AkmaCommand *command,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
    GTask *task = call_new(card, akma_at_card_transmit, callback, user_data);
    Call *call = g_task_get_task_data(task);

    call->session = channel;
    send_apdu(task, command, transmit_done);
}

/*
 *   open:  kept session --SELECT--> done          way CSIM:  MANAGE CHANNEL --> SELECT --> done
 *               | refused                                        | not known        | refused
 *               v                                                +--> basic channel +--> close
 *            +CCHO --> done
 *               | refused, and it never worked: way CSIM
 */
static void begin_ccho(GTask *owned);
static void begin_csim(GTask *owned);

/* Ours, until it is closed. */
static void
note(AkmaAtCard *self, int session)
{
    if (session != CSIM_SESSION)
        akma_at_leftovers_note(self->leftovers, self->opening, session);
}

static void
begin_select(GTask *owned, AkmaAtDone done)
{
    const Call *call = g_task_get_task_data(owned);
    AkmaCommand command;

    akma_command_init(
        &command, AKMA_INS_SELECT, P1_SELECT_AID, P2_NO_DATA, call->aid, call->aid_len, AKMA_NO_LE);
    send_apdu(owned, &command, done);
}

static void
kept_selected(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);
    g_autoptr(GError) failure = check_apdu(call, ok, code, error);

    if (!failure && akma_sw_is_done(call->response->sw)) {
        g_task_return_int(task, call->session);
        return;
    }

    self->is_kept = false;
    call->session = -1;
    begin_ccho(g_steal_pointer(&task));
}

static bool
ccho_take(const char *line, size_t len G_GNUC_UNUSED, gpointer user_data)
{
    Call *call = g_task_get_task_data(user_data);

    return akma_at_parse_session(line, &call->session);
}

/* Says something about the card, so that another way to it would not help. */
static bool
is_about_card(const GError *error)
{
    return error->code == AKMA_ERROR_NO_SIM || error->code == AKMA_ERROR_PIN_REQUIRED ||
           error->code == AKMA_ERROR_SIM_BLOCKED;
}

static void
freed(gpointer user_data)
{
    AkmaAtCard *self = g_task_get_source_object(user_data);
    const Call *call = g_task_get_task_data(user_data);

    if (self->way == AKMA_AT_WAY_CSIM || call->aid_len == 0)
        begin_csim(user_data);
    else
        begin_ccho(user_data);
}

/* No channel was to be had. Because of what we left? Once more without that. Takes both. */
static void
refused(GTask *owned, GError *owned_error)
{
    g_autoptr(GTask) task = owned;
    g_autoptr(GError) error = owned_error;
    AkmaAtCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);

    if (call->is_freed || error->code != AKMA_ERROR_MODEM_FAILED ||
        !akma_at_leftovers_any(self->leftovers)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    call->is_freed = true;
    akma_at_card_free_leftovers(self, freed, g_steal_pointer(&task));
}

static void
ccho_done(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);

    if (error) {
        akma_at_card_close_lost(self);
        g_task_return_error(task, g_error_copy(error));
    } else if (ok && call->session >= 0) {
        self->way = AKMA_AT_WAY_CCHO;
        self->session = call->session;
        self->session_aid_len = call->aid_len;
        memcpy(self->session_aid, call->aid, call->aid_len);
        note(self, call->session);
        g_task_return_int(task, call->session);
    } else if (ok) {
        akma_at_card_close_lost(self);
        g_task_return_new_error(task,
                                AKMA_ERROR,
                                AKMA_ERROR_MODEM_FAILED,
                                "the modem garbled the number of the channel");
    } else {
        g_clear_error(&call->ccho_error);
        call->ccho_error = akma_at_card_error_new("opening a channel to the card", code);
        if (self->way == AKMA_AT_WAY_CCHO || is_about_card(call->ccho_error))
            refused(g_steal_pointer(&task), g_steal_pointer(&call->ccho_error));
        else
            begin_csim(g_steal_pointer(&task));
    }
}

/*= TS 27.007 8.45: AT+CCHO=<dfname> */
static void
begin_ccho(GTask *owned)
{
    AkmaAtCard *self = g_task_get_source_object(owned);
    const Call *call = g_task_get_task_data(owned);
    char hex[AKMA_HEX_LEN(AKMA_AID_MAX) + 1];
    g_autofree char *upper = NULL;
    g_autofree char *text = NULL;

    akma_hex_encode(call->aid, call->aid_len, hex);
    upper = g_ascii_strup(hex, -1);
    text = g_strdup_printf("AT+CCHO=\"%s\"", upper);
    akma_at_card_send(self, text, ccho_take, ccho_done, owned);
}

static void
refused_closed(bool ok G_GNUC_UNUSED,
               int code G_GNUC_UNUSED,
               const GError *error,
               gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);

    if (!error)
        akma_at_leftovers_closed(self->leftovers, call->closing);
    g_task_return_error(task, g_steal_pointer(&call->ccho_error));
}

static void
begin_close(GTask *owned, AkmaAtDone done)
{
    Call *call = g_task_get_task_data(owned);
    unsigned channel = (unsigned)(call->session - CSIM_SESSION);
    AkmaCommand command;

    /*= TS 102 221 11.1.17: MANAGE CHANNEL, P1 80 closes channel P2; sent on the basic channel */
    akma_command_init(
        &command, AKMA_INS_MANAGE_CHANNEL, P1_CLOSE, (uint8_t)channel, NULL, 0, AKMA_NO_LE);
    call->closing = call->session;
    call->session = CSIM_SESSION;
    send_apdu(owned, &command, done);
}

static void
csim_selected(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);
    g_autoptr(GError) failure = check_apdu(call, ok, code, error);

    if (!failure && akma_sw_is_done(call->response->sw)) {
        self->way = AKMA_AT_WAY_CSIM;
        g_task_return_int(task, call->session);
        return;
    }
    if (!failure)
        akma_sw_set_error(call->response->sw, "selecting the application", &failure);
    if (call->session == CSIM_SESSION) {
        g_task_return_error(task, g_steal_pointer(&failure));
        return;
    }

    g_clear_error(&call->ccho_error);
    call->ccho_error = g_steal_pointer(&failure);
    begin_close(g_steal_pointer(&task), refused_closed);
}

/* The card knows no channels: the basic one is shared with the modem, but it is there. */
static bool
has_no_channels(uint16_t sw)
{
    return sw == 0x6881 || sw >> 8 == 0x6d || sw >> 8 == 0x6e;
}

static void
channel_managed(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);
    GError *failure = check_apdu(call, ok, code, error);
    const AkmaResponse *response = call->response;

    if (failure) {
        if (error || ok) /* it may have opened one all the same */
            akma_at_leftovers_set_unnamed(self->leftovers, true);
        self->is_number_late = error != NULL;
        if (call->ccho_error && !error) {
            g_error_free(failure);
            failure = g_steal_pointer(&call->ccho_error);
        }
        if (error)
            g_task_return_error(task, failure);
        else
            refused(g_steal_pointer(&task), failure);
        return;
    }

    if (akma_sw_is_done(response->sw) && response->len == 1 && response->bytes[0] > 0 &&
        response->bytes[0] <= CHANNEL_MAX) {
        call->session = CSIM_SESSION + response->bytes[0];
        note(self, call->session);
    } else if (!has_no_channels(response->sw)) {
        akma_sw_set_error(response->sw, "opening a channel to the card", &failure);
        refused(g_steal_pointer(&task), failure);
        return;
    }

    if (call->aid_len == 0) {
        self->way = self->way == AKMA_AT_WAY_UNKNOWN ? AKMA_AT_WAY_CSIM : self->way;
        g_task_return_int(task, call->session);
    } else {
        begin_select(g_steal_pointer(&task), csim_selected);
    }
}

/*= TS 102 221 11.1.17: MANAGE CHANNEL, P1 00, P2 00: the card gives the number */
static void
begin_csim(GTask *owned)
{
    Call *call = g_task_get_task_data(owned);
    AkmaCommand command;

    call->session = CSIM_SESSION;
    akma_command_init(&command, AKMA_INS_MANAGE_CHANNEL, 0, 0, NULL, 0, 1);
    send_apdu(owned, &command, channel_managed);
}

static bool
is_kept(const AkmaAtCard *self, const Call *call)
{
    if (!self->is_kept || self->session_aid_len != call->aid_len)
        return false;
    for (size_t i = 0; i < call->aid_len; i++) {
        if (self->session_aid[i] != call->aid[i])
            return false;
    }

    return true;
}

void
akma_at_card_open_channel(AkmaCard *card,
                          const uint8_t *aid,
                          size_t aid_len,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    AkmaAtCard *self = AKMA_AT_CARD(card);
    GTask *task = call_new(card, akma_at_card_open_channel, callback, user_data);
    Call *call = g_task_get_task_data(task);

    if (aid_len > 0)
        memcpy(call->aid, aid, aid_len);
    call->aid_len = aid_len;

    if (is_kept(self, call)) {
        call->session = self->session;
        begin_select(task, kept_selected);
    } else if (self->way == AKMA_AT_WAY_CSIM || aid_len == 0) {
        begin_csim(task);
    } else {
        begin_ccho(task);
    }
}

static void
csim_closed(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);
    GError *failure = check_apdu(call, ok, code, error);

    if (failure) {
        g_task_return_error(task, failure);
        return;
    }
    akma_at_leftovers_closed(self->leftovers, call->closing);
    g_task_return_boolean(task, TRUE);
}

static void
cchc_done(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaAtCard *self = g_task_get_source_object(task);
    const Call *call = g_task_get_task_data(task);

    /* whatever the reason, it may be open still: used again before another one is opened */
    if (error || !ok)
        self->is_kept = call->session == self->session;
    if (error) {
        g_task_return_error(task, g_error_copy(error));
    } else if (!ok) {
        g_task_return_error(task, akma_at_card_error_new("closing the channel", code));
    } else {
        akma_at_leftovers_closed(self->leftovers, call->session);
        g_task_return_boolean(task, TRUE);
    }
}

bool
akma_at_card_channel_ends_with_card(AkmaCard *card G_GNUC_UNUSED, int channel)
{
    return channel != CSIM_SESSION;
}

void
akma_at_card_close_channel(AkmaCard *card,
                           int channel,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    GTask *task = call_new(card, akma_at_card_close_channel, callback, user_data);
    Call *call = g_task_get_task_data(task);
    g_autofree char *text = NULL;

    call->session = channel;
    if (channel == CSIM_SESSION) { /* the basic channel is always open */
        g_task_return_boolean(task, TRUE);
        g_object_unref(task);
    } else if (channel > CSIM_SESSION) {
        begin_close(task, csim_closed);
    } else {
        /*= TS 27.007 8.46: AT+CCHC=<sessionid> */
        text = g_strdup_printf("AT+CCHC=%d", channel);
        akma_at_card_send(AKMA_AT_CARD(card), text, NULL, cchc_done, task);
    }
}
