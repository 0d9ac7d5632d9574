/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* config-private: what config.c and its parts share. */
#pragma once

#include "agent/config.h"

G_BEGIN_DECLS

struct _AkmaConfig {
    gatomicrefcount refs;
    AkmaSettings *settings;
    GPtrArray *modems;
    GPtrArray *servers;
    GPtrArray *applications;
    unsigned credential_wait_s;
    char *tpm_pcrs; /* "7,14" */
    unsigned tpm_timeout_s;
};

char *akma_config_dup(const AkmaConfig *self, const char *group, const char *key);
/* A number of @low to @high; else an error that says so. */
bool akma_config_read_uint(const AkmaConfig *self,
                           const char *group,
                           const char *key,
                           unsigned low,
                           unsigned high,
                           unsigned *ret,
                           GError **error);

/* Borrowed; NULL: no such name. */
const char *akma_config_find_name(const GPtrArray *list, const char *name);

/* How the keys are sealed. */
bool akma_config_load_tpm(AkmaConfig *self, GError **error);

/* One [modem @name], added to @self->modems. */
bool akma_config_load_modem(AkmaConfig *self, const char *group, const char *name, GError **error);
/* All are read: sorted, and the one that is meant where there is none. */
void akma_config_finish_modems(AkmaConfig *self);
void akma_config_modem_free(gpointer data);

/* One [server @name], added to @self->servers. */
bool akma_config_load_server(AkmaConfig *self, const char *group, const char *name, GError **error);
void akma_config_server_free(gpointer data);
bool akma_config_check_gba(const AkmaConfig *self, GError **error);

G_END_DECLS
