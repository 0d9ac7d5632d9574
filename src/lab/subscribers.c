/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/subscribers.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/settings.h"
#include "base/text.h"
#include "kdf/plmn.h"

#define AMF_SEPARATION_BIT 0x80
#define IMPI_MAX           253

struct _AkmaSubscribers {
    GHashTable *by_supi; /* SUPI -> AkmaSubscriber */
    GHashTable *by_gpsi; /* GPSI -> the same, borrowed */
    GHashTable *by_impi; /* IMPI -> the same, borrowed */
    GHashTable *afs;     /* FQDN -> GHashTable of identifiers in hex; NULL value: all of them */
    GHashTable *clients; /* id -> secret */
};

/* Keys are plain strings here: what is wrong with one is said below, without showing it. */
static const AkmaSettingRow rows[] = {
    {"subscriber *", "mnc-length", AKMA_SETTING_UINT, "2", NULL, false},
    {"subscriber *", "k", AKMA_SETTING_STRING, NULL, NULL, true},
    {"subscriber *", "opc", AKMA_SETTING_STRING, NULL, NULL, false},
    {"subscriber *", "op", AKMA_SETTING_STRING, NULL, NULL, false},
    {"subscriber *", "amf", AKMA_SETTING_HEX, "8000", NULL, false},
    {"subscriber *", "sqn", AKMA_SETTING_HEX, "000000000000", NULL, false},
    {"subscriber *", "routing-indicator", AKMA_SETTING_STRING, "0", NULL, false},
    {"subscriber *", "gpsi", AKMA_SETTING_STRING, NULL, NULL, false},
    {"subscriber *", "akma", AKMA_SETTING_BOOL, "true", NULL, false},
    {"subscriber *", "gba", AKMA_SETTING_STRING, "me", NULL, false},
    {"subscriber *", "impi", AKMA_SETTING_STRING, NULL, NULL, false},
    {"af *", "ua", AKMA_SETTING_LIST, NULL, NULL, false},
    {"client *", "secret", AKMA_SETTING_STRING, NULL, NULL, true},
};

static void
subscriber_free(AkmaSubscriber *self)
{
    if (!self)
        return;

    g_free(self->imsi);
    g_free(self->supi);
    g_free(self->gpsi);
    g_free(self->routing_indicator);
    g_free(self->impi);
    g_free(self->bsf);
    akma_milenage_clear(&self->keys);
    g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSubscriber, subscriber_free)

static void
secret_free(void *text)
{
    OPENSSL_cleanse(text, strlen(text));
    g_free(text);
}

static bool
read_hex(const AkmaSettings *settings,
         const char *group,
         const char *key,
         void *ret,
         size_t len,
         GError **error)
{
    const char *text = akma_settings_get(settings, group, key);

    if (!text || !akma_hex_decode(text, strlen(text), ret, len))
        return akma_settings_reject(
            settings, group, key, error, "is not %zu hex digits", AKMA_HEX_LEN(len));

    return true;
}

static bool
load_keys(const AkmaSettings *settings, const char *group, AkmaMilenage *ret, GError **error)
{
    bool has_op = akma_settings_has(settings, group, "op");
    g_auto(AkmaKey128) op = {0};

    if (has_op == akma_settings_has(settings, group, "opc"))
        return akma_settings_reject(settings, group, "opc", error, "set either opc or op");
    if (!read_hex(settings, group, "k", ret->k.bytes, sizeof ret->k.bytes, error))
        return false;
    if (!has_op)
        return read_hex(settings, group, "opc", ret->opc.bytes, sizeof ret->opc.bytes, error);

    return read_hex(settings, group, "op", op.bytes, sizeof op.bytes, error) &&
           akma_milenage_opc(&ret->k, &op, &ret->opc, error);
}

static bool
load_identity(const AkmaSettings *settings,
              const char *group,
              const char *name,
              AkmaSubscriber *ret,
              GError **error)
{
    uint64_t mnc_length = akma_settings_get_uint(settings, group, "mnc-length");

    if (!akma_digits_check(name, 6, 15))
        return akma_settings_reject(
            settings, group, NULL, error, "the name is not an IMSI of 6 to 15 digits");
    if (mnc_length != 2 && mnc_length != 3)
        return akma_settings_reject(settings, group, "mnc-length", error, "is neither 2 nor 3");

    ret->imsi = g_strdup(name);
    ret->supi = g_strconcat("imsi-", name, NULL);
    memcpy(ret->mcc, name, 3);
    memcpy(ret->mnc, name + 3, (size_t)mnc_length);
    ret->routing_indicator = g_strdup(akma_settings_get(settings, group, "routing-indicator"));
    if (!akma_digits_check(ret->routing_indicator, 1, 4))
        return akma_settings_reject(
            settings, group, "routing-indicator", error, "is not 1 to 4 digits");
    ret->gpsi = g_strdup(akma_settings_get(settings, group, "gpsi"));
    if (ret->gpsi && !g_str_has_prefix(ret->gpsi, "msisdn-") &&
        !g_str_has_prefix(ret->gpsi, "extid-"))
        return akma_settings_reject(
            settings, group, "gpsi", error, "begins with neither msisdn- nor extid-");

    return true;
}

