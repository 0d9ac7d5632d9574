/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Workers are processes, not threads: OpenSSL's secure heap is one a process with one lock, a
 * fault in one worker costs its own sessions and no others, and the parent, which holds the
 * sockets, never has a secret in memory.
 */
#include "keyserver/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/program.h"
#include "http/h2.h"
#include "keyserver/admin.h"
#include "keyserver/check.h"
#include "keyserver/child.h"
#include "keyserver/metrics.h"
#include "keyserver/presence.h"
#include "keyserver/sockets.h"
#include "keyserver/worker.h"

#define STOP_MS     4000 /* for all of them to end; then they are killed */
#define CHECK_MAX_S 30   /* for the check of a new configuration */

/* The workers, and after them the admin process if there is one. */
typedef struct {
    const AkmaSupervisorStart *start;
    AkmaServerConfig *config;
    AkmaMetrics *metrics;
    AkmaChild *children;
    unsigned n_children;
    unsigned n_workers;
    AkmaSockets *sockets; /* one a worker */
    int admin_fd;         /* -1: there is no admin process */
    struct pollfd *waits; /* signals, then one a child */
    pid_t pid;
    sigset_t before; /* the mask that children get */
    int signals;
    pid_t checker; /* of a new configuration; 0: none */
    bool reload_again;
    bool started; /* all children have served once */
    bool stopping;
    int64_t kill_at;
} Supervisor;

/* --- one child --- */

/* What all children do first: what is not theirs is closed. */
static void
become_child(Supervisor *self)
{
    /* it ends with its supervisor, also with one that was killed before this line */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != self->pid)
        _exit(AKMA_ERROR_INTERNAL);
    for (unsigned i = 0; i < self->n_children; i++) {
        if (self->children[i].status_fd >= 0)
            close(self->children[i].status_fd);
    }
    close(self->signals);
    sigprocmask(SIG_SETMASK, &self->before, NULL);
}

static _Noreturn void
be_worker(Supervisor *self, unsigned number, int status_fd)
{
    const AkmaWorkerStart start = {
        .config_file = self->start->config_file,
        .config = self->config,
        .sockets = self->sockets[number],
        .metrics = self->admin_fd >= 0 ? self->metrics : NULL,
        .figures = akma_metrics_get_slot(self->metrics, number),
        .status_fd = status_fd,
        .json = self->start->json,
    };

    akma_sockets_close_others(self->sockets, self->n_workers, &self->sockets[number]);
    if (self->admin_fd >= 0)
        close(self->admin_fd);
    exit(akma_worker_run(&start));
}

static _Noreturn void
be_admin(Supervisor *self, int status_fd)
{
    const AkmaAdminStart start = {
        .config_file = self->start->config_file,
        .config = self->config,
        .metrics = self->metrics,
        .fd = self->admin_fd,
        .status_fd = status_fd,
        .json = self->start->json,
    };

    akma_sockets_close_others(self->sockets, self->n_workers, NULL);
    exit(akma_admin_run(&start));
}

static void
start_child(Supervisor *self, unsigned number)
{
    int status_fd;

    if (!akma_child_fork(&self->children[number], &status_fd))
        return;

    become_child(self);
    if (number < self->n_workers)
        be_worker(self, number, status_fd);
    be_admin(self, status_fd);
}

static void
tell_status(const Supervisor *self)
{
    unsigned n = 0;
    g_autofree char *text = NULL;

    for (unsigned i = 0; i < self->n_workers; i++)
        n += self->children[i].serves;
    text = g_strdup_printf("STATUS=%u of %u workers serve", n, self->n_workers);
    akma_program_notify(text);
}

/* --- the life of all --- */

static void
signal_all(Supervisor *self, int number)
{
    for (unsigned i = 0; i < self->n_children; i++) {
        if (self->children[i].pid > 0)
            kill(self->children[i].pid, number);
    }
}

static void
stop(Supervisor *self)
{
    if (self->stopping)
        return;

    akma_program_notify("STOPPING=1");
    self->stopping = true;
    self->kill_at = akma_child_now_ms() + STOP_MS;
    signal_all(self, SIGTERM);
}

static bool
are_any_left(const Supervisor *self)
{
    for (unsigned i = 0; i < self->n_children; i++) {
        if (self->children[i].pid > 0)
            return true;
    }

    return false;
}

