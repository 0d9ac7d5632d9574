/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/filesystem.h"

#include <string.h>

#include "base/error.h"
#include "base/wiping.h"
#include "modem/simulator/contents.h"

#define MF          0
#define ADF         1
#define DF_5GS      2
#define DIRECTORIES 3

/* Which service of EF_UST brings the file; 0 = always there. */
static const struct {
    uint8_t parent; /* index of the directory */
    uint16_t fid;
    uint8_t sfi;
    AkmaSoftAccess access;
    unsigned service;
    size_t size;
    uint8_t record_len;
    void (*fill)(const AkmaSoftProfile *profile, uint8_t *content, size_t size);
} rows[] = {
    {MF, AKMA_SOFT_FID_DIR, 0x1e, AKMA_SOFT_ALWAYS_ADM, 0, 38, 38, akma_soft_fill_dir},
    {MF, 0x2f05, 0x05, AKMA_SOFT_ALWAYS_ADM, 0, 2, 0, NULL},                    /* EF_PL */
    {MF, 0x2f06, 0x06, AKMA_SOFT_ALWAYS_ADM, 0, 88, 22, akma_soft_fill_arr},    /* EF_ARR */
    {MF, 0x2fe2, 0x02, AKMA_SOFT_ALWAYS_NEVER, 0, 10, 0, akma_soft_fill_iccid}, /* EF_ICCID */
    {ADF, 0x6f05, 0x02, AKMA_SOFT_ALWAYS_ADM, 0, 2, 0, NULL},                   /* EF_LI */
    {ADF, 0x6f06, 0x17, AKMA_SOFT_ALWAYS_ADM, 0, 88, 22, akma_soft_fill_arr},   /* EF_ARR */
    {ADF, 0x6f07, 0x07, AKMA_SOFT_PIN_ADM, 0, 9, 0, akma_soft_fill_imsi},       /* EF_IMSI */
    {ADF, 0x6f38, 0x04, AKMA_SOFT_PIN_ADM, 0, 20, 0, akma_soft_fill_ust},       /* EF_UST */
    {ADF, 0x6f78, 0x06, AKMA_SOFT_PIN_ADM, 0, 2, 0, akma_soft_fill_acc},        /* EF_ACC */
    {ADF, 0x6f7e, 0x0b, AKMA_SOFT_PIN_PIN, 0, 11, 0, akma_soft_fill_loci},      /* EF_LOCI */
    {ADF, 0x6fad, 0x03, AKMA_SOFT_ALWAYS_ADM, 0, 4, 0, akma_soft_fill_ad},      /* EF_AD */
    {ADF, AKMA_SOFT_FID_GBABP, 0, AKMA_SOFT_PIN_PIN, 68, 160, 0, NULL},
    {ADF, AKMA_SOFT_FID_GBANL, 0, AKMA_SOFT_PIN_ADM, 68, 4 * 200, 200, NULL},
    {DF_5GS, 0x4f01, 0x01, AKMA_SOFT_PIN_PIN, 122, 20, 0, NULL}, /* 5GS3GPPLOCI */
    {DF_5GS, AKMA_SOFT_FID_5GAUTHKEYS, 0x05, AKMA_SOFT_PIN_PIN, 123, 110, 0, NULL},
    {DF_5GS, 0x4f0a, 0x0a, AKMA_SOFT_PIN_ADM, 124, 4, 0, akma_soft_fill_routing_indicator},
};

static void
file_free(gpointer data)
{
    AkmaSoftFile *file = data;

    g_clear_pointer(&file->children, g_ptr_array_unref);
    akma_wiping_free(file->content);
    g_free(file);
}

void
akma_soft_filesystem_free(AkmaSoftFile *root)
{
    if (root)
        file_free(root);
}

static AkmaSoftFile *
add(AkmaSoftFile *parent, uint16_t fid, AkmaSoftFileKind kind, AkmaSoftAccess access)
{
    AkmaSoftFile *file = g_new0(AkmaSoftFile, 1);

    file->fid = fid;
    file->kind = kind;
    file->access = access;
    file->parent = parent;
    if (akma_soft_file_is_directory(file))
        file->children = g_ptr_array_new_with_free_func(file_free);
    if (parent)
        g_ptr_array_add(parent->children, file);

    return file;
}

static bool
allocate(AkmaSoftFile *file, size_t size, GError **error)
{
    uint8_t *content = akma_wiping_malloc(size);

    if (!content) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory for a file");
        return false;
    }
    akma_wiping_free(file->content);
    file->content = content;
    file->size = size;
    akma_soft_file_blank(file);

    return true;
}

void
akma_soft_file_blank(AkmaSoftFile *self)
{
    memset(self->content, 0xff, self->size);
}

/*= TS 31.102 4.4.11: DF_5GS is there if one of these services is */
static bool
has_5gs(const AkmaSoftProfile *profile)
{
    for (unsigned service = 122; service <= 130; service++) {
        if (profile->services[service])
            return true;
    }

    return false;
}

