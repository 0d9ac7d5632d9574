/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/settings.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/setting-syntax.h"

struct _AkmaSettings {
    gatomicrefcount refs;
    char *main_file;
    const AkmaSettingRow *rows;
    size_t n_rows;
    GHashTable *files;  /* group -> file that holds it */
    GHashTable *values; /* "group\nkey" -> text */
    GHashTable *lists;  /* the same -> GStrv */
};

static char *
id(const char *group, const char *key)
{
    return g_strdup_printf("%s\n%s", group, key);
}

/* Is @group one of @kind, "agent" or "modem *"? */
static bool
is_of_kind(const char *group, const char *kind)
{
    size_t len = strlen(kind);

    if (len < 2 || strcmp(kind + len - 2, " *") != 0)
        return strcmp(group, kind) == 0;

    return strncmp(group, kind, len - 1) == 0 && group[len - 1] != '\0';
}

static const AkmaSettingRow *
find_row(const AkmaSettings *self, const char *group, const char *key)
{
    for (size_t i = 0; i < self->n_rows; i++) {
        const AkmaSettingRow *row = &self->rows[i];

        if (is_of_kind(group, row->group) &&
            (!key || strcmp(row->key, key) == 0 || strcmp(row->key, "*") == 0))
            return row;
    }

    return NULL;
}

static bool
reject_in(const char *file, const char *group, const char *key, const char *message, GError **error)
{
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_CONFIG_INVALID,
                "%s: [%s]%s%s: %s",
                file,
                group,
                key ? " " : "",
                key ? key : "",
                message);

    return false;
}

bool
akma_settings_reject(const AkmaSettings *self,
                     const char *group,
                     const char *key,
                     GError **error,
                     const char *format,
                     ...)
{
    const char *file = g_hash_table_lookup(self->files, group);
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);

    return reject_in(file ? file : self->main_file, group, key, message, error);
}

static bool
load_value(AkmaSettings *self,
           GKeyFile *keys,
           const char *file,
           const char *group,
           const char *key,
           GError **error)
{
    const AkmaSettingRow *row = find_row(self, group, key);
    g_autofree char *value = NULL;
    g_autofree char *message = NULL;
    const char *fault;

    if (!row)
        return reject_in(file, group, key, "no such key", error);

    value = g_key_file_get_string(keys, group, key, NULL);
    if (!value)
        return reject_in(file, group, key, "is not text that can be read", error);
    g_strstrip(value);
    fault = akma_setting_find_fault(row, value);
    if (fault) {
        message = row->type == AKMA_SETTING_CHOICE
                      ? g_strdup_printf("\"%s\" is none of %s", value, row->choices)
                      : g_strdup_printf("\"%s\" %s", value, fault);
        return reject_in(file, group, key, message, error);
    }
    if (row->type == AKMA_SETTING_LIST) {
        g_auto(GStrv) list = g_key_file_get_string_list(keys, group, key, NULL, NULL);

        g_hash_table_replace(self->lists, id(group, key), g_steal_pointer(&list));
    }
    g_hash_table_replace(self->values, id(group, key), g_steal_pointer(&value));

    return true;
}

static bool
load_group(AkmaSettings *self,
           GKeyFile *keys,
           const char *file,
           const char *group,
           const char *only_kind,
           GError **error)
{
    const char *other = g_hash_table_lookup(self->files, group);
    g_autofree char *message = NULL;
    g_auto(GStrv) names = NULL;

    if (!find_row(self, group, NULL))
        return reject_in(file, group, NULL, "no such group", error);
    if (only_kind && !is_of_kind(group, only_kind))
        return reject_in(file, group, NULL, "not allowed in a file of this folder", error);
    if (other) {
        message = g_strdup_printf("is already in %s", other);
        return reject_in(file, group, NULL, message, error);
    }
    g_hash_table_insert(self->files, g_strdup(group), g_strdup(file));

    names = g_key_file_get_keys(keys, group, NULL, NULL);
    for (size_t i = 0; names && names[i]; i++) {
        if (!load_value(self, keys, file, group, names[i], error))
            return false;
    }

    return true;
}

