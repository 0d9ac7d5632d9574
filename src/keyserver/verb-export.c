/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * verb-export: gives an application its side of the keys, once or at each change.
 *
 * A follower says in the store until when it has published all that was made; until it has, a
 * terminal still gets the version before. So where a rotation is known to the application
 * first, no terminal comes with a key that is refused.
 */
#include "keyserver/verb.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "keyserver/key-lines.h"

#define FILE_MODE 0640 /* the group is that of the folder, if that is setgid */
#define PAUSE_MS  1000 /* between two looks; more where a look takes long */
#define PAUSES    10   /* a look may take this part of the time */
#define RUN_S     30   /* for the command to end */
#define WAIT_MS   50   /* between two looks at it */
#define TELL_S    5    /* how often the store hears that nothing is new */
/* A version counts as made a little before others see it: by the clock of who makes it. */
#define MARGIN_S 10

typedef struct {
    AkmaVerb *verb;
    char *application;
    char *format_name;
    char *output;
    char *command;
    gboolean follow;
    AkmaKeyLinesFormat format;
    char *name;                            /* of this follower */
    uint8_t written[SHA256_DIGEST_LENGTH]; /* what the file has */
    bool has_written;
    int64_t published; /* until when all that was made is with the application */
    int64_t told_s;    /* the store, the last time */
    bool failing;      /* and said so */
    bool stopping;
    sigset_t ends;
} Export;

static bool
invalid(GError **error, const char *message)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "export: %s", message);

    return false;
}

static bool
collect(Export *self, AkmaKeyLines *lines, GError **error)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_KEY_EXPORT);

    op->application = g_strdup(self->application);
    do {
        if (!akma_ks_run(self->verb->store, op, error))
            return false;
        for (guint i = 0; i < op->rows->len; i++) {
            if (!akma_key_lines_add(lines, self->format, op->rows->pdata[i], error))
                return false;
        }
    } while (op->more);

    return true;
}

/* --- following --- */

static void
pause_ms(Export *self, int64_t ms)
{
    const struct timespec wait = {
        .tv_sec = (time_t)(ms / 1000),
        .tv_nsec = (long)(ms % 1000 * 1000000),
    };

    if (sigtimedwait(&self->ends, NULL, &wait) >= 0)
        self->stopping = true;
}

/* Also while it fails: then nothing new is given to terminals as long as the old one will do. */
static bool
tell_store(Export *self, GError **error)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_FOLLOW);

    op->application = g_strdup(self->application);
    op->text = g_strdup(self->name);
    op->version = self->published;
    op->flag = !self->stopping;
    self->told_s = op->now;

    return akma_ks_run(self->verb->store, op, error);
}

static _Noreturn void
be_command(Export *self)
{
    g_setenv("AKMA_APPLICATION", self->application, TRUE);
    setpgid(0, 0);
    sigprocmask(SIG_UNBLOCK, &self->ends, NULL);
    execl("/bin/sh", "sh", "-c", self->command, NULL);
    _exit(127);
}

/*
 * Until it ends, its time is over or we are told to stop: then it is killed with its children.
 * Returns: its status; -1: nobody can tell.
 */
static int
wait_for_command(Export *self, pid_t pid)
{
    int64_t deadline = g_get_monotonic_time() + (int64_t)RUN_S * G_USEC_PER_SEC;
    int status = 0;
    pid_t ended;

    while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
        pause_ms(self, WAIT_MS);
        if (self->stopping || g_get_monotonic_time() > deadline)
            kill(-pid, SIGKILL);
    }

    return ended == pid ? status : -1;
}

/* After the file was written. Its keys are no argument: the command reads the file. */
static bool
run_command(Export *self, GError **error)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        be_command(self);
    if (pid > 0)
        status = wait_for_command(self, pid);
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;

    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_INTERNAL,
                "the command of --run failed (%s %d)",
                WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));

    return false;
}

/* One look: the file is as the store says, and the store knows that. */
static bool
look(Export *self, GError **error)
{
    int64_t begun = g_get_real_time() / G_USEC_PER_SEC;
    g_auto(AkmaKeyLines) lines = {0};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    bool changed;

    if (!collect(self, &lines, error))
        return false;

    SHA256((const uint8_t *)lines.bytes, lines.len, digest);
    changed = !self->has_written || CRYPTO_memcmp(digest, self->written, sizeof digest) != 0;
    if (changed) {
        if (!akma_file_replace(self->output, lines.bytes, lines.len, FILE_MODE, error) ||
            (self->command && !run_command(self, error)))
            return false;
        memcpy(self->written, digest, sizeof digest);
        self->has_written = true;
    }

    self->published = MAX(self->published, begun - MARGIN_S);

    return (!changed && begun - self->told_s < TELL_S) || tell_store(self, error);
}

