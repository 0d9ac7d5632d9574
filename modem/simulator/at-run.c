/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-run: one command line: taken apart, run, answered. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "modem/simulator/at-private.h"

static const struct {
    const char *name;
    unsigned forms;   /* AtForm, or'ed; AT_TEST is always there */
    const char *test; /* what "=?" says; NULL: only OK */
    bool card;        /* needs the card */
    bool extra;       /* not in a modem that has +CSIM only */
    AtHandler handle;
} commands[] = {
    {"+CGMI", AT_EXECUTE, NULL, false, false, akma_soft_at_cgmi},
    {"+CGMM", AT_EXECUTE, NULL, false, false, akma_soft_at_cgmm},
    {"+CGMR", AT_EXECUTE, NULL, false, false, akma_soft_at_cgmr},
    {"+CGSN", AT_EXECUTE, NULL, false, false, akma_soft_at_cgsn},
    {"+GMI", AT_EXECUTE, NULL, false, false, akma_soft_at_cgmi},
    {"+GMM", AT_EXECUTE, NULL, false, false, akma_soft_at_cgmm},
    {"+GMR", AT_EXECUTE, NULL, false, false, akma_soft_at_cgmr},
    {"+GSN", AT_EXECUTE, NULL, false, false, akma_soft_at_cgsn},
    {"+CMEE", AT_READ | AT_SET, "(0-2)", false, false, akma_soft_at_cmee},
    {"+CFUN", AT_READ | AT_SET, "(0,1,4),(0)", false, false, akma_soft_at_cfun},
    {"+COPS", AT_READ, NULL, false, false, akma_soft_at_cops},
    {"+CREG", AT_READ | AT_SET, "(0-2)", false, false, akma_soft_at_creg},
    {"+CEREG", AT_READ | AT_SET, "(0-2)", false, false, akma_soft_at_creg},
    {"+C5GREG", AT_READ | AT_SET, "(0-2)", false, false, akma_soft_at_creg},
    {"+CPIN", AT_READ | AT_SET, NULL, true, false, akma_soft_at_cpin},
    {"+CIMI", AT_EXECUTE, NULL, true, false, akma_soft_at_cimi},
    {"+CCID", AT_EXECUTE | AT_READ, NULL, true, false, akma_soft_at_ccid},
    {"+ICCID", AT_EXECUTE | AT_READ, NULL, true, false, akma_soft_at_ccid},
    {"+CRSM", AT_SET, NULL, true, true, akma_soft_at_crsm},
    {"+CUAD", AT_EXECUTE, NULL, true, true, akma_soft_at_cuad},
    {"+CCHO", AT_SET, NULL, true, true, akma_soft_at_ccho},
    {"+CGLA", AT_SET, NULL, true, true, akma_soft_at_cgla},
    {"+CCHC", AT_SET, NULL, true, true, akma_soft_at_cchc},
    {"+CSIM", AT_SET, NULL, true, false, akma_soft_at_csim},
};

static const struct {
    int code;
    const char *text;
} cme_texts[] = {
    {CME_NOT_ALLOWED, "operation not allowed"},
    {CME_NOT_SUPPORTED, "operation not supported"},
    {CME_NO_SIM, "SIM not inserted"},
    {CME_PIN, "SIM PIN required"},
    {CME_PUK, "SIM PUK required"},
    {CME_SIM_FAILURE, "SIM failure"},
    {CME_SIM_BUSY, "SIM busy"},
    {CME_PASSWORD, "incorrect password"},
    {CME_MEMORY_FULL, "memory full"},
    {CME_INDEX, "invalid index"},
    {CME_NOT_FOUND, "not found"},
    {CME_PARAMETERS, "incorrect parameters"},
    {CME_TEMPORARILY_NOT_ALLOWED, "operation temporarily not allowed"},
};

static void
append(AkmaSoftAt *self, const char *text, size_t len)
{
    if (len > sizeof self->answer - self->answer_len) {
        self->answer_full = true;
        return;
    }
    memcpy(self->answer + self->answer_len, text, len);
    self->answer_len += len;
}

