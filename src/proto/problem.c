/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/problem.h"

#include "proto/json.h"

#define CAUSE_NAME_MAX 64

/* Those that our servers answer. */
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
    case 409:
        return "Conflict";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 421:
        return "Misdirected Request";
    case 429:
        return "Too Many Requests";
    case 502:
        return "Bad Gateway";
    default:
        return "Service Unavailable";
    }
}

/*= RFC 9457 3.1: members type, title, status, detail */
GBytes *
akma_problem_new(unsigned status, const char *detail, AkmaCause cause)
{
    json_auto_t *root = json_pack("{s:s, s:s, s:I, s:s*, s:s*}",
                                  "type",
                                  "about:blank",
                                  "title",
                                  get_title(status),
                                  "status",
                                  (json_int_t)status,
                                  "detail",
                                  detail,
                                  "cause",
                                  akma_cause_get_name(cause));

    return root ? akma_json_dump(root) : NULL;
}

GBytes *
akma_problem_to_json(const AkmaRefusal *refusal)
{
    unsigned status = akma_cause_get_status(refusal->cause);

    g_return_val_if_fail(status != 0, NULL);

    return akma_problem_new(status, refusal->detail, refusal->cause);
}

static AkmaCause
read_cause(const void *body, size_t len)
{
    AkmaRefusal refusal;
    json_auto_t *root = akma_json_load(body, len, AKMA_RESPONSE_MAX, &refusal);
    const char *name;

    if (!root || !akma_json_get_text(root, "cause", 1, CAUSE_NAME_MAX, &name))
        return AKMA_CAUSE_NONE;

    return akma_cause_from_name(name);
}

AkmaCause
akma_problem_get_key_cause(const void *body, size_t len)
{
    AkmaCause cause = read_cause(body, len);

    return akma_cause_get_status(cause) == 0 ? cause : AKMA_CAUSE_NONE;
}

AkmaCause
akma_problem_get_cause(unsigned status, const void *body, size_t len)
{
    AkmaCause cause = read_cause(body, len);

    return status != 0 && akma_cause_get_status(cause) == status ? cause : AKMA_CAUSE_NONE;
}

AkmaCause
akma_problem_to_error(
    unsigned status, bool is_problem, const void *body, size_t len, GError **error)
{
    AkmaCause cause = is_problem ? akma_problem_get_cause(status, body, len) : AKMA_CAUSE_NONE;
    AkmaError code = status >= 500 ? AKMA_ERROR_SERVER_UNREACHABLE : AKMA_ERROR_SERVER_REFUSED;
    const char *name;

    if (cause == AKMA_CAUSE_NONE && status == 429)
        cause = AKMA_CAUSE_RATE_LIMITED;
    if (cause != AKMA_CAUSE_NONE)
        code = akma_cause_get_error(cause);
    name = akma_cause_get_name(cause);
    g_set_error(error,
                AKMA_ERROR,
                (int)code,
                "the server answered %u%s%s",
                status,
                name ? " " : "",
                name ? name : "");

    return cause;
}
