/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* client-request: one transfer of libcurl: its options, its answer, its errors. For client.c. */
#pragma once

#include <curl/curl.h>

#include "http/client-psk.h"
#include "http/client.h"

G_BEGIN_DECLS

typedef struct {
    CURL *easy;
    GTask *task;
    GSource *cancelled;
    const AkmaHttpConfig *config;
    AkmaHttpPsk *psk; /* NULL: certificates count */
    AkmaHttpResponse *response;
    guint room; /* of its body */
    GBytes *body;
    struct curl_slist *headers, *connect_to;
    bool same_connection;
    bool too_large;
    char message[CURL_ERROR_SIZE];
} AkmaHttpRequest;

/* NULL: no memory, or an option that libcurl does not take. @config and @psk live longer. */
AkmaHttpRequest *akma_http_request_new(const AkmaHttpConfig *config,
                                       AkmaHttpPsk *psk,
                                       const char *method,
                                       const char *path,
                                       const char *content_type,
                                       const char *authorization,
                                       GBytes *body,
                                       bool same_connection);
void akma_http_request_free(AkmaHttpRequest *self);

/* NULL: there is an answer. Returns: (transfer full). */
GError *akma_http_request_check(AkmaHttpRequest *self, CURLcode result);

G_END_DECLS
