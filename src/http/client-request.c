/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/client-request.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/unix-time.h"
#include "http/certificate-time.h"
#include "http/fields.h"

#define BODY_FIRST  1024
#define BUFFER_SIZE (16L * 1024)

static AkmaCertificateTime
get_times(const AkmaHttpRequest *self)
{
    return (AkmaCertificateTime){
        .wall = (int64_t)time(NULL),
        .build = AKMA_BUILD_TIME,
        .seen = self->config->time_seen,
    };
}

/* As in tls.c: nothing else is offered, and what was read is wiped. */
static CURLcode
on_tls(CURL *easy G_GNUC_UNUSED, void *context, void *user_data)
{
    static const unsigned char h2[] = {2, 'h', '2'};
    static const unsigned char http_1_1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    const AkmaHttpRequest *self = user_data;
    const AkmaCertificateTime times = get_times(self);
    bool old = self->config->version == AKMA_HTTP_1_1;

    if (akma_certificate_time_get(&times) != times.wall)
        X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context),
                                   akma_time_from_unix(akma_certificate_time_get(&times)));
    SSL_CTX_set_options(context,
                        SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    if (SSL_CTX_set_alpn_protos(context, old ? http_1_1 : h2, old ? sizeof http_1_1 : sizeof h2) !=
            0 ||
        SSL_CTX_set1_groups_list(context, "X25519:P-256") != 1 ||
        (self->psk && !akma_http_psk_set(self->psk, context)))
        return CURLE_SSL_CIPHER;

    return CURLE_OK;
}

/* The second request of an exchange is never sent on another connection. */
static curl_socket_t
on_open_socket(void *user_data, curlsocktype purpose G_GNUC_UNUSED, struct curl_sockaddr *address)
{
    const AkmaHttpRequest *self = user_data;

    if (self->same_connection)
        return CURL_SOCKET_BAD;

    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Grows without leaving a copy behind. */
static void
append(AkmaHttpRequest *self, const void *bytes, guint len)
{
    GByteArray *old = self->response->body;
    guint needed = old->len + len;

    if (needed > self->room) {
        self->room = MAX(MAX(needed, self->room * 2), BODY_FIRST);
        self->response->body = g_byte_array_sized_new(self->room);
        g_byte_array_append(self->response->body, old->data, old->len);
        OPENSSL_cleanse(old->data, old->len);
        g_byte_array_unref(old);
    }
    g_byte_array_append(self->response->body, bytes, len);
}

static size_t
on_body(char *bytes, size_t one G_GNUC_UNUSED, size_t len, void *user_data)
{
    AkmaHttpRequest *self = user_data;

    if (len > self->config->body_bytes - self->response->body->len) {
        self->too_large = true;
        return 0;
    }
    append(self, bytes, (guint)len);

    return len;
}

static void
forget_headers(AkmaHttpResponse *response)
{
    g_clear_pointer(&response->content_type, g_free);
    g_clear_pointer(&response->location, g_free);
    g_clear_pointer(&response->authentication_info, g_free);
    g_clear_pointer(&response->server, g_free);
    for (size_t i = 0; i < AKMA_HTTP_CHALLENGES_MAX; i++)
        g_clear_pointer(&response->challenges[i], g_free);
    response->retry_after_s = 0;
}

static void
add_challenge(AkmaHttpResponse *response, char **value)
{
    for (size_t i = 0; i < AKMA_HTTP_CHALLENGES_MAX; i++) {
        if (!response->challenges[i]) {
            response->challenges[i] = g_steal_pointer(value);
            return;
        }
    }
}

/* @name is in lower case; of several fields the first counts. */
static void
take_field(AkmaHttpResponse *response, const char *name, char **value)
{
    char type[AKMA_MEDIA_TYPE_SIZE];
    size_t len = strlen(*value);

    if (g_str_equal(name, "content-type") && !response->content_type) {
        akma_field_media_type(*value, len, type);
        response->content_type = g_strdup(type);
    } else if (g_str_equal(name, "location") && !response->location) {
        response->location = g_steal_pointer(value);
    } else if (g_str_equal(name, "retry-after")) {
        response->retry_after_s = akma_field_retry_after(*value, len);
    } else if (len > AKMA_HTTP_FIELD_MAX) {
        return;
    } else if (g_str_equal(name, "www-authenticate")) {
        add_challenge(response, value);
    } else if (g_str_equal(name, "authentication-info") && !response->authentication_info) {
        response->authentication_info = g_steal_pointer(value);
    } else if (g_str_equal(name, "server") && !response->server) {
        response->server = g_steal_pointer(value);
    }
}

static size_t
on_header(char *line, size_t one G_GNUC_UNUSED, size_t len, void *user_data)
{
    AkmaHttpRequest *self = user_data;
    const char *colon = memchr(line, ':', len);
    g_autofree char *name = NULL;
    g_autofree char *value = NULL;

    if (!colon) {
        /* a status line: perhaps of another answer than the interim one before */
        if (len > 5 && g_ascii_strncasecmp(line, "HTTP/", 5) == 0)
            forget_headers(self->response);
        return len;
    }

    name = g_ascii_strdown(line, colon - line);
    value = g_strndup(colon + 1, len - (size_t)(colon + 1 - line));
    g_strstrip(value);
    take_field(self->response, name, &value);

    return len;
}

static bool
set_peer(AkmaHttpRequest *self)
{
    const AkmaHttpConfig *config = self->config;
    CURL *easy = self->easy;
    g_autofree char *connect = config->connect ? g_strconcat("::", config->connect, NULL) : NULL;
    g_autofree char *interface =
        config->interface ? g_strconcat("if!", config->interface, NULL) : NULL;
    g_autofree char *proxy =
        config->https_proxy ? g_strconcat("http://", config->https_proxy, NULL) : g_strdup("");

    if (connect)
        self->connect_to = curl_slist_append(NULL, connect);

    return (!connect || self->connect_to) &&
           curl_easy_setopt(easy, CURLOPT_CONNECT_TO, self->connect_to) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_INTERFACE, interface) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, proxy) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, self) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)config->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
}

