/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ub: the BSF towards terminals: bootstrapping by HTTP Digest with AKAv1-MD5. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/error.h"
#include "base/redact.h"
#include "base/text.h"
#include "kdf/gba.h"
#include "lab/auc.h"
#include "lab/digest.h"
#include "lab/roles.h"

#define ALGORITHM       "AKAv1-MD5"
#define BSF_TYPE        "application/vnd.3gpp.bsf+xml"
#define TMPI_DOMAIN     "@tmpi.bsf.3gppnetwork.org"
#define TMPI_UA_ID      "0100000100" /* TS 33.220 H.3 */
#define TMPI_LEN        24
#define SERVER_DATA_LEN 8
#define OPAQUE_LEN      16
#define CNONCE_MAX      256
#define MAC_AT          8 /* in AUTN */
#define MAC_LEN         8
#define CHALLENGES_MAX  1024
#define CHALLENGE_US    (60 * G_USEC_PER_SEC)

/* One authentication between challenge and response. */
typedef struct {
    char *nonce;
    char opaque[AKMA_HEX_LEN(OPAQUE_LEN) + 1];
    char *supi;
    gint64 deadline_us;
    bool gba_u;
    AkmaGbaVector vector; /* AUTN and XRES as this way of GBA has them */
} Challenge;

struct _AkmaLabChallenges {
    GHashTable *by_nonce; /* owns */
    GQueue order;         /* the oldest first, borrowed */
};

static void
challenge_free(Challenge *self)
{
    g_free(self->nonce);
    g_free(self->supi);
    OPENSSL_cleanse(self, sizeof *self);
    g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Challenge, challenge_free)

AkmaLabChallenges *
akma_lab_challenges_new(void)
{
    AkmaLabChallenges *self = g_new0(AkmaLabChallenges, 1);

    self->by_nonce =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)challenge_free);
    g_queue_init(&self->order);

    return self;
}

void
akma_lab_challenges_free(AkmaLabChallenges *self)
{
    if (!self)
        return;

    g_queue_clear(&self->order);
    g_hash_table_unref(self->by_nonce);
    g_free(self);
}

/* A nonce counts once: who takes it has it. NULL: unknown, used, too old, or of somebody else. */
static Challenge *
take(AkmaLabChallenges *self, const char *nonce, const char *supi)
{
    g_autoptr(Challenge) challenge = g_hash_table_lookup(self->by_nonce, nonce);

    if (!challenge)
        return NULL;
    g_queue_remove(&self->order, challenge);
    g_hash_table_steal(self->by_nonce, nonce);
    if (challenge->deadline_us <= g_get_monotonic_time() || strcmp(challenge->supi, supi) != 0)
        return NULL;

    return g_steal_pointer(&challenge);
}

static void
put(AkmaLabChallenges *self, Challenge *challenge)
{
    Challenge *oldest;

    while (
        (oldest = g_queue_peek_head(&self->order)) &&
        (self->order.length >= CHALLENGES_MAX || oldest->deadline_us <= g_get_monotonic_time())) {
        g_queue_pop_head(&self->order);
        g_hash_table_remove(self->by_nonce, oldest->nonce);
    }
    g_hash_table_insert(self->by_nonce, challenge->nonce, challenge);
    g_queue_push_tail(&self->order, challenge);
}

/*= TS 33.220 5.3.2: MAC* = MAC xor Trunc(SHA-1(IK)), and the last bit of RES is flipped */
static bool
hide_from_terminal(AkmaGbaVector *vector)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    bool ok =
        EVP_Digest(vector->ik.bytes, sizeof vector->ik.bytes, hash, NULL, EVP_sha1(), NULL) == 1;

    for (size_t i = 0; i < MAC_LEN; i++)
        vector->autn[MAC_AT + i] ^= hash[i];
    vector->xres[sizeof vector->xres - 1] ^= 1;
    OPENSSL_cleanse(hash, sizeof hash);

    return ok;
}

