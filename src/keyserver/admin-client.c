/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/admin-client.h"

#include <errno.h>
#include <glib.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/settings.h"

#define WAIT_US    (3 * G_USEC_PER_SEC)
#define ANSWER_MAX (64 * 1024)

/* False: the time is over. */
static bool
wait_for(int fd, short events, int64_t deadline_us)
{
    struct pollfd poller = {.fd = fd, .events = events};
    int64_t left_us;
    int n = 0;

    do {
        left_us = deadline_us - g_get_monotonic_time();
        n = left_us > 0 ? poll(&poller, 1, (int)(left_us / 1000 + 1)) : 0;
    } while (n < 0 && errno == EINTR);

    return n > 0;
}

static bool
is_connected(int fd)
{
    int code = 0;
    socklen_t len = sizeof code;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) == 0 && code == 0;
}

static int
connect_to(const struct sockaddr *name, socklen_t len, int64_t deadline_us)
{
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, name, len) == 0 ||
        (errno == EINPROGRESS && wait_for(fd, POLLOUT, deadline_us) && is_connected(fd)))
        return fd;
    close(fd);

    return -1;
}

static int
connect_unix(const char *path, int64_t deadline_us)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    if (g_strlcpy(name.sun_path, path, sizeof name.sun_path) >= sizeof name.sun_path)
        return -1;

    return connect_to((const struct sockaddr *)(const void *)&name, sizeof name, deadline_us);
}

static int
connect_inet(const char *address, int64_t deadline_us)
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
        fd = connect_to(info->ai_addr, info->ai_addrlen, deadline_us);
    freeaddrinfo(found);

    return fd;
}

/* Until the other side closes. False: too slow, too much. */
static bool
read_all(int fd, GString *answer, int64_t deadline_us)
{
    char bytes[4096];

    while (answer->len < ANSWER_MAX && wait_for(fd, POLLIN, deadline_us)) {
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
    int64_t deadline_us = g_get_monotonic_time() + WAIT_US;
    g_autoptr(GString) answer = g_string_new(NULL);
    bool local = g_str_has_prefix(address, "unix:");
    int fd = local ? connect_unix(address + strlen("unix:"), deadline_us)
                   : connect_inet(address, deadline_us);
    const char *body = NULL;

    if (fd < 0)
        return NULL;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request) &&
        read_all(fd, answer, deadline_us) && g_str_has_prefix(answer->str, "HTTP/1.1 "))
        body = strstr(answer->str, "\r\n\r\n");
    close(fd);

    return body ? json_loads(body + strlen("\r\n\r\n"), 0, NULL) : NULL;
}
