/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fault: what goes wrong on purpose, and when. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef enum {
    AKMA_SOFT_FAULT_NONE,
    AKMA_SOFT_FAULT_SW,       /* the card answers with a status word alone */
    AKMA_SOFT_FAULT_DROP,     /* no answer at all */
    AKMA_SOFT_FAULT_GARBLE,   /* the answer has bytes that were never sent */
    AKMA_SOFT_FAULT_TRUNCATE, /* the answer stops in the middle */
    AKMA_SOFT_FAULT_CLOSE,    /* the port hangs up instead of an answer, and comes back */
    AKMA_SOFT_FAULT_CME,      /* the modem answers +CME ERROR */
} AkmaSoftFaultKind;

typedef struct {
    AkmaSoftFaultKind kind;
    unsigned value; /* status word or CME code */
    int ins;        /* only commands to the card with this instruction; -1: any */
    unsigned after; /* commands that still go well */
    unsigned times; /* commands that still go wrong */
} AkmaSoftFault;

/* "sw HEX", "drop", "cme CODE", then [ins=HEX] [after=N] [times=N]. */
bool akma_soft_fault_parse(const char *text, AkmaSoftFault *ret);

/* The faults that wait, oldest first. */
typedef struct {
    GArray *waiting;
} AkmaSoftFaults;

void akma_soft_faults_init(AkmaSoftFaults *self);
void akma_soft_faults_clear(AkmaSoftFaults *self);
void akma_soft_faults_reset(AkmaSoftFaults *self);
/* False: too many wait already. */
bool akma_soft_faults_add(AkmaSoftFaults *self, const AkmaSoftFault *fault);

/*
 * Counts a command; _KIND_NONE if it goes well. akma_soft_faults_take_apdu(): a command to the
 * card, whose faults name an instruction or a status word. akma_soft_faults_take_line(): a
 * command of a face that needs the card; all other faults.
 */
AkmaSoftFault akma_soft_faults_take_apdu(AkmaSoftFaults *self, uint8_t ins);
AkmaSoftFault akma_soft_faults_take_line(AkmaSoftFaults *self);

G_END_DECLS
