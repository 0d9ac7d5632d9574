/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/network.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/network-event.h"
#include "agent/timer.h"

/* What stands in for the kernel: the other end of a pair. */
static int kernel = -1;
static bool has_netlink;
static int64_t set_for_ms;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
void __real_akma_timer_set(AkmaTimer *self, int64_t boottime_ms);
void __wrap_akma_timer_set(AkmaTimer *self, int64_t boottime_ms);

int
__wrap_socket(int domain, int type, int protocol)
{
    int pair[2];

    if (domain != AF_NETLINK)
        return __real_socket(domain, type, protocol);
    if (!has_netlink ||
        socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    kernel = pair[0];

    return pair[1];
}

int
__wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
    (void)fd;
    assert_int_equal(len, sizeof(struct sockaddr_nl));

    return address->sa_family == AF_NETLINK ? 0 : -1;
}

void
__wrap_akma_timer_set(AkmaTimer *self, int64_t boottime_ms)
{
    set_for_ms = boottime_ms;
    __real_akma_timer_set(self, boottime_ms);
}

typedef struct {
    struct nlmsghdr header;
    struct rtmsg route;
} Route;

typedef struct {
    struct nlmsghdr header;
    struct ifaddrmsg address;
} Address;

static Route
new_route(uint16_t type, uint8_t table)
{
    return (Route){
        .header = {.nlmsg_len = sizeof(Route), .nlmsg_type = type},
        .route = {.rtm_table = table, .rtm_type = RTN_UNICAST},
    };
}

static Address
new_address(void)
{
    return (Address){.header = {.nlmsg_len = sizeof(Address), .nlmsg_type = RTM_NEWADDR}};
}

static void
an_address_or_a_route_that_came_is_a_gain(void **state)
{
    const Route route = new_route(RTM_NEWROUTE, RT_TABLE_MAIN);
    const Address address = new_address();
    struct {
        Route gone;
        Address address;
    } two = {new_route(RTM_DELROUTE, RT_TABLE_MAIN), new_address()};

    (void)state;
    assert_true(akma_network_event_is_gain(&route, sizeof route));
    assert_true(akma_network_event_is_gain(&address, sizeof address));
    assert_true(akma_network_event_is_gain(&two, sizeof two));
}

static void
reject_what_went_or_is_of_the_kernel_alone(void **state)
{
    const Route gone = new_route(RTM_DELROUTE, RT_TABLE_MAIN);
    const Route local = new_route(RTM_NEWROUTE, RT_TABLE_LOCAL);
    Route blackhole = new_route(RTM_NEWROUTE, RT_TABLE_MAIN);

    (void)state;
    blackhole.route.rtm_type = RTN_BLACKHOLE;
    assert_false(akma_network_event_is_gain(&gone, sizeof gone));
    assert_false(akma_network_event_is_gain(&local, sizeof local));
    assert_false(akma_network_event_is_gain(&blackhole, sizeof blackhole));
}

static void
reject_a_message_that_is_cut_or_lies_about_its_length(void **state)
{
    static const uint32_t lengths[] = {0, 1, 15, 16, 19, sizeof(Address) + 1, UINT32_MAX};
    Address address = new_address();

    (void)state;
    for (size_t len = 0; len < sizeof address; len++)
        assert_false(akma_network_event_is_gain(&address, len));
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        address.header.nlmsg_len = lengths[i];
        assert_false(akma_network_event_is_gain(&address, sizeof address));
    }
}

static void
count(gpointer user_data)
{
    unsigned *n = user_data;

    (*n)++;
}

static void
iterate_until(const unsigned *n, unsigned expected)
{
    const int64_t end_us = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (*n < expected && g_get_monotonic_time() < end_us)
        g_main_context_iteration(NULL, TRUE);
    assert_int_equal(*n, expected);
}

static void
tell(const void *bytes, size_t len)
{
    assert_int_equal(send(kernel, bytes, len, 0), len);
}

static void
events_that_come_together_are_one_call_and_the_next_one_waits(void **state)
{
    const Route route = new_route(RTM_NEWROUTE, RT_TABLE_MAIN);
    const Route gone = new_route(RTM_DELROUTE, RT_TABLE_MAIN);
    const Address address = new_address();
    g_autoptr(AkmaNetwork) network = NULL;
    unsigned n = 0;
    int64_t called_ms;

    (void)state;
    has_netlink = true;
    set_for_ms = 0;
    network = akma_network_new(count, &n);
    assert_non_null(network);

    tell(&gone, sizeof gone);
    g_main_context_iteration(NULL, TRUE);
    assert_int_equal(set_for_ms, 0);

    tell(&address, sizeof address);
    tell(&route, sizeof route);
    iterate_until(&n, 1);
    called_ms = akma_boottime_ms();

    set_for_ms = 0;
    tell(&route, sizeof route);
    while (set_for_ms == 0)
        g_main_context_iteration(NULL, TRUE);
    assert_int_equal(n, 1);
    assert_true(set_for_ms > called_ms + 5000);
    close(kernel);
}

static void
reject_a_system_without_netlink_and_go_on(void **state)
{
    unsigned n = 0;

    (void)state;
    has_netlink = false;
    assert_null(akma_network_new(count, &n));
    akma_network_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_or_a_route_that_came_is_a_gain),
        cmocka_unit_test(reject_what_went_or_is_of_the_kernel_alone),
        cmocka_unit_test(reject_a_message_that_is_cut_or_lies_about_its_length),
        cmocka_unit_test(events_that_come_together_are_one_call_and_the_next_one_waits),
        cmocka_unit_test(reject_a_system_without_netlink_and_go_on),
    };

    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