/* user@domain, fit for a quoted string of HTTP without any quoting */
static bool
check_impi(const char *text)
{
    const char *at = strchr(text, '@');

    for (const char *c = text; *c; c++) {
        if (!g_ascii_isgraph(*c) || *c == '"' || *c == '\\')
            return false;
    }

    return at && at != text && at[1] != '\0' && !strchr(at + 1, '@') && strlen(text) <= IMPI_MAX;
}

/*= TS 23.003 13.3: without an ISIM the IMPI is <IMSI>@ims.mnc<3>.mcc<3>.3gppnetwork.org */
/*= TS 23.003 16.2: the BSF is bsf.mnc<3>.mcc<3>.pub.3gppnetwork.org */
static bool
load_gba(const AkmaSettings *settings, const char *group, AkmaSubscriber *ret, GError **error)
{
    const char *use = akma_settings_get(settings, group, "gba");
    const char *impi = akma_settings_get(settings, group, "impi");
    const char *pad = strlen(ret->mnc) == 2 ? "0" : "";

    if (strcmp(use, "me") == 0)
        ret->gba = AKMA_GBA_ME;
    else if (strcmp(use, "u") == 0)
        ret->gba = AKMA_GBA_U;
    else if (strcmp(use, "none") != 0)
        return akma_settings_reject(settings, group, "gba", error, "is none of me, u, none");

    ret->bsf = g_strdup_printf("bsf.mnc%s%s.mcc%s.pub.3gppnetwork.org", pad, ret->mnc, ret->mcc);
    ret->impi =
        impi ? g_strdup(impi)
             : g_strdup_printf(
                   "%s@ims.mnc%s%s.mcc%s.3gppnetwork.org", ret->imsi, pad, ret->mnc, ret->mcc);
    if (!check_impi(ret->impi))
        return akma_settings_reject(settings, group, "impi", error, "is not user@domain");

    return true;
}

static AkmaSubscriber *
load_subscriber(const AkmaSettings *settings, const char *name, GError **error)
{
    g_autoptr(AkmaSubscriber) self = g_new0(AkmaSubscriber, 1);
    g_autofree char *group = g_strconcat("subscriber ", name, NULL);
    uint8_t sqn[6] = {0};

    if (!load_identity(settings, group, name, self, error) ||
        !load_gba(settings, group, self, error) ||
        !load_keys(settings, group, &self->keys, error) ||
        !read_hex(settings, group, "amf", self->amf, sizeof self->amf, error) ||
        !read_hex(settings, group, "sqn", sqn, sizeof sqn, error))
        return NULL;

    /*= TS 33.501 6.1.3.2: the separation bit of AMF is 1 in a vector for 5G AKA */
    if (!(self->amf[0] & AMF_SEPARATION_BIT)) {
        akma_settings_reject(settings, group, "amf", error, "has no separation bit (8000)");
        return NULL;
    }
    for (size_t i = 0; i < sizeof sqn; i++)
        self->sqn = self->sqn << 8 | sqn[i];
    self->akma = akma_settings_get_bool(settings, group, "akma");

    return g_steal_pointer(&self);
}

static bool
load_subscribers(AkmaSubscribers *self, const AkmaSettings *settings, GError **error)
{
    g_auto(GStrv) names = akma_settings_dup_names(settings, "subscriber");

    for (size_t i = 0; names[i]; i++) {
        AkmaSubscriber *one = load_subscriber(settings, names[i], error);

        if (!one)
            return false;
        g_hash_table_insert(self->by_supi, one->supi, one);
        if (one->gpsi && !g_hash_table_insert(self->by_gpsi, one->gpsi, one)) {
            g_autofree char *group = g_strconcat("subscriber ", names[i], NULL);

            return akma_settings_reject(settings, group, "gpsi", error, "another one has it");
        }
        if (!g_hash_table_insert(self->by_impi, one->impi, one)) {
            g_autofree char *group = g_strconcat("subscriber ", names[i], NULL);

            return akma_settings_reject(settings, group, "impi", error, "another one has it");
        }
    }

    return true;
}

