/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/network-event.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

/* Routes of the main table to somewhere; the kernel adds others beside each address. */
static bool
is_route_of_people(const struct rtmsg *route)
{
    return route->rtm_table == RT_TABLE_MAIN && route->rtm_type == RTN_UNICAST &&
           !(route->rtm_flags & RTM_F_CLONED);
}

static bool
is_gain(const struct nlmsghdr *message)
{
    if (message->nlmsg_type == RTM_NEWADDR)
        return message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg));

    return message->nlmsg_type == RTM_NEWROUTE &&
           message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)) &&
           is_route_of_people(NLMSG_DATA(message));
}

bool
akma_network_event_is_gain(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len >= sizeof(struct nlmsghdr)) {
        const struct nlmsghdr *message = (const void *)at;
        size_t step;

        if (message->nlmsg_len < sizeof *message || message->nlmsg_len > len)
            return false;
        if (is_gain(message))
            return true;
        step = NLMSG_ALIGN((size_t)message->nlmsg_len);
        if (step >= len)
            return false;
        at += step;
        len -= step;
    }

    return false;
}