/* The new configuration is tried by a process of its own, which may read secrets. */
static void
begin_reload(Supervisor *self)
{
    self->reload_again = self->checker > 0;
    if (self->checker > 0)
        return;

    akma_program_notify_reloading();
    self->checker = fork();
    if (self->checker == 0) {
        sigprocmask(SIG_SETMASK, &self->before, NULL);
        alarm(CHECK_MAX_S);
        akma_check_exit(self->start->config_file);
    }
    if (self->checker < 0) {
        g_warning("cannot check the new configuration: %s; the old one stays", g_strerror(errno));
        self->checker = 0;
        akma_program_notify("READY=1");
    }
}

static void
reload_done(Supervisor *self, int status)
{
    g_autoptr(AkmaServerConfig) config = NULL;
    g_autofree char *kept = NULL;

    self->checker = 0;
    /* a worker that is started later must have the store and the sizes of the others */
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        config = akma_server_config_load_again(self->start->config_file, self->config, &kept, NULL);
    if (config) {
        if (kept)
            g_warning("%s: a change of this needs a restart, and is not used before", kept);
        akma_server_config_free(self->config);
        self->config = g_steal_pointer(&config);
        signal_all(self, SIGHUP);
        g_message("configuration read again");
    } else {
        g_warning("the new configuration is not used, the old one stays");
    }
    akma_program_notify("READY=1");
    if (self->reload_again)
        begin_reload(self);
}

static void
child_ended(Supervisor *self, unsigned number, int status)
{
    if (number < self->n_workers)
        akma_figures_set_ended(akma_metrics_get_slot(self->metrics, number));
    akma_child_ended(&self->children[number], status, self->started && !self->stopping);
    if (self->started && !self->stopping)
        tell_status(self);
}

static void
reap(Supervisor *self)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == self->checker)
            reload_done(self, status);
        for (unsigned i = 0; i < self->n_children; i++) {
            if (self->children[i].pid == pid)
                child_ended(self, i, status);
        }
    }
}

static void
handle_signal(Supervisor *self)
{
    struct signalfd_siginfo info;

    if (read(self->signals, &info, sizeof info) != sizeof info)
        return;

    if (info.ssi_signo == SIGHUP)
        begin_reload(self);
    else if (info.ssi_signo == SIGCHLD)
        reap(self);
    else
        stop(self);
}

/* What is due of one child; returns when the next thing is. */
static int64_t
run_due_child(Supervisor *self, unsigned number)
{
    AkmaChild *child = &self->children[number];
    bool again = self->started && !self->stopping;

    if (child->pid == 0 && again && akma_child_now_ms() >= child->start_at)
        start_child(self, number);
    if (child->pid == 0)
        return again ? child->start_at : INT64_MAX;

    return child->serves || self->stopping ? INT64_MAX : akma_child_check_start(child);
}

/* Does what is due; returns how long there is nothing to do. */
static int
run_due(Supervisor *self)
{
    unsigned watchdog_ms = akma_program_get_watchdog_ms();
    int64_t next = akma_child_now_ms() + (watchdog_ms > 0 ? (int64_t)watchdog_ms : 60000);

    if (watchdog_ms > 0)
        akma_program_notify("WATCHDOG=1");
    if (self->stopping && akma_child_now_ms() >= self->kill_at)
        signal_all(self, SIGKILL);
    if (self->stopping)
        next = MIN(next, MAX(self->kill_at, akma_child_now_ms() + 100));
    for (unsigned i = 0; i < self->n_children; i++) {
        int64_t due = run_due_child(self, i);

        next = MIN(next, due);
    }

    return (int)MAX(next - akma_child_now_ms(), 0);
}

/* One turn: no wait but this one, so that a signal is never late. */
static void
turn(Supervisor *self)
{
    int timeout = run_due(self);

    self->waits[0] = (struct pollfd){.fd = self->signals, .events = POLLIN};
    for (unsigned i = 0; i < self->n_children; i++)
        self->waits[1 + i] = (struct pollfd){.fd = self->children[i].status_fd, .events = POLLIN};
    if (poll(self->waits, 1 + self->n_children, timeout) <= 0)
        return;

    for (unsigned i = 0; i < self->n_children; i++) {
        if (self->waits[1 + i].revents == 0)
            continue;
        akma_child_read_status(&self->children[i]);
        if (self->children[i].serves)
            tell_status(self);
    }
    if (self->waits[0].revents != 0)
        handle_signal(self);
}

