/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * providers: a worker's connections to the fifth servers, whose keys this server hands out as the
 * third. It keeps no answer: each question goes to the provider.
 */
#pragma once

#include <uv.h>

#include "keyserver/config.h"
#include "keyserver/metrics.h"
#include "proto/key-set.h"

G_BEGIN_DECLS

typedef struct _AkmaProviders AkmaProviders;
typedef struct _AkmaProviderCall AkmaProviderCall;

/* @set (borrowed): what the provider said; NULL: @cause is upstream_refused or _unavailable. */
typedef void (*AkmaProviderDone)(const AkmaKeySet *set, AkmaCause cause, void *user_data);

/*
 * Connects to nobody yet; reads the tokens. Requests are counted in @figures. Limits are divided by
 * [server] workers. Errors: AKMA_ERROR_CONFIG_INVALID.
 */
AkmaProviders *akma_providers_new(uv_loop_t *loop,
                                  const AkmaServerConfig *config,
                                  AkmaFigures *figures,
                                  GError **error);
/* What is under way goes on to its end. */
void akma_providers_unref(AkmaProviders *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaProviders, akma_providers_unref)

bool akma_providers_is_empty(const AkmaProviders *self);

/*
 * Asks @provider for the keys @key_ids (1 to 16, no one twice) of the terminal that it knows as
 * @pseudonym. Returns: (transfer none): until @done, which is not called before this returns.
 * NULL: there is no such provider, it has failed just now, or too much is under way.
 */
AkmaProviderCall *akma_providers_ask(AkmaProviders *self,
                                     const char *provider,
                                     const char *pseudonym,
                                     const char *const *key_ids,
                                     AkmaProviderDone done,
                                     void *user_data);
/* @done is not called any more. */
void akma_provider_call_cancel(AkmaProviderCall *call);

/* Opens the connection to @provider, if it is not there: somebody may want a key of it soon. */
void akma_providers_warm(AkmaProviders *self, const char *provider);

G_END_DECLS
