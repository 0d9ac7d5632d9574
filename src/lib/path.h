/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* path: where akmad's objects are on the bus. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define AKMA_LIB_BUS_NAME  "org.akmad1"
#define AKMA_LIB_INTERFACE "org.akmad1.Application"

/* The object of application @name: the rule of sd_bus_path_encode(3). (transfer full) */
char *akma_lib_dup_path(const char *name);

G_END_DECLS
