/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nbsp: the BSF towards NAFs: Nbsp_GBA bootstrapping-info-retrieval. */
#include <string.h>

#include "base/redact.h"
#include "base/text.h"
#include "kdf/gba.h"
#include "lab/roles.h"

/*= TS 29.309 NafId: nafFqdn and uaSecProtId, 10 hex digits */
static bool
read_naf_id(const AkmaLab *lab, const json_t *body, AkmaAfId *ret, AkmaLabAnswer *answer)
{
    const json_t *naf_id = json_object_get(body, "nafId");
    g_autofree char *wire = NULL;
    uint8_t ua_id[AKMA_UA_ID_LEN];
    const char *fqdn;

    if (!json_is_object(naf_id)) {
        akma_lab_problem(answer,
                         400,
                         naf_id ? "MANDATORY_IE_INCORRECT" : "MANDATORY_IE_MISSING",
                         "nafId: not an object");
        return false;
    }
    fqdn = akma_lab_read_string(naf_id, "nafFqdn", answer);
    if (!fqdn || !akma_lab_read_hex(naf_id, "uaSecProtId", ua_id, sizeof ua_id, answer))
        return false;
    wire = g_strconcat(fqdn, json_string_value(json_object_get(naf_id, "uaSecProtId")), NULL);
    if (!akma_af_id_parse_wire(wire, ret, NULL)) {
        akma_lab_problem(answer, 400, "MANDATORY_IE_INCORRECT", "nafFqdn: not a host name");
        return false;
    }

    return akma_lab_check_af(lab, ret, "nafId", answer);
}

static void
split(const AkmaSecret *ks, AkmaKey128 *ret_ck, AkmaKey128 *ret_ik)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(ks, &len);

    memcpy(ret_ck->bytes, bytes, sizeof *ret_ck);
    memcpy(ret_ik->bytes, bytes + sizeof *ret_ck, sizeof *ret_ik);
}

/* The keys of @bootstrap for this NAF; the one of the card only for who can use it. */
static json_t *
pack_keys(const AkmaBootstrap *bootstrap,
          const char *impi,
          const AkmaAfId *naf_id,
          bool gba_u_aware,
          GError **error)
{
    g_auto(AkmaKey128) ck = {0};
    g_auto(AkmaKey128) ik = {0};
    g_auto(AkmaKey256) me = {0};
    g_auto(AkmaKey256) uicc = {0};
    json_t *body;

    split(bootstrap->ks, &ck, &ik);
    if (!akma_kdf_ks_naf(&ck, &ik, bootstrap->rand, impi, naf_id, &me, error) ||
        !akma_kdf_ks_int_naf(&ck, &ik, bootstrap->rand, impi, naf_id, &uicc, error))
        return NULL;

    body = json_pack("{s:o}", "meKeyMaterial", akma_lab_json_hex(me.bytes, sizeof me.bytes));
    if (bootstrap->gba_u && gba_u_aware)
        json_object_set_new(
            body, "uiccKeyMaterial", akma_lab_json_hex(uicc.bytes, sizeof uicc.bytes));

    return body;
}

static json_t *
json_time(int64_t unix_s)
{
    g_autofree char *text = akma_lab_dup_time(unix_s);

    return json_string(text);
}

/*= TS 29.309 5.2.2.2.2: B-TID and NAF_Id give the keys, their end, and whose they are */
void
akma_lab_nbsp_retrieve(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer)
{
    bool gba_u_aware = akma_lab_read_bool(call->body, "gbaUAware", answer);
    const char *b_tid =
        answer->status == 0 ? akma_lab_read_string(call->body, "btId", answer) : NULL;
    const AkmaSubscriber *subscriber;
    const AkmaBootstrap *bootstrap;
    g_autoptr(GError) error = NULL;
    AkmaAfId naf_id;
    json_t *body;

    if (!b_tid || !read_naf_id(lab, call->body, &naf_id, answer))
        return;
    answer->who = akma_log_redact(b_tid);
    bootstrap = akma_bootstraps_find(lab->bootstraps, b_tid, g_get_real_time() / G_USEC_PER_SEC);
    subscriber = bootstrap ? akma_subscribers_find(lab->subscribers, bootstrap->supi) : NULL;
    if (!subscriber) {
        akma_lab_problem(answer, 404, "CONTEXT_NOT_FOUND", "btId: unknown, or its time is over");
        return;
    }

    body = pack_keys(bootstrap, subscriber->impi, &naf_id, gba_u_aware, &error);
    if (!body) {
        akma_lab_problem(answer, 500, "SYSTEM_FAILURE", error->message);
        return;
    }
    json_object_set_new(body, "keyExpiryTime", json_time(bootstrap->expiry));
    json_object_set_new(body, "bootstrappingInfoCreationTime", json_time(bootstrap->created));
    json_object_set_new(body, "gbaType", json_string("3G_GBA"));
    json_object_set_new(body, "impi", json_string(subscriber->impi));
    akma_lab_answer_set(answer, 200, body);
}