/* "+NAME: x" without the space where the dialect has none */
static void
append_line(AkmaSoftAt *self, const char *text, size_t len)
{
    const char *gap = text[0] == '+' ? memchr(text, ':', len) : NULL;

    if (!self->terse)
        append(self, "\r\n", 2);
    if (self->dialect->no_space && gap && gap + 1 < text + len && gap[1] == ' ') {
        append(self, text, (size_t)(gap + 1 - text));
        append(self, gap + 2, (size_t)(text + len - (gap + 2)));
    } else {
        append(self, text, len);
    }
    append(self, "\r\n", 2);
}

void
akma_soft_at_info(AkmaSoftAt *self, const char *format, ...)
{
    char text[AKMA_SOFT_AT_ANSWER_MAX / 2];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);

    g_return_if_fail(len >= 0 && (size_t)len < sizeof text);
    append_line(self, text, (size_t)len);
}

void
akma_soft_at_info_hex(
    AkmaSoftAt *self, const char *head, const uint8_t *bytes, size_t len, const uint8_t *tail)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[AKMA_SOFT_AT_ANSWER_MAX / 2];
    size_t n = g_strlcpy(text, head, sizeof text);
    const size_t total = len + (tail ? 2 : 0);

    g_return_if_fail(n + AKMA_HEX_LEN(total) + 2 <= sizeof text);

    text[n++] = '"';
    for (size_t i = 0; i < total; i++) {
        uint8_t byte = i < len ? bytes[i] : tail[i - len];

        text[n++] = digits[byte >> 4];
        text[n++] = digits[byte & 0x0f];
    }
    text[n++] = '"';
    append_line(self, text, n);
    OPENSSL_cleanse(text, sizeof text);
}

static void
append_final(AkmaSoftAt *self, int result)
{
    const char *text = "100";
    char line[64];

    self->final_at = self->answer_len;
    if (self->answer_full) {
        self->answer_len = self->final_at = 0;
        self->answer_full = false;
        result = AT_ERROR;
    }
    if (result > 0 && self->cmee > 0) {
        for (size_t i = 0; i < G_N_ELEMENTS(cme_texts); i++) {
            if (cme_texts[i].code == result)
                text = cme_texts[i].text;
        }
        if (self->cmee == 1 || text[0] == '1')
            g_snprintf(line, sizeof line, "+CME ERROR: %d", result);
        else
            g_snprintf(line, sizeof line, "+CME ERROR: %s", text);
        append_line(self, line, strlen(line));
        return;
    }

    if (self->terse)
        append(self, result == AT_OK ? "0\r" : "4\r", 2);
    else
        append_line(self, result == AT_OK ? "OK" : "ERROR", result == AT_OK ? 2 : 5);
}

/* Cuts @text at commas outside quotes and takes the quotes off; false: a quote has no end. */
static bool
split_args(char *text, AtCommand *command)
{
    bool quoted = false;
    char *to = text;

    command->args[0] = text;
    command->n_args = 1;
    for (const char *from = text; *from; from++) {
        if (*from == '"') {
            quoted = !quoted;
        } else if (*from == ',' && !quoted) {
            if (command->n_args == AKMA_SOFT_AT_ARGS_MAX)
                return false;
            *to++ = '\0';
            command->args[command->n_args++] = to;
        } else if (*from != ' ' || quoted) {
            *to++ = *from;
        }
    }
    *to = '\0';

    return !quoted;
}

/* What stands between the card and the command: 0 = nothing. */
static int
check_card(AkmaSoftAt *self)
{
    self->fault = akma_soft_modem_begin(self->modem);
    if (self->fault.kind == AKMA_SOFT_FAULT_CME)
        return (int)self->fault.value;
    if (!akma_soft_modem_get_card(self->modem))
        return CME_NO_SIM;
    if (self->busy > 0)
        return self->busy-- % 2 ? CME_SIM_BUSY : CME_TEMPORARILY_NOT_ALLOWED;

    return AT_OK;
}

