/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/qmi/uim.h"

#include <gio/gio.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"

/* Of requests. */
#define TLV_SLOT         0x01
#define TLV_SESSION      0x01
#define TLV_EVENTS       0x01
#define TLV_APDU         0x02
#define TLV_FILE         0x02
#define TLV_PIN          0x02
#define TLV_RANGE        0x03
#define TLV_AID          0x10
#define TLV_APDU_CHANNEL 0x10
#define TLV_CLOSE        0x11

/* Of answers. */
#define TLV_CHANNEL        0x10
#define TLV_OPEN_SW        0x11
#define TLV_APDU_ANSWER    0x10
#define TLV_READ_SW        0x10
#define TLV_READ_DATA      0x11
#define TLV_READ_IS_SEALED 0x13

#define EVENT_CARD_STATUS 0x01
#define EVENT_SLOT_STATUS 0x10
#define PIN1              1
#define UPIN              3
#define CHANNEL_MAX       19
#define SW_DONE           0x9000

#define SESSION_PRIMARY 0

void
akma_qmi_build_register_events(AkmaQmiRequest *ret)
{
    akma_qmi_request_init(ret, AKMA_QMI_UIM, AKMA_QMI_UIM_REGISTER_EVENTS);
    akma_qmi_put_type(ret, TLV_EVENTS);
    akma_qmi_put_u32(ret, EVENT_CARD_STATUS | EVENT_SLOT_STATUS);
}

static void
begin_with_slot(AkmaQmiRequest *ret, uint16_t id, uint8_t slot)
{
    akma_qmi_request_init(ret, AKMA_QMI_UIM, id);
    akma_qmi_put_type(ret, TLV_SLOT);
    akma_qmi_put_u8(ret, slot);
}

void
akma_qmi_build_open_channel(
    AkmaQmiRequest *ret, uint16_t id, uint8_t slot, const uint8_t *aid, size_t aid_len)
{
    g_return_if_fail(aid_len <= AKMA_AID_MAX);

    begin_with_slot(ret, id, slot);
    if (aid_len == 0)
        return;
    akma_qmi_put_type(ret, TLV_AID);
    akma_qmi_put_u8(ret, (uint8_t)aid_len);
    akma_qmi_put_bytes(ret, aid, aid_len);
}

void
akma_qmi_build_close_channel(AkmaQmiRequest *ret, uint8_t slot, uint8_t channel)
{
    begin_with_slot(ret, AKMA_QMI_UIM_LOGICAL_CHANNEL, slot);
    akma_qmi_put_type(ret, TLV_CLOSE);
    akma_qmi_put_u8(ret, channel);
}

void
akma_qmi_build_send_apdu(AkmaQmiRequest *ret,
                         uint8_t slot,
                         uint8_t channel,
                         const AkmaCommand *command)
{
    AkmaCommand copy = *command;

    akma_command_set_channel(&copy, channel);
    begin_with_slot(ret, AKMA_QMI_UIM_SEND_APDU, slot);
    akma_qmi_put_type(ret, TLV_APDU);
    akma_qmi_put_u16(ret, (uint16_t)copy.len);
    akma_qmi_put_bytes(ret, copy.bytes, copy.len);
    akma_qmi_put_type(ret, TLV_APDU_CHANNEL);
    akma_qmi_put_u8(ret, channel);
    OPENSSL_cleanse(&copy, sizeof copy);
}

static void
put_session(AkmaQmiRequest *ret, uint8_t type, const uint8_t *aid, size_t aid_len)
{
    akma_qmi_put_type(ret, TLV_SESSION);
    akma_qmi_put_u8(ret, type);
    akma_qmi_put_u8(ret, (uint8_t)aid_len);
    akma_qmi_put_bytes(ret, aid, aid_len);
}

/* The modem's own session of @app, if it has one; another application is named by its AID. */
static void
put_app_session(AkmaQmiRequest *ret, uint8_t slot, const AkmaQmiApp *app)
{
    static const uint8_t nonprovisioning[AKMA_QMI_SLOT_MAX] = {4, 5, 16, 17, 18};

    if (app->is_primary)
        put_session(ret, SESSION_PRIMARY, NULL, 0);
    else
        put_session(ret, nonprovisioning[slot - 1], app->aid, app->aid_len);
}

static void
put_card_session(AkmaQmiRequest *ret, uint8_t slot)
{
    static const uint8_t card[AKMA_QMI_SLOT_MAX] = {6, 7, 19, 20, 21};

    put_session(ret, card[slot - 1], NULL, 0);
}

/* A path goes from the root, each identifier of it little endian. */
static void
put_file(AkmaQmiRequest *ret, const AkmaFile *file, bool is_of_card)
{
    static const uint8_t root[] = {0x00, 0x3f};

    akma_qmi_put_type(ret, TLV_FILE);
    akma_qmi_put_u16(ret, file->id);
    akma_qmi_put_u8(ret, (uint8_t)(file->folder_len + (is_of_card ? 0 : sizeof root)));
    if (!is_of_card)
        akma_qmi_put_bytes(ret, root, sizeof root);
    for (size_t i = 0; i + 1 < file->folder_len; i += 2) {
        const uint8_t id[] = {file->folder[i + 1], file->folder[i]};

        akma_qmi_put_bytes(ret, id, sizeof id);
    }
}

