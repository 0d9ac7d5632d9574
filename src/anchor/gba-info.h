/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * gba-info: what the BSF answers at the end of a bootstrapping: B-TID and lifetime in XML (TS
 * 24.109 Annex C). Pure; strict about the XML itself: no DTD, no entities, no processing
 * instructions, no CDATA, at most AKMA_GBA_INFO_MAX bytes and 8 levels.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_GBA_INFO_MAX      (16 * 1024)
#define AKMA_GBA_LIFETIME_SIZE 40

typedef struct {
    char b_tid[256];                            /* 3 to 253 characters with one '@' */
    char lifetime_text[AKMA_GBA_LIFETIME_SIZE]; /* as it came */
    int64_t lifetime;                           /* Unix time of the BSF */
    int64_t current_time;                       /* of the BSF at the answer; 0: it does not say */
} AkmaGbaInfo;

/* @ret is untouched on failure. Errors: AKMA_ERROR_SERVER_REFUSED; its text quotes nothing. */
bool akma_gba_info_parse(const uint8_t *xml, size_t len, AkmaGbaInfo *ret, GError **error);

/* xs:dateTime in UTC, "2030-01-31T23:59:59[.9]Z" -> Unix time. */
bool akma_gba_parse_time(const char *text, int64_t *ret);

/*
 * Seconds that the key is good for, by the clock of the BSF where it told it, else by @now.
 * 0: none.
 */
int64_t akma_gba_info_get_left_s(const AkmaGbaInfo *self, int64_t now);

G_END_DECLS
