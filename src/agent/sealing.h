/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sealing: where the key comes from that seals the file of keys, and the store under it.
 *
 * The header of the file says which kind sealed it. Another kind is taken over: the file is opened
 * with the old key and sealed again with the new one. With sealing=auto a stronger kind is never
 * left for a weaker one by itself: what it sealed waits for it, and the start fails.
 */
#pragma once

#include "agent/config.h"
#include "store/store.h"

G_BEGIN_DECLS

/* The weakest first. The numbers stand in files: only new ones are added. */
typedef enum {
    AKMA_SEALING_UNKNOWN = 0,
    AKMA_SEALING_MADE = 1,         /* <state>/sealing.key, made at the first start */
    AKMA_SEALING_NAMED = 2,        /* [agent] sealing-key-file */
    AKMA_SEALING_SYSTEMD_HOST = 3, /* credential akmad.sealing-host */
    AKMA_SEALING_TPM = 4,          /* <state>/sealing.tpm, opened by the TPM */
    AKMA_SEALING_SYSTEMD_TPM2 = 5, /* credential akmad.sealing-tpm2 */
} AkmaSealing;

typedef struct {
    const char *setting; /* auto, systemd, tpm, file */
    bool is_named;       /* there is a sealing-key-file */
    unsigned there;      /* bit n: kind n can be had now (for MADE and NAMED: always) */
    AkmaSealing before;  /* what the file is sealed with; UNKNOWN: there is none */
} AkmaSealingChoice;

/* Pure: what is to seal from now on. It may be a kind that is not there: then that is the error. */
AkmaSealing akma_sealing_choose(const AkmaSealingChoice *choice);

/*
 * Waits for the TPM, up to tpm-timeout: for the start only.
 * @ret_name: "file", "credential", "systemd-host", "systemd-tpm2" or "tpm"; borrowed for ever.
 * Returns: (transfer full). Errors: AKMA_ERROR_CONFIG_INVALID, AKMA_ERROR_STORE_FAILED.
 */
AkmaStore *akma_sealing_open_store(const AkmaConfig *config,
                                   const char *state_dir,
                                   const char **ret_name,
                                   GError **error);

G_END_DECLS