static bool
set_tls(AkmaHttpRequest *self)
{
    const char *ca_file = self->config->ca_file;
    long oldest =
        self->config->version == AKMA_HTTP_1_1 ? CURL_SSLVERSION_TLSv1_2 : CURL_SSLVERSION_TLSv1_3;
    CURL *easy = self->easy;

    /* with a file of ours the system's folder must not count as well */
    if (ca_file && (curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) != CURLE_OK ||
                    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK))
        return false;

    return curl_easy_setopt(easy, CURLOPT_SSLVERSION, oldest) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, self) == CURLE_OK &&
           (!self->psk || akma_http_psk_prepare(self->psk, easy));
}

static bool
add_header(AkmaHttpRequest *self, const char *name, const char *value)
{
    char *line = g_strconcat(name, ":", value, NULL);
    struct curl_slist *longer = curl_slist_append(self->headers, line);

    OPENSSL_cleanse(line, strlen(line));
    g_free(line);
    if (longer)
        self->headers = longer;

    return longer;
}

static bool
set_headers(AkmaHttpRequest *self, const char *content_type, const char *authorization)
{
    /* without a value libcurl's own one is left out */
    return add_header(self, "content-type", content_type) && add_header(self, "expect", NULL) &&
           (!authorization || add_header(self, "authorization", authorization)) &&
           curl_easy_setopt(self->easy, CURLOPT_HTTPHEADER, self->headers) == CURLE_OK &&
           curl_easy_setopt(self->easy, CURLOPT_USERAGENT, self->config->user_agent) == CURLE_OK;
}

/*
 * With prior knowledge libcurl 7.88 fails on a connection that it uses again
 * (https://github.com/curl/curl/pull/10643). Asked for "2" it stays with what the connection
 * speaks; a new one, which would begin with 1.1, on_open_socket() does not open.
 */
static bool
set_version(AkmaHttpRequest *self)
{
    bool tls = g_str_has_prefix(self->config->url, "https://");
    bool old = self->config->version == AKMA_HTTP_1_1;
    bool broken = !old && !tls && curl_version_info(CURLVERSION_NOW)->version_num < 0x080000;
    long version = old                               ? CURL_HTTP_VERSION_1_1
                   : tls                             ? CURL_HTTP_VERSION_2TLS
                   : broken && self->same_connection ? CURL_HTTP_VERSION_2_0
                                                     : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;

    if (broken && !self->same_connection &&
        curl_easy_setopt(self->easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK)
        return false;

    return curl_easy_setopt(self->easy, CURLOPT_HTTP_VERSION, version) == CURLE_OK;
}

static bool
set_request(AkmaHttpRequest *self, const char *method, const char *path)
{
    g_autofree char *url = g_strconcat(
        self->config->url, g_str_has_suffix(self->config->url, "/") ? path + 1 : path, NULL);
    bool post = self->body || g_str_equal(method, "POST");
    gsize len = 0;
    const char *bytes = self->body ? g_bytes_get_data(self->body, &len) : "";
    CURL *easy = self->easy;

    if (post && (curl_easy_setopt(easy, CURLOPT_POST, 1L) != CURLE_OK ||
                 curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)len) != CURLE_OK ||
                 curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bytes ? bytes : "") != CURLE_OK))
        return false;

    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOBODY, g_str_equal(method, "HEAD") ? 1L : 0L) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           set_version(self);
}

static bool
set_callbacks(AkmaHttpRequest *self)
{
    CURL *easy = self->easy;

    return curl_easy_setopt(easy, CURLOPT_PRIVATE, self) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, self->message) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, self) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, self) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_SIZE) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE) == CURLE_OK;
}

