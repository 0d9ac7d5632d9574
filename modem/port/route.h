/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* route: is a port opened by this process, or by akmad-port for it? */
#pragma once

#include "modem/transport.h"

G_BEGIN_DECLS

/*
 * What a proxy serves is for uid 0 only, so akmad-port is asked if this process is another user
 * and there is a proxy, or may be one at any moment: its program is installed.
 * @proxy: of AkmaTransport. @wanted: AKMA_PROXY_ALWAYS also without @socket; opening then fails
 * and says why.
 */
bool akma_port_is_needed(const char *socket, const char *proxy, AkmaProxy wanted);

/* The rule above, pure. */
typedef struct {
    bool is_root;
    bool has_helper; /* its socket is there */
    bool has_proxy;  /* it runs, or is installed */
} AkmaPortFacts;

bool akma_port_decide(const AkmaPortFacts *facts, AkmaProxy wanted);

G_END_DECLS
