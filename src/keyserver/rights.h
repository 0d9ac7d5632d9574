/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rights: which terminal may have the keys of which application; pure.
 *
 * A rule names one terminal, a group or a glob over the terminal id. The most specific kind that
 * matches decides; among rules of one kind a denial does. Nothing that matches: denied.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define AKMA_TERMINAL_ID_LEN   43 /* base64url of 32 bytes */
#define AKMA_CONSUMER_NAME_MAX 64
#define AKMA_PATTERN_MAX       128

typedef enum {
    AKMA_RULE_TERMINAL,
    AKMA_RULE_GROUP,
    AKMA_RULE_GLOB,
} AkmaRuleKind;

typedef enum {
    AKMA_RIGHT_NONE, /* no rule so far */
    AKMA_RIGHT_ALLOWED,
    AKMA_RIGHT_DENIED,
} AkmaRight;

/* The verdict while rules are added in any order; starts as { 0 }. */
typedef struct {
    AkmaRight right;
    AkmaRuleKind kind; /* of the rule that it comes from */
} AkmaVerdict;

void akma_verdict_add(AkmaVerdict *self, AkmaRuleKind kind, bool allow);

/*
 * "group:NAME", a terminal id, or a glob (* ? [...]). @ret_text: what to compare, borrowed from
 * @pattern. Errors: AKMA_ERROR_INVALID_ARGUMENT.
 */
bool akma_rule_parse(const char *pattern,
                     AkmaRuleKind *ret_kind,
                     const char **ret_text,
                     GError **error);
bool akma_rule_glob_matches(const char *glob, const char *terminal);

/* Of a subscriber, or "CONSUMER/ID": the terminal that a consumer knows by ID. */
bool akma_terminal_id_is_valid(const char *id);
/* ID alone: what a third server calls a terminal. */
bool akma_pseudonym_is_valid(const char *id);
bool akma_consumer_name_is_valid(const char *name);
bool akma_group_name_is_valid(const char *name);

G_END_DECLS
