/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/json.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "base/wiping.h"
#include "proto/key-set.h"

#define DUMP_FLAGS JSON_COMPACT
#define DUMP_ROOM  1024 /* most messages fit */

/* jansson recurses for each level and allows 2048: look before it does. */
static bool
is_shallow(const char *text, size_t len)
{
    unsigned depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < len; i++) {
        if (quoted) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                quoted = false;
            continue;
        }
        if (text[i] == '"')
            quoted = true;
        else if ((text[i] == '{' || text[i] == '[') && ++depth > AKMA_JSON_DEPTH_MAX)
            return false;
        else if ((text[i] == '}' || text[i] == ']') && depth > 0)
            depth--;
    }

    return true;
}

/* No deeper than is_shallow() let through. */
static bool
has_real(json_t *value)
{
    const char *name;
    json_t *child;
    size_t i;

    if (json_is_object(value)) {
        json_object_foreach(value, name, child)
        {
            if (has_real(child))
                return true;
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, child)
        {
            if (has_real(child))
                return true;
        }
    }

    return json_is_real(value);
}

json_t *
akma_json_load(const void *bytes, size_t len, size_t max, AkmaRefusal *ret_refusal)
{
    json_auto_t *root = NULL;
    json_error_t why;

    if (len > max) {
        akma_refuse(ret_refusal, AKMA_CAUSE_TOO_LARGE, "the message is too long");
        return NULL;
    }
    if (len == 0 || !is_shallow(bytes, len)) {
        akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "JSON that is empty or nested too deeply");
        return NULL;
    }

    /* the text of @why quotes the message: it is not passed on */
    root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &why);
    OPENSSL_cleanse(&why, sizeof why);
    if (!root || !json_is_object(root)) {
        akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "not one JSON object");
        return NULL;
    }
    if (has_real(root)) {
        akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "a number is not an integer");
        return NULL;
    }

    return g_steal_pointer(&root);
}

bool
akma_json_get_text(const json_t *object, const char *name, size_t min, size_t max, const char **ret)
{
    const json_t *value = json_object_get(object, name);
    size_t len;

    if (!json_is_string(value))
        return false;
    len = json_string_length(value);
    if (len < min || len > max)
        return false;

    *ret = json_string_value(value);

    return true;
}

bool
akma_json_get_bytes(const json_t *object, const char *name, uint8_t *ret, size_t len)
{
    size_t text_len = AKMA_BASE64URL_LEN(len);
    const char *text;
    size_t got;

    return akma_json_get_text(object, name, text_len, text_len, &text) &&
           akma_base64url_decode(text, text_len, ret, len, &got) && got == len;
}

bool
akma_json_get_int(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *ret)
{
    const json_t *value = json_object_get(object, name);
    json_int_t number;

    if (!json_is_integer(value))
        return false;
    number = json_integer_value(value);
    if (number < min || number > max)
        return false;

    *ret = number;

    return true;
}

bool
akma_json_get_key_ids(const json_t *object, const char *name, size_t min, size_t max, GStrv *ret)
{
    const json_t *array = json_object_get(object, name);
    size_t n = json_array_size(array);
    g_auto(GStrv) ids = NULL;

    if (!json_is_array(array) || n < min || n > max)
        return false;

    ids = g_new0(char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(json_array_get(array, i));

        if (!id || !akma_key_id_is_valid(id) || g_strv_contains((const char *const *)ids, id))
            return false;
        ids[i] = g_strdup(id);
    }

    *ret = g_steal_pointer(&ids);

    return true;
}

json_t *
akma_json_from_strv(const char *const *strv)
{
    json_auto_t *array = json_array();

    for (size_t i = 0; array && strv && strv[i]; i++) {
        if (json_array_append_new(array, json_string(strv[i])) < 0)
            return NULL;
    }

    return g_steal_pointer(&array);
}

bool
akma_text_is_graphic(const char *text)
{
    for (; *text; text++) {
        if (!g_ascii_isgraph(*text))
            return false;
    }

    return true;
}

/* Only what does not fit is written twice: to learn its length is all of the work. */
GBytes *
akma_json_dump(const json_t *root)
{
    char room[DUMP_ROOM];
    size_t len = json_dumpb(root, room, sizeof room, DUMP_FLAGS);
    char *text = len > 0 ? akma_wiping_malloc(len) : NULL;

    if (text && len <= sizeof room)
        memcpy(text, room, len);
    else if (text)
        json_dumpb(root, text, len, DUMP_FLAGS);
    OPENSSL_cleanse(room, MIN(len, sizeof room));

    return text ? g_bytes_new_with_free_func(text, len, akma_wiping_free, text) : NULL;
}

AkmaSecret *
akma_json_dump_secret(const json_t *root, GError **error)
{
    char room[DUMP_ROOM];
    size_t len = json_dumpb(root, room, sizeof room, DUMP_FLAGS);
    AkmaSecret *secret = NULL;
    uint8_t *text;

    if (len == 0 || len > AKMA_SECRET_LEN_MAX)
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "a message of %zu bytes", len);
    else
        secret = akma_secret_new_blank(len, &text, error);
    if (secret && len <= sizeof room)
        memcpy(text, room, len);
    else if (secret)
        json_dumpb(root, (char *)text, len, DUMP_FLAGS);
    OPENSSL_cleanse(room, MIN(len, sizeof room));

    return secret;
}
