/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/curl-source.h"

typedef struct {
    int fd;
    gpointer tag;
} Watch;

typedef struct {
    GSource base;
    CURLM *multi;
    GArray *watches; /* Watch: one or two sockets */
    void (*worked)(void *user_data);
    void *user_data;
} CurlSource;

static int
to_curl(GIOCondition condition)
{
    int events = 0;

    if (condition & (G_IO_IN | G_IO_HUP))
        events |= CURL_CSELECT_IN;
    if (condition & G_IO_OUT)
        events |= CURL_CSELECT_OUT;
    if (condition & G_IO_ERR)
        events |= CURL_CSELECT_ERR;

    return events;
}

static gboolean
dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
    CurlSource *self = (CurlSource *)source;
    gint64 ready_time = g_source_get_ready_time(source);
    struct {
        int fd, events;
    } due[8];
    size_t n = 0;
    int running;

    /* curl changes the list while it works; who does not fit is still ready the next time */
    for (guint i = 0; i < self->watches->len && n < G_N_ELEMENTS(due); i++) {
        Watch *watch = &g_array_index(self->watches, Watch, i);

        due[n].fd = watch->fd;
        due[n].events = to_curl(g_source_query_unix_fd(source, watch->tag));
        if (due[n].events)
            n++;
    }

    if (ready_time >= 0 && ready_time <= g_source_get_time(source)) {
        g_source_set_ready_time(source, -1);
        curl_multi_socket_action(self->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    for (size_t i = 0; i < n; i++)
        curl_multi_socket_action(self->multi, due[i].fd, due[i].events, &running);
    self->worked(self->user_data);

    return G_SOURCE_CONTINUE;
}

static void
finalize(GSource *source)
{
    g_array_unref(((CurlSource *)source)->watches);
}

static GSourceFuncs functions = {.dispatch = dispatch, .finalize = finalize};

static guint
find(const CurlSource *self, int fd)
{
    guint i = 0;

    while (i < self->watches->len && g_array_index(self->watches, Watch, i).fd != fd)
        i++;

    return i;
}

static int
on_socket(CURL *easy G_GNUC_UNUSED, curl_socket_t fd, int what, void *user_data, void *data)
{
    CurlSource *self = user_data;
    GSource *source = user_data;
    guint i = find(self, fd);
    GIOCondition condition = (what != CURL_POLL_OUT ? G_IO_IN : 0) |
                             (what != CURL_POLL_IN ? G_IO_OUT : 0) | G_IO_ERR | G_IO_HUP;
    Watch watch;

    (void)data;
    if (what == CURL_POLL_REMOVE) {
        if (i < self->watches->len) {
            g_source_remove_unix_fd(source, g_array_index(self->watches, Watch, i).tag);
            g_array_remove_index_fast(self->watches, i);
        }
    } else if (i < self->watches->len) {
        g_source_modify_unix_fd(source, g_array_index(self->watches, Watch, i).tag, condition);
    } else {
        watch = (Watch){fd, g_source_add_unix_fd(source, fd, condition)};
        g_array_append_val(self->watches, watch);
    }

    return 0;
}

static int
on_timer(CURLM *multi G_GNUC_UNUSED, long timeout_ms, void *user_data)
{
    GSource *source = user_data;

    g_source_set_ready_time(source,
                            timeout_ms < 0 ? -1 : g_get_monotonic_time() + timeout_ms * 1000);

    return 0;
}

GSource *
akma_curl_source_new(CURLM *multi,
                     GMainContext *context,
                     void (*worked)(void *user_data),
                     void *user_data)
{
    GSource *source = g_source_new(&functions, sizeof(CurlSource));
    CurlSource *self = (CurlSource *)source;

    self->multi = multi;
    self->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
    self->worked = worked;
    self->user_data = user_data;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, self);
    g_source_set_static_name(source, "akma-http");
    g_source_attach(source, context);

    return source;
}