static void
supervise(Supervisor *self)
{
    while (!self->stopping || are_any_left(self))
        turn(self);
}

/* --- start and end --- */

static bool
block_signals(Supervisor *self, GError **error)
{
    sigset_t ours;

    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ours, &self->before);
    self->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signals < 0)
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "signalfd: %s", g_strerror(errno));

    return self->signals >= 0;
}

/* One after the other: if the first cannot serve, the others could not either. Returns: status. */
static int
start_all(Supervisor *self)
{
    for (unsigned i = 0; i < self->n_children && !self->stopping; i++) {
        AkmaChild *child = &self->children[i];
        int status;

        start_child(self, i);
        while (child->pid > 0 && !child->serves && !self->stopping)
            turn(self);
        if (child->serves || self->stopping)
            continue;

        signal_all(self, SIGKILL);
        status = child->status;

        return WIFEXITED(status) && WEXITSTATUS(status) > 0 ? WEXITSTATUS(status)
                                                            : AKMA_ERROR_INTERNAL;
    }
    self->started = true;

    return 0;
}

/* The lines of the ready file. */
static GStrv
dup_pairs(const Supervisor *self)
{
    GStrv pairs = akma_sockets_dup_pairs(&self->sockets[0]);
    guint n = g_strv_length(pairs);
    g_autofree char *address = NULL;

    if (self->admin_fd < 0)
        return pairs;

    address = akma_h2_dup_socket_address(self->admin_fd);
    pairs = g_renew(char *, pairs, n + 2);
    pairs[n] = g_strdup_printf("admin=%s", address);
    pairs[n + 1] = NULL;

    return pairs;
}

static bool
announce(Supervisor *self, GError **error)
{
    g_auto(GStrv) pairs = dup_pairs(self);
    g_autofree char *text = g_strjoinv(" ", pairs);

    if (!akma_program_write_ready(self->start->ready_file, (const char *const *)pairs, error))
        return false;
    akma_program_notify("READY=1");
    g_message("serving %s, %s, with %u workers", self->config->name, text, self->n_workers);

    return true;
}

static bool
open_all(Supervisor *self, GError **error)
{
    const AkmaServerConfig *config = self->config;

    if (!block_signals(self, error) || !akma_sockets_open(config, self->sockets, error))
        return false;
    if (config->admin_listen) {
        self->admin_fd = akma_h2_listen_socket(config->admin_listen, false, error);
        if (self->admin_fd < 0)
            return false;
        self->children[self->n_children++] = AKMA_CHILD_INIT("the admin process");
    }
    self->metrics = akma_metrics_new(self->n_workers, error);

    return self->metrics;
}

static int
run(Supervisor *self, GError **error)
{
    int status;

    if (!open_all(self, error))
        return akma_program_fail(*error, self->start->json);

    /* so that `status` sees it; it serves without as well */
    if (akma_presence_hold(self->config->store_path) < 0)
        g_info("another server uses this store too");
    status = start_all(self);
    if (status == 0 && !self->stopping && !announce(self, error)) {
        status = akma_program_fail(*error, self->start->json);
        stop(self);
    }
    if (status == 0 || self->stopping)
        supervise(self);

    return status;
}

int
akma_supervisor_run(const AkmaSupervisorStart *start, AkmaServerConfig *config)
{
    Supervisor self = {
        .start = start,
        .config = config,
        .n_workers = config->workers,
        .n_children = config->workers,
        .admin_fd = -1,
        .pid = getpid(),
    };
    g_autofree AkmaChild *children = g_new0(AkmaChild, config->workers + 1);
    g_autofree AkmaSockets *sockets = g_new0(AkmaSockets, config->workers);
    g_autofree struct pollfd *waits = g_new0(struct pollfd, config->workers + 2);
    g_autoptr(GError) error = NULL;
    int status;

    self.children = children;
    self.sockets = sockets;
    self.waits = waits;
    for (unsigned i = 0; i < self.n_workers; i++)
        children[i] = AKMA_CHILD_INIT("a worker");
    status = run(&self, &error);
    akma_metrics_free(self.metrics);
    akma_server_config_free(self.config);

    return status;
}
