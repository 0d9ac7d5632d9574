/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * answer: what one request of the lab core gets back, and how a handler reads the members of
 * its body. The first thing that is wrong with a request decides its answer.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct {
    unsigned status;          /* 0: not decided yet */
    json_t *body;             /* NULL: none */
    char *text;               /* instead of @body; no secret */
    const char *content_type; /* of @body or @text */
    char *location;
    const char *allow;     /* 405: the method that there is */
    const char *challenge; /* WWW-Authenticate */
    char *digest;          /* the same, of HTTP Digest */
    char *proof;           /* Authentication-Info */
    const char *route;     /* the path as a pattern, for the log; NULL: no such path */
    char *who;             /* whom it was about, redacted, for the log; NULL: nobody */
} AkmaLabAnswer;

void akma_lab_answer_clear(AkmaLabAnswer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaLabAnswer, akma_lab_answer_clear)

/* 2xx; takes @body (NULL = none), which is application/json. */
void akma_lab_answer_set(AkmaLabAnswer *self, unsigned status, json_t *body);

/*
 * application/problem+json (RFC 9457 as TS 29.500 5.2.7 uses it). @detail may be NULL; it names
 * the thing that is wrong, never an identity or a key. Returns: NULL, so that a reader of a
 * member can end with it.
 */
void *akma_lab_problem(AkmaLabAnswer *self, unsigned status, const char *cause, const char *detail);

/* The string at @name. NULL: it is not there, or (then @answer has a problem) it is no string. */
const char *akma_lab_read_optional(const json_t *body, const char *name, AkmaLabAnswer *answer);
/* As above; not there is a problem too. */
const char *akma_lab_read_string(const json_t *body, const char *name, AkmaLabAnswer *answer);
/* Exactly @len octets in hex, either case. False: @answer has a problem. */
bool akma_lab_read_hex(
    const json_t *body, const char *name, void *ret, size_t len, AkmaLabAnswer *answer);
/* False where it is not there. @answer has a problem if it is no boolean. */
bool akma_lab_read_bool(const json_t *body, const char *name, AkmaLabAnswer *answer);

/* A JSON string of @len octets in hex, lower case. */
json_t *akma_lab_json_hex(const void *bytes, size_t len);

G_END_DECLS
