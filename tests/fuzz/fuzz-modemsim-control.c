/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines of the control socket. */
#include <string.h>

#include "modem/simulator/verbs.h"
#include "tests/fakes/soft-card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_reply(const char *reply, void *user_data)
{
    g_assert(g_str_has_prefix(reply, "ok") || g_str_has_prefix(reply, "error "));
    ++*(unsigned *)user_data;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 64);
    g_autoptr(AkmaSoftModem) modem = akma_soft_modem_new(soft_card_new());
    const AkmaSoftDesk desk = {.modem = modem};

    for (char **line = lines; *line; line++) {
        unsigned replies = 0;

        akma_soft_verbs_run(&desk, *line, check_reply, &replies);
        g_assert(replies == 1);
    }

    return 0;
}
