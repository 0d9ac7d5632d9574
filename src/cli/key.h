/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* key: one version of an application's key in this process, and the forms it is written in. */
#pragma once

#include "base/secret.h"
#include "cli/bus.h"

G_BEGIN_DECLS

typedef struct {
    AkmaSecret *bytes; /* kty "oct": the raw key; else the JWK as JSON */
    char *kid;
    char *kty;
    char *alg; /* NULL: not given; also @use and @identity */
    char *use;
    char *identity;
    guint64 not_before;
    guint64 not_after; /* 0: none */
} AkmaCliKey;

void akma_cli_key_free(AkmaCliKey *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaCliKey, akma_cli_key_free)

/*
 * GetKey, or GetKeyVersion where @kid is not NULL; the bytes go from the sealed memfd straight
 * into the secure heap. Returns: (transfer full). Errors: those of the two methods.
 */
AkmaCliKey *akma_cli_key_fetch(AkmaBusApplication *application, const char *kid, GError **error);

/*
 * As above, and for @name; waits until @deadline for akmad to come, and while the answer is
 * AKMA_ERROR_NOT_READY.
 */
AkmaCliKey *akma_cli_key_fetch_by_name(
    AkmaCli *cli, const char *name, const char *kid, gint64 deadline, GError **error);

/* A sealed memfd with the bytes, at offset 0, close on exec. Negative: error is set. */
int akma_cli_key_dup_memfd(const AkmaCliKey *self, GError **error);

typedef enum {
    AKMA_KEY_RAW,
    AKMA_KEY_HEX,
    AKMA_KEY_BASE64,
    AKMA_KEY_JWK,
    AKMA_KEY_FINGERPRINT,
    AKMA_KEY_MOSQUITTO_PSK,
    AKMA_KEY_WIREGUARD_PSK,
} AkmaKeyFormat;

/* The word of --format. Errors: AKMA_ERROR_INVALID_ARGUMENT. */
bool akma_key_format_parse(const char *word, AkmaKeyFormat *ret_format, GError **error);
const char *akma_key_format_get_name(AkmaKeyFormat format);

/*
 * The key in @format; all but AKMA_KEY_RAW end in one newline. Returns: (transfer full).
 * Errors: AKMA_ERROR_INVALID_ARGUMENT where the key has no such form.
 */
AkmaSecret *akma_cli_key_format(const AkmaCliKey *self, AkmaKeyFormat format, GError **error);

/*
 * One line of JSON: the public members of the key and the text of akma_cli_key_format() as
 * "value"; @text NULL: without it. Returns: (transfer full).
 */
AkmaSecret *akma_cli_key_wrap(const AkmaCliKey *self,
                              const char *application,
                              const AkmaSecret *text,
                              GError **error);

G_END_DECLS
