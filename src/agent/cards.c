/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/cards.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "kdf/hmac.h"

#define GROUPS_MAX 128 /* a modem for each socket there ever was */
#define PIN_DIGEST 4
#define KID_DIGEST 16

/*
 * The file: [modem ID] sim-id=..., [card SIM-ID] or [card ID of its modem] tried-pin=...,
 * [kid SIM-ID] known=... or refused=...
 */
struct _AkmaCards {
    gatomicrefcount refs;
    char *path;
    AkmaSecret *key;
    GKeyFile *file;
};

AkmaCards *
akma_cards_new(const char *state_dir, AkmaSecret *key)
{
    AkmaCards *self = g_new0(AkmaCards, 1);
    g_autoptr(GError) error = NULL;

    g_atomic_ref_count_init(&self->refs);
    self->path = g_build_filename(state_dir, "cards", NULL);
    self->key = akma_secret_ref(key);
    self->file = g_key_file_new();
    if (!g_key_file_load_from_file(self->file, self->path, G_KEY_FILE_NONE, &error) &&
        !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_warning("%s: %s, begun again", self->path, error->message);
        g_key_file_unref(self->file);
        self->file = g_key_file_new();
    }

    return self;
}

AkmaCards *
akma_cards_ref(AkmaCards *self)
{
    g_atomic_ref_count_inc(&self->refs);

    return self;
}

void
akma_cards_unref(AkmaCards *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;

    g_key_file_unref(self->file);
    akma_secret_unref(self->key);
    g_free(self->path);
    g_free(self);
}

/* A path may hold what a group may not. */
static char *
dup_modem_group(const char *modem)
{
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, modem, -1);

    return g_strdup_printf("modem %.16s", digest);
}

static char *
dup_card_group(const char *modem, const char *sim_id)
{
    return sim_id[0] != '\0' ? g_strdup_printf("card %s", sim_id)
                             : g_strdup_printf("card in %s", modem);
}

/* The oldest go; a group that changes moves to the end. */
static void
limit(AkmaCards *self)
{
    gsize n;
    g_auto(GStrv) groups = g_key_file_get_groups(self->file, &n);

    for (gsize i = 0; i + GROUPS_MAX < n; i++)
        g_key_file_remove_group(self->file, groups[i], NULL);
}

static char *
dup_kid_group(const char *sim_id)
{
    return g_strdup_printf("kid %s", sim_id);
}

static bool
save(AkmaCards *self, GError **error)
{
    g_autofree char *text = NULL;
    gsize len;

    limit(self);
    text = g_key_file_to_data(self->file, &len, NULL);

    return akma_file_replace(self->path, text, len, 0600, error);
}

static void
save_or_warn(AkmaCards *self)
{
    g_autoptr(GError) error = NULL;

    if (!save(self, &error))
        g_warning("%s", error->message);
}

static void
set_only(AkmaCards *self, const char *group, const char *key, const char *value)
{
    g_key_file_remove_group(self->file, group, NULL);
    g_key_file_set_string(self->file, group, key, value);
}

/* The PIN of the card with @sim_id, or of the one without that is in @modem. */
static bool
forget_pin(AkmaCards *self, const char *modem_group, const char *sim_id)
{
    g_autofree char *known = dup_card_group(modem_group, sim_id);
    g_autofree char *unknown = dup_card_group(modem_group, "");
    bool any = g_key_file_remove_group(self->file, known, NULL);

    return g_key_file_remove_group(self->file, unknown, NULL) || any;
}

static bool
forget_card(AkmaCards *self, const char *modem_group, const char *sim_id)
{
    g_autofree char *kid = dup_kid_group(sim_id);
    bool any = forget_pin(self, modem_group, sim_id);

    return g_key_file_remove_group(self->file, kid, NULL) || any;
}

bool
akma_cards_is_other(const AkmaCards *self, const char *modem, const char *sim_id)
{
    g_autofree char *group = dup_modem_group(modem);
    g_autofree char *before = g_key_file_get_string(self->file, group, "sim-id", NULL);

    return before && sim_id[0] != '\0' && !g_str_equal(before, sim_id);
}

void
akma_cards_set(AkmaCards *self, const char *modem, const char *sim_id)
{
    g_autofree char *group = dup_modem_group(modem);
    g_autofree char *before = g_key_file_get_string(self->file, group, "sim-id", NULL);

    if (sim_id[0] == '\0' || g_strcmp0(before, sim_id) == 0)
        return;
    if (before)
        forget_card(self, group, before);
    set_only(self, group, "sim-id", sim_id);
    save_or_warn(self);
}

