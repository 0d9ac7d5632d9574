/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* router: from method and path to a role, with all checks that roles have in common. */
#include <string.h>

#include "lab/roles.h"

#define JSON_TYPE "application/json"
#define FORM_TYPE "application/x-www-form-urlencoded"

typedef enum {
    ACCESS_OPEN,   /* the interfaces of the visited network */
    ACCESS_BEARER, /* any token of ours, with --oauth */
    ACCESS_AANF,   /* a token for naanf-akma, with --oauth */
    ACCESS_BSF,    /* a token for nbsp-gba, with --oauth */
    ACCESS_OAUTH,  /* is there with --oauth only */
} Access;

typedef struct {
    const char *method;
    const char *path; /* "*" stands for one part, the id */
    const char *content_type;
    Access access;
    void (*handle)(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer);
} Route;

static const Route routes[] = {
    {"POST", "/nausf-auth/v1/ue-authentications", JSON_TYPE, ACCESS_OPEN, akma_lab_ausf_begin},
    {"PUT",
     "/nausf-auth/v1/ue-authentications/*/5g-aka-confirmation",
     JSON_TYPE,
     ACCESS_OPEN,
     akma_lab_ausf_confirm},
    {"POST", "/naanf-akma/v1/register-anchorkey", JSON_TYPE, ACCESS_AANF, akma_lab_aanf_register},
    {"POST",
     "/naanf-akma/v1/retrieve-applicationkey",
     JSON_TYPE,
     ACCESS_AANF,
     akma_lab_aanf_retrieve},
    {"POST", "/naanf-akma/v1/remove-context", JSON_TYPE, ACCESS_AANF, akma_lab_aanf_remove},
    {"POST", "/3gpp-akma/v1/retrieve", JSON_TYPE, ACCESS_BEARER, akma_lab_nef_retrieve},
    {"POST",
     "/nbsp-gba/v1/bootstrapping-info-retrieval",
     JSON_TYPE,
     ACCESS_BSF,
     akma_lab_nbsp_retrieve},
    {"POST", "/oauth2/token", FORM_TYPE, ACCESS_OAUTH, akma_lab_oauth_token},
};

/* Does @path have the form of @pattern? @ret_id: what stands at the "*", g_free(). */
static bool
match(const char *pattern, const char *path, char **ret_id)
{
    const char *star = strchr(pattern, '*');
    size_t before;
    size_t len;

    if (!star)
        return strcmp(pattern, path) == 0;

    before = (size_t)(star - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    len = strcspn(path + before, "/");
    if (len == 0 || strcmp(star + 1, path + before + len) != 0)
        return false;
    *ret_id = g_strndup(path + before, len);

    return true;
}

static const Route *
find_route(const AkmaLab *lab, const char *path, char **ret_id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
        if (routes[i].access == ACCESS_OAUTH && !lab->options.oauth)
            continue;
        if (match(routes[i].path, path, ret_id))
            return &routes[i];
    }

    return NULL;
}

/* Without its parameters, in any case: "application/json; charset=utf-8" is JSON. */
static bool
has_type(const AkmaH2Request *request, const char *type)
{
    size_t len = strlen(type);
    const char *have = request->content_type;

    return have && g_ascii_strncasecmp(have, type, len) == 0 &&
           (have[len] == '\0' || have[len] == ';' || have[len] == ' ');
}

static bool
check_access(AkmaLab *lab, const Route *route, const AkmaH2Request *request, AkmaLabAnswer *answer)
{
    switch (route->access) {
    case ACCESS_OPEN:
    case ACCESS_OAUTH:
        return true;
    case ACCESS_BEARER:
        return !lab->options.oauth || akma_lab_oauth_check(lab, request, NULL, answer);
    case ACCESS_AANF:
        return !lab->options.oauth || akma_lab_oauth_check(lab, request, "naanf-akma", answer);
    case ACCESS_BSF:
        return !lab->options.oauth || akma_lab_oauth_check(lab, request, "nbsp-gba", answer);
    }

    g_return_val_if_reached(false);
}

static bool
check_body(const Route *route, const AkmaH2Request *request, AkmaLabAnswer *answer)
{
    if (request->too_large)
        akma_lab_problem(answer, 413, "PAYLOAD_TOO_LARGE", NULL);
    else if (request->content_encoding)
        akma_lab_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE", "no Content-Encoding is known");
    else if (!has_type(request, route->content_type))
        akma_lab_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE", route->content_type);
    else
        return true;

    return false;
}

/*= TS 29.500 5.2.7.2: the causes that every service has in common */
void
akma_lab_handle(AkmaLab *self, const AkmaH2Request *request, AkmaLabAnswer *ret)
{
    g_autofree char *id = NULL;
    const Route *route = request->path ? find_route(self, request->path, &id) : NULL;
    AkmaLabCall call = {.request = request, .id = id};
    g_autofree char *detail = NULL;
    json_t *body = NULL;
    json_error_t error;

    if (!route) {
        akma_lab_problem(ret, 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", NULL);
        return;
    }
    ret->route = route->path;
    if (g_strcmp0(request->method, route->method) != 0) {
        akma_lab_problem(ret, 405, "METHOD_NOT_ALLOWED", NULL);
        ret->allow = route->method;
        return;
    }
    if (!check_access(self, route, request, ret) || !check_body(route, request, ret))
        return;

    if (strcmp(route->content_type, JSON_TYPE) == 0) {
        body = json_loadb(
            (const char *)request->body, request->body_len, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(body)) {
            /* the text of jansson may quote the body */
            detail =
                g_strdup_printf("not one JSON object (line %d)", body ? 1 : MAX(error.line, 1));
            akma_lab_problem(ret, 400, "INVALID_MSG_FORMAT", detail);
            json_decref(body);
            return;
        }
        call.body = body;
    }
    route->handle(self, &call, ret);
    json_decref(body);
}
