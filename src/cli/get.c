/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* get: an application's key, to stdout or into a file. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/key.h"
#include "cli/keyring.h"

typedef struct {
    AkmaKeyFormat format;
    gint64 deadline;
    AkmaKeyring keyring; /* where --keyring is given */
} Options;

static bool
check_target(const AkmaCli *cli, Options *ret_options, GError **error)
{
    if (!cli->keyring && !cli->type)
        return true;
    if (!cli->keyring || cli->output) {
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_INVALID_ARGUMENT,
                            cli->keyring ? "--keyring and --output exclude each other"
                                         : "--type is for --keyring");
        return false;
    }

    return akma_keyring_parse(cli->keyring, cli->type, &ret_options->keyring, error);
}

static bool
check_options(const AkmaCli *cli, Options *ret_options, GError **error)
{
    /* jwk is the form of a key that is JSON already */
    const char *word = cli->format ? cli->format : cli->json && !cli->keyring ? "jwk" : "raw";

    if (!akma_key_format_parse(word, &ret_options->format, error) ||
        !check_target(cli, ret_options, error))
        return false;
    /* no --wait: one try */
    if (!akma_cli_parse_deadline(
            "--wait", cli->wait ? cli->wait : "0", &ret_options->deadline, error))
        return false;
    if (cli->kid && !g_utf8_validate(cli->kid, -1, NULL)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "--kid: that is not a name");
        return false;
    }
    if (ret_options->format != AKMA_KEY_RAW || cli->output || cli->keyring)
        return true;
    if (cli->json) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "raw bytes are no JSON: take another --format, or --output FILE");
        return false;
    }
    if (isatty(STDOUT_FILENO)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "no raw bytes on a terminal: take --format hex or --output FILE");
        return false;
    }

    return true;
}

/* Past stdio, whose buffer nobody wipes. */
static bool
write_stdout(const AkmaSecret *text, GError **error)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(text, &len);

    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, len);

        if (n < 0 && errno != EINTR) {
            g_set_error(error,
                        AKMA_ERROR,
                        AKMA_ERROR_STORE_FAILED,
                        "cannot write the key: %s",
                        g_strerror(errno));
            return false;
        }
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }

    return true;
}

/* On stdout: the text, or with --json an object around it; a JWK is one already. */
static bool
answer(const AkmaCli *cli,
       const AkmaCliKey *key,
       const AkmaSecret *text,
       const Options *options,
       GError **error)
{
    g_autoptr(AkmaSecret) object = NULL;

    if (!cli->json || options->format == AKMA_KEY_JWK)
        return write_stdout(text, error);

    object = akma_cli_key_wrap(key, cli->words[0], text, error);

    return object && write_stdout(object, error);
}

/* The key is elsewhere now: nothing of it on stdout. */
static bool
answer_public(const AkmaCli *cli, const AkmaCliKey *key, GError **error)
{
    g_autoptr(AkmaSecret) object = NULL;

    if (!cli->json)
        return true;

    object = akma_cli_key_wrap(key, cli->words[0], NULL, error);

    return object && write_stdout(object, error);
}

static bool
answer_file(const AkmaCli *cli, const AkmaCliKey *key, const AkmaSecret *text, GError **error)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(text, &len);

    return akma_file_replace(cli->output, bytes, len, 0600, error) &&
           answer_public(cli, key, error);
}

bool
akma_verb_get_key(AkmaCli *cli, GError **error)
{
    Options options;
    g_autoptr(AkmaCliKey) key = NULL;
    g_autoptr(AkmaSecret) text = NULL;

    if (!check_options(cli, &options, error))
        return false;
    key = akma_cli_key_fetch_by_name(cli, cli->words[0], cli->kid, options.deadline, error);
    if (!key)
        return false;
    text = akma_cli_key_format(key, options.format, error);
    if (!text)
        return false;

    if (cli->keyring)
        return akma_keyring_put(&options.keyring, cli->words[0], text, error) &&
               answer_public(cli, key, error);

    return cli->output ? answer_file(cli, key, text, error)
                       : answer(cli, key, text, &options, error);
}