AkmaHttpRequest *
akma_http_request_new(const AkmaHttpConfig *config,
                      AkmaHttpPsk *psk,
                      const char *method,
                      const char *path,
                      const char *content_type,
                      const char *authorization,
                      GBytes *body,
                      bool same_connection)
{
    AkmaHttpRequest *self = g_new0(AkmaHttpRequest, 1);

    self->config = config;
    self->psk = psk;
    self->body = body ? g_bytes_ref(body) : NULL;
    self->same_connection = same_connection;
    self->response = g_new0(AkmaHttpResponse, 1);
    self->response->body = g_byte_array_new();
    self->easy = curl_easy_init();

    if (!self->easy || !set_peer(self) || !set_tls(self) ||
        !set_headers(self, content_type, authorization) || !set_request(self, method, path) ||
        !set_callbacks(self)) {
        akma_http_request_free(self);
        return NULL;
    }

    return self;
}

void
akma_http_request_free(AkmaHttpRequest *self)
{
    if (self->cancelled) {
        g_source_destroy(self->cancelled);
        g_source_unref(self->cancelled);
    }
    curl_easy_cleanup(self->easy);
    curl_slist_free_all(self->headers);
    curl_slist_free_all(self->connect_to);
    g_clear_object(&self->task);
    akma_http_response_free(self->response);
    g_clear_pointer(&self->body, g_bytes_unref);
    g_free(self);
}

/* curl 8 has no other words for an HTTP/2 connection that ended before the answer; what is wrong
 * with a frame it says in a message */
static bool
is_lost(const AkmaHttpRequest *self, CURLcode result)
{
    return result == CURLE_HTTP2 && !self->message[0];
}

static AkmaError
map(const AkmaHttpRequest *self, CURLcode result)
{
    static const struct {
        CURLcode result;
        AkmaError code;
    } rows[] = {
        {CURLE_PEER_FAILED_VERIFICATION, AKMA_ERROR_SERVER_NOT_AUTHENTIC},
        {CURLE_SSL_ISSUER_ERROR, AKMA_ERROR_SERVER_NOT_AUTHENTIC},
        {CURLE_SSL_CACERT_BADFILE, AKMA_ERROR_CONFIG_INVALID},
        {CURLE_HTTP2, AKMA_ERROR_SERVER_REFUSED},
        {CURLE_WEIRD_SERVER_REPLY, AKMA_ERROR_SERVER_REFUSED},
        {CURLE_UNSUPPORTED_PROTOCOL, AKMA_ERROR_SERVER_REFUSED},
        {CURLE_OUT_OF_MEMORY, AKMA_ERROR_INTERNAL},
    };

    if (strstr(self->message, "no application protocol"))
        return AKMA_ERROR_SERVER_REFUSED;
    if (is_lost(self, result))
        return AKMA_ERROR_SERVER_UNREACHABLE;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].result == result)
            return rows[i].code;
    }

    return AKMA_ERROR_SERVER_UNREACHABLE;
}

static GError *
not_authentic(const AkmaHttpRequest *self, const char *text)
{
    const AkmaCertificateTime times = get_times(self);
    g_autofree char *cause = NULL;
    long verify_result = 0;

    curl_easy_getinfo(self->easy, CURLINFO_SSL_VERIFYRESULT, &verify_result);
    cause = akma_certificate_time_explain(&times, verify_result);

    return g_error_new(AKMA_ERROR,
                       AKMA_ERROR_SERVER_NOT_AUTHENTIC,
                       "%s: %s%s%s",
                       self->config->url,
                       text,
                       cause ? "; " : "",
                       cause ? cause : "");
}

GError *
akma_http_request_check(AkmaHttpRequest *self, CURLcode result)
{
    const char *url = self->config->url;
    const char *text = self->message[0] ? self->message : curl_easy_strerror(result);
    AkmaError code = map(self, result);
    long status = 0, version = 0;
    bool old = self->config->version == AKMA_HTTP_1_1;
    GError *error = NULL;

    if (self->psk && result != CURLE_OK && !self->too_large)
        error = akma_http_psk_explain(self->psk, url, result);
    if (error)
        return error;
    if (self->too_large)
        return g_error_new(AKMA_ERROR,
                           AKMA_ERROR_SERVER_REFUSED,
                           "%s: the answer has more than %zu bytes",
                           url,
                           self->config->body_bytes);
    if (is_lost(self, result))
        text = "the connection was lost before the answer";
    if (result == CURLE_COULDNT_CONNECT && self->same_connection)
        text = "the connection was closed between the requests";
    if (code == AKMA_ERROR_SERVER_NOT_AUTHENTIC)
        return not_authentic(self, text);
    if (result != CURLE_OK)
        return g_error_new(AKMA_ERROR, (int)code, "%s: %s", url, text);

    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(self->easy, CURLINFO_HTTP_VERSION, &version);
    if (version != (old ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2_0))
        return g_error_new(AKMA_ERROR,
                           AKMA_ERROR_SERVER_REFUSED,
                           "%s: the server does not speak HTTP/%s",
                           url,
                           old ? "1.1" : "2");
    self->response->status = (unsigned)status;

    return NULL;
}
