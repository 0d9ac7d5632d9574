/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * front: what one worker answers terminals: the resources of the key-delivery protocol, its
 * limits and its errors. The exchange itself stands in exchange.h.
 */
#pragma once

#include "http/h2.h"
#include "keyserver/anchors.h"
#include "keyserver/audit.h"
#include "keyserver/config.h"
#include "keyserver/consumer.h"
#include "keyserver/metrics.h"
#include "keyserver/providers.h"
#include "keyserver/rate.h"
#include "keyserver/store.h"

G_BEGIN_DECLS

typedef struct {
    uv_loop_t *loop;
    AkmaKsStore *store;
    AkmaAnchors *anchors;
    AkmaAudit *audit;
    AkmaConsumers *consumers;
    AkmaProviders *providers;
    AkmaFigures *figures; /* NULL: nothing is counted */
    char *name;           /* FQDN */
    AkmaAfId af_id;
    unsigned exchange_ms;  /* of a connection and all that is on it */
    unsigned ask_again_s;  /* what terminals are told; 0: nothing */
    unsigned sessions;     /* open */
    unsigned asks;         /* of consumers, under way */
    unsigned sessions_max; /* what the secure heap and [limits] connections have room for */
    AkmaRateTable *accepts;
    AkmaRateTable *addresses;
    AkmaRateTable *kids;
    AkmaRateTable *lines; /* of the audit log, about requests of consumers that are refused */
    AkmaFlow total_flow;
    AkmaBucket total;
    AkmaFlow accept_flow;
    AkmaBucket accept_total;
} AkmaFront;

/* Name, rates and consumers; buckets start full again. */
void akma_front_configure(AkmaFront *self, const AkmaServerConfig *config);
void akma_front_clear(AkmaFront *self);

/* For akma_h2_server_new(), with the AkmaFront as user data. */
extern const AkmaH2Handlers akma_front_handlers;

typedef enum {
    AKMA_ROUTE_NONE,     /* 404 */
    AKMA_ROUTE_SESSIONS, /* POST /v1/sessions */
    AKMA_ROUTE_KEYS,     /* POST /v1/sessions/<session>/keys */
    AKMA_ROUTE_PROVIDER, /* POST /v1/provider/keys */
} AkmaRoute;

/* @ret_session: <session>, of @ret_len characters, borrowed from @path. Pure. */
AkmaRoute akma_front_route(const char *path, const char **ret_session, size_t *ret_len);

/* Is @authority ("host" or "host:port", any port) the server of this @name? Pure. */
bool akma_front_is_for(const char *authority, const char *name);

/* "application/json", with or without parameters, in any case. Pure. */
bool akma_front_is_media_type(const char *content_type, const char *wanted);

/* What is wrong with @request before its body is read. False: @ret_refusal. Pure. */
bool akma_front_check_envelope(const AkmaFront *self,
                               const AkmaH2Request *request,
                               const char *media_type,
                               AkmaRefusal *ret_refusal);

/*
 * Takes from the rates of first requests: of the stream's peer, or of @peer, and of all. What they
 * turn away is counted and not audited, at any port: it has no bound but the speed of a stranger,
 * who would fill the disk with lines that name nobody. All that is let in is audited, a kid over
 * its own rate too.
 */
bool akma_front_take_request(AkmaFront *self, AkmaH2Stream *stream, unsigned *ret_wait_s);
bool akma_front_take_request_of(AkmaFront *self, const char *peer, unsigned *ret_wait_s);
/* From that of @kid, which is valid, asked for by @peer. */
bool akma_front_take_kid(AkmaFront *self, const char *peer, const char *kid, unsigned *ret_wait_s);

/* akma_ks_submit() to the store of @self, timed. */
bool akma_front_submit(AkmaFront *self, AkmaKsOp *op, AkmaKsDone done, void *user_data);

/* Answers with the problem; @retry_after_s: 0 = what goes with the cause. */
void akma_front_refuse(AkmaH2Stream *stream, const AkmaRefusal *refusal, unsigned retry_after_s);
/*
 * The same for what the protocol has no cause for; @cause: NONE, or that of the one key that was
 * asked for. @more: of AKMA_FRONT_MORE_MAX header fields at most.
 */
#define AKMA_FRONT_MORE_MAX 2
void akma_front_refuse_plain(AkmaH2Stream *stream,
                             unsigned status,
                             const char *detail,
                             AkmaCause cause,
                             const AkmaH2Header *more,
                             size_t n_more);
/* No such resource, or one that takes another @method alone. */
void akma_front_refuse_resource(AkmaH2Stream *stream);
void akma_front_refuse_method(AkmaH2Stream *stream, const char *method);

G_END_DECLS
