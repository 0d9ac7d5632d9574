/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* probe: akmactl modem probe. */
#pragma once

#include "cli/bus.h"

G_BEGIN_DECLS

/* Has each of @modems (AkmaBusModem) looked at, and prints what it can do. */
bool akma_cli_probe(AkmaCli *cli, const GPtrArray *modems, GError **error);

G_END_DECLS
