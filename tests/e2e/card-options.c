/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/e2e/card-options.h"

#include <string.h>

/* "--name=value" in front of the rest; false: no such option, or a bad value. */
static bool
read_option(CardOptions *self, const char *option)
{
    static const char *const proxies[] = {
        [AKMA_PROXY_AUTO] = "auto", [AKMA_PROXY_ALWAYS] = "always", [AKMA_PROXY_NEVER] = "never"};
    const char *value = strchr(option, '=');
    guint64 n;

    if (!value++)
        return false;
    if (g_str_has_prefix(option, "--protocol=")) {
        self->config.protocol = value;
        return true;
    }
    if (g_str_has_prefix(option, "--helper=")) {
        self->config.port_socket = value;
        return true;
    }
    if (g_str_has_prefix(option, "--slot=") &&
        g_ascii_string_to_unsigned(value, 10, 1, 9, &n, NULL)) {
        self->config.slot = (unsigned)n;
        return true;
    }
    if (g_str_has_prefix(option, "--give-up=") &&
        g_ascii_string_to_unsigned(value, 10, 1, 60000, &n, NULL)) {
        self->give_up_ms = (unsigned)n;
        return true;
    }
    for (size_t i = 0; g_str_has_prefix(option, "--proxy=") && i < G_N_ELEMENTS(proxies); i++) {
        if (g_str_equal(value, proxies[i])) {
            self->config.proxy = (AkmaProxy)i;
            return true;
        }
    }

    return false;
}

bool
card_options_read(CardOptions *self, char **argv)
{
    guint64 timeout_ms;

    for (argv++; *argv && g_str_has_prefix(*argv, "--"); argv++) {
        if (!read_option(self, *argv))
            return false;
    }
    if (!argv[0] || !argv[1] ||
        !g_ascii_string_to_unsigned(argv[1], 10, 1, 60000, &timeout_ms, NULL))
        return false;

    self->config.device = argv[0];
    self->config.timeout_ms = (unsigned)timeout_ms;
    self->actions = argv + 2;

    return true;
}
