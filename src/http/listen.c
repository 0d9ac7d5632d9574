/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* listen: listening sockets from an address as configurations write it. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/settings.h"
#include "http/h2.h"

#define SOCKET_FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

static int
fail(GError **error, const char *address, const char *why, int fd)
{
    g_set_error(
        error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID, "cannot listen on %s: %s", address, why);
    if (fd >= 0)
        close(fd);

    return -1;
}

static int
listen_unix(const char *address, GError **error)
{
    const char *path = address + strlen("unix:");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;

    if (g_strlcpy(name.sun_path, path, sizeof name.sun_path) >= sizeof name.sun_path)
        return fail(error, address, "the path is too long", -1);
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return fail(error, address, "there is something else than a socket", -1);

    fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (fd < 0)
        return fail(error, address, g_strerror(errno), -1);
    unlink(path);
    if (bind(fd, (struct sockaddr *)(void *)&name, sizeof name) != 0 || listen(fd, SOMAXCONN) != 0)
        return fail(error, address, g_strerror(errno), fd);

    return fd;
}

/* -1 with errno */
static int
listen_inet(const struct addrinfo *info, bool reuse_port)
{
    int fd = socket(info->ai_family, SOCKET_FLAGS, info->ai_protocol);
    int on = 1, saved;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;

    saved = errno;
    close(fd);
    errno = saved;

    return -1;
}

int
akma_h2_listen_socket(const char *address, bool reuse_port, GError **error)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    g_autofree char *host = NULL;
    struct addrinfo *found;
    char service[8];
    uint16_t port;
    int rv, fd = -1;

    if (!akma_setting_parse_address(address, &host, &port))
        return fail(error, address, "not an address (HOST:PORT, [V6]:PORT or unix:/PATH)", -1);
    if (g_str_has_prefix(address, "unix:"))
        return listen_unix(address, error);

    g_snprintf(service, sizeof service, "%u", port);
    rv = getaddrinfo(host, service, &hints, &found);
    if (rv != 0)
        return fail(error, address, gai_strerror(rv), -1);
    errno = EADDRNOTAVAIL;
    for (const struct addrinfo *info = found; info && fd < 0; info = info->ai_next)
        fd = listen_inet(info, reuse_port);
    rv = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return fail(error, address, g_strerror(rv), -1);

    return fd;
}

char *
akma_h2_dup_socket_address(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_storage room;
    } name = {0};
    socklen_t len = sizeof name.room;
    char host[NI_MAXHOST], service[NI_MAXSERV];

    if (getsockname(fd, &name.any, &len) != 0)
        return NULL;
    if (name.any.sa_family == AF_UNIX)
        return g_strdup_printf("unix:%s", name.local.sun_path);
    if (getnameinfo(&name.any,
                    len,
                    host,
                    sizeof host,
                    service,
                    sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return NULL;

    return g_strdup_printf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, service);
}
