/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/answer.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"

#define HEX_OCTETS_MAX 32

void
akma_lab_answer_clear(AkmaLabAnswer *self)
{
    json_decref(self->body);
    g_free(self->text);
    g_free(self->location);
    g_free(self->digest);
    g_free(self->proof);
    g_free(self->who);
    *self = (AkmaLabAnswer){0};
}

void
akma_lab_answer_set(AkmaLabAnswer *self, unsigned status, json_t *body)
{
    self->status = status;
    self->body = body;
    self->content_type = body ? "application/json" : NULL;
}

static const char *
get_title(unsigned status)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

void *
akma_lab_problem(AkmaLabAnswer *self, unsigned status, const char *cause, const char *detail)
{
    json_decref(self->body);
    self->status = status;
    self->content_type = "application/problem+json";
    self->body = json_pack("{s:s, s:s, s:i, s:s, s:s*}",
                           "type",
                           "about:blank",
                           "title",
                           get_title(status),
                           "status",
                           (int)status,
                           "cause",
                           cause,
                           "detail",
                           detail);

    return NULL;
}

static void *
bad_member(AkmaLabAnswer *answer, const char *cause, const char *name, const char *fault)
{
    g_autofree char *detail = g_strdup_printf("%s: %s", name, fault);

    return akma_lab_problem(answer, 400, cause, detail);
}

const char *
akma_lab_read_optional(const json_t *body, const char *name, AkmaLabAnswer *answer)
{
    const json_t *value = json_object_get(body, name);

    if (!value)
        return NULL;
    if (!json_is_string(value) || !*json_string_value(value))
        return bad_member(answer, "OPTIONAL_IE_INCORRECT", name, "not a string with content");

    return json_string_value(value);
}

const char *
akma_lab_read_string(const json_t *body, const char *name, AkmaLabAnswer *answer)
{
    const json_t *value = json_object_get(body, name);

    if (!value)
        return bad_member(answer, "MANDATORY_IE_MISSING", name, "must be there");
    if (!json_is_string(value) || !*json_string_value(value))
        return bad_member(answer, "MANDATORY_IE_INCORRECT", name, "not a string with content");

    return json_string_value(value);
}

bool
akma_lab_read_hex(
    const json_t *body, const char *name, void *ret, size_t len, AkmaLabAnswer *answer)
{
    const char *text = akma_lab_read_string(body, name, answer);
    g_autofree char *fault = NULL;

    if (!text)
        return false;
    if (akma_hex_decode(text, strlen(text), ret, len))
        return true;

    fault = g_strdup_printf("not %zu hex digits", AKMA_HEX_LEN(len));
    bad_member(answer, "MANDATORY_IE_INCORRECT", name, fault);

    return false;
}

bool
akma_lab_read_bool(const json_t *body, const char *name, AkmaLabAnswer *answer)
{
    const json_t *value = json_object_get(body, name);

    if (value && !json_is_boolean(value))
        bad_member(answer, "OPTIONAL_IE_INCORRECT", name, "neither true nor false");

    return json_is_true(value);
}

json_t *
akma_lab_json_hex(const void *bytes, size_t len)
{
    char text[AKMA_HEX_LEN(HEX_OCTETS_MAX) + 1];
    json_t *value;

    g_return_val_if_fail(len <= HEX_OCTETS_MAX, NULL);

    akma_hex_encode(bytes, len, text);
    value = json_string(text);
    OPENSSL_cleanse(text, sizeof text);

    return value;
}
