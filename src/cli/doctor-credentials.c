/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-credentials: the socket that LoadCredential= of units connects to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"

#define SOCKET       "/run/akmad/credentials.sock" /* of akmad-credentials.socket */
#define IS_LISTENING 0x10000u                      /* __SO_ACCEPTCON in /proc/net/unix */
#define NEXT                                                                                       \
    "systemctl restart akmad-credentials.socket, or with credential-socket= in [agent]: akmad"

/* Nobody is connected to: that would be a line in the journal of akmad. */
static bool
is_listened_at(const char *path)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents("/proc/net/unix", &text, NULL, NULL))
        return true; /* not known */
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        const char *name = strchr(*line, '/');
        unsigned flags = 0;

        if (name && g_str_equal(name, path) && sscanf(*line, "%*s %*x %*x %x", &flags) == 1 &&
            (flags & IS_LISTENING))
            return true;
    }

    return false;
}

/* Has an application a unit that may want its credential? */
static bool
is_wanted(const AkmaDoctor *self)
{
    g_auto(GStrv) names =
        self->settings ? akma_settings_dup_names(self->settings, "application") : NULL;

    for (char **name = names; name && *name; name++) {
        g_autofree char *group = g_strconcat("application ", *name, NULL);

        if (*akma_settings_get(self->settings, group, "units"))
            return true;
    }

    return false;
}

static void
check_socket(const AkmaDoctor *self, const char *path, AkmaFinding *finding)
{
    unsigned mode;
    struct stat st;

    if (lstat(path, &st) != 0) {
        if (errno == EACCES)
            akma_finding_unseen(finding, "%s is for root to look at", path);
        else
            akma_finding_fault(
                finding, AKMA_ERROR_NOT_RUNNING, NEXT, "%s: %s", path, g_strerror(errno));
        return;
    }

    mode = st.st_mode & 07777;
    if (!S_ISSOCK(st.st_mode))
        akma_finding_fault(finding, AKMA_ERROR_CONFIG_INVALID, NEXT, "%s is no socket", path);
    else if (mode & 0177)
        akma_finding_fault(finding,
                           AKMA_ERROR_CONFIG_INVALID,
                           NEXT,
                           "%s has mode %04o: it is to be 0600",
                           path,
                           mode);
    else if (st.st_uid != 0 && self->owner_uid != (uid_t)-1 && st.st_uid != self->owner_uid)
        akma_finding_fault(finding,
                           AKMA_ERROR_CONFIG_INVALID,
                           NEXT,
                           "%s belongs to uid %u, neither root nor akmad",
                           path,
                           (unsigned)st.st_uid);
    else if (!is_listened_at(path))
        akma_finding_fault(finding, AKMA_ERROR_NOT_RUNNING, NEXT, "nobody listens at %s", path);
    else
        akma_finding_good(finding, "%s, mode %04o, of uid %u", path, mode, (unsigned)st.st_uid);
}

void
akma_doctor_credentials(AkmaDoctor *self, AkmaFinding *finding)
{
    const char *path =
        self->settings ? akma_settings_get(self->settings, "agent", "credential-socket") : NULL;

    if (!path && access(SOCKET, F_OK) != 0 && errno == ENOENT && !is_wanted(self))
        akma_finding_unseen(finding, "no credential-socket=, and no application has units=");
    else
        check_socket(self, path ? path : SOCKET, finding);
}
