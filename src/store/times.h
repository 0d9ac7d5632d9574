/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* times: what time each server told last, a table of the store. Private. */
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct {
    char *server;
    int64_t now;    /* what it told last */
    int64_t sealed; /* what the file says of it; 0: nothing */
} AkmaStoreTime;

/* Of AkmaStoreTime, owned, one for each server, in the order of arrival. */
GPtrArray *akma_store_times_new(void);
/* Borrowed; NULL: none. */
AkmaStoreTime *akma_store_times_find(const GPtrArray *times, const char *server);
/* Borrowed: the row of @server, made if there is none. */
AkmaStoreTime *akma_store_times_set(GPtrArray *times, const char *server, int64_t now);

G_END_DECLS
