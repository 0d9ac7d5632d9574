/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int
read_number(sd_bus_message *answer, uint32_t *ret)
{
    return sd_bus_message_read(answer, "v", "u", ret);
}

static int
read_groups(sd_bus_message *answer, GArray **gids)
{
    const void *bytes;
    size_t len;
    int r = sd_bus_message_enter_container(answer, 'v', "au");

    if (r >= 0)
        r = sd_bus_message_read_array(answer, 'u', &bytes, &len);
    if (r >= 0)
        r = sd_bus_message_exit_container(answer);
    if (r < 0)
        return r;

    G_STATIC_ASSERT(sizeof(gid_t) == sizeof(uint32_t));
    g_clear_pointer(gids, g_array_unref);
    *gids = g_array_new(FALSE, FALSE, sizeof(gid_t));
    g_array_append_vals(*gids, bytes, (guint)(len / sizeof(gid_t)));

    return r;
}

/* From Debian 13 on: a pidfd of who connected, which no recycled pid can stand for. */
static int
read_process(sd_bus_message *answer, int *process_fd)
{
    int borrowed;
    int r = *process_fd > 0 ? -EBADMSG : sd_bus_message_read(answer, "v", "h", &borrowed);
    int fd = r >= 0 ? fcntl(borrowed, F_DUPFD_CLOEXEC, 3) : -1;

    /* one that cannot be kept is as one that was not told */
    if (fd >= 0)
        *process_fd = fd;

    return r;
}

/* One entry; what is not ours to know is passed over. */
static int
read_entry(sd_bus_message *answer, AkmaCaller *caller)
{
    const char *name;
    const char *type;
    uint32_t number = 0;
    int r = sd_bus_message_read(answer, "s", &name);

    if (r >= 0)
        r = sd_bus_message_peek_type(answer, NULL, &type);
    if (r < 0)
        return r;

    if (strcmp(name, "UnixUserID") == 0 && strcmp(type, "u") == 0) {
        r = read_number(answer, &number);
        caller->uid = number;
        caller->known = r >= 0;
    } else if (strcmp(name, "ProcessID") == 0 && strcmp(type, "u") == 0) {
        r = read_number(answer, &number);
        caller->pid = (pid_t)number;
    } else if (strcmp(name, "ProcessFD") == 0 && strcmp(type, "h") == 0) {
        r = read_process(answer, &caller->process_fd);
    } else if (strcmp(name, "UnixGroupIDs") == 0 && strcmp(type, "au") == 0) {
        r = read_groups(answer, &caller->gids);
    } else {
        r = sd_bus_message_skip(answer, "v");
    }

    return r;
}

static int
read_all(sd_bus_message *answer, AkmaCaller *caller)
{
    int r = sd_bus_message_enter_container(answer, 'a', "{sv}");

    while (r >= 0 && (r = sd_bus_message_enter_container(answer, 'e', "sv")) > 0) {
        r = read_entry(answer, caller);
        if (r >= 0)
            r = sd_bus_message_exit_container(answer);
    }

    return r;
}

void
akma_caller_set_credentials(AkmaCaller *self, sd_bus_message *answer)
{
    g_auto(AkmaCaller) caller = {0};

    akma_caller_clear(self);
    if (sd_bus_message_is_method_error(answer, NULL) > 0)
        return;
    if (read_all(answer, &caller) < 0 || !caller.known)
        return;

    *self = caller;
    caller = (AkmaCaller){0};
}
