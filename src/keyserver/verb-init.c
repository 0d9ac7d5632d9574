/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verb-init: a new store, and a store key where there is none yet. Overwrites nothing. */
#include "keyserver/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "keyserver/place.h"
#include "keyserver/seal.h"

static bool
fail(GError **error, const char *path)
{
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "cannot write the store key %s: %s",
                path,
                g_strerror(errno));

    return false;
}

static bool
write_key(int fd, const AkmaSecret *key)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(key, &len);

    return write(fd, bytes, len) == (ssize_t)len && fsync(fd) == 0;
}

/* O_EXCL: a key that is there, and all that was ever sealed under it, stays. */
static bool
make_store_key(const char *path, GError **error)
{
    g_autoptr(AkmaSecret) key = NULL;
    uint8_t *bytes;
    bool written;
    int fd;

    key = akma_secret_new_blank(AKMA_KS_KEY_LEN, &bytes, error);
    if (!key)
        return false;
    if (RAND_priv_bytes(bytes, AKMA_KS_KEY_LEN) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no random numbers");
        return false;
    }

    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(error, path);
    written = write_key(fd, key);
    if (!written)
        fail(error, path);
    close(fd);
    if (!written)
        unlink(path);
    else if (!akma_file_sync_folder(path))
        return fail(error, path);

    return written;
}

static bool
init(AkmaVerb *verb, AkmaIdentityKind kind, bool *ret_made_key, GError **error)
{
    const AkmaServerConfig *config;

    if (!akma_verb_load(verb, error) || !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, error))
        return false;
    config = verb->config;
    if (!config->postgresql && g_file_test(config->store_path, G_FILE_TEST_EXISTS)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "init: there is already a store %s; it stays as it is",
                    config->store_path);
        return false;
    }

    *ret_made_key = !g_file_test(config->store_key_file, G_FILE_TEST_EXISTS);
    if (*ret_made_key && !make_store_key(config->store_key_file, error))
        return false;

    return akma_place_create(config, kind, error);
}

int
akma_verb_init(AkmaVerb *verb, int argc, char **argv)
{
    g_autofree char *identity = NULL;
    g_autofree char *where = NULL;
    const GOptionEntry entries[] = {
        {"identity",
         0,
         0,
         G_OPTION_ARG_STRING,
         &identity,
         "What names a subscriber in the anchor's answers: supi (default) or gpsi. For good.",
         "supi|gpsi"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GError) error = NULL;
    AkmaIdentityKind kind = AKMA_IDENTITY_SUPI;
    bool made_key = false;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         entries,
                         "init",
                         "Make a new store where [store] says, with a key for terminal ids, sealed "
                         "under\n[store] store-key-file. That file is made (32 random bytes, mode "
                         "0600) where it\nis not there yet. Nothing that exists is overwritten.\n\n"
                         "Run it as the user that serves.",
                         0,
                         0,
                         &error))
        return akma_verb_fail(verb, error);
    if (identity && strcmp(identity, "gpsi") == 0)
        kind = AKMA_IDENTITY_GPSI;
    else if (identity && strcmp(identity, "supi") != 0)
        g_set_error(&error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "init: --identity is supi or gpsi, not \"%s\"",
                    identity);
    if (error || !init(verb, kind, &made_key, &error))
        return akma_verb_fail(verb, error);

    where = akma_place_describe(verb->config);
    if (verb->json)
        akma_verb_print_json(json_pack("{s:s,s:s,s:b,s:s}",
                                       "store",
                                       where,
                                       "store_key_file",
                                       verb->config->store_key_file,
                                       "store_key_made",
                                       made_key,
                                       "identity",
                                       kind == AKMA_IDENTITY_SUPI ? "supi" : "gpsi"));
    else
        printf("store      %s\nstore key  %s (%s: keep a copy in a safe place)\n",
               where,
               verb->config->store_key_file,
               made_key ? "made now" : "was there");

    return 0;
}