static int
follow(Export *self)
{
    sigemptyset(&self->ends);
    sigaddset(&self->ends, SIGTERM);
    sigaddset(&self->ends, SIGINT);
    sigprocmask(SIG_BLOCK, &self->ends, NULL);
    self->name = g_uuid_string_random();
    /* what is made from here on waits for us; what was made before did not */
    self->published = g_get_real_time() / G_USEC_PER_SEC;
    tell_store(self, NULL);

    while (!self->stopping) {
        g_autoptr(GError) error = NULL;
        int64_t begun = g_get_monotonic_time();

        if (!look(self, &error) && !self->failing && !self->stopping)
            g_warning("export: %s; tried again until it succeeds", error->message);
        self->failing = error;
        if (error)
            tell_store(self, NULL);
        if (!self->stopping)
            pause_ms(self, MAX(PAUSE_MS, (g_get_monotonic_time() - begun) / 1000 * PAUSES));
    }
    tell_store(self, NULL);

    return 0;
}

/* --- once --- */

static bool
write_once(Export *self, GError **error)
{
    g_auto(AkmaKeyLines) lines = {0};

    if (!collect(self, &lines, error))
        return false;
    if (self->output)
        return akma_file_replace(self->output, lines.bytes, lines.len, FILE_MODE, error);

    for (size_t done = 0; done < lines.len;) {
        ssize_t n = write(STDOUT_FILENO, lines.bytes + done, lines.len - done);

        if (n < 0 && errno != EINTR) {
            g_set_error(
                error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot write: %s", g_strerror(errno));
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }

    return true;
}

static bool
check(Export *self, GError **error)
{
    if (!self->application || !self->format_name)
        return invalid(error, "--application and --format must be given");
    if (strcmp(self->format_name, "mosquitto-psk") == 0)
        self->format = AKMA_KEY_LINES_MOSQUITTO;
    else if (strcmp(self->format_name, "json") == 0)
        self->format = AKMA_KEY_LINES_JSON;
    else
        return invalid(error, "--format is mosquitto-psk or json");
    if (self->follow && !self->output)
        return invalid(error, "--follow needs --output");
    if (self->command && !self->follow)
        return invalid(error, "--run needs --follow");
    if (!self->output && isatty(STDOUT_FILENO) == 1)
        return invalid(error, "keys are not shown on a terminal: use --output");

    return true;
}

static void
audit(Export *self)
{
    const AkmaAuditEvent event = {
        .event = "exported", .application = self->application, .actor = akma_verb_get_actor()};

    akma_audit_write(self->verb->audit, &event);
}

static void
export_clear(Export *self)
{
    g_free(self->application);
    g_free(self->format_name);
    g_free(self->output);
    g_free(self->command);
    g_free(self->name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Export, export_clear)

int
akma_verb_export(AkmaVerb *verb, int argc, char **argv)
{
    g_auto(Export) self = {.verb = verb};
    const GOptionEntry entries[] = {
        {"application", 0, 0, G_OPTION_ARG_STRING, &self.application, "Whose keys", "ID"},
        {"format", 0, 0, G_OPTION_ARG_STRING, &self.format_name, "mosquitto-psk or json", "F"},
        {"output", 0, 0, G_OPTION_ARG_FILENAME, &self.output, "Instead of stdout", "FILE"},
        {"follow", 0, 0, G_OPTION_ARG_NONE, &self.follow, "Write FILE again at each change", NULL},
        {"run", 0, 0, G_OPTION_ARG_STRING, &self.command, "With the shell, after that", "CMD"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         entries,
                         "export",
                         "Give an application its side of the keys: every version that is accepted "
                         "now, a line\neach. With --follow a rotation is in FILE, and CMD has "
                         "ended well, before a terminal\ngets the new version.",
                         0,
                         0,
                         &error) ||
        !check(&self, &error) || !akma_verb_open(verb, &error))
        return akma_verb_fail(verb, error);

    audit(&self);
    if (self.follow) {
        g_auto(AkmaKeyLines) lines = {0};

        /* what is wrong from the start is said at once */
        if (!collect(&self, &lines, &error))
            return akma_verb_fail(verb, error);
        return follow(&self);
    }
    if (!write_once(&self, &error))
        return akma_verb_fail(verb, error);

    return 0;
}
