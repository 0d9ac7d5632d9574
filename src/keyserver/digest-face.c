/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/digest-face.h"

#include <openssl/rand.h>
#include <string.h>

#define KEYS    "/v1/keys/"
#define N_KINDS 2

G_STATIC_ASSERT(N_KINDS <= AKMA_FRONT_MORE_MAX);

void
akma_digest_face_init(AkmaDigestFace *self, AkmaFront *front, const AkmaAfId *af_id)
{
    self->front = front;
    self->af_id = *af_id;
    for (unsigned i = 0; i < N_KINDS; i++)
        self->realms[i] = akma_digest_dup_realm((AkmaAnchorKind)i, front->name);
}

void
akma_digest_face_clear(AkmaDigestFace *self)
{
    for (unsigned i = 0; i < N_KINDS; i++)
        g_clear_pointer(&self->realms[i], g_free);
}

const char *
akma_digest_face_route(const char *path)
{
    const char *key_id = path + strlen(KEYS);

    return g_str_has_prefix(path, KEYS) && akma_key_id_is_valid(key_id) ? key_id : NULL;
}

/* An identifier that does not exist and one that is not for this terminal look the same. */
void
akma_digest_face_refuse_key(AkmaH2Stream *stream, AkmaCause cause)
{
    unsigned status = 404;
    const char *detail = "there is no such key for this terminal";

    if (cause == AKMA_CAUSE_REVOKED) {
        status = 403;
        detail = "the right to this key was revoked";
    } else if (cause == AKMA_CAUSE_UPSTREAM_REFUSED) {
        status = 502;
        detail = "the provider of this key refused";
    } else if (cause == AKMA_CAUSE_UPSTREAM_UNAVAILABLE) {
        status = 503;
        detail = "the provider of this key is away";
    }
    akma_front_refuse_plain(stream, status, detail, cause, NULL, 0);
}

static AkmaDigestNonces *
get_nonces(AkmaH2Conn *conn)
{
    AkmaDigestNonces *nonces = akma_h2_conn_get_data(conn);

    if (!nonces) {
        nonces = g_new0(AkmaDigestNonces, 1);
        akma_h2_conn_set_data(conn, nonces, g_free);
    }

    return nonces;
}

/*= TS 33.535 B.1.2: one realm a kind of anchor, AKMA before GBA */
void
akma_digest_face_challenge(AkmaDigestFace *self, AkmaH2Stream *stream, unsigned kinds, bool stale)
{
    const AkmaRefusal failed = {AKMA_CAUSE_STORE_UNAVAILABLE, "no random numbers"};
    AkmaDigestNonces *nonces = get_nonces(akma_h2_stream_get_conn(stream));
    uint8_t random[AKMA_DIGEST_NONCE_BYTES];
    AkmaH2Header headers[N_KINDS] = {0};
    char *values[N_KINDS];
    const char *nonce;
    size_t n = 0;

    if (RAND_bytes(random, sizeof random) != 1) {
        akma_front_refuse(stream, &failed, 0);
        return;
    }

    nonce = akma_digest_nonces_add(nonces, random, uv_now(self->front->loop));
    for (unsigned i = 0; i < N_KINDS; i++) {
        if (!(kinds & AKMA_DIGEST_KIND(i)))
            continue;
        values[n] = akma_digest_dup_challenge(self->realms[i], nonce, stale);
        headers[n] = (AkmaH2Header){"www-authenticate", values[n]};
        n++;
    }
    akma_front_refuse_plain(
        stream, 401, "the first key is the password", AKMA_CAUSE_NONE, headers, n);
    while (n > 0)
        g_free(values[--n]);
}

/* --- requests --- */

/* What is wrong before anybody proves anything; true: answered. */
static bool
refuse_envelope(AkmaDigestFace *self, AkmaH2Stream *stream, const AkmaH2Request *request)
{
    AkmaRefusal refusal = {AKMA_CAUSE_NONE, NULL};

    if (!akma_digest_face_route(request->path))
        akma_front_refuse_resource(stream);
    else if (strcmp(request->method, "GET") != 0)
        akma_front_refuse_method(stream, "GET");
    else if (!akma_front_is_for(request->authority, self->front->name))
        akma_refuse(&refusal, AKMA_CAUSE_WRONG_SERVER, "this server has another name");
    else if (request->too_large)
        akma_refuse(&refusal, AKMA_CAUSE_TOO_LARGE, "the body is too large");
    else
        return false;
    if (refusal.cause != AKMA_CAUSE_NONE)
        akma_front_refuse(stream, &refusal, 0);

    return true;
}

