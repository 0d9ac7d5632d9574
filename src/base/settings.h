/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * settings: a GKeyFile read against a table of what it may say.
 *
 * Everything is checked while loading: an unknown group or key, a bad value, a missing file,
 * the same group in two files. Each error reads "FILE: [group] key: message" and is
 * AKMA_ERROR_CONFIG_INVALID. After a successful load the getters cannot fail.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"

G_BEGIN_DECLS

typedef enum {
    AKMA_SETTING_STRING,
    AKMA_SETTING_LIST,     /* "a;b;c" */
    AKMA_SETTING_BOOL,     /* true, false */
    AKMA_SETTING_UINT,     /* decimal, 0 to 2^63 - 1 */
    AKMA_SETTING_HEX,      /* an even number of hex digits; for secrets only in files of labs */
    AKMA_SETTING_DURATION, /* "30s", "15m", "6h", "30d" -> seconds */
    AKMA_SETTING_RATE,     /* "10/s", "5/m" -> events and seconds */
    AKMA_SETTING_PERCENT,  /* "20%" -> 20 */
    AKMA_SETTING_ADDRESS,  /* HOST:PORT, [V6]:PORT, unix:/PATH */
    AKMA_SETTING_URL,      /* http:// or https://, host, optional port, no path beyond "/" */
    AKMA_SETTING_PATH,     /* absolute */
    AKMA_SETTING_SECRET,   /* a "-file" key: absolute path or credential:NAME */
    AKMA_SETTING_CHOICE,   /* one of @choices, "a|b|c" */
} AkmaSettingType;

typedef struct {
    const char *group; /* "agent", or "modem *" for groups with a name */
    const char *key;   /* "*": every key of the group */
    AkmaSettingType type;
    const char *fallback; /* as it would be written; NULL: unset */
    const char *choices;  /* AKMA_SETTING_CHOICE only */
    bool required;        /* in each group of that kind that is there; for a plain group: always */
} AkmaSettingRow;

typedef struct _AkmaSettings AkmaSettings;

/*
 * @file must be there. @folder (may be NULL, may be absent): its *.conf are read too, in the
 * order of their names; they may hold groups of @folder_kind only ("application *"; NULL = any).
 * @rows is borrowed as long as the result lives. Returns: (transfer full).
 */
AkmaSettings *akma_settings_load(const char *file,
                                 const char *folder,
                                 const char *folder_kind,
                                 const AkmaSettingRow *rows,
                                 size_t n_rows,
                                 GError **error);

AkmaSettings *akma_settings_ref(AkmaSettings *self);
void akma_settings_unref(AkmaSettings *self);

/* The names of the groups of @kind ("modem" for [modem NAME]), sorted. Free with g_strfreev(). */
GStrv akma_settings_dup_names(const AkmaSettings *self, const char *kind);

/* The keys that the files set in @group, sorted. Free with g_strfreev(). */
GStrv akma_settings_dup_keys(const AkmaSettings *self, const char *group);

/*
 * @group: "agent", or "modem NAME". The fallback of the table where the file says nothing.
 * Strings are borrowed; NULL = unset (for LIST: an empty list). It is a programmer error to ask
 * for a key that is not in the table, or as another type.
 */
bool akma_settings_has(const AkmaSettings *self, const char *group, const char *key);
const char *akma_settings_get(const AkmaSettings *self, const char *group, const char *key);
const char *const *akma_settings_get_list(const AkmaSettings *self,
                                          const char *group,
                                          const char *key);
bool akma_settings_get_bool(const AkmaSettings *self, const char *group, const char *key);
/* UINT, DURATION (seconds), PERCENT, and the events of a RATE. */
uint64_t akma_settings_get_uint(const AkmaSettings *self, const char *group, const char *key);
/* The seconds of a RATE: 1, 60 or 3600. */
unsigned akma_settings_get_rate_s(const AkmaSettings *self, const char *group, const char *key);

/*
 * What @from says of @key, which is no LIST, or that it says nothing, stands in @self too from here
 * on. Both are of one table. Returns: true if @self said something else.
 */
bool akma_settings_keep(AkmaSettings *self,
                        const AkmaSettings *from,
                        const char *group,
                        const char *key);

/* Reads a SECRET of @min to @max bytes; see akma_file_read_secret(). Unset is an error too. */
AkmaSecret *akma_settings_read_secret(const AkmaSettings *self,
                                      const char *group,
                                      const char *key,
                                      size_t min,
                                      size_t max,
                                      bool text,
                                      GError **error);

/* The path behind a SECRET or PATH, credential:NAME resolved. Free with g_free(); NULL = unset. */
char *akma_settings_dup_path(const AkmaSettings *self, const char *group, const char *key);

/* For what the table cannot say: sets "FILE: [group] key: message" and returns false. */
bool akma_settings_reject(const AkmaSettings *self,
                          const char *group,
                          const char *key,
                          GError **error,
                          const char *format,
                          ...) G_GNUC_PRINTF(5, 6);

/* Pieces of the syntax, for options on a command line. Each returns false if it is not that. */
bool akma_setting_parse_duration(const char *text, uint64_t *ret_s);
/* HOST:PORT, [V6]:PORT or unix:/PATH (@ret_port 0). @ret_host: g_free(). */
bool akma_setting_parse_address(const char *text, char **ret_host, uint16_t *ret_port);
/* @ret_host without brackets, lower case; @ret_port the scheme's own where none is written. */
bool akma_setting_parse_url(const char *text, bool *ret_tls, char **ret_host, uint16_t *ret_port);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSettings, akma_settings_unref)

G_END_DECLS
