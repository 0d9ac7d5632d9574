/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/sealing.h"

#include <string.h>

#include "agent/keys.h"
#include "agent/tpm-helper.h"
#include "base/error.h"
#include "base/file.h"

#define BIT(kind)           (1U << (kind))
#define TPM_FILE            "sealing.tpm"
#define CREDENTIAL_HOST     "akmad.sealing-host"
#define CREDENTIAL_TPM2     "akmad.sealing-tpm2"
#define FETCH_AGAIN         "or remove keys.sealed from state-dir: all keys are fetched again"
#define IS_THERE(set, kind) (((set)&BIT(kind)) != 0)

typedef struct {
    const AkmaConfig *config;
    const AkmaSettings *settings;
    const char *state_dir;
    AkmaTpmHelper tpm;
    AkmaSealingChoice choice;
} Opening;

static AkmaSealing
best_of(unsigned there)
{
    static const AkmaSealing best[] = {
        AKMA_SEALING_SYSTEMD_TPM2, AKMA_SEALING_TPM, AKMA_SEALING_SYSTEMD_HOST};

    for (size_t i = 0; i < G_N_ELEMENTS(best); i++) {
        if (IS_THERE(there, best[i]))
            return best[i];
    }

    return AKMA_SEALING_MADE;
}

AkmaSealing
akma_sealing_choose(const AkmaSealingChoice *choice)
{
    const AkmaSealing file = choice->is_named ? AKMA_SEALING_NAMED : AKMA_SEALING_MADE;
    AkmaSealing best = best_of(choice->there);

    if (g_str_equal(choice->setting, "file"))
        return file;
    if (g_str_equal(choice->setting, "tpm"))
        return AKMA_SEALING_TPM;
    if (g_str_equal(choice->setting, "systemd"))
        return choice->before == AKMA_SEALING_SYSTEMD_TPM2 || best == AKMA_SEALING_SYSTEMD_TPM2
                   ? AKMA_SEALING_SYSTEMD_TPM2
                   : AKMA_SEALING_SYSTEMD_HOST;
    if (choice->is_named)
        return file;
    /* what it sealed can be opened again when it is back */
    if (choice->before >= AKMA_SEALING_SYSTEMD_HOST && !IS_THERE(choice->there, choice->before))
        return choice->before;

    return MAX(best, choice->before >= AKMA_SEALING_SYSTEMD_HOST ? choice->before : best);
}

static const char *
get_name(const Opening *self, AkmaSealing kind)
{
    const char *file = akma_settings_get(self->settings, "agent", "sealing-key-file");

    switch (kind) {
    case AKMA_SEALING_NAMED:
        return file && g_str_has_prefix(file, "credential:") ? "credential" : "file";
    case AKMA_SEALING_SYSTEMD_HOST:
        return "systemd-host";
    case AKMA_SEALING_TPM:
        return "tpm";
    case AKMA_SEALING_SYSTEMD_TPM2:
        return "systemd-tpm2";
    case AKMA_SEALING_UNKNOWN:
    case AKMA_SEALING_MADE:
        return "file";
    }

    return "file";
}

/* NULL: systemd delivers no such credential. */
static char *
find_credential(const char *name)
{
    const char *folder = g_getenv("CREDENTIALS_DIRECTORY");
    g_autofree char *path = folder ? g_build_filename(folder, name, NULL) : NULL;

    return path && g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}

static AkmaSecret *
load_credential(const char *name, GError **error)
{
    g_autofree char *path = find_credential(name);

    if (!path) {
        g_set_error(
            error,
            AKMA_ERROR,
            AKMA_ERROR_STORE_FAILED,
            "systemd delivers no credential %s, which is to seal the keys; next: see that "
            "/etc/credstore.encrypted/%s is there and start akmad as its unit, " FETCH_AGAIN,
            name,
            name);
        return NULL;
    }

    return akma_file_read_secret(path, AKMA_GATEWAY_KEY_LEN, AKMA_GATEWAY_KEY_LEN, false, error);
}

static AkmaSecret *
unseal(const Opening *self, const char *path, GError **error)
{
    g_autofree char *blob = NULL;
    g_autoptr(GError) local = NULL;
    gsize len;

    if (!g_file_get_contents(path, &blob, &len, &local)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "%s", local->message);
        return NULL;
    }

    return akma_tpm_helper_unseal(&self->tpm, blob, len, error);
}

static AkmaSecret *
make_for_tpm(const Opening *self, const char *path, GError **error)
{
    g_autoptr(AkmaSecret) key = akma_keys_new_random(error);
    g_autoptr(GByteArray) blob = key ? akma_tpm_helper_seal(&self->tpm, key, error) : NULL;

    if (!blob || !akma_file_replace(path, blob->data, blob->len, 0600, error))
        return NULL;
    g_message("made %s", path);

    return g_steal_pointer(&key);
}

/* One that seals nothing is made anew: the PCRs may have changed since. */
static AkmaSecret *
load_from_tpm(const Opening *self, GError **error)
{
    g_autofree char *path = g_build_filename(self->state_dir, TPM_FILE, NULL);
    bool in_use = self->choice.before == AKMA_SEALING_TPM && g_file_test(path, G_FILE_TEST_EXISTS);

    return in_use ? unseal(self, path, error) : make_for_tpm(self, path, error);
}

