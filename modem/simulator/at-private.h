/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-private: what the commands of the AT face share. */
#pragma once

#include "modem/simulator/at.h"

G_BEGIN_DECLS

#define AKMA_SOFT_AT_ARGS_MAX   8
#define AKMA_SOFT_AT_ANSWER_MAX 4096

/* What a command ends with: _OK, _ERROR, or a code of TS 27.007 9.2. */
enum {
    AT_ERROR = -1,
    AT_OK = 0,
    CME_NOT_ALLOWED = 3,
    CME_NOT_SUPPORTED = 4,
    CME_NO_SIM = 10,
    CME_PIN = 11,
    CME_PUK = 12,
    CME_SIM_FAILURE = 13,
    CME_SIM_BUSY = 14,
    CME_PASSWORD = 16,
    CME_MEMORY_FULL = 20,
    CME_INDEX = 21,
    CME_NOT_FOUND = 22,
    CME_PARAMETERS = 50,
    CME_TEMPORARILY_NOT_ALLOWED = 256,
};

typedef enum {
    AT_EXECUTE = 1, /* AT+X */
    AT_READ = 2,    /* AT+X? */
    AT_TEST = 4,    /* AT+X=? */
    AT_SET = 8,     /* AT+X=... */
} AtForm;

typedef enum {
    AT_CREG,
    AT_CEREG,
    AT_C5GREG,
    AT_REGISTRATIONS,
} AtRegistration;

typedef struct {
    const char *name;
    AtForm form;
    const char *args[AKMA_SOFT_AT_ARGS_MAX]; /* without quotes; NULL: not given */
    unsigned n_args;
} AtCommand;

struct _AkmaSoftAt {
    AkmaSoftModem *modem;
    const AkmaSoftDialect *dialect;
    AkmaSoftPeer peer;
    void *user_data;
    bool no_echo;
    bool terse; /* ATV0 */
    unsigned cmee;
    unsigned report[AT_REGISTRATIONS];
    unsigned busy; /* refusals left */
    char line[AKMA_SOFT_AT_LINE_MAX + 1];
    size_t line_len;
    bool overlong;
    char answer[AKMA_SOFT_AT_ANSWER_MAX];
    size_t answer_len;
    bool answer_full;
    size_t final_at; /* where the final result begins */
    AkmaSoftFault fault;
    guint delay;
};

typedef int (*AtHandler)(AkmaSoftAt *self, const AtCommand *command);

/* Adds an information line to the answer. "+NAME: " is followed by no space where the dialect
 * has none. */
void akma_soft_at_info(AkmaSoftAt *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* "+NAME: <head>"<hex>"": bytes as hex digits in quotes. */
void akma_soft_at_info_hex(
    AkmaSoftAt *self, const char *head, const uint8_t *bytes, size_t len, const uint8_t *tail);

/* Runs one command line without "AT" and its end; leaves the whole answer in @self. */
void akma_soft_at_run(AkmaSoftAt *self, char *body);

/* Argument @i as a number up to @most, or as bytes; false: missing or not that. */
bool akma_soft_at_get_uint(const AtCommand *command, unsigned i, unsigned most, unsigned *ret);
bool akma_soft_at_get_hex(
    const AtCommand *command, unsigned i, uint8_t *ret, size_t size, size_t *ret_len);

/* One command to the card. @resolve: fetch what 61xx and 6Cxx announce. False: no card. */
bool akma_soft_at_exchange(AkmaSoftAt *self,
                           bool own,
                           bool resolve,
                           const uint8_t *apdu,
                           size_t len,
                           AkmaSoftResponse *ret);

/* "+C5GREG: <stat>" unasked, for those that were switched on. */
void akma_soft_at_report_registration(AkmaSoftAt *self);

/* The commands, by file. */
int akma_soft_at_cgmi(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_cgmm(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_cgmr(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_cgsn(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_identify(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_cmee(AkmaSoftAt *self, const AtCommand *command);

int akma_soft_at_cfun(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_cops(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_creg(AkmaSoftAt *self, const AtCommand *command);

int akma_soft_at_cpin(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_cimi(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_ccid(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_crsm(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_cuad(AkmaSoftAt *self, const AtCommand *command);

int akma_soft_at_ccho(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_cgla(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_cchc(AkmaSoftAt *self, const AtCommand *command);
int akma_soft_at_csim(AkmaSoftAt *self, const AtCommand *command);

G_END_DECLS
