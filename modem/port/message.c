/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/port/message.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/bytes.h"

G_STATIC_ASSERT(AKMA_COMMAND_MAX >= AKMA_RESPONSE_MAX);
G_STATIC_ASSERT(AKMA_PORT_MESSAGE_MAX >= 16 + AKMA_COMMAND_MAX + 2 * AKMA_PORT_TEXT_MAX);

/*
 * What follows kind and serial, one letter a field: b bytes, c channel, e code, f file, g is_guess,
 * l ends_with_card, m timeout, p proxy, s state, t text, u text2, w status word, x slot.
 */
static const char *const layouts[AKMA_PORT_N_KINDS] = {
    [AKMA_PORT_OPEN] = "tuxpmg",
    [AKMA_PORT_OPEN_CHANNEL] = "b",
    [AKMA_PORT_TRANSMIT] = "cb",
    [AKMA_PORT_CLOSE_CHANNEL] = "c",
    [AKMA_PORT_QUERY] = "",
    [AKMA_PORT_VERIFY_PIN] = "b",
    [AKMA_PORT_READ] = "cbf",
    [AKMA_PORT_AUTHENTICATE] = "cb",
    [AKMA_PORT_DONE] = "",
    [AKMA_PORT_OPENED] = "tu",
    [AKMA_PORT_CHANNEL] = "cl",
    [AKMA_PORT_RESPONSE] = "bw",
    [AKMA_PORT_STATE] = "s",
    [AKMA_PORT_ERROR] = "et",
    [AKMA_PORT_CARD_CHANGED] = "",
    [AKMA_PORT_REGISTRATION_CHANGED] = "",
    [AKMA_PORT_GONE] = "",
};

void
akma_port_message_clear(AkmaPortMessage *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

bool
akma_port_kind_is_request(AkmaPortKind kind)
{
    return kind < AKMA_PORT_DONE;
}

bool
akma_port_kind_is_event(AkmaPortKind kind)
{
    return kind >= AKMA_PORT_CARD_CHANGED;
}

void
akma_port_message_set_text(char to[static AKMA_PORT_TEXT_MAX + 1], const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    g_strlcpy(to, valid, AKMA_PORT_TEXT_MAX + 1);
    if (strlen(valid) > AKMA_PORT_TEXT_MAX)
        *g_utf8_find_prev_char(to, to + AKMA_PORT_TEXT_MAX) = '\0'; /* not half a character */
    for (char *c = to; *c; c++) {
        if (g_ascii_iscntrl(*c))
            *c = '?';
    }
}

void
akma_port_message_set_bytes(AkmaPortMessage *self, const void *bytes, size_t len)
{
    self->len = MIN(len, sizeof self->bytes);
    if (self->len > 0)
        memcpy(self->bytes, bytes, self->len);
}

static void
put_u32(AkmaWriter *writer, uint32_t value)
{
    akma_writer_u16(writer, (uint16_t)(value >> 16));
    akma_writer_u16(writer, (uint16_t)value);
}

static uint32_t
take_u32(AkmaReader *reader)
{
    uint32_t high = akma_reader_u16(reader);

    return high << 16 | akma_reader_u16(reader);
}

static void
put_text(AkmaWriter *writer, const char *text)
{
    size_t len = strlen(text);

    akma_writer_u8(writer, (uint8_t)len);
    akma_writer_put(writer, text, len);
}

/* UTF-8 without control characters: it may be shown. */
static bool
take_text(AkmaReader *reader, char ret[static AKMA_PORT_TEXT_MAX + 1])
{
    size_t len = akma_reader_u8(reader);
    const uint8_t *text = akma_reader_take(reader, len);

    if (!text || !g_utf8_validate_len((const char *)text, len, NULL))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (g_ascii_iscntrl((char)text[i]))
            return false;
    }
    memcpy(ret, text, len);
    ret[len] = '\0';

    return true;
}

static void
put_field(AkmaWriter *writer, char field, const AkmaPortMessage *message)
{
    switch (field) {
    case 'b':
        akma_writer_u16(writer, (uint16_t)message->len);
        akma_writer_put(writer, message->bytes, message->len);
        break;
    case 'c':
        put_u32(writer, (uint32_t)message->channel);
        break;
    case 'e':
        akma_writer_u8(writer, message->code);
        break;
    case 'f':
        akma_writer_u16(writer, message->file_id);
        akma_writer_u8(writer, message->sfi);
        akma_writer_u16(writer, message->read_len);
        break;
    case 'g':
        akma_writer_u8(writer, message->is_guess ? 1 : 0);
        break;
    case 'l':
        akma_writer_u8(writer, message->ends_with_card ? 1 : 0);
        break;
    case 'm':
        put_u32(writer, message->timeout_ms);
        break;
    case 'p':
        akma_writer_u8(writer, (uint8_t)message->proxy);
        break;
    case 's':
        akma_writer_u8(writer, (uint8_t)message->state.sim);
        akma_writer_u8(writer, (uint8_t)message->state.registration);
        akma_writer_u8(writer, (uint8_t)message->state.pin_tries);
        break;
    case 't':
        put_text(writer, message->text);
        break;
    case 'u':
        put_text(writer, message->text2);
        break;
    case 'w':
        akma_writer_u16(writer, message->sw);
        break;
    default: /* 'x' */
        akma_writer_u8(writer, message->slot);
        break;
    }
}