static AkmaSecret *
load(const Opening *self, AkmaSealing kind, GError **error)
{
    switch (kind) {
    case AKMA_SEALING_NAMED:
        return akma_settings_read_secret(self->settings,
                                         "agent",
                                         "sealing-key-file",
                                         AKMA_GATEWAY_KEY_LEN,
                                         AKMA_GATEWAY_KEY_LEN,
                                         false,
                                         error);
    case AKMA_SEALING_SYSTEMD_HOST:
        return load_credential(CREDENTIAL_HOST, error);
    case AKMA_SEALING_TPM:
        return load_from_tpm(self, error);
    case AKMA_SEALING_SYSTEMD_TPM2:
        return load_credential(CREDENTIAL_TPM2, error);
    case AKMA_SEALING_UNKNOWN:
    case AKMA_SEALING_MADE:
        break;
    }

    return akma_keys_load_or_make(self->state_dir, AKMA_KEYS_SEALING, error);
}

/* Files of ours that held the key of @kind; NULL: it has none. */
static char *
dup_file_of(const Opening *self, AkmaSealing kind)
{
    const char *name = kind == AKMA_SEALING_MADE  ? AKMA_KEYS_SEALING
                       : kind == AKMA_SEALING_TPM ? TPM_FILE
                                                  : NULL;

    return name ? g_build_filename(self->state_dir, name, NULL) : NULL;
}

/* The key that sealed the file so far; never made. */
static AkmaSecret *
load_old(const Opening *self, AkmaSealing now)
{
    const AkmaSealing before = self->choice.before;
    g_autofree char *file = dup_file_of(self, before);
    g_autoptr(GError) error = NULL;
    AkmaSecret *key;

    if (before == AKMA_SEALING_UNKNOWN || before == now ||
        (before == AKMA_SEALING_NAMED && !self->choice.is_named) ||
        (file && !g_file_test(file, G_FILE_TEST_EXISTS)))
        return NULL;

    key = load(self, before, &error);
    if (!key)
        g_warning("keys.sealed is sealed with %s: %s", get_name(self, before), error->message);

    return key;
}

/* The first kind that works, beginning with the one that is to be used; no silent step down. */
static AkmaSecret *
load_new(Opening *self, AkmaSealing *ret_kind, GError **error)
{
    bool is_auto = g_str_equal(self->choice.setting, "auto") && !self->choice.is_named;

    for (;;) {
        g_autoptr(GError) local = NULL;
        AkmaSealing kind = akma_sealing_choose(&self->choice);
        AkmaSecret *key = load(self, kind, &local);

        *ret_kind = kind;
        if (key)
            return key;
        if (!is_auto || kind == self->choice.before || kind == AKMA_SEALING_MADE) {
            g_propagate_error(error, g_steal_pointer(&local));
            return NULL;
        }
        g_warning("sealing with %s: %s; what comes next best is taken",
                  get_name(self, kind),
                  local->message);
        self->choice.there &= ~BIT(kind);
    }
}

static void
begin(Opening *self)
{
    const AkmaSettings *settings = self->settings;
    g_autofree char *host = find_credential(CREDENTIAL_HOST);
    g_autofree char *tpm2 = find_credential(CREDENTIAL_TPM2);
    uint8_t before = akma_store_read_kind(self->state_dir);

    self->tpm = akma_config_get_tpm(self->config);
    self->choice = (AkmaSealingChoice){
        .setting = akma_settings_get(settings, "agent", "sealing"),
        .is_named = akma_settings_get(settings, "agent", "sealing-key-file") != NULL,
        .there = (host ? BIT(AKMA_SEALING_SYSTEMD_HOST) : 0) |
                 (tpm2 ? BIT(AKMA_SEALING_SYSTEMD_TPM2) : 0) |
                 (akma_tpm_helper_is_there(&self->tpm) ? BIT(AKMA_SEALING_TPM) : 0),
        .before = before <= AKMA_SEALING_SYSTEMD_TPM2 ? (AkmaSealing)before : AKMA_SEALING_UNKNOWN,
    };
}

/* The file is sealed with @kind from now on. */
static bool
move(const Opening *self, AkmaStore *store, AkmaSecret *key, AkmaSealing kind, GError **error)
{
    const AkmaSealing before = self->choice.before;
    g_autofree char *old_file = dup_file_of(self, before);

    if (!akma_store_reseal(store, key, (uint8_t)kind, error))
        return false;
    if (before == kind)
        return true;
    g_message("keys.sealed was sealed with %s, and is with %s now",
              get_name(self, before),
              get_name(self, kind));
    if (old_file && akma_file_shred(old_file))
        g_message("removed %s", old_file);

    return true;
}

AkmaStore *
akma_sealing_open_store(const AkmaConfig *config,
                        const char *state_dir,
                        const char **ret_name,
                        GError **error)
{
    Opening self = {
        .config = config,
        .settings = akma_config_get_settings(config),
        .state_dir = state_dir,
    };
    g_autoptr(AkmaStore) store = NULL;
    g_autoptr(AkmaSecret) key = NULL;
    g_autoptr(AkmaSecret) old_key = NULL;
    AkmaSealing kind;
    bool damaged;

    begin(&self);
    key = load_new(&self, &kind, error);
    if (!key)
        return NULL;
    old_key = load_old(&self, kind);
    store = akma_store_open(state_dir, old_key ? old_key : key, &damaged, error);
    if (!store)
        return NULL;

    if (damaged)
        g_warning("%s/keys.sealed does not open (torn, tampered, or under another sealing key); "
                  "kept as keys.sealed.bad, all keys are asked for again",
                  state_dir);
    if (old_key && !damaged) {
        if (!move(&self, store, key, kind, error))
            return NULL;
    } else if (!akma_store_reseal(store, key, (uint8_t)kind, error)) {
        return NULL;
    }
    *ret_name = get_name(&self, kind);
    g_info("keys are sealed with %s", *ret_name);

    return g_steal_pointer(&store);
}