static bool
put_override(AkmaSoftFile *root, const AkmaSoftOverride *override, GError **error)
{
    AkmaSoftFile *file = akma_soft_filesystem_find(root, override->path);

    if (!file || akma_soft_file_is_directory(file) ||
        (file->record_len && override->len % file->record_len != 0)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_CONFIG_INVALID,
                    "[files] %s: %s",
                    override->path,
                    file ? "does not fit that file" : "no such file on this card");
        return false;
    }
    if (!allocate(file, override->len, error))
        return false;
    memcpy(file->content, override->bytes, override->len);

    return true;
}

AkmaSoftFile *
akma_soft_filesystem_new(const AkmaSoftProfile *profile, GError **error)
{
    AkmaSoftFile *directories[DIRECTORIES] = {NULL};
    AkmaSoftFile *root = add(NULL, AKMA_SOFT_FID_MF, AKMA_SOFT_MF, AKMA_SOFT_ALWAYS_NEVER);
    bool fine = true;

    directories[MF] = root;
    directories[ADF] = add(root, AKMA_SOFT_FID_ADF, AKMA_SOFT_ADF, AKMA_SOFT_ALWAYS_NEVER);
    directories[ADF]->aid = profile->aid;
    directories[ADF]->aid_len = profile->aid_len;
    if (has_5gs(profile))
        directories[DF_5GS] =
            add(directories[ADF], AKMA_SOFT_FID_5GS, AKMA_SOFT_DF, AKMA_SOFT_ALWAYS_NEVER);

    for (size_t i = 0; fine && i < G_N_ELEMENTS(rows); i++) {
        AkmaSoftFile *parent = directories[rows[i].parent];
        AkmaSoftFile *file;

        if (!parent || (rows[i].service && !profile->services[rows[i].service]))
            continue;
        file = add(parent,
                   rows[i].fid,
                   rows[i].record_len ? AKMA_SOFT_LINEAR : AKMA_SOFT_TRANSPARENT,
                   rows[i].access);
        file->sfi = rows[i].sfi;
        file->record_len = rows[i].record_len;
        fine = allocate(file, rows[i].size, error);
        if (fine && rows[i].fill)
            rows[i].fill(profile, file->content, file->size);
    }
    for (guint i = 0; fine && i < profile->overrides->len; i++)
        fine = put_override(root, profile->overrides->pdata[i], error);

    if (!fine)
        g_clear_pointer(&root, akma_soft_filesystem_free);

    return root;
}

bool
akma_soft_file_is_directory(const AkmaSoftFile *self)
{
    return self->kind == AKMA_SOFT_MF || self->kind == AKMA_SOFT_ADF || self->kind == AKMA_SOFT_DF;
}

AkmaSoftFile *
akma_soft_file_get_child(const AkmaSoftFile *self, uint16_t fid)
{
    for (guint i = 0; i < self->children->len; i++) {
        AkmaSoftFile *child = self->children->pdata[i];

        if (child->fid == fid)
            return child;
    }

    return NULL;
}

AkmaSoftFile *
akma_soft_file_get_by_sfi(const AkmaSoftFile *self, unsigned sfi)
{
    for (guint i = 0; i < self->children->len; i++) {
        AkmaSoftFile *child = self->children->pdata[i];

        if (sfi != 0 && child->sfi == sfi)
            return child;
    }

    return NULL;
}

static AkmaSoftFile *
find_anywhere(AkmaSoftFile *directory, uint16_t fid)
{
    AkmaSoftFile *found = directory->fid == fid ? directory : NULL;

    if (!found && directory->children)
        found = akma_soft_file_get_child(directory, fid);
    for (guint i = 0; !found && directory->children && i < directory->children->len; i++)
        found = find_anywhere(directory->children->pdata[i], fid);

    return found;
}

/* The next file id of a path; false: none. */
static bool
take_fid(const char **path, uint16_t *ret)
{
    unsigned value = 0;

    if (**path == '/')
        ++*path;
    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value((*path)[i]);

        if (digit < 0)
            return false;
        value = value << 4 | (unsigned)digit;
    }
    *path += 4;
    *ret = (uint16_t)value;

    return true;
}

AkmaSoftFile *
akma_soft_filesystem_find(AkmaSoftFile *root, const char *path)
{
    AkmaSoftFile *file = root;
    bool alone = strlen(path) == 4;
    uint16_t fid;

    do {
        if (!take_fid(&path, &fid) || !file->children)
            return NULL;
        if (alone)
            return *path ? NULL : find_anywhere(root, fid);
        if (file != root || fid != root->fid)
            file = akma_soft_file_get_child(file, fid);
    } while (file && *path);

    return file;
}

bool
akma_soft_file_may_read(const AkmaSoftFile *self, bool pin_satisfied)
{
    return self->access == AKMA_SOFT_ALWAYS_NEVER || self->access == AKMA_SOFT_ALWAYS_ADM ||
           pin_satisfied;
}

bool
akma_soft_file_may_update(const AkmaSoftFile *self, bool pin_satisfied)
{
    return self->access == AKMA_SOFT_PIN_PIN && pin_satisfied;
}
