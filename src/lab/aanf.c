/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* aanf: the AKMA anchor function over Naanf_AKMA. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/redact.h"
#include "base/text.h"
#include "lab/roles.h"

#define A_KID_MIN 3

/* A NAI: printable, with one "@" that is not at an end; what is in it is opaque. */
static bool
check_a_kid(const char *text)
{
    size_t len = strlen(text);
    const char *at = strchr(text, '@');

    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isgraph(text[i]))
            return false;
    }

    return len >= A_KID_MIN && len <= AKMA_A_KID_MAX && at && at != text && at[1] != '\0' &&
           !strchr(at + 1, '@');
}

static const char *
read_a_kid(const json_t *body, AkmaLabAnswer *answer)
{
    const char *a_kid = akma_lab_read_string(body, "aKId", answer);

    if (a_kid && !check_a_kid(a_kid))
        return akma_lab_problem(answer, 400, "MANDATORY_IE_INCORRECT", "aKId: not username@realm");

    return a_kid;
}

/* Whom a registration is about: by SUPI or, since Release 18, by GPSI, never both. */
static const AkmaSubscriber *
read_subscriber(const AkmaLab *lab, const json_t *body, AkmaLabAnswer *answer)
{
    const char *supi = akma_lab_read_optional(body, "supi", answer);
    const char *gpsi = akma_lab_read_optional(body, "gpsi", answer);
    const AkmaSubscriber *subscriber;

    if (answer->status != 0)
        return NULL;
    if (!supi == !gpsi)
        return akma_lab_problem(
            answer, 400, "MANDATORY_IE_MISSING", "one of supi and gpsi must be there");

    answer->who = akma_log_redact(supi ? supi : gpsi);
    subscriber = supi ? akma_subscribers_find(lab->subscribers, supi)
                      : akma_subscribers_find_gpsi(lab->subscribers, gpsi);
    if (!subscriber)
        return akma_lab_problem(answer, 404, "USER_NOT_FOUND", NULL);
    if (!subscriber->akma)
        return akma_lab_problem(answer, 403, "AKMA_NOT_ALLOWED", "this subscriber has no AKMA");

    return subscriber;
}

/*= TS 29.535 5.1.4: register-anchorkey stores A-KID and K_AKMA and gives them back */
void
akma_lab_aanf_register(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer)
{
    const AkmaSubscriber *subscriber = read_subscriber(lab, call->body, answer);
    const char *a_kid = subscriber ? read_a_kid(call->body, answer) : NULL;
    g_auto(AkmaKey256) k_akma = {0};
    g_autoptr(GError) error = NULL;
    json_t *body;

    if (!a_kid ||
        !akma_lab_read_hex(call->body, "kAkma", k_akma.bytes, sizeof k_akma.bytes, answer))
        return;
    if (!akma_anchor_keys_put(lab->anchor_keys, subscriber->supi, a_kid, &k_akma, &error)) {
        if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT))
            akma_lab_problem(answer, 403, "A_KID_IN_USE", error->message);
        else
            akma_lab_problem(answer, 503, "INSUFFICIENT_RESOURCES", error->message);
        return;
    }

    body = json_pack(
        "{s:s, s:o}", "aKId", a_kid, "kAkma", akma_lab_json_hex(k_akma.bytes, sizeof k_akma.bytes));
    if (json_object_get(call->body, "supi"))
        json_object_set_new(body, "supi", json_string(subscriber->supi));
    else
        json_object_set_new(body, "gpsi", json_string(subscriber->gpsi));
    akma_lab_answer_set(answer, 200, body);
}

static bool
read_af_id(const AkmaLab *lab, const json_t *body, AkmaAfId *ret, AkmaLabAnswer *answer)
{
    const char *text = akma_lab_read_string(body, "afId", answer);

    if (!text)
        return false;
    if (!akma_af_id_parse_wire(text, ret, NULL)) {
        akma_lab_problem(answer,
                         400,
                         "MANDATORY_IE_INCORRECT",
                         "afId: not a host name and 10 hex digits of a Ua* protocol");
        return false;
    }

    return akma_lab_check_af(lab, ret, "afId", answer);
}

static json_t *
json_expiry(uint64_t lifetime_s)
{
    g_autofree char *text =
        akma_lab_dup_time(g_get_real_time() / G_USEC_PER_SEC + (int64_t)lifetime_s);

    return json_string(text);
}

void
akma_lab_retrieve(
    AkmaLab *lab, const json_t *body, bool with_supi, bool with_gpsi, AkmaLabAnswer *answer)
{
    bool anonymous = akma_lab_read_bool(body, "anonInd", answer);
    const char *a_kid = answer->status == 0 ? read_a_kid(body, answer) : NULL;
    const AkmaSubscriber *subscriber;
    const AkmaAnchorKey *key;
    g_auto(AkmaKey256) k_akma = {0};
    g_auto(AkmaKey256) k_af = {0};
    g_autoptr(GError) error = NULL;
    AkmaAfId af_id;
    json_t *data;
    size_t len;

    if (!a_kid || !read_af_id(lab, body, &af_id, answer))
        return;
    answer->who = akma_log_redact(a_kid);
    key = akma_anchor_keys_find(lab->anchor_keys, a_kid);
    subscriber = key ? akma_subscribers_find(lab->subscribers, key->supi) : NULL;
    if (!subscriber) {
        akma_lab_answer_set(answer, 204, NULL);
        return;
    }

    memcpy(k_akma.bytes, akma_secret_peek(key->k_akma, &len), sizeof k_akma.bytes);
    if (!akma_kdf_k_af(&k_akma, &af_id, &k_af, &error)) {
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", error->message);
        return;
    }

    /*= TS 33.535 5.2: K_AF has an explicit lifetime by the operator's policy */
    data = json_pack("{s:o, s:o}",
                     "kaf",
                     akma_lab_json_hex(k_af.bytes, sizeof k_af.bytes),
                     "expiry",
                     json_expiry(lab->options.kaf_lifetime_s));
    if (!anonymous && with_supi)
        json_object_set_new(data, "supi", json_string(subscriber->supi));
    if (!anonymous && with_gpsi && subscriber->gpsi)
        json_object_set_new(data, "gpsi", json_string(subscriber->gpsi));
    akma_lab_answer_set(answer, 200, data);
}

/*= TS 29.535 5.1.4: retrieve-applicationkey gives K_AF, or 204 where there is no material */
void
akma_lab_aanf_retrieve(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer)
{
    akma_lab_retrieve(lab, call->body, true, true, answer);
}

/*= TS 29.535 5.1.4: remove-context deletes what there is for the SUPI */
void
akma_lab_aanf_remove(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer)
{
    const char *supi = akma_lab_read_string(call->body, "supi", answer);

    if (!supi)
        return;
    answer->who = akma_log_redact(supi);
    if (akma_anchor_keys_remove(lab->anchor_keys, supi))
        akma_lab_answer_set(answer, 204, NULL);
    else
        akma_lab_problem(answer, 404, "CONTEXT_NOT_FOUND", NULL);
}
