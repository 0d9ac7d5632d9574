/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/connection.h"

#include <systemd/sd-bus.h>

#include "base/error.h"
#include "dbus/bus-source.h"

#define NAME              "org.akmad1"
#define FLAG_DO_NOT_QUEUE 4u
#define REPLY_OWNER       1u

struct _AkmaBus {
    sd_bus *bus;
    GSource *source;
    AkmaBusGoneFunc gone;
    gpointer user_data;
};

static void
bus_gone(gpointer user_data)
{
    AkmaBus *self = user_data;

    if (self->gone)
        self->gone(self->user_data);
}

/* -errno. */
static int
open_address(sd_bus **ret, const char *address)
{
    sd_bus *bus = NULL;
    int r = sd_bus_new(&bus);

    if (r >= 0)
        r = sd_bus_set_address(bus, address);
    if (r >= 0)
        r = sd_bus_set_bus_client(bus, 1);
    if (r >= 0)
        r = sd_bus_start(bus);
    if (r >= 0)
        *ret = sd_bus_ref(bus);
    sd_bus_unref(bus);

    return r;
}

static int
open_bus(sd_bus **ret, const char *bus)
{
    if (g_str_equal(bus, "system"))
        return sd_bus_open_system(ret);
    if (g_str_equal(bus, "session"))
        return sd_bus_open_user(ret);

    return open_address(ret, bus);
}

AkmaBus *
akma_bus_connect(const char *bus, GError **error)
{
    g_autoptr(AkmaBus) self = g_new0(AkmaBus, 1);
    const char *name;
    int r = open_bus(&self->bus, bus);

    /* waits until the bus has let us in */
    if (r >= 0)
        r = sd_bus_get_unique_name(self->bus, &name);
    if (r < 0) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_NOT_RUNNING,
                    "cannot reach the bus \"%s\": %s",
                    bus,
                    g_strerror(-r));
        return NULL;
    }
    self->source = akma_bus_source_attach(self->bus, bus_gone, self);

    return g_steal_pointer(&self);
}

void
akma_bus_free(AkmaBus *self)
{
    if (!self)
        return;

    if (self->source) {
        g_source_destroy(self->source);
        g_source_unref(self->source);
    }
    sd_bus_flush_close_unref(self->bus);
    g_free(self);
}

void
akma_bus_set_gone_func(AkmaBus *self, AkmaBusGoneFunc func, gpointer user_data)
{
    self->gone = func;
    self->user_data = user_data;
}

static bool
request_name(sd_bus *bus, uint32_t *ret_reply, sd_bus_error *ret_error)
{
    sd_bus_message *answer = NULL;
    int r = sd_bus_call_method(bus,
                               "org.freedesktop.DBus",
                               "/org/freedesktop/DBus",
                               "org.freedesktop.DBus",
                               "RequestName",
                               ret_error,
                               &answer,
                               "su",
                               NAME,
                               FLAG_DO_NOT_QUEUE);

    if (r >= 0)
        r = sd_bus_message_read(answer, "u", ret_reply);
    if (r < 0)
        sd_bus_error_set_errno(ret_error, r);
    sd_bus_message_unref(answer);

    return r >= 0;
}

bool
akma_bus_own_name(AkmaBus *self, GError **error)
{
    __attribute__((cleanup(sd_bus_error_free))) sd_bus_error local = SD_BUS_ERROR_NULL;
    uint32_t reply = 0;

    if (!request_name(self->bus, &reply, &local)) {
        bool denied = sd_bus_error_has_name(&local, SD_BUS_ERROR_ACCESS_DENIED);

        g_set_error(error,
                    AKMA_ERROR,
                    denied ? AKMA_ERROR_NOT_AUTHORIZED : AKMA_ERROR_NOT_RUNNING,
                    "the bus does not give the name " NAME ": %s",
                    local.message ? local.message : local.name);
        return false;
    }
    if (reply != REPLY_OWNER) {
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_NOT_RUNNING,
                            "the name " NAME " is taken: another akmad runs on this bus");
        return false;
    }

    return true;
}

struct sd_bus *
akma_bus_get_sd_bus(const AkmaBus *self)
{
    return self->bus;
}