/*= RFC 3310 3.2: nonce = base64(RAND || AUTN || server data) */
static bool
name_challenge(Challenge *self, GError **error)
{
    uint8_t bytes[32 + SERVER_DATA_LEN];
    uint8_t opaque[OPAQUE_LEN];
    char nonce[AKMA_BASE64_LEN(sizeof bytes) + 1];

    memcpy(bytes, self->vector.rand, 16);
    memcpy(bytes + 16, self->vector.autn, 16);
    if (RAND_bytes(bytes + 32, SERVER_DATA_LEN) != 1 || RAND_bytes(opaque, sizeof opaque) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "libcrypto: no randomness");
        return false;
    }
    akma_base64_encode(bytes, sizeof bytes, nonce);
    akma_hex_encode(opaque, sizeof opaque, self->opaque);
    self->nonce = g_strdup(nonce);

    return true;
}

static Challenge *
new_challenge(AkmaLab *lab, AkmaSubscriber *subscriber, GError **error)
{
    g_autoptr(Challenge) self = g_new0(Challenge, 1);

    self->supi = g_strdup(subscriber->supi);
    self->gba_u = subscriber->gba == AKMA_GBA_U;
    self->deadline_us = g_get_monotonic_time() + CHALLENGE_US;
    /* an SQN is used only after it is written: a restart never gives one twice */
    if (!akma_auc_make_gba_vector(subscriber, &self->vector, error) ||
        !akma_lab_state_save(lab, error))
        return NULL;
    if (self->gba_u && !hide_from_terminal(&self->vector)) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "libcrypto: SHA-1");
        return NULL;
    }
    if (!name_challenge(self, error))
        return NULL;

    return g_steal_pointer(&self);
}

static void
ask(AkmaLab *lab, AkmaSubscriber *subscriber, bool stale, AkmaLabAnswer *answer)
{
    g_autoptr(GError) error = NULL;
    Challenge *challenge = new_challenge(lab, subscriber, &error);

    if (!challenge) {
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", error->message);
        return;
    }

    put(lab->challenges, challenge);
    akma_lab_problem(answer, 401, "UNAUTHORIZED", NULL);
    answer->digest = g_strdup_printf("Digest realm=\"%s\", nonce=\"%s\", opaque=\"%s\", "
                                     "algorithm=" ALGORITHM ", qop=\"auth-int\"%s",
                                     subscriber->bsf,
                                     challenge->nonce,
                                     challenge->opaque,
                                     stale ? ", stale=true" : "");
}

/*= TS 33.220 B.4: TMPI = base64(24 octets of KDF(Ks, "gba-me", RAND, IMPI, BSF_Id))@tmpi.bsf... */
static bool
remember_tmpi(AkmaLab *lab,
              const AkmaSubscriber *subscriber,
              const Challenge *challenge,
              GError **error)
{
    g_autofree char *wire = g_strconcat(subscriber->bsf, TMPI_UA_ID, NULL);
    g_autofree char *tmpi = NULL;
    g_auto(AkmaKey256) key = {0};
    char user[AKMA_BASE64_LEN(TMPI_LEN) + 1];
    AkmaAfId bsf_id;

    if (!akma_af_id_parse_wire(wire, &bsf_id, error) || !akma_kdf_ks_naf(&challenge->vector.ck,
                                                                         &challenge->vector.ik,
                                                                         challenge->vector.rand,
                                                                         subscriber->impi,
                                                                         &bsf_id,
                                                                         &key,
                                                                         error))
        return false;
    akma_base64_encode(key.bytes, TMPI_LEN, user);
    tmpi = g_strconcat(user, TMPI_DOMAIN, NULL);
    akma_bootstraps_put_tmpi(lab->bootstraps, subscriber->supi, tmpi);

    return true;
}

/*= TS 33.220 4.5.2: B-TID = base64(RAND)@BSF name */
static char *
remember(AkmaLab *lab,
         const AkmaSubscriber *subscriber,
         const Challenge *challenge,
         int64_t created,
         GError **error)
{
    char user[AKMA_BASE64_LEN(16) + 1];
    g_autofree char *b_tid = NULL;
    AkmaBootstrap *bootstrap;

    akma_base64_encode(challenge->vector.rand, 16, user);
    b_tid = g_strconcat(user, "@", subscriber->bsf, NULL);
    bootstrap = akma_bootstrap_new(b_tid,
                                   subscriber->supi,
                                   challenge->vector.rand,
                                   &challenge->vector.ck,
                                   &challenge->vector.ik);
    if (!bootstrap) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "the secure heap is full");
        return NULL;
    }
    bootstrap->gba_u = challenge->gba_u;
    bootstrap->created = created;
    bootstrap->expiry = created + (int64_t)lab->options.gba_lifetime_s;
    akma_bootstraps_put(lab->bootstraps, bootstrap);

    return g_steal_pointer(&b_tid);
}