static int
run_extended(AkmaSoftAt *self, AtCommand *command, char *args)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        int result = AT_OK;

        if (g_ascii_strcasecmp(commands[i].name, command->name) != 0)
            continue;
        if ((commands[i].extra && self->dialect->csim_only) ||
            (commands[i].handle == akma_soft_at_cchc && self->dialect->no_cchc))
            return AT_ERROR;
        if (command->form == AT_TEST) {
            if (self->dialect->no_test)
                return AT_ERROR;
            if (commands[i].test)
                akma_soft_at_info(self, "%s: %s", commands[i].name, commands[i].test);
            return AT_OK;
        }
        if ((commands[i].forms & command->form) == 0 ||
            (command->form == AT_SET && !split_args(args, command)))
            return AT_ERROR;
        if (commands[i].card)
            result = check_card(self);
        command->name = commands[i].name;
        if (result == AT_OK)
            result = commands[i].handle(self, command);

        return self->fault.kind == AKMA_SOFT_FAULT_CME ? (int)self->fault.value : result;
    }

    return AT_ERROR;
}

/* "+NAME", "+NAME?", "+NAME=?", "+NAME=ARGS" up to ';' outside quotes; @text moves behind it. */
static int
parse_extended(AkmaSoftAt *self, char **text)
{
    AtCommand command = {.name = *text, .form = AT_EXECUTE};
    bool quoted = false;
    char *end = *text;
    char *args;

    for (; *end && (*end != ';' || quoted); end++)
        quoted ^= *end == '"';
    *text = *end ? end + 1 : end;
    *end = '\0';
    while (end > command.name && end[-1] == ' ')
        *--end = '\0';

    args = strpbrk((char *)command.name, "=?");
    if (args) {
        char mark = *args;

        *args++ = '\0';
        command.form = mark == '?' ? AT_READ : AT_SET;
        if (mark == '?' && *args)
            return AT_ERROR;
        if (mark == '=' && strcmp(args, "?") == 0)
            command.form = AT_TEST;
    }

    return run_extended(self, &command, args);
}

/* V.250 5.4.1: a letter, perhaps after '&', and a number; @text moves behind it. */
static int
parse_basic(AkmaSoftAt *self, char **text)
{
    bool ampersand = **text == '&';
    char letter = g_ascii_toupper((*text)[ampersand ? 1 : 0]);
    char *digits = *text + (ampersand ? 2 : 1);
    guint64 value;

    if (!g_ascii_isalpha(letter))
        return AT_ERROR;
    value = g_ascii_isdigit(*digits) ? g_ascii_strtoull(digits, text, 10) : 0;
    if (!g_ascii_isdigit(*digits))
        *text = digits;

    if (letter == 'I' && !ampersand && value == 0)
        return akma_soft_at_identify(self, NULL);
    if (value > 1)
        return AT_ERROR;
    switch (letter) {
    case 'E':
        self->no_echo = value == 0;
        return ampersand ? AT_ERROR : AT_OK;
    case 'V':
        self->terse = value == 0;
        return ampersand ? AT_ERROR : AT_OK;
    case 'F':
    case 'Z':
        self->no_echo = self->terse = false;
        self->cmee = 0;
        return ampersand == (letter == 'F') ? AT_OK : AT_ERROR;
    default:
        return AT_ERROR;
    }
}

void
akma_soft_at_run(AkmaSoftAt *self, char *body)
{
    int result = AT_OK;

    self->fault = (AkmaSoftFault){.kind = AKMA_SOFT_FAULT_NONE};
    self->answer_len = 0;
    while (result == AT_OK && *body) {
        if (*body == ' ' || *body == ';')
            body++;
        else if (*body == '+')
            result = parse_extended(self, &body);
        else
            result = parse_basic(self, &body);
    }
    append_final(self, result);
}

bool
akma_soft_at_get_uint(const AtCommand *command, unsigned i, unsigned most, unsigned *ret)
{
    guint64 value;

    if (i >= command->n_args ||
        !g_ascii_string_to_unsigned(command->args[i], 10, 0, most, &value, NULL))
        return false;
    *ret = (unsigned)value;

    return true;
}

bool
akma_soft_at_get_hex(
    const AtCommand *command, unsigned i, uint8_t *ret, size_t size, size_t *ret_len)
{
    size_t digits = i < command->n_args ? strlen(command->args[i]) : 1;

    if (digits % 2 != 0 || digits / 2 > size ||
        !akma_hex_decode(command->args[i], digits, ret, digits / 2))
        return false;
    *ret_len = digits / 2;

    return true;
}
