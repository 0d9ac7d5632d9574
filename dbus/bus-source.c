/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/bus-source.h"

typedef struct {
    GSource source;
    sd_bus *bus;
    GPollFD poll;
    AkmaBusGoneFunc gone;
    gpointer user_data;
} BusSource;

/* Milliseconds until sd-bus wants to run: 0 now (also when it is closed), -1 not by itself. */
static int
due_in_ms(BusSource *self)
{
    uint64_t until_us;
    int64_t wait_us;

    if (sd_bus_get_timeout(self->bus, &until_us) < 0)
        return 0;
    if (until_us > INT64_MAX)
        return -1;
    wait_us = (int64_t)until_us - g_source_get_time(&self->source);
    if (wait_us <= 0)
        return 0;

    return (int)MIN(wait_us / 1000 + 1, INT_MAX);
}

static gboolean
prepare(GSource *source, gint *ret_timeout_ms)
{
    BusSource *self = (BusSource *)source;
    int events = sd_bus_get_events(self->bus);

    self->poll.events = (gushort)MAX(events, 0);
    *ret_timeout_ms = events < 0 ? 0 : due_in_ms(self);

    return *ret_timeout_ms == 0;
}

static gboolean
check(GSource *source)
{
    BusSource *self = (BusSource *)source;

    return self->poll.revents != 0 || due_in_ms(self) == 0;
}

static gboolean
dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
    BusSource *self = (BusSource *)source;
    int r;

    (void)callback, (void)user_data;
    /* one message a turn of the loop; all that is left once the connection has ended */
    do
        r = sd_bus_process(self->bus, NULL);
    while (r > 0 && sd_bus_is_open(self->bus) <= 0);
    if (r >= 0)
        return G_SOURCE_CONTINUE;

    self->gone(self->user_data);

    return G_SOURCE_REMOVE;
}

static void
finalize(GSource *source)
{
    sd_bus_unref(((BusSource *)source)->bus);
}

GSource *
akma_bus_source_attach(sd_bus *bus, AkmaBusGoneFunc gone, gpointer user_data)
{
    static GSourceFuncs functions = {
        .prepare = prepare, .check = check, .dispatch = dispatch, .finalize = finalize};
    GSource *source = g_source_new(&functions, sizeof(BusSource));
    BusSource *self = (BusSource *)source;

    self->bus = sd_bus_ref(bus);
    self->gone = gone;
    self->user_data = user_data;
    self->poll.fd = sd_bus_get_fd(bus);
    g_source_set_static_name(source, "bus");
    /* it is never entered twice: spares GLib two wake-ups of the loop for each message */
    g_source_set_can_recurse(source, TRUE);
    g_source_add_poll(source, &self->poll);
    g_source_attach(source, NULL);

    return source;
}
