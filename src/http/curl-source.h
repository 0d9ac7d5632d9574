/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* curl-source: a curl multi handle as one GSource. Inside http only. */
#pragma once

#include <curl/curl.h>
#include <glib.h>

G_BEGIN_DECLS

/*
 * @worked is called after each piece of work of @multi, with @user_data: read its messages then.
 * Attached to @context. Destroy it after curl_multi_cleanup(), which still calls back.
 */
GSource *akma_curl_source_new(CURLM *multi,
                              GMainContext *context,
                              void (*worked)(void *user_data),
                              void *user_data);

G_END_DECLS
