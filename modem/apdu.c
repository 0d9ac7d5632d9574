/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/apdu.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"

#define HEADER 4

void
akma_command_init(AkmaCommand *ret,
                  uint8_t ins,
                  uint8_t p1,
                  uint8_t p2,
                  const uint8_t *data,
                  size_t data_len,
                  int le)
{
    const uint8_t header[HEADER] = {0x00, ins, p1, p2};

    g_return_if_fail(data_len <= AKMA_COMMAND_DATA_MAX && le <= 255);

    memcpy(ret->bytes, header, HEADER);
    ret->len = HEADER;
    if (data_len > 0) {
        ret->bytes[ret->len++] = (uint8_t)data_len;
        memcpy(ret->bytes + ret->len, data, data_len);
        ret->len += data_len;
    }
    if (le != AKMA_NO_LE)
        ret->bytes[ret->len++] = (uint8_t)le;
}

void
akma_command_set_le(AkmaCommand *self, uint8_t le)
{
    size_t lc = self->len > HEADER + 1 ? (size_t)self->bytes[HEADER] + 1 : 0;

    self->bytes[HEADER + lc] = le;
    self->len = HEADER + lc + 1;
}

/* Header alone has none; header and one byte is header and Le; else Lc tells. */
bool
akma_command_wants_data(const AkmaCommand *self)
{
    if (self->len <= HEADER + 1)
        return self->len == HEADER + 1;

    return self->len == HEADER + 1 + (size_t)self->bytes[HEADER] + 1;
}

/*= TS 102 221 10.1.1: channels 0 to 3 in b2 b1 of the class, 4 to 19 in b4..b1 of class 4X or CX */
void
akma_command_set_channel(AkmaCommand *self, unsigned channel)
{
    g_return_if_fail(channel <= 19);

    self->bytes[0] &= 0x80;
    if (channel <= 3)
        self->bytes[0] |= (uint8_t)channel;
    else
        self->bytes[0] |= (uint8_t)(0x40 | (channel - 4));
}

AkmaResponse *
akma_response_new(GError **error)
{
    AkmaResponse *self = OPENSSL_secure_zalloc(sizeof *self);

    if (!self)
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no room left for keys");

    return self;
}

void
akma_response_free(AkmaResponse *self)
{
    if (self)
        OPENSSL_secure_clear_free(self, sizeof *self);
}

bool
akma_response_split(AkmaResponse *self, size_t raw_len, GError **error)
{
    const uint8_t *sw;

    if (raw_len < 2 || raw_len > sizeof self->bytes || (self->bytes[raw_len - 2] & 0xf0) < 0x60) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the card's answer has no status word");
        return false;
    }

    sw = self->bytes + raw_len - 2;
    self->sw = (uint16_t)(sw[0] << 8 | sw[1]);
    self->len = raw_len - 2;

    return true;
}

bool
akma_sw_is_done(uint16_t sw)
{
    switch (sw >> 8) {
    case 0x90:
        return sw == 0x9000;
    case 0x61:
    case 0x62:
    case 0x91:
    case 0x9f:
        return true;
    case 0x63:
        return (sw & 0xf0) != 0xc0;
    default:
        return false;
    }
}

/*= TS 102 221 10.2.1: status words of the UICC */
/*= TS 31.102 7.3.1: 9862 is an incorrect MAC */
void
akma_sw_set_error(uint16_t sw, const char *what, GError **error)
{
    static const struct {
        uint16_t sw;
        AkmaError code;
        const char *text;
    } rows[] = {
        {0x6881, AKMA_ERROR_MODEM_FAILED, "the card has no such channel"},
        {0x6982, AKMA_ERROR_PIN_REQUIRED, "the card wants its PIN first"},
        {0x6983, AKMA_ERROR_SIM_BLOCKED, "the PIN is blocked"},
        {0x6985, AKMA_ERROR_MODEM_FAILED, "the card does not allow it now"},
        {0x6a81, AKMA_ERROR_MODEM_FAILED, "no channel left, or not supported"},
        {0x6a82, AKMA_ERROR_ANCHOR_UNSUPPORTED, "it is not on this card"},
        {0x6a83, AKMA_ERROR_ANCHOR_UNSUPPORTED, "it is not on this card"},
        {0x9862, AKMA_ERROR_ANCHOR_REJECTED, "the card refused the network's proof"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].sw == sw) {
            g_set_error(
                error, AKMA_ERROR, (int)rows[i].code, "%s: %s (%04X)", what, rows[i].text, sw);
            return;
        }
    }

    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_MODEM_FAILED,
                "%s: the card answered with status %04X",
                what,
                sw);
}
