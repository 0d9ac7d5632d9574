/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/rights.h"

#include <fnmatch.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define GROUP        "group:"
#define WORD         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define NAME_MAX_LEN 64

void
akma_verdict_add(AkmaVerdict *self, AkmaRuleKind kind, bool allow)
{
    bool stronger = self->right == AKMA_RIGHT_NONE || kind < self->kind;

    if (!stronger && (kind > self->kind || allow))
        return;

    self->kind = kind;
    self->right = allow ? AKMA_RIGHT_ALLOWED : AKMA_RIGHT_DENIED;
}

bool
akma_consumer_name_is_valid(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= AKMA_CONSUMER_NAME_MAX && strspn(name, WORD "._-") == len;
}

bool
akma_terminal_id_is_valid(const char *id)
{
    const char *slash = strchr(id, '/');
    g_autofree char *consumer = slash ? g_strndup(id, (gsize)(slash - id)) : NULL;

    return slash ? akma_consumer_name_is_valid(consumer) && akma_pseudonym_is_valid(slash + 1)
                 : akma_pseudonym_is_valid(id);
}

bool
akma_pseudonym_is_valid(const char *id)
{
    uint8_t bytes[32];
    size_t len;

    return strlen(id) == AKMA_TERMINAL_ID_LEN &&
           akma_base64url_decode(id, AKMA_TERMINAL_ID_LEN, bytes, sizeof bytes, &len) &&
           len == sizeof bytes;
}

bool
akma_group_name_is_valid(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= NAME_MAX_LEN && strspn(name, WORD "._-") == len;
}

bool
akma_rule_parse(const char *pattern, AkmaRuleKind *ret_kind, const char **ret_text, GError **error)
{
    size_t len = strlen(pattern);
    const char *text = pattern;
    AkmaRuleKind kind;

    if (g_str_has_prefix(pattern, GROUP)) {
        text += strlen(GROUP);
        kind = AKMA_RULE_GROUP;
    } else {
        kind = akma_terminal_id_is_valid(pattern) ? AKMA_RULE_TERMINAL : AKMA_RULE_GLOB;
    }

    /* a word without a wildcard that is no terminal id can match nothing: a slip of the pen */
    if (kind == AKMA_RULE_GROUP
            ? !akma_group_name_is_valid(text)
            : len == 0 || len > AKMA_PATTERN_MAX || strspn(text, WORD "._-/*?[]!") != len ||
                  (kind == AKMA_RULE_GLOB && !strpbrk(text, "*?["))) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "\"%s\" is neither a terminal id, nor a glob over one, nor group:NAME",
                    pattern);
        return false;
    }

    *ret_kind = kind;
    *ret_text = text;

    return true;
}

bool
akma_rule_glob_matches(const char *glob, const char *terminal)
{
    return fnmatch(glob, terminal, FNM_NOESCAPE) == 0;
}
