/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A name with two addresses, of which the first refuses: a host whose localhost is ::1 first. */
#include "http/h2-client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LATE_MS 60000

int __wrap_getaddrinfo(const char *host,
                       const char *service,
                       const struct addrinfo *hints,
                       struct addrinfo **found);
int __real_getaddrinfo(const char *host,
                       const char *service,
                       const struct addrinfo *hints,
                       struct addrinfo **found);

static uint16_t refusing_port; /* comes before the address that is asked for */
static unsigned lookups;

int
__wrap_getaddrinfo(const char *host,
                   const char *service,
                   const struct addrinfo *hints,
                   struct addrinfo **found)
{
    struct addrinfo *first;
    char refusing[8];

    lookups++;
    snprintf(refusing, sizeof refusing, "%u", refusing_port);
    assert_int_equal(__real_getaddrinfo(host, refusing, hints, &first), 0);
    assert_null(first->ai_next);
    assert_int_equal(__real_getaddrinfo(host, service, hints, &first->ai_next), 0);
    *found = first;

    return 0;
}

/* A port of 127.0.0.1 that is ours: without listen() it refuses. */
static int
take_port(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);

    return fd;
}

typedef struct {
    uv_loop_t loop;
    uv_timer_t late; /* does not keep the loop alive */
    uv_poll_t listener;
    AkmaH2Client *client;
    int refusing, fd;
    bool accepted, is_late;
} World;

static void
on_late(uv_timer_t *timer)
{
    ((World *)timer->data)->is_late = true;
    uv_stop(timer->loop);
}

static void
on_connection(uv_poll_t *poll, int status, int events G_GNUC_UNUSED)
{
    World *world = poll->data;
    int fd = accept(world->fd, NULL, NULL);

    assert_int_equal(status, 0);
    assert_true(fd >= 0);
    close(fd);
    world->accepted = true;
    uv_stop(poll->loop);
}

static void
begin(World *world)
{
    uint16_t port;
    g_autofree char *url = NULL;
    AkmaH2ClientConfig config = {.timeout_ms = 30000, .body_bytes = 1024, .in_flight = 1};

    *world = (World){.refusing = take_port(&refusing_port), .fd = take_port(&port)};
    lookups = 0;
    assert_int_equal(uv_loop_init(&world->loop), 0);
    uv_timer_init(&world->loop, &world->late);
    uv_poll_init(&world->loop, &world->listener, world->fd);
    world->late.data = world->listener.data = world;
    uv_timer_start(&world->late, on_late, LATE_MS, 0);
    uv_unref((uv_handle_t *)&world->late);
    config.url = url = g_strdup_printf("http://127.0.0.1:%u", port);
    world->client = akma_h2_client_new(&world->loop, &config, NULL);
    assert_non_null(world->client);
}

static void
begin_listening(World *world)
{
    assert_int_equal(listen(world->fd, 1), 0);
    assert_int_equal(uv_poll_start(&world->listener, UV_READABLE, on_connection), 0);
}

static void
end(World *world)
{
    akma_h2_client_close(world->client, NULL, NULL);
    uv_close((uv_handle_t *)&world->late, NULL);
    uv_close((uv_handle_t *)&world->listener, NULL);
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    close(world->fd);
    close(world->refusing);
}

static void
a_connection_opened_ahead_goes_on_to_the_next_address(void **state G_GNUC_UNUSED)
{
    World world;

    begin(&world);
    begin_listening(&world);
    akma_h2_client_connect(world.client);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    assert_true(world.accepted);
    assert_int_equal(lookups, 1);
    end(&world);
}

static void
asked_for_again_meanwhile_it_still_does(void **state G_GNUC_UNUSED)
{
    World world;

    begin(&world);
    begin_listening(&world);
    akma_h2_client_connect(world.client);
    uv_run(&world.loop, UV_RUN_NOWAIT);
    akma_h2_client_connect(world.client);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    assert_true(world.accepted);
    end(&world);
}

/* The loop ends: nothing is tried for ever. */
static void
reject_addresses_that_all_refuse(void **state G_GNUC_UNUSED)
{
    World world;

    begin(&world);
    for (unsigned i = 1; i <= 3; i++) {
        akma_h2_client_connect(world.client);
        assert_int_equal(uv_run(&world.loop, UV_RUN_DEFAULT), 0);
        assert_false(world.is_late);
        assert_int_equal(lookups, i);
    }
    end(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_opened_ahead_goes_on_to_the_next_address),
        cmocka_unit_test(asked_for_again_meanwhile_it_still_does),
        cmocka_unit_test(reject_addresses_that_all_refuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
