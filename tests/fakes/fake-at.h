/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fake-at: the other end of an AT port, with a card behind it that answers from a table; speaks in
 * the manner that its members say, and fails when told to.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

typedef struct _FakeAt FakeAt;

typedef struct {
    bool echo;
    const char *eol;  /* around each line; "\r\n" */
    bool no_space;    /* +CGLA:4,"9000" */
    bool no_quotes;   /* +CGLA: 4,9000 */
    bool bare_ccho;   /* 1 instead of +CCHO: 1 */
    int session;      /* that +CCHO gives */
    bool no_cchc;     /* refused */
    bool no_ccho;     /* refused: only +CSIM works */
    bool no_channels; /* the card refuses MANAGE CHANNEL */
    const char *urc;  /* said before each line of an answer */
    unsigned busy;    /* that many card commands are refused with CME 14 first */
} FakeAtManner;

/* @ret_fd: the end for the code under test. */
FakeAt *fake_at_new(int *ret_fd);
void fake_at_free(FakeAt *self);

FakeAtManner *fake_at_manner(FakeAt *self);

/* @command without CR gets @answer as it is, final result included; NULL: nothing at all. */
void fake_at_set(FakeAt *self, const char *command, const char *answer);
void fake_at_unset(FakeAt *self, const char *command);
/* @apdu gets @answer, both in hex, class 00. */
void fake_at_set_apdu(FakeAt *self, const char *apdu, const char *answer);

/* The answers from now on come in two parts, the first of @first bytes; 0: whole. */
void fake_at_split(FakeAt *self, size_t first);
/* The next answer is kept, and said before the one to the command after. */
void fake_at_delay_next(FakeAt *self);
/* Says @text now. */
void fake_at_say(FakeAt *self, const char *text);
/* The cable is pulled. */
void fake_at_hang_up(FakeAt *self);

/* How many commands beginning with @prefix came. */
unsigned fake_at_count(FakeAt *self, const char *prefix);
int fake_at_count_open(FakeAt *self); /* channels */

G_END_DECLS
