/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* akmad-tpm: seals or opens one key with the TPM, for akmad, and ends. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/program.h"
#include "tpm/tpm.h"

#define SUMMARY                                                                                    \
    "seal: 32 bytes from standard input become a blob on standard output that only this TPM "      \
    "opens.\nunseal: the other way round. akmad runs this at its start."

static bool
fail(AkmaError code, const char *message, GError **error)
{
    g_set_error_literal(error, AKMA_ERROR, (int)code, message);

    return false;
}

/* All of standard input, which must be @min to @max bytes; @bytes has room for one more. */
static bool
read_input(uint8_t *bytes, size_t min, size_t max, size_t *ret_len, GError **error)
{
    size_t len = 0;
    ssize_t n = 1;

    while (n != 0 && len <= max) {
        n = read(STDIN_FILENO, bytes + len, max + 1 - len);
        if (n < 0 && errno != EINTR)
            return fail(AKMA_ERROR_STORE_FAILED, "cannot read standard input", error);
        len += n > 0 ? (size_t)n : 0;
    }
    if (len < min || len > max)
        return fail(AKMA_ERROR_INVALID_ARGUMENT, "standard input has another length", error);
    *ret_len = len;

    return true;
}

static bool
write_output(const uint8_t *bytes, size_t len, GError **error)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, len);

        if (n < 0 && errno != EINTR)
            return fail(AKMA_ERROR_STORE_FAILED, "cannot write to standard output", error);
        bytes += n > 0 ? (size_t)n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }

    return true;
}

static bool
seal(AkmaTpm *tpm, uint32_t pcrs, GError **error)
{
    uint8_t *bytes;
    g_autoptr(AkmaSecret) room = akma_secret_new_blank(AKMA_TPM_KEY_LEN + 1, &bytes, error);
    g_autoptr(AkmaSecret) key = NULL;
    g_autoptr(AkmaSecret) again = NULL;
    g_autoptr(GByteArray) blob = NULL;
    size_t len;

    if (!room || !read_input(bytes, AKMA_TPM_KEY_LEN, AKMA_TPM_KEY_LEN, &len, error))
        return false;
    key = akma_secret_new(bytes, AKMA_TPM_KEY_LEN, error);
    blob = key ? akma_tpm_seal(tpm, key, pcrs, error) : NULL;
    /* what does not open now never will */
    again = blob ? akma_tpm_unseal(tpm, blob->data, blob->len, error) : NULL;
    if (!again)
        return false;
    if (!akma_secret_equal(key, again))
        return fail(AKMA_ERROR_STORE_FAILED, "the TPM opens another key than it sealed", error);

    return write_output(blob->data, blob->len, error);
}

static bool
unseal(AkmaTpm *tpm, GError **error)
{
    uint8_t blob[AKMA_TPM_BLOB_MAX + 1];
    g_autoptr(AkmaSecret) key = NULL;
    size_t len;
    const uint8_t *bytes;

    if (!read_input(blob, 0, AKMA_TPM_BLOB_MAX, &len, error))
        return false;
    key = akma_tpm_unseal(tpm, blob, len, error);
    if (!key)
        return false;
    bytes = akma_secret_peek(key, &len);

    return write_output(bytes, len, error);
}

static bool
run(int argc, char **argv, GError **error)
{
    g_autofree char *tcti = NULL;
    g_autofree char *pcrs_text = NULL;
    const GOptionEntry entries[] = {
        {"tcti", 0, 0, G_OPTION_ARG_STRING, &tcti, "Way to the TPM (device:/dev/tpmrm0)", "TCTI"},
        {"pcrs", 0, 0, G_OPTION_ARG_STRING, &pcrs_text, "PCRs to bind to (none)", "N,..."},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(AkmaTpm) tpm = NULL;
    const char *verb;
    uint32_t pcrs = 0;

    if (!akma_program_parse(&argc, &argv, entries, "seal|unseal", SUMMARY, NULL, false, error))
        return false;
    verb = argc == 2 ? argv[1] : "";
    if (!g_str_equal(verb, "seal") && !g_str_equal(verb, "unseal"))
        return fail(AKMA_ERROR_INVALID_ARGUMENT, "one of seal and unseal", error);
    if (pcrs_text && !akma_tpm_parse_pcrs(pcrs_text, &pcrs))
        return fail(AKMA_ERROR_INVALID_ARGUMENT, "--pcrs: not numbers from 0 to 23", error);
    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, error))
        return false;
    tpm = akma_tpm_open(tcti ? tcti : "device:/dev/tpmrm0", error);

    return tpm && (g_str_equal(verb, "seal") ? seal(tpm, pcrs, error) : unseal(tpm, error));
}

/* When nobody is left who would take the answer; before, or while the TPM is waited for. */
static void
end_with_the_parent(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&out, 1, 0) > 0 && (out.revents & (POLLHUP | POLLERR)))
        exit(AKMA_ERROR_STORE_FAILED);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    end_with_the_parent();
    /* its traces hold the key */
    g_setenv("TSS2_LOG", "all+none", TRUE);
    akma_program_init("akmad-tpm");
    if (!run(argc, argv, &error))
        return akma_program_fail(error, false);

    return 0;
}
