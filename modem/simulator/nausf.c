/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/nausf.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/wiping.h"

#define PATH_LEN_MAX 1024

static bool
refuse(GError **error, const char *message)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED, "the core's answer %s", message);

    return false;
}

/* Takes @root. */
static GBytes *
write_json(json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);
    size_t len = text ? strlen(text) : 0;

    json_decref(root);

    /* jansson allocates with the wiping functions */
    return g_bytes_new_with_free_func(text, len, akma_wiping_free, text);
}

GBytes *
akma_soft_nausf_write_request(const char *imsi,
                              const char *serving_network,
                              const uint8_t rand[16],
                              const uint8_t auts[14])
{
    g_autofree char *supi = g_strconcat("imsi-", imsi, NULL);
    json_t *root =
        json_pack("{s:s,s:s}", "supiOrSuci", supi, "servingNetworkName", serving_network);
    char rand_hex[AKMA_HEX_LEN(16) + 1];
    char auts_hex[AKMA_HEX_LEN(14) + 1];

    if (auts) {
        akma_hex_encode(rand, 16, rand_hex);
        akma_hex_encode(auts, 14, auts_hex);
        json_object_set_new(root,
                            "resynchronizationInfo",
                            json_pack("{s:s,s:s}", "rand", rand_hex, "auts", auts_hex));
    }

    return write_json(root);
}

GBytes *
akma_soft_nausf_write_confirmation(const uint8_t res_star[static 16])
{
    char hex[AKMA_HEX_LEN(16) + 1];

    akma_hex_encode(res_star, 16, hex);

    return write_json(json_pack("{s:s}", "resStar", hex));
}

static bool
get_hex(const json_t *object, const char *name, uint8_t *ret, size_t len)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) &&
           akma_hex_decode(json_string_value(value), json_string_length(value), ret, len);
}

/* The path of a link, which may be absolute: the core is asked where it was found. */
static char *
dup_path(const char *href)
{
    const char *scheme = href[0] == '/' ? NULL : strstr(href, "://");
    const char *path = scheme ? strchr(scheme + strlen("://"), '/') : href;

    if (!path || path[0] != '/' || strlen(path) > PATH_LEN_MAX)
        return NULL;
    for (const char *c = path; *c; c++) {
        if (!g_ascii_isgraph(*c) || *c == '#')
            return NULL;
    }

    return g_strdup(path);
}

bool
akma_soft_nausf_parse_challenge(const void *body,
                                size_t len,
                                AkmaSoftChallenge *ret,
                                GError **error)
{
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *type = json_object_get(root, "authType");
    const json_t *vector = json_object_get(root, "5gAuthData");
    const json_t *link = json_object_get(json_object_get(root, "_links"), "5g-aka");
    const json_t *href = json_object_get(link, "href");
    AkmaSoftChallenge challenge;
    bool fine = false;

    if (!json_is_object(root))
        refuse(error, "is no JSON object");
    else if (g_strcmp0(json_string_value(type), "5G_AKA") != 0)
        refuse(error, "is not for 5G AKA");
    else if (!get_hex(vector, "rand", challenge.rand, sizeof challenge.rand) ||
             !get_hex(vector, "autn", challenge.autn, sizeof challenge.autn) ||
             !get_hex(vector, "hxresStar", challenge.hxres_star, sizeof challenge.hxres_star))
        refuse(error, "has no complete vector");
    else if (!json_is_string(href) || !(challenge.confirmation = dup_path(json_string_value(href))))
        refuse(error, "has no link to confirm at");
    else
        fine = true;
    if (fine)
        *ret = challenge;
    json_decref(root);

    return fine;
}

bool
akma_soft_nausf_parse_confirmation(const void *body,
                                   size_t len,
                                   uint8_t ret_k_seaf[static 32],
                                   bool *ret_has_k_seaf,
                                   GError **error)
{
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    const char *result = json_string_value(json_object_get(root, "authResult"));
    bool has_k_seaf = json_object_get(root, "kseaf") != NULL;
    bool fine = false;

    if (!result)
        refuse(error, "says no result");
    else if (strcmp(result, "AUTHENTICATION_SUCCESS") != 0)
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_ANCHOR_REJECTED,
                    "the core does not take the response of the card");
    else if (has_k_seaf && !get_hex(root, "kseaf", ret_k_seaf, 32))
        refuse(error, "has a broken key");
    else
        fine = true;
    if (fine)
        *ret_has_k_seaf = has_k_seaf;
    json_decref(root);

    return fine;
}
