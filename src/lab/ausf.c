/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ausf: 5G AKA over Nausf_UEAuthentication; after success the key goes to the AAnF. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/error.h"
#include "base/redact.h"
#include "base/text.h"
#include "kdf/fiveg.h"
#include "kdf/plmn.h"
#include "lab/auc.h"
#include "lab/roles.h"

#define PATH          "/nausf-auth/v1/ue-authentications/"
#define ID_LEN        16
#define PENDING_MAX   1024
#define PENDING_US    (60 * G_USEC_PER_SEC)
#define NID_LEN       11
#define CAUSE_INVALID "MANDATORY_IE_INCORRECT"

/* One authentication between challenge and confirmation. */
typedef struct {
    char id[AKMA_BASE64URL_LEN(ID_LEN) + 1];
    char *supi;
    char *sn;
    gint64 deadline_us;
    AkmaAuthVector vector;
} Pending;

struct _AkmaLabAuthentications {
    GHashTable *by_id; /* owns */
    GQueue order;      /* the oldest first, borrowed */
};

static void
pending_free(Pending *self)
{
    g_free(self->supi);
    g_free(self->sn);
    OPENSSL_cleanse(self, sizeof *self);
    g_free(self);
}

AkmaLabAuthentications *
akma_lab_authentications_new(void)
{
    AkmaLabAuthentications *self = g_new0(AkmaLabAuthentications, 1);

    self->by_id =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)pending_free);
    g_queue_init(&self->order);

    return self;
}

void
akma_lab_authentications_free(AkmaLabAuthentications *self)
{
    if (!self)
        return;

    g_queue_clear(&self->order);
    g_hash_table_unref(self->by_id);
    g_free(self);
}

static void
drop(AkmaLabAuthentications *self, Pending *pending)
{
    g_queue_remove(&self->order, pending);
    g_hash_table_remove(self->by_id, pending->id);
}

/* Drops what is too old, and the oldest where there are too many. */
static void
make_room(AkmaLabAuthentications *self)
{
    Pending *oldest;

    while ((oldest = g_queue_peek_head(&self->order))) {
        if (self->order.length < PENDING_MAX && oldest->deadline_us > g_get_monotonic_time())
            return;
        drop(self, oldest);
    }
}

static Pending *
find(AkmaLabAuthentications *self, const char *id)
{
    Pending *pending = g_hash_table_lookup(self->by_id, id);

    if (pending && pending->deadline_us <= g_get_monotonic_time()) {
        drop(self, pending);
        return NULL;
    }

    return pending;
}

/*= TS 29.503 6.3.6.3.2: ServingNetworkName is "5G:mnc<3>.mcc<3>.3gppnetwork.org[:<NID>]" */
static bool
check_serving_network(const char *name)
{
    char mnc[4] = "";
    char mcc[4] = "";
    g_autofree char *plain = NULL;
    const char *rest;

    if (strlen(name) < strlen("5G:mnc000.mcc000"))
        return false;
    memcpy(mnc, name + strlen("5G:mnc"), 3);
    memcpy(mcc, name + strlen("5G:mnc000.mcc"), 3);
    if (!akma_digits_check(mnc, 3, 3))
        return false;
    plain = akma_kdf_serving_network(mcc, mnc, NULL);
    if (!plain || !g_str_has_prefix(name, plain))
        return false;

    rest = name + strlen(plain);

    return !*rest || (*rest == ':' && strlen(rest + 1) == NID_LEN &&
                      strspn(rest + 1, "0123456789ABCDEF") == NID_LEN);
}