void
akma_cards_taken_out(AkmaCards *self, const char *modem)
{
    g_autofree char *group = dup_modem_group(modem);
    g_autofree char *before = g_key_file_get_string(self->file, group, "sim-id", NULL);

    if (forget_card(self, group, before ? before : ""))
        save_or_warn(self);
}

/* @len bytes of the HMAC of @data under @label, for @card, in hex. */
static bool
digest(const AkmaCards *self,
       const char *label,
       const char *card,
       const void *data,
       size_t data_len,
       size_t len,
       char *ret,
       GError **error)
{
    size_t key_len;
    const uint8_t *key = akma_secret_peek(self->key, &key_len);
    const AkmaHmacPiece pieces[] = {
        {label, strlen(label) + 1}, {card, strlen(card) + 1}, {data, data_len}};
    uint8_t mac[32];

    if (!akma_hmac_sha256(key, key_len, pieces, G_N_ELEMENTS(pieces), mac, error))
        return false;
    akma_hex_encode(mac, len, ret);

    return true;
}

/* Short, since nothing more is asked of it than to tell one file of a person from the next. */
static bool
digest_pin(const AkmaCards *self,
           const char *card,
           const AkmaSecret *pin,
           char ret[static 2 * PIN_DIGEST + 1],
           GError **error)
{
    size_t len;
    const uint8_t *digits = akma_secret_peek(pin, &len);

    return digest(self, "akmad pin-file", card, digits, len, PIN_DIGEST, ret, error);
}

static bool
digest_kid(const AkmaCards *self,
           const char *sim_id,
           const char *kid,
           char ret[static 2 * KID_DIGEST + 1])
{
    g_autoptr(GError) error = NULL;
    bool ok = digest(self, "akmad kid", sim_id, kid, strlen(kid), KID_DIGEST, ret, &error);

    if (!ok)
        g_warning("%s", error->message);

    return ok;
}

GError *
akma_cards_wrong_pin_error_new(void)
{
    return g_error_new_literal(AKMA_ERROR,
                               AKMA_ERROR_PIN_REQUIRED,
                               "the PIN in pin-file= was not right for this card; it is not given "
                               "again until the card was out or the file has another one");
}

bool
akma_cards_begin_pin(
    AkmaCards *self, const char *modem, const char *sim_id, const AkmaSecret *pin, GError **error)
{
    g_autofree char *modem_group = dup_modem_group(modem);
    g_autofree char *group = dup_card_group(modem_group, sim_id);
    g_autofree char *before = g_key_file_get_string(self->file, group, "tried-pin", NULL);
    char now[2 * PIN_DIGEST + 1];

    if (!digest_pin(self, group, pin, now, error))
        return false;
    if (g_strcmp0(before, now) == 0) {
        g_propagate_error(error, akma_cards_wrong_pin_error_new());
        return false;
    }

    set_only(self, group, "tried-pin", now);

    return save(self, error);
}

void
akma_cards_end_pin(AkmaCards *self, const char *modem, const char *sim_id)
{
    g_autofree char *group = dup_modem_group(modem);

    if (forget_pin(self, group, sim_id))
        save_or_warn(self);
}

void
akma_cards_note_kid(AkmaCards *self, const char *sim_id, const char *kid, bool is_known)
{
    g_autofree char *group = dup_kid_group(sim_id);
    const char *outcome = is_known ? "known" : "refused";
    g_autofree char *before = g_key_file_get_string(self->file, group, outcome, NULL);
    char now[2 * KID_DIGEST + 1];

    if (sim_id[0] == '\0' || !digest_kid(self, sim_id, kid, now) || g_strcmp0(before, now) == 0)
        return;
    set_only(self, group, outcome, now);
    save_or_warn(self);
}

bool
akma_cards_recall_kid(const AkmaCards *self, const char *sim_id, const char *kid, bool *ret)
{
    g_autofree char *group = dup_kid_group(sim_id);
    g_autofree char *known = g_key_file_get_string(self->file, group, "known", NULL);
    g_autofree char *refused = g_key_file_get_string(self->file, group, "refused", NULL);
    char now[2 * KID_DIGEST + 1];

    if (!digest_kid(self, sim_id, kid, now) ||
        (g_strcmp0(known, now) != 0 && g_strcmp0(refused, now) != 0))
        return false;
    *ret = g_strcmp0(known, now) == 0;

    return true;
}
