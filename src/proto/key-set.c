/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/key-set.h"

#include <string.h>

#include "base/error.h"
#include "proto/json.h"
#include "proto/jwk.h"

static void
key_error_free(void *data)
{
    AkmaKeyError *self = data;

    g_free(self->key_id);
    g_free(self);
}

static void
key_free(void *data)
{
    akma_key_free(data);
}

AkmaKeySet *
akma_key_set_new(int64_t now)
{
    AkmaKeySet *self = g_new0(AkmaKeySet, 1);

    self->now = now;
    self->keys = g_ptr_array_new_with_free_func(key_free);
    self->errors = g_ptr_array_new_with_free_func(key_error_free);

    return self;
}

void
akma_key_set_ask_again(AkmaKeySet *self, unsigned seconds)
{
    if (seconds > 0 && (self->ask_again_s == 0 || seconds < self->ask_again_s))
        self->ask_again_s = seconds;
}

void
akma_key_set_add_error(AkmaKeySet *self, const char *key_id, AkmaCause cause)
{
    AkmaKeyError *row = g_new0(AkmaKeyError, 1);

    row->key_id = g_strdup(key_id);
    row->cause = cause;
    g_ptr_array_add(self->errors, row);
}

void
akma_key_set_free(AkmaKeySet *self)
{
    if (!self)
        return;

    g_ptr_array_unref(self->keys);
    g_ptr_array_unref(self->errors);
    g_free(self);
}

static bool
is_key_cause(AkmaCause cause)
{
    return cause >= AKMA_CAUSE_NOT_ENTITLED && cause <= AKMA_CAUSE_UPSTREAM_UNAVAILABLE;
}

/* How often @key_id stands in @self. */
static unsigned
count(const AkmaKeySet *self, const char *key_id)
{
    unsigned n = 0;

    for (guint i = 0; i < self->keys->len; i++) {
        const AkmaKey *key = g_ptr_array_index(self->keys, i);

        n += strcmp(key->key_id, key_id) == 0;
    }
    for (guint i = 0; i < self->errors->len; i++) {
        const AkmaKeyError *row = g_ptr_array_index(self->errors, i);

        n += strcmp(row->key_id, key_id) == 0;
    }

    return n;
}

bool
akma_key_set_answers(const AkmaKeySet *self, const char *const *asked)
{
    size_t n = 0;

    for (; asked[n]; n++) {
        if (count(self, asked[n]) != 1)
            return false;
    }

    return n == (size_t)self->keys->len + self->errors->len;
}

static json_t *
error_to_json(const AkmaKeyError *row)
{
    return json_pack("{s:s, s:s}", "key_id", row->key_id, "cause", akma_cause_get_name(row->cause));
}

AkmaSecret *
akma_key_set_to_json(const AkmaKeySet *self, GError **error)
{
    json_t *ask_again = self->ask_again_s > 0 ? json_integer(self->ask_again_s) : NULL;
    json_auto_t *root = json_pack("{s:I, s:o*, s:[], s:[]}",
                                  "now",
                                  (json_int_t)self->now,
                                  "ask_again",
                                  ask_again,
                                  "keys",
                                  "errors");
    json_t *keys = json_object_get(root, "keys");
    json_t *errors = json_object_get(root, "errors");

    if (!root || (self->ask_again_s > 0 && !ask_again)) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "out of memory");
        return NULL;
    }

    for (guint i = 0; i < self->keys->len; i++) {
        json_t *jwk = akma_jwk_to_json(g_ptr_array_index(self->keys, i));

        if (!jwk || json_array_append_new(keys, jwk) < 0) {
            g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "a key is not well formed");
            return NULL;
        }
    }
    for (guint i = 0; i < self->errors->len; i++) {
        json_t *row = error_to_json(g_ptr_array_index(self->errors, i));

        if (!row || json_array_append_new(errors, row) < 0) {
            g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "out of memory");
            return NULL;
        }
    }

    return akma_json_dump_secret(root, error);
}

static bool
add_keys(AkmaKeySet *self, const json_t *array, AkmaRefusal *ret_refusal)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        AkmaKey *key = akma_jwk_from_json(json_array_get(array, i), self->now, ret_refusal);

        if (!key)
            return false;
        g_ptr_array_add(self->keys, key);
    }

    return true;
}

