/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* config: what akmad.conf says, checked and in the types that the agent uses. Never changes. */
#pragma once

#include "agent/tpm-helper.h"
#include "anchor/akma-usim.h"
#include "base/settings.h"
#include "dbus/auth.h"
#include "kdf/af-id.h"
#include "kdf/akma.h"
#include "modem/state.h"

G_BEGIN_DECLS

#define AKMA_DEVICE_AUTO "auto"

typedef struct {
    char *name;     /* "": the one that is meant where no group stands */
    char *device;   /* path, or AKMA_DEVICE_AUTO: each modem that no other group names */
    char *protocol; /* "auto", or that of a transport */
    unsigned slot;
    AkmaProxy proxy;
    char *pin_file; /* path; NULL: not set */
    unsigned timeout_ms;
} AkmaConfigModem;

typedef enum {
    AKMA_ANCHOR_AUTO, /* AKMA, else GBA_ME */
    AKMA_ANCHOR_AKMA,
    AKMA_ANCHOR_GBA, /* GBA_ME */
    AKMA_ANCHOR_GBA_U,
} AkmaAnchorChoice;

typedef struct {
    char *name;
    char *url;
    char *fqdn; /* of @url */
    AkmaUaProfile profile;
    AkmaAfId af_id; /* of @fqdn and @profile */
    char *connect;  /* NULL: not set; so are all below */
    char *ca_file;
    char *modem; /* name of an AkmaConfigModem; NULL: any */
    char *interface;
    char *https_proxy;
    AkmaAnchorChoice anchor;
    unsigned timeout_ms;
} AkmaConfigServer;

typedef struct {
    char *name;
    char *server; /* name of an AkmaConfigServer */
    char *key_id;
    GArray *uids; /* uid_t */
    GArray *gids; /* gid_t */
    GStrv units;
    unsigned refresh_s;
    unsigned renew_before_percent;
} AkmaConfigApplication;

typedef struct _AkmaConfig AkmaConfig;

/* What a group may be called: such names stand in object paths, the sealed file and logs. */
bool akma_config_name_is_valid(const char *name);

/*
 * @file, and next to it applications.d/<any>.conf for applications only.
 * Errors: AKMA_ERROR_CONFIG_INVALID "FILE: [group] key: message".
 */
AkmaConfig *akma_config_load(const char *file, GError **error);
AkmaConfig *akma_config_ref(AkmaConfig *self);
void akma_config_unref(AkmaConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaConfig, akma_config_unref)

const AkmaSettings *akma_config_get_settings(const AkmaConfig *self);
const char *akma_config_get_state_dir(const AkmaConfig *self); /* NULL: not set */
AkmaTpmHelper akma_config_get_tpm(const AkmaConfig *self);     /* strings are borrowed */
/* Do both say the same about sealing and the TPM? */
bool akma_config_seals_alike(const AkmaConfig *a, const AkmaConfig *b);
bool akma_config_wipes_on_sim_change(const AkmaConfig *self);
AkmaAkmaUsimConfig akma_config_get_usim(const AkmaConfig *self);       /* strings are borrowed */
const char *akma_config_get_credential_socket(const AkmaConfig *self); /* NULL: not set */
unsigned akma_config_get_credential_wait_s(const AkmaConfig *self);
const char *akma_config_get_bsf(const AkmaConfig *self);         /* NULL: from the IMSI */
const char *akma_config_get_impi(const AkmaConfig *self);        /* NULL: from the IMSI */
const char *akma_config_get_bsf_ca_file(const AkmaConfig *self); /* NULL: the system's */

/* Sorted by name (modems: by device; never empty). Borrowed. */
const GPtrArray *akma_config_get_modems(const AkmaConfig *self);
const GPtrArray *akma_config_get_servers(const AkmaConfig *self);
const GPtrArray *akma_config_get_applications(const AkmaConfig *self);

/* Of one application; borrowed from @application. */
AkmaAuthRule akma_config_application_get_rule(const AkmaConfigApplication *application);
/* Is it the same server, asked in the same way? */
bool akma_config_server_equal(const AkmaConfigServer *a, const AkmaConfigServer *b);
bool akma_config_modem_is_auto(const AkmaConfigModem *modem);
bool akma_config_modem_equal(const AkmaConfigModem *a, const AkmaConfigModem *b);

G_END_DECLS
