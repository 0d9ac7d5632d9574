/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* error-private: the way of every error out of this library. */
#pragma once

#include <akmad/error.h>

G_BEGIN_DECLS

/*
 * Moves @local (transfer full), AKMA_ERROR or what GDBus failed with, into @error as AKMAD_ERROR.
 * G_IO_ERROR_CANCELLED stays what it is.
 */
void akma_lib_error_take(GError *local, GError **error);

/* From a D-Bus name and text, as in the property LastError; NULL if both are empty. */
GError *akma_lib_error_new_of_name(const char *name, const char *text);

G_END_DECLS
