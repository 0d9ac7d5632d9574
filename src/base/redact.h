/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * redact: identities in a form fit for a log.
 *
 * An A-KID, B-TID, IMSI or ICCID goes into a log line only through here.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * "#1f2e3d4c": the first 32 bits of SHA-256 over a salt of this process and @identity. Two
 * lines of one process about one identity look the same; nothing can be counted back.
 * NULL gives "-". Returns: (transfer full): free with g_free().
 */
char *akma_log_redact(const char *identity);

G_END_DECLS