static bool
load_file(AkmaSettings *self, const char *file, const char *only_kind, GError **error)
{
    g_autoptr(GKeyFile) keys = g_key_file_new();
    g_autoptr(GError) local = NULL;
    g_auto(GStrv) groups = NULL;

    if (!g_key_file_load_from_file(keys, file, G_KEY_FILE_NONE, &local)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID, "%s: %s", file, local->message);
        return false;
    }

    groups = g_key_file_get_groups(keys, NULL);
    for (size_t i = 0; groups[i]; i++) {
        if (!load_group(self, keys, file, groups[i], only_kind, error))
            return false;
    }

    return true;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
load_folder(AkmaSettings *self, const char *folder, const char *only_kind, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = folder ? g_dir_open(folder, 0, NULL) : NULL;
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, ".conf") && name[0] != '.')
            g_ptr_array_add(names, g_build_filename(folder, name, NULL));
    }
    g_ptr_array_sort(names, compare_names);

    for (guint i = 0; i < names->len; i++) {
        if (!load_file(self, names->pdata[i], only_kind, error))
            return false;
    }

    return true;
}

static bool
check_required(AkmaSettings *self, GError **error)
{
    GHashTableIter iter;
    gpointer group;

    for (size_t i = 0; i < self->n_rows; i++) {
        const AkmaSettingRow *row = &self->rows[i];

        if (!row->required)
            continue;
        if (!g_str_has_suffix(row->group, " *") && !akma_settings_has(self, row->group, row->key))
            return akma_settings_reject(self, row->group, row->key, error, "must be set");
        g_hash_table_iter_init(&iter, self->files);
        while (g_hash_table_iter_next(&iter, &group, NULL)) {
            if (is_of_kind(group, row->group) && !akma_settings_has(self, group, row->key))
                return akma_settings_reject(self, group, row->key, error, "must be set");
        }
    }

    return true;
}

AkmaSettings *
akma_settings_load(const char *file,
                   const char *folder,
                   const char *folder_kind,
                   const AkmaSettingRow *rows,
                   size_t n_rows,
                   GError **error)
{
    g_autoptr(AkmaSettings) self = g_new0(AkmaSettings, 1);

    g_atomic_ref_count_init(&self->refs);
    self->main_file = g_strdup(file);
    self->rows = rows;
    self->n_rows = n_rows;
    self->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->lists =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);

    if (!load_file(self, file, NULL, error) || !load_folder(self, folder, folder_kind, error) ||
        !check_required(self, error))
        return NULL;

    return g_steal_pointer(&self);
}

AkmaSettings *
akma_settings_ref(AkmaSettings *self)
{
    g_atomic_ref_count_inc(&self->refs);

    return self;
}

void
akma_settings_unref(AkmaSettings *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;

    g_free(self->main_file);
    g_hash_table_unref(self->files);
    g_hash_table_unref(self->values);
    g_hash_table_unref(self->lists);
    g_free(self);
}

GStrv
akma_settings_dup_names(const AkmaSettings *self, const char *kind)
{
    g_autofree char *prefix = g_strdup_printf("%s ", kind);
    GPtrArray *names = g_ptr_array_new();
    GHashTableIter iter;
    gpointer group;

    g_hash_table_iter_init(&iter, self->files);
    while (g_hash_table_iter_next(&iter, &group, NULL)) {
        if (g_str_has_prefix(group, prefix))
            g_ptr_array_add(names, g_strdup((char *)group + strlen(prefix)));
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);

    return (GStrv)g_ptr_array_free(names, FALSE);
}

GStrv
akma_settings_dup_keys(const AkmaSettings *self, const char *group)
{
    g_autofree char *prefix = id(group, "");
    GPtrArray *keys = g_ptr_array_new();
    GHashTableIter iter;
    gpointer where;

    g_hash_table_iter_init(&iter, self->values);
    while (g_hash_table_iter_next(&iter, &where, NULL)) {
        if (g_str_has_prefix(where, prefix))
            g_ptr_array_add(keys, g_strdup((char *)where + strlen(prefix)));
    }
    g_ptr_array_sort(keys, compare_names);
    g_ptr_array_add(keys, NULL);

    return (GStrv)g_ptr_array_free(keys, FALSE);
}

