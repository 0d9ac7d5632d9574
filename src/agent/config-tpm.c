/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* config-tpm: what [agent] says about sealing, and the way to the TPM. */
#include "agent/config-private.h"

#include <string.h>

#include "tpm/blob.h"

#define PCRS_USUAL    "7" /* whether and by whose keys the boot was secured; as systemd 252 */
#define TIMEOUT_MAX_S 60  /* systemd waits 90 s for a start */

/* A key file is for the kinds that take one. */
static bool
check_kind(const AkmaConfig *self, GError **error)
{
    const char *kind = akma_settings_get(self->settings, "agent", "sealing");

    if (akma_settings_has(self->settings, "agent", "sealing-key-file") &&
        (g_str_equal(kind, "tpm") || g_str_equal(kind, "systemd")))
        return akma_settings_reject(
            self->settings, "agent", "sealing-key-file", error, "has no part in sealing=%s", kind);

    return true;
}

/* "7;14" -> "7,14"; not set is not the same as set to nothing: bound to the TPM alone. */
static bool
load_pcrs(AkmaConfig *self, GError **error)
{
    const char *const *list = akma_settings_get_list(self->settings, "agent", "tpm-pcrs");
    uint32_t pcrs = 0;
    bool ok = true;

    if (!akma_settings_has(self->settings, "agent", "tpm-pcrs")) {
        self->tpm_pcrs = g_strdup(PCRS_USUAL);
        return true;
    }
    for (size_t i = 0; list[i]; i++)
        ok = ok && !strchr(list[i], ',') && akma_tpm_parse_pcrs(list[i], &pcrs);
    if (!ok)
        return akma_settings_reject(
            self->settings, "agent", "tpm-pcrs", error, "must be numbers from 0 to 23");
    self->tpm_pcrs = g_strjoinv(",", (char **)list);

    return true;
}

bool
akma_config_load_tpm(AkmaConfig *self, GError **error)
{
    const char *tcti = akma_settings_get(self->settings, "agent", "tpm-tcti");

    if (!tcti || !tcti[0] || tcti[0] == '-')
        return akma_settings_reject(
            self->settings, "agent", "tpm-tcti", error, "must be as device:/dev/tpmrm0");

    return load_pcrs(self, error) && check_kind(self, error) &&
           akma_config_read_uint(
               self, "agent", "tpm-timeout", 1, TIMEOUT_MAX_S, &self->tpm_timeout_s, error);
}

AkmaTpmHelper
akma_config_get_tpm(const AkmaConfig *self)
{
    return (AkmaTpmHelper){
        .tcti = akma_settings_get(self->settings, "agent", "tpm-tcti"),
        .pcrs = self->tpm_pcrs,
        .timeout_s = self->tpm_timeout_s,
    };
}

bool
akma_config_seals_alike(const AkmaConfig *a, const AkmaConfig *b)
{
    static const char *const keys[] = {"sealing", "sealing-key-file", "tpm-tcti"};
    bool same = g_str_equal(a->tpm_pcrs, b->tpm_pcrs) && a->tpm_timeout_s == b->tpm_timeout_s;

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        same = same && g_strcmp0(akma_settings_get(a->settings, "agent", keys[i]),
                                 akma_settings_get(b->settings, "agent", keys[i])) == 0;

    return same;
}
