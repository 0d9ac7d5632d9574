/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/client.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/wiping.h"
#include "http/client-psk.h"
#include "http/client-request.h"
#include "http/curl-source.h"

struct _AkmaHttpClient {
    GObject parent;
    AkmaHttpConfig config; /* its strings are ours */
    char *authorization;   /* NULL: none */
    AkmaHttpPsk *psk;      /* NULL: certificates count */
    CURLM *multi;
    GSource *source;
    bool closing;
};

G_DEFINE_FINAL_TYPE(AkmaHttpClient, akma_http_client, G_TYPE_OBJECT)

void
akma_http_response_free(AkmaHttpResponse *self)
{
    if (!self)
        return;

    if (self->body) {
        OPENSSL_cleanse(self->body->data, self->body->len);
        g_byte_array_unref(self->body);
    }
    g_free(self->content_type);
    g_free(self->location);
    for (size_t i = 0; i < AKMA_HTTP_CHALLENGES_MAX; i++)
        g_free(self->challenges[i]);
    g_free(self->authentication_info);
    g_free(self->server);
    g_free(self);
}

/* It names who asks. */
static void
free_authorization(char *value)
{
    if (value)
        OPENSSL_cleanse(value, strlen(value));
    g_free(value);
}

void
akma_http_client_set_authorization(AkmaHttpClient *self, const char *value)
{
    free_authorization(self->authorization);
    self->authorization = g_strdup(value);
}

/* Completes @request; the callback of its task may drop the client. */
static void
finish(AkmaHttpClient *self, AkmaHttpRequest *request, GError *error)
{
    g_autoptr(GTask) task = g_steal_pointer(&request->task);
    g_autoptr(AkmaHttpResponse) response = g_steal_pointer(&request->response);

    curl_multi_remove_handle(self->multi, request->easy);
    akma_http_request_free(request);

    if (error)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(
            task, g_steal_pointer(&response), (GDestroyNotify)akma_http_response_free);
}

static void
worked(void *user_data)
{
    g_autoptr(AkmaHttpClient) self = g_object_ref(user_data);
    CURLMsg *message;
    int left;

    while (!self->closing && (message = curl_multi_info_read(self->multi, &left))) {
        AkmaHttpRequest *request = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
        finish(self, request, akma_http_request_check(request, message->data.result));
    }
}

static gboolean
on_cancelled(GCancellable *cancellable G_GNUC_UNUSED, gpointer user_data)
{
    AkmaHttpRequest *request = user_data;
    g_autoptr(AkmaHttpClient) self = g_object_ref(g_task_get_source_object(request->task));

    finish(self,
           request,
           g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "the request was cancelled"));

    return G_SOURCE_REMOVE;
}

void
akma_http_client_send_async(AkmaHttpClient *self,
                            const char *method,
                            const char *path,
                            const char *content_type,
                            GBytes *body,
                            bool same_connection,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, user_data);
    AkmaHttpRequest *request;

    g_return_if_fail(AKMA_IS_HTTP_CLIENT(self));
    g_return_if_fail(method && path && path[0] == '/');

    g_task_set_source_tag(task, akma_http_client_send_async);
    if (g_task_return_error_if_cancelled(task))
        return;

    request = akma_http_request_new(&self->config,
                                    self->psk,
                                    method,
                                    path,
                                    content_type,
                                    self->authorization,
                                    body,
                                    same_connection);
    if (!request || curl_multi_add_handle(self->multi, request->easy) != CURLM_OK) {
        if (request)
            akma_http_request_free(request);
        g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot prepare a request");
        return;
    }

    request->task = g_steal_pointer(&task);
    if (cancellable) {
        request->cancelled = g_cancellable_source_new(cancellable);
        g_source_set_callback(request->cancelled, G_SOURCE_FUNC(on_cancelled), request, NULL);
        g_source_attach(request->cancelled, g_task_get_context(request->task));
    }
}

AkmaHttpResponse *
akma_http_client_send_finish(AkmaHttpClient *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

AkmaHttpClient *
akma_http_client_new(const AkmaHttpConfig *config)
{
    AkmaHttpClient *self = g_object_new(AKMA_TYPE_HTTP_CLIENT, NULL);

    g_return_val_if_fail(config && config->url, NULL);

    self->config = *config;
    self->config.url = g_strdup(config->url);
    self->config.connect = g_strdup(config->connect);
    self->config.ca_file = g_strdup(config->ca_file);
    self->config.interface = g_strdup(config->interface);
    self->config.https_proxy = g_strdup(config->https_proxy);
    self->config.psk = NULL; /* the key and its identity are in here */
    self->config.psk_identity = NULL;
    if (config->psk)
        self->psk = akma_http_psk_new(config->psk_identity, config->psk);
    self->config.user_agent =
        g_strdup(config->user_agent ? config->user_agent : PACKAGE_NAME "/" PACKAGE_VERSION);

    return self;
}

static void
init_curl(void)
{
    static gsize once;

    if (g_once_init_enter(&once)) {
        CURLcode rv = curl_global_init_mem(CURL_GLOBAL_DEFAULT,
                                           akma_wiping_malloc,
                                           akma_wiping_free,
                                           akma_wiping_realloc,
                                           akma_wiping_strdup,
                                           akma_wiping_calloc);

        if (rv != CURLE_OK)
            g_critical("libcurl does not start: %s", curl_easy_strerror(rv));
        g_once_init_leave(&once, 1);
    }
}

static void
akma_http_client_init(AkmaHttpClient *self)
{
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();

    init_curl();
    self->multi = curl_multi_init();
    /* one peer, one connection */
    curl_multi_setopt(self->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 1L);
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, 1L);
    self->source = akma_curl_source_new(self->multi, context, worked, self);
}

/* No request is left: each holds a reference through its task. */
static void
akma_http_client_finalize(GObject *object)
{
    AkmaHttpClient *self = AKMA_HTTP_CLIENT(object);

    self->closing = true;
    free_authorization(self->authorization);
    curl_multi_cleanup(self->multi);
    akma_http_psk_free(self->psk);
    g_source_destroy(self->source);
    g_source_unref(self->source);
    g_free((char *)self->config.url);
    g_free((char *)self->config.connect);
    g_free((char *)self->config.ca_file);
    g_free((char *)self->config.interface);
    g_free((char *)self->config.https_proxy);
    g_free((char *)self->config.user_agent);
    G_OBJECT_CLASS(akma_http_client_parent_class)->finalize(object);
}

static void
akma_http_client_class_init(AkmaHttpClientClass *class)
{
    G_OBJECT_CLASS(class)->finalize = akma_http_client_finalize;
}
