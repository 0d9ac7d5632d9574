/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * parser: bytes of an AT port in, lines out. Pure, over a buffer of the caller's: what it held is
 * overwritten as soon as it is used, since an answer of the card may hold a key.
 *
 * CR and LF in any mixture end a line; empty lines, NULs and blanks around a line are dropped. A
 * line that outgrows the buffer is thrown away and reported once.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

typedef enum {
    AKMA_AT_TEXT,     /* information, unsolicited, echo: who asked must tell */
    AKMA_AT_OK,       /* final */
    AKMA_AT_ERROR,    /* final; @code of +CME ERROR, or AKMA_AT_NO_CODE */
    AKMA_AT_OVERLONG, /* a line was thrown away */
} AkmaAtLineType;

#define AKMA_AT_NO_CODE (-1)

/* TS 27.007 9.2: what we act on. */
#define AKMA_CME_NOT_ALLOWED   3
#define AKMA_CME_NOT_SUPPORTED 4
#define AKMA_CME_SIM_ABSENT    10
#define AKMA_CME_PIN_REQUIRED  11
#define AKMA_CME_PUK_REQUIRED  12
#define AKMA_CME_SIM_FAILURE   13
#define AKMA_CME_SIM_BUSY      14
#define AKMA_CME_PASSWORD      16
#define AKMA_CME_NOT_FOUND     22
#define AKMA_CME_UNKNOWN       100

typedef struct {
    AkmaAtLineType type;
    const char *text; /* with final NUL; valid until the next call */
    size_t len;
    int code;
} AkmaAtLine;

typedef struct {
    char *buffer;
    size_t size;
    size_t start; /* of the line that is out or comes */
    size_t next;  /* behind the line that is out */
    size_t end;
    bool is_dropping; /* the rest of an overlong line */
} AkmaAtParser;

/* @buffer of @size bytes is borrowed. */
void akma_at_parser_init(AkmaAtParser *self, char *buffer, size_t size);

/* Where the next bytes go, at least one; akma_at_parser_next() must have said false. */
char *akma_at_parser_room(AkmaAtParser *self, size_t *ret_len);
void akma_at_parser_add(AkmaAtParser *self, size_t len);

/* The next line. False: none is complete; the line before is overwritten. */
bool akma_at_parser_next(AkmaAtParser *self, AkmaAtLine *ret);

/* Forgets everything. */
void akma_at_parser_clear(AkmaAtParser *self);

G_END_DECLS
