/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/port/route.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Does a program listen at the abstract address @name? */
static bool
is_listening(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = g_strlcpy(address.sun_path + 1, name, sizeof address.sun_path - 1);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes = fd >= 0 && connect(fd, (struct sockaddr *)&address, size) == 0;

    if (fd >= 0)
        close(fd);

    return yes;
}

bool
akma_port_decide(const AkmaPortFacts *facts, AkmaProxy wanted)
{
    switch (wanted) {
    case AKMA_PROXY_AUTO:
        return !facts->is_root && facts->has_helper && facts->has_proxy;
    case AKMA_PROXY_ALWAYS:
        return !facts->is_root;
    case AKMA_PROXY_NEVER:
        return false;
    }

    return false;
}

bool
akma_port_is_needed(const char *socket, const char *proxy, AkmaProxy wanted)
{
    g_autofree char *program = NULL;
    AkmaPortFacts facts = {.is_root = geteuid() == 0};

    if (!proxy)
        return false;

    program = g_build_filename(AKMA_PROXY_DIR, proxy, NULL);
    facts.has_helper = access(socket, F_OK) == 0;
    facts.has_proxy = access(program, X_OK) == 0 || is_listening(proxy);

    return akma_port_decide(&facts, wanted);
}