/* The UE asked for it: its SQN is ahead of ours. False: @answer has a problem. */
static bool
resynchronise(AkmaSubscriber *subscriber, const json_t *info, AkmaLabAnswer *answer)
{
    g_autoptr(GError) error = NULL;
    uint8_t rand[16];
    uint8_t auts[14];

    if (!json_is_object(info)) {
        akma_lab_problem(
            answer, 400, "OPTIONAL_IE_INCORRECT", "resynchronizationInfo: not an object");
        return false;
    }
    if (!akma_lab_read_hex(info, "rand", rand, sizeof rand, answer) ||
        !akma_lab_read_hex(info, "auts", auts, sizeof auts, answer))
        return false;
    if (akma_auc_resynchronise(subscriber, rand, auts, &error))
        return true;

    if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED))
        akma_lab_problem(answer, 403, "AUTHENTICATION_REJECTED", "auts: its MAC-S is wrong");
    else
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", error->message);

    return false;
}

static Pending *
pending_new(AkmaLab *lab, AkmaSubscriber *subscriber, const char *sn, GError **error)
{
    g_auto(AkmaAuthVector) vector = {0};
    uint8_t id[ID_LEN];
    Pending *pending;

    if (!akma_auc_make_vector(subscriber, sn, &vector, error))
        return NULL;
    /* an SQN is used only after it is written: a restart never gives one twice */
    if (!akma_lab_state_save(lab, error))
        return NULL;
    if (RAND_bytes(id, sizeof id) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "libcrypto: no randomness");
        return NULL;
    }

    pending = g_new0(Pending, 1);
    akma_base64url_encode(id, sizeof id, pending->id);
    pending->supi = g_strdup(subscriber->supi);
    pending->sn = g_strdup(sn);
    pending->deadline_us = g_get_monotonic_time() + PENDING_US;
    pending->vector = vector;

    make_room(lab->authentications);
    g_hash_table_insert(lab->authentications->by_id, pending->id, pending);
    g_queue_push_tail(&lab->authentications->order, pending);

    return pending;
}

static void
answer_with_challenge(const AkmaLab *lab,
                      const AkmaLabCall *call,
                      const Pending *pending,
                      AkmaLabAnswer *answer)
{
    const char *authority = call->request->authority;
    bool usable = authority && *authority && g_str_is_ascii(authority);
    g_autofree char *href = NULL;

    answer->location =
        usable
            ? g_strdup_printf(
                  "%s://%s" PATH "%s", lab->options.tls ? "https" : "http", authority, pending->id)
            : g_strconcat(PATH, pending->id, NULL);
    href = g_strconcat(answer->location, "/5g-aka-confirmation", NULL);
    akma_lab_answer_set(
        answer,
        201,
        json_pack("{s:s, s:{s:o, s:o, s:o}, s:{s:{s:s}}, s:s}",
                  "authType",
                  "5G_AKA",
                  "5gAuthData",
                  "rand",
                  akma_lab_json_hex(pending->vector.rand, sizeof pending->vector.rand),
                  "hxresStar",
                  akma_lab_json_hex(pending->vector.hxres_star, sizeof pending->vector.hxres_star),
                  "autn",
                  akma_lab_json_hex(pending->vector.autn, sizeof pending->vector.autn),
                  "_links",
                  "5g-aka",
                  "href",
                  href,
                  "servingNetworkName",
                  pending->sn));
    answer->content_type = "application/3gppHal+json";
}

/*= TS 29.509 5.2.2.2.2: POST with SUPI and serving network gives a challenge */
void
akma_lab_ausf_begin(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer)
{
    const char *supi = akma_lab_read_string(call->body, "supiOrSuci", answer);
    const char *sn = supi ? akma_lab_read_string(call->body, "servingNetworkName", answer) : NULL;
    const json_t *resync = json_object_get(call->body, "resynchronizationInfo");
    g_autoptr(GError) error = NULL;
    AkmaSubscriber *subscriber;
    Pending *pending;

    if (!supi || !sn)
        return;
    answer->who = akma_log_redact(supi);
    if (!check_serving_network(sn)) {
        akma_lab_problem(answer, 400, CAUSE_INVALID, "servingNetworkName: not a 5G name");
        return;
    }
    if (g_str_has_prefix(supi, "suci-")) {
        akma_lab_problem(
            answer, 501, "UNSUPPORTED_PROTECTION_SCHEME", "supiOrSuci: the lab takes a SUPI only");
        return;
    }
    subscriber = akma_subscribers_find(lab->subscribers, supi);
    if (!subscriber) {
        akma_lab_problem(answer, 404, "USER_NOT_FOUND", NULL);
        return;
    }
    if (resync && !resynchronise(subscriber, resync, answer))
        return;

    pending = pending_new(lab, subscriber, sn, &error);
    if (pending)
        answer_with_challenge(lab, call, pending, answer);
    else
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", error->message);
}

