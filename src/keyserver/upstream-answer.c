/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/upstream-answer.h"

#include <string.h>

#include "base/error.h"
#include "proto/json.h"

#define VERSION_MAX INT64_C(999999999999999) /* 15 digits */
#define SAME_TIME_S 2                        /* clocks so near are the same */

AkmaKeySet *
akma_upstream_parse(const uint8_t *body, size_t len, const char *const *asked, AkmaCause *ret_cause)
{
    g_autoptr(GError) error = NULL;
    AkmaKeySet *set = akma_key_set_from_json(body, len, asked, &error);

    if (!set)
        *ret_cause = error->code == AKMA_ERROR_SERVER_REFUSED ? AKMA_CAUSE_UPSTREAM_REFUSED
                                                              : AKMA_CAUSE_UPSTREAM_UNAVAILABLE;

    return set;
}

/* The parser has made sure that there is one. */
static int64_t
get_version(const char *kid)
{
    return g_ascii_strtoll(strrchr(kid, ':') + 1, NULL, 10);
}

static void
set_kid(char **kid, const AkmaKsUpstream *wanted)
{
    int64_t version = wanted->base + get_version(*kid);

    g_free(*kid);
    *kid = g_strdup_printf("%s:%" G_GINT64_FORMAT, wanted->application, version);
}

/* All that a terminal hears in one answer is in one time: ours. */
static void
shift_times(AkmaKey *key, int64_t by, int64_t now)
{
    if (ABS(by) <= SAME_TIME_S)
        by = 0;

    key->iat = CLAMP(key->iat + by, 0, AKMA_JSON_TIME_MAX);
    if (key->exp > 0)
        key->exp += by;
    key->previous_exp += by;
    if (key->previous_kid && key->previous_exp <= now)
        g_clear_pointer(&key->previous_kid, g_free);
    if (!key->previous_kid)
        key->previous_exp = 0;
}

static int64_t
add_key(AkmaKeySet *set, const AkmaKsUpstream *wanted, const AkmaKey *from, int64_t their_now)
{
    g_autoptr(AkmaKey) key = akma_key_copy(from);
    int64_t version = wanted->base + get_version(key->kid);

    shift_times(key, set->now - their_now, set->now);
    if (version > VERSION_MAX ||
        (key->previous_kid && wanted->base + get_version(key->previous_kid) > VERSION_MAX) ||
        (key->exp != 0 && (key->exp <= set->now || key->exp > AKMA_JSON_TIME_MAX)) ||
        key->previous_exp > AKMA_JSON_TIME_MAX) {
        akma_key_set_add_error(set, wanted->application, AKMA_CAUSE_UPSTREAM_REFUSED);
        return 0;
    }

    g_free(key->key_id);
    key->key_id = g_strdup(wanted->application);
    set_kid(&key->kid, wanted);
    if (key->previous_kid)
        set_kid(&key->previous_kid, wanted);
    g_ptr_array_add(set->keys, g_steal_pointer(&key));

    return version;
}

static AkmaCause
translate(AkmaCause cause)
{
    if (cause == AKMA_CAUSE_REVOKED || cause == AKMA_CAUSE_UPSTREAM_UNAVAILABLE)
        return cause;

    return AKMA_CAUSE_UPSTREAM_REFUSED;
}

/* Whoever wants to hear from the terminal soonest decides. */
int64_t
akma_upstream_add(AkmaKeySet *set, const AkmaKsUpstream *wanted, const AkmaKeySet *answer)
{
    AkmaCause cause = AKMA_CAUSE_UPSTREAM_REFUSED;

    akma_key_set_ask_again(set, answer->ask_again_s);
    for (guint i = 0; i < answer->keys->len; i++) {
        const AkmaKey *key = answer->keys->pdata[i];

        if (strcmp(key->key_id, wanted->upstream_id) == 0)
            return add_key(set, wanted, key, answer->now);
    }
    for (guint i = 0; i < answer->errors->len; i++) {
        const AkmaKeyError *error = answer->errors->pdata[i];

        if (strcmp(error->key_id, wanted->upstream_id) == 0)
            cause = translate(error->cause);
    }
    akma_key_set_add_error(set, wanted->application, cause);

    return 0;
}
