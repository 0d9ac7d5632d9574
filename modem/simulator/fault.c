/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/fault.h"

#include <string.h>

#define WAITING_MAX 64

static const struct {
    const char *word;
    AkmaSoftFaultKind kind;
    unsigned base; /* of the value that follows; 0 = none */
    unsigned most;
} kinds[] = {
    {"sw", AKMA_SOFT_FAULT_SW, 16, 0xffff},
    {"drop", AKMA_SOFT_FAULT_DROP, 0, 0},
    {"garble", AKMA_SOFT_FAULT_GARBLE, 0, 0},
    {"truncate", AKMA_SOFT_FAULT_TRUNCATE, 0, 0},
    {"close", AKMA_SOFT_FAULT_CLOSE, 0, 0},
    {"cme", AKMA_SOFT_FAULT_CME, 10, 65535},
};

static bool
parse_number(const char *text, unsigned base, unsigned most, unsigned *ret)
{
    guint64 value;

    if (!text || !g_ascii_string_to_unsigned(text, base, 0, most, &value, NULL))
        return false;
    *ret = (unsigned)value;

    return true;
}

static bool
parse_condition(const char *text, AkmaSoftFault *fault)
{
    unsigned ins;

    if (g_str_has_prefix(text, "ins=")) {
        if (!parse_number(text + strlen("ins="), 16, 0xff, &ins))
            return false;
        fault->ins = (int)ins;
        return true;
    }
    if (g_str_has_prefix(text, "after="))
        return parse_number(text + strlen("after="), 10, 1000000, &fault->after);
    if (g_str_has_prefix(text, "times="))
        return parse_number(text + strlen("times="), 10, 1000000, &fault->times) &&
               fault->times != 0;

    return false;
}

bool
akma_soft_fault_parse(const char *text, AkmaSoftFault *ret)
{
    g_auto(GStrv) words = g_strsplit(text, " ", 8);
    AkmaSoftFault fault = {.ins = -1, .times = 1};
    unsigned next = 1;

    for (size_t i = 0; words[0] && i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(words[0], kinds[i].word) != 0)
            continue;
        fault.kind = kinds[i].kind;
        if (kinds[i].base != 0 &&
            !parse_number(words[next++], kinds[i].base, kinds[i].most, &fault.value))
            return false;
    }
    if (fault.kind == AKMA_SOFT_FAULT_NONE)
        return false;
    for (; words[next]; next++) {
        if (!parse_condition(words[next], &fault))
            return false;
    }
    *ret = fault;

    return true;
}

void
akma_soft_faults_init(AkmaSoftFaults *self)
{
    self->waiting = g_array_new(FALSE, FALSE, sizeof(AkmaSoftFault));
}

void
akma_soft_faults_clear(AkmaSoftFaults *self)
{
    g_clear_pointer(&self->waiting, g_array_unref);
}

void
akma_soft_faults_reset(AkmaSoftFaults *self)
{
    g_array_set_size(self->waiting, 0);
}

bool
akma_soft_faults_add(AkmaSoftFaults *self, const AkmaSoftFault *fault)
{
    if (self->waiting->len >= WAITING_MAX)
        return false;
    g_array_append_val(self->waiting, *fault);

    return true;
}

static bool
concerns_apdu(const AkmaSoftFault *fault)
{
    return fault->ins >= 0 || fault->kind == AKMA_SOFT_FAULT_SW;
}

static AkmaSoftFault
take(AkmaSoftFaults *self, bool apdu, uint8_t ins)
{
    for (guint i = 0; i < self->waiting->len; i++) {
        AkmaSoftFault *fault = &g_array_index(self->waiting, AkmaSoftFault, i);
        AkmaSoftFault found = *fault;

        if (concerns_apdu(fault) != apdu || (fault->ins >= 0 && fault->ins != ins))
            continue;
        if (fault->after > 0) {
            fault->after--;
            continue;
        }
        if (--fault->times == 0)
            g_array_remove_index(self->waiting, i);
        return found;
    }

    return (AkmaSoftFault){.kind = AKMA_SOFT_FAULT_NONE};
}

AkmaSoftFault
akma_soft_faults_take_apdu(AkmaSoftFaults *self, uint8_t ins)
{
    return take(self, true, ins);
}

AkmaSoftFault
akma_soft_faults_take_line(AkmaSoftFaults *self)
{
    return take(self, false, 0);
}