/* The kinds that the client can do and that there are anchors for. */
static unsigned
get_kinds(const AkmaDigestFace *self, const AkmaH2Request *request)
{
    unsigned kinds = akma_digest_get_kinds(request->user_agent);

    for (unsigned i = 0; i < N_KINDS; i++) {
        if (!akma_anchors_have(self->front->anchors, (AkmaAnchorKind)i))
            kinds &= ~AKMA_DIGEST_KIND(i);
    }

    return kinds;
}

static bool
find_kind(const AkmaDigestFace *self, const char *realm, unsigned kinds, AkmaAnchorKind *ret)
{
    for (unsigned i = 0; i < N_KINDS; i++) {
        if ((kinds & AKMA_DIGEST_KIND(i)) && strcmp(self->realms[i], realm) == 0) {
            *ret = (AkmaAnchorKind)i;
            return true;
        }
    }

    return false;
}

/* One with credentials: are they for us, and fresh? */
static void
authenticate(AkmaDigestFace *self,
             AkmaH2Stream *stream,
             const AkmaH2Request *request,
             unsigned kinds)
{
    g_auto(AkmaDigestCredentials) credentials = {0};
    AkmaRefusal refusal;
    AkmaAnchorKind kind;
    unsigned wait_s = 0;

    if (!akma_digest_parse(request->authorization, &credentials) ||
        strcmp(credentials.uri, request->path) != 0) {
        akma_refuse(&refusal, AKMA_CAUSE_MALFORMED, "the Authorization field is not for this");
        akma_front_refuse(stream, &refusal, 0);
        return;
    }
    if (!find_kind(self, credentials.realm, kinds, &kind)) {
        akma_digest_face_challenge(self, stream, kinds, false);
        return;
    }
    if (!akma_digest_nonces_take(get_nonces(akma_h2_stream_get_conn(stream)),
                                 credentials.nonce,
                                 uv_now(self->front->loop))) {
        akma_digest_face_challenge(self, stream, kinds, true);
        return;
    }
    if (!akma_front_take_request(self->front, stream, &wait_s)) {
        akma_refuse(&refusal, AKMA_CAUSE_RATE_LIMITED, "too many requests");
        akma_figures_count_exchange(self->front->figures, kind, AKMA_PROFILE_DIGEST, refusal.cause);
        akma_front_refuse(stream, &refusal, wait_s);
        return;
    }

    akma_digest_exchange_begin(
        self, stream, request, kind, akma_digest_face_route(request->path), &credentials);
}

static void
on_request(AkmaH2Stream *stream, const AkmaH2Request *request, void *user_data)
{
    static const char no_kind[] = "User-Agent names no 3gpp-akma or 3gpp-gba that is served here";
    AkmaDigestFace *self = user_data;
    unsigned kinds;

    if (refuse_envelope(self, stream, request))
        return;

    kinds = get_kinds(self, request);
    if (!kinds)
        akma_front_refuse_plain(stream, 403, no_kind, AKMA_CAUSE_NONE, NULL, 0);
    else if (akma_digest_is_scheme(request->authorization))
        authenticate(self, stream, request, kinds);
    else
        akma_digest_face_challenge(self, stream, kinds, false);
}

static bool
on_accept(const struct sockaddr *peer, void *user_data)
{
    AkmaDigestFace *self = user_data;

    return akma_front_handlers.accept(peer, self->front);
}

static void
on_limited(AkmaH2Limit limit, void *user_data)
{
    const AkmaDigestFace *self = user_data;

    akma_front_handlers.limited(limit, self->front);
}

const AkmaH2Handlers akma_digest_face_handlers = {
    .accept = on_accept,
    .request = on_request,
    .limited = on_limited,
};
