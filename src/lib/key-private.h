/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* key-private: how a key comes out of an answer of akmad. */
#pragma once

#include <akmad/key.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

#define AKMA_LIB_KEY_MAX    ((size_t)64 * 1024) /* bytes; akmad gives no longer one */
#define AKMA_LIB_KEY_ANSWER "(ha{sv})"          /* of GetKey and GetKeyVersion */

/*
 * @answer: of the type above; its descriptor in @fds (nullable). Nothing of it is believed: the
 * descriptor must be a sealed memfd with 1 to AKMA_LIB_KEY_MAX bytes, kid and kty must be there.
 * Returns: (transfer full). Errors: AKMA_ERROR_INTERNAL.
 */
AkmadKey *akma_lib_key_new_of_answer(GVariant *answer, GUnixFDList *fds, GError **error);

G_END_DECLS