/*= TS 24.109 C.1: BootstrappingInfo has btid and lifetime, a time in UTC */
static void
succeed(AkmaLab *lab,
        const AkmaSubscriber *subscriber,
        const Challenge *challenge,
        const AkmaLabCredentials *credentials,
        AkmaLabAnswer *answer)
{
    int64_t created = g_get_real_time() / G_USEC_PER_SEC;
    g_autofree char *lifetime = akma_lab_dup_time(created + (int64_t)lab->options.gba_lifetime_s);
    g_autoptr(GError) error = NULL;
    g_autofree char *b_tid = remember(lab, subscriber, challenge, created, &error);
    g_autofree char *text = NULL;
    char proof[AKMA_LAB_MD5_SIZE];

    if (!b_tid || !remember_tmpi(lab, subscriber, challenge, &error)) {
        akma_lab_problem(answer, 503, "INSUFFICIENT_RESOURCES", error ? error->message : "no room");
        return;
    }
    text = g_strdup_printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<BootstrappingInfo xmlns=\"uri:3gpp-gba\">\n"
                           "  <btid>%s</btid>\n"
                           "  <lifetime>%s</lifetime>\n"
                           "</BootstrappingInfo>\n",
                           b_tid,
                           lifetime);

    /*= RFC 2617 3.2.3: rspauth is the digest without a method, over the body of the answer */
    if (!akma_lab_digest(credentials,
                         challenge->vector.xres,
                         sizeof challenge->vector.xres,
                         "",
                         (const uint8_t *)text,
                         strlen(text),
                         proof)) {
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", "libcrypto: MD5");
        return;
    }
    answer->proof = g_strdup_printf("qop=auth-int, rspauth=\"%s\", cnonce=\"%s\", nc=%s",
                                    proof,
                                    credentials->cnonce,
                                    credentials->nc);
    answer->status = 200;
    answer->content_type = BSF_TYPE;
    answer->text = g_steal_pointer(&text);
}

/*= TS 24.109 4.5: AUTS moves the SQN of the HSS, and the terminal is challenged again */
static void
resynchronise(AkmaLab *lab,
              AkmaSubscriber *subscriber,
              const Challenge *challenge,
              const char *text,
              AkmaLabAnswer *answer)
{
    g_autoptr(GError) error = NULL;
    uint8_t auts[14];
    size_t len;

    if (!akma_base64_decode(text, strlen(text), auts, sizeof auts, &len) || len != sizeof auts)
        akma_lab_problem(answer, 400, "INVALID_MSG_FORMAT", "auts: not 14 octets in base64");
    else if (akma_auc_resynchronise(subscriber, challenge->vector.rand, auts, &error))
        ask(lab, subscriber, false, answer);
    else if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED))
        akma_lab_problem(answer, 403, "AUTHENTICATION_REJECTED", "auts: its MAC-S is wrong");
    else
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", error->message);
}

/*= TS 24.109 4.2: qop is auth-int; a nonce is used once, so nc is 1 */
static bool
check_members(const AkmaLabCredentials *credentials,
              const AkmaSubscriber *subscriber,
              const Challenge *challenge,
              AkmaLabAnswer *answer)
{
    const struct {
        const char *name, *value, *wanted;
    } members[] = {
        {"realm", credentials->realm, subscriber->bsf},
        {"uri", credentials->uri, "/"},
        {"qop", credentials->qop, "auth-int"},
        {"nc", credentials->nc, "00000001"},
        {"algorithm", credentials->algorithm, ALGORITHM},
        {"opaque", credentials->opaque, challenge->opaque},
    };
    size_t cnonce_len = credentials->cnonce ? strlen(credentials->cnonce) : 0;
    const char *wrong = NULL;

    for (size_t i = 0; !wrong && i < G_N_ELEMENTS(members); i++) {
        if (g_strcmp0(members[i].value, members[i].wanted) != 0)
            wrong = members[i].name;
    }
    if (!wrong && (cnonce_len == 0 || cnonce_len > CNONCE_MAX))
        wrong = "cnonce";
    if (!wrong && !credentials->response)
        wrong = "response";
    if (wrong)
        akma_lab_problem(answer, 400, "INVALID_MSG_FORMAT", wrong);

    return !wrong;
}

