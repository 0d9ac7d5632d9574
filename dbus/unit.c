/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/unit.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#define UNIT_NAME_MAX 255

bool
akma_unit_name_is_valid(const char *name)
{
    static const char *const kinds[] = {".service", ".scope", ".socket", ".mount", ".swap"};
    size_t len = strlen(name);

    if (len > UNIT_NAME_MAX || name[0] == '@' || strstr(name, "@."))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isalnum(name[i]) && !strchr(":-_.\\@", name[i]))
            return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_suffix(name, kinds[i]))
            return len > strlen(kinds[i]);
    }

    return false;
}

/* The process behind a pidfd, as the kernel says; 0: it is gone. */
static pid_t
read_pid(int pidfd)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fdinfo/%d", pidfd);
    g_autofree char *text = NULL;
    const char *line;
    gint64 pid;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    line = strstr(text, "\nPid:");
    pid = line ? g_ascii_strtoll(line + strlen("\nPid:"), NULL, 10) : 0;

    return pid > 0 && pid <= G_MAXINT ? (pid_t)pid : 0;
}

static bool
is_alive(int pidfd)
{
    struct pollfd wait = {.fd = pidfd, .events = POLLIN};

    return poll(&wait, 1, 0) == 0;
}

/* The folder of a process belongs to its effective user, also if that may not be dumped. */
static bool
runs_as(pid_t pid, uid_t uid)
{
    g_autofree char *path = g_strdup_printf("/proc/%ld", (long)pid);
    struct stat st;

    return stat(path, &st) == 0 && st.st_uid == uid;
}

static char *
read_unit(pid_t pid, int pidfd, uid_t uid)
{
    char *unit = NULL;
    char *copy = NULL;

    if (runs_as(pid, uid) && sd_pid_get_unit(pid, &unit) >= 0 && is_alive(pidfd))
        copy = g_strdup(unit);
    free(unit);

    return copy;
}

char *
akma_unit_dup_of_caller(const AkmaCaller *caller)
{
    int pidfd = caller->process_fd;
    pid_t pid = pidfd > 0 ? read_pid(pidfd) : caller->pid;
    char *unit;

    if (!caller->known || pid <= 0)
        return NULL;
    if (pidfd > 0)
        return read_unit(pid, pidfd, caller->uid);

    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0)
        return NULL;
    unit = read_unit(pid, pidfd, caller->uid);
    close(pidfd);

    return unit;
}
