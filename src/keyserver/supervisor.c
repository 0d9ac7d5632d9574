/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Workers are processes, not threads: OpenSSL's secure heap is one a process with one lock, a
 * fault in one worker costs its own sessions and no others, and the parent, which holds the
 * sockets, never has a secret in memory.
 */
#include "keyserver/supervisor.h"

#include <errno.h>
#include <fcntl.h>
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
#include "keyserver/check.h"
#include "keyserver/presence.h"
#include "keyserver/sockets.h"
#include "keyserver/worker.h"

#define START_MS    30000 /* for a worker to serve */
#define STOP_MS     4000  /* for all of them to end; then they are killed */
#define RESTART_MS  1000  /* between two starts of a worker; doubled while it fails */
#define DOUBLINGS   5
#define STEADY_MS   60000 /* a worker that served so long did not fail */
#define CHECK_MAX_S 30    /* for the check of a new configuration */

/* away -> starting (status_fd) -> serving -> away, again at start_at */
typedef struct {
    pid_t pid; /* 0: not running */
    const AkmaSockets *sockets;
    int status_fd; /* of one that does not serve yet; -1: none */
    int status;    /* how the last one ended */
    bool serves;
    unsigned failures; /* in a row */
    int64_t started;   /* monotonic, in ms; so the next one */
    int64_t start_at;
} Worker;

typedef struct {
    const AkmaSupervisorStart *start;
    AkmaServerConfig *config;
    Worker *workers;
    AkmaSockets *sockets; /* one a worker */
    unsigned n_workers;
    struct pollfd *waits; /* signals, then one a worker */
    pid_t pid;
    sigset_t before; /* the mask that children get */
    int signals;
    pid_t checker; /* of a new configuration; 0: none */
    bool reload_again;
    bool started; /* all workers have served once */
    bool stopping;
    int64_t kill_at;
} Supervisor;

static int64_t
now_ms(void)
{
    return g_get_monotonic_time() / 1000;
}

/* --- one worker --- */

static _Noreturn void
be_worker(Supervisor *self, const Worker *worker, int status_fd)
{
    const AkmaWorkerStart start = {
        .config_file = self->start->config_file,
        .config = self->config,
        .sockets = *worker->sockets,
        .status_fd = status_fd,
        .json = self->start->json,
    };

    /* the worker ends with its supervisor, also with one that was killed before this line */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != self->pid)
        _exit(AKMA_ERROR_INTERNAL);
    akma_sockets_close_others(self->sockets, self->n_workers, worker->sockets);
    for (unsigned i = 0; i < self->n_workers; i++) {
        if (self->workers[i].status_fd >= 0)
            close(self->workers[i].status_fd);
    }
    close(self->signals);
    sigprocmask(SIG_SETMASK, &self->before, NULL);
    exit(akma_worker_run(&start));
}

static void
start_worker(Supervisor *self, Worker *worker)
{
    int status[2];

    worker->started = now_ms();
    worker->start_at = worker->started + RESTART_MS;
    worker->serves = false;
    if (pipe2(status, O_CLOEXEC) != 0) {
        g_warning("cannot start a worker: %s", g_strerror(errno));
        return;
    }

    worker->pid = fork();
    if (worker->pid == 0) {
        close(status[0]);
        be_worker(self, worker, status[1]);
    }
    close(status[1]);
    if (worker->pid > 0) {
        worker->status_fd = status[0];
    } else {
        g_warning("cannot start a worker: %s", g_strerror(errno));
        worker->pid = 0;
        close(status[0]);
    }
}

static void
tell_status(const Supervisor *self)
{
    unsigned n = 0;
    g_autofree char *text = NULL;

    for (unsigned i = 0; i < self->n_workers; i++)
        n += self->workers[i].serves;
    text = g_strdup_printf("STATUS=%u of %u workers serve", n, self->n_workers);
    akma_program_notify(text);
}

/* It serves, or it ended and said why itself. */
static void
read_worker_status(const Supervisor *self, Worker *worker)
{
    char byte;

    worker->serves = read(worker->status_fd, &byte, 1) == 1;
    close(worker->status_fd);
    worker->status_fd = -1;
    if (worker->serves)
        tell_status(self);
}

/* --- the life of all --- */

static void
signal_all(Supervisor *self, int number)
{
    for (unsigned i = 0; i < self->n_workers; i++) {
        if (self->workers[i].pid > 0)
            kill(self->workers[i].pid, number);
    }
}

static void
stop(Supervisor *self)
{
    if (self->stopping)
        return;

    akma_program_notify("STOPPING=1");
    self->stopping = true;
    self->kill_at = now_ms() + STOP_MS;
    signal_all(self, SIGTERM);
}

