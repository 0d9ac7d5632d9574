/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/keys.h"

#include <openssl/rand.h>

#include "base/error.h"
#include "base/file.h"

AkmaSecret *
akma_keys_new_random(GError **error)
{
    g_autoptr(AkmaSecret) key = NULL;
    uint8_t *bytes;

    key = akma_secret_new_blank(AKMA_GATEWAY_KEY_LEN, &bytes, error);
    if (!key)
        return NULL;
    if (RAND_priv_bytes(bytes, AKMA_GATEWAY_KEY_LEN) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no random numbers");
        return NULL;
    }

    return g_steal_pointer(&key);
}

static AkmaSecret *
make(const char *path, GError **error)
{
    g_autoptr(AkmaSecret) key = akma_keys_new_random(error);
    size_t len;

    if (!key ||
        !akma_file_replace(path, akma_secret_peek(key, &len), AKMA_GATEWAY_KEY_LEN, 0600, error))
        return NULL;
    g_message("made %s", path);

    return g_steal_pointer(&key);
}

AkmaSecret *
akma_keys_load_or_make(const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    /* one that is there but unfit is never replaced: what it sealed would be lost */
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return make(path, error);

    return akma_file_read_secret(path, AKMA_GATEWAY_KEY_LEN, AKMA_GATEWAY_KEY_LEN, false, error);
}

bool
akma_keys_check_sealing(const AkmaConfig *config, const char *state_dir, GError **error)
{
    const AkmaSettings *settings = akma_config_get_settings(config);
    const char *file = akma_settings_get(settings, "agent", "sealing-key-file");
    g_autofree char *made = g_build_filename(state_dir, AKMA_KEYS_SEALING, NULL);
    g_autoptr(AkmaSecret) key = NULL;

    if (file ? g_str_has_prefix(file, "credential:") && !g_getenv("CREDENTIALS_DIRECTORY")
             : !g_file_test(made, G_FILE_TEST_EXISTS))
        return true;
    key = file ? akma_settings_read_secret(settings,
                                           "agent",
                                           "sealing-key-file",
                                           AKMA_GATEWAY_KEY_LEN,
                                           AKMA_GATEWAY_KEY_LEN,
                                           false,
                                           error)
               : akma_keys_load_or_make(state_dir, AKMA_KEYS_SEALING, error);

    return key != NULL;
}

AkmaSecret *
akma_keys_load_sim_id(const char *state_dir, GError **error)
{
    return akma_keys_load_or_make(state_dir, "sim-id.key", error);
}