bool
akma_settings_has(const AkmaSettings *self, const char *group, const char *key)
{
    g_autofree char *where = id(group, key);

    return g_hash_table_contains(self->values, where);
}

const char *
akma_settings_get(const AkmaSettings *self, const char *group, const char *key)
{
    const AkmaSettingRow *row = find_row(self, group, key);
    g_autofree char *where = id(group, key);
    const char *value;

    g_return_val_if_fail(row, NULL);

    value = g_hash_table_lookup(self->values, where);

    return value ? value : row->fallback;
}

const char *const *
akma_settings_get_list(const AkmaSettings *self, const char *group, const char *key)
{
    static const char *const none[] = {NULL};
    g_autofree char *where = id(group, key);
    const char *const *list = g_hash_table_lookup(self->lists, where);

    return list ? list : none;
}

bool
akma_settings_get_bool(const AkmaSettings *self, const char *group, const char *key)
{
    return g_strcmp0(akma_settings_get(self, group, key), "true") == 0;
}

uint64_t
akma_settings_get_uint(const AkmaSettings *self, const char *group, const char *key)
{
    const AkmaSettingRow *row = find_row(self, group, key);
    const char *value = akma_settings_get(self, group, key);
    unsigned seconds;
    uint64_t number = 0;

    g_return_val_if_fail(row && value, 0);

    if (row->type == AKMA_SETTING_DURATION)
        akma_setting_parse_duration(value, &number);
    else if (row->type == AKMA_SETTING_RATE)
        akma_setting_parse_rate(value, &number, &seconds);
    else if (row->type == AKMA_SETTING_PERCENT)
        akma_setting_parse_percent(value, &number);
    else
        number = g_ascii_strtoull(value, NULL, 10);

    return number;
}

unsigned
akma_settings_get_rate_s(const AkmaSettings *self, const char *group, const char *key)
{
    const char *value = akma_settings_get(self, group, key);
    unsigned seconds = 1;
    uint64_t events;

    if (value)
        akma_setting_parse_rate(value, &events, &seconds);

    return seconds;
}

bool
akma_settings_keep(AkmaSettings *self, const AkmaSettings *from, const char *group, const char *key)
{
    g_autofree char *where = id(group, key);
    const char *value = g_hash_table_lookup(from->values, where);
    bool differed =
        g_strcmp0(akma_settings_get(self, group, key), akma_settings_get(from, group, key)) != 0;

    g_hash_table_remove(self->values, where);
    if (value)
        g_hash_table_insert(self->values, g_strdup(where), g_strdup(value));

    return differed;
}

char *
akma_settings_dup_path(const AkmaSettings *self, const char *group, const char *key)
{
    const char *value = akma_settings_get(self, group, key);
    const char *folder = g_getenv("CREDENTIALS_DIRECTORY");

    if (!value || !g_str_has_prefix(value, AKMA_CREDENTIAL_PREFIX))
        return g_strdup(value);

    return g_build_filename(
        folder ? folder : "/nonexistent", value + strlen(AKMA_CREDENTIAL_PREFIX), NULL);
}

AkmaSecret *
akma_settings_read_secret(const AkmaSettings *self,
                          const char *group,
                          const char *key,
                          size_t min,
                          size_t max,
                          bool text,
                          GError **error)
{
    g_autofree char *path = akma_settings_dup_path(self, group, key);
    g_autoptr(GError) local = NULL;
    AkmaSecret *secret;

    if (!path) {
        akma_settings_reject(self, group, key, error, "must be set");
        return NULL;
    }

    secret = akma_file_read_secret(path, min, max, text, &local);
    if (!secret)
        akma_settings_reject(self, group, key, error, "%s", local->message);

    return secret;
}
