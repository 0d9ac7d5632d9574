/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/anchors.h"

#include <string.h>

#include "http/tls.h"
#include "keyserver/anchor-answer.h"
#include "keyserver/anchors-private.h"

/* of all workers together */
#define IN_FLIGHT        2000
#define IN_FLIGHT_ANCHOR 1000

/*= TS 29.309 6.1.4.2: bootstrapping-info-retrieval is a POST to Nbsp_GBA */
/*= TS 29.522 AkmaAfKeyRequest: retrieve is a POST to 3gpp-akma */
#define AANF_PATH "/naanf-akma/v1/retrieve-applicationkey"
#define BSF_PATH  "/nbsp-gba/v1/bootstrapping-info-retrieval"
#define NEF_PATH  "/3gpp-akma/v1/retrieve"

static void
anchor_free(AkmaAnchorPeer *self)
{
    g_free(self->name);
    g_free(self->path);
    g_free(self->operator);
    g_strfreev(self->realms);
    if (self->client)
        akma_h2_client_close(self->client, NULL, NULL);
    akma_anchor_token_free(self->token);
    akma_unknown_kids_free(self->unknown);
    g_free(self);
}

static bool
add_anchor(AkmaAnchors *self,
           const AkmaServerConfig *server,
           const AkmaAnchorConfig *config,
           GError **error)
{
    AkmaAnchorPeer *anchor = g_new0(AkmaAnchorPeer, 1);
    unsigned in_flight_max = MAX(IN_FLIGHT_ANCHOR / server->workers, 1);
    AkmaH2ClientConfig client = {
        .url = config->url,
        .timeout_ms = config->timeout_ms,
        .body_bytes = AKMA_ANCHOR_ANSWER_MAX,
        /* those of all calls, and the one that is asked again when its answer ends */
        .in_flight = in_flight_max + 1,
    };

    g_ptr_array_add(self->anchors, anchor);
    anchor->in_flight_max = in_flight_max;
    anchor->kind = config->gba ? AKMA_ANCHOR_KIND_GBA : AKMA_ANCHOR_KIND_AKMA;
    anchor->nef = config->nef;
    anchor->path = g_strconcat(config->root,
                               config->gba   ? BSF_PATH
                               : config->nef ? NEF_PATH
                                             : AANF_PATH,
                               NULL);
    anchor->name = g_strdup(config->name);
    anchor->unknown = akma_unknown_kids_new();
    anchor->operator= g_strdup(config->operator);
    anchor->realms = g_strdupv(config->realms);
    if (g_str_has_prefix(config->url, "https://")) {
        client.tls =
            akma_tls_client_new(config->ca_file, config->certificate_file, config->key_file, error);
        if (!client.tls)
            return false;
    }
    anchor->client = akma_h2_client_new(self->loop, &client, error);
    SSL_CTX_free(client.tls);
    if (!anchor->client || !config->token_url)
        return anchor->client;
    anchor->token = akma_anchor_token_new(self->loop, server, config, self->kind, error);

    return anchor->token;
}

AkmaAnchors *
akma_anchors_new(uv_loop_t *loop,
                 const AkmaServerConfig *config,
                 AkmaFigures *figures,
                 AkmaIdentityKind kind,
                 const AkmaSecret *id_key,
                 GError **error)
{
    g_autoptr(AkmaAnchors) self = g_new0(AkmaAnchors, 1);

    self->refs = 1;
    self->loop = loop;
    self->figures = figures;
    self->kind = kind;
    self->id_key = id_key;
    self->in_flight_max = MAX(IN_FLIGHT / config->workers, 1);
    self->anchors = g_ptr_array_new_with_free_func((GDestroyNotify)anchor_free);
    self->providers = g_new0(char *, config->providers->len + 1);
    for (guint i = 0; i < config->providers->len; i++)
        self->providers[i] =
            g_strdup(((const AkmaProviderConfig *)config->providers->pdata[i])->name);
    for (guint i = 0; i < config->anchors->len; i++) {
        if (!add_anchor(self, config, config->anchors->pdata[i], error))
            return NULL;
    }

    return g_steal_pointer(&self);
}

void
akma_anchors_unref(AkmaAnchors *self)
{
    if (!self || --self->refs > 0)
        return;

    g_ptr_array_unref(self->anchors);
    g_strfreev(self->providers);
    g_free(self);
}

int
akma_realm_match(const char *const *patterns, const char *realm)
{
    int best = -1;

    for (; *patterns; patterns++) {
        size_t len = strlen(*patterns);
        int exact = strpbrk(*patterns, "*?") ? (int)MIN(len, G_MAXINT / 2) : G_MAXINT;

        if (g_pattern_match_simple(*patterns, realm))
            best = MAX(best, exact);
    }

    return best;
}

bool
akma_anchors_have(const AkmaAnchors *self, AkmaAnchorKind kind)
{
    for (guint i = 0; i < self->anchors->len; i++) {
        if (((const AkmaAnchorPeer *)self->anchors->pdata[i])->kind == kind)
            return true;
    }

    return false;
}

AkmaAnchorPeer *
akma_anchors_find(const AkmaAnchors *self, AkmaAnchorKind kind, const char *realm)
{
    AkmaAnchorPeer *found = NULL;
    int best = -1;

    for (guint i = 0; i < self->anchors->len; i++) {
        AkmaAnchorPeer *anchor = self->anchors->pdata[i];
        int match = akma_realm_match((const char *const *)anchor->realms, realm);

        if (anchor->kind == kind && match > best) {
            best = match;
            found = anchor;
        }
    }

    return found;
}
