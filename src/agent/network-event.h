/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* network-event: what the kernel says about addresses and routes, as rtnetlink(7) has it. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/*
 * Does one of the messages in @bytes say that there is an address or a route that was not there?
 * Only those that are whole count. @bytes is aligned as a struct nlmsghdr.
 */
bool akma_network_event_is_gain(const void *bytes, size_t len);

G_END_DECLS
