/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/check.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/program.h"
#include "http/tls.h"
#include "keyserver/place.h"

static X509 *
read_certificate(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

    if (file)
        fclose(file);

    return certificate;
}

static bool
check_certificate(const AkmaServerConfig *config, GError **error)
{
    X509 *certificate = read_certificate(config->certificate_file);
    const char *fault = NULL;

    if (!certificate)
        fault = "holds no certificate in PEM";
    else if (X509_check_host(certificate, config->name, 0, 0, NULL) != 1)
        fault = "does not bear the name of [server] name";
    else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        fault = "has expired";
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        fault = "is not valid yet";
    X509_free(certificate);

    return !fault || akma_settings_reject(config->settings,
                                          "server",
                                          "certificate-file",
                                          error,
                                          "%s %s",
                                          config->certificate_file,
                                          fault);
}

/* As the workers load it: the key belongs to the certificate. */
static bool
check_tls(const AkmaServerConfig *config, GError **error)
{
    g_autoptr(GError) local = NULL;
    SSL_CTX *tls = akma_tls_server_new(config->certificate_file, config->key_file, NULL, &local);
    const char *ca_file = config->client_ca_file;
    bool ok;

    if (!tls)
        return akma_settings_reject(
            config->settings, "server", "key-file", error, "%s", local->message);
    ok = !ca_file || akma_tls_server_ask_client(tls, ca_file, &local) ||
         akma_settings_reject(
             config->settings, "server", "client-ca-file", error, "%s", local->message);
    SSL_CTX_free(tls);

    return ok;
}

static bool
check_anchor(const AkmaServerConfig *config, const AkmaAnchorConfig *anchor, GError **error)
{
    g_autofree char *group = g_strdup_printf("anchor %s", anchor->name);
    g_autoptr(AkmaSecret) secret = NULL;
    g_autoptr(GError) local = NULL;
    SSL_CTX *tls;

    if (anchor->token_url) {
        secret = akma_server_config_read_client_secret(config, anchor, error);
        if (!secret)
            return false;
    }
    if (!g_str_has_prefix(anchor->url, "https://") &&
        !(anchor->token_url && g_str_has_prefix(anchor->token_url, "https://")))
        return true;

    tls = akma_tls_client_new(anchor->ca_file, anchor->certificate_file, anchor->key_file, &local);
    if (!tls)
        return akma_settings_reject(config->settings,
                                    group,
                                    anchor->ca_file ? "ca-file" : "url",
                                    error,
                                    "%s",
                                    local->message);
    SSL_CTX_free(tls);

    return true;
}

static bool
check_provider(const AkmaServerConfig *config, const AkmaProviderConfig *provider, GError **error)
{
    g_autofree char *group = g_strdup_printf("provider %s", provider->name);
    g_autoptr(AkmaSecret) token = NULL;
    g_autoptr(GError) local = NULL;
    SSL_CTX *tls;

    if (provider->has_token) {
        token = akma_server_config_read_provider_token(config, provider, error);
        if (!token)
            return false;
    }
    tls = akma_tls_client_new(
        provider->ca_file, provider->certificate_file, provider->key_file, &local);
    if (!tls)
        return akma_settings_reject(config->settings,
                                    group,
                                    provider->ca_file ? "ca-file" : "url",
                                    error,
                                    "%s",
                                    local->message);
    SSL_CTX_free(tls);

    return true;
}

static const AkmaKsApplication *
find_application(const GPtrArray *applications, const char *id)
{
    for (guint i = 0; i < applications->len; i++) {
        const AkmaKsApplication *application = applications->pdata[i];

        if (strcmp(application->id, id) == 0)
            return application;
    }

    return NULL;
}

static void
warn_of_consumer(const AkmaConsumerConfig *consumer, const GPtrArray *applications)
{
    for (size_t i = 0; consumer->applications[i]; i++) {
        const char *id = consumer->applications[i];
        const AkmaKsApplication *application = find_application(applications, id);

        if (!application || application->provider)
            g_warning("[consumer %s] applications: \"%s\" %s",
                      consumer->name,
                      id,
                      application ? "has a provider itself and is not passed on"
                                  : "is not in the store");
    }
}

/* What names something on the other side of the store that is not there: no fault of the file. */
static bool
warn_of_names(const AkmaServerConfig *config, AkmaKsStore *store, GError **error)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_LIST);

    if (!akma_ks_run(store, op, error))
        return false;

    for (guint i = 0; i < config->consumers->len; i++)
        warn_of_consumer(config->consumers->pdata[i], op->rows);
    for (guint i = 0; i < op->rows->len; i++) {
        const AkmaKsApplication *application = op->rows->pdata[i];

        if (application->provider &&
            !akma_server_config_find_provider(config, application->provider))
            g_warning("application %s: there is no [provider %s]",
                      application->id,
                      application->provider);
    }

    return true;
}

/* Whoever such an anchor names, the store could not keep. */
static bool
check_identities(const AkmaServerConfig *config, const AkmaKsStore *store, GError **error)
{
    if (akma_ks_get_identity_kind(store) == AKMA_IDENTITY_SUPI)
        return true;

    for (guint i = 0; i < config->anchors->len; i++) {
        const AkmaAnchorConfig *anchor = config->anchors->pdata[i];
        g_autofree char *group = g_strdup_printf("anchor %s", anchor->name);

        if (anchor->gba)
            return akma_settings_reject(config->settings,
                                        group,
                                        "type",
                                        error,
                                        "a BSF names no GPSI, and the store keeps only these");
    }

    return true;
}

bool
akma_check_config(const AkmaServerConfig *config, GError **error)
{
    g_autoptr(AkmaKsStore) store = NULL;

    if (!check_certificate(config, error) || !check_tls(config, error))
        return false;
    for (guint i = 0; i < config->anchors->len; i++) {
        if (!check_anchor(config, config->anchors->pdata[i], error))
            return false;
    }

    for (guint i = 0; i < config->providers->len; i++) {
        if (!check_provider(config, config->providers->pdata[i], error))
            return false;
    }

    store = akma_place_open(config, false, error);

    return store && check_identities(config, store, error) && warn_of_names(config, store, error);
}

_Noreturn void
akma_check_exit(const char *config_file)
{
    g_autoptr(AkmaServerConfig) config = NULL;
    g_autoptr(GError) error = NULL;

    config = akma_server_config_load(config_file, &error);
    if (!config || !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, &error) ||
        !akma_check_config(config, &error))
        _exit(akma_program_fail(error, false));
    _exit(0);
}