static bool
add_errors(AkmaKeySet *self, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *row = json_array_get(array, i);
        const char *key_id;
        const char *name;
        AkmaCause cause;

        if (!akma_json_get_text(row, "key_id", 1, AKMA_KEY_ID_MAX, &key_id) ||
            !akma_key_id_is_valid(key_id) || !akma_json_get_text(row, "cause", 1, 64, &name))
            return false;
        cause = akma_cause_from_name(name);
        if (!is_key_cause(cause))
            return false;
        akma_key_set_add_error(self, key_id, cause);
    }

    return true;
}

/* Also without a list of what was asked for, an identifier has one answer. */
static bool
has_no_twins(const AkmaKeySet *self)
{
    for (guint i = 0; i < self->keys->len; i++) {
        const AkmaKey *key = g_ptr_array_index(self->keys, i);

        if (count(self, key->key_id) != 1)
            return false;
    }
    for (guint i = 0; i < self->errors->len; i++) {
        const AkmaKeyError *row = g_ptr_array_index(self->errors, i);

        if (count(self, row->key_id) != 1)
            return false;
    }

    return true;
}

static bool
fill(AkmaKeySet *self, const json_t *root, const char *const *asked, AkmaRefusal *ret_refusal)
{
    const json_t *keys = json_object_get(root, "keys");
    const json_t *errors = json_object_get(root, "errors");
    int64_t ask_again = 0;

    if (!akma_json_get_int(root, "now", 0, AKMA_JSON_TIME_MAX, &self->now))
        return akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "now is not a time");
    if (json_object_get(root, "ask_again") &&
        !akma_json_get_int(
            root, "ask_again", AKMA_ASK_AGAIN_MIN_S, AKMA_ASK_AGAIN_MAX_S, &ask_again))
        return akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "ask_again is not 60 to 604800");
    self->ask_again_s = (unsigned)ask_again;
    if (!json_is_array(keys) || (errors && !json_is_array(errors)) ||
        json_array_size(keys) + json_array_size(errors) > AKMA_KEY_IDS_MAX)
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_MALFORMED, "keys and errors are not arrays of at most 16");
    if (!add_keys(self, keys, ret_refusal))
        return false;
    if (!add_errors(self, errors))
        return akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "errors are not what they should be");
    if (asked ? !akma_key_set_answers(self, asked) : !has_no_twins(self))
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_MALFORMED, "the answer does not match what was asked for");

    return true;
}

/* Room that ran out is our own fault, the rest that of the server. */
static void
set_error(GError **error, const AkmaRefusal *refusal)
{
    bool full = refusal->cause == AKMA_CAUSE_STORE_UNAVAILABLE;

    g_set_error_literal(
        error, AKMA_ERROR, full ? AKMA_ERROR_INTERNAL : AKMA_ERROR_SERVER_REFUSED, refusal->detail);
}

AkmaKeySet *
akma_key_set_from_json(const uint8_t *json, size_t len, const char *const *asked, GError **error)
{
    AkmaRefusal refusal = {0};
    json_auto_t *root = akma_json_load(json, len, AKMA_RESPONSE_MAX, &refusal);
    g_autoptr(AkmaKeySet) self = akma_key_set_new(0);

    if (root && fill(self, root, asked, &refusal))
        return g_steal_pointer(&self);
    set_error(error, &refusal);

    return NULL;
}

AkmaKey *
akma_key_from_jwk(const uint8_t *json, size_t len, const char *key_id, int64_t now, GError **error)
{
    AkmaRefusal refusal = {0};
    json_auto_t *root = akma_json_load(json, len, AKMA_RESPONSE_MAX, &refusal);
    g_autoptr(AkmaKey) key = root ? akma_jwk_from_json(root, now, &refusal) : NULL;

    if (key && g_str_equal(key->key_id, key_id))
        return g_steal_pointer(&key);
    if (key)
        akma_refuse(&refusal, AKMA_CAUSE_MALFORMED, "the answer is not the key that was asked for");
    set_error(error, &refusal);

    return NULL;
}
