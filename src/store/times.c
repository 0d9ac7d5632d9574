/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store/times.h"

static void
time_free(gpointer data)
{
    AkmaStoreTime *self = data;

    g_free(self->server);
    g_free(self);
}

GPtrArray *
akma_store_times_new(void)
{
    return g_ptr_array_new_with_free_func(time_free);
}

AkmaStoreTime *
akma_store_times_find(const GPtrArray *times, const char *server)
{
    for (guint i = 0; i < times->len; i++) {
        AkmaStoreTime *each = times->pdata[i];

        if (g_str_equal(each->server, server))
            return each;
    }

    return NULL;
}

AkmaStoreTime *
akma_store_times_set(GPtrArray *times, const char *server, int64_t now)
{
    AkmaStoreTime *self = akma_store_times_find(times, server);

    if (!self) {
        self = g_new0(AkmaStoreTime, 1);
        self->server = g_strdup(server);
        g_ptr_array_add(times, self);
    }
    self->now = now;

    return self;
}
