/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/tpm-helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define PROGRAM    "akmad-tpm"
#define PREFIX     PROGRAM ": "
#define NEXT       "\n  next: "
#define BLOB_MAX   4096
#define TEXT_MAX   1024
#define KILLED_MS  1000
#define PATH_BYTES 4096

extern char **environ;

/* One run of it. Its answer and its complaints stay in the kernel until it has ended. */
typedef struct {
    pid_t pid;
    int pidfd;
    int answer; /* both ways: its standard input and output */
    int complaint;
} Child;

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void
child_clear(Child *self)
{
    close_fd(&self->pidfd);
    close_fd(&self->answer);
    close_fd(&self->complaint);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Child, child_clear)

/* It stands beside akmad itself. */
static char *
find_program(void)
{
    char self[PATH_BYTES];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    g_autofree char *folder = NULL;

    if (len <= 0)
        return NULL;
    self[len] = '\0';
    folder = g_path_get_dirname(self);

    return g_build_filename(folder, PROGRAM, NULL);
}

bool
akma_tpm_helper_is_there(const AkmaTpmHelper *self)
{
    g_autofree char *program = find_program();

    /* whoever names another way has one */
    return program && access(program, X_OK) == 0 &&
           (!g_str_equal(self->tcti, AKMA_TPM_TCTI) || access(AKMA_TPM_DEVICE, R_OK | W_OK) == 0);
}

static bool
spawn_with(Child *self, char **argv, int input, int errors, GError **error)
{
    posix_spawn_file_actions_t actions;
    int rv;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, input, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    rv = posix_spawn(&self->pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rv != 0) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "cannot run %s: %s; next: install it, or set sealing= to another kind",
                    argv[0],
                    g_strerror(rv));
        return false;
    }
    self->pidfd = pidfd_open(self->pid, 0);

    return true;
}

static bool
start(Child *self, const AkmaTpmHelper *helper, const char *verb, GError **error)
{
    g_autofree char *program = find_program();
    char *argv[] = {program,
                    (char *)"--tcti",
                    (char *)helper->tcti,
                    (char *)"--pcrs",
                    (char *)helper->pcrs,
                    (char *)verb,
                    NULL};
    int pair[2] = {-1, -1}, errors[2] = {-1, -1};
    bool ok;

    if (!program || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
        pipe2(errors, O_CLOEXEC) != 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no pipe: %s", g_strerror(errno));
        close_fd(&pair[0]);
        close_fd(&pair[1]);
        return false;
    }
    ok = spawn_with(self, argv, pair[1], errors[1], error);
    close_fd(&pair[1]);
    close_fd(&errors[1]);
    self->answer = pair[0];
    self->complaint = errors[0];

    return ok;
}

static bool
has_ended(const Child *self, int64_t timeout_ms)
{
    const int64_t end_us = g_get_monotonic_time() + timeout_ms * 1000;
    struct pollfd wait = {.fd = self->pidfd, .events = POLLIN};
    int64_t left_us;

    while ((left_us = end_us - g_get_monotonic_time()) > 0) {
        if (poll(&wait, 1, (int)((left_us + 999) / 1000)) > 0)
            return true;
    }

    return false;
}

/* What it complained about; else how it ended. */
static void
take_complaint(const Child *self, int status, GError **error)
{
    char bytes[TEXT_MAX];
    ssize_t n = read(self->complaint, bytes, sizeof bytes - 1);
    g_autofree char *text = g_utf8_make_valid(bytes, MAX(n, 0));
    const char *message = g_str_has_prefix(text, PREFIX) ? text + strlen(PREFIX) : text;
    char *next = strstr(message, NEXT);

    g_strchomp(text);
    if (n <= 0 || !WIFEXITED(status)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    PROGRAM " ended with status 0x%x",
                    (unsigned)status);
        return;
    }
    if (next)
        *next = '\0';
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "%s%s%s",
                message,
                next ? "; next: " : "",
                next ? next + strlen(NEXT) : "");
}

static bool
wait_for(const Child *self, const AkmaTpmHelper *helper, GError **error)
{
    int status = 0;

    if (!has_ended(self, (int64_t)helper->timeout_s * 1000)) {
        kill(self->pid, SIGKILL);
        /* one that hangs in the kernel is left behind */
        if (has_ended(self, KILLED_MS))
            waitpid(self->pid, &status, WNOHANG);
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "the TPM (%s) does not answer within %u s; next: see whether it is well, or "
                    "raise tpm-timeout=, then start akmad again",
                    helper->tcti,
                    helper->timeout_s);
        return false;
    }
    if (waitpid(self->pid, &status, WNOHANG) != self->pid || status != 0) {
        take_complaint(self, status, error);
        return false;
    }

    return true;
}

/* Up to @size bytes of its answer; -1: there is more. */
static ssize_t
take_answer(const Child *self, uint8_t *bytes, size_t size)
{
    size_t len = 0;
    uint8_t more;
    ssize_t n;

    while (len < size && (n = recv(self->answer, bytes + len, size - len, MSG_DONTWAIT)) > 0)
        len += (size_t)n;

    return len == size && recv(self->answer, &more, 1, MSG_DONTWAIT) > 0 ? -1 : (ssize_t)len;
}

/* @ret has room for @size bytes; the number of them, or -1. */
static ssize_t
run(const AkmaTpmHelper *helper,
    const char *verb,
    const void *in,
    size_t in_len,
    uint8_t *ret,
    size_t size,
    GError **error)
{
    g_auto(Child) child = {.pidfd = -1, .answer = -1, .complaint = -1};

    if (!start(&child, helper, verb, error))
        return -1;
    /* little enough for the buffer of the socket; one that has ended complains below */
    if (send(child.answer, in, in_len, MSG_NOSIGNAL) == (ssize_t)in_len)
        shutdown(child.answer, SHUT_WR);

    return wait_for(&child, helper, error) ? take_answer(&child, ret, size) : -1;
}

static void
fail_length(GError **error)
{
    g_set_error_literal(
        error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, PROGRAM " answers with another length");
}

GByteArray *
akma_tpm_helper_seal(const AkmaTpmHelper *self, const AkmaSecret *key, GError **error)
{
    uint8_t blob[BLOB_MAX];
    g_autoptr(GError) local = NULL;
    size_t len;
    const uint8_t *bytes = akma_secret_peek(key, &len);
    ssize_t n = run(self, "seal", bytes, len, blob, sizeof blob, &local);
    GByteArray *ret;

    if (local) {
        g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
    }
    if (n <= 0) {
        fail_length(error);
        return NULL;
    }
    ret = g_byte_array_new();

    return g_byte_array_append(ret, blob, (guint)n);
}

AkmaSecret *
akma_tpm_helper_unseal(const AkmaTpmHelper *self, const void *blob, size_t len, GError **error)
{
    uint8_t *bytes;
    g_autoptr(AkmaSecret) key = akma_secret_new_blank(AKMA_TPM_KEY_LEN, &bytes, error);
    g_autoptr(GError) local = NULL;
    ssize_t n;

    if (!key)
        return NULL;
    n = run(self, "unseal", blob, len, bytes, AKMA_TPM_KEY_LEN, &local);
    if (local) {
        g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
    }
    if (n != AKMA_TPM_KEY_LEN) {
        fail_length(error);
        return NULL;
    }

    return g_steal_pointer(&key);
}
