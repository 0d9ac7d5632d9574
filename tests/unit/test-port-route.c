/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/port/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static bool
decide(bool is_root, bool has_helper, bool has_proxy, AkmaProxy wanted)
{
    return akma_port_decide(&(AkmaPortFacts){is_root, has_helper, has_proxy}, wanted);
}

static void
the_helper_opens_what_a_proxy_may_hold(void **state G_GNUC_UNUSED)
{
    assert_true(decide(false, true, true, AKMA_PROXY_AUTO));
}

static void
with_no_proxy_in_the_way_the_agent_opens_it(void **state G_GNUC_UNUSED)
{
    assert_false(decide(false, true, false, AKMA_PROXY_AUTO));
    assert_false(decide(false, false, true, AKMA_PROXY_AUTO));
}

static void
uid_0_speaks_to_the_proxy_itself(void **state G_GNUC_UNUSED)
{
    assert_false(decide(true, true, true, AKMA_PROXY_AUTO));
    assert_false(decide(true, true, true, AKMA_PROXY_ALWAYS));
}

static void
always_and_never_mean_that(void **state G_GNUC_UNUSED)
{
    assert_true(decide(false, false, false, AKMA_PROXY_ALWAYS));
    assert_false(decide(false, true, true, AKMA_PROXY_NEVER));
}

static void
a_port_that_cannot_be_shared_is_opened_here(void **state G_GNUC_UNUSED)
{
    assert_false(akma_port_is_needed("/dev/null", NULL, AKMA_PROXY_ALWAYS));
}

static void
a_proxy_that_listens_is_seen(void **state G_GNUC_UNUSED)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *name = g_strdup_printf("akma-test-%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t len = g_strlcpy(address.sun_path + 1, name, sizeof address.sun_path - 1);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);

    if (getuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    assert_false(akma_port_is_needed("/dev/null", name, AKMA_PROXY_AUTO));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 2), 0);
    assert_true(akma_port_is_needed("/dev/null", name, AKMA_PROXY_AUTO));
    assert_false(akma_port_is_needed("/proc/nonexistent", name, AKMA_PROXY_AUTO));
    close(fd);
    assert_int_equal(seteuid(getuid()), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_helper_opens_what_a_proxy_may_hold),
        cmocka_unit_test(with_no_proxy_in_the_way_the_agent_opens_it),
        cmocka_unit_test(uid_0_speaks_to_the_proxy_itself),
        cmocka_unit_test(always_and_never_mean_that),
        cmocka_unit_test(a_port_that_cannot_be_shared_is_opened_here),
        cmocka_unit_test(a_proxy_that_listens_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
