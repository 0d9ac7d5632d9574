/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * filesystem: the files of the soft card: MF, EF.DIR, ADF USIM, DF_5GS and what is in them
 * (TS 102 221 clause 13, TS 31.102 clause 4).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modem/simulator/profile.h"

G_BEGIN_DECLS

#define AKMA_SOFT_FCP_MAX 128

enum {
    AKMA_SOFT_FID_MF = 0x3f00,
    AKMA_SOFT_FID_ADF = 0x7fff, /* the application that is active on the channel */
    AKMA_SOFT_FID_DIR = 0x2f00,
    AKMA_SOFT_FID_5GS = 0x5fc0,
    AKMA_SOFT_FID_5GAUTHKEYS = 0x4f05,
    AKMA_SOFT_FID_GBABP = 0x6fd6,
    AKMA_SOFT_FID_GBANL = 0x6fda,
};

typedef enum {
    AKMA_SOFT_MF,
    AKMA_SOFT_ADF,
    AKMA_SOFT_DF,
    AKMA_SOFT_TRANSPARENT,
    AKMA_SOFT_LINEAR, /* linear fixed */
} AkmaSoftFileKind;

/* READ / UPDATE; the value is the record of EF_ARR that says so. Nobody is ADM here. */
typedef enum {
    AKMA_SOFT_ALWAYS_NEVER = 1,
    AKMA_SOFT_ALWAYS_ADM = 2,
    AKMA_SOFT_PIN_ADM = 3,
    AKMA_SOFT_PIN_PIN = 4,
} AkmaSoftAccess;

typedef struct _AkmaSoftFile AkmaSoftFile;
struct _AkmaSoftFile {
    uint16_t fid;
    AkmaSoftFileKind kind;
    AkmaSoftAccess access;
    uint8_t sfi; /* 0 = none */
    AkmaSoftFile *parent;
    GPtrArray *children; /* of directories */
    uint8_t *content;    /* of elementary files; wiped on free */
    size_t size;
    uint8_t record_len; /* 0 = transparent */
    const uint8_t *aid; /* of the ADF */
    size_t aid_len;
};

/*
 * The tree that @profile describes, which must outlive it. Returns: (transfer full).
 * Errors: AKMA_ERROR_CONFIG_INVALID (an override names no EF or does not fit its records).
 */
AkmaSoftFile *akma_soft_filesystem_new(const AkmaSoftProfile *profile, GError **error);
void akma_soft_filesystem_free(AkmaSoftFile *root);

bool akma_soft_file_is_directory(const AkmaSoftFile *self);
AkmaSoftFile *akma_soft_file_get_child(const AkmaSoftFile *self, uint16_t fid);
AkmaSoftFile *akma_soft_file_get_by_sfi(const AkmaSoftFile *self, unsigned sfi);

/* "7FFF/5FC0/4F05", "7FFF5FC04F05" or one file id alone. NULL: no such file. */
AkmaSoftFile *akma_soft_filesystem_find(AkmaSoftFile *root, const char *path);

bool akma_soft_file_may_read(const AkmaSoftFile *self, bool pin_satisfied);
bool akma_soft_file_may_update(const AkmaSoftFile *self, bool pin_satisfied);

/* Overwrites all of an EF with FF. */
void akma_soft_file_blank(AkmaSoftFile *self);

/* The FCP template of TS 102 221 11.1.1.3; returns its length. */
size_t akma_soft_file_write_fcp(const AkmaSoftFile *self,
                                bool pin_enabled,
                                uint8_t ret[static AKMA_SOFT_FCP_MAX]);

G_END_DECLS