static void
check_response(AkmaLab *lab,
               AkmaSubscriber *subscriber,
               const Challenge *challenge,
               const AkmaH2Request *request,
               const AkmaLabCredentials *credentials,
               AkmaLabAnswer *answer)
{
    char expected[AKMA_LAB_MD5_SIZE];

    if (!check_members(credentials, subscriber, challenge, answer))
        return;
    /*= RFC 3310 3.4: with AUTS the password is empty */
    if (!akma_lab_digest(credentials,
                         challenge->vector.xres,
                         credentials->auts ? 0 : sizeof challenge->vector.xres,
                         request->method,
                         request->body,
                         request->body_len,
                         expected)) {
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", "libcrypto: MD5");
        return;
    }
    if (strlen(credentials->response) != sizeof expected - 1 ||
        CRYPTO_memcmp(credentials->response, expected, sizeof expected - 1) != 0)
        akma_lab_problem(answer, 403, "AUTHENTICATION_REJECTED", "response: wrong");
    else if (credentials->auts)
        resynchronise(lab, subscriber, challenge, credentials->auts, answer);
    else
        succeed(lab, subscriber, challenge, credentials, answer);
}

/*= TS 33.220 4.5.2: the username is the IMPI or the TMPI that stands for it */
static AkmaSubscriber *
find_user(const AkmaLab *lab, const char *username)
{
    AkmaSubscriber *subscriber;
    const char *supi;

    if (g_str_has_suffix(username, TMPI_DOMAIN)) {
        supi = akma_bootstraps_find_tmpi(lab->bootstraps, username);
        subscriber = supi ? akma_subscribers_find(lab->subscribers, supi) : NULL;
    } else {
        subscriber = akma_subscribers_find_impi(lab->subscribers, username);
    }

    return subscriber && subscriber->gba != AKMA_GBA_NONE ? subscriber : NULL;
}

static bool
check_request(const AkmaH2Request *request, AkmaLabAnswer *answer)
{
    if (g_strcmp0(request->path, "/") != 0) {
        akma_lab_problem(answer, 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", NULL);
        return false;
    }
    answer->route = "Ub /";
    if (g_strcmp0(request->method, "GET") != 0) {
        akma_lab_problem(answer, 405, "METHOD_NOT_ALLOWED", NULL);
        answer->allow = "GET";
        return false;
    }
    if (request->too_large) {
        akma_lab_problem(answer, 413, "PAYLOAD_TOO_LARGE", NULL);
        return false;
    }

    return true;
}

/*= TS 24.109 4.2: GET with the identity, 401 with the challenge, GET with RES, 200 with B-TID */
void
akma_lab_handle_ub(AkmaLab *self, const AkmaH2Request *request, AkmaLabAnswer *ret)
{
    g_auto(AkmaLabCredentials) credentials = {0};
    g_autoptr(Challenge) challenge = NULL;
    AkmaSubscriber *subscriber;

    if (!check_request(request, ret))
        return;
    if (!request->authorization ||
        !akma_lab_credentials_parse(request->authorization, &credentials) ||
        !credentials.username) {
        akma_lab_problem(
            ret, 400, "INVALID_MSG_FORMAT", "Authorization: not Digest with a username");
        return;
    }
    ret->who = akma_log_redact(credentials.username);
    subscriber = find_user(self, credentials.username);
    if (!subscriber) {
        akma_lab_problem(ret, 403, "USER_NOT_FOUND", "nobody who may bootstrap");
        return;
    }
    if (!credentials.nonce || !*credentials.nonce) {
        ask(self, subscriber, false, ret);
        return;
    }

    challenge = take(self->challenges, credentials.nonce, subscriber->supi);
    if (challenge)
        check_response(self, subscriber, challenge, request, &credentials, ret);
    else
        ask(self, subscriber, true, ret);
}
