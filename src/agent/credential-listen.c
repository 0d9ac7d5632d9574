/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* credential-listen: where the socket of the credentials comes from. */
#include "agent/credentials.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"

/* A socket that an akmad of before has left is in the way, and nothing else is taken away. */
static bool
remove_old(const char *path)
{
    struct stat st;

    return g_lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode) || g_unlink(path) == 0;
}

static int
listen_at(const AkmaConfig *config, const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int code;

    /* the umask of the program makes it 0600 */
    errno = ENAMETOOLONG;
    if (fd >= 0 &&
        g_strlcpy(address.sun_path, path, sizeof address.sun_path) < sizeof address.sun_path &&
        remove_old(path) && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        g_chmod(path, 0600) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;

    code = errno;
    if (fd >= 0)
        close(fd);
    akma_settings_reject(akma_config_get_settings(config),
                         "agent",
                         "credential-socket",
                         error,
                         "cannot listen at %s: %s",
                         path,
                         g_strerror(code));

    return -1;
}

bool
akma_credentials_listen(const AkmaConfig *config, int *ret_fd, GError **error)
{
    const char *path = akma_config_get_credential_socket(config);
    int n_passed = sd_listen_fds(1);
    int fd = -1;

    if (n_passed > 0) {
        if (n_passed > 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0) {
            g_set_error_literal(error,
                                AKMA_ERROR,
                                AKMA_ERROR_CONFIG_INVALID,
                                "LISTEN_FDS: one listening Unix stream socket is expected");
            return false;
        }
        fd = SD_LISTEN_FDS_START;
        if (path)
            g_warning("credential-socket: systemd passes a socket, nobody listens at %s", path);
    } else if (path) {
        fd = listen_at(config, path, error);
        if (fd < 0)
            return false;
    }
    *ret_fd = fd;

    return true;
}
