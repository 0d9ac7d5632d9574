/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/answer.h"

#include <string.h>

#include "base/error.h"

/* The text behind @prefix and its blanks; NULL if @line does not begin with it. */
static const char *
skip_prefix(const char *line, const char *prefix)
{
    if (!g_str_has_prefix(line, prefix))
        return NULL;
    line += strlen(prefix);
    while (*line == ' ')
        line++;

    return line;
}

/* Decimal number up to @max; moves @text behind it. */
static bool
take_number(const char **text, guint64 max, guint64 *ret)
{
    char *rest;

    if (!g_ascii_isdigit(**text))
        return false;
    *ret = g_ascii_strtoull(*text, &rest, 10);
    *text = rest;

    return *ret <= max;
}

/*= TS 27.007 8.45: +CCHO: <sessionid> */
bool
akma_at_parse_session(const char *line, int *ret_session)
{
    const char *text = skip_prefix(line, "+CCHO:");
    guint64 session;

    if (!text)
        text = line;
    if (!take_number(&text, G_MAXINT16, &session) || *text != '\0')
        return false;

    *ret_session = (int)session;

    return true;
}

/*= TS 27.007 8.3: +CPIN: <code> */
bool
akma_at_parse_sim_state(const char *line, AkmaSimState *ret)
{
    static const struct {
        const char *text;
        AkmaSimState state;
    } rows[] = {
        {"READY", AKMA_SIM_READY},
        {"SIM PIN", AKMA_SIM_PIN_REQUIRED},
        {"SIM PUK", AKMA_SIM_BLOCKED},
        {"SIM PIN2", AKMA_SIM_READY}, /* the USIM is open, only ADN and the like want more */
        {"SIM PUK2", AKMA_SIM_READY},
        {"NOT READY", AKMA_SIM_ABSENT},
        {"NOT INSERTED", AKMA_SIM_ABSENT},
        {"SIM REMOVED", AKMA_SIM_ABSENT},
    };
    const char *text = skip_prefix(line, "+CPIN:");

    if (!text)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (g_ascii_strcasecmp(text, rows[i].text) == 0) {
            *ret = rows[i].state;
            return true;
        }
    }
    *ret = AKMA_SIM_UNKNOWN; /* a lock of the device: the card itself may still answer */

    return true;
}

/*= TS 27.007 8.65: +CPINR: <code>,<retries>[,<default_retries>] */
bool
akma_at_parse_pin_tries(const char *line, int *ret)
{
    static const char *const codes[] = {"SIM PIN,", "\"SIM PIN\","};
    const char *text = skip_prefix(line, "+CPINR:");
    guint64 tries;

    for (size_t i = 0; text && i < G_N_ELEMENTS(codes); i++) {
        const char *rest = skip_prefix(text, codes[i]);

        if (!rest || !take_number(&rest, 15, &tries) || (*rest != '\0' && *rest != ','))
            continue;
        *ret = (int)tries;
        return true;
    }

    return false;
}

/*= TS 27.007 7.2, 10.1.20, 10.1.47: <stat> of +CREG, +CEREG, +C5GREG */
bool
akma_at_parse_registration(const char *line, const char *prefix, AkmaRegistration *ret)
{
    static const AkmaRegistration stats[] = {
        AKMA_REGISTRATION_IDLE,
        AKMA_REGISTRATION_HOME,
        AKMA_REGISTRATION_SEARCHING,
        AKMA_REGISTRATION_DENIED,
        AKMA_REGISTRATION_UNKNOWN,
        AKMA_REGISTRATION_ROAMING,
    };
    const char *text = skip_prefix(line, prefix);
    guint64 mode;
    guint64 stat;

    if (!text || !take_number(&text, 9, &mode) || *text++ != ',')
        return false;
    while (*text == ' ')
        text++;
    if (!take_number(&text, 99, &stat) || (*text != '\0' && *text != ','))
        return false;

    *ret = stat < G_N_ELEMENTS(stats) ? stats[stat] : AKMA_REGISTRATION_UNKNOWN;

    return true;
}

AkmaRegistration
akma_at_better_registration(AkmaRegistration a, AkmaRegistration b)
{
    return MAX(a, b); /* the enum goes from unknown to registered */
}

static void
take_digit(AkmaAtApdu *self, char digit)
{
    int value = g_ascii_xdigit_value(digit);
    size_t at = self->digits / 2;

    if (value < 0 || self->is_closed || at >= sizeof self->response->bytes) {
        self->is_bad = true;
        return;
    }

    if (self->digits % 2 == 0)
        self->response->bytes[at] = (uint8_t)(value << 4);
    else
        self->response->bytes[at] |= (uint8_t)value;
    self->digits++;
}

static void
take_digits(AkmaAtApdu *self, const char *text)
{
    for (; *text != '\0' && !self->is_bad; text++) {
        if (*text == '"' && self->has_quote && !self->is_closed)
            self->is_closed = true;
        else if (*text == '"' && self->digits == 0 && !self->has_quote)
            self->has_quote = true;
        else if (*text != ' ')
            take_digit(self, *text);
    }
}

static bool
is_complete(const AkmaAtApdu *self)
{
    return self->digits == self->announced || self->digits == 2 * self->announced;
}

/* Only digits and perhaps the last quote: the rest of an answer that was cut. */
static bool
is_rest(const char *line)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");

    return line[digits] == '\0' || (line[digits] == '"' && line[digits + 1] == '\0');
}

/*= TS 27.007 8.43: +CGLA: <length>,<response>; 8.17: +CSIM: <length>,<response> */
bool
akma_at_apdu_take(AkmaAtApdu *self, const char *prefix, const char *line, size_t len)
{
    const char *text = skip_prefix(line, prefix);
    guint64 announced;

    if (strlen(line) != len)
        return false;
    if (!text) {
        if (!self->is_begun || self->is_closed || !is_rest(line))
            return false;
        if (!self->has_quote && is_complete(self))
            return false;
        take_digits(self, line);
        return true;
    }

    if (self->is_begun) {
        self->is_bad = true; /* two answers to one command */
        return true;
    }
    self->is_begun = true;
    if (!take_number(&text, 2 * AKMA_RESPONSE_MAX, &announced) || *text++ != ',') {
        self->is_bad = true;
        return true;
    }
    self->announced = (size_t)announced;
    take_digits(self, text);

    return true;
}

bool
akma_at_apdu_finish(AkmaAtApdu *self, GError **error)
{
    if (!self->is_begun || self->is_bad || self->digits % 2 != 0 || !is_complete(self) ||
        self->has_quote != self->is_closed) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem garbled the card's answer");
        return false;
    }

    return akma_response_split(self->response, self->digits / 2, error);
}
