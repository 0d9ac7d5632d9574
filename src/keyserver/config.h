/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * config: what the files of the key server say, checked and in the types that the parts use.
 *
 * Reads no secret and opens nothing: the parent of the workers holds one as well.
 */
#pragma once

#include "base/settings.h"
#include "kdf/af-id.h"

G_BEGIN_DECLS

#define AKMA_WORKERS_MAX 256

/* Where the package's server has its admin listener. */
#define AKMA_ADMIN_SOCKET "unix:/run/akma-keyserver/admin.sock"

/* So many events in so many seconds. */
typedef struct {
    uint64_t events;
    unsigned seconds;
} AkmaRate;

/* One operator's anchor function. */
typedef struct {
    char *name;
    bool gba;               /* a BSF; else an AAnF */
    bool nef;               /* not the AAnF itself, but the NEF before it */
    char *operator;         /* the namespace of its subscribers */
    GStrv realms;           /* globs */
    char *url;              /* http(s)://HOST[:PORT] */
    char *root;             /* "/PATH" that its services are under, or "" */
    char *ca_file;          /* NULL: the system's store */
    char *certificate_file; /* NULL: none is shown */
    char *key_file;
    char *token_url; /* http(s)://HOST[:PORT]; NULL: no token is shown */
    char *token_path;
    char *client_id;
    unsigned timeout_ms;
} AkmaAnchorConfig;

/* A third server that this one provides keys to. */
typedef struct {
    char *name;
    char *certificate_name; /* NULL: it needs no certificate */
    bool has_token;
    uint8_t token_sha256[32];
    GStrv applications; /* what it may ask for */
} AkmaConsumerConfig;

/* A fifth server, whose keys this one hands out. */
typedef struct {
    char *name;
    char *url;              /* https:// */
    char *ca_file;          /* NULL: the system's store */
    char *certificate_file; /* NULL: none is shown */
    char *key_file;
    bool has_token;
    unsigned timeout_ms;
} AkmaProviderConfig;

typedef struct {
    AkmaSettings *settings;
    char *name;     /* lower case, no final dot */
    AkmaAfId af_id; /* of the message profile */
    char *listen;
    char *digest_listen; /* NULL: no HTTP Digest face */
    char *admin_listen;  /* NULL: no admin process */
    bool admin_page;     /* the status page is there */
    char *psk_listen;    /* NULL: no PSK profile */
    char *certificate_file;
    char *key_file;
    char *client_ca_file; /* of consumers; NULL: nobody is asked for a certificate */
    char *audit_file;     /* NULL: stderr */
    unsigned workers;
    unsigned ask_again_s; /* at most until a terminal comes again; 0: it decides */
    bool postgresql;      /* else SQLite */
    char *store_path; /* SQLite: the store; else only the place where `status` looks for a server */
    char *conninfo;   /* PostgreSQL */
    char *store_key_file;
    unsigned handshakes;  /* in progress, all workers together; so the next ones */
    unsigned connections; /* open */
    AkmaRate address;     /* first requests of one address */
    AkmaRate kid;         /* first requests of one (kid, address) */
    AkmaRate total;       /* first requests */
    unsigned idle_ms;
    unsigned exchange_ms;
    GPtrArray *anchors;   /* AkmaAnchorConfig, by name */
    GPtrArray *consumers; /* AkmaConsumerConfig, by name */
    GPtrArray *providers; /* AkmaProviderConfig, by name */
} AkmaServerConfig;

/*
 * @file and the files of @file's folder of the same name with ".d". Errors:
 * AKMA_ERROR_CONFIG_INVALID, "FILE: [group] key: message".
 */
AkmaServerConfig *akma_server_config_load(const char *file, GError **error);
/*
 * The same of a server that runs, with the configuration that it has: what needs a restart (place
 * of listening, workers, store, sizes) is as in @running, whatever the files say by now.
 * @ret_kept (may be NULL): its keys that the files say otherwise, "[store] path, [psk] listen", or
 * NULL: none. g_free().
 */
AkmaServerConfig *akma_server_config_load_again(const char *file,
                                                const AkmaServerConfig *running,
                                                char **ret_kept,
                                                GError **error);
void akma_server_config_free(AkmaServerConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaServerConfig, akma_server_config_free)

/* The 32 bytes of [store] store-key-file. Errors: AKMA_ERROR_CONFIG_INVALID. */
AkmaSecret *akma_server_config_read_store_key(const AkmaServerConfig *self, GError **error);

/* NULL: there is none of that name. */
const AkmaProviderConfig *akma_server_config_find_provider(const AkmaServerConfig *self,
                                                           const char *name);

/* What @provider's token-file holds. Errors: AKMA_ERROR_CONFIG_INVALID. */
#define AKMA_PROVIDER_TOKEN_MAX 1024
AkmaSecret *akma_server_config_read_provider_token(const AkmaServerConfig *self,
                                                   const AkmaProviderConfig *provider,
                                                   GError **error);

/* The 32 bytes of [store] old-store-key-file; NULL without an error: there is none. */
bool akma_server_config_read_old_store_key(const AkmaServerConfig *self,
                                           AkmaSecret **ret_key,
                                           GError **error);

/* What [store] password-file holds; NULL without an error: there is none. */
bool akma_server_config_read_password(const AkmaServerConfig *self,
                                      AkmaSecret **ret_password,
                                      GError **error);

/* What @anchor's client-secret-file holds. Errors: AKMA_ERROR_CONFIG_INVALID. */
#define AKMA_CLIENT_SECRET_MAX 1024
AkmaSecret *akma_server_config_read_client_secret(const AkmaServerConfig *self,
                                                  const AkmaAnchorConfig *anchor,
                                                  GError **error);

G_END_DECLS