static bool
are_any_left(const Supervisor *self)
{
    for (unsigned i = 0; i < self->n_workers; i++) {
        if (self->workers[i].pid > 0)
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
warn_about_fixed(const AkmaServerConfig *had, const AkmaServerConfig *config)
{
    if (akma_sockets_differ(had, config) || had->workers != config->workers ||
        strcmp(had->store_path, config->store_path) != 0 || had->idle_ms != config->idle_ms ||
        had->exchange_ms != config->exchange_ms || had->connections != config->connections ||
        had->handshakes != config->handshakes)
        g_warning("listen of any face; [server] workers; [store]; [limits] connections, "
                  "handshakes, idle, "
                  "exchange: a change of these needs a restart");
}

static void
reload_done(Supervisor *self, int status)
{
    g_autoptr(AkmaServerConfig) config = NULL;

    self->checker = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        config = akma_server_config_load(self->start->config_file, NULL);
    if (config) {
        warn_about_fixed(self->config, config);
        config->workers = self->n_workers;
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
worker_ended(Supervisor *self, Worker *worker, int status)
{
    bool steady = worker->serves && now_ms() - worker->started >= STEADY_MS;
    int64_t pause;

    worker->pid = 0;
    worker->status = status;
    worker->serves = false;
    if (worker->status_fd >= 0)
        close(worker->status_fd);
    worker->status_fd = -1;
    if (self->stopping || !self->started)
        return;

    pause = (int64_t)RESTART_MS << MIN(worker->failures, DOUBLINGS);
    worker->failures = steady ? 0 : worker->failures + 1;
    worker->start_at = MAX(now_ms(), worker->started + (steady ? RESTART_MS : pause));
    g_warning("a worker ended (%s %d): its sessions are lost, it is started again in %d s",
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
              (int)((worker->start_at - now_ms() + 999) / 1000));
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
        for (unsigned i = 0; i < self->n_workers; i++) {
            if (self->workers[i].pid == pid)
                worker_ended(self, &self->workers[i], status);
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

/* What is due of one worker; returns when the next thing is. */
static int64_t
run_due_worker(Supervisor *self, Worker *worker)
{
    if (worker->pid == 0 && !self->stopping && self->started && now_ms() >= worker->start_at)
        start_worker(self, worker);
    if (worker->pid == 0)
        return self->started && !self->stopping ? worker->start_at : INT64_MAX;
    if (worker->serves || self->stopping)
        return INT64_MAX;

    if (now_ms() - worker->started >= START_MS) {
        g_warning("a worker did not serve within %d s: it is killed", START_MS / 1000);
        kill(worker->pid, SIGKILL);
        return now_ms() + RESTART_MS;
    }

    return worker->started + START_MS;
}

/* Does what is due; returns how long there is nothing to do. */
static int
run_due(Supervisor *self)
{
    unsigned watchdog_ms = akma_program_get_watchdog_ms();
    int64_t next = now_ms() + (watchdog_ms > 0 ? (int64_t)watchdog_ms : 60000);

    if (watchdog_ms > 0)
        akma_program_notify("WATCHDOG=1");
    if (self->stopping && now_ms() >= self->kill_at)
        signal_all(self, SIGKILL);
    if (self->stopping)
        next = MIN(next, MAX(self->kill_at, now_ms() + 100));
    for (unsigned i = 0; i < self->n_workers; i++) {
        int64_t due = run_due_worker(self, &self->workers[i]);

        next = MIN(next, due);
    }

    return (int)MAX(next - now_ms(), 0);
}

/* One turn: no wait but this one, so that a signal is never late. */
static void
turn(Supervisor *self)
{
    int timeout = run_due(self);

    self->waits[0] = (struct pollfd){.fd = self->signals, .events = POLLIN};
    for (unsigned i = 0; i < self->n_workers; i++)
        self->waits[1 + i] = (struct pollfd){.fd = self->workers[i].status_fd, .events = POLLIN};
    if (poll(self->waits, 1 + self->n_workers, timeout) <= 0)
        return;

    for (unsigned i = 0; i < self->n_workers; i++) {
        if (self->waits[1 + i].revents != 0)
            read_worker_status(self, &self->workers[i]);
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
    for (unsigned i = 0; i < self->n_workers && !self->stopping; i++) {
        Worker *worker = &self->workers[i];
        int status;

        start_worker(self, worker);
        while (worker->pid > 0 && !worker->serves && !self->stopping)
            turn(self);
        if (worker->serves || self->stopping)
            continue;

        signal_all(self, SIGKILL);
        status = worker->status;

        return WIFEXITED(status) && WEXITSTATUS(status) > 0 ? WEXITSTATUS(status)
                                                            : AKMA_ERROR_INTERNAL;
    }
    self->started = true;

    return 0;
}

static bool
announce(Supervisor *self, GError **error)
{
    g_auto(GStrv) pairs = akma_sockets_dup_pairs(&self->sockets[0]);
    g_autofree char *text = g_strjoinv(" ", pairs);

    if (!akma_program_write_ready(self->start->ready_file, (const char *const *)pairs, error))
        return false;
    akma_program_notify("READY=1");
    g_message("serving %s, %s, with %u workers", self->config->name, text, self->n_workers);

    return true;
}

int
akma_supervisor_run(const AkmaSupervisorStart *start, AkmaServerConfig *config)
{
    Supervisor self = {.start = start, .config = config, .n_workers = config->workers};
    g_autofree Worker *workers = g_new0(Worker, config->workers);
    g_autofree AkmaSockets *sockets = g_new0(AkmaSockets, config->workers);
    g_autofree struct pollfd *waits = g_new0(struct pollfd, 1 + config->workers);
    g_autoptr(GError) error = NULL;
    int status = 0;

    self.pid = getpid();
    self.workers = workers;
    self.sockets = sockets;
    self.waits = waits;
    for (unsigned i = 0; i < self.n_workers; i++)
        workers[i] = (Worker){.sockets = &sockets[i], .status_fd = -1};
    if (!block_signals(&self, &error) || !akma_sockets_open(config, sockets, &error)) {
        status = akma_program_fail(error, start->json);
    } else {
        /* so that `status` sees it; it serves without as well */
        if (akma_presence_hold(config->store_path) < 0)
            g_info("another server uses this store too");
        status = start_all(&self);
        if (status == 0 && !self.stopping && !announce(&self, &error)) {
            status = akma_program_fail(error, start->json);
            stop(&self);
        }
        if (status == 0 || self.stopping)
            supervise(&self);
    }
    akma_server_config_free(self.config);

    return status;
}
