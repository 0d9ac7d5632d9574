/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * getkey: how long GetKey takes beside Peer.Ping to the same process, as one JSON line.
 *
 *   getkey BUS-ADDRESS OBJECT CALLS
 *
 * The two calls alternate, so that both see the same noise of the machine. sd-bus is used
 * because it adds the least of its own; every descriptor is closed, its content not looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define NAME "org.akmad1"

static double
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double
call_us(sd_bus *bus, const char *path, const char *interface, const char *member)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    double start = now_us();
    int r = sd_bus_call_method(bus, NAME, path, interface, member, &error, &reply, "");
    double took = now_us() - start;

    if (r < 0) {
        fprintf(stderr, "getkey: %s: %s\n", member, error.message ? error.message : strerror(-r));
        exit(1);
    }
    sd_bus_message_unref(reply);

    return took;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
print(const char *name, double *took, size_t n)
{
    qsort(took, n, sizeof *took, compare);
    printf("\"%s_p50_us\":%.1f,\"%s_p99_us\":%.1f", name, took[n / 2], name, took[n - 1 - n / 100]);
}

int
main(int argc, char **argv)
{
    sd_bus *bus = NULL;
    size_t calls;
    double *ping;
    double *get;

    if (argc != 4 || sd_bus_new(&bus) < 0)
        return 2;
    calls = strtoul(argv[3], NULL, 10);
    ping = calloc(calls, sizeof *ping);
    get = calloc(calls, sizeof *get);
    if (calls == 0 || !ping || !get || sd_bus_set_address(bus, argv[1]) < 0 ||
        sd_bus_set_bus_client(bus, 1) < 0 || sd_bus_negotiate_fds(bus, 1) < 0 ||
        sd_bus_start(bus) < 0)
        return 2;

    for (size_t i = 0; i < calls; i++) {
        ping[i] = call_us(bus, argv[2], "org.freedesktop.DBus.Peer", "Ping");
        get[i] = call_us(bus, argv[2], "org.akmad1.Application", "GetKey");
    }
    printf("{");
    print("ping", ping, calls);
    printf(",");
    print("getkey", get, calls);
    printf("}\n");

    free(ping);
    free(get);
    sd_bus_flush_close_unref(bus);

    return 0;
}
