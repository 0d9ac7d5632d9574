/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * answer: what stands in the lines that answer our AT commands (TS 27.007). Pure. Each takes one
 * line and says whether it was the one.
 */
#pragma once

#include "modem/apdu.h"
#include "modem/state.h"

G_BEGIN_DECLS

/* "+CCHO: 1", "+CCHO:1", "1". */
bool akma_at_parse_session(const char *line, int *ret_session);

/* "+CPIN: READY" and what else the card may be. */
bool akma_at_parse_sim_state(const char *line, AkmaSimState *ret);

/* '+CPINR: SIM PIN,3[,3]': tries of PIN 1 that are left. */
bool akma_at_parse_pin_tries(const char *line, int *ret);

/* @prefix "+CREG:": the answer "+CREG: 0,1[,...]", not the unsolicited "+CREG: 1[,"..."]". */
bool akma_at_parse_registration(const char *line, const char *prefix, AkmaRegistration *ret);

/* The better news of two: a modem may be registered in one system and not in another. */
AkmaRegistration akma_at_better_registration(AkmaRegistration a, AkmaRegistration b);

/*
 * The answer of the card: '+CGLA: 4,"9000"', with or without blanks and quotes; the length counts
 * digits (some modems: bytes). An unsolicited line may cut it in pieces: what follows is then a
 * line of digits.
 */
typedef struct {
    AkmaResponse *response; /* borrowed: where the bytes go */
    size_t announced;
    size_t digits;
    bool is_begun;
    bool is_closed; /* by its second quote */
    bool has_quote;
    bool is_bad;
} AkmaAtApdu;

/* True: the line belongs to it (it may be bad all the same). @prefix: "+CGLA:" or "+CSIM:". */
bool akma_at_apdu_take(AkmaAtApdu *self, const char *prefix, const char *line, size_t len);

/* All is there: splits the status word off. Errors: AKMA_ERROR_MODEM_FAILED. */
bool akma_at_apdu_finish(AkmaAtApdu *self, GError **error);

G_END_DECLS
