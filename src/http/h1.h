/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * h1: heads of HTTP/1.1 messages (RFC 9112), read strictly and written; pure. h1-conn.c makes a
 * server of it; whoever answers requests uses h2.h and does not see which version it was.
 *
 * What two programs could understand in two ways is refused: line ends other than CR LF, folded
 * lines, white space before a colon, a field twice, a length that is not one number, and every
 * Transfer-Encoding. Of the libraries, libhttp-parser takes most of these and is maintained no
 * more; libmicrohttpd brings a second TLS library and buffers that are not wiped.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

G_BEGIN_DECLS

#define AKMA_H1_FIELDS_MAX 64 /* of one head */

/* Borrowed from the head. Absent field: NULL. */
typedef struct {
    const char *method;
    const char *path; /* with query; "*" for OPTIONS alone */
    const char *authority;
    const char *content_type;
    const char *content_encoding;
    const char *authorization;
    const char *user_agent;
    uint64_t body_len; /* that follows; 0 without Content-Length */
    bool close;        /* the client sends no other request */
} AkmaH1Head;

typedef enum {
    AKMA_H1_PART,   /* so far it may become a head */
    AKMA_H1_WHOLE,  /* with its empty line */
    AKMA_H1_BROKEN, /* never, whatever comes */
} AkmaH1Scan;

/*
 * Looks for the end of a head in what came so far. @seen: how many bytes an earlier call had.
 * WHOLE: the head has @ret_len bytes, the body follows them.
 */
AkmaH1Scan akma_h1_scan(const char *bytes, size_t len, size_t seen, size_t *ret_len);

/*
 * Reads a head that akma_h1_scan() has found, and cuts it into strings. Returns 0, or the status
 * of the answer to what is no request for us: 400, 411, 417, 431, 505; @ret is not set then.
 */
unsigned akma_h1_parse(char *head, size_t len, AkmaH1Head *ret);

/* The lines of a head to send. A line end in @name or @value makes @writer bad. */
void akma_h1_put_status(AkmaWriter *writer, unsigned status);
void akma_h1_put_field(AkmaWriter *writer, const char *name, const char *value);
void akma_h1_put_date(AkmaWriter *writer, int64_t unix_s); /* RFC 9110 5.6.7 */
void akma_h1_put_end(AkmaWriter *writer);

G_END_DECLS