static bool
load_af(AkmaSubscribers *self, const AkmaSettings *settings, const char *name, GError **error)
{
    g_autofree char *group = g_strconcat("af ", name, NULL);
    const char *const *ids = akma_settings_get_list(settings, group, "ua");
    g_autoptr(GHashTable) allowed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *fqdn = NULL;
    AkmaAfId af_id;

    if (!akma_af_id_init(&af_id, name, AKMA_UA_MESSAGE, NULL))
        return akma_settings_reject(settings, group, NULL, error, "the name is not a host name");
    fqdn = akma_af_id_dup_fqdn(&af_id);

    for (size_t i = 0; ids[i]; i++) {
        uint8_t id[AKMA_UA_ID_LEN];

        if (!akma_hex_decode(ids[i], strlen(ids[i]), id, sizeof id))
            return akma_settings_reject(
                settings, group, "ua", error, "\"%s\" is not 10 hex digits", ids[i]);
        g_hash_table_add(allowed, g_ascii_strdown(ids[i], -1));
    }
    g_hash_table_replace(self->afs,
                         g_steal_pointer(&fqdn),
                         akma_settings_has(settings, group, "ua") ? g_steal_pointer(&allowed)
                                                                  : NULL);

    return true;
}

static void
unref_table(void *table)
{
    if (table)
        g_hash_table_unref(table);
}

AkmaSubscribers *
akma_subscribers_load(const char *file, GError **error)
{
    g_autoptr(AkmaSettings) settings =
        akma_settings_load(file, NULL, NULL, rows, G_N_ELEMENTS(rows), error);
    g_autoptr(AkmaSubscribers) self = NULL;
    g_auto(GStrv) afs = NULL;
    g_auto(GStrv) clients = NULL;

    if (!settings)
        return NULL;

    self = g_new0(AkmaSubscribers, 1);
    self->by_supi =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)subscriber_free);
    self->by_gpsi = g_hash_table_new(g_str_hash, g_str_equal);
    self->by_impi = g_hash_table_new(g_str_hash, g_str_equal);
    self->afs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_table);
    self->clients = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, secret_free);

    if (!load_subscribers(self, settings, error))
        return NULL;
    afs = akma_settings_dup_names(settings, "af");
    for (size_t i = 0; afs[i]; i++) {
        if (!load_af(self, settings, afs[i], error))
            return NULL;
    }
    clients = akma_settings_dup_names(settings, "client");
    for (size_t i = 0; clients[i]; i++) {
        g_autofree char *group = g_strconcat("client ", clients[i], NULL);

        g_hash_table_replace(self->clients,
                             g_strdup(clients[i]),
                             g_strdup(akma_settings_get(settings, group, "secret")));
    }

    return g_steal_pointer(&self);
}

void
akma_subscribers_free(AkmaSubscribers *self)
{
    if (!self)
        return;

    g_hash_table_unref(self->by_gpsi);
    g_hash_table_unref(self->by_impi);
    g_hash_table_unref(self->by_supi);
    g_hash_table_unref(self->afs);
    g_hash_table_unref(self->clients);
    g_free(self);
}

AkmaSubscriber *
akma_subscribers_find(const AkmaSubscribers *self, const char *supi)
{
    return g_hash_table_lookup(self->by_supi, supi);
}

AkmaSubscriber *
akma_subscribers_find_gpsi(const AkmaSubscribers *self, const char *gpsi)
{
    return g_hash_table_lookup(self->by_gpsi, gpsi);
}

AkmaSubscriber *
akma_subscribers_find_impi(const AkmaSubscribers *self, const char *impi)
{
    return g_hash_table_lookup(self->by_impi, impi);
}

static bool
same_keys(const AkmaSubscriber *a, const AkmaSubscriber *b)
{
    return CRYPTO_memcmp(&a->keys, &b->keys, sizeof a->keys) == 0;
}

void
akma_subscribers_take_sqn(AkmaSubscribers *self, const AkmaSubscribers *other)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->by_supi);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        AkmaSubscriber *one = value;
        const AkmaSubscriber *old = akma_subscribers_find(other, one->supi);

        if (old && same_keys(one, old))
            one->sqn = MAX(one->sqn, old->sqn);
    }
}

GPtrArray *
akma_subscribers_list(const AkmaSubscribers *self)
{
    GPtrArray *list = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, self->by_supi);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_add(list, value);

    return list;
}

bool
akma_subscribers_allow_af(const AkmaSubscribers *self, const AkmaAfId *af_id)
{
    g_autofree char *fqdn = akma_af_id_dup_fqdn(af_id);
    g_autofree char *wire = akma_af_id_dup_wire(af_id);
    gpointer allowed;

    if (g_hash_table_size(self->afs) == 0)
        return true;
    if (!g_hash_table_lookup_extended(self->afs, fqdn, NULL, &allowed))
        return false;

    return !allowed || g_hash_table_contains(allowed, wire + strlen(fqdn));
}

bool
akma_subscribers_know_client(const AkmaSubscribers *self, const char *id, const char *secret)
{
    const char *expected = g_hash_table_lookup(self->clients, id);
    size_t len = strlen(secret);

    if (g_hash_table_size(self->clients) == 0)
        return len > 0;

    return expected && strlen(expected) == len && CRYPTO_memcmp(expected, secret, len) == 0;
}
