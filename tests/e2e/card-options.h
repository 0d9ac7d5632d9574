/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* card-options: what stands on the command line of card-tool, which card-tool.c explains. */
#pragma once

#include "modem/modem-card.h"

G_BEGIN_DECLS

typedef struct {
    AkmaModemConfig config;
    unsigned give_up_ms; /* 0: never */
    char **actions;      /* in argv, up to a NULL */
} CardOptions;

#define CARD_OPTIONS_INIT                                                                          \
    {                                                                                              \
        .config = {.protocol = "auto", .slot = 1 }                                                 \
    }

/* [--NAME=VALUE...] DEVICE TIMEOUT-MS ACTION...: borrowed from @argv. false: wrong usage. */
bool card_options_read(CardOptions *self, char **argv);

G_END_DECLS