void
akma_qmi_build_read(
    AkmaQmiRequest *ret, uint8_t slot, const AkmaQmiApp *app, const AkmaFile *file, size_t len)
{
    bool is_of_card = file->folder_len >= 2 && file->folder[0] == 0x3f && file->folder[1] == 0;

    g_return_if_fail(slot >= 1 && slot <= AKMA_QMI_SLOT_MAX && (app || is_of_card));

    akma_qmi_request_init(ret, AKMA_QMI_UIM, AKMA_QMI_UIM_READ_TRANSPARENT);
    if (is_of_card)
        put_card_session(ret, slot);
    else
        put_app_session(ret, slot, app);
    put_file(ret, file, is_of_card);
    akma_qmi_put_type(ret, TLV_RANGE);
    akma_qmi_put_u16(ret, 0);
    akma_qmi_put_u16(ret, (uint16_t)len);
}

void
akma_qmi_build_verify_pin(
    AkmaQmiRequest *ret, uint8_t slot, const AkmaQmiApp *app, const uint8_t *pin, size_t pin_len)
{
    g_return_if_fail(slot >= 1 && slot <= AKMA_QMI_SLOT_MAX && pin_len <= AKMA_PIN_MAX);

    akma_qmi_request_init(ret, AKMA_QMI_UIM, AKMA_QMI_UIM_VERIFY_PIN);
    put_app_session(ret, slot, app);
    akma_qmi_put_type(ret, TLV_PIN);
    akma_qmi_put_u8(ret, app->by_upin ? UPIN : PIN1);
    akma_qmi_put_u8(ret, (uint8_t)pin_len);
    akma_qmi_put_bytes(ret, pin, pin_len);
}

bool
akma_qmi_parse_channel(const AkmaQmiAnswer *answer, uint8_t *ret)
{
    AkmaReader value;
    uint8_t channel;

    if (!akma_qmi_answer_check(answer, "", NULL) ||
        !akma_qmi_answer_find(answer, TLV_CHANNEL, &value))
        return false;
    channel = akma_reader_u8(&value);
    if (!akma_reader_is_done(&value) || channel == 0 || channel > CHANNEL_MAX)
        return false;

    *ret = channel;

    return true;
}

void
akma_qmi_set_open_error(const AkmaQmiAnswer *answer, GError **error)
{
    static const char what[] = "opening a channel to the card";
    uint16_t sw;

    if (akma_qmi_answer_get_sw(answer, TLV_OPEN_SW, &sw) && !akma_sw_is_done(sw))
        akma_sw_set_error(sw, what, error);
    else if (akma_qmi_answer_check(answer, what, error))
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "%s: the modem names none", what);
}

static AkmaResponse *
new_response(const uint8_t *data, size_t len, uint16_t sw, GError **error)
{
    AkmaResponse *response = akma_response_new(error);

    if (!response)
        return NULL;
    if (len > 0)
        memcpy(response->bytes, data, len);
    response->len = len;
    response->sw = sw;

    return response;
}

AkmaResponse *
akma_qmi_parse_apdu(const AkmaQmiAnswer *answer, GError **error)
{
    g_autoptr(AkmaResponse) response = NULL;
    AkmaReader value;
    const uint8_t *bytes;
    size_t len;

    if (!akma_qmi_answer_check(answer, "sending to the card", error))
        return NULL;
    if (!akma_qmi_answer_find(answer, TLV_APDU_ANSWER, &value) ||
        !(bytes = akma_qmi_get_block16(&value, &len)) || !akma_reader_is_done(&value) ||
        len > AKMA_RESPONSE_MAX) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the card's answer came broken");
        return NULL;
    }

    response = new_response(bytes, len, 0, error);
    if (!response || !akma_response_split(response, len, error))
        return NULL;

    return g_steal_pointer(&response);
}

static bool
is_sealed(const AkmaQmiAnswer *answer)
{
    AkmaReader value;

    return akma_qmi_answer_find(answer, TLV_READ_IS_SEALED, &value) && akma_reader_u8(&value) != 0;
}

AkmaResponse *
akma_qmi_parse_read(const AkmaQmiAnswer *answer, GError **error)
{
    AkmaReader value;
    const uint8_t *bytes;
    size_t len;
    uint16_t sw = SW_DONE;
    bool has_sw = akma_qmi_answer_get_sw(answer, TLV_READ_SW, &sw);
    bool is_ok = akma_qmi_answer_check(answer, "reading a file", NULL);

    if (!is_ok && has_sw && !akma_sw_is_done(sw))
        return new_response(NULL, 0, sw, error);
    if (akma_qmi_answer_is_unsupported(answer) || (is_ok && is_sealed(answer))) {
        g_set_error_literal(
            error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the modem does not read this file");
        return NULL;
    }
    if (!akma_qmi_answer_check(answer, "reading a file", error))
        return NULL;

    if (!akma_qmi_answer_find(answer, TLV_READ_DATA, &value) ||
        !(bytes = akma_qmi_get_block16(&value, &len)) || !akma_reader_is_done(&value) ||
        len > AKMA_RESPONSE_DATA_MAX) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "a file came broken");
        return NULL;
    }

    return new_response(bytes, len, sw, error);
}