/*= TS 33.535 6.1: after primary authentication the AUSF gives A-KID and K_AKMA to the AAnF */
static bool
register_anchor(AkmaLab *lab,
                const AkmaSubscriber *subscriber,
                const Pending *pending,
                GError **error)
{
    const AkmaKey256 *k_ausf = &pending->vector.k_ausf;
    g_auto(AkmaKey256) k_akma = {0};
    g_autofree char *a_kid = NULL;
    uint8_t a_tid[32];

    if (!akma_kdf_k_akma(k_ausf, subscriber->imsi, &k_akma, error) ||
        !akma_kdf_a_tid(k_ausf, subscriber->imsi, a_tid, error))
        return false;
    a_kid = akma_kdf_a_kid(lab->options.a_kid_format,
                           subscriber->routing_indicator,
                           a_tid,
                           lab->options.a_kid_realm_prefix,
                           subscriber->mcc,
                           subscriber->mnc,
                           error);

    return a_kid && akma_anchor_keys_put(lab->anchor_keys, subscriber->supi, a_kid, &k_akma, error);
}

static void
succeed(AkmaLab *lab, const Pending *pending, AkmaLabAnswer *answer)
{
    const AkmaSubscriber *subscriber = akma_subscribers_find(lab->subscribers, pending->supi);
    g_auto(AkmaKey256) k_seaf = {0};
    g_autoptr(GError) error = NULL;

    if (!subscriber) {
        akma_lab_problem(answer, 404, "USER_NOT_FOUND", "gone since the challenge");
        return;
    }
    if ((subscriber->akma && !register_anchor(lab, subscriber, pending, &error)) ||
        !akma_kdf_k_seaf(&pending->vector.k_ausf, pending->sn, &k_seaf, &error)) {
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", error->message);
        return;
    }

    akma_lab_answer_set(answer,
                        200,
                        json_pack("{s:s, s:s, s:o}",
                                  "authResult",
                                  "AUTHENTICATION_SUCCESS",
                                  "supi",
                                  pending->supi,
                                  "kseaf",
                                  akma_lab_json_hex(k_seaf.bytes, sizeof k_seaf.bytes)));
}

/*= TS 29.509 5.2.2.2.2: PUT with RES* confirms; the context is used once */
void
akma_lab_ausf_confirm(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer)
{
    Pending *pending = find(lab->authentications, call->id);
    bool without = json_is_null(json_object_get(call->body, "resStar"));
    uint8_t res_star[16] = {0};

    if (!pending) {
        akma_lab_problem(answer, 404, "CONTEXT_NOT_FOUND", NULL);
        return;
    }
    answer->who = akma_log_redact(pending->supi);
    /* null: the SEAF itself found that RES* is wrong or did not come */
    if (!without && !akma_lab_read_hex(call->body, "resStar", res_star, sizeof res_star, answer))
        return;

    if (!without && CRYPTO_memcmp(res_star, pending->vector.xres_star, sizeof res_star) == 0)
        succeed(lab, pending, answer);
    else
        akma_lab_answer_set(
            answer, 200, json_pack("{s:s}", "authResult", "AUTHENTICATION_FAILURE"));
    drop(lab->authentications, pending);
}