static bool
take_bytes(AkmaReader *reader, AkmaPortMessage *ret)
{
    size_t len = akma_reader_u16(reader);
    const uint8_t *bytes = akma_reader_take(reader, len);

    if (!bytes || len > sizeof ret->bytes)
        return false;
    akma_port_message_set_bytes(ret, bytes, len);

    return true;
}

static bool
take_bool(AkmaReader *reader, bool *ret)
{
    uint8_t value = akma_reader_u8(reader);

    *ret = value == 1;

    return value <= 1;
}

static bool
take_state(AkmaReader *reader, AkmaCardState *ret)
{
    uint8_t sim = akma_reader_u8(reader);
    uint8_t registration = akma_reader_u8(reader);
    uint8_t tries = akma_reader_u8(reader);

    if (sim > AKMA_SIM_READY || registration > AKMA_REGISTRATION_ROAMING)
        return false;
    ret->sim = (AkmaSimState)sim;
    ret->registration = (AkmaRegistration)registration;
    ret->pin_tries = tries == UINT8_MAX ? AKMA_PIN_TRIES_UNKNOWN : tries;

    return true;
}

static bool
take_field(AkmaReader *reader, char field, AkmaPortMessage *ret)
{
    uint32_t number;

    switch (field) {
    case 'b':
        return take_bytes(reader, ret);
    case 'c':
        number = take_u32(reader);
        ret->channel = (int)number;
        return number <= G_MAXINT;
    case 'e':
        ret->code = akma_reader_u8(reader);
        return ret->code != 0;
    case 'f':
        ret->file_id = akma_reader_u16(reader);
        ret->sfi = akma_reader_u8(reader);
        ret->read_len = akma_reader_u16(reader);
        return ret->len <= AKMA_PATH_MAX && ret->read_len <= AKMA_RESPONSE_DATA_MAX;
    case 'g':
        return take_bool(reader, &ret->is_guess);
    case 'l':
        return take_bool(reader, &ret->ends_with_card);
    case 'm':
        ret->timeout_ms = take_u32(reader);
        return ret->timeout_ms > 0;
    case 'p':
        number = akma_reader_u8(reader);
        ret->proxy = (AkmaProxy)number;
        return number <= AKMA_PROXY_NEVER;
    case 's':
        return take_state(reader, &ret->state);
    case 't':
        return take_text(reader, ret->text);
    case 'u':
        return take_text(reader, ret->text2);
    case 'w':
        ret->sw = akma_reader_u16(reader);
        return true;
    default: /* 'x' */
        ret->slot = akma_reader_u8(reader);
        return ret->slot > 0;
    }
}

size_t
akma_port_message_encode(const AkmaPortMessage *self, uint8_t ret[static AKMA_PORT_MESSAGE_MAX])
{
    AkmaWriter writer = akma_writer_init(ret, AKMA_PORT_MESSAGE_MAX);

    akma_writer_u8(&writer, (uint8_t)self->kind);
    akma_writer_u16(&writer, self->serial);
    for (const char *field = layouts[self->kind]; *field; field++)
        put_field(&writer, *field, self);

    return writer.len;
}

bool
akma_port_message_decode(const uint8_t *packet, size_t len, AkmaPortMessage *ret)
{
    g_auto(AkmaPortMessage) message = {.kind = AKMA_PORT_N_KINDS};
    AkmaReader reader = akma_reader_init(packet, len);
    uint8_t kind = akma_reader_u8(&reader);
    bool good = kind < AKMA_PORT_N_KINDS;

    *ret = (AkmaPortMessage){.kind = AKMA_PORT_N_KINDS};
    message.serial = akma_reader_u16(&reader);
    for (const char *field = good ? layouts[kind] : ""; good && *field; field++)
        good = take_field(&reader, *field, &message);
    if (!good || !akma_reader_is_done(&reader))
        return false;
    if (akma_port_kind_is_event((AkmaPortKind)kind) != (message.serial == 0))
        return false;

    message.kind = (AkmaPortKind)kind;
    *ret = message;

    return true;
}
