/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/admin-client.h"

#include <glib.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/settings.h"

#define WAIT_S     1 /* for each of connect, write and one read */
#define ANSWER_MAX (64 * 1024)
#define READS_MAX  64

static int
connect_unix(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd;

    if (g_strlcpy(name.sun_path, path, sizeof name.sun_path) >= sizeof name.sun_path)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)&name, sizeof name) != 0) {
        close(fd);
        return -1;
    }

    return fd;
}

static int
connect_to(const struct addrinfo *info)
{
    const struct timeval wait = {.tv_sec = WAIT_S};
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);

    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ||
                    connect(fd, info->ai_addr, info->ai_addrlen) != 0)) {
        close(fd);
        return -1;
    }

    return fd;
}

static int
connect_inet(const char *address)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    g_autofree char *host = NULL;
    char service[8];
    uint16_t port;
    int fd = -1;

    if (!akma_setting_parse_address(address, &host, &port) || port == 0)
        return -1;
    g_snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return -1;
    for (const struct addrinfo *info = found; info && fd < 0; info = info->ai_next)
        fd = connect_to(info);
    freeaddrinfo(found);

    return fd;
}

/* Until the other side closes. False: too slow, too much. */
static bool
read_all(int fd, GString *answer)
{
    char bytes[4096];

    for (unsigned i = 0; i < READS_MAX && answer->len < ANSWER_MAX; i++) {
        ssize_t n = read(fd, bytes, sizeof bytes);

        if (n <= 0)
            return n == 0;
        g_string_append_len(answer, bytes, n);
    }

    return false;
}

json_t *
akma_admin_ask_health(const char *address)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                                  "Connection: close\r\n\r\n";
    const struct timeval wait = {.tv_sec = WAIT_S};
    g_autoptr(GString) answer = g_string_new(NULL);
    bool local = g_str_has_prefix(address, "unix:");
    int fd = local ? connect_unix(address + strlen("unix:")) : connect_inet(address);
    const char *body = NULL;

    if (fd < 0)
        return NULL;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request) &&
        read_all(fd, answer) && g_str_has_prefix(answer->str, "HTTP/1.1 "))
        body = strstr(answer->str, "\r\n\r\n");
    close(fd);

    return body ? json_loads(body + strlen("\r\n\r\n"), 0, NULL) : NULL;
}
